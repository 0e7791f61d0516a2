//! The state that the main thread and one connection's task share: commands one way, messages the other. Commands come
//! from the tasks of other clients too, for what these send each other.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::frame::{Kind, encode_parts, frame_len};
use super::messages::Messages;
use crate::budget::{Account, Share};
use crate::command::WebSocketCommand;
use crate::error::SendError;
use crate::wakes;

/// Maximum size of a block that consecutive small messages share, in bytes.
const COALESCE: usize = 16 * 1024;

/// Minimum size of a frame that is shared with other clients, in bytes. A smaller one is copied faster than shared, and
/// the copy takes less memory than the place for a shared one.
const SHARED: usize = 64;

/// Number of waiting commands whose places do not count as memory.
const FREE_PLACES: usize = 32;

/// Minimum capacity of a new block, in bytes.
const MIN_BLOCK: usize = 256;

/// No latency has been measured yet.
const NO_LATENCY: u32 = u32::MAX;

/// The other side of a connection in which this side has `role`, in words.
pub(crate) fn peer_of(role: Role) -> &'static str {
    match role {
        Role::Server => "client",
        Role::Client => "server",
    }
}

/// Who queues something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// The main thread, which wakes the task for all that it queues in a row, perhaps at the end of its frame.
    Main,
    /// A task of the runtime, which wakes the task soon.
    Task,
}

/// The state shared by the main thread and the task of one connection.
#[derive(Debug)]
pub(crate) struct Link {
    /// This side's role, which decides whether it masks its frames (RFC 6455 section 5.1).
    role: Role,
    outbox: Mutex<Outbox>,
    gate: Gate,
    inbox: Mutex<Inbox>,
    /// The time from the last answered ping to its pong, in microseconds.
    latency: AtomicU32,
    /// Whether a heartbeat is due.
    beat: AtomicBool,
    /// Whether the connection is to be shed, because it holds too much of the server's memory.
    shed: AtomicBool,
    memory: Share,
    task: AtomicWaker,
}

/// What decides whether a frame is accepted, on one cache line: a message to hundreds of clients asks each of them.
#[derive(Debug, Default)]
#[repr(align(16))]
struct Gate {
    /// Number of bytes of frames accepted but not yet handed to the system.
    pending: AtomicUsize,
    /// Whether a close was requested or the connection is over; nothing more is accepted then.
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Outbox {
    commands: Vec<WebSocketCommand>,
    /// Whether another task has woken the connection's for them, or is about to.
    is_woken: bool,
}

#[derive(Debug, Default)]
struct Inbox {
    messages: Messages,
    /// Whether the mailbox holds a note about waiting messages.
    noted: bool,
    /// Whether the task waits until the messages are taken.
    task_waits: bool,
    /// Whether it waits in any case.
    paused: bool,
}

impl Link {
    /// Creates the link of a new connection. `role` is this side's. The memory is counted by `memory`.
    pub(crate) fn new(role: Role, memory: Share) -> Self {
        Self {
            role,
            outbox: Mutex::default(),
            gate: Gate::default(),
            inbox: Mutex::default(),
            latency: AtomicU32::new(NO_LATENCY),
            beat: AtomicBool::new(false),
            shed: AtomicBool::new(false),
            memory,
            task: AtomicWaker::new(),
        }
    }

    /// This side's role.
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// The other side in words.
    pub(crate) fn peer(&self) -> &'static str {
        peer_of(self.role)
    }

    /// Length of a frame of this side with a payload of this length, in bytes.
    pub(crate) fn frame_len(&self, payload: usize) -> usize {
        frame_len(self.role, payload)
    }

