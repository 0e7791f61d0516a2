//! WebSocket frames from the client's side (RFC 6455 section 5.2): masks outgoing frames, and decodes complete unmasked
//! ones.

use crate::payload::{Payload, SEQUENCE_LEN};

/// A mask without zero bytes, so that every payload byte changes on the wire.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;

/// A masked frame in which only the payload's number changes, so that producing the next one costs next to nothing.
#[derive(Debug)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    payload_at: usize,
}

impl Template {
    pub(crate) fn new(is_text: bool, payload: &Payload) -> Self {
        let bytes = encode(is_text, payload.bytes());
        let payload_at = bytes.len() - payload.bytes().len();
        Self { bytes, payload_at }
    }

    /// Appends the frame with this payload's number.
    pub(crate) fn append(&self, payload: &Payload, out: &mut Vec<u8>) {
        let at = out.len() + self.payload_at;
        out.extend_from_slice(&self.bytes);
        let digits = out[at..at + SEQUENCE_LEN].iter_mut().zip(payload.sequence());
        for (n, (masked, plain)) in digits.enumerate() {
            *masked = plain ^ MASK[n % 4];
        }
    }
}

/// Encodes a complete masked message.
pub(crate) fn encode(is_text: bool, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![if is_text { TEXT } else { BINARY }];
    match payload.len() {
        len @ 0..126 => bytes.push(0x80 | len as u8),
        len @ 126..65536 => {
            bytes.push(0x80 | 126);
            bytes.extend((len as u16).to_be_bytes());
        }
        len => {
            bytes.push(0x80 | 127);
            bytes.extend((len as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// Decodes the frame at the start of `input`: its first byte, and where its payload begins and ends. `None` if
/// incomplete.
pub(crate) fn decode(input: &[u8]) -> Option<(u8, usize, usize)> {
    let (&first, &second) = (input.first()?, input.get(1)?);
    let (at, len): (usize, u64) = match second {
        126 => (4, u64::from(u16::from_be_bytes(input.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(input.get(2..10)?.try_into().ok()?)),
        // A server does not mask. If it did, the length would be wrong and the comparison would fail.
        short => (2, u64::from(short)),
    };
    let end = at.checked_add(usize::try_from(len).ok()?)?;
    (input.len() >= end).then_some((first, at, end))
}

/// Whether this is the first byte of a complete message of the type that was sent.
pub(crate) fn is_message(first: u8, is_text: bool) -> bool {
    first == if is_text { TEXT } else { BINARY }
}

/// Whether this is the first byte of a ping or a pong.
pub(crate) fn is_heartbeat(first: u8) -> bool {
    matches!(first, 0x89 | 0x8A)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_makes_the_same_frame_as_a_fresh_one() {
        let mut payload = Payload::new(64, 3);
        let template = Template::new(true, &payload);
        payload.advance();
        let mut out = vec![1, 2, 3];
        template.append(&payload, &mut out);
        assert_eq!(out[3..], encode(true, payload.bytes()));
    }

    #[test]
    fn lengths_are_read_in_all_three_forms() {
        for (header, len) in [
            (vec![0x82, 5], 5),
            (vec![0x82, 126, 1, 0], 256),
            (vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0], 65536),
        ] {
            let at = header.len();
            let mut input = header;
            input.resize(at + len, 0);
            assert_eq!(decode(&input), Some((0x82, at, at + len)));
            assert_eq!(decode(&input[..at + len - 1]), None);
        }
    }
}
