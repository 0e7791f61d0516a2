//! Packets from client to client that go round in the background.
//!
//! SceneMultiplayer on the server alone knows who has joined: with `server_relay`, it tells every client that has, also
//! by authentication, of every other one. Those take part in the relay of the server whom it has told, or told of.
//!
//! The order in which things are queued is what makes this safe. A newcomer is first told of all the others, then takes
//! part, and only then the others are told of it: so no client is known to another without being a recipient, and none
//! gets a packet from a peer that it does not know. What a newcomer has sent before goes through SceneMultiplayer, and
//! until all of that has gone out it is not read.

use std::collections::HashSet;

use async_sockets_net::websocket::relay::{RelayTo, Relayed};

use super::core::PeerCore;

/// Commands of SceneMultiplayer, and the bits of a packet's first byte that hold them. System packets have a command of
/// their own in the second byte, then a peer id in little-endian order.
const COMMAND: u8 = 0x07;
const SYSTEM: u8 = 7;
const ADD_PEER: u8 = 1;
const DELETE_PEER: u8 = 2;
const RELAY: u8 = 3;

/// Length of a system packet without a payload.
const HEAD: usize = 6;

/// What SceneMultiplayer tells a client of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notice {
    Added(i32),
    Deleted(i32),
}

/// Whether a packet only tells a client of another one.
pub(super) fn is_notice(packet: &[u8]) -> bool {
    notice(packet).is_some()
}

fn notice(packet: &[u8]) -> Option<Notice> {
    let (kind, id) = system(packet.try_into().ok()?)?;
    match kind {
        ADD_PEER => Some(Notice::Added(id)),
        DELETE_PEER => Some(Notice::Deleted(id)),
        _ => None,
    }
}

/// The command of a system packet, and its peer id.
fn system([command, kind, id @ ..]: [u8; HEAD]) -> Option<(u8, i32)> {
    (command & COMMAND == SYSTEM).then(|| (kind, i32::from_le_bytes(id)))
}

fn system_packet(kind: u8, id: i32) -> [u8; HEAD] {
    let [a, b, c, d] = id.to_le_bytes();
    [SYSTEM, kind, a, b, c, d]
}

/// What SceneMultiplayer does with a packet for other clients. A malformed one is left to it.
pub(super) fn rule(packet: &[u8]) -> Option<Relayed> {
    let (head, body) = packet.split_first_chunk()?;
    let (RELAY, target) = system(*head)? else {
        return None;
    };
    if body.first()? & COMMAND == SYSTEM {
        return None;
    }
    Some(Relayed {
        to: match target {
            1.. => RelayTo::One(target),
            ..=0 => RelayTo::AllBut(target.checked_neg()?),
        },
        body_at: HEAD,
        // If it is among the targets, it processes the packet as one that was sent to it alone.
        is_for_main: target <= 0 && target != -1,
    })
}

#[derive(Debug, Default)]
pub(super) struct Relaying {
    /// Relayed in the background, as the peer was told before it became a server.
    on: bool,
    /// Who takes part.
    members: HashSet<i32>,
    /// Those whose packets are not relayed yet.
    waiting: Vec<i32>,
    /// The peer that SceneMultiplayer is making known, and those to whom.
    newcomer: Option<(i32, Vec<i32>)>,
}

impl Relaying {
    pub(super) fn new(on: bool) -> Self {
        Self { on, ..Self::default() }
    }

    /// Whether there are peers whose packets are not relayed yet.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

impl PeerCore {
    /// Looks at a packet for a peer before it is sent. Returns whether it is sent later.
    pub(super) fn watch(&self, to: i32, packet: &[u8]) -> bool {
        if !self.relaying.borrow().on {
            return false;
        }
        let notice = notice(packet);
        if let (Some(Notice::Added(peer)), Some((newcomer, others))) =
            (notice, &mut self.relaying.borrow_mut().newcomer)
        {
            if *newcomer == peer {
                others.push(to);
                return true;
            }
            if *newcomer == to {
                return false;
            }
        }
        self.introduce();
        match notice {
            Some(Notice::Added(peer)) if self.client_of(peer).is_some() => {
                let relaying = &mut *self.relaying.borrow_mut();
                if relaying.members.contains(&peer) {
                    return false;
                }
                relaying.newcomer = Some((peer, vec![to]));
                true
            }
            Some(Notice::Deleted(peer)) => {
                self.stop_relaying(peer);
                false
            }
            _ => false,
        }
    }

