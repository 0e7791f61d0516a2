//! The options of a WebSocket server, checked once at the edge.

use std::time::Duration;

use thiserror::Error;

use super::ClientIds;
use super::messages::PrepareText;
use crate::admission::AdmissionRules;
use crate::http::head::HeadLimits;
use crate::http::headers::{ResponseHeader, is_token};
use crate::limits::DEFAULT_MAX_TOTAL;
use crate::tls::TlsServerConfig;

/// What one server starts with. They hold until it stops.
#[derive(Debug, Clone)]
pub struct WebSocketOptions {
    /// The ids of the clients; the same for a server that follows another and must not use its ids again. Default: its
    /// own, from 1.
    pub ids: ClientIds,
    /// Connections that the system may hold before they are accepted. Default 1024.
    pub backlog: i32,
    /// Send small segments at once (Nagle's algorithm off). Default `true`.
    pub no_delay: bool,
    /// TLS from the first byte (wss). Default `None`: plain.
    pub tls: Option<TlsServerConfig>,
    /// Clients at once; whoever comes then is refused with 503. Default `None`: no limit.
    pub max_clients: Option<usize>,
    /// Who may connect, by address. Default: everybody.
    pub admission: AdmissionRules,
    /// The longest message from a client, in bytes of payload, 1 or more; a longer one ends its connection with 1009.
    /// Default 16 MiB.
    pub max_message_size: usize,
    /// Bytes of frames that may wait to be sent to one client, 1 or more. Default 16 MiB.
    pub max_pending: usize,
    /// What happens to a client over [`Self::max_pending`]. Default [`BackpressurePolicy::Refuse`].
    pub backpressure: BackpressurePolicy,
    /// How a client comes in.
    pub handshake: HandshakeOptions,
    /// Time between pings to a client; one from which nothing came until the next is taken for dead (1006). Default
    /// `None`: no pings.
    pub heartbeat_interval: Option<Duration>,
    /// How long a closing handshake may take before the connection is cut, from either side; `None` sets no limit.
    /// Default 3 s.
    pub close_timeout: Option<Duration>,
    /// Received bytes of one client that may wait for the main thread before reading stops and TCP slows that client,
    /// 1 or more; each message counts 32 bytes more than its payload, and a prepared text four times its length more.
    /// Default 1 MiB.
    pub max_queued_per_client: usize,
    /// The same for all clients together. A client of which nothing waits is read all the same. Default 64 MiB.
    pub max_queued: usize,
    /// Memory that all clients together may take, in bytes: messages that have not ended, messages that wait for the main
    /// thread, frames that wait to be sent (of a broadcast, once). When it is reached, those who hold most are
    /// disconnected with 1013; waiting messages never are the cause, as reading stops for them: from a quarter of it on,
    /// or [`Self::max_queued`]. 0 sets no limit. Default 256 MiB.
    pub max_total: usize,
    /// Time from the first byte of a message to its last; a client that needs longer is disconnected with 1008. Time in
    /// which it is not read, since messages wait for the main thread, does not count. Default 30 s; `None` sets no limit.
    pub message_timeout: Option<Duration>,
    /// What the runtime makes of large texts before the main thread sees them. Default `None`: nothing.
    pub prepare_text: Option<PrepareText>,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            ids: ClientIds::default(),
            backlog: 1024,
            no_delay: true,
            tls: None,
            max_clients: None,
            admission: AdmissionRules::default(),
            max_message_size: 16 * 1024 * 1024,
            max_pending: 16 * 1024 * 1024,
            backpressure: BackpressurePolicy::Refuse,
            handshake: HandshakeOptions::default(),
            heartbeat_interval: None,
            close_timeout: Some(Duration::from_secs(3)),
            max_queued_per_client: 1024 * 1024,
            max_queued: 64 * 1024 * 1024,
            max_total: DEFAULT_MAX_TOTAL,
            message_timeout: Some(Duration::from_secs(30)),
            prepare_text: None,
        }
    }
}

/// What happens when a message would take a client over its limit of pending bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackpressurePolicy {
    /// The message is not taken, and the call says so.
    #[default]
    Refuse,
    /// The same, and the client is disconnected with 1008; what waited for it is dropped.
    Disconnect,
}

/// Who may come in, and how (RFC 6455 section 4.2).
#[derive(Debug, Clone)]
pub struct HandshakeOptions {
    /// Time from the connection to the answer, with TLS and the script's decision within it; `None` sets no limit. Default
    /// 3 s.
    pub timeout: Option<Duration>,
    /// The longest request head, in bytes; 431 beyond. Default 8 KiB.
    pub max_head: usize,
    /// The most header lines; 431 beyond. Default 64, at most 256.
    pub max_headers: usize,
    /// Handshakes under way at once, 1 or more. Of more, the oldest whose request is not complete makes room, beginning
    /// with the address that has most of them. Requests that wait for the main thread's decision are counted apart, up to
    /// the same number and at most 1024; an address that has a quarter of these gets no more when a half is taken (503).
    /// Default 4096.
    pub max_pending: usize,
    /// Subprotocols, the server's favourite first. Default none.
    pub protocols: Vec<Subprotocol>,
    /// More header lines for the 101 response. Default none.
    pub response_headers: Vec<ResponseHeader>,
    /// Origins that may connect, as browsers write them (`https://example.org`); letters' case does not matter. An empty
    /// text stands for a client that sends no `Origin`, `*` for all. Default none: everybody may.
    pub allowed_origins: Vec<String>,
    /// Paths that exist, without a query; 404 for others. Default none: every path exists.
    pub paths: Vec<String>,
    /// Ask by [`crate::event::WebSocketEvent::HandshakeRequested`] before a client comes in. Default `false`.
    pub manual: bool,
}

impl Default for HandshakeOptions {
    fn default() -> Self {
        Self {
            timeout: Some(Duration::from_secs(3)),
            max_head: 8 * 1024,
            max_headers: 64,
            max_pending: 4096,
            protocols: Vec::new(),
            response_headers: Vec::new(),
            allowed_origins: Vec::new(),
            paths: Vec::new(),
            manual: false,
        }
    }
}

impl HandshakeOptions {
    pub(crate) fn head_limits(&self) -> HeadLimits {
        HeadLimits {
            max_head: self.max_head,
            max_headers: self.max_headers,
        }
    }
}

/// The name of a subprotocol: an HTTP token (RFC 6455 section 4.1, item 10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subprotocol(String);

impl Subprotocol {
    /// Takes a name of letters, digits and ``!#$%&'*+-.^_`|~``.
    ///
    /// # Errors
    /// [`SubprotocolError`].
    pub fn parse(name: &str) -> Result<Self, SubprotocolError> {
        if is_token(name) {
            Ok(Self(name.to_owned()))
        } else {
            Err(SubprotocolError(name.to_owned()))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that is not a subprotocol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("'{0}' is not a subprotocol: take letters, digits and !#$%&'*+-.^_`|~")]
pub struct SubprotocolError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subprotocol_is_a_token() {
        for name in ["", "a b", "a,b", "a\r\n", "ü"] {
            assert!(Subprotocol::parse(name).is_err(), "{name:?}");
        }
        assert!(Subprotocol::parse("v1.chat-json").is_ok());
    }
}
