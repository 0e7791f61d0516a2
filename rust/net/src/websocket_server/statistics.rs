//! The figures of a server.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::admission::TurnedAway;
use crate::websocket::registry::Registry;

/// A server's figures since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Clients that are established now; their events may still be queued.
    pub clients: usize,
    /// Clients that were ever established.
    pub connected: u64,
    /// Connections that were refused or lost before the end of the opening handshake.
    pub refused: u64,
    /// The ones that were refused because of their address, by plain HTTP too, or had to make room.
    pub turned_away: TurnedAway,
    /// Of those, the ones that were refused because the server had its maximum number of clients.
    pub full: u64,
    /// Messages received.
    pub messages_in: u64,
    /// Payload bytes of messages received.
    pub bytes_in: u64,
    /// Messages accepted for sending; a broadcast counts once per client.
    pub messages_out: u64,
    /// Bytes of frames accepted for sending.
    pub bytes_out: u64,
    /// Messages that the relay has taken, also those for a client that is gone. They count as received and, once per
    /// recipient, as sent.
    pub relayed: u64,
    /// Bytes that count against [`WebSocketOptions::max_total`](crate::websocket::options::WebSocketOptions::max_total)
    /// now.
    pub memory: usize,
    /// Connections that are used for plain HTTP now.
    pub http_connections: usize,
    /// Requests by plain HTTP.
    pub http_requests: u64,
    /// Of those, the ones that were refused because their address made too many.
    pub http_too_fast: u64,
}

impl Statistics {
    /// What it has counted, without what it had at that moment: the figures of a server that is over.
    #[must_use]
    pub fn totals(self) -> Self {
        Self {
            clients: 0,
            memory: 0,
            http_connections: 0,
            ..self
        }
    }

    pub(super) fn of(registry: &Registry) -> Self {
        let figures = &registry.figures;
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        Self {
            clients: registry.count(),
            connected: read(&figures.connected),
            refused: read(&figures.refused),
            turned_away: registry.admission.turned_away(),
            full: read(&figures.full),
            messages_in: read(&figures.messages_in),
            bytes_in: read(&figures.bytes_in),
            messages_out: read(&figures.messages_out),
            bytes_out: read(&figures.bytes_out),
            relayed: read(&figures.relayed),
            memory: registry.budget.used(),
            http_connections: registry.http.connections(),
            http_requests: read(&registry.http.requests),
            http_too_fast: read(&registry.http.too_fast),
        }
    }
}
