//! The task behind a TCP connection: how the connection is established, run and closed.

pub(crate) mod connection;
pub(crate) mod counted;
pub(crate) mod dial;
pub(crate) mod farewell;
pub(crate) mod stream;
pub(crate) mod watch;
pub(crate) mod write_queue;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// The stream that a connection runs over: plain TCP, or TLS over TCP.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {
    /// The underlying TCP socket, for its options.
    fn tcp(&self) -> &TcpStream;
}
