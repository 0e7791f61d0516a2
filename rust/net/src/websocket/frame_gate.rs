//! Watches where the client's frames begin and end, so that the protocol engine's buffer stays small.
//!
//! The engine keeps the largest block that it ever needed, and one that was read ahead into a large message's block
//! keeps that alive. So it gets the bytes of small frames together and those of a large frame alone; between two
//! messages it can then be replaced by a new one, with a small buffer.

/// A frame with a payload over this size is a large one.
pub(crate) const SMALL: u64 = 1024;

/// The longest payload of a control frame (RFC 6455 section 5.5).
const MAX_CONTROL_PAYLOAD: u64 = 125;

/// The longest header (RFC 6455 section 5.2), with the mask.
const MAX_HEADER: usize = 14;

/// The opcode of a close frame.
const CLOSE: u8 = 0x8;

#[derive(Debug, Default)]
pub(crate) struct FrameGate {
    /// The beginning of a header.
    header: [u8; MAX_HEADER],
    header_len: usize,
    payload_left: u64,
    /// A message has begun and its last frame has not.
    in_message: bool,
    /// A large frame has passed.
    large: bool,
    close: Option<CloseWatch>,
}

/// The first close frame that passed; what follows it has no meaning (RFC 6455 section 5.5.1).
#[derive(Debug)]
struct CloseWatch {
    mask: [u8; 4],
    /// What came of its payload, without the mask.
    payload: Vec<u8>,
    /// Bytes of its payload still to come.
    left: usize,
}

impl CloseWatch {
    fn new(header: &[u8], len: usize) -> Self {
        Self {
            mask: header.last_chunk().copied().unwrap_or_default(),
            payload: Vec::with_capacity(len),
            left: len,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..self.left.min(bytes.len())];
        self.left -= bytes.len();
        let mask = self.mask.iter().cycle().skip(self.payload.len() % self.mask.len());
        self.payload
            .extend(bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask));
    }
}

impl FrameGate {
    /// How many bytes of `input` the engine may have in one go.
    pub(crate) fn pass(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            if rest.is_empty() {
                return at;
            }
            if self.payload_left > 0 {
                let part = usize::try_from(self.payload_left).map_or(rest.len(), |left| left.min(rest.len()));
                self.payload_left -= part as u64;
                at += part;
                if let Some(close) = &mut self.close {
                    close.take(&rest[..part]);
                }
            } else {
                at += 1;
                if self.take_header_byte(rest[0]) && self.payload_left > SMALL {
                    self.large = true;
                    return at;
                }
            }
        }
    }

    /// The payload of the first close frame that passed, as it came: the engine replaces codes that it does not know.
    pub(crate) fn close_payload(&self) -> &[u8] {
        self.close.as_ref().map_or(&[], |close| &close.payload)
    }

    /// Whether the engine holds nothing between two messages, but a large block of memory.
    pub(crate) fn is_engine_bloated(&self) -> bool {
        self.large && !self.in_message && self.payload_left == 0 && self.header_len == 0
    }

    /// Says whether the header is complete.
    fn take_header_byte(&mut self, byte: u8) -> bool {
        self.header[self.header_len] = byte;
        self.header_len += 1;
        if self.header_len < 2 {
            return false;
        }
        let [first, second, ..] = self.header;
        let length_bytes = match second & 0x7F {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask_bytes = if second & 0x80 == 0 { 0 } else { 4 };
        if self.header_len < 2 + length_bytes + mask_bytes {
            return false;
        }
        self.payload_left = match length_bytes {
            0 => u64::from(second & 0x7F),
            _ => self.header[2..2 + length_bytes]
                .iter()
                .fold(0, |length, byte| length << 8 | u64::from(*byte)),
        };
        if first & 0x0F == CLOSE && self.close.is_none() {
            let len = self.payload_left.min(MAX_CONTROL_PAYLOAD) as usize;
            self.close = Some(CloseWatch::new(&self.header[..self.header_len], len));
        }
        self.header_len = 0;
        // Control frames (opcodes from 8) may stand between the frames of a message.
        if first & 0x08 == 0 {
            self.in_message = first & 0x80 == 0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header with a mask.
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

    fn frame(first: u8, len: u64) -> Vec<u8> {
        let mut out = header(first, len);
        out.resize(out.len() + len as usize, 0);
        out
    }

    #[test]
    fn small_frames_pass_together_and_a_large_one_alone() {
        let mut input = [frame(0x81, 5), frame(0x82, 0), frame(0x82, 1024)].concat();
        let together = input.len();
        input.extend(header(0x82, 70_000));
        let with_header = input.len();
        let mut gate = FrameGate::default();
        assert_eq!(gate.pass(&input[..together]), together);
        assert!(!gate.is_engine_bloated());
        let mut gate = FrameGate::default();
        input.resize(input.len() + 70_000, 0);
        assert_eq!(gate.pass(&input), with_header);
        assert!(!gate.is_engine_bloated());
        assert_eq!(gate.pass(&input[with_header..]), 70_000);
        assert!(gate.is_engine_bloated());
    }

    #[test]
    fn any_cut_leads_to_the_same_end() {
        let input = [frame(0x01, 2000), frame(0x89, 3), frame(0x80, 1)].concat();
        let mut gate = FrameGate::default();
        for (n, byte) in input.iter().enumerate() {
            assert!(!gate.is_engine_bloated(), "{n}");
            assert_eq!(gate.pass(&[*byte]), 1);
        }
        assert!(gate.is_engine_bloated());
    }

    #[test]
    fn a_close_frame_is_read_as_it_came() {
        let mut input = header(0x88, 4);
        // 1014 and two letters, under the mask 1, 2, 3, 4.
        input.extend([0x03 ^ 1, 0xF6 ^ 2, b'h' ^ 3, b'i' ^ 4]);
        for cut in 0..input.len() {
            let mut gate = FrameGate::default();
            assert_eq!(gate.pass(&input[..cut]), cut);
            assert_eq!(gate.pass(&input[cut..]), input.len() - cut);
            gate.pass(&[frame(0x89, 9), frame(0x88, 2)].concat());
            assert_eq!(gate.close_payload(), [0x03, 0xF6, b'h', b'i'], "cut at {cut}");
        }
    }
}
