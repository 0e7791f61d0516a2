//! One use of a client: from `connect_to_url()` over all its connections to the end.

use std::time::{Duration, Instant, SystemTime};

use async_sockets_net::event::Established;
use async_sockets_net::http::headers::Headers;
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::tls::TlsClientConfig;
use async_sockets_net::websocket::close_code::{CloseFrame, Disconnect};
use async_sockets_net::websocket::reconnect::Reconnect;
use async_sockets_net::websocket::url::WebSocketUrl;
use async_sockets_net::websocket_client::WebSocketClient as Connection;
use godot::global::Error;

use super::ReadyState;

/// The state of one use. A new `connect_to_url()` replaces it whole.
#[derive(Default)]
pub(super) struct Session {
    pub(super) phase: Phase,
    pub(super) target: Option<Target>,
    /// The present connection or attempt, or the last one: it also names this client to the pump.
    pub(super) connection: Option<Connection>,
    /// Decides whether and when to connect again. `None`: never.
    pub(super) reconnect: Option<Box<Reconnect>>,
    /// The error of the last attempt or connection that has ended.
    pub(super) last_failure: Option<Error>,
    /// The same in words, while the client is not connected.
    pub(super) failure_words: String,
    /// What the server and this side agreed on, of the last established connection.
    pub(super) established: Option<Established>,
    /// The status and the headers of the response to the last opening handshake.
    pub(super) response: Option<(u16, Headers)>,
    /// What this side has closed with.
    pub(super) closing: Option<CloseFrame>,
    /// The end of the last established connection.
    pub(super) close: Option<Disconnect>,
    /// Bytes of accepted messages that the last connection did not hand to the system.
    pub(super) unsent: usize,
}

/// Where to connect to.
#[derive(Clone)]
pub(crate) struct Target {
    pub(super) url: WebSocketUrl,
    pub(super) tls: Option<TlsClientConfig>,
}

/// How far a use has come.
#[derive(Default, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// There has been no connection.
    #[default]
    New,
    /// An attempt is in flight.
    Connecting,
    /// Established.
    Open,
    /// The last connection or attempt has ended, and the next attempt is due later.
    Away,
    /// This side has closed during an attempt, and messages wait for it.
    ClosingEarly,
    /// This side has closed, and the closing handshake is in flight.
    Closing,
    /// Over. The error of an operation that needs the connection.
    Ended(Error),
}

impl Phase {
    pub(super) fn ready_state(self) -> ReadyState {
        match self {
            Self::Connecting | Self::Away => ReadyState::Connecting,
            Self::Open => ReadyState::Open,
            Self::ClosingEarly | Self::Closing => ReadyState::Closing,
            Self::New | Self::Ended(_) => ReadyState::Closed,
        }
    }

    /// Whether the script may send: the connection is established, or may be later.
    pub(super) fn is_active(self) -> bool {
        matches!(self, Self::Connecting | Self::Open | Self::Away)
    }
}

impl Session {
    pub(super) fn id(&self) -> Option<SocketId> {
        self.connection.as_ref().map(Connection::id)
    }

    /// The number of the attempt that is in flight or waits; 0 for the first one of all.
    pub(super) fn reconnect_attempt(&self) -> u32 {
        let reconnect = self.reconnect.as_ref().filter(|_| self.is_reconnecting());
        reconnect.map_or(0, |reconnect| reconnect.attempt())
    }

    /// The time until the next attempt.
    pub(super) fn reconnect_time_left(&self) -> Duration {
        let reconnect = self.reconnect.as_ref().filter(|_| self.phase == Phase::Away);
        reconnect
            .and_then(|reconnect| reconnect.remaining(Instant::now(), SystemTime::now()))
            .unwrap_or_default()
    }

    /// Whether this is not the first connection of the session, or the first attempt has failed.
    pub(super) fn is_reconnecting(&self) -> bool {
        match self.phase {
            Phase::Away => true,
            Phase::Connecting => self.reconnect.as_ref().is_some_and(|reconnect| reconnect.attempt() > 0),
            _ => false,
        }
    }
}
