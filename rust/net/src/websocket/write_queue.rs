//! Whole frames on their way to the system.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;

use crate::budget::Account;

/// Maximum size of a block that consecutive waiting frames share, in bytes: a slow client's queue would otherwise hold
/// one allocation per message.
const JOIN: usize = 16 * 1024;

/// Maximum number of blocks handed to the system in one call.
const SLICES: usize = 16;

/// Maximum number of blocks that an empty queue keeps room for. Room for more counts as memory.
const KEEP: usize = 32;

/// A block of whole frames.
#[derive(Debug)]
struct Chunk {
    bytes: Block,
    /// Whether the frames come from the main thread and are counted there; otherwise they are control frames of the
    /// task itself.
    counted: bool,
}

#[derive(Debug)]
enum Block {
    Own(Vec<u8>),
    Shared(Bytes),
}

impl Chunk {
    fn bytes(&self) -> &[u8] {
        match &self.bytes {
            Block::Own(bytes) => bytes,
            Block::Shared(bytes) => bytes,
        }
    }

    /// Releases the block's bytes from the account.
    fn free(self, account: &Account) {
        match self.bytes {
            Block::Own(bytes) => account.release(bytes.capacity()),
            Block::Shared(bytes) => account.unshare(bytes.len()),
        }
    }
}

/// The frames that wait to be written. Whoever pushes a block has charged it to the account; it is released with the
/// block.
#[derive(Debug)]
pub(crate) struct WriteQueue {
    account: Arc<Account>,
    chunks: VecDeque<Chunk>,
    /// Number of bytes of the first chunk already written.
    written: usize,
    /// Number of bytes of control frames that wait.
    control: usize,
    /// Whether the stream may hold bytes back, as TLS does when the socket accepts no more.
    unflushed: bool,
}

impl WriteQueue {
    pub(crate) fn new(account: Arc<Account>) -> Self {
        Self {
            account,
            chunks: VecDeque::new(),
            written: 0,
            control: 0,
            unflushed: false,
        }
    }

    /// Queues frames of the main thread.
    pub(crate) fn push(&mut self, frames: Vec<u8>) {
        // The first block may be partly written; such a block can no longer be dropped, so nothing is added to it.
        if self.chunks.len() > 1
            && let Some(Chunk {
                bytes: Block::Own(last),
                counted: true,
            }) = self.chunks.back_mut()
            && last.len() + frames.len() <= JOIN
        {
            let before = last.capacity() + frames.capacity();
            last.extend_from_slice(&frames);
            let after = last.capacity();
            drop(frames);
            self.account.recharge(before, after);
            return;
        }
        self.push_block(Block::Own(frames), true);
    }

    /// Queues a frame of the main thread that several clients share.
    pub(crate) fn push_shared(&mut self, frame: Bytes) {
        self.push_block(Block::Shared(frame), true);
    }

    /// Queues control frames of the task itself. They are charged here.
    pub(crate) fn push_control(&mut self, frames: Vec<u8>) {
        self.control += frames.len();
        self.account.charge(frames.capacity());
        self.push_block(Block::Own(frames), false);
    }

    fn push_block(&mut self, bytes: Block, counted: bool) {
        let chunk = Chunk { bytes, counted };
        if chunk.bytes().is_empty() {
            chunk.free(&self.account);
        } else {
            let before = self.places();
            self.chunks.push_back(chunk);
            self.account.charge(self.places() - before);
        }
    }

    /// The memory of the places for blocks, as it counts.
    fn places(&self) -> usize {
        self.chunks.capacity().saturating_sub(KEEP) * size_of::<Chunk>()
    }

    /// Frees the places that are not needed.
    fn shrink(&mut self) {
        let before = self.places();
        if before > 0 {
            self.chunks.shrink_to(KEEP);
            self.account.release(before - self.places());
        }
    }

    /// Size of the block that is partly written, in bytes; 0 if there is none.
    pub(crate) fn started(&self) -> usize {
        match self.chunks.front() {
            Some(chunk) if self.written > 0 => chunk.bytes().len(),
            _ => 0,
        }
    }

    /// Number of bytes of control frames that wait.
    pub(crate) fn control(&self) -> usize {
        self.control
    }

    /// Drops every chunk of which nothing has been written, and returns how many counted bytes that was.
    pub(crate) fn drop_unstarted(&mut self) -> usize {
        let keep = usize::from(self.written > 0).min(self.chunks.len());
        let mut dropped = 0;
        for chunk in self.chunks.drain(keep..) {
            match chunk.counted {
                true => dropped += chunk.bytes().len(),
                false => self.control -= chunk.bytes().len(),
            }
            chunk.free(&self.account);
        }
        self.shrink();
        dropped
    }

