//! Packets that wait to be read. Those of one peer are read in order, and the peers take turns, so that one that sends
//! much delays the others little.

use std::collections::VecDeque;

use async_sockets_net::websocket::Arrived;
use async_sockets_net::websocket::messages::{Message, Messages};
use godot::builtin::PackedByteArray;

use super::roster::IdMap;

/// Packets that a peer's turn has at most, if others wait.
const TURN: usize = 32;

/// A message that is no packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Text,
    Empty,
}

/// What was taken of one peer.
#[derive(Debug)]
struct Line {
    peer: i32,
    batch: Messages,
}

/// The messages of all peers. The next one is always a packet: see [`Self::find_fault`].
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// The peer whose turn it is.
    current: Option<Line>,
    /// What is left of its turn.
    turn: usize,
    /// The others, the next one first.
    others: VecDeque<Line>,
    /// Every peer that has a line, with what has arrived since. That is not taken before its turn, as until then TCP
    /// slows a peer that sends much.
    next: IdMap<i32, Option<Arrived>>,
    /// Number of messages in all lines.
    waiting: usize,
}

impl Incoming {
    /// Adds messages of a peer of which nothing waits.
    pub(super) fn push(&mut self, peer: i32, batch: Messages) {
        self.waiting += batch.len();
        self.next.insert(peer, None);
        self.others.push_back(Line { peer, batch });
    }

    /// Messages of a peer have arrived.
    pub(super) fn arrived(&mut self, peer: i32, arrived: Arrived) {
        match self.next.get_mut(&peer) {
            Some(next) => *next = Some(arrived),
            None => self.push(peer, arrived.take()),
        }
    }

    /// Number of packets, at least.
    pub(super) fn len(&self) -> usize {
        self.waiting
    }

    /// The sender of the next packet.
    pub(super) fn next_peer(&self) -> Option<i32> {
        self.current.as_ref().map(|line| line.peer)
    }

    /// Takes the next packet.
    pub(super) fn take(&mut self) -> Option<PackedByteArray> {
        let message = self.current.as_mut()?.batch.next()?;
        self.waiting -= 1;
        self.turn = self.turn.saturating_sub(1);
        Some(match message {
            Message::Binary(bytes) => bytes.into(),
            Message::Text(text) | Message::PreparedText(text, _) => text.as_bytes().into(),
        })
    }

    /// Ends the turn of the current peer, if others wait.
    pub(super) fn end_turn(&mut self) {
        self.turn = 0;
    }

    /// Looks at what comes next, to be called after every change. If it is no packet, drops everything from its sender
    /// and returns that.
    pub(super) fn find_fault(&mut self) -> Option<(i32, Fault)> {
        self.go_on();
        let Line { peer, batch } = self.current.as_ref()?;
        let fault = match (batch.next_is_text()?, batch.next_len()?) {
            (true, _) => Fault::Text,
            (false, 0) => Fault::Empty,
            (false, _) => return None,
        };
        let peer = *peer;
        self.drop_from(peer);
        Some((peer, fault))
    }

    /// Makes the current peer one of which something waits, if there is any.
    fn go_on(&mut self) {
        loop {
            match &mut self.current {
                Some(line) if line.batch.is_empty() => match self.next.get_mut(&line.peer).and_then(Option::take) {
                    Some(arrived) => {
                        line.batch = arrived.take();
                        self.waiting += line.batch.len();
                    }
                    None => {
                        self.next.remove(&line.peer);
                        self.current = None;
                    }
                },
                Some(_) if self.turn > 0 || self.others.is_empty() => return,
                _ => {
                    self.others.extend(self.current.take());
                    self.current = self.others.pop_front();
                    self.turn = TURN;
                    if self.current.is_none() {
                        return;
                    }
                }
            }
        }
    }

    /// Drops everything from a peer.
    pub(super) fn drop_from(&mut self, peer: i32) {
        let Some(next) = self.next.remove(&peer) else {
            return;
        };
        discard(next);
        let is_its = |line: &Line| line.peer == peer;
        let mut line = self.current.take_if(|line| is_its(line));
        if line.is_none() {
            let at = self.others.iter().position(is_its);
            line = at.and_then(|at| self.others.remove(at));
        }
        self.waiting -= line.map_or(0, |line| line.batch.len());
    }

    /// Whether packets of this peer wait.
    pub(super) fn holds(&self, peer: i32) -> bool {
        self.next.contains_key(&peer)
    }

    pub(super) fn clear(&mut self) {
        std::mem::take(self).next.into_values().for_each(discard);
    }
}

/// Drops messages that were not taken. They would count as queued until then.
fn discard(arrived: Option<Arrived>) {
    drop(arrived.map(Arrived::take));
}
