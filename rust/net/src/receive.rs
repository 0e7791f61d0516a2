//! Receive requests, and how to find their results in a buffer. No sockets and no clock.

use crate::recv_buffer::RecvBuffer;

/// What a receive waits for.
#[derive(Debug, Clone)]
pub enum Want {
    /// Exactly this many bytes.
    Exactly(usize),
    /// At least one byte, and at most this many.
    UpTo(usize),
    /// All bytes up to and including a delimiter.
    Until {
        /// The delimiter; never empty.
        delimiter: Box<[u8]>,
        /// Maximum length of the result in bytes, including the delimiter.
        max: usize,
    },
    /// A line that ends in LF or CRLF; the result excludes the line ending.
    Line {
        /// Maximum length of the line in bytes, including its ending.
        max: usize,
    },
    /// A block preceded by its length, an unsigned 32-bit integer.
    Packet {
        /// The byte order of the length.
        big_endian: bool,
        /// Maximum length of the block in bytes, excluding the length prefix.
        max: usize,
    },
    /// At least one byte; nothing is consumed.
    Readable,
}

/// The state of a receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Incomplete; it needs the buffer to hold at least this many bytes.
    Needs(usize),
    /// Complete: skip `skip` bytes, take `len` bytes, then drop `drop` bytes.
    Found {
        /// Bytes before the result (the length prefix of a packet).
        skip: usize,
        /// Bytes of the result.
        len: usize,
        /// Bytes after the result (a line ending).
        drop: usize,
    },
    /// Over the limit of the request; nothing is consumed. Holds the length that the packet claims or, in a search, the
    /// number of buffered bytes.
    TooLong(usize),
}

/// A receive request, and how far it has searched the buffer.
#[derive(Debug)]
pub struct Request {
    want: Want,
    scanned: usize,
}

/// Size of a packet's length prefix in bytes.
const PACKET_HEADER: usize = 4;

impl Request {
    /// Creates a request that has not searched anything yet.
    #[must_use]
    pub fn new(want: Want) -> Self {
        Self { want, scanned: 0 }
    }

    /// What the request waits for.
    #[must_use]
    pub fn want(&self) -> &Want {
        &self.want
    }

    /// Checks the buffer for the result. Only bytes added since the last check are searched for a delimiter.
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

/// Returns the position of the delimiter, or the state of the search.
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
    use bytes::Bytes;

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
