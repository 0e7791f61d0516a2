//! Echoes every message: reads all that are available, and flushes once.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::{Sink, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

type Socket = WebSocketStream<TcpStream>;

pub(super) async fn serve(listener: TcpListener, config: WebSocketConfig) -> io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            stream.set_nodelay(true)?;
            // A client that disconnects is not an error.
            if let Ok(mut socket) = accept_async_with_config(stream, Some(config)).await {
                let _ = poll_fn(|cx| poll_echo(&mut socket, cx)).await;
            }
            io::Result::Ok(())
        });
    }
}

fn poll_echo(socket: &mut Socket, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
    loop {
        // Make room for the answer first: a client that does not read its answers is not read from either.
        if Pin::new(&mut *socket).poll_ready(cx)?.is_pending() {
            return Poll::Pending;
        }
        match Pin::new(&mut *socket).poll_next(cx) {
            Poll::Ready(None) => return Poll::Ready(Ok(())),
            Poll::Ready(Some(message)) => {
                let message = message?;
                if message.is_text() || message.is_binary() {
                    Pin::new(&mut *socket).start_send(message)?;
                }
            }
            Poll::Pending => {
                ready!(Pin::new(&mut *socket).poll_flush(cx))?;
                return Poll::Pending;
            }
        }
    }
}
