//! Buffer of received bytes that have not been taken yet. No sockets and no clock.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};
use memchr::memchr;

/// Consecutive small blocks are joined up to this size in bytes, so that a peer that sends byte by byte does not cost
/// one allocation per byte.
const JOIN: usize = 4096;

/// A chain of received blocks, read as one stream.
#[derive(Debug, Default)]
pub struct RecvBuffer {
    blocks: VecDeque<Bytes>,
    len: usize,
}

impl RecvBuffer {
    /// Appends a block.
    pub fn push(&mut self, block: Bytes) {
        if block.is_empty() {
            return;
        }
        self.len += block.len();
        if let Some(block) = self.join(block) {
            self.blocks.push_back(block);
        }
    }

    /// Joins a small block with the last one, or returns it if that is not possible.
    fn join(&mut self, block: Bytes) -> Option<Bytes> {
        let Some(last) = self.blocks.back_mut().filter(|last| last.len() + block.len() <= JOIN) else {
            return Some(block);
        };
        match std::mem::take(last).try_into_mut() {
            Ok(mut joined) => {
                joined.extend_from_slice(&block);
                *last = joined.freeze();
                None
            }
            Err(shared) => {
                *last = shared;
                Some(block)
            }
        }
    }

    /// Number of bytes in the buffer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether the buffer is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes `skip..skip + len`, if they all lie in the first block.
    #[must_use]
    pub fn contiguous(&self, skip: usize, len: usize) -> Option<&[u8]> {
        match self.blocks.front() {
            Some(front) => front.get(skip..skip.checked_add(len)?),
            None if skip + len == 0 => Some(&[]),
            None => None,
        }
    }

    /// Copies the bytes starting at `skip` into `out`, which must not be longer than what follows `skip`.
    pub fn copy_to(&self, skip: usize, out: &mut [u8]) {
        let mut skip = skip;
        let mut out = out;
        for block in &self.blocks {
            let Some(block) = block.get(skip..).filter(|rest| !rest.is_empty()) else {
                skip -= block.len();
                continue;
            };
            skip = 0;
            let n = block.len().min(out.len());
            let (head, rest) = out.split_at_mut(n);
            head.copy_from_slice(&block[..n]);
            out = rest;
            if out.is_empty() {
                break;
            }
        }
    }

    /// Drops `n` bytes from the front.
    pub fn consume(&mut self, n: usize) {
        let mut left = n.min(self.len);
        self.len -= left;
        while left > 0 {
            let Some(front) = self.blocks.front_mut() else { return };
            if front.len() > left {
                front.advance(left);
                return;
            }
            left -= front.len();
            self.blocks.pop_front();
        }
    }

    /// Drops everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Position of the first `delimiter` that starts at or after `from` and ends within the first `limit` bytes.
    pub(crate) fn find(&self, delimiter: &[u8], from: usize, limit: usize) -> Option<usize> {
        let (&first, rest) = delimiter.split_first()?;
        let mut start = 0;
        for (index, block) in self.blocks.iter().enumerate() {
            let mut at = from.saturating_sub(start);
            while let Some(found) = block.get(at..).and_then(|tail| memchr(first, tail)) {
                at += found;
                if start + at + delimiter.len() > limit {
                    return None;
                }
                if self.matches(index, at + 1, rest) {
                    return Some(start + at);
                }
                at += 1;
            }
            start += block.len();
            if start >= limit {
                return None;
            }
        }
        None
    }

    /// Returns whether `wanted` is found at offset `at` of block `index`, continuing in the blocks after it.
    fn matches(&self, index: usize, at: usize, wanted: &[u8]) -> bool {
        let mut wanted = wanted;
        let mut at = at;
        for block in self.blocks.range(index..) {
            let here = &block[at.min(block.len())..];
            let n = here.len().min(wanted.len());
            if here[..n] != wanted[..n] {
                return false;
            }
            wanted = &wanted[n..];
            if wanted.is_empty() {
                return true;
            }
            at = 0;
        }
        wanted.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_blocks_are_joined_and_large_ones_are_not_copied() {
        let mut b = RecvBuffer::default();
        let sent: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        for byte in sent.chunks(1) {
            b.push(Bytes::copy_from_slice(byte));
        }
        assert!(b.blocks.len() <= 100_000 / JOIN + 1, "{} blocks", b.blocks.len());
        let large = Bytes::from(vec![1; 50_000]);
        let address = large.as_ptr();
        b.push(large);
        assert_eq!(b.blocks.back().map(|block| block.as_ptr()), Some(address));
        let mut got = vec![0; 100_000];
        b.copy_to(0, &mut got);
        assert_eq!((got == sent, b.len()), (true, 150_000));
    }
}
