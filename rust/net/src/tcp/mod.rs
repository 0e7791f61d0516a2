//! The task behind a TCP connection: how it is made, carried and closed.

pub(crate) mod connection;
pub(crate) mod counted;
pub(crate) mod dial;
pub(crate) mod farewell;
pub(crate) mod stream;
pub(crate) mod watch;
pub(crate) mod write_queue;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// What a connection runs over: plain TCP, or TLS over it.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {
    /// The TCP socket at the bottom, for its options.
    fn tcp(&self) -> &TcpStream;
}
