//! What the methods of a server refuse.

use thiserror::Error;

use super::MAX_PING_LEN;
use crate::websocket::ClientId;

/// Why something for a client was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClientError {
    /// No client has this id, or no longer.
    #[error("there is no client {0}")]
    Unknown(ClientId),
    /// The client is over its limit of pending bytes. With
    /// [`BackpressurePolicy::Disconnect`](crate::websocket::options::BackpressurePolicy::Disconnect) it is being
    /// disconnected.
    #[error("client {0} has too many bytes waiting to be sent")]
    Full(ClientId),
    /// The client is being disconnected.
    #[error("client {0} is being disconnected")]
    Closing(ClientId),
    /// The payload of a ping has this number of bytes, over [`MAX_PING_LEN`].
    #[error("a ping carries at most {MAX_PING_LEN} bytes, not {0}")]
    PingTooLong(usize),
}

/// Why a decision about a handshake was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecisionError {
    /// No handshake with this id is pending: it was decided, it expired, or the client left.
    #[error("no handshake {0} waits for a decision")]
    Unknown(ClientId),
    /// Not a subprotocol that the client offered (RFC 6455 section 4.2.2). The handshake is still pending.
    #[error("the client did not offer the subprotocol '{0}'")]
    Protocol(String),
    /// Not an error status, 400 to 599. The handshake is still pending.
    #[error("{0} is no status to reject with: take 400 to 599")]
    Status(i64),
}
