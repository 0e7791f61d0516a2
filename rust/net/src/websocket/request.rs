//! A client's opening handshake, as the user of a server sees it.

use std::net::SocketAddr;

use thiserror::Error;

use crate::http::headers::Headers;
use crate::http::path::{decoded, query_pairs};

/// A valid request to open a WebSocket (RFC 6455 section 4.2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The path, beginning with `/`, as received: percent-encoding is not decoded.
    pub path: String,
    /// The query, without the `?`; empty if there is none.
    pub query: String,
    /// All header lines.
    pub headers: Headers,
    /// The `Sec-WebSocket-Key`, 24 characters.
    pub(crate) key: String,
}

impl Request {
    /// The path, decoded; as received if that is not possible.
    #[must_use]
    pub fn decoded_path(&self) -> String {
        decoded(&self.path)
    }

    /// The decoded names and values of the query, in order.
    #[must_use]
    pub fn query_pairs(&self) -> Vec<(String, String)> {
        query_pairs(&self.query)
    }

    /// The subprotocols that the client offers, in its order of preference.
    #[must_use]
    pub fn protocols(&self) -> Vec<&str> {
        self.headers
            .all("Sec-WebSocket-Protocol")
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// The origin of the page that opens the connection. Browsers always send it, other clients usually do not.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.headers.get("Origin")
    }
}

/// A request that is pending until the main thread decides.
#[derive(Debug)]
pub struct HandshakeRequest {
    /// The request.
    pub request: Request,
    /// The client's address; IPv4 on a dual-stack socket too.
    pub peer: SocketAddr,
}

/// Why a pending client was not established, other than by a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HandshakeFailure {
    /// There was no decision within [`crate::websocket::options::HandshakeOptions::timeout`], or there could be none any
    /// more.
    #[error("nobody decided in time")]
    Expired,
    /// The client closed or reset the connection.
    #[error("the client left")]
    Left,
    /// It was accepted, but the server had become full.
    #[error("the server is full")]
    Full,
    /// It was accepted, but its address had reached its limit of clients.
    #[error("its address has too many clients")]
    Crowded,
    /// It was accepted, but the server takes no new clients at the moment.
    #[error("the server takes no new clients")]
    Refusing,
    /// The server was stopped.
    #[error("the server is stopping")]
    Stopping,
    /// It was accepted, but the response could not be sent.
    #[error("the answer could not be sent")]
    Unsent,
}

/// An established client.
#[derive(Debug)]
pub struct ClientInfo {
    /// Its request to open the WebSocket.
    pub request: Request,
    /// Its address; IPv4 on a dual-stack socket too.
    pub peer: SocketAddr,
    /// The negotiated subprotocol; empty if none.
    pub protocol: String,
}
