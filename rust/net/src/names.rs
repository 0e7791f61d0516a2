//! Host names for datagrams, looked up in the background and cached for a while. (A connection looks up its name anew;
//! a game that sends sixty datagrams per second cannot.)

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::time::timeout;

use crate::limits::{NAME_FAILURE_LIFETIME, NAME_LIFETIME, NAME_LOOKUP_TIMEOUT};
use crate::resolver::{self, Answer};

/// Maximum number of cached names in the whole process.
const MAX_NAMES: usize = 256;

/// Maximum number of simultaneous lookups per socket. Further names wait, so that one socket cannot occupy all of the
/// resolver's threads.
const MAX_LOOKUPS: usize = 8;

/// The cached answer for a name, unless it has expired.
pub(crate) fn remembered(name: &str) -> Option<Answer> {
    cache().get(name, Instant::now())
}

/// The pending lookups of one socket.
#[derive(Default)]
pub(crate) struct Lookups {
    running: Vec<Running>,
    waiting: VecDeque<String>,
}

struct Running {
    name: String,
    answer: Pin<Box<dyn Future<Output = Answer> + Send>>,
}

impl Lookups {
    /// Starts the lookup of a name that is not being looked up yet.
    pub(crate) fn start(&mut self, name: &str) {
        self.waiting.push_back(name.to_owned());
    }

    /// The next name whose lookup has finished, with its answer. Pending if there is none.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<(String, Answer)> {
        while self.running.len() < MAX_LOOKUPS
            && let Some(name) = self.waiting.pop_front()
        {
            self.running.push(Running {
                answer: Box::pin(look_up(name.clone())),
                name,
            });
        }
        let ended = self.running.iter_mut().enumerate().find_map(|(index, running)| {
            let answer = running.answer.as_mut().poll(cx);
            if let Poll::Ready(answer) = answer {
                Some((index, answer))
            } else {
                None
            }
        });
        let Some((index, answer)) = ended else {
            return Poll::Pending;
        };
        let name = self.running.swap_remove(index).name;
        cache().put(&name, &answer, Instant::now());
        Poll::Ready((name, answer))
    }
}

async fn look_up(name: String) -> Answer {
    timeout(NAME_LOOKUP_TIMEOUT, resolver::look_up(&name))
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}

fn cache() -> MutexGuard<'static, NameCache> {
    static CACHE: LazyLock<Mutex<NameCache>> = LazyLock::new(Mutex::default);
    CACHE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers of recent lookups.
#[derive(Debug, Default)]
struct NameCache {
    entries: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    answer: Answer,
    expires: Instant,
}

impl NameCache {
    fn get(&self, name: &str, now: Instant) -> Option<Answer> {
        let entry = self.entries.get(name)?;
        (now < entry.expires).then(|| entry.answer.clone())
    }

    fn put(&mut self, name: &str, answer: &Answer, now: Instant) {
        if self.entries.len() >= MAX_NAMES && !self.entries.contains_key(name) {
            self.make_room(now);
        }
        let lifetime = if answer.is_ok() {
            NAME_LIFETIME
        } else {
            NAME_FAILURE_LIFETIME
        };
        let entry = Entry {
            answer: answer.clone(),
            expires: now + lifetime,
        };
        self.entries.insert(name.to_owned(), entry);
    }

    /// Removes expired entries or, if there are none, the one that expires first.
    fn make_room(&mut self, now: Instant) {
        self.entries.retain(|_, entry| now < entry.expires);
        if self.entries.len() >= MAX_NAMES {
            let first = self.entries.iter().min_by_key(|(_, entry)| entry.expires);
            if let Some(name) = first.map(|(name, _)| name.clone()) {
                self.entries.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use super::*;

    fn address(n: u8) -> Answer {
        Ok(vec![SocketAddr::from(([127, 0, 0, n], 0))].into())
    }

    #[test]
    fn a_name_is_forgotten_after_its_lifetime() {
        let (mut cache, now) = (NameCache::default(), Instant::now());
        cache.put("a", &address(1), now);
        let failure: Answer = Err(io::Error::from(io::ErrorKind::NotFound).into());
        cache.put("b", &failure, now);
        assert_eq!(
            cache.get("a", now + NAME_LIFETIME - Duration::from_nanos(1)),
            Some(address(1))
        );
        assert_eq!(cache.get("a", now + NAME_LIFETIME), None);
        assert_eq!(cache.get("b", now), Some(failure));
        assert_eq!(cache.get("b", now + NAME_FAILURE_LIFETIME), None);
    }

    #[test]
    fn the_number_of_names_is_bounded() {
        let (mut cache, now) = (NameCache::default(), Instant::now());
        for n in 0..2 * MAX_NAMES {
            cache.put(&format!("host{n}"), &address(1), now + Duration::from_nanos(n as u64));
        }
        assert_eq!(cache.entries.len(), MAX_NAMES);
        let last = format!("host{}", 2 * MAX_NAMES - 1);
        assert_eq!(cache.get(&last, now + Duration::from_secs(1)), Some(address(1)));
        assert_eq!(cache.get("host0", now), None);
        cache.put(&last, &address(2), now);
        assert_eq!(
            (cache.entries.len(), cache.get(&last, now)),
            (MAX_NAMES, Some(address(2)))
        );
    }
}
