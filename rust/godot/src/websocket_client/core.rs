//! The state behind a `WebSocketClient`: one session at a time, and what waits for it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use async_sockets_net::websocket::close_code::Disconnect;
use async_sockets_net::websocket_client::WebSocketClient as Connection;
use godot::global::Error;

use super::ReadyState;
use super::inbox::Inbox;
use super::outbox::Outbox;
use super::session::{Phase, Session};
use super::settings::Settings;
use crate::pump::Pump;
use crate::socket::{Socket, SocketBase};
use crate::time;
use crate::waiting::Waiting;

#[derive(Default)]
pub(crate) struct ClientCore {
    pub(crate) base: SocketBase,
    pub(super) settings: Settings,
    /// The present session, or the last one. Not borrowed while user code may run.
    pub(super) session: RefCell<Session>,
    /// Number of sessions begun: code that has emitted a signal sees by it whether the script has begun another.
    pub(super) sessions: Cell<u64>,
    /// Messages that wait for the connection.
    pub(super) outbox: RefCell<Outbox>,
    pub(super) inbox: Inbox,
    /// Ends that the script has decided, each of the session with this number, whose signals are still to be emitted.
    pub(super) owed: RefCell<VecDeque<(u64, Owed)>>,
    pub(super) connect_waits: Waiting,
    /// Each with its token.
    pub(super) flushes: Waiting<u64>,
    pub(super) closes: Waiting,
    pub(super) last_token: Cell<u64>,
}

/// The signal of an end that the script has decided.
pub(super) enum Owed {
    Disconnected(Disconnect),
    GaveUp(Error),
}

impl ClientCore {
    pub(super) fn phase(&self) -> Phase {
        self.session.borrow().phase
    }

    pub(super) fn ready_state(&self) -> ReadyState {
        self.phase().ready_state()
    }

    pub(super) fn with_connection<R>(&self, f: impl FnOnce(&Connection) -> R) -> Option<R> {
        self.session.borrow().connection.as_ref().map(f)
    }

    /// Has a signal emitted in the next turn, for an end that the script has decided.
    pub(super) fn owe(&self, owed: Owed) {
        self.owed.borrow_mut().push_back((self.sessions.get(), owed));
    }

    pub(super) fn set_emit_messages(self: &Rc<Self>, on: bool) {
        self.settings.emit_messages.set(on);
        if on {
            Pump::get().schedule(self.clone());
        }
    }

    /// Bytes that are queued for sending.
    pub(super) fn pending_bytes(&self) -> usize {
        let queued = self.with_connection(Connection::pending_bytes).unwrap_or(0);
        queued + self.outbox.borrow().bytes()
    }

    // Errors ----------------------------------------------------------------------------------------------------------

    /// The error of an operation that needs a connection, where there is none; notes its message.
    pub(super) fn say_not_open(&self) -> Error {
        let (error, words) = match self.phase() {
            Phase::New => return self.not_started("it is not connected; call connect_to_url() first"),
            Phase::ClosingEarly | Phase::Closing => (Error::ERR_UNAVAILABLE, "this side has closed the connection"),
            Phase::Ended(Error::ERR_UNAVAILABLE) => (Error::ERR_UNAVAILABLE, "this side has closed the connection"),
            Phase::Ended(Error::ERR_FILE_EOF) => (Error::ERR_FILE_EOF, "the server has closed the connection"),
            // The message of the failure is kept.
            Phase::Ended(error) => return error,
            Phase::Connecting | Phase::Open | Phase::Away => return Error::OK,
        };
        self.fail(error, words)
    }

    /// When an operation that starts now times out.
    pub(super) fn deadline(&self, method: &str, timeout: f64) -> Result<Option<Instant>, Error> {
        time::timeout(timeout, self.settings.timeout())
            .map(time::deadline)
            .map_err(|words| {
                self.refuse(
                    Error::ERR_INVALID_PARAMETER,
                    method,
                    format_args!("the timeout {words}"),
                )
            })
    }
}
