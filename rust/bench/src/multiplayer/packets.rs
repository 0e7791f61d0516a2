//! Packets of Godot's high-level multiplayer, as far as the load needs them. Each is one binary message.
//!
//! The lowest three bits of the first byte are the command, the upper four its flags. Numbers are little-endian.

/// The node whose method is called, as a path from the root.
const PATH: &str = "Bench/Server";

/// MD5 of the names of the node's RPC methods, of which `note(number: int, place: Vector3)` is the only one.
const METHODS: &str = "aad653ca3ee669635f2938b73098b6d7";

/// The number by which a client calls the node.
const NODE: u8 = 1;

const COMMAND: u8 = 0x07;
const CALL: u8 = 0;
const SIMPLIFY_PATH: u8 = 1;
const CONFIRM_PATH: u8 = 2;
const RAW: u8 = 3;
const SYSTEM: u8 = 7;

/// The system command to relay a packet.
const RELAY: u8 = 3;

/// Variants: an integer of 32 bits, and a Vector3.
const INT_32: u8 = 0x82;
const VECTOR_3: u8 = 9;

/// Length of a relayed packet before the time that it carries.
const RELAY_HEAD: usize = 7;

/// Announces the node, so that calls may name it by its number.
pub(super) fn announce_node() -> Vec<u8> {
    let mut packet = vec![SIMPLIFY_PATH];
    packet.extend(METHODS.bytes());
    packet.push(0);
    packet.extend(u32::from(NODE).to_le_bytes());
    packet.extend(PATH.bytes());
    packet.push(0);
    packet
}

/// Whether the other side knows the node now, and has the same methods.
pub(super) fn is_confirmed(packet: &[u8]) -> bool {
    packet == [CONFIRM_PATH, 1, NODE, 0, 0, 0]
}

/// The answer to the other side's announcement of a node, if this is one.
pub(super) fn confirmation(packet: &[u8]) -> Option<Vec<u8>> {
    let id_at = 1 + METHODS.len() + 1;
    let id = packet.get(id_at..id_at + 4)?;
    (packet[0] & COMMAND == SIMPLIFY_PATH).then(|| [&[CONFIRM_PATH, 1], id].concat())
}

/// A call of `note`.
pub(super) fn call(number: u32) -> Vec<u8> {
    let mut packet = vec![CALL, NODE, 0, 2, INT_32];
    packet.extend(number.to_le_bytes());
    packet.extend(u32::from(VECTOR_3).to_le_bytes());
    for coordinate in [1.0_f32, 2.0, 3.0] {
        packet.extend(coordinate.to_le_bytes());
    }
    packet
}

/// The first argument of a call, an integer; `None` if the packet is none.
pub(super) fn called_with(packet: &[u8]) -> Option<i64> {
    let meta = *packet.first()?;
    if meta & COMMAND != CALL {
        return None;
    }
    let node_len = 1 << ((meta >> 4) & 3);
    let name_len = 1 + usize::from((meta >> 6) & 1);
    // After the number of arguments.
    let at = 1 + node_len + name_len + 1;
    let (&kind, rest) = packet.get(at..)?.split_first()?;
    Some(match kind >> 6 {
        0 => i8::from_le_bytes(rest.get(..1)?.try_into().ok()?).into(),
        1 => i16::from_le_bytes(rest.get(..2)?.try_into().ok()?).into(),
        2 => i32::from_le_bytes(rest.get(..4)?.try_into().ok()?).into(),
        _ => i64::from_le_bytes(rest.get(..8)?.try_into().ok()?),
    })
}

/// A packet to another peer, with the time at which it is sent. The server replaces the target by the sender.
pub(super) fn relayed(target: i32, time: u64, size: usize) -> Vec<u8> {
    let mut packet = vec![SYSTEM, RELAY];
    packet.extend(target.to_le_bytes());
    packet.push(RAW);
    packet.extend(time.to_le_bytes());
    packet.resize(size.max(packet.len()), b'x');
    packet
}

/// The sender and the time of a packet from another peer; `None` if it is none.
pub(super) fn relay_of(packet: &[u8]) -> Option<(i32, u64)> {
    if packet.get(..2)? != [SYSTEM, RELAY] || *packet.get(RELAY_HEAD - 1)? != RAW {
        return None;
    }
    let sender = i32::from_le_bytes(packet.get(2..6)?.try_into().ok()?);
    let time = packet.get(RELAY_HEAD..RELAY_HEAD + 8)?.try_into().ok()?;
    Some((sender, u64::from_le_bytes(time)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_read_as_it_is_written() {
        assert_eq!(called_with(&call(70_000)), Some(70_000));
        assert_eq!(called_with(&announce_node()), None);
        // As the engine writes small numbers, and with a node that is not confirmed.
        assert_eq!(called_with(&[0x00, 5, 0, 1, 2, 100]), Some(100));
        assert_eq!(called_with(&[0x20, 5, 0, 0, 0x80, 0, 1, 0x42, 0, 1]), Some(256));
    }

    #[test]
    fn a_node_is_confirmed_by_its_number() {
        assert_eq!(
            confirmation(&announce_node()).as_deref(),
            Some(&[2, 1, NODE, 0, 0, 0][..])
        );
        assert!(is_confirmed(&[2, 1, NODE, 0, 0, 0]));
        assert_eq!(confirmation(&call(1)), None);
    }

    #[test]
    fn a_relayed_packet_keeps_its_time() {
        let packet = relayed(77, 123_456, 64);
        assert_eq!(packet.len(), 64);
        assert_eq!(relay_of(&packet), Some((77, 123_456)));
        assert_eq!(relay_of(&call(1)), None);
    }
}
