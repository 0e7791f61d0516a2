//! The parts of a WebSocket server (RFC 6455): what a user sees of them, and the tasks behind
//! [`crate::websocket_server::WebSocketServer`].
//!
//! The bytes' way in: `upgrade` reads a request head (`crate::http::head`) and answers it by the rules of `handshake`;
//! `connection` is the task of one client from then on; `protocol` turns its bytes into messages without touching a socket; [`messages`]
//! carries them to the main thread. The way out: `link` holds frames that the main thread made (`frame`) until the
//! connection's `write_queue` takes them; those for many clients go by way of `broadcasts`.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

pub mod close_code;
pub mod groups;
pub mod messages;
pub mod options;
pub mod request;

pub(crate) mod assembly;
pub(crate) mod broadcasts;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod frame;
pub(crate) mod frame_gate;
pub(crate) mod handshake;
pub(crate) mod heartbeat;
pub(crate) mod link;
pub(crate) mod member;
pub(crate) mod message_clock;
pub(crate) mod protocol;
pub(crate) mod registry;
pub(crate) mod response;
pub(crate) mod server;
pub(crate) mod upgrade;
pub(crate) mod write_queue;

/// Names one client of one server: 1 for the first, never used twice. Clients that were refused by
/// [`crate::websocket_server::WebSocketServer::reject_handshake`] have used a number up too.
pub type ClientId = i64;

/// Where ids come from. Servers that share one never give two clients the same id, also while one of them still stops
/// and the next has started.
#[derive(Debug, Clone)]
pub struct ClientIds(Arc<AtomicI64>);

impl Default for ClientIds {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(1)))
    }
}

impl ClientIds {
    pub(crate) fn next(&self) -> ClientId {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
