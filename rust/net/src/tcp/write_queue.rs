//! Bytes on their way to the system, and marks between them.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

use crate::outbox::COALESCE;

/// An entry of the queue; entries keep the order in which they were requested.
#[derive(Debug)]
enum Item {
    Bytes(BytesMut),
    Mark(Mark),
}

/// A point in the stream of sent bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Tell the main thread that everything before has been handed to the system.
    Flushed(u64),
    /// Switch to TLS.
    StartTls,
    /// Send FIN.
    Shutdown,
}

/// What one step of writing did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// This many bytes were handed to the system.
    Wrote(usize),
    /// Everything before this mark was handed to the system, and FIN was sent if the mark asks for it.
    Reached(Mark),
    /// Nothing is left to write.
    Idle,
}

#[derive(Debug, Default)]
pub(crate) struct WriteQueue {
    items: VecDeque<Item>,
    /// Whether FIN has been sent.
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

    /// Drops everything, and returns how many bytes that was.
    pub(crate) fn clear(&mut self) -> usize {
        self.items
            .drain(..)
            .map(|item| if let Item::Bytes(bytes) = item { bytes.len() } else { 0 })
            .sum()
    }

    /// Returns whether FIN has been sent.
    pub(crate) fn is_shut(&self) -> bool {
        self.shut
    }

    /// Writes once, or reaches a mark. Pending only while the stream accepts no more.
    pub(crate) fn poll_step<W: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut W,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Step>> {
        match self.items.front_mut() {
            // A layered transport (TLS) may have accepted bytes that it has not passed on yet.
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

/// Ignores that the peer has already reset the connection, since it needs no FIN then.
fn ignore_not_connected(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
        other => other,
    }
}
