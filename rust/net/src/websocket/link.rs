//! What the main thread and one connection's task share: commands one way, messages the other.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;

use super::frame::{Kind, encode, frame_len};
use super::messages::Messages;
use crate::budget::{Account, Share};
use crate::command::WebSocketCommand;
use crate::error::SendError;

/// Small messages in a row share one block of at most this size.
const COALESCE: usize = 16 * 1024;

/// What a new block has room for at least.
const MIN_BLOCK: usize = 256;

/// No latency was measured yet.
const NO_LATENCY: u32 = u32::MAX;

/// The state shared by the main thread and the task of one connection.
#[derive(Debug)]
pub(crate) struct Link {
    outbox: Mutex<Vec<WebSocketCommand>>,
    /// Bytes of frames accepted and not yet handed to the system.
    pending: AtomicUsize,
    /// A close was asked for, or the connection is over: nothing is taken any more.
    closed: AtomicBool,
    inbox: Mutex<Inbox>,
    /// The time from the last answered ping to its pong, in microseconds.
    latency: AtomicU32,
    /// A heartbeat is due.
    beat: AtomicBool,
    /// It holds too much of the server's memory.
    shed: AtomicBool,
    memory: Share,
    task: AtomicWaker,
}

#[derive(Debug, Default)]
struct Inbox {
    messages: Messages,
    /// The mailbox holds a note that there are messages.
    noted: bool,
    /// The task waits until the messages are taken.
    task_waits: bool,
}

impl Link {
    /// A link of a new connection, which holds `memory`.
    pub(crate) fn new(memory: Share) -> Self {
        Self {
            outbox: Mutex::default(),
            pending: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            inbox: Mutex::default(),
            latency: AtomicU32::new(NO_LATENCY),
            beat: AtomicBool::new(false),
            shed: AtomicBool::new(false),
            memory,
            task: AtomicWaker::new(),
        }
    }

