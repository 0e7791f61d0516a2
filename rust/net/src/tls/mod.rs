//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446) over a TCP connection, by rustls.

mod certificate;
mod config;
mod error;
pub(crate) mod failures;
mod prefixed;
mod roots;
pub(crate) mod state;
pub(crate) mod stream;
mod verify;

use std::time::Duration;

pub use config::{TlsClientConfig, TlsServerConfig, TlsTrust};

/// How a connection that stands is to go on with TLS.
#[derive(Debug, Clone)]
pub struct TlsUpgrade {
    /// Which side this is.
    pub side: TlsSide,
    /// Time for the handshake; [`crate::limits::TLS_HANDSHAKE_TIMEOUT`] is usual.
    pub timeout: Duration,
}

/// A side of a TLS connection.
#[derive(Debug, Clone)]
pub enum TlsSide {
    /// The client's.
    Client {
        /// Whom it trusts.
        config: TlsClientConfig,
        /// The name that the server's certificate must have, and that the server is told.
        host: String,
    },
    /// The server's.
    Server(TlsServerConfig),
}
