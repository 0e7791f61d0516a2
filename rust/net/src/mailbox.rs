//! The path from the runtime to the main thread: one bounded event queue per socket, and one ready list for the
//! process.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, unbounded};
use futures_util::task::AtomicWaker;

use crate::budget::{Account, Share};
use crate::wakes::{self, Reader};

/// Identifies one socket of this process. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(NonZeroU64);

impl SocketId {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(number).unwrap_or(NonZeroU64::MIN))
    }

    /// The id as a number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

/// The sockets that have something queued. Each is listed at most once, so the length of the list is bounded by the
/// number of sockets.
pub struct ReadyList {
    sender: Sender<SocketId>,
    receiver: Receiver<SocketId>,
}

impl ReadyList {
    /// The ready list of this process.
    #[must_use]
    pub fn global() -> &'static Self {
        static LIST: LazyLock<ReadyList> = LazyLock::new(|| {
            let (sender, receiver) = unbounded();
            ReadyList { sender, receiver }
        });
        &LIST
    }

    /// Removes the next ready socket, if any.
    #[must_use]
    pub fn pop(&self) -> Option<SocketId> {
        self.receiver.try_recv().ok()
    }

    /// Like [`Self::pop`], but blocks until a socket is ready or `deadline` has passed.
    #[must_use]
    pub fn pop_until(&self, deadline: Instant) -> Option<SocketId> {
        self.receiver.recv_deadline(deadline).ok()
    }

    /// Ends a [`Self::pop_until`], by an id that no socket has.
    pub(crate) fn wake(&self) {
        self.push(SocketId::next());
    }

    fn push(&self, id: SocketId) {
        // The receiver lives as long as the process.
        let _ = self.sender.send(id);
    }
}

/// Adds a socket to the ready list for what is queued for it.
#[derive(Debug)]
pub(crate) struct Bell {
    id: SocketId,
    /// Whether the socket is in the ready list.
    listed: AtomicBool,
}

impl Bell {
    /// That of a new socket.
    pub(crate) fn new() -> Self {
        Self {
            id: SocketId::next(),
            listed: AtomicBool::new(false),
        }
    }

    /// The id of the socket.
    pub(crate) fn id(&self) -> SocketId {
        self.id
    }

    /// Adds the socket to the ready list, if it is not there. To be called after something was queued.
    pub(crate) fn ring(&self) {
        if !self.listed.swap(true, Ordering::AcqRel) {
            ReadyList::global().push(self.id);
        }
    }

    /// Marks the socket as no longer listed. To be called after it was taken from the ready list and before it is
    /// drained: whatever arrives from now on lists it again.
    pub(crate) fn unlist(&self) {
        // A swap, not a store: it pairs with the swap in `ring`, so that everything queued before is visible now.
        self.listed.swap(false, Ordering::AcqRel);
    }
}

/// Creates a mailbox with limits in events and bytes, and returns its sending and its receiving end.
#[must_use]
pub fn mailbox<E>(max_events: usize, max_bytes: usize) -> (MailboxSender<E>, Mailbox<E>) {
    mailbox_of(max_events, max_bytes, None)
}

/// Like [`mailbox`], but its bytes are also charged to an account, which is closed when both ends are dropped.
pub(crate) fn mailbox_of<E>(
    max_events: usize,
    max_bytes: usize,
    memory: Option<Share>,
) -> (MailboxSender<E>, Mailbox<E>) {
    let (sender, receiver) = unbounded();
    let shared = Arc::new(Shared {
        bell: Bell::new(),
        events: AtomicUsize::new(0),
        max_events,
        bytes: AtomicUsize::new(0),
        max_bytes: AtomicUsize::new(max_bytes),
        memory,
        room: AtomicWaker::new(),
    });
    (
        MailboxSender {
            shared: shared.clone(),
            sender,
        },
        Mailbox { shared, receiver },
    )
}

#[derive(Debug)]
struct Shared {
    bell: Bell,
    /// Number of events in the queue.
    events: AtomicUsize,
    max_events: usize,
    /// Bytes that are in the queue, or were taken from it and not released yet.
    bytes: AtomicUsize,
    max_bytes: AtomicUsize,
    /// The account that the bytes are also charged to.
    memory: Option<Share>,
    /// The task that waits for room.
    room: AtomicWaker,
}

impl Reader for Shared {
    fn go_on(&self) {
        self.room.wake();
    }
}

impl Shared {
    fn account(&self) -> Option<&Account> {
        self.memory.as_ref().map(|share| &*share.0)
    }

    fn has_room(&self) -> bool {
        self.events.load(Ordering::Acquire) < self.max_events
            && self.bytes.load(Ordering::Acquire) < self.max_bytes.load(Ordering::Acquire)
    }
}

/// The sending end, filled by the runtime.
#[derive(Debug)]
pub struct MailboxSender<E> {
    shared: Arc<Shared>,
    sender: Sender<E>,
}

impl<E> Clone for MailboxSender<E> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
            sender: self.sender.clone(),
        }
    }
}

