//! The stream of a TCP connection: plain TCP, or TLS from the start or after an upgrade.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::error::TlsError;
use crate::event::TlsInfo;
use crate::tls::TlsUpgrade;
use crate::tls::stream::{TlsStream, handshake, info, within};
use crate::transport::{Counted, Transport};

pub(crate) enum Stream {
    Plain(Counted),
    Tls(Box<TlsStream>),
}

impl Stream {
    /// Upgrades the connection to TLS. `first` holds bytes of the peer's TLS that were read already.
    pub(crate) async fn start_tls(self, upgrade: &TlsUpgrade, first: Bytes) -> Result<Self, TlsError> {
        let Self::Plain(Counted(tcp)) = self else {
            return Err(TlsError::Protocol("the connection has TLS already".to_owned()));
        };
        let stream = within(upgrade.timeout, handshake(tcp, first, &upgrade.side)).await?;
        Ok(stream.into())
    }

    /// What TLS negotiated, if the connection has TLS.
    pub(crate) fn tls_info(&self) -> Option<TlsInfo> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => Some(info(stream)),
        }
    }
}

impl From<TcpStream> for Stream {
    fn from(tcp: TcpStream) -> Self {
        Self::Plain(Counted(tcp))
    }
}

impl From<Counted> for Stream {
    fn from(tcp: Counted) -> Self {
        Self::Plain(tcp)
    }
}

impl From<TlsStream> for Stream {
    fn from(stream: TlsStream) -> Self {
        Self::Tls(Box::new(stream))
    }
}

impl Transport for Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream.tcp(),
            Self::Tls(stream) => stream.tcp(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        blocks: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, blocks),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write_vectored(cx, blocks),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(tcp) => tcp.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
        }
    }
}
