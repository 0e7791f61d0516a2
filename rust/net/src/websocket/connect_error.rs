//! Why a WebSocket connection could not be opened.

use thiserror::Error;

use super::client_handshake::HandshakeError;
use super::reconnect::Failure;
use crate::error::ConnectError;
use crate::http::headers::Headers;

/// Error opening a WebSocket connection.
#[derive(Debug, Error)]
pub enum WebSocketConnectError {
    /// Name lookup, TCP or TLS failed, the connection ended before the response was complete, or the time was over.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server's answer does not open a WebSocket connection.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// The URL is a wss one, and there is no TLS configuration.
    #[error("there is no TLS configuration for a wss URL")]
    NoTls,
    /// This side has ended the attempt.
    #[error("the attempt was given up")]
    GivenUp,
    /// The runtime was stopped, or cannot start.
    #[error("the network runtime is not running")]
    Stopped,
}

impl WebSocketConnectError {
    /// The status and the header lines of the response, if the server answered with another status than 101.
    #[must_use]
    pub fn response(&self) -> Option<(u16, &Headers)> {
        match self {
            Self::Handshake(HandshakeError::Status(refused)) => Some((refused.status, &refused.headers)),
            _ => None,
        }
    }
}

impl From<&WebSocketConnectError> for Failure {
    fn from(error: &WebSocketConnectError) -> Self {
        match error {
            WebSocketConnectError::Connect(error) => error.into(),
            WebSocketConnectError::Handshake(error) => error.into(),
            WebSocketConnectError::NoTls => Self::Lasting,
            WebSocketConnectError::GivenUp | WebSocketConnectError::Stopped => Self::Passing,
        }
    }
}