impl<E> MailboxSender<E> {
    /// Ready while the queue is below its limits. Producers of events that can be held back check this first; an event
    /// that cannot be, such as a close, is sent regardless.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        if self.shared.has_room() {
            return Poll::Ready(());
        }
        self.shared.room.register(cx.waker());
        if self.shared.has_room() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Waits until the queue is below its limits.
    pub(crate) async fn room(&self) {
        std::future::poll_fn(|cx| self.poll_room(cx)).await;
    }

    /// Returns whether the queue is below its limits.
    pub(crate) fn has_room(&self) -> bool {
        self.shared.has_room()
    }

    /// The limit in bytes, at least 1.
    pub(crate) fn max_bytes(&self) -> usize {
        self.shared.max_bytes.load(Ordering::Relaxed).max(1)
    }

    /// Adds the socket to the ready list for something that is queued outside of the mailbox.
    pub(crate) fn notify(&self) {
        self.shared.bell.ring();
    }

    /// Queues an event that counts as `bytes` bytes, and adds the socket to the ready list. Never blocks, even above
    /// the limits.
    pub fn send(&self, event: E, bytes: usize) {
        self.shared.bytes.fetch_add(bytes, Ordering::AcqRel);
        if let (1.., Some(account)) = (bytes, self.shared.account()) {
            account.charge(bytes);
        }
        self.shared.events.fetch_add(1, Ordering::AcqRel);
        if self.sender.send(event).is_ok() {
            self.shared.bell.ring();
        }
    }
}

/// The receiving end, drained by the main thread.
#[derive(Debug)]
pub struct Mailbox<E> {
    shared: Arc<Shared>,
    receiver: Receiver<E>,
}

impl<E> Mailbox<E> {
    /// The id of the socket.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.shared.bell.id()
    }

    /// Marks the socket as no longer listed. Call this after taking it from the ready list and before draining it:
    /// whatever arrives from now on lists it again.
    pub fn unlist(&self) {
        self.shared.bell.unlist();
    }

    /// Takes the next event. Its bytes stay counted until [`Self::release`].
    #[must_use]
    pub fn next(&self) -> Option<E> {
        let event = self.receiver.try_recv().ok()?;
        if self.shared.events.fetch_sub(1, Ordering::AcqRel) == self.shared.max_events {
            wakes::has_room(&self.shared);
        }
        Some(event)
    }

    /// Number of queued events.
    #[must_use]
    pub fn len(&self) -> usize {
        self.receiver.len()
    }

    /// Returns whether no event is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// Bytes that are queued, or were taken and not released yet.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shared.bytes.load(Ordering::Acquire)
    }

    /// Stops counting `bytes` bytes, since the user has taken them.
    pub fn release(&self, bytes: usize) {
        let before = self.shared.bytes.fetch_sub(bytes, Ordering::AcqRel);
        if let Some(account) = self.shared.account() {
            account.release(bytes);
        }
        let limit = self.shared.max_bytes.load(Ordering::Acquire);
        if before >= limit && before - bytes < limit {
            wakes::has_room(&self.shared);
        }
    }

    /// Sets the maximum number of bytes that may be counted before there is no more room.
    pub fn set_max_bytes(&self, max_bytes: usize) {
        if self.shared.max_bytes.swap(max_bytes, Ordering::AcqRel) < max_bytes {
            wakes::has_room(&self.shared);
        }
    }
}

impl<E> Drop for Mailbox<E> {
    /// Queued events are dropped with it.
    fn drop(&mut self) {
        if let Some(account) = self.shared.account() {
            account.release(self.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn a_socket_is_listed_once_until_it_is_unlisted() {
        let (sender, mailbox) = mailbox::<u8>(8, 8);
        sender.send(1, 0);
        assert!(mailbox.shared.bell.listed.load(Ordering::Acquire));
        sender.send(2, 0);
        mailbox.unlist();
        assert_eq!(
            (mailbox.next(), mailbox.next(), mailbox.next()),
            (Some(1), Some(2), None)
        );
        sender.send(3, 0);
        assert!(mailbox.shared.bell.listed.load(Ordering::Acquire));
    }

    #[test]
    fn room_ends_at_the_limit_of_events_and_comes_back() {
        let (sender, mailbox) = mailbox::<u8>(2, 100);
        let cx = Context::from_waker(Waker::noop());
        sender.send(1, 0);
        assert!(sender.poll_room(&cx).is_ready());
        sender.send(2, 0);
        assert!(sender.poll_room(&cx).is_pending());
        assert_eq!(mailbox.next(), Some(1));
        assert!(sender.poll_room(&cx).is_ready());
    }

    #[test]
    fn bytes_count_until_they_are_released() {
        let (sender, mailbox) = mailbox::<u8>(100, 10);
        let cx = Context::from_waker(Waker::noop());
        sender.send(1, 10);
        assert_eq!(mailbox.next(), Some(1));
        assert!(sender.poll_room(&cx).is_pending());
        mailbox.set_max_bytes(20);
        assert!(sender.poll_room(&cx).is_ready());
        mailbox.set_max_bytes(10);
        mailbox.release(1);
        assert_eq!(mailbox.bytes(), 9);
        assert!(sender.poll_room(&cx).is_ready());
    }
}
