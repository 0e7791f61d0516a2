//! Sockets that are to be processed by the script, and are not: for the warning about it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use async_sockets_net::mailbox::SocketId;

use super::Pump;
use crate::advice::{self, Advice};
use crate::socket::Socket;

/// Time from one look at all sockets to the next.
const INTERVAL: Duration = Duration::from_secs(1);

/// Time that an event has waited when it is no pause any more.
const LONG: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Neglect {
    /// When the next look is due. `None` if there is nothing to look for.
    next: Cell<Option<Instant>>,
    /// The warning was printed.
    told: Cell<bool>,
}

impl Neglect {
    /// An open socket is without automatic processing now.
    pub(super) fn expect(&self) {
        if self.next.get().is_none() && !self.told.get() {
            self.next.set(Some(Instant::now()));
        }
    }

    /// Warns of a socket whose events wait for a `process()` that does not come. To be called in every frame.
    pub(super) fn look(&self, pump: &Pump, now: Instant) {
        if self.next.get().is_none_or(|next| now < next) {
            return;
        }
        self.next.set(Some(now + INTERVAL));
        let mut manual = pump.sockets();
        manual.retain(|socket| !socket.base().auto_process.get());
        if manual.is_empty() {
            return self.next.set(None);
        }
        // Of what the script has closed, it may want to hear nothing.
        let mut in_use = manual.iter().filter(|socket| socket.is_in_use());
        if let Some(socket) = in_use.find(|socket| is_neglected(socket, now)) {
            self.next.set(None);
            self.told.set(true);
            warn(&**socket);
        }
    }
}

fn is_neglected(socket: &Rc<dyn Socket>, now: Instant) -> bool {
    let base = socket.base();
    let seen = base.seen.get();
    let Some(ticket) = base.ticket.get() else { return false };
    match seen {
        Some((before, since)) if before == ticket => now - since >= LONG,
        _ => {
            base.seen.set(Some((ticket, now)));
            false
        }
    }
}

fn warn(socket: &dyn Socket) {
    let class = socket.class();
    advice::give(Advice::NeverProcessed, "", || {
        format!(
            "{class}: for {} seconds, events have waited for process(), which nobody called (id {}). With auto_process \
             off, a script calls it in every frame; a multiplayer peer is polled. Until then nothing is emitted or \
             returned, and once the queue is full, TCP peers are slowed down and datagrams are dropped. Or leave \
             auto_process on.",
            LONG.as_secs(),
            socket.id().map_or(0, SocketId::get),
        )
    });
}
