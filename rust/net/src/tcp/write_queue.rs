//! Bytes on their way to the system, and the marks between them.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

use crate::outbox::COALESCE;

/// What waits its turn in the order it was asked for.
#[derive(Debug)]
enum Item {
    Bytes(BytesMut),
    Mark(Mark),
}

/// A point in the stream of sent bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Tell the main thread that everything before was handed to the system.
    Flushed(u64),
    /// Go on with TLS.
    StartTls,
    /// Send FIN.
    Shutdown,
}

/// What one step of writing did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many bytes were handed to the system.
    Wrote(usize),
    /// Everything before this mark was.
    Reached(Mark),
    /// Nothing waits.
    Idle,
}

#[derive(Debug, Default)]
pub(crate) struct WriteQueue {
    items: VecDeque<Item>,
    /// FIN is sent.
    shut: bool,
}

impl WriteQueue {
    pub(crate) fn push(&mut self, bytes: BytesMut) {
        match self.items.back_mut() {
            _ if bytes.is_empty() => {}
            // A slow peer's queue would otherwise hold one allocation per message.
            Some(Item::Bytes(last)) if last.len() + bytes.len() <= COALESCE => last.extend_from_slice(&bytes),
            _ => self.items.push_back(Item::Bytes(bytes)),
        }
    }

    pub(crate) fn mark(&mut self, mark: Mark) {
        self.items.push_back(Item::Mark(mark));
    }

    /// Drops everything and says how many bytes that was.
    pub(crate) fn clear(&mut self) -> usize {
        self.items
            .drain(..)
            .map(|item| if let Item::Bytes(bytes) = item { bytes.len() } else { 0 })
            .sum()
    }

    /// Whether FIN is sent.
    pub(crate) fn is_shut(&self) -> bool {
        self.shut
    }

    /// Writes once, or reaches a mark. Pending only when the system takes no more.
    pub(crate) fn poll_step<W: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Step>> {
        match self.items.front_mut() {
            // A transport of several layers (TLS) may have taken bytes that it has not handed on.
            None if self.shut => Poll::Ready(Ok(Step::Idle)),
            None => {
                ready!(Pin::new(stream).poll_flush(cx))?;
                Poll::Ready(Ok(Step::Idle))
            }
            Some(Item::Mark(mark)) => {
                let mark = *mark;
                if mark == Mark::Shutdown {
                    ignore_not_connected(ready!(Pin::new(stream).poll_shutdown(cx)))?;
                    self.shut = true;
                } else if !self.shut {
                    ready!(Pin::new(stream).poll_flush(cx))?;
                }
                self.items.pop_front();
                Poll::Ready(Ok(Step::Reached(mark)))
            }
            Some(Item::Bytes(bytes)) => {
                let n = ready!(Pin::new(stream).poll_write(cx, bytes))?;
                if n == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                bytes.advance(n);
                if bytes.is_empty() {
                    self.items.pop_front();
                }
                Poll::Ready(Ok(Step::Wrote(n)))
            }
        }
    }
}

/// A peer that has reset the connection meanwhile needs no FIN.
fn ignore_not_connected(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        other => other,
    }
}
