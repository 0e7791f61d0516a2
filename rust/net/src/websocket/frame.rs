//! Frames to be sent (RFC 6455 section 5.2), never fragmented. A client's frames are masked, a server's are not
//! (section 5.1).

use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::FrameHeader;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Control, Data, OpCode};

use super::mask::{self, Mask};

/// Maximum payload of a control frame, in bytes (RFC 6455 section 5.5).
pub(crate) const MAX_CONTROL_PAYLOAD: usize = 125;

/// What a frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Binary,
    Ping,
    Close,
}

/// Length of a frame with a payload of this length, in bytes. `role` is this side's.
pub(crate) fn frame_len(role: Role, payload: usize) -> usize {
    let mask = match role {
        Role::Server => 0,
        Role::Client => size_of::<Mask>(),
    };
    let header = match payload {
        0..126 => 2,
        126..65536 => 4,
        _ => 10,
    };
    header + mask + payload
}

/// Appends one frame to `out`. `role` is this side's.
pub(crate) fn encode(role: Role, kind: Kind, payload: &[u8], out: &mut Vec<u8>) {
    encode_parts(role, kind, [payload, &[]], out);
}

/// Appends one frame whose payload comes in two parts.
pub(crate) fn encode_parts(role: Role, kind: Kind, [head, body]: [&[u8]; 2], out: &mut Vec<u8>) {
    let opcode = match kind {
        Kind::Text => OpCode::Data(Data::Text),
        Kind::Binary => OpCode::Data(Data::Binary),
        Kind::Ping => OpCode::Control(Control::Ping),
        Kind::Close => OpCode::Control(Control::Close),
    };
    let mask = match role {
        Role::Server => None,
        Role::Client => Some(mask::fresh()),
    };
    let header = FrameHeader {
        opcode,
        mask,
        ..FrameHeader::default()
    };
    let len = head.len() + body.len();
    out.reserve(frame_len(role, len));
    // Writing to memory cannot fail.
    let _ = header.format(len as u64, out);
    let from = out.len();
    out.extend_from_slice(head);
    out.extend_from_slice(body);
    if let Some(mask) = mask {
        mask::apply(&mut out[from..], mask, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_as_long_as_said() {
        for role in [Role::Server, Role::Client] {
            for len in [0, 1, 125, 126, 65535, 65536, 70000] {
                let mut out = Vec::new();
                encode(role, Kind::Binary, &vec![7; len], &mut out);
                assert_eq!(out.len(), frame_len(role, len));
            }
        }
        let mut out = Vec::new();
        encode(Role::Server, Kind::Text, b"hi", &mut out);
        assert_eq!(out, [0x81, 2, b'h', b'i']);
    }

    #[test]
    fn a_clients_frame_is_masked() {
        let mut out = Vec::new();
        encode(Role::Client, Kind::Ping, b"hi", &mut out);
        let &[first, second, a, b, _, _, h, i] = out.as_slice() else {
            panic!("{out:?}");
        };
        assert_eq!([first, second, h ^ a, i ^ b], [0x89, 0x82, b'h', b'i']);
    }
}
