//! One connection of a client, from the first attempt to the end.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem;
use std::rc::{Rc, Weak};

use async_sockets_net::event::{Endpoints, TcpEvent, TlsInfo};
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::tcp_client::TcpClient as Connection;
use godot::global::Error;

use super::engine_stream::EngineStream;
use super::{Close, Status};
use crate::tcp_listener::core::ListenerCore;

/// The state of one connection. A new connection replaces it whole.
#[derive(Default)]
pub(super) struct Session {
    pub(super) phase: Phase,
    /// The handle. It outlives the end as the user sees it while queued bytes are still sent.
    pub(super) connection: Option<Connection>,
    /// The far end, if it is a stream of the engine.
    pub(super) engine_stream: Option<Rc<RefCell<EngineStream>>>,
    /// The identity of the connection, which outlives the handle.
    pub(super) id: Option<SocketId>,
    /// The host that `connect_to_host()` was given.
    pub(super) host: String,
    pub(super) endpoints: Option<Endpoints>,
    /// What TLS had negotiated when the handle was dropped.
    pub(super) final_tls: Option<TlsInfo>,
    /// The user has ended the sending side.
    pub(super) send_ended: bool,
    /// Events that a receive has met and left to the next drain, since they emit signals.
    pub(super) stash: VecDeque<TcpEvent>,
    /// The token of the last `send_async()`.
    pub(super) last_token: u64,
    /// The listener that accepted the connection.
    pub(super) listener: Option<Weak<ListenerCore>>,
}

/// How far a connection has come.
#[derive(Default)]
pub(super) enum Phase {
    /// There has been no connection.
    #[default]
    New,
    /// Looking up the name or connecting.
    Connecting,
    /// Established; both sides may send.
    Open,
    /// Established; the peer has ended its sending side.
    PeerClosed,
    /// This side has closed while connecting. Queued bytes are sent once the connection is established.
    ClosingEarly(Farewell),
    /// This side has closed, and the connection is not over yet.
    Closing(Farewell),
    /// The user has been told the end.
    Ended(End),
}

/// How a connection ended.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) close: Close,
    /// The error of a receive once the buffer is empty.
    pub(super) error: Error,
}

/// The signals of a connection's end that are still to be emitted. Separate from the session, which may be that of a
/// new connection when they are.
pub(crate) struct Farewell {
    pub(super) close: Close,
    /// The connection was established, and the user was told so.
    pub(super) established: bool,
    pub(super) id: Option<SocketId>,
    pub(super) endpoints: Option<Endpoints>,
    pub(super) tls: Option<TlsInfo>,
    /// The listener that accepted the connection.
    pub(super) listener: Option<Weak<ListenerCore>>,
}

impl From<Close> for End {
    /// The end of a connection that was established.
    fn from(close: Close) -> Self {
        let error = match close {
            Close::ByHost => Error::ERR_UNAVAILABLE,
            Close::ByPeer => Error::ERR_FILE_EOF,
            Close::Error | Close::Timeout => Error::ERR_CONNECTION_ERROR,
        };
        Self { close, error }
    }
}

impl Phase {
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Connecting => Status::Connecting,
            Self::Open | Self::PeerClosed => Status::Connected,
            Self::New | Self::ClosingEarly(_) | Self::Closing(_) => Status::None,
            Self::Ended(end) => match end.close {
                Close::ByHost | Close::ByPeer => Status::None,
                Close::Error | Close::Timeout => Status::Error,
            },
        }
    }

    /// Whether the connection is established, as far as the user knows.
    pub(super) fn is_open(&self) -> bool {
        self.status() == Status::Connected
    }

    /// Whether the user may send: connecting or established.
    pub(super) fn is_active(&self) -> bool {
        matches!(self.status(), Status::Connecting | Status::Connected)
    }

    /// The end, once it is certain.
    pub(super) fn end(&self) -> Option<End> {
        match self {
            Self::New | Self::Connecting | Self::Open | Self::PeerClosed => None,
            Self::ClosingEarly(farewell) | Self::Closing(farewell) => Some(farewell.close.into()),
            Self::Ended(end) => Some(*end),
        }
    }
}

impl Session {
    pub(super) fn new(connection: Connection, phase: Phase) -> Self {
        Self {
            id: Some(connection.id()),
            connection: Some(connection),
            phase,
            ..Self::default()
        }
    }

