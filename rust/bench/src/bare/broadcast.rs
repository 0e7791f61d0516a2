//! Sends a burst of messages to all clients whenever the first client asks. Queues the whole burst for a client, then
//! flushes once.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;

use futures_util::{Sink, Stream};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

type Socket = WebSocketStream<TcpStream>;

pub(super) struct Burst {
    /// Payload size in bytes.
    pub(super) size: usize,
    /// Messages per burst.
    pub(super) count: usize,
}

pub(super) async fn serve(listener: TcpListener, config: WebSocketConfig, burst: Burst) -> io::Result<()> {
    let mut clients: Vec<Socket> = Vec::new();
    let mut number: u64 = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                stream.set_nodelay(true)?;
                if let Ok(client) = accept_async_with_config(stream, Some(config)).await {
                    clients.push(client);
                }
            }
            asked = asked(clients.first_mut()) => {
                if !asked {
                    return Ok(());
                }
                // The measurement is over when a client disconnects.
                if send(&mut clients, &burst, &mut number).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

/// Waits for the first client's request. False once that client is gone.
async fn asked(first: Option<&mut Socket>) -> bool {
    let Some(first) = first else {
        return std::future::pending().await;
    };
    matches!(poll_fn(|cx| Pin::new(&mut *first).poll_next(cx)).await, Some(Ok(_)))
}

async fn send(clients: &mut [Socket], burst: &Burst, number: &mut u64) -> Result<(), Error> {
    let messages: Vec<Utf8Bytes> = (*number..)
        .take(burst.count)
        .map(|n| format!("{n:016x}{}", "x".repeat(burst.size - 16)).into())
        .collect();
    *number += burst.count as u64;
    for client in &mut *clients {
        for message in &messages {
            poll_fn(|cx| Pin::new(&mut *client).poll_ready(cx)).await?;
            Pin::new(&mut *client).start_send(Message::Text(message.clone()))?;
        }
        poll_fn(|cx| Pin::new(&mut *client).poll_flush(cx)).await?;
    }
    Ok(())
}
