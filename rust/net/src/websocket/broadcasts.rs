//! Broadcasts: frames on their way from the main thread to many clients.
//!
//! The main thread only appends a broadcast to a log, and the server's own task hands it to the clients, so that the
//! main thread does not pay the microsecond per client. Consecutive frames for the same clients share one block.
//! Everything sent to one client stays in order: before the main thread sends a client something else, it hands over
//! what the log still has for that client, and each client remembers how far it has been served.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::ClientId;
use super::client::Client;
use super::link::By;
use crate::budget::{Budget, Held};

/// Maximum size of a block that consecutive frames share, in bytes.
const COALESCE: usize = 16 * 1024;

/// Memory of a block besides its frames, in bytes, approximately.
const OVERHEAD: usize = 2 * size_of::<Block>();

/// Clients served before other tasks get a turn.
const CLIENTS_IN_A_ROW: usize = 256;

/// Which of the clients known to the main thread receive a broadcast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recipients {
    AllBut(HashSet<ClientId>),
    Only(HashSet<ClientId>),
}

impl Recipients {
    fn include(&self, id: ClientId) -> bool {
        match self {
            Self::AllBut(out) => out.is_empty() || !out.contains(&id),
            Self::Only(ids) => ids.contains(&id),
        }
    }
}

/// A broadcast that no longer changes.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    number: u64,
    frames: Bytes,
    to: Arc<Recipients>,
}

/// A block of frames that counts once against the server's memory, no matter how many clients hold it.
#[derive(Debug)]
struct Block {
    frames: Bytes,
    _held: Held,
}

impl AsRef<[u8]> for Block {
    fn as_ref(&self) -> &[u8] {
        &self.frames
    }
}

/// Wraps frames for several clients, so that they count only once.
pub(crate) fn shared(frames: Bytes, budget: &Arc<Budget>) -> Bytes {
    let _held = budget.hold(frames.len() + OVERHEAD);
    Bytes::from_owner(Block { frames, _held })
}

#[derive(Debug)]
pub(crate) struct Broadcasts {
    budget: Arc<Budget>,
    log: Mutex<Log>,
    /// Number of the newest entry. Only the main thread adds entries.
    newest: AtomicU64,
    /// All clients have been served up to this number.
    done: AtomicU64,
    /// Notified when the log has something for the server's task.
    added: Notify,
}

#[derive(Debug, Default)]
struct Log {
    sealed: VecDeque<Sealed>,
    /// The newest entry, while more frames may join it.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    number: u64,
    frames: BytesMut,
    to: Recipients,
}

impl Log {
    fn seal(&mut self, budget: &Arc<Budget>) {
        if let Some(Open { number, frames, to }) = self.open.take() {
            self.sealed.push_back(Sealed {
                number,
                frames: shared(frames.freeze(), budget),
                to: Arc::new(to),
            });
        }
    }
}

impl Broadcasts {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            log: Mutex::default(),
            newest: AtomicU64::new(0),
            done: AtomicU64::new(0),
            added: Notify::new(),
        }
    }

    /// Appends one frame to the log. Every recipient must have admitted it.
    pub(crate) fn add(&self, frame: &[u8], to: Recipients) {
        let mut log = self.log();
        match &mut log.open {
            Some(open) if open.to == to && open.frames.len() + frame.len() <= COALESCE => {
                open.frames.extend_from_slice(frame);
            }
            _ => {
                log.seal(&self.budget);
                let number = self.newest.fetch_add(1, Ordering::AcqRel) + 1;
                let frames = BytesMut::from(frame);
                log.open = Some(Open { number, frames, to });
            }
        }
    }

    /// Makes the server's task look at the log.
    pub(crate) fn notify(&self) {
        self.added.notify_one();
    }

    /// Registers a client that the main thread has just learned of. It receives what is broadcast from now on.
    pub(crate) fn join(&self, client: &Client) {
        if self.is_pending() {
            self.log().seal(&self.budget);
        }
        *served(client) = self.newest.load(Ordering::Acquire);
    }

    /// Hands a client what the log has for it, before something else is sent to it. Returns whether the client must be
    /// woken.
    pub(crate) fn catch_up(&self, client: &Client, by: By) -> bool {
        if !self.is_pending() {
            return false;
        }
        let mut log = self.log();
        log.seal(&self.budget);
        serve(client, log.sealed.make_contiguous(), by)
    }

    fn is_pending(&self) -> bool {
        self.newest.load(Ordering::Acquire) != self.done.load(Ordering::Acquire)
    }

    /// Waits until there is something to hand out.
    pub(crate) async fn added(&self) {
        self.added.notified().await;
    }

    /// Hands out everything in the log. `everybody` returns the current clients.
    pub(crate) async fn hand_out(&self, everybody: impl Fn() -> Vec<Arc<Client>>) {
        while self.is_pending() {
            let entries = {
                let mut log = self.log();
                log.seal(&self.budget);
                Vec::from(log.sealed.clone())
            };
            let Some(last) = entries.last().map(|entry| entry.number) else {
                return;
            };
            for some in everybody().chunks(CLIENTS_IN_A_ROW) {
                for client in some {
                    if serve(client, &entries, By::Task) {
                        client.link.wake();
                    }
                }
                yield_now().await;
            }
            self.log().sealed.retain(|entry| entry.number > last);
            self.done.store(last, Ordering::Release);
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Queues the broadcasts in the log that are meant for this client and new to it, each of which was admitted. Returns
/// whether the task must be woken.
fn serve(client: &Client, log: &[Sealed], by: By) -> bool {
    let mut served = served(client);
    let new = log.iter().filter(|entry| entry.number > *served);
    let for_client = new.filter(|entry| entry.to.include(client.id));
    let must_wake = client.link.send_shared(by, for_client.map(|entry| &entry.frames));
    if let Some(last) = log.last() {
        *served = last.number.max(*served);
    }
    must_wake
}

fn served(client: &Client) -> MutexGuard<'_, u64> {
    client.served.lock().unwrap_or_else(PoisonError::into_inner)
}
