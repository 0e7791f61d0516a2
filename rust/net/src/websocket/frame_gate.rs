//! Parsing of frame headers (RFC 6455 section 5.2): an invalid frame is refused before its payload arrives.

use tokio_tungstenite::tungstenite::protocol::Role;

use super::close_code::{CloseCode, CloseFrame};
use super::frame::MAX_CONTROL_PAYLOAD;

/// Maximum length of a header, in bytes: with a 64-bit length and a mask.
pub(crate) const MAX_HEADER: usize = 14;

/// Bits of the first and second byte.
const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const OPCODE: u8 = 0x0F;
pub(super) const MASKED: u8 = 0x80;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carries {
    /// The beginning of a message of this kind, or all of it.
    Text,
    Binary,
    /// More of the message in progress.
    Continuation,
    Close,
    /// A ping or pong.
    Control,
}

impl Carries {
    pub(crate) fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Control)
    }
}

/// The header of a valid frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) carries: Carries,
    /// Whether this is the last frame of its message.
    pub(crate) last: bool,
    /// Length of the payload, in bytes.
    pub(crate) len: usize,
    /// All zeros if the frame is not masked.
    pub(crate) mask: [u8; 4],
}

/// Parses the peer's headers, however they are split, and checks that each may come next.
#[derive(Debug)]
pub(crate) struct FrameGate {
    /// This side's role: frames from a client must be masked, frames from a server must not (section 5.1).
    role: Role,
    max_message_size: usize,
    header: [u8; MAX_HEADER],
    header_len: usize,
    /// Total payload length in the headers of the message in progress so far; `None` if no message is in progress.
    message: Option<usize>,
}

impl FrameGate {
    pub(crate) fn new(role: Role, max_message_size: usize) -> Self {
        Self {
            role,
            max_message_size,
            header: [0; MAX_HEADER],
            header_len: 0,
            message: None,
        }
    }

    /// Consumes header bytes from the front of `input`. Returns how many, and the header once it is complete. The error
    /// is the close frame for the peer; the gate must not be used after it.
    pub(crate) fn take(&mut self, input: &[u8]) -> Result<(usize, Option<Header>), CloseFrame> {
        let mut at = 0;
        if self.header_len == 0 {
            // Clears what the previous header left.
            self.header[1] = 0;
        }
        loop {
            let (length_bytes, mask_bytes) = self.parts();
            let wanted = match self.header_len {
                0 | 1 => 2,
                len if len < 2 + length_bytes => 2 + length_bytes,
                _ => 2 + length_bytes + mask_bytes,
            };
            let part = (wanted - self.header_len).min(input.len() - at);
            self.header[self.header_len..self.header_len + part].copy_from_slice(&input[at..at + part]);
            self.header_len += part;
            at += part;
            if self.header_len < wanted {
                return Ok((at, None));
            }
            if wanted == 2 {
                self.check_start()?;
            }
            let (length_bytes, mask_bytes) = self.parts();
            if self.header_len == 2 + length_bytes {
                self.check_length(length_bytes)?;
            }
            if self.header_len == 2 + length_bytes + mask_bytes {
                return Ok((at, Some(self.finish(length_bytes))));
            }
        }
    }

    /// The bytes of the most recent header.
    pub(crate) fn last_header(&self) -> &[u8] {
        let (length_bytes, mask_bytes) = self.parts();
        &self.header[..2 + length_bytes + mask_bytes]
    }

    /// Returns whether a header or a message is in progress, apart from the payload of its last frame.
    pub(crate) fn is_within(&self) -> bool {
        self.header_len > 0 || self.message.is_some()
    }

