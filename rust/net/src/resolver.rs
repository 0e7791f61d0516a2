//! Name lookups by the system's resolver, which blocks, on a few dedicated threads.
//!
//! A resolver whose server does not answer blocks its thread for half a minute or longer. Therefore lookups do not use
//! the runtime's threads; requests for a name that is being looked up share that lookup, so that an unresponsive name
//! occupies only one thread; and names that need no network ([`is_local`]) never wait behind others.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::sync::watch;

/// Maximum number of simultaneous lookups in the whole process; further ones wait in order.
const MAX_LOOKUPS: usize = 16;

/// The same for names that need no network.
const MAX_LOCAL_LOOKUPS: usize = 2;

/// Maximum number of addresses kept per name.
const MAX_ADDRESSES: usize = 64;

/// The addresses of a name (with port 0), at least one and best first, or the error.
pub(crate) type Answer = Result<Arc<[SocketAddr]>, LookupError>;

/// A cloneable [`io::Error`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LookupError {
    kind: io::ErrorKind,
    message: String,
}

impl From<io::Error> for LookupError {
    fn from(error: io::Error) -> Self {
        Self {
            kind: error.kind(),
            message: error.to_string(),
        }
    }
}

impl From<LookupError> for io::Error {
    fn from(error: LookupError) -> Self {
        Self::new(error.kind, error.message)
    }
}

static NETWORK: LazyLock<Pool> = LazyLock::new(|| Pool::new(MAX_LOOKUPS, system));
static LOCAL: LazyLock<Pool> = LazyLock::new(|| Pool::new(MAX_LOCAL_LOOKUPS, system));

/// Looks up a name. Has no time limit of its own; dropping the future abandons a lookup that has not started.
pub(crate) async fn look_up(name: &str) -> Answer {
    let pool = if is_local(name) { &LOCAL } else { &NETWORK };
    pool.look_up(name).await
}

/// Waits at most until `deadline` for the threads of all lookups to end, and returns whether they have. There must be
/// no more lookups by then.
pub(crate) fn join(deadline: Instant) -> bool {
    let (network, local) = (NETWORK.join(deadline), LOCAL.join(deadline));
    network && local
}

/// Returns whether the system resolves the name without the network: `localhost` and the names below it (RFC 6761
/// section 6.3), or an IPv6 address with a named zone (RFC 4007 section 11).
fn is_local(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or_default();
    name.contains(':') || last.eq_ignore_ascii_case("localhost")
}

fn system(name: &str) -> io::Result<Vec<SocketAddr>> {
    Ok((name, 0).to_socket_addrs()?.take(MAX_ADDRESSES).collect())
}

type Resolve = Box<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// A pool of threads and its queue of lookups. A thread ends when nothing is left to do.
struct Pool(Arc<Inner>);

struct Inner {
    max_threads: usize,
    resolve: Resolve,
    state: Mutex<State>,
    idle: Condvar,
}

#[derive(Default)]
struct State {
    /// Queued and running lookups. One without receivers is abandoned.
    lookups: HashMap<Arc<str>, watch::Sender<Option<Answer>>>,
    /// Queued lookups.
    queue: VecDeque<Arc<str>>,
    /// Number of threads that will check the queue again.
    threads: usize,
    handles: Vec<JoinHandle<()>>,
}

impl Pool {
    fn new(max_threads: usize, resolve: impl Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Inner {
            max_threads,
            resolve: Box::new(resolve),
            state: Mutex::default(),
            idle: Condvar::new(),
        }))
    }

    async fn look_up(&self, name: &str) -> Answer {
        let mut answer = self.ask(name)?;
        let answered = answer.wait_for(Option::is_some).await;
        match answered.as_deref() {
            Ok(Some(answer)) => answer.clone(),
            _ => Err(io::Error::other("the lookup was given up").into()),
        }
    }

    fn ask(&self, name: &str) -> io::Result<watch::Receiver<Option<Answer>>> {
        let mut state = self.0.state();
        if let Some(lookup) = state.lookups.get(name) {
            return Ok(lookup.subscribe());
        }
        if state.threads < self.0.max_threads {
            state.handles.retain(|handle| !handle.is_finished());
            let inner = self.0.clone();
            let started = thread::Builder::new()
                .name("async_sockets_dns".to_owned())
                .spawn(move || inner.work());
            match started {
                Ok(handle) => {
                    state.threads += 1;
                    state.handles.push(handle);
                }
                Err(error) if state.threads == 0 => return Err(error),
                // The running threads will get to it.
                Err(_) => {}
            }
        }
        Ok(state.add(name))
    }

    fn join(&self, deadline: Instant) -> bool {
        let mut state = self.0.state();
        while state.threads > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.0.idle.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let handles = std::mem::take(&mut state.handles);
        drop(state);
        // They are past their last lookup and about to end.
        handles.into_iter().for_each(|handle| drop(handle.join()));
        true
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The main loop of a thread.
    fn work(&self) {
        while let Some(name) = self.next() {
            let found = catch_unwind(AssertUnwindSafe(|| (self.resolve)(&name)));
            let answer = match found {
                Ok(Ok(addresses)) if addresses.is_empty() => {
                    Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into())
                }
                Ok(found) => found.map(Arc::from).map_err(LookupError::from),
                Err(_) => Err(io::Error::other("the lookup panicked").into()),
            };
            let lookup = self.state().lookups.remove(&name);
            // Outside of the lock, since it wakes tasks.
            if let Some(lookup) = lookup {
                lookup.send_replace(Some(answer));
            }
        }
    }

    fn next(&self) -> Option<Arc<str>> {
        let mut state = self.state();
        let next = state.next();
        if next.is_none() {
            state.threads -= 1;
            self.idle.notify_all();
        }
        next
    }
}

