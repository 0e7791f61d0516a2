//! The sockets that wait for a turn, in the order of their tickets.

use std::cell::Cell;
use std::rc::Rc;

use super::line::{Line, Ticket};
use crate::socket::Socket;

/// The sockets that a drain handles.
#[derive(Clone, Copy)]
pub(super) struct Scope<'a> {
    /// This socket and the clients of this listener.
    pub(super) one: Option<&'a Rc<dyn Socket>>,
    /// All automatic sockets.
    pub(super) automatic: bool,
}

#[derive(Default)]
pub(super) struct Turns {
    next_ticket: Cell<Ticket>,
    /// The automatic sockets that wait.
    ring: Line<dyn Socket>,
}

impl Turns {
    /// The ticket of the next socket that waits.
    pub(super) fn next_ticket(&self) -> Ticket {
        self.next_ticket.get()
    }

    /// Has the socket wait in every line where a drain looks for it. One whose turn is running gets another one.
    pub(super) fn add(&self, socket: Rc<dyn Socket>) {
        let base = socket.base();
        if base.in_turn.get() {
            base.wants_turn.set(true);
        } else if base.ticket.get().is_none() && !base.released.get() {
            let ticket = self.next_ticket.get();
            self.next_ticket.set(ticket + 1);
            base.ticket.set(Some(ticket));
            if base.auto_process.get() {
                self.ring.push(ticket, &socket);
            }
            if let Some(listener) = socket.listener().filter(|listener| !listener.base().released.get()) {
                listener.base().line.push(ticket, &socket);
            }
            // Its own `process()` finds it without a line.
        }
    }

    /// The socket in scope that has waited longest.
    pub(super) fn first(&self, scope: Scope<'_>) -> Option<(Ticket, Rc<dyn Socket>)> {
        let automatic = scope.automatic.then(|| self.ring.first()).flatten();
        let Some(one) = scope.one else { return automatic };
        let own = one.base().ticket.get().map(|ticket| (ticket, one.clone()));
        [own, one.base().line.first(), automatic]
            .into_iter()
            .flatten()
            .min_by_key(|&(ticket, _)| ticket)
    }

    /// Takes the socket in scope that has waited longest out of its lines, if its ticket is below `end`.
    pub(super) fn take(&self, scope: Scope<'_>, end: Ticket) -> Option<Rc<dyn Socket>> {
        let (_, socket) = self.first(scope).filter(|&(ticket, _)| ticket < end)?;
        socket.base().ticket.set(None);
        if let Some(listener) = socket.listener() {
            // The first of the ring was the first there too: this removes its entry now rather than at the listener's
            // drain.
            listener.base().line.first();
        }
        Some(socket)
    }
}