    /// Counts `len` bytes as pending, unless that would exceed `limit`.
    pub(crate) fn admit(&self, len: usize, limit: usize) -> Result<(), SendError> {
        if self.gate.closed.load(Ordering::Acquire) {
            return Err(SendError::Closed);
        }
        let more = |pending: usize| pending.checked_add(len).filter(|sum| *sum <= limit);
        match self
            .gate
            .pending
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, more)
        {
            Ok(_) => Ok(()),
            Err(_) => Err(SendError::Full),
        }
    }

    /// Queues one message whose frame was admitted. Returns whether the task must be woken.
    pub(crate) fn send(&self, kind: Kind, payload: &[u8]) -> bool {
        self.send_parts(By::Main, kind, payload, &[])
    }

    /// Like [`Self::send`], for a payload in two parts.
    pub(crate) fn send_parts(&self, by: By, kind: Kind, head: &[u8], body: &[u8]) -> bool {
        let len = self.frame_len(head.len() + body.len());
        self.queue(by, len, |commands| {
            self.append(commands, len, |block| {
                encode_parts(self.role, kind, [head, body], block);
            });
        })
    }

    /// Queues frames that are the same for other clients, and shared with them unless they are small, each of which was
    /// admitted. Returns whether the task must be woken.
    pub(crate) fn send_shared<'a>(&self, by: By, frames: impl IntoIterator<Item = &'a Bytes>) -> bool {
        let mut outbox = self.outbox();
        if self.gate.closed.load(Ordering::Acquire) {
            drop(outbox);
            self.settle(frames.into_iter().map(Bytes::len).sum());
            return false;
        }
        let mut frames = frames.into_iter().peekable();
        let must_wake = frames.peek().is_some() && outbox.must_wake(by);
        for frame in frames {
            self.put(&mut outbox, |commands| {
                if frame.len() < SHARED {
                    self.append(commands, frame.len(), |block| block.extend_from_slice(frame));
                } else {
                    self.account().share(frame.len());
                    commands.push(WebSocketCommand::Shared(frame.clone()));
                }
            });
        }
        must_wake
    }

    /// Lets `write` append a frame of `len` bytes to the last block, or to a new one.
    fn append(&self, commands: &mut Vec<WebSocketCommand>, len: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let (before, after) = append(commands, len, write);
        self.account().charge(after - before);
    }

    /// Queues a ping of at most 125 bytes whose frame was admitted, and wakes the task.
    pub(crate) fn ping(&self, payload: Bytes) {
        self.queue(By::Main, self.frame_len(payload.len()), |commands| {
            commands.push(WebSocketCommand::Ping(payload))
        });
        self.wake();
    }

    /// Queues a command that weighs nothing. Returns whether the task must be woken.
    pub(crate) fn command(&self, command: WebSocketCommand) -> bool {
        self.queue(By::Main, 0, |commands| commands.push(command))
    }

    fn queue(&self, by: By, len: usize, put: impl FnOnce(&mut Vec<WebSocketCommand>)) -> bool {
        let mut outbox = self.outbox();
        // The link may have been closed since the bytes were admitted.
        if self.gate.closed.load(Ordering::Acquire) {
            drop(outbox);
            self.settle(len);
            return false;
        }
        let must_wake = outbox.must_wake(by);
        self.put(&mut outbox, put);
        must_wake
    }

    /// Queues commands, and counts the places for them.
    fn put(&self, outbox: &mut Outbox, put: impl FnOnce(&mut Vec<WebSocketCommand>)) {
        let before = places(&outbox.commands);
        put(&mut outbox.commands);
        self.account().charge(places(&outbox.commands) - before);
    }

    /// Queues a close and wakes the task. Returns whether the link was still open.
    pub(crate) fn close(&self, command: WebSocketCommand) -> bool {
        let mut outbox = self.outbox();
        let first = !self.gate.closed.swap(true, Ordering::AcqRel);
        if first {
            outbox.commands.push(command);
        }
        drop(outbox);
        self.wake();
        first
    }

    /// Takes all waiting commands.
    pub(crate) fn take_commands(&self) -> Vec<WebSocketCommand> {
        let commands = self.outbox().take();
        self.free_places(&commands);
        commands
    }

    fn free_places(&self, commands: &Vec<WebSocketCommand>) {
        let places = places(commands);
        if places > 0 {
            self.account().release(places);
        }
    }

    /// Accepts no more commands, as the connection is closing or over, and drops the waiting ones.
    pub(crate) fn refuse_commands(&self) {
        let mut outbox = self.outbox();
        self.gate.closed.store(true, Ordering::Release);
        let commands = outbox.take();
        self.free_places(&commands);
        for command in commands {
            match command {
                WebSocketCommand::Frames(frames) => self.account().release(frames.capacity()),
                WebSocketCommand::Shared(frame) => self.account().unshare(frame.len()),
                _ => {}
            }
        }
    }

    /// The connection's account of the server's memory.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.memory.0
    }

    /// Makes the task end the connection, because it holds too much memory.
    pub(crate) fn shed(&self) {
        self.shed.store(true, Ordering::Release);
        self.wake();
    }

    /// Returns whether the connection is to be shed, and clears the request.
    pub(crate) fn take_shed(&self) -> bool {
        self.shed.load(Ordering::Acquire) && self.shed.swap(false, Ordering::AcqRel)
    }

    /// Number of bytes of frames accepted but not yet handed to the system.
    pub(crate) fn pending(&self) -> usize {
        self.gate.pending.load(Ordering::Acquire)
    }

    /// Notes that this many bytes were handed to the system, or dropped.
    pub(crate) fn settle(&self, bytes: usize) {
        // The end of the connection sets the number to 0, while a broadcast may still be in flight.
        let fewer = |pending: usize| Some(pending.saturating_sub(bytes));
        let _ = self
            .gate
            .pending
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fewer);
    }

    /// Settles everything when the connection is over: nothing is pending any more, and no memory is held.
    pub(crate) fn settle_all(&self) {
        self.gate.pending.store(0, Ordering::Release);
        self.account().close();
    }

    /// Hands messages over. Returns whether the main thread must be notified.
    pub(crate) fn deliver(&self, messages: Messages) -> bool {
        let mut inbox = self.inbox();
        inbox.messages.append(messages);
        !std::mem::replace(&mut inbox.noted, true)
    }

    /// Returns whether the messages waiting for the main thread have reached `limit`, as they count against the limits,
    /// or `count` in number. If so, the task is woken when they have been taken.
    pub(crate) fn is_over(&self, limit: usize, count: usize) -> bool {
        let mut inbox = self.inbox();
        let messages = &inbox.messages;
        inbox.task_waits = inbox.paused || messages.weight() >= limit.max(1) || messages.len() >= count.max(1);
        inbox.task_waits
    }

    /// Sets whether the task waits with reading until this is undone.
    pub(crate) fn set_paused(&self, on: bool) {
        let mut inbox = self.inbox();
        inbox.paused = on;
        let wakes = !on && std::mem::take(&mut inbox.task_waits);
        drop(inbox);
        if wakes {
            self.wake();
        }
    }

    /// Whether messages wait for the main thread.
    pub(crate) fn has_messages(&self) -> bool {
        !self.inbox().messages.is_empty()
    }

    /// Takes all waiting messages. Also returns whether the task waits for this and must be woken.
    pub(crate) fn take_messages(&self) -> (Messages, bool) {
        let mut inbox = self.inbox();
        inbox.noted = false;
        let messages = std::mem::take(&mut inbox.messages);
        (messages, std::mem::take(&mut inbox.task_waits))
    }

    /// The time from the last answered ping to its pong; `None` before the first.
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

    /// Tells the task that a heartbeat is due.
    pub(crate) fn beat(&self) {
        self.beat.store(true, Ordering::Release);
        self.wake();
    }

    /// Returns whether a heartbeat is due, and clears it.
    pub(crate) fn take_beat(&self) -> bool {
        self.beat.load(Ordering::Acquire) && self.beat.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn wake(&self) {
        self.task.wake();
    }

    /// Wakes the task for what was sent, once this thread holds no wake-ups.
    pub(crate) fn wake_later(&self) {
        wakes::wake(&self.task);
    }

    /// Whether commands are no longer accepted.
    pub(crate) fn is_closed(&self) -> bool {
        self.gate.closed.load(Ordering::Acquire)
    }

    /// Sets the waker that [`Self::wake`] wakes. Must be called before looking for commands or room.
    pub(crate) fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outbox {
    /// Whether the task must be woken for what is about to be queued. A task does not rely on the main thread for that,
    /// which may hold back its own wake-up for a while.
    fn must_wake(&mut self, by: By) -> bool {
        match by {
            By::Main => self.commands.is_empty(),
            By::Task => !std::mem::replace(&mut self.is_woken, true),
        }
    }

    fn take(&mut self) -> Vec<WebSocketCommand> {
        self.is_woken = false;
        std::mem::take(&mut self.commands)
    }
}

/// The memory of the places for commands, as it counts. A frame that hundreds share counts once, its places do not.
fn places(commands: &Vec<WebSocketCommand>) -> usize {
    commands.capacity().saturating_sub(FREE_PLACES) * size_of::<WebSocketCommand>()
}

/// Lets `write` append `len` bytes to the last block, or to a new one if the last would become too large. Returns the
/// capacity of that block before and after.
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

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::budget::Budget;

    #[test]
    fn frames_for_many_are_shared_if_they_are_large() {
        let budget = Budget::new(0, usize::MAX);
        let link = Link::new(Role::Server, budget.open(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let send = |frame: &Bytes| {
            link.admit(frame.len(), usize::MAX).expect("room");
            link.send_shared(By::Task, [frame]);
        };
        let (small, large) = (Bytes::from(vec![1; 10]), Bytes::from(vec![2; 1000]));
        (0..1000).for_each(|_| send(&small));
        send(&large);
        (0..1000).for_each(|_| send(&small));
        assert!((20_000..40_000).contains(&budget.used()), "{}", budget.used());
        let commands = link.take_commands();
        let blocks: Vec<&[u8]> = commands
            .iter()
            .map(|command| match command {
                WebSocketCommand::Frames(frames) => &frames[..],
                WebSocketCommand::Shared(frame) => &frame[..],
                other => panic!("{other:?}"),
            })
            .collect();
        let expected = [vec![1; 10_000], vec![2; 1000], vec![1; 10_000]];
        assert_eq!(blocks, expected);
    }

    #[test]
    fn the_places_of_shared_frames_count() {
        let budget = Budget::new(0, usize::MAX);
        let link = Link::new(Role::Server, budget.open(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        let frame = Bytes::from(vec![1; SHARED]);
        link.send_shared(By::Main, [&frame; FREE_PLACES]);
        assert_eq!(budget.used(), 0);
        link.send_shared(By::Main, std::iter::repeat_n(&frame, 1000));
        assert!(
            budget.used() >= 1000 * size_of::<WebSocketCommand>(),
            "{}",
            budget.used()
        );
        assert_eq!(link.take_commands().len(), FREE_PLACES + 1000);
        assert_eq!(budget.used(), 0);
        link.send_shared(By::Main, std::iter::repeat_n(&frame, 1000));
        link.refuse_commands();
        assert_eq!(budget.used(), 0);
    }
}
