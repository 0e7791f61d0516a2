//! Messages to many clients at once.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use tokio_tungstenite::tungstenite::protocol::Role;

use super::WebSocketServer;
use crate::error::SendError;
use crate::websocket::ClientId;
use crate::websocket::broadcasts::{Recipients, shared};
use crate::websocket::client::Client;
use crate::websocket::frame::{Kind, encode, frame_len};
use crate::websocket::link::By;

/// Up to this number of clients, the main thread queues a broadcast itself, which is cheaper than to wake the server's
/// task.
pub(super) const FEW: usize = 8;

/// Whom a broadcast reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// Every client.
    All,
    /// The members of a group; nobody if there is no such group.
    Group(&'a str),
}

/// The result of a broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Broadcast {
    /// Clients for which it was queued.
    pub queued: usize,
    /// Clients that do not get it because they were over their limit of pending bytes.
    pub refused: usize,
}

impl WebSocketServer {
    /// Sends a text message to an audience, in one frame that all clients share. Clients in `exclude` and clients that
    /// are being disconnected are skipped.
    pub fn broadcast_text(&mut self, text: &str, to: Audience<'_>, exclude: &[ClientId]) -> Broadcast {
        self.broadcast(Kind::Text, text.as_bytes(), to, exclude)
    }

    /// Sends a binary message to an audience, in one frame that all clients share. Clients in `exclude` and clients
    /// that are being disconnected are skipped.
    pub fn broadcast_binary(&mut self, data: &[u8], to: Audience<'_>, exclude: &[ClientId]) -> Broadcast {
        self.broadcast(Kind::Binary, data, to, exclude)
    }

    fn broadcast(&mut self, kind: Kind, payload: &[u8], to: Audience<'_>, exclude: &[ClientId]) -> Broadcast {
        let mut result = Broadcast::default();
        if self.running.is_none() {
            return result;
        }
        let mut frame = Vec::with_capacity(frame_len(Role::Server, payload.len()));
        encode(Role::Server, kind, payload, &mut frame);
        let mut left_out: HashSet<ClientId> = exclude.iter().copied().collect();
        let (mut members, mut few) = (HashSet::new(), Vec::new());
        let mut admit = |client: &Arc<Client>| {
            if !left_out.is_empty() && left_out.contains(&client.id) {
                return;
            }
            match client.link.admit(frame.len(), self.registry.options.max_pending) {
                Ok(()) => {
                    result.queued += 1;
                    if few.len() <= FEW {
                        few.push(client.clone());
                    }
                    if to != Audience::All {
                        members.insert(client.id);
                    }
                }
                Err(error) => {
                    left_out.insert(client.id);
                    result.refused += usize::from(error == SendError::Full);
                    self.refused(client, error);
                }
            }
        };
        match to {
            Audience::All => self.clients.values().for_each(&mut admit),
            Audience::Group(name) => self
                .groups
                .members(name)
                .filter_map(|id| self.clients.get(&id))
                .for_each(&mut admit),
        }
        self.registry.count_out(result.queued, frame.len());
        if self.are_few(few.len()) {
            self.send_to_few(frame, &few);
        } else {
            let recipients = match to {
                Audience::All => Recipients::AllBut(left_out),
                Audience::Group(_) => Recipients::Only(members),
            };
            self.send_to_many(&frame, recipients);
        }
        self.wake_unless_corked();
        result
    }

    /// Whether a frame for this number of clients is queued from this thread. With a relay, none is, as the first
    /// client could relay its answer to the second one before that one has the frame: with the log, all get it at once.
    pub(super) fn are_few(&self, clients: usize) -> bool {
        clients <= FEW && (clients <= 1 || self.registry.relay.is_none())
    }

    /// Queues an admitted frame, which the clients share, from this thread.
    pub(super) fn send_to_few(&mut self, frame: Vec<u8>, clients: &[Arc<Client>]) {
        let frame = shared(Bytes::from(frame), &self.registry.budget);
        for client in clients {
            if self.registry.broadcasts.catch_up(client, By::Main) | client.link.send_shared(By::Main, [&frame]) {
                self.wakeups.defer(client.clone());
            }
        }
    }

    /// Has the server's task queue an admitted frame.
    pub(super) fn send_to_many(&mut self, frame: &[u8], recipients: Recipients) {
        self.registry.broadcasts.add(frame, recipients);
        self.wakeups.defer_broadcast();
    }
}
