//! The properties of a `WebSocketClient`.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::reconnect::ReconnectOptions;

use crate::time;

/// The values of the properties. They apply to the next connection, and to the present one where possible.
pub(super) struct Settings {
    pub(super) timeout: Cell<f64>,
    /// Without TLS, which the URL decides.
    pub(super) connection: RefCell<WebSocketClientOptions>,
    pub(super) text_as_data: Cell<bool>,
    pub(super) emit_messages: Cell<bool>,
    pub(super) reconnect: Cell<bool>,
    pub(super) reconnect_options: RefCell<ReconnectOptions>,
    /// Bytes of messages that are kept while the client is away.
    pub(super) max_offline: Cell<usize>,
}

impl Default for Settings {
    fn default() -> Self {
        let connection = WebSocketClientOptions {
            heartbeat_interval: Some(Duration::from_secs(15)),
            ..WebSocketClientOptions::default()
        };
        Self {
            timeout: Cell::new(0.0),
            connection: RefCell::new(connection),
            text_as_data: Cell::new(false),
            emit_messages: Cell::new(false),
            reconnect: Cell::new(false),
            reconnect_options: RefCell::default(),
            max_offline: Cell::new(0),
        }
    }
}

impl Settings {
    /// The time limit of an operation whose own is omitted.
    pub(super) fn timeout(&self) -> Option<Duration> {
        time::limit(self.timeout.get()).unwrap_or_default()
    }
}
