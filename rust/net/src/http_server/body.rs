//! The bodies of responses.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::task::{JoinHandle, spawn_blocking};

use super::memory::Scale;
use super::turn::Turn;

/// Bytes of a file that are read at a time.
const BLOCK: u64 = 128 * 1024;

/// A body, which ends its request's turn when hyper has taken all of it.
#[derive(Debug)]
pub(crate) struct ResponseBody {
    content: Content,
    _turn: Turn,
}

/// The content of a response.
#[derive(Debug)]
pub(crate) enum Content {
    Bytes(Bytes),
    File(FilePart),
}

/// What is left to send of an open file, from its present position.
#[derive(Debug)]
pub(crate) struct FilePart {
    state: Reading,
    left: u64,
    /// Counts the blocks as memory.
    scale: Option<Scale>,
}

#[derive(Debug)]
enum Reading {
    Idle(File),
    Busy(JoinHandle<io::Result<(File, Bytes)>>),
    Failed,
}

impl Content {
    pub(crate) fn empty() -> Self {
        Self::Bytes(Bytes::new())
    }

    /// `len` bytes of a file, from its present position.
    pub(crate) fn file(file: File, len: u64) -> Self {
        Self::File(FilePart {
            state: Reading::Idle(file),
            left: len,
            scale: None,
        })
    }

    /// Counts as memory what is kept of it.
    pub(crate) fn counted(self, scale: Scale) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(scale.outgoing(bytes)),
            Self::File(part) => Self::File(FilePart {
                scale: Some(scale),
                ..part
            }),
        }
    }

    /// In bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(part) => part.left,
        }
    }
}

impl ResponseBody {
    pub(crate) fn new(content: Content, turn: Turn) -> Self {
        Self { content, _turn: turn }
    }
}

impl FilePart {
    fn poll_block(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        loop {
            match &mut self.state {
                Reading::Idle(_) => {
                    let Reading::Idle(mut file) = std::mem::replace(&mut self.state, Reading::Failed) else {
                        continue;
                    };
                    let len = self.left.min(BLOCK);
                    self.state = Reading::Busy(spawn_blocking(move || {
                        let mut block = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
                        Read::by_ref(&mut file).take(len).read_to_end(&mut block)?;
                        Ok((file, block.into()))
                    }));
                }
                Reading::Busy(task) => {
                    let read = ready!(Pin::new(task).poll(cx));
                    self.state = Reading::Failed;
                    let (file, block) = read.map_err(io::Error::other)??;
                    if block.is_empty() {
                        // The length was sent already: all that can be done is to break the connection.
                        return Poll::Ready(Err(io::Error::other("the file became shorter")));
                    }
                    self.left -= block.len() as u64;
                    self.state = Reading::Idle(file);
                    return Poll::Ready(Ok(match &self.scale {
                        Some(scale) => scale.outgoing(block),
                        None => block,
                    }));
                }
                Reading::Failed => return Poll::Ready(Err(io::Error::other("the file cannot be read"))),
            }
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match &mut self.get_mut().content {
            Content::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Content::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Content::File(part) if part.left == 0 => Poll::Ready(None),
            Content::File(part) => part.poll_block(cx).map(|block| Some(block.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.content.len() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.len())
    }
}