impl State {
    fn add(&mut self, name: &str) -> watch::Receiver<Option<Answer>> {
        // Only when the queue would grow, which keeps the cost per lookup low.
        if self.queue.len() == self.queue.capacity() {
            let lookups = &mut self.lookups;
            self.queue.retain(|name| !is_abandoned(lookups, name));
        }
        let name: Arc<str> = name.into();
        let (sender, receiver) = watch::channel(None);
        self.lookups.insert(name.clone(), sender);
        self.queue.push_back(name);
        receiver
    }

    fn next(&mut self) -> Option<Arc<str>> {
        loop {
            let name = self.queue.pop_front()?;
            if !is_abandoned(&mut self.lookups, &name) {
                return Some(name);
            }
        }
    }
}

/// Returns whether the lookup has no receivers left, and removes it in that case.
fn is_abandoned(lookups: &mut HashMap<Arc<str>, watch::Sender<Option<Answer>>>, name: &Arc<str>) -> bool {
    let is_wanted = lookups.get(name).is_some_and(|lookup| !lookup.is_closed());
    if !is_wanted {
        lookups.remove(name);
    }
    !is_wanted
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;

    /// Maximum wait of a test.
    const LIMIT: Duration = Duration::from_secs(30);

    /// A resolver that hangs for every name that contains `hang` until released, and resolves all other names.
    #[derive(Default)]
    struct Double {
        state: Mutex<(Vec<String>, bool)>,
        changed: Condvar,
    }

    impl Double {
        fn pool(max_threads: usize) -> (Arc<Self>, Pool) {
            let double = Arc::<Self>::default();
            let resolve = double.clone();
            (double, Pool::new(max_threads, move |name| resolve.resolve(name)))
        }

        fn resolve(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
            let mut state = self.state.lock().expect("no panic");
            state.0.push(name.to_owned());
            self.changed.notify_all();
            if name.contains("hang") {
                let waited = self.changed.wait_timeout_while(state, LIMIT, |state| !state.1);
                assert!(!waited.expect("no panic").1.timed_out(), "never let go");
            }
            match name {
                "nowhere" => Ok(Vec::new()),
                "unknown" => Err(io::ErrorKind::NotFound.into()),
                _ => Ok(addresses().to_vec()),
            }
        }

        /// Waits until `count` lookups have started, and returns the names of all that have, in order.
        fn begun(&self, count: usize) -> Vec<String> {
            let state = self.state.lock().expect("no panic");
            let waited = self
                .changed
                .wait_timeout_while(state, LIMIT, |state| state.0.len() < count);
            let (state, timeout) = waited.expect("no panic");
            assert!(!timeout.timed_out(), "only {:?} began", state.0);
            state.0.clone()
        }

        fn let_go(&self) {
            self.state.lock().expect("no panic").1 = true;
            self.changed.notify_all();
        }
    }

    fn addresses() -> Arc<[SocketAddr]> {
        vec![SocketAddr::from(([127, 0, 0, 1], 0))].into()
    }

    type Asked<'a> = Pin<Box<dyn Future<Output = Answer> + 'a>>;

    /// Starts to wait for a name.
    fn ask<'a>(pool: &'a Pool, name: &'a str) -> Asked<'a> {
        let mut asked: Asked<'a> = Box::pin(pool.look_up(name));
        assert!(is_pending(&mut asked), "{name}");
        asked
    }

    fn is_pending(asked: &mut Asked<'_>) -> bool {
        asked
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    }

    fn wait<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let future = pin!(future);
        let answer = runtime
            .expect("a runtime")
            .block_on(async { tokio::time::timeout(LIMIT, future).await });
        answer.expect("an answer in time")
    }

    #[test]
    fn a_name_that_hangs_holds_one_thread_however_many_ask() {
        let (double, pool) = Double::pool(2);
        let asked: Vec<_> = (0..200).map(|_| ask(&pool, "hang")).collect();
        double.begun(1);
        for name in ["a", "b", "c"] {
            assert_eq!(wait(pool.look_up(name)), Ok(addresses()));
        }
        assert_eq!(double.begun(4), ["hang", "a", "b", "c"]);
        double.let_go();
        for asked in asked {
            assert_eq!(wait(asked), Ok(addresses()));
        }
        assert_eq!(double.begun(4).len(), 4);
    }

    #[test]
    fn over_the_bound_names_wait_in_order() {
        let names: Vec<_> = (0..70).map(|n| format!("later{n}")).collect();
        let (double, pool) = Double::pool(1);
        let mut hanging = ask(&pool, "hang");
        assert_eq!(double.begun(1), ["hang"]);
        let mut waiting: Vec<_> = names.iter().map(|name| ask(&pool, name)).collect();
        assert!(is_pending(&mut hanging) && waiting.iter_mut().all(is_pending));
        double.let_go();
        for asked in std::iter::once(hanging).chain(waiting) {
            assert_eq!(wait(asked), Ok(addresses()));
        }
        assert_eq!(double.begun(71)[1..], names);
    }

    #[test]
    fn no_more_than_the_bound_run_at_once() {
        let (double, pool) = Double::pool(3);
        let names: Vec<_> = (0..50).map(|n| format!("hang{n}")).collect();
        let asked: Vec<_> = names.iter().map(|name| ask(&pool, name)).collect();
        assert_eq!(double.begun(3).len(), 3);
        let state = pool.0.state();
        assert_eq!((state.threads, state.handles.len(), state.queue.len()), (3, 3, 47));
        drop(state);
        double.let_go();
        for asked in asked {
            assert_eq!(wait(asked), Ok(addresses()));
        }
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_forgotten() {
        let (double, pool) = Double::pool(1);
        let hanging = ask(&pool, "hang");
        double.begun(1);
        for n in 0..10_000 {
            drop(ask(&pool, &format!("given up {n}")));
        }
        let state = pool.0.state();
        assert!(
            state.lookups.len() < 64 && state.queue.len() < 64,
            "{}",
            state.queue.len()
        );
        drop(state);
        let last = ask(&pool, "last");
        double.let_go();
        assert_eq!((wait(hanging), wait(last)), (Ok(addresses()), Ok(addresses())));
        assert_eq!(double.begun(2), ["hang", "last"]);
    }

    #[test]
    fn the_threads_are_joined_unless_one_hangs() {
        let (double, pool) = Double::pool(4);
        assert!(pool.join(Instant::now()), "none has begun");
        assert_eq!(wait(pool.look_up("a")), Ok(addresses()));
        assert!(pool.join(Instant::now() + LIMIT));
        let hanging = ask(&pool, "hang");
        double.begun(2);
        drop(hanging);
        assert!(!pool.join(Instant::now()));
        // Other lookups work meanwhile, and afterwards.
        assert_eq!(wait(pool.look_up("b")), Ok(addresses()));
        double.let_go();
        assert!(pool.join(Instant::now() + LIMIT));
        assert_eq!(wait(pool.look_up("c")), Ok(addresses()));
        assert!(pool.join(Instant::now() + LIMIT));
        assert_eq!(pool.0.state().lookups.len(), 0);
    }

    #[test]
    fn a_name_without_an_address_is_an_error() {
        let (_double, pool) = Double::pool(1);
        for name in ["nowhere", "unknown"] {
            let error: io::Error = wait(pool.look_up(name)).expect_err("no address").into();
            assert_eq!(error.kind(), io::ErrorKind::NotFound);
        }
        let pool = Pool::new(1, |_| panic!("on purpose"));
        assert!(wait(pool.look_up("a")).is_err());
        assert!(wait(pool.look_up("b")).is_err());
        assert!(pool.join(Instant::now() + LIMIT));
    }

    #[test]
    fn what_needs_no_network_is_known() {
        for name in ["localhost", "LocalHost", "localhost.", "game.localhost", "fe80::1%eth0"] {
            assert!(is_local(name), "{name}");
        }
        for name in ["", "example.org", "localhost.example.org", "notlocalhost", "127.1"] {
            assert!(!is_local(name), "{name}");
        }
    }
}