    /// Writes until the system accepts no more or everything is out (including what TLS holds back). Returns how many
    /// counted bytes were written; ready once everything is out.
    pub(crate) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut W,
        cx: &mut Context<'_>,
    ) -> (usize, Poll<io::Result<()>>) {
        let mut settled = 0;
        while !self.chunks.is_empty() {
            let written = match self.chunks.len() {
                1 => Pin::new(&mut *stream).poll_write(cx, &self.chunks[0].bytes()[self.written..]),
                _ => {
                    let mut slices = [IoSlice::new(&[]); SLICES];
                    let mut skip = self.written;
                    for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
                        *slice = IoSlice::new(&chunk.bytes()[std::mem::take(&mut skip)..]);
                    }
                    let used = self.chunks.len().min(SLICES);
                    Pin::new(&mut *stream).poll_write_vectored(cx, &slices[..used])
                }
            };
            match written {
                Poll::Pending => return (settled, Poll::Pending),
                Poll::Ready(Err(error)) => return (settled, Poll::Ready(Err(error))),
                Poll::Ready(Ok(0)) => return (settled, Poll::Ready(Err(io::ErrorKind::WriteZero.into()))),
                Poll::Ready(Ok(n)) => {
                    self.unflushed = true;
                    settled += self.advance(n);
                }
            }
        }
        if self.unflushed {
            match Pin::new(stream).poll_flush(cx) {
                Poll::Ready(Ok(())) => self.unflushed = false,
                other => return (settled, other),
            }
        }
        self.shrink();
        (settled, Poll::Ready(Ok(())))
    }

    /// Notes that `n` bytes were written. Returns how many of them were counted.
    fn advance(&mut self, mut n: usize) -> usize {
        let mut counted = 0;
        while n > 0 {
            let Some(chunk) = self.chunks.front() else { break };
            let left = chunk.bytes().len() - self.written;
            let part = n.min(left);
            match chunk.counted {
                true => counted += part,
                false => self.control -= part,
            }
            n -= part;
            self.written += part;
            if part == left {
                if let Some(chunk) = self.chunks.pop_front() {
                    chunk.free(&self.account);
                }
                self.written = 0;
            }
        }
        counted
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::task::Waker;

    use super::*;
    use crate::budget::{Budget, Share};

    /// Accepts a limited number of bytes.
    #[derive(Default)]
    struct Pipe {
        taken: Vec<u8>,
        room: usize,
        /// Whether it holds back what it accepted.
        stuck: bool,
    }

    impl AsyncWrite for Pipe {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let n = bytes.len().min(self.room);
            if n == 0 {
                return Poll::Pending;
            }
            self.room -= n;
            self.taken.extend_from_slice(&bytes[..n]);
            Poll::Ready(Ok(n))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            if self.stuck { Poll::Pending } else { Poll::Ready(Ok(())) }
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    /// An empty queue with a new account, which counts what is pushed.
    fn queue() -> (WriteQueue, Share, Arc<Budget>) {
        let budget = Budget::new(0, usize::MAX);
        let share = budget.open(IpAddr::V4(Ipv4Addr::LOCALHOST));
        (WriteQueue::new(share.0.clone()), share, budget)
    }

    fn push(queue: &mut WriteQueue, frames: &[u8]) {
        queue.account.charge(frames.len());
        queue.push(frames.to_vec());
    }

    fn write(queue: &mut WriteQueue, pipe: &mut Pipe) -> (usize, bool) {
        let mut cx = Context::from_waker(Waker::noop());
        let (settled, poll) = queue.poll_write(pipe, &mut cx);
        (settled, poll.is_ready())
    }

    #[test]
    fn frames_go_out_in_order_and_are_counted() {
        let (mut queue, _share, budget) = queue();
        push(&mut queue, b"one");
        queue.push_control(b"two".to_vec());
        queue.push_shared(Bytes::from_static(b"three"));
        let mut pipe = Pipe {
            taken: Vec::new(),
            room: 4,
            ..Pipe::default()
        };
        assert_eq!(write(&mut queue, &mut pipe), (3, false));
        assert_eq!(queue.control(), 2);
        pipe.room = 100;
        assert_eq!(write(&mut queue, &mut pipe), (5, true));
        assert_eq!(pipe.taken, b"onetwothree");
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn small_blocks_that_wait_are_joined() {
        let (mut queue, _share, budget) = queue();
        for _ in 0..1000 {
            push(&mut queue, b"0123456789");
        }
        assert_eq!(queue.chunks.len(), 2);
        assert!((10_000..=20_010).contains(&budget.used()), "{}", budget.used());
        let mut pipe = Pipe {
            room: 100_000,
            ..Pipe::default()
        };
        assert_eq!(write(&mut queue, &mut pipe), (10_000, true));
        assert_eq!(pipe.taken, b"0123456789".repeat(1000));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_chunk_that_has_begun_is_finished() {
        let (mut queue, _share, budget) = queue();
        push(&mut queue, b"one");
        push(&mut queue, b"two");
        queue.push_control(b"three".to_vec());
        let mut pipe = Pipe {
            taken: Vec::new(),
            room: 1,
            ..Pipe::default()
        };
        write(&mut queue, &mut pipe);
        assert_eq!(queue.drop_unstarted(), 3);
        assert_eq!(queue.control(), 0);
        queue.push_control(b"close".to_vec());
        pipe.room = 100;
        assert_eq!(write(&mut queue, &mut pipe), (2, true));
        assert_eq!(pipe.taken, b"oneclose");
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn the_places_of_shared_frames_count() {
        let (mut queue, _share, budget) = queue();
        for _ in 0..1000 {
            queue.push_shared(Bytes::from_static(b"shared"));
        }
        let used = budget.used();
        assert!(used >= (1000 - KEEP) * size_of::<Chunk>(), "{used}");
        let mut pipe = Pipe {
            room: 100_000,
            ..Pipe::default()
        };
        write(&mut queue, &mut pipe);
        assert_eq!(budget.used(), 0);
        (0..1000).for_each(|_| queue.push_shared(Bytes::from_static(b"shared")));
        queue.drop_unstarted();
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn what_the_stream_holds_back_is_not_out() {
        let (mut queue, _share, budget) = queue();
        push(&mut queue, b"one");
        let mut pipe = Pipe {
            room: 100,
            stuck: true,
            ..Pipe::default()
        };
        assert_eq!(write(&mut queue, &mut pipe), (3, false));
        assert_eq!(write(&mut queue, &mut pipe), (0, false));
        pipe.stuck = false;
        assert_eq!(write(&mut queue, &mut pipe), (0, true));
        assert_eq!(budget.used(), 0);
    }
}
