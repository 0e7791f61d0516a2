//! Received bytes that the user has not taken yet, and what a receive asks of them. No socket, no clock.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

/// Small blocks in a row are joined up to this size, so that a peer that sends byte by byte costs no allocation for each.
const JOIN: usize = 4096;

/// A chain of received blocks, read as one stream.
#[derive(Debug, Default)]
pub struct RecvBuffer {
    blocks: VecDeque<Bytes>,
    len: usize,
}

impl RecvBuffer {
    /// Adds a block at the end.
    pub fn push(&mut self, block: Bytes) {
        if block.is_empty() {
            return;
        }
        self.len += block.len();
        if let Some(block) = self.join(block) {
            self.blocks.push_back(block);
        }
    }

    /// Joins a small block with the last one, or gives it back.
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

    /// Bytes in the buffer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes `skip..skip + len`, if they stand in one block.
    #[must_use]
    pub fn contiguous(&self, skip: usize, len: usize) -> Option<&[u8]> {
        match self.blocks.front() {
            Some(front) => front.get(skip..skip.checked_add(len)?),
            None if skip + len == 0 => Some(&[]),
            None => None,
        }
    }

    /// Copies the bytes from `skip` on into `out`, which must not be longer than what is there.
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

    /// The position of the first `delimiter` that ends after `from`, searched only below `limit` bytes.
    fn find(&self, delimiter: &[u8], from: usize, limit: usize) -> Option<usize> {
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

    /// Whether `wanted` stands at offset `at` of block `index` and the blocks after it.
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

/// The first place of a byte; the standard library's search of a slice of bytes is vectorised.
fn memchr(byte: u8, bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|&b| b == byte)
}

/// What a receive waits for.
#[derive(Debug, Clone)]
pub enum Want {
    /// Exactly so many bytes.
    Exactly(usize),
    /// At least one byte, at most so many.
    UpTo(usize),
    /// Everything up to and with the delimiter, at most `max` bytes with it.
    Until {
        /// What ends it; never empty.
        delimiter: Box<[u8]>,
        /// The longest answer, in bytes, the delimiter included.
        max: usize,
    },
    /// A line that ends in LF or CRLF; the answer is without the ending.
    Line {
        /// The longest line, in bytes, its ending included.
        max: usize,
    },
    /// A block behind its length, which is an unsigned 32-bit number.
    Packet {
        /// The byte order of the length.
        big_endian: bool,
        /// The longest block, in bytes, without its length.
        max: usize,
    },
    /// Any byte at all; nothing is taken.
    Readable,
}

/// How a receive stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Not there yet; it cannot be there before the buffer holds so many bytes.
    Needs(usize),
    /// There: skip so many bytes, take so many, drop so many after them.
    Found {
        /// Bytes before the answer (a packet's length).
        skip: usize,
        /// The answer.
        len: usize,
        /// Bytes after it (a line's ending).
        drop: usize,
    },
    /// Over its own limit; the bytes stay. With the length that a packet claims.
    TooLong(usize),
}

/// One receive and how far it has looked already.
#[derive(Debug)]
pub struct Request {
    want: Want,
    scanned: usize,
}

/// Bytes of a packet's length.
const PACKET_HEADER: usize = 4;

impl Request {
    /// A receive that has not looked yet.
    #[must_use]
    pub fn new(want: Want) -> Self {
        Self { want, scanned: 0 }
    }

    /// What it waits for.
    #[must_use]
    pub fn want(&self) -> &Want {
        &self.want
    }

    /// Looks at the buffer. Only what has come since the last look is searched for a delimiter.
    pub fn check(&mut self, buffer: &RecvBuffer) -> Progress {
        let found = |skip, len, drop| Progress::Found { skip, len, drop };
        match &self.want {
            Want::Exactly(n) if buffer.len() >= *n => found(0, *n, 0),
            Want::Exactly(n) => Progress::Needs(*n),
            Want::UpTo(_) | Want::Readable if buffer.is_empty() => Progress::Needs(1),
            Want::UpTo(max) => found(0, buffer.len().min(*max), 0),
            Want::Readable => found(0, 0, 0),
            Want::Until { delimiter, max } => match scan(buffer, delimiter, *max, &mut self.scanned) {
                Ok(at) => found(0, at + delimiter.len(), 0),
                Err(progress) => progress,
            },
            Want::Line { max } => match scan(buffer, b"\n", *max, &mut self.scanned) {
                Ok(at) => {
                    let mut last = [0];
                    if at > 0 {
                        buffer.copy_to(at - 1, &mut last);
                    }
                    let cr = usize::from(last == *b"\r");
                    found(0, at - cr, 1 + cr)
                }
                Err(progress) => progress,
            },
            Want::Packet { .. } if buffer.len() < PACKET_HEADER => Progress::Needs(PACKET_HEADER),
            Want::Packet { big_endian, max } => {
                let mut header = [0; PACKET_HEADER];
                buffer.copy_to(0, &mut header);
                let len = if *big_endian {
                    u32::from_be_bytes(header)
                } else {
                    u32::from_le_bytes(header)
                } as usize;
                if len > *max {
                    Progress::TooLong(len)
                } else if buffer.len() - PACKET_HEADER < len {
                    Progress::Needs(PACKET_HEADER + len)
                } else {
                    found(PACKET_HEADER, len, 0)
                }
            }
        }
    }
}

