//! The options of a WebSocket connection that this side opens.

use std::time::Duration;

use super::messages::PrepareText;
use super::opening_request::RequestHeader;
use super::options::Subprotocol;
use super::outgoing::Unread;
use crate::http::head::HeadLimits;
use crate::tls::TlsClientConfig;

/// What one connection starts with. The options hold until it ends.
#[derive(Debug, Clone)]
pub struct WebSocketClientOptions {
    /// Send small segments at once (Nagle's algorithm off). Default `true`.
    pub no_delay: bool,
    /// TLS for wss URLs. Default `None`: such a URL is refused.
    pub tls: Option<TlsClientConfig>,
    /// Time for name lookup, TCP, TLS and the opening handshake together, redirects included; `None` sets no limit.
    /// Default 10 s.
    pub handshake_timeout: Option<Duration>,
    /// Maximum size of a response head, in bytes. Default 16 KiB.
    pub max_head: usize,
    /// Maximum number of header lines of a response. Default 128.
    pub max_headers: usize,
    /// Maximum number of redirects that are followed (RFC 9110 section 15.4); never from wss to ws. Default 0: a
    /// redirect is a failure.
    pub max_redirects: usize,
    /// Subprotocols to offer, in order of preference. Default none.
    pub protocols: Vec<Subprotocol>,
    /// Additional header lines of the request. Default none.
    pub headers: Vec<RequestHeader>,
    /// Time between pings; a server that sends nothing until the next one counts as gone (1006). Default `None`: no
    /// pings.
    pub heartbeat_interval: Option<Duration>,
    /// Maximum time for a closing handshake; then the connection is cut. `None` sets no limit. Default 3 s.
    pub close_timeout: Option<Duration>,
    /// Maximum size of a message from the server, in bytes of payload, 1 or more; a larger one ends the connection with
    /// 1009. Default 16 MiB.
    pub max_message_size: usize,
    /// Maximum number of bytes of frames that are pending, 1 or more. Default 16 MiB.
    pub max_pending: usize,
    /// Received bytes that may be queued before reading pauses and TCP slows the server, 1 or more; each message counts
    /// 32 bytes more than its payload, and a prepared text four times its length more. Default 1 MiB.
    pub max_queued: usize,
    /// The same limit as a number of messages, 1 or more; messages that arrive at once may exceed it. Default: no
    /// limit.
    pub max_queued_messages: usize,
    /// Counts what is received and not consumed yet. Connections that share one share a limit of four times
    /// [`Self::max_queued`]: what one has left unread slows the next. Default `None`: its own.
    pub unread: Option<Unread>,
    /// What the runtime makes of large texts before the main thread sees them. Default `None`: nothing.
    pub prepare_text: Option<PrepareText>,
}

impl Default for WebSocketClientOptions {
    fn default() -> Self {
        Self {
            no_delay: true,
            tls: None,
            handshake_timeout: Some(Duration::from_secs(10)),
            max_head: 16 * 1024,
            max_headers: 128,
            max_redirects: 0,
            protocols: Vec::new(),
            headers: Vec::new(),
            heartbeat_interval: None,
            close_timeout: Some(Duration::from_secs(3)),
            max_message_size: 16 * 1024 * 1024,
            max_pending: 16 * 1024 * 1024,
            max_queued: 1024 * 1024,
            max_queued_messages: usize::MAX,
            unread: None,
            prepare_text: None,
        }
    }
}

impl WebSocketClientOptions {
    pub(crate) fn head_limits(&self) -> HeadLimits {
        HeadLimits {
            max_head: self.max_head,
            max_headers: self.max_headers,
        }
    }
}