    /// Has a newcomer take part, and tells the others of it.
    pub(super) fn introduce(&self) {
        let Some((newcomer, others)) = self.relaying.borrow_mut().newcomer.take() else {
            return;
        };
        // What it was told so far comes first.
        self.send_last();
        for &peer in others.iter().chain([&newcomer]) {
            self.take_part(peer);
        }
        let packet = system_packet(ADD_PEER, newcomer);
        for other in others {
            // One that is leaving misses nothing.
            self.send_to(other, &packet);
        }
    }

    fn take_part(&self, peer: i32) {
        let Some(client) = self.client_of(peer) else { return };
        let relaying = &mut *self.relaying.borrow_mut();
        if relaying.members.contains(&peer) {
            return;
        }
        let head = system_packet(RELAY, peer);
        let joined = self.server().command(|server| server.join_relay(client, peer, &head));
        if let Some(Ok(())) = joined {
            relaying.members.insert(peer);
            relaying.waiting.push(peer);
        }
    }

    /// Relays the packets of those whose earlier ones have all been handled, and gone out.
    pub(super) fn begin_relaying(&self) {
        let relaying = &mut *self.relaying.borrow_mut();
        if relaying.waiting.is_empty() {
            return;
        }
        let incoming = self.incoming.borrow();
        let has_begun = |peer: i32| {
            let Some(client) = self.client_of(peer) else {
                return true;
            };
            !incoming.holds(peer)
                && self
                    .server()
                    .command(|server| server.begin_relay(client))
                    .unwrap_or(true)
        };
        relaying.waiting.retain(|peer| !has_begun(*peer));
    }

    /// Ends a peer's part. When this returns, nothing that it sends is relayed.
    pub(super) fn stop_relaying(&self, peer: i32) {
        let relaying = &mut *self.relaying.borrow_mut();
        if !relaying.members.remove(&peer) {
            return;
        }
        relaying.waiting.retain(|waiting| *waiting != peer);
        if let Some(client) = self.client_of(peer) {
            self.server().command(|server| server.leave_relay(client));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_as_scene_multiplayer_reads_them() {
        let to = |target: i32, body: &[u8]| [&system_packet(RELAY, target)[..], body].concat();
        let relayed = |to, is_for_main| {
            Some(Relayed {
                to,
                body_at: 6,
                is_for_main,
            })
        };
        assert_eq!(rule(&to(77, &[0, 1])), relayed(RelayTo::One(77), false));
        assert_eq!(rule(&to(1, &[0, 1])), relayed(RelayTo::One(1), false));
        assert_eq!(rule(&to(0, &[3])), relayed(RelayTo::AllBut(0), true));
        assert_eq!(rule(&to(-1, &[3])), relayed(RelayTo::AllBut(1), false));
        assert_eq!(rule(&to(-77, &[3])), relayed(RelayTo::AllBut(77), true));
        for other in [
            to(77, &[]),
            to(77, &[7, 3, 0, 0, 0, 0, 3]),
            to(i32::MIN, &[3]),
            vec![7, 3, 77],
            vec![0, 3, 77, 0, 0, 0, 1],
            system_packet(ADD_PEER, 5).to_vec(),
            Vec::new(),
        ] {
            assert_eq!(rule(&other), None, "{other:?}");
        }
    }

    #[test]
    fn notices_are_told_from_other_packets() {
        assert_eq!(notice(&system_packet(ADD_PEER, 5)), Some(Notice::Added(5)));
        assert_eq!(notice(&system_packet(DELETE_PEER, 5)), Some(Notice::Deleted(5)));
        assert_eq!(notice(&system_packet(RELAY, 5)), None);
        assert_eq!(notice(&[7, 1, 5, 0, 0, 0, 0]), None);
        assert_eq!(notice(&[3, 1, 5, 0, 0, 0]), None);
    }
}
