//! The options of a WebSocket server, checked once at the edge.

use std::time::Duration;

use thiserror::Error;

use super::ClientIds;
use super::messages::PrepareText;
use super::relay::RelayRule;
use crate::admission::AdmissionRules;
use crate::http::head::HeadLimits;
use crate::http::headers::{ResponseHeader, is_token};
use crate::http_server::options::HttpOptions;
use crate::limits::DEFAULT_MAX_TOTAL;
use crate::tls::TlsServerConfig;

/// The options of a server, fixed from its start until it stops.
#[derive(Debug, Clone)]
pub struct WebSocketOptions {
    /// Source of the clients' ids; shared by a server that follows another and must not reuse its ids. Default: a new
    /// source, which begins at 1.
    pub ids: ClientIds,
    /// Maximum number of connections that the system holds before they are accepted; the system may lower it. Default
    /// 1024.
    pub backlog: i32,
    /// Whether small segments are sent at once (Nagle's algorithm off). Default `true`.
    pub no_delay: bool,
    /// TLS from the first byte (wss). Default `None`: no TLS.
    pub tls: Option<TlsServerConfig>,
    /// Maximum number of simultaneous clients; further ones are refused with 503. Default `None`: no limit.
    pub max_clients: Option<usize>,
    /// Who may connect, by address. Default: everybody.
    pub admission: AdmissionRules,
    /// Maximum payload of a message from a client, in bytes, at least 1. A longer one ends the connection with 1009.
    /// Default 16 MiB.
    pub max_message_size: usize,
    /// Maximum number of bytes of frames waiting to be sent to one client, at least 1. Default 16 MiB.
    pub max_pending: usize,
    /// What happens when a message would exceed [`Self::max_pending`]. Default [`BackpressurePolicy::Refuse`].
    pub backpressure: BackpressurePolicy,
    /// Options of the opening handshake.
    pub handshake: HandshakeOptions,
    /// What is answered to requests that ask for no WebSocket. Default: nothing but 426.
    pub http: HttpOptions,
    /// Time between pings to a client. A client from which nothing arrives between two pings counts as dead (1006).
    /// `None` or zero sends no pings. Default `None`.
    pub heartbeat_interval: Option<Duration>,
    /// Maximum duration of a closing handshake begun by either side, after which the connection is cut. `None` sets no
    /// limit. Default 3 s.
    pub close_timeout: Option<Duration>,
    /// Minimum time from the last message to the close frame of
    /// [`WebSocketServer::disconnect`](crate::websocket_server::WebSocketServer::disconnect) and of a stop, for clients
    /// that lose what they read together with a close frame. What the client sends meanwhile is dropped. It prolongs
    /// [`Self::close_timeout`]. Default zero.
    pub close_delay: Duration,
    /// Maximum number of received bytes of one client that wait for the main thread before reading pauses and TCP slows
    /// that client, at least 1. Each message counts 32 bytes more than its payload, and a prepared text four times its
    /// length more. Default 1 MiB.
    pub max_queued_per_client: usize,
    /// Maximum number of messages of one client that wait for the main thread, likewise, at least 1. Messages that
    /// arrive at once may exceed it. Default: no limit.
    pub max_queued_messages: usize,
    /// The limit of [`Self::max_queued_per_client`] for all clients together, in bytes; effectively no more than a
    /// quarter of [`Self::max_total`]. A client with nothing waiting is still read, unless its message in progress
    /// exceeds 64 KiB or all memory is used. Default 64 MiB.
    pub max_queued: usize,
    /// Maximum memory of all clients together, in bytes: messages in progress, messages waiting for the main thread,
    /// and frames waiting to be sent (a broadcast counts once); also requests by plain HTTP that wait for the main
    /// thread, and responses that are being sent. When it is reached, the clients that hold most are disconnected with
    /// 1013, a connection for plain HTTP by 503 or in the middle of a response. Waiting messages are never the cause,
    /// since reading pauses for them at a quarter of this limit, or at [`Self::max_queued`]. 0 sets no limit. Default
    /// 256 MiB.
    pub max_total: usize,
    /// Maximum time from the first byte of a message to its last; a client that takes longer is disconnected with 1008.
    /// Time in which it is not read because messages wait for the main thread does not count. `None` or zero sets no
    /// limit. Default 30 s.
    pub message_timeout: Option<Duration>,
    /// Converts large texts before the main thread sees them. Default `None`: no conversion.
    pub prepare_text: Option<PrepareText>,
    /// Which messages from client to client are relayed without the main thread, among those that take part in this
    /// ([`crate::websocket_server::WebSocketServer::join_relay`]). Default `None`: none.
    pub relay: Option<RelayRule>,
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
            http: HttpOptions::default(),
            heartbeat_interval: None,
            close_timeout: Some(Duration::from_secs(3)),
            close_delay: Duration::ZERO,
            max_queued_per_client: 1024 * 1024,
            max_queued_messages: usize::MAX,
            max_queued: 64 * 1024 * 1024,
            max_total: DEFAULT_MAX_TOTAL,
            message_timeout: Some(Duration::from_secs(30)),
            prepare_text: None,
            relay: None,
        }
    }
}

