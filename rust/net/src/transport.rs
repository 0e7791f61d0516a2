//! The stream under every connection (plain, TLS or WebSocket), where its bytes are counted.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::traffic::{count_received, count_sent};

/// `MSG_NOSIGNAL`. Apple's systems have a socket option instead, which the standard library sets.
const NO_SIGNAL: i32 = if cfg!(any(target_os = "linux", target_os = "android")) {
    0x4000
} else {
    0
};

/// Blocks that one call sends at most; the system's limit is 1024 or less.
const MAX_BLOCKS: usize = 64;

/// The stream that a connection runs over: plain TCP, or TLS over TCP.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin + Send {
    /// The underlying TCP socket, for its options.
    fn tcp(&self) -> &TcpStream;
}

/// A TCP stream that counts the bytes it moves.
#[derive(Debug)]
pub(crate) struct Counted(pub(crate) TcpStream);

impl Transport for Counted {
    fn tcp(&self) -> &TcpStream {
        &self.0
    }
}

impl AsyncRead for Counted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.get_mut().0).poll_read(cx, buffer);
        if read.is_ready() {
            count_received(buffer.filled().len() - before);
        }
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().0)
            .poll_write(cx, bytes)
            .map_ok(counted_sent)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        blocks: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        poll_send_vectored(&self.0, cx, blocks).map_ok(counted_sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().0).poll_shutdown(cx)
    }
}

/// Writes several blocks like tokio's `poll_write_vectored`, which however uses `writev`: on Linux that ends the
/// process with SIGPIPE if the peer has reset the connection, unless the process ignores the signal, which the engine
/// does not.
fn poll_send_vectored(tcp: &TcpStream, cx: &mut Context<'_>, blocks: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
    let blocks = &blocks[..blocks.len().min(MAX_BLOCKS)];
    loop {
        ready!(tcp.poll_write_ready(cx))?;
        let send = || SockRef::from(tcp).send_vectored_with_flags(blocks, NO_SIGNAL);
        match tcp.try_io(Interest::WRITABLE, send) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return Poll::Ready(sent),
        }
    }
}

fn counted_sent(bytes: usize) -> usize {
    count_sent(bytes);
    bytes
}
