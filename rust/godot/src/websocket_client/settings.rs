//! The properties of a `WebSocketClient`.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_sockets_net::websocket::client_options::WebSocketClientOptions;
use async_sockets_net::websocket::outgoing::Unread;
use async_sockets_net::websocket::reconnect::ReconnectOptions;

use crate::time;

/// The values of the properties. They apply to the next connection, and to the present one where possible.
pub(super) struct Settings {
    pub(super) timeout: Cell<f64>,
    /// Shared by all clients until it is changed.
    options: RefCell<Arc<Options>>,
    /// What the script has not received yet, of all its connections.
    unread: RefCell<Unread>,
    pub(super) text_as_data: Cell<bool>,
    pub(super) emit_messages: Cell<bool>,
    pub(super) reconnect: Cell<bool>,
    /// Bytes of messages that are kept while the client is away.
    pub(super) max_offline: Cell<usize>,
}

#[derive(Clone)]
struct Options {
    /// Without TLS, which the URL decides.
    connection: WebSocketClientOptions,
    reconnect: ReconnectOptions,
}

/// Counted across threads, as objects may be created and freed in any thread.
static DEFAULTS: LazyLock<Arc<Options>> = LazyLock::new(|| {
    Arc::new(Options {
        connection: WebSocketClientOptions {
            heartbeat_interval: Some(Duration::from_secs(15)),
            ..WebSocketClientOptions::default()
        },
        reconnect: ReconnectOptions::default(),
    })
});

impl Default for Settings {
    fn default() -> Self {
        let options = DEFAULTS.clone();
        let unread = Unread::new(options.connection.max_queued);
        Self {
            timeout: Cell::new(0.0),
            options: RefCell::new(options),
            unread: RefCell::new(unread),
            text_as_data: Cell::new(false),
            emit_messages: Cell::new(false),
            reconnect: Cell::new(false),
            max_offline: Cell::new(0),
        }
    }
}

impl Settings {
    /// The time limit of an operation whose own is omitted.
    pub(super) fn timeout(&self) -> Option<Duration> {
        time::limit(self.timeout.get()).unwrap_or_default()
    }

    /// Reads from the options of the next connection.
    pub(super) fn connection<R>(&self, read: impl FnOnce(&WebSocketClientOptions) -> R) -> R {
        read(&self.options.borrow().connection)
    }

    pub(super) fn change_connection(&self, change: impl FnOnce(&mut WebSocketClientOptions)) {
        change(&mut Arc::make_mut(&mut self.options.borrow_mut()).connection);
    }

    /// The options of the next connection, without TLS.
    pub(super) fn for_connection(&self) -> WebSocketClientOptions {
        WebSocketClientOptions {
            unread: Some(self.unread.borrow().clone()),
            ..self.connection(Clone::clone)
        }
    }

    pub(super) fn set_max_queued(&self, bytes: usize) {
        self.change_connection(|options| options.max_queued = bytes);
        self.unread.replace(Unread::new(bytes));
    }

    /// Reads when to connect again.
    pub(super) fn when<R>(&self, read: impl FnOnce(&ReconnectOptions) -> R) -> R {
        read(&self.options.borrow().reconnect)
    }

    pub(super) fn change_when(&self, change: impl FnOnce(&mut ReconnectOptions)) {
        change(&mut Arc::make_mut(&mut self.options.borrow_mut()).reconnect);
    }
}