    /// Counts `len` bytes as pending, unless more than `limit` would be then. Only the main thread calls this, so between
    /// the check and the addition the number can only fall.
    pub(crate) fn admit(&self, len: usize, limit: usize) -> Result<(), SendError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(SendError::Closed);
        }
        if self.pending().saturating_add(len) > limit {
            return Err(SendError::Full);
        }
        self.pending.fetch_add(len, Ordering::AcqRel);
        Ok(())
    }

    /// Queues one message whose frame was admitted. Says whether the task must be woken.
    pub(crate) fn send(&self, kind: Kind, payload: &[u8]) -> bool {
        let len = frame_len(payload.len());
        self.queue(len, |commands| {
            let (before, after) = append(commands, len, |block| encode(kind, payload, block));
            self.account().charge(after - before);
        })
    }

    /// Queues frames that other clients get too, each of which was admitted. Returns whether the task must be woken.
    pub(crate) fn send_shared<'a>(&self, frames: impl IntoIterator<Item = &'a Bytes>) -> bool {
        let mut outbox = self.outbox();
        if self.closed.load(Ordering::Acquire) {
            drop(outbox);
            self.settle(frames.into_iter().map(Bytes::len).sum());
            return false;
        }
        let was_empty = outbox.is_empty();
        for frame in frames {
            self.account().share(frame.len());
            outbox.push(WebSocketCommand::Shared(frame.clone()));
        }
        was_empty && !outbox.is_empty()
    }

    /// Queues a ping of at most 125 bytes whose frame was admitted, and wakes the task.
    pub(crate) fn ping(&self, payload: Bytes) {
        self.queue(frame_len(payload.len()), |commands| {
            commands.push(WebSocketCommand::Ping(payload))
        });
        self.wake();
    }

    fn queue(&self, len: usize, put: impl FnOnce(&mut Vec<WebSocketCommand>)) -> bool {
        let mut outbox = self.outbox();
        // It may have been closed since the bytes were admitted.
        if self.closed.load(Ordering::Acquire) {
            drop(outbox);
            self.settle(len);
            return false;
        }
        let was_empty = outbox.is_empty();
        put(&mut outbox);
        was_empty
    }

    /// Queues a close and wakes the task; says whether it is the first.
    pub(crate) fn close(&self, command: WebSocketCommand) -> bool {
        let mut outbox = self.outbox();
        let first = !self.closed.swap(true, Ordering::AcqRel);
        if first {
            outbox.push(command);
        }
        drop(outbox);
        self.wake();
        first
    }

    /// Takes all commands that wait.
    pub(crate) fn take_commands(&self) -> Vec<WebSocketCommand> {
        std::mem::take(&mut *self.outbox())
    }

    /// The connection is closing or over: nothing is taken any more, and what waits is dropped.
    pub(crate) fn refuse_commands(&self) {
        let mut outbox = self.outbox();
        self.closed.store(true, Ordering::Release);
        for command in std::mem::take(&mut *outbox) {
            match command {
                WebSocketCommand::Frames(frames) => self.account().release(frames.capacity()),
                WebSocketCommand::Shared(frame) => self.account().unshare(frame.len()),
                _ => {}
            }
        }
    }

    /// What it holds of the server's memory.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.memory.0
    }

    /// Asks the task to end the connection, as it holds too much memory.
    pub(crate) fn shed(&self) {
        self.shed.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether it is to go because it holds too much; asked once.
    pub(crate) fn take_shed(&self) -> bool {
        self.shed.load(Ordering::Acquire) && self.shed.swap(false, Ordering::AcqRel)
    }

    /// Bytes of frames accepted and not yet handed to the system.
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::Acquire)
    }

    /// So many bytes were handed to the system, or dropped.
    pub(crate) fn settle(&self, bytes: usize) {
        // At the connection's end the number was set to 0, while a broadcast may still be on its way.
        let fewer = |pending: usize| Some(pending.saturating_sub(bytes));
        let _ = self.pending.fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer);
    }

    /// The connection is over: nothing waits any more, and no memory is held.
    pub(crate) fn settle_all(&self) {
        self.pending.store(0, Ordering::Release);
        self.account().close();
    }

    /// Hands messages over; says whether the main thread must be told.
    pub(crate) fn deliver(&self, messages: Messages) -> bool {
        let mut inbox = self.inbox();
        inbox.messages.append(messages);
        !std::mem::replace(&mut inbox.noted, true)
    }

    /// What waits for the main thread, as it counts against the limits. If that is over `limit`, the task is woken when
    /// it has been taken.
    pub(crate) fn is_over(&self, limit: usize) -> bool {
        let mut inbox = self.inbox();
        inbox.task_waits = inbox.messages.weight() >= limit.max(1);
        inbox.task_waits
    }

    /// Takes all messages that wait. Returns with them whether the task waits for this and must be woken.
    pub(crate) fn take_messages(&self) -> (Messages, bool) {
        let mut inbox = self.inbox();
        inbox.noted = false;
        let messages = std::mem::take(&mut inbox.messages);
        (messages, std::mem::take(&mut inbox.task_waits))
    }

    /// The time from the last answered ping to its pong.
    pub(crate) fn latency(&self) -> Option<Duration> {
        match self.latency.load(Ordering::Relaxed) {
            NO_LATENCY => None,
            micros => Some(Duration::from_micros(micros.into())),
        }
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        let micros = u32::try_from(latency.as_micros()).unwrap_or(NO_LATENCY - 1);
        self.latency.store(micros.min(NO_LATENCY - 1), Ordering::Relaxed);
    }

    /// Says that a heartbeat is due.
    pub(crate) fn beat(&self) {
        self.beat.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether a heartbeat is due; asked once.
    pub(crate) fn take_beat(&self) -> bool {
        self.beat.load(Ordering::Acquire) && self.beat.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn wake(&self) {
        self.task.wake();
    }

    /// Whom [`Self::wake`] wakes. To be called before looking for commands or room.
    pub(crate) fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    fn outbox(&self) -> MutexGuard<'_, Vec<WebSocketCommand>> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets `write` append `len` bytes to the last block, or to a new one if that would get too long. Gives what that block
/// took before and what it takes now.
fn append(commands: &mut Vec<WebSocketCommand>, len: usize, write: impl FnOnce(&mut Vec<u8>)) -> (usize, usize) {
    match commands.last_mut() {
        Some(WebSocketCommand::Frames(block)) if block.len() + len <= COALESCE => {
            let before = block.capacity();
            write(block);
            (before, block.capacity())
        }
        _ => {
            let mut block = Vec::with_capacity(len.max(MIN_BLOCK));
            write(&mut block);
            let after = block.capacity();
            commands.push(WebSocketCommand::Frames(block));
            (0, after)
        }
    }
}
