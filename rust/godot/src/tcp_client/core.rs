//! The state behind a `TcpClient`: one connection at a time, and what waits for it.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use async_sockets_net::event::Endpoints;
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::tcp_client::TcpClient as Connection;
use godot::global::Error;

use super::inbox::Inbox;
use super::send::AwaitedSend;
use super::session::{End, Farewell, Phase, Session};
use super::settings::Settings;
use super::{Close, Status};
use crate::pump::Pump;
use crate::socket::{Socket, SocketBase};
use crate::time;
use crate::waiting::Waiting;

pub(super) const CLOSED_HERE: &str = "this side has closed the connection";
pub(super) const CLOSED_BY_PEER: &str = "the peer has closed the connection";

#[derive(Default)]
pub(crate) struct ClientCore {
    pub(crate) base: SocketBase,
    pub(crate) settings: Settings,
    /// The present connection, or the last one. Not borrowed while user code may run.
    pub(super) session: RefCell<Session>,
    /// The signals of earlier connections' ends, which this one replaced before they were emitted.
    pub(super) owed: RefCell<VecDeque<Farewell>>,
    pub(super) inbox: Inbox,
    pub(super) connect_waits: Waiting,
    pub(super) tls_waits: Waiting,
    pub(super) sends: Waiting<AwaitedSend>,
    /// Accepted, and not handed to the user yet: its events wait, so that no signal is lost.
    pub(super) held: Cell<bool>,
}

impl ClientCore {
    pub(crate) fn set_held(self: &Rc<Self>, held: bool) {
        if self.held.replace(held) && !held {
            Pump::get().schedule(self.clone());
        }
    }

    pub(crate) fn set_emit_data(self: &Rc<Self>, on: bool) {
        self.settings.emit_data.set(on);
        if on {
            Pump::get().schedule(self.clone());
        }
    }

    // The connection --------------------------------------------------------------------------------------------------

    pub(crate) fn with_connection<R>(&self, f: impl FnOnce(&Connection) -> R) -> Option<R> {
        self.session.borrow().connection.as_ref().map(f)
    }

    /// Whether the connection is established.
    pub(crate) fn is_open(&self) -> bool {
        self.session.borrow().phase.is_open()
    }

    /// Whether the peer has closed and this side closes as soon as the receives have been told.
    pub(super) fn is_ending(&self) -> bool {
        let session = self.session.borrow();
        let half_open = self.settings.allow_half_open.get() && !session.send_ended;
        matches!(session.phase, Phase::PeerClosed) && !half_open
    }

    /// Who closes if the connection is closed now.
    pub(super) fn closes_now(&self) -> Close {
        // If the script was told of the end of the stream, it was the peer.
        if self.is_ending() { Close::ByPeer } else { Close::ByHost }
    }

    /// The end, once it is certain.
    pub(super) fn end_of_session(&self) -> Option<End> {
        self.session.borrow().phase.end()
    }

    /// What the script is told. A receive that got the end of the stream may still send, but the connection counts as
    /// ended.
    pub(crate) fn status(&self) -> Status {
        if self.is_ending() {
            Status::None
        } else {
            self.session.borrow().phase.status()
        }
    }

    pub(crate) fn close_reason(&self) -> Option<Close> {
        if self.is_ending() {
            Some(Close::ByPeer)
        } else {
            self.end_of_session().map(|end| end.close)
        }
    }

    pub(crate) fn last_id(&self) -> Option<SocketId> {
        self.session.borrow().id
    }

    pub(crate) fn endpoints(&self) -> Option<Endpoints> {
        self.session.borrow().endpoints
    }

    pub(super) fn apply_keep_alive(&self) {
        self.with_connection(|connection| connection.set_keep_alive(self.settings.keep_alive()));
    }

    // Errors ----------------------------------------------------------------------------------------------------------

    /// The error of an operation on a client without a connection; notes its message.
    pub(super) fn say_not_open(&self) -> Error {
        let words = match self.close_reason() {
            Some(Close::ByHost) => CLOSED_HERE,
            Some(Close::ByPeer) => CLOSED_BY_PEER,
            None if matches!(self.session.borrow().phase, Phase::PeerClosed) => CLOSED_BY_PEER,
            None => return self.not_started("it is not connected; call connect_to_host() first"),
            // The message of the failure is kept.
            Some(Close::Error | Close::Timeout) => return self.not_open_error(),
        };
        self.fail(self.not_open_error(), words)
    }

    /// The error of an operation on a client without a connection.
    pub(super) fn not_open_error(&self) -> Error {
        self.end_of_session().map_or(Error::ERR_UNCONFIGURED, |end| end.error)
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
