//! A running turn.

use std::cell::Cell;
use std::rc::Rc;

use crate::socket::Socket;

/// Marks the socket as being in its turn. The end, even by a panic, clears the mark and calls `again` if the socket
/// needs another turn, as it may after a panic.
pub(crate) struct Running<F: Fn(Rc<dyn Socket>)> {
    socket: Rc<dyn Socket>,
    more: Cell<bool>,
    again: F,
}

impl<F: Fn(Rc<dyn Socket>)> Running<F> {
    pub(crate) fn begin(socket: Rc<dyn Socket>, again: F) -> Self {
        socket.base().in_turn.set(true);
        Self {
            socket,
            more: Cell::new(true),
            again,
        }
    }

    pub(crate) fn socket(&self) -> &Rc<dyn Socket> {
        &self.socket
    }

    /// Ends the turn; with `more`, the socket needs another one.
    pub(crate) fn end(self, more: bool) {
        self.more.set(more);
    }
}

impl<F: Fn(Rc<dyn Socket>)> Drop for Running<F> {
    fn drop(&mut self) {
        let base = self.socket.base();
        base.in_turn.set(false);
        if self.more.get() | base.wants_turn.take() {
            (self.again)(self.socket.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::time::Instant;

    use async_sockets_net::mailbox::SocketId;

    use super::*;
    use crate::pump::Pump;
    use crate::socket::{SocketBase, Turn};

    #[derive(Default)]
    struct Nothing(SocketBase);

    impl Socket for Nothing {
        fn class(&self) -> &'static str {
            "Nothing"
        }

        fn base(&self) -> &SocketBase {
            &self.0
        }

        fn id(&self) -> Option<SocketId> {
            None
        }

        fn queued(&self) -> usize {
            0
        }

        fn turn(self: Rc<Self>, _pump: &Pump) -> Turn {
            Turn::Done
        }

        fn expire(self: Rc<Self>, _pump: &Pump, _now: Instant) -> Option<Instant> {
            None
        }

        fn stop(self: Rc<Self>, _pump: &Pump) {}

        fn release(&self, _pump: &Pump) {}
    }

    type Asks = Box<dyn Fn(Rc<dyn Socket>)>;

    /// Whether the socket is asked for again, and whether its turn runs then.
    fn turn(body: impl FnOnce(Running<Asks>)) -> (bool, bool) {
        let again = Rc::new(Cell::new(false));
        let socket: Rc<dyn Socket> = Rc::<Nothing>::default();
        let asked = again.clone();
        let ask: Asks = Box::new(move |socket| asked.set(!socket.base().in_turn.get()));
        let running = Running::begin(socket.clone(), ask);
        assert!(socket.base().in_turn.get());
        let _ = catch_unwind(AssertUnwindSafe(|| body(running)));
        (again.get(), socket.base().in_turn.get())
    }

    #[test]
    fn a_turn_ends_and_is_followed_by_another_if_there_is_more() {
        assert_eq!(turn(|running| running.end(false)), (false, false));
        assert_eq!(turn(|running| running.end(true)), (true, false));
    }

    #[test]
    fn what_was_asked_for_meanwhile_is_done() {
        let asks = |running: Running<Asks>| {
            running.socket().base().wants_turn.set(true);
            running.end(false);
        };
        assert_eq!(turn(asks), (true, false));
    }

    #[test]
    fn a_panic_ends_the_turn_and_the_socket_has_another() {
        assert_eq!(turn(|_running| panic!("in the middle")), (true, false));
    }
}