    /// Number of length bytes and of mask bytes that follow the first two bytes.
    fn parts(&self) -> (usize, usize) {
        let second = self.header[1];
        let length_bytes = match second & !MASKED {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        (length_bytes, if second & MASKED == 0 { 0 } else { 4 })
    }

    fn check_start(&self) -> Result<(), CloseFrame> {
        let [first, second, ..] = self.header;
        let opcode = first & OPCODE;
        let words = if first & RESERVED != 0 {
            "a reserved bit is set"
        } else if matches!(opcode, 3..=7 | 11..) {
            "the opcode is reserved"
        } else if self.role == Role::Server && second & MASKED == 0 {
            "the frame is not masked"
        } else if self.role == Role::Client && second & MASKED != 0 {
            "the frame is masked"
        } else if opcode >= 8 && first & FIN == 0 {
            "a control frame is in pieces"
        } else if opcode >= 8 && usize::from(second & !MASKED) > MAX_CONTROL_PAYLOAD {
            "a control frame is longer than 125 bytes"
        } else if opcode == 0 && self.message.is_none() {
            "a continuation without a beginning"
        } else if matches!(opcode, 1 | 2) && self.message.is_some() {
            "a message begins inside another"
        } else {
            return Ok(());
        };
        Err(CloseFrame::new(CloseCode::PROTOCOL_ERROR, words))
    }

    fn check_length(&self, length_bytes: usize) -> Result<(), CloseFrame> {
        let before = self.message.unwrap_or(0);
        let is_control = self.header[0] & OPCODE >= 8;
        if is_control
            || self
                .len(length_bytes)
                .is_some_and(|len| len <= self.max_message_size - before)
        {
            return Ok(());
        }
        let words = format!("the message is longer than {} bytes", self.max_message_size);
        Err(CloseFrame::new(CloseCode::TOO_BIG, &words))
    }

    /// The length of the payload, in bytes; `None` if no memory could hold it.
    fn len(&self, length_bytes: usize) -> Option<usize> {
        match length_bytes {
            0 => Some(usize::from(self.header[1] & !MASKED)),
            _ => {
                let bytes = &self.header[2..2 + length_bytes];
                let len = bytes.iter().fold(0, |len, byte| len << 8 | u64::from(*byte));
                usize::try_from(len).ok()
            }
        }
    }

    fn finish(&mut self, length_bytes: usize) -> Header {
        let (first, len) = (self.header[0], self.len(length_bytes).unwrap_or(0));
        let mut mask = [0; 4];
        if self.header_len == 2 + length_bytes + mask.len() {
            mask.copy_from_slice(&self.header[2 + length_bytes..self.header_len]);
        }
        self.header_len = 0;
        let last = first & FIN != 0;
        let carries = match first & OPCODE {
            0 => Carries::Continuation,
            1 => Carries::Text,
            2 => Carries::Binary,
            8 => Carries::Close,
            _ => Carries::Control,
        };
        if !carries.is_control() {
            self.message = match last {
                true => None,
                false => Some(self.message.unwrap_or(0) + len),
            };
        }
        Header {
            carries,
            last,
            len,
            mask,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: usize = 100_000;

    fn gate() -> FrameGate {
        FrameGate::new(Role::Server, MAX)
    }

    /// A masked frame's header.
    fn header(first: u8, len: u64) -> Vec<u8> {
        let mut out = vec![first];
        match len {
            0..126 => out.push(0x80 | len as u8),
            126..65536 => {
                out.push(0x80 | 126);
                out.extend((len as u16).to_be_bytes());
            }
            _ => {
                out.push(0x80 | 127);
                out.extend(len.to_be_bytes());
            }
        }
        out.extend([1, 2, 3, 4]);
        out
    }

    /// The code with which a gate refuses (0 if it does not), and how many bytes it had seen by then.
    fn refused(gate: &mut FrameGate, bytes: &[u8]) -> (u16, usize) {
        for (n, byte) in bytes.iter().enumerate() {
            match gate.take(&[*byte]) {
                Ok((taken, _)) => assert_eq!(taken, 1),
                Err(frame) => return (frame.code().get(), n + 1),
            }
        }
        (0, bytes.len())
    }

    #[test]
    fn any_cut_gives_the_same_header() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let bytes = [header(0x82, len), vec![9; 3]].concat();
            let end = bytes.len() - 3;
            let wanted = Header {
                carries: Carries::Binary,
                last: true,
                len: len as usize,
                mask: [1, 2, 3, 4],
            };
            assert_eq!(gate().take(&bytes), Ok((end, Some(wanted))));
            for cut in 0..end {
                let mut gate = gate();
                assert_eq!(gate.take(&bytes[..cut]), Ok((cut, None)));
                assert_eq!(gate.is_within(), cut > 0);
                assert_eq!(gate.take(&bytes[cut..]), Ok((end - cut, Some(wanted))));
                assert_eq!(gate.last_header(), &bytes[..end]);
                assert!(!gate.is_within());
            }
        }
    }

    #[test]
    fn what_must_not_be_is_refused_by_its_first_two_bytes() {
        for bytes in [
            [0xC1, 0x80],
            [0xA1, 0x80],
            [0x91, 0x80],
            [0x83, 0x80],
            [0x8B, 0x80],
            [0x82, 0x05],
            [0x82, 0x7F],
            [0x09, 0x80],
            [0x89, 0xFE],
            [0x88, 0xFF],
            [0x80, 0x80],
        ] {
            assert_eq!(refused(&mut gate(), &bytes), (1002, 2), "{bytes:?}");
        }
        let mut within = gate();
        assert!(within.take(&header(0x01, 5)).is_ok());
        assert!(within.take(&header(0x89, 5)).is_ok());
        assert_eq!(refused(&mut within, &header(0x81, 1)), (1002, 2));
    }

    #[test]
    fn a_message_over_the_limit_is_refused_by_its_length() {
        for len in [MAX as u64 + 1, u64::from(u32::MAX), u64::MAX] {
            assert_eq!(refused(&mut gate(), &header(0x82, len)), (1009, 10));
        }
        let mut gate = gate();
        assert_eq!(refused(&mut gate, &header(0x02, MAX as u64)).0, 0);
        assert_eq!(refused(&mut gate, &header(0x00, 0)).0, 0);
        assert_eq!(refused(&mut gate, &header(0x80, 1)), (1009, 2));
    }

    #[test]
    fn a_server_does_not_mask() {
        let mut gate = FrameGate::new(Role::Client, MAX);
        let header = gate.take(&[0x81, 3, b'a']).expect("a frame").1.expect("all of it");
        assert_eq!((header.len, header.mask), (3, [0; 4]));
        assert_eq!(refused(&mut gate, &[0x81, 0x83]), (1002, 2));
    }
}