/// What happens when a message would exceed a client's limit of pending bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BackpressurePolicy {
    /// The message is refused, and the call returns an error.
    #[default]
    Refuse,
    /// The message is refused, and the client is disconnected with 1008; whatever is queued for it is dropped.
    Disconnect,
}

/// Options of the opening handshake (RFC 6455 section 4.2).
#[derive(Debug, Clone)]
pub struct HandshakeOptions {
    /// Maximum time from the connection to the response, including TLS and the main thread's decision. `None` sets no
    /// limit. Default 3 s.
    pub timeout: Option<Duration>,
    /// Maximum size of a request head, in bytes; a larger one is refused with 431. Default 8 KiB.
    pub max_head: usize,
    /// Maximum number of header lines in a request; more are refused with 431. Default 64.
    pub max_headers: usize,
    /// Maximum number of handshakes in progress, at least 1. Beyond it, the oldest whose request is incomplete makes
    /// room, beginning with the address that has most of them. Requests that wait for the main thread's decision are
    /// counted separately, up to the same number and at most 1024; once half of these places are taken, an address that
    /// has a quarter of them gets no more (503). Default 4096.
    pub max_pending: usize,
    /// Supported subprotocols, most preferred first. Default: none.
    pub protocols: Vec<Subprotocol>,
    /// Additional header lines of the 101 response. Default: none.
    pub response_headers: Vec<ResponseHeader>,
    /// Origins that may connect, as browsers write them (`https://example.org`), ignoring case. An empty string stands
    /// for a client that sends no `Origin`, `*` for every client. Default: none, which lets every client connect.
    pub allowed_origins: Vec<String>,
    /// Paths that exist, without a query; others are refused with 404. Default: none, which lets every path exist.
    pub paths: Vec<String>,
    /// Whether the main thread is asked, by [`crate::event::WebSocketEvent::HandshakeRequested`], before a client is
    /// admitted. Default `false`.
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
    /// Accepts a name of letters, digits and ``!#$%&'*+-.^_`|~``.
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
#[error("'{0}' is not a subprotocol: use letters, digits and !#$%&'*+-.^_`|~")]
pub struct SubprotocolError(String);

/// An entry of [`HandshakeOptions::allowed_origins`] or [`HandshakeOptions::paths`] that no request can match.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HandshakeRuleError {
    /// Not an origin.
    #[error(
        "'{0}' is not an origin: write it as browsers do, such as https://example.org or http://localhost:8080, without a \
         path or a slash at the end"
    )]
    Origin(String),
    /// Not a path.
    #[error("'{0}' is not a path: it begins with a slash, has no query, and what is not ASCII is percent-encoded")]
    Path(String),
}

/// Accepts an origin as browsers send it (RFC 6454 section 6.2), an empty text, and `*`.
///
/// # Errors
/// [`HandshakeRuleError::Origin`].
pub fn parse_origin(origin: &str) -> Result<String, HandshakeRuleError> {
    let is_host = |host: &str| host.bytes().all(|b| b.is_ascii_graphic() && !b"/?#*".contains(&b));
    let is_origin = match origin.split_once("://") {
        Some((scheme, host)) => !scheme.is_empty() && is_host(scheme) && is_host(host),
        None => matches!(origin, "" | "*" | "null"),
    };
    if is_origin {
        Ok(origin.to_owned())
    } else {
        Err(HandshakeRuleError::Origin(origin.to_owned()))
    }
}

/// Accepts a path as requests have it: percent-encoded, without a query.
///
/// # Errors
/// [`HandshakeRuleError::Path`].
pub fn parse_path(path: &str) -> Result<String, HandshakeRuleError> {
    if path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic() && !b"?#".contains(&b)) {
        Ok(path.to_owned())
    } else {
        Err(HandshakeRuleError::Path(path.to_owned()))
    }
}

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

    #[test]
    fn an_origin_is_what_browsers_send() {
        for origin in [
            "",
            "*",
            "null",
            "https://a.example",
            "http://[::1]:80",
            "app://b",
            "file://",
        ] {
            assert!(parse_origin(origin).is_ok(), "{origin:?}");
        }
        for other in [
            "a.example",
            "https://a.example/",
            "https://*.a.example",
            "https://a b",
            "://a",
            "https://ü",
        ] {
            assert!(parse_origin(other).is_err(), "{other:?}");
        }
    }

    #[test]
    fn a_path_is_what_a_request_can_have() {
        for path in ["/", "/chat", "/a/b", "/a%20b"] {
            assert!(parse_path(path).is_ok(), "{path:?}");
        }
        for other in ["", "chat", "/a?b", "/a#b", "/a b", "/ü"] {
            assert!(parse_path(other).is_err(), "{other:?}");
        }
    }
}
