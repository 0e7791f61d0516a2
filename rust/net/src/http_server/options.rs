//! The options of HTTP on a WebSocket server.

use std::time::Duration;

use super::site::Site;
use crate::http::trusted::TrustedProxies;

/// What a server answers to requests that ask for no WebSocket, fixed from its start until it stops, except where
/// [`crate::websocket_server::WebSocketServer`] has a method that changes it. As long as there is neither a folder, nor
/// a health check, nor a handler, such requests are refused with 426.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// The folders and the health check. Default: none.
    pub site: Site,
    /// Whether the main thread takes requests that nothing else answers
    /// ([`crate::event::WebSocketEvent::HttpRequested`]). Default `false`.
    pub has_handler: bool,
    /// Maximum size of the body of a request for the main thread, in bytes; a larger one is refused with 413. Default
    /// 1 MiB.
    pub max_body: usize,
    /// Maximum time for the main thread's answer, after which the response is 504. `None` sets no limit. Default 30 s.
    pub answer_timeout: Option<Duration>,
    /// Maximum time from the head of a request to the end of its body, after which the response is 408. Default 30 s.
    pub body_timeout: Duration,
    /// Time after which a connection without a request is closed. Default 15 s.
    pub idle_timeout: Duration,
    /// Time after which a connection is cut if the client takes nothing of a response. Default 30 s.
    pub stall_timeout: Duration,
    /// Maximum number of connections that are used for HTTP, at least 1. Beyond it, further ones get 503. Once
    /// half of them are taken, connections are closed after each response, and an address that has a quarter of them
    /// gets no more, unless it is a trusted proxy. Default 1024.
    pub max_connections: usize,
    /// Maximum number of requests per address and second, all of which may arrive in one burst; further ones get 429.
    /// Default `None`: no limit.
    pub max_requests_per_second: Option<u32>,
    /// The proxies that are believed about the addresses of their clients, for WebSockets too. Default: none.
    pub trusted_proxies: TrustedProxies,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            site: Site::default(),
            has_handler: false,
            max_body: 1024 * 1024,
            answer_timeout: Some(Duration::from_secs(30)),
            body_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(15),
            stall_timeout: Duration::from_secs(30),
            max_connections: 1024,
            max_requests_per_second: None,
            trusted_proxies: TrustedProxies::default(),
        }
    }
}