/// Where the delimiter starts, or how the search stands.
fn scan(buffer: &RecvBuffer, delimiter: &[u8], max: usize, scanned: &mut usize) -> Result<usize, Progress> {
    if let Some(at) = buffer.find(delimiter, *scanned, max) {
        return Ok(at);
    }
    *scanned = (buffer.len() + 1).saturating_sub(delimiter.len());
    if buffer.len() >= max {
        Err(Progress::TooLong(buffer.len()))
    } else {
        Err(Progress::Needs(buffer.len() + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buffer(blocks: &[&'static str]) -> RecvBuffer {
        let mut buffer = RecvBuffer::default();
        for block in blocks {
            buffer.push(Bytes::from_static(block.as_bytes()));
        }
        buffer
    }

    fn take(buffer: &mut RecvBuffer, want: Want) -> Result<String, Progress> {
        match Request::new(want).check(buffer) {
            Progress::Found { skip, len, drop } => {
                let mut out = vec![0; len];
                buffer.copy_to(skip, &mut out);
                buffer.consume(skip + len + drop);
                Ok(String::from_utf8(out).expect("UTF-8"))
            }
            other => Err(other),
        }
    }

    #[test]
    fn exactly_crosses_blocks() {
        let mut b = buffer(&["ab", "cde", "f"]);
        assert_eq!(take(&mut b, Want::Exactly(7)), Err(Progress::Needs(7)));
        assert_eq!(take(&mut b, Want::Exactly(4)), Ok("abcd".into()));
        assert_eq!(take(&mut b, Want::Exactly(0)), Ok(String::new()));
        assert_eq!(take(&mut b, Want::Exactly(2)), Ok("ef".into()));
        assert!(b.is_empty());
    }

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

    #[test]
    fn up_to_takes_what_is_there() {
        let mut b = buffer(&["ab", "cde"]);
        assert_eq!(take(&mut b, Want::UpTo(4)), Ok("abcd".into()));
        assert_eq!(take(&mut b, Want::UpTo(4)), Ok("e".into()));
        assert_eq!(take(&mut b, Want::UpTo(4)), Err(Progress::Needs(1)));
    }

    #[test]
    fn a_line_may_be_split_anywhere() {
        for blocks in [
            ["one\r\ntwo\n", ""],
            ["one\r", "\ntwo\n"],
            ["one", "\r\ntwo\n"],
            ["", "one\r\ntwo\n"],
        ] {
            let mut b = buffer(&blocks);
            assert_eq!(take(&mut b, Want::Line { max: 100 }), Ok("one".into()));
            assert_eq!(take(&mut b, Want::Line { max: 100 }), Ok("two".into()));
        }
        assert_eq!(take(&mut buffer(&["\n"]), Want::Line { max: 1 }), Ok(String::new()));
        assert_eq!(take(&mut buffer(&["\r\n"]), Want::Line { max: 2 }), Ok(String::new()));
    }

    #[test]
    fn a_line_over_its_limit_keeps_its_bytes() {
        let mut b = buffer(&["abcd", "e\n"]);
        assert_eq!(take(&mut b, Want::Line { max: 5 }), Err(Progress::TooLong(6)));
        assert_eq!(take(&mut b, Want::Line { max: 6 }), Ok("abcde".into()));
    }

    #[test]
    fn a_delimiter_is_found_across_blocks_and_after_false_starts() {
        let want = || Want::Until {
            delimiter: (*b"--x").into(),
            max: 100,
        };
        let mut b = buffer(&["a-", "b--", "-", "-x", "rest"]);
        assert_eq!(take(&mut b, want()), Ok("a-b----x".into()));
        assert_eq!(b.len(), 4);
    }

    #[test]
    fn a_search_goes_on_where_it_stopped() {
        let mut b = buffer(&["aaaa-"]);
        let mut request = Request::new(Want::Until {
            delimiter: (*b"-!").into(),
            max: 100,
        });
        assert_eq!(request.check(&b), Progress::Needs(6));
        assert_eq!(request.scanned, 4);
        b.push(Bytes::from_static(b"!"));
        assert_eq!(
            request.check(&b),
            Progress::Found {
                skip: 0,
                len: 6,
                drop: 0
            }
        );
    }

    #[test]
    fn a_packet_has_its_length_in_either_order() {
        let mut b = RecvBuffer::default();
        b.push(Bytes::from_static(&[3, 0]));
        assert_eq!(
            take(
                &mut b,
                Want::Packet {
                    big_endian: false,
                    max: 8
                }
            ),
            Err(Progress::Needs(4))
        );
        b.push(Bytes::from_static(&[0, 0, b'a', b'b']));
        assert_eq!(
            take(
                &mut b,
                Want::Packet {
                    big_endian: false,
                    max: 8
                }
            ),
            Err(Progress::Needs(7))
        );
        assert_eq!(
            take(
                &mut b,
                Want::Packet {
                    big_endian: true,
                    max: 8
                }
            ),
            Err(Progress::TooLong(3 << 24))
        );
        b.push(Bytes::from_static(b"cd"));
        assert_eq!(
            take(
                &mut b,
                Want::Packet {
                    big_endian: false,
                    max: 8
                }
            ),
            Ok("abc".into())
        );
        assert_eq!(b.len(), 1);
    }
}
