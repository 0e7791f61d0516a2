//! Frames for everybody, on their way from the main thread to a thousand clients.
//!
//! The main thread only writes a broadcast into a log, and the server's own task hands it to the clients: what costs a
//! microsecond per client is not the main thread's. Frames in a row for the same clients share one block. The order
//! among all that one client is sent is kept: whoever sends to a client first hands it what the log still has for it,
//! and each client remembers how far it has been served.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;
use tokio::task::yield_now;

use super::ClientId;
use super::client::Client;
use crate::budget::{Budget, Held};

/// Frames in a row share a block of at most this size.
const COALESCE: usize = 16 * 1024;

/// So many clients are served before other tasks get their turn.
const CLIENTS_IN_A_ROW: usize = 256;

/// Who gets a broadcast, of the clients that the main thread knew.
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

/// A broadcast that will not change any more.
#[derive(Debug, Clone)]
pub(crate) struct Sealed {
    number: u64,
    frames: Bytes,
    to: Arc<Recipients>,
}

/// A block of frames that counts once against the server's memory, however many clients hold it.
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

/// Frames for several clients.
pub(crate) fn shared(frames: Bytes, budget: &Arc<Budget>) -> Bytes {
    let _held = budget.hold(frames.len());
    Bytes::from_owner(Block { frames, _held })
}

#[derive(Debug)]
pub(crate) struct Broadcasts {
    budget: Arc<Budget>,
    log: Mutex<Log>,
    /// The number of the newest entry; only the main thread adds one.
    newest: AtomicU64,
    /// All clients have been served up to this number.
    done: AtomicU64,
    /// The log has something for the server's task.
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

    /// Writes one frame into the log; every recipient has been asked whether it has room.
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

    /// Has the server's task look at the log.
    pub(crate) fn notify(&self) {
        self.added.notify_one();
    }

    /// A client that the main thread has just heard of gets what is broadcast from now on.
    pub(crate) fn join(&self, client: &Client) {
        if self.is_pending() {
            self.log().seal(&self.budget);
        }
        *served(client) = self.newest.load(Ordering::Acquire);
    }

    /// Hands a client what the log has for it, before the main thread sends it something else. Says whether the client
    /// must be woken.
    pub(crate) fn catch_up(&self, client: &Client) -> bool {
        if !self.is_pending() {
            return false;
        }
        let mut log = self.log();
        log.seal(&self.budget);
        serve(client, log.sealed.make_contiguous())
    }

    fn is_pending(&self) -> bool {
        self.newest.load(Ordering::Acquire) != self.done.load(Ordering::Acquire)
    }

    /// Waits until there is something to hand out.
    pub(crate) async fn added(&self) {
        self.added.notified().await;
    }

    /// Hands out all that the log has. `everybody` gives the clients there are.
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
                    if serve(client, &entries) {
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

/// Queues the broadcasts of the log that are for this client and new to it. Each was admitted. Returns whether the task
/// must be woken.
fn serve(client: &Client, log: &[Sealed]) -> bool {
    let mut served = served(client);
    let new = log.iter().filter(|entry| entry.number > *served);
    let for_client = new.filter(|entry| entry.to.include(client.id));
    let must_wake = client.link.send_shared(for_client.map(|entry| &entry.frames));
    if let Some(last) = log.last() {
        *served = last.number.max(*served);
    }
    must_wake
}

fn served(client: &Client) -> MutexGuard<'_, u64> {
    client.served.lock().unwrap_or_else(PoisonError::into_inner)
}
