//! Turning connections away with a last message, gracefully but without holding on to them for long.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::stream::Stream;
use crate::transport::Transport;

/// Maximum number of connections turned away gracefully at once. Beyond it, only what the system accepts immediately is
/// sent, and nothing over TLS.
const MAX_FAREWELLS: usize = 64;

/// Time limit for one of them.
const FAREWELL_TIME: Duration = Duration::from_secs(2);

/// Turns connections away with a message.
#[derive(Debug, Clone)]
pub(crate) struct Farewells {
    message: Bytes,
    places: Arc<Semaphore>,
}

impl Farewells {
    pub(crate) fn new(message: Bytes) -> Self {
        Self {
            message,
            places: Arc::new(Semaphore::new(MAX_FAREWELLS)),
        }
    }

    /// Turns one connection away.
    pub(crate) fn refuse(&self, mut stream: Stream) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            if let Stream::Plain(plain) = &stream {
                let _ = plain.tcp().try_write(&self.message);
            }
            return;
        };
        let message = self.message.clone();
        tokio::spawn(async move {
            // A peer that is gone already needs no farewell.
            let _ = timeout(FAREWELL_TIME, say(&mut stream, &message)).await;
            drop(place);
        });
    }
}

/// Sends the message and FIN, then waits for the peer's FIN: closing earlier could make the system send RST, which
/// destroys what the peer has not read yet.
async fn say(stream: &mut Stream, message: &[u8]) -> std::io::Result<()> {
    stream.write_all(message).await?;
    stream.shutdown().await?;
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
