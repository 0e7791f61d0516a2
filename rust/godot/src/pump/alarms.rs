//! When sockets are checked for expired operations.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::time::Instant;

use async_sockets_net::mailbox::SocketId;

use crate::socket::Socket;

/// The alarms, the earliest first. Those that were replaced by an earlier one of the same socket stay until they are
/// due.
#[derive(Default)]
pub(super) struct Alarms(RefCell<BinaryHeap<Reverse<(Instant, SocketId)>>>);

impl Alarms {
    /// Sets the alarm of a socket, unless an earlier one is set: when that is due, the socket returns its next
    /// deadline.
    pub(super) fn set(&self, socket: &dyn Socket, when: Instant) {
        let Some(id) = socket.id() else { return };
        let alarm = &socket.base().alarm;
        if alarm.get().is_none_or(|set| when < set) {
            alarm.set(Some(when));
            self.0.borrow_mut().push(Reverse((when, id)));
        }
    }

    /// The time of the earliest alarm.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.borrow().peek().map(|alarm| alarm.0.0)
    }

    /// Takes the earliest alarm if it is due.
    pub(super) fn take_due(&self, now: Instant) -> Option<(Instant, SocketId)> {
        let mut alarms = self.0.borrow_mut();
        let due = alarms.peek_mut().filter(|alarm| alarm.0.0 <= now)?;
        Some(PeekMut::pop(due).0)
    }
}
