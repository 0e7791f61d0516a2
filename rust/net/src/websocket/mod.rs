//! The parts of a WebSocket server (RFC 6455): its public types, and the tasks behind
//! [`crate::websocket_server::WebSocketServer`].
//!
//! Inbound: `upgrade` reads a request head (`crate::http::head`) and answers it by the rules of `handshake`;
//! `connection` is the task of one client from then on; `protocol` turns its bytes into messages without touching a
//! socket; [`messages`] carries them to the main thread. Outbound: `link` holds frames that the main thread encoded
//! (`frame`) until the connection's `write_queue` takes them; frames for many clients go through `broadcasts`. What
//! clients send each other may go round in the tasks alone ([`relay`]).
//!
//! The client's side: [`url`], the opening handshake ([`opening_request`] and [`client_handshake`], carried by
//! `dialer`), `outgoing` (the owner of the connection), and [`reconnect`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

mod client_events;
pub mod client_handshake;
pub mod client_options;
pub mod close_code;
pub mod connect_error;
pub mod groups;
pub mod messages;
pub mod opening_request;
pub mod options;
pub mod outgoing;
pub mod reconnect;
pub mod relay;
pub mod request;
pub mod url;

pub(crate) mod assembly;
pub(crate) mod broadcasts;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod dialer;
pub(crate) mod flushes;
pub(crate) mod frame;
pub(crate) mod frame_gate;
pub(crate) mod handshake;
pub(crate) mod heartbeat;
pub(crate) mod link;
pub(crate) mod mask;
pub(crate) mod member;
pub(crate) mod message_clock;
pub(crate) mod protocol;
pub(crate) mod registry;
pub(crate) mod response;
pub(crate) mod server;
pub(crate) mod upgrade;
pub(crate) mod write_queue;

pub use client::{Arrived, Recipient};

/// The id of one client of one server: 1 for the first, never used twice. A client that was refused by
/// [`crate::websocket_server::WebSocketServer::reject_handshake`] has used up an id too.
pub type ClientId = i64;

/// A source of client ids. Servers that share one never give two clients the same id, even while one server is still
/// stopping and the next has started.
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
