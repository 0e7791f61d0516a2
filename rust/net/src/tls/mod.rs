//! TLS 1.2 and 1.3 (RFC 5246, RFC 8446) over a TCP connection, using rustls.

#[cfg(any(target_os = "android", test))]
mod android_roots;
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

pub use config::{TlsClientConfig, TlsServerConfig, TlsTrust, check_alpn};

/// How an established connection is upgraded to TLS.
#[derive(Debug, Clone)]
pub struct TlsUpgrade {
    /// Which side of TLS this is.
    pub side: TlsSide,
    /// Maximum duration of the handshake, usually [`crate::limits::TLS_HANDSHAKE_TIMEOUT`].
    pub timeout: Duration,
}

/// A side of a TLS connection.
#[derive(Debug, Clone)]
pub enum TlsSide {
    /// The client.
    Client {
        /// Which servers it trusts, and which protocols it offers.
        config: TlsClientConfig,
        /// The host name that the server's certificate is checked against, unless `config` says otherwise. It is sent
        /// to the server (SNI) unless it is an IP address.
        host: String,
    },
    /// The server.
    Server(TlsServerConfig),
}
