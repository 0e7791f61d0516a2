//! Packets that wait to be read, in order.

use std::collections::{HashSet, VecDeque};

use async_sockets_net::websocket::messages::{Message, Messages};
use godot::builtin::PackedByteArray;

/// A message that is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Text,
    Empty,
}

/// The messages of all peers. The next one is always a packet: see [`Self::find_fault`].
#[derive(Debug, Default)]
pub(super) struct Incoming {
    batches: VecDeque<(i32, Messages)>,
    waiting: usize,
}

impl Incoming {
    pub(super) fn push(&mut self, peer: i32, messages: Messages) {
        self.waiting += messages.len();
        self.batches.push_back((peer, messages));
    }

    /// Number of packets.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// The sender of the next packet.
    pub(super) fn next_peer(&self) -> Option<i32> {
        self.batches.front().map(|(peer, _)| *peer)
    }

    /// Takes the next packet.
    pub(super) fn take(&mut self) -> Option<PackedByteArray> {
        let message = self.batches.front_mut()?.1.next()?;
        self.waiting -= 1;
        Some(match message {
            Message::Binary(bytes) => bytes.into(),
            Message::Text(text) | Message::PreparedText(text, _) => text.as_bytes().into(),
        })
    }

    /// Looks at what comes next, to be called after every change. If it is no packet, drops everything from its sender
    /// and returns that.
    pub(super) fn find_fault(&mut self) -> Option<(i32, Fault)> {
        loop {
            let (peer, messages) = self.batches.front()?;
            let fault = match (messages.next_is_text(), messages.next_len()) {
                (None, _) | (_, None) => {
                    self.batches.pop_front();
                    continue;
                }
                (Some(true), _) => Fault::Text,
                (_, Some(0)) => Fault::Empty,
                _ => return None,
            };
            let peer = *peer;
            self.drop_from(peer);
            return Some((peer, fault));
        }
    }

    /// Drops everything from a peer.
    pub(super) fn drop_from(&mut self, peer: i32) {
        let waiting = &mut self.waiting;
        self.batches.retain(|(sender, messages)| {
            let stays = *sender != peer;
            if !stays {
                *waiting -= messages.len();
            }
            stays
        });
    }

    /// The peers with packets.
    pub(super) fn senders(&self) -> HashSet<i32> {
        self.batches.iter().map(|(peer, _)| *peer).collect()
    }

    pub(super) fn clear(&mut self) {
        self.batches.clear();
        self.waiting = 0;
    }
}
