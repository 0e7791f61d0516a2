//! Queue of the datagrams that a socket has received and the user has not taken. When it is full, the oldest is
//! dropped.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::event::Datagram;

/// The queue, filled by the socket's task and emptied by the main thread.
#[derive(Debug)]
pub(crate) struct DatagramQueue(Mutex<Ring>);

#[derive(Debug)]
struct Ring {
    datagrams: VecDeque<Datagram>,
    /// Total payload bytes of `datagrams`.
    bytes: usize,
    max_datagrams: usize,
    max_bytes: usize,
    /// Number of datagrams dropped because the queue was full.
    dropped: u64,
}

impl DatagramQueue {
    pub(crate) fn new(max_datagrams: usize, max_bytes: usize) -> Self {
        Self(Mutex::new(Ring {
            datagrams: VecDeque::new(),
            bytes: 0,
            max_datagrams,
            max_bytes,
            dropped: 0,
        }))
    }

    pub(crate) fn push(&self, datagram: Datagram) {
        let mut ring = self.ring();
        ring.bytes += datagram.data.len();
        ring.datagrams.push_back(datagram);
        ring.shrink();
    }

    pub(crate) fn pop(&self) -> Option<Datagram> {
        self.ring().pop()
    }

    pub(crate) fn put_back(&self, datagram: Datagram) {
        let mut ring = self.ring();
        ring.bytes += datagram.data.len();
        ring.datagrams.push_front(datagram);
        ring.shrink();
    }

    pub(crate) fn len(&self) -> usize {
        self.ring().datagrams.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.ring().bytes
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.ring().dropped
    }

    pub(crate) fn set_limits(&self, max_datagrams: usize, max_bytes: usize) {
        let mut ring = self.ring();
        ring.max_datagrams = max_datagrams;
        ring.max_bytes = max_bytes;
        ring.shrink();
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn pop(&mut self) -> Option<Datagram> {
        let datagram = self.datagrams.pop_front()?;
        self.bytes -= datagram.data.len();
        Some(datagram)
    }

    /// Drops the oldest datagrams until both limits are met. The newest is kept whatever its size.
    fn shrink(&mut self) {
        while self.datagrams.len() > 1 && (self.datagrams.len() > self.max_datagrams || self.bytes > self.max_bytes) {
            self.pop();
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn datagram(data: &'static [u8]) -> Datagram {
        Datagram {
            data: Bytes::from_static(data),
            from: ([127, 0, 0, 1], 1).into(),
        }
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let queue = DatagramQueue::new(2, 100);
        for data in [b"a", b"b", b"c"] {
            queue.push(datagram(data));
        }
        assert_eq!((queue.len(), queue.bytes(), queue.dropped()), (2, 2, 1));
        assert_eq!(queue.pop(), Some(datagram(b"b")));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many_bytes() {
        let queue = DatagramQueue::new(100, 5);
        for data in [&b"aa"[..], b"bb", b"cc", b"", b"dddd"] {
            queue.push(datagram(data));
        }
        assert_eq!((queue.len(), queue.bytes(), queue.dropped()), (2, 4, 3));
        queue.push(datagram(b"longer than the limit"));
        assert_eq!((queue.len(), queue.dropped()), (1, 5));
    }

    #[test]
    fn what_is_put_back_is_the_oldest_again() {
        let queue = DatagramQueue::new(2, 100);
        for data in [b"a", b"b"] {
            queue.push(datagram(data));
        }
        let taken = queue.pop().unwrap();
        queue.put_back(taken);
        assert_eq!((queue.len(), queue.bytes(), queue.dropped()), (2, 2, 0));
        let taken = queue.pop().unwrap();
        queue.push(datagram(b"c"));
        queue.put_back(taken);
        assert_eq!((queue.pop(), queue.dropped()), (Some(datagram(b"b")), 1));
    }

    #[test]
    fn lower_limits_hold_at_once() {
        let queue = DatagramQueue::new(100, 100);
        for data in [b"a", b"b", b"c"] {
            queue.push(datagram(data));
        }
        queue.set_limits(1, 100);
        assert_eq!((queue.pop(), queue.pop()), (Some(datagram(b"c")), None));
        assert_eq!((queue.bytes(), queue.dropped()), (0, 2));
    }
}
