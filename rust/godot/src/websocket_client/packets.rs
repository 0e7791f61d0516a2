//! What an `AsyncMultiplayerPeer` uses of a client: the connection, and whole batches of messages.

use std::net::SocketAddr;
use std::time::Duration;

use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::messages::Messages;
use async_sockets_net::websocket_client::WebSocketClient as Connection;
use godot::global::Error;

use super::core::ClientCore;
use super::outbox::Outgoing;
use super::session::Phase;

/// How far a client has come, for a peer that never connects again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    Connecting,
    Open,
    Over,
}

impl ClientCore {
    pub(crate) fn progress(&self) -> Progress {
        match self.phase() {
            Phase::Connecting => Progress::Connecting,
            Phase::Open => Progress::Open,
            Phase::New | Phase::Away | Phase::ClosingEarly | Phase::Closing | Phase::Ended(_) => Progress::Over,
        }
    }

    /// Changes the options of the next connection.
    pub(crate) fn change_options(&self, change: impl FnOnce(&mut WebSocketClientOptions)) {
        self.settings.change_connection(change);
    }

    /// Sets how many received bytes may be queued.
    pub(crate) fn set_max_queued(&self, bytes: usize) {
        self.settings.set_max_queued(bytes);
    }

    /// Reads from the options of the next connection.
    pub(crate) fn options<R>(&self, read: impl FnOnce(&WebSocketClientOptions) -> R) -> R {
        self.settings.connection(read)
    }

    /// Messages are taken by [`Self::take_packets`] alone, and a connection that is lost is not followed by another.
    pub(crate) fn serve_a_peer(&self) {
        self.settings.emit_messages.set(false);
        self.settings.reconnect.set(false);
    }

    /// Takes the messages that were received, in order; those of the end of a connection too.
    pub(crate) fn take_packets(&self) -> Option<Messages> {
        self.take_in();
        self.inbox.take_batch()
    }

    /// Whether [`Self::take_packets`] has something.
    pub(crate) fn has_packets(&self) -> bool {
        self.take_in();
        !self.inbox.is_empty()
    }

    pub(crate) fn send_packet(&self, packet: &[u8]) -> Error {
        self.send(Outgoing::Binary(packet))
    }

    /// The time from the last answered ping to its pong.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.with_connection(Connection::latency).flatten()
    }

    /// The address of the server.
    pub(crate) fn server_address(&self) -> Option<SocketAddr> {
        let session = self.session.borrow();
        session
            .established
            .as_ref()
            .map(|established| established.endpoints.peer)
    }
}
