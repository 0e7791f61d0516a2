//! Who has joined: the peers of a server, by the ids of both worlds.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::net::SocketAddr;

use async_sockets_net::websocket::{ClientId, Recipient};
use godot::global::Error;

/// The id of the server.
pub(super) const SERVER: i32 = 1;

/// The lowest id of a client.
const LOWEST: i32 = 2;

/// A client that has joined. Its id is in use until its end was told, or it was forgotten.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) client: ClientId,
    /// As a recipient; `None` if it has left before it was announced.
    pub(super) recipient: Option<Recipient>,
    /// `None` if it has left before it was announced.
    pub(super) address: Option<SocketAddr>,
    /// Number of the last message that it was added to.
    pub(super) sent: u64,
    /// It was sent more than who else is there.
    pub(super) has_packets: bool,
    /// That its buffer is full was logged.
    pub(super) is_full_logged: bool,
    /// Why it is disconnected was logged.
    pub(super) is_end_logged: bool,
    /// It was cut or kicked, or its connection is over.
    pub(super) is_leaving: bool,
}

#[derive(Debug, Default)]
pub(super) struct Roster {
    peers: IdMap<i32, Peer>,
    of_client: IdMap<ClientId, i32>,
    /// Ids for clients that were accepted and are not established.
    reserved: HashMap<ClientId, i32>,
    /// Peers whose end is not told yet, in order.
    ended: Vec<i32>,
    random: RandomState,
    drawn: u64,
}

impl Roster {
    /// Reserves an id for a client that is being accepted.
    pub(super) fn reserve(&mut self, client: ClientId, peer: i64) -> Result<(), (Error, String)> {
        let Ok(id @ LOWEST..) = i32::try_from(peer) else {
            let words = format!("{peer} is not a peer id: take {LOWEST} to {}", i32::MAX);
            return Err((Error::ERR_INVALID_PARAMETER, words));
        };
        let is_others = |(other, reserved): (&ClientId, &i32)| *other != client && *reserved == id;
        if self.peers.contains_key(&id) || self.reserved.iter().any(is_others) {
            return Err((Error::ERR_ALREADY_IN_USE, format!("the peer id {id} is in use")));
        }
        self.reserved.insert(client, id);
        Ok(())
    }

    /// Frees the id that was reserved for a client.
    pub(super) fn unreserve(&mut self, client: ClientId) {
        self.reserved.remove(&client);
    }

    /// Adds a client under the id reserved for it, or a random one. Returns the id.
    pub(super) fn join(&mut self, client: ClientId, recipient: Option<Recipient>, address: Option<SocketAddr>) -> i32 {
        let id = self.reserved.remove(&client).unwrap_or_else(|| self.draw());
        let peer = Peer {
            client,
            recipient,
            address,
            sent: 0,
            has_packets: false,
            is_full_logged: false,
            is_end_logged: false,
            is_leaving: false,
        };
        self.peers.insert(id, peer);
        self.of_client.insert(client, id);
        id
    }

    /// A random id that is not in use.
    fn draw(&mut self) -> i32 {
        loop {
            self.drawn += 1;
            let bits = self.random.hash_one(self.drawn) as u32;
            let id = (bits >> 1).cast_signed();
            let is_free = !self.peers.contains_key(&id) && !self.reserved.values().any(|&reserved| reserved == id);
            if id >= LOWEST && is_free {
                return id;
            }
        }
    }

    pub(super) fn get_mut(&mut self, peer: i32) -> Option<&mut Peer> {
        self.peers.get_mut(&peer)
    }

    pub(super) fn peer_of(&self, client: ClientId) -> Option<i32> {
        self.of_client.get(&client).copied()
    }

    pub(super) fn client_of(&self, peer: i32) -> Option<ClientId> {
        self.peers.get(&peer).map(|peer| peer.client)
    }

    pub(super) fn address_of(&self, peer: i32) -> Option<SocketAddr> {
        self.peers.get(&peer)?.address
    }

    /// The ids of all peers, in ascending order.
    pub(super) fn ids(&self) -> Vec<i32> {
        let mut ids: Vec<_> = self.peers.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// Its connection is over, or it was kicked: its end is told next. Returns its client.
    pub(super) fn end(&mut self, peer: i32) -> Option<ClientId> {
        let entry = self.peers.get_mut(&peer)?;
        entry.is_leaving = true;
        let client = entry.client;
        if self.of_client.remove(&client).is_some() {
            self.ended.push(peer);
        }
        Some(client)
    }

    /// Removes a peer whose end is not told. Returns its client.
    pub(super) fn forget(&mut self, peer: i32) -> Option<ClientId> {
        let entry = self.peers.remove(&peer)?;
        self.of_client.remove(&entry.client);
        self.ended.retain(|&ended| ended != peer);
        Some(entry.client)
    }

    /// Whether the end of a peer is to be told.
    pub(super) fn has_ended(&self) -> bool {
        !self.ended.is_empty()
    }

    /// Removes a peer whose end may be told now.
    pub(super) fn take_ended(&mut self, may: impl Fn(i32) -> bool) -> Option<i32> {
        let at = self.ended.iter().position(|peer| may(*peer))?;
        let peer = self.ended.remove(at);
        self.peers.remove(&peer);
        Some(peer)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.peers.clear();
        self.of_client.clear();
        self.reserved.clear();
        self.ended.clear();
    }
}

/// A map by ids that this side has drawn or counted: nobody can choose them so that they collide.
pub(super) type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// A quick hash for the lookups that each packet needs.
#[derive(Debug, Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64((*byte).into());
        }
    }

    fn write_i32(&mut self, id: i32) {
        self.write_u64(id.cast_unsigned().into());
    }

    fn write_i64(&mut self, id: i64) {
        self.write_u64(id.cast_unsigned());
    }

    fn write_u64(&mut self, number: u64) {
        // 2 to the 64th power, divided by the golden ratio. The map uses the highest bits and the lowest ones.
        let product = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = product ^ (product >> 32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_until_their_end_is_told() {
        let mut roster = Roster::default();
        assert!(roster.reserve(1, 77).is_ok());
        assert_eq!(roster.reserve(2, 77).map_err(|e| e.0), Err(Error::ERR_ALREADY_IN_USE));
        for wrong in [-1, 0, 1, i64::from(i32::MAX) + 1] {
            assert_eq!(
                roster.reserve(2, wrong).map_err(|e| e.0),
                Err(Error::ERR_INVALID_PARAMETER)
            );
        }
        assert_eq!(roster.join(1, None, None), 77);
        assert_eq!(roster.end(77), Some(1));
        assert!(roster.reserve(2, 77).is_err());
        assert_eq!(roster.take_ended(|_| false), None);
        assert_eq!(roster.take_ended(|_| true), Some(77));
        assert!(roster.reserve(2, 77).is_ok());
        roster.unreserve(2);
        assert!(roster.reserve(3, 77).is_ok());
    }

    #[test]
    fn random_ids_are_positive_and_different() {
        let mut roster = Roster::default();
        let ids: Vec<i32> = (1..=1000).map(|client| roster.join(client, None, None)).collect();
        assert!(ids.iter().all(|&id| id >= LOWEST));
        assert_eq!(roster.ids().len(), 1000);
    }

    #[test]
    fn a_forgotten_peer_has_no_end() {
        let mut roster = Roster::default();
        let id = roster.join(5, None, None);
        roster.end(id);
        assert_eq!(roster.forget(id), Some(5));
        assert!(!roster.has_ended());
        assert!(roster.is_empty());
    }
}
