//! Watching a connection after the peer's FIN: since nothing is read any more, a reset or an unanswered keep-alive
//! would show only at the next write.

use std::future::Future;
use std::io;
use std::net::TcpStream as StdStream;
use std::pin::Pin;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// A second handle of the socket, with a readiness of its own, so that the connection's readiness stays as it is.
pub(crate) struct Watch(Pin<Box<dyn Future<Output = Option<io::Error>> + Send>>);

impl Watch {
    /// Returns `None` if the system is out of handles; the next write then reports a broken connection.
    pub(crate) fn new(stream: &TcpStream) -> Option<Self> {
        let second = StdStream::from(SockRef::from(stream).try_clone().ok()?);
        let second = TcpStream::from_std(second).ok()?;
        Some(Self(Box::pin(broken(second))))
    }

    /// Ready when the connection has broken: with the system's error, or `None` if the system only reports that nothing
    /// can be written.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Error>> {
        self.0.as_mut().poll(cx)
    }
}

async fn broken(stream: TcpStream) -> Option<io::Error> {
    // Linux and the BSDs report a reset as an error, Windows as the end of writing.
    let interest = Interest::ERROR | Interest::WRITABLE;
    loop {
        let ready = match stream.ready(interest).await {
            Ok(ready) => ready,
            Err(error) => return Some(error),
        };
        if ready.is_error() || ready.is_write_closed() {
            match stream.take_error() {
                // After the peer's FIN, Linux reports a reset as a broken pipe.
                Ok(Some(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Some(io::ErrorKind::ConnectionReset.into());
                }
                Ok(Some(error)) | Err(error) => return Some(error),
                Ok(None) if ready.is_write_closed() => return None,
                Ok(None) => {}
            }
        }
        // Being writable is not of interest: wait for the next change. Tokio clears one kind of readiness at a time.
        for seen in [Interest::WRITABLE, Interest::ERROR] {
            let _ = stream.try_io(seen, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        }
    }
}