    /// The session of a stand-in, for the connection of `farewell`.
    pub(super) fn ended(farewell: Farewell) -> Self {
        Self {
            phase: Phase::Ended(farewell.close.into()),
            id: farewell.id,
            endpoints: farewell.endpoints,
            final_tls: farewell.tls,
            ..Self::default()
        }
    }

    /// What TLS has negotiated, also after the end.
    pub(super) fn tls(&self) -> Option<&TlsInfo> {
        match &self.connection {
            Some(connection) => connection.tls_info(),
            None => self.final_tls.as_ref(),
        }
    }

    /// Takes the handle; what TLS has negotiated stays known.
    pub(super) fn take_connection(&mut self) -> Option<Connection> {
        let connection = self.connection.take()?;
        self.final_tls = connection.tls_info().cloned();
        Some(connection)
    }

    /// The signals of an end for this reason, in the present state.
    pub(super) fn farewell(&self, close: Close) -> Farewell {
        Farewell {
            close,
            established: self.phase.is_open(),
            id: self.id,
            endpoints: self.endpoints,
            tls: self.tls().cloned(),
            listener: self.listener.clone(),
        }
    }

    /// Takes the signals that are still to be emitted since this side closed.
    pub(super) fn take_owed(&mut self) -> Option<Farewell> {
        match mem::take(&mut self.phase) {
            Phase::ClosingEarly(farewell) | Phase::Closing(farewell) => {
                self.phase = Phase::Ended(farewell.close.into());
                Some(farewell)
            }
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// Closes from this side, in good order or immediately. An abort also cuts an earlier close in good order short.
    /// False if the connection had ended for the user before.
    pub(super) fn close(&mut self, reason: Close, abort: bool) -> bool {
        let active = self.phase.is_active();
        match &self.connection {
            Some(connection) if abort => connection.abort(),
            Some(connection) if active => connection.close(),
            _ => {}
        }
        if active {
            let farewell = self.farewell(reason);
            self.phase = match self.phase {
                Phase::Connecting if !abort => Phase::ClosingEarly(farewell),
                _ => Phase::Closing(farewell),
            };
        } else if abort {
            self.phase = match mem::take(&mut self.phase) {
                Phase::ClosingEarly(farewell) => Phase::Closing(farewell),
                other => other,
            };
        }
        active
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(phase: Phase) -> Session {
        Session {
            phase,
            ..Session::default()
        }
    }

    fn ends_as(session: &Session) -> Option<(Close, Error)> {
        session.phase.end().map(|end| (end.close, end.error))
    }

    #[test]
    fn a_close_owes_its_signals_once() {
        let mut session = session(Phase::Open);
        assert!(session.close(Close::ByHost, false));
        assert_eq!(session.phase.status(), Status::None);
        assert_eq!(ends_as(&session), Some((Close::ByHost, Error::ERR_UNAVAILABLE)));
        assert!(session.take_owed().is_some_and(|farewell| farewell.established));
        assert!(matches!(session.phase, Phase::Ended(_)));
        assert!(session.take_owed().is_none() && !session.close(Close::ByHost, false));
        assert_eq!(ends_as(&session), Some((Close::ByHost, Error::ERR_UNAVAILABLE)));
    }

    #[test]
    fn an_attempt_closes_early_until_it_is_aborted() {
        let mut session = session(Phase::Connecting);
        assert!(session.close(Close::ByHost, false) && matches!(session.phase, Phase::ClosingEarly(_)));
        assert!(!session.close(Close::ByHost, true) && matches!(session.phase, Phase::Closing(_)));
        assert!(session.take_owed().is_some_and(|farewell| !farewell.established));
    }

    #[test]
    fn the_peers_end_is_one_of_an_established_connection() {
        let mut session = session(Phase::PeerClosed);
        assert_eq!((session.phase.status(), ends_as(&session)), (Status::Connected, None));
        assert!(session.close(Close::ByPeer, false));
        assert_eq!(ends_as(&session), Some((Close::ByPeer, Error::ERR_FILE_EOF)));
    }

    #[test]
    fn only_a_failure_is_an_error_status() {
        let status = |close: Close| session(Phase::Ended(close.into())).phase.status();
        assert_eq!(
            (status(Close::ByHost), status(Close::ByPeer)),
            (Status::None, Status::None)
        );
        assert_eq!(
            (status(Close::Error), status(Close::Timeout)),
            (Status::Error, Status::Error)
        );
        assert!(session(Phase::New).phase.end().is_none());
    }
}
