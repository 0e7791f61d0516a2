//! Frames sent by a server (RFC 6455 section 5.2): never fragmented, never masked.

use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

/// Maximum length of an unmasked frame's header, in bytes.
pub(crate) const MAX_HEADER: usize = 10;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Binary,
    Ping,
}

/// Length of a frame with a payload of this length, in bytes.
pub(crate) fn frame_len(payload: usize) -> usize {
    payload
        + match payload {
            0..126 => 2,
            126..65536 => 4,
            _ => MAX_HEADER,
        }
}

/// Appends one frame to `out`.
pub(crate) fn encode(kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    let opcode = match kind {
        Kind::Text => OpCode::Data(Data::Text),
        Kind::Binary => OpCode::Data(Data::Binary),
        Kind::Ping => OpCode::Control(Control::Ping),
    };
    let header = FrameHeader {
        opcode,
        ..FrameHeader::default()
    };
    out.reserve(frame_len(payload.len()));
    // Writing to memory cannot fail.
    let _ = header.format(payload.len() as u64, out);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_as_long_as_said() {
        for len in [0, 1, 125, 126, 65535, 65536, 70000] {
            let mut out = Vec::new();
            encode(Kind::Binary, &vec![7; len], &mut out);
            assert_eq!(out.len(), frame_len(len));
        }
        let mut out = Vec::new();
        encode(Kind::Text, b"hi", &mut out);
        assert_eq!(out, [0x81, 2, b'h', b'i']);
    }
}
