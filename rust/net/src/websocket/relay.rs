//! The relay: messages that clients send each other through the server, passed on by the tasks of their senders.
//!
//! What such a message looks like is decided by the user ([`RelayRule`]), who also says which clients take part and by
//! which numbers they name each other. Everything from one client to another stays in order. For the main thread, a
//! relayed message is one that the sender's connection has sent to the recipient itself.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::broadcasts::shared;
use super::client::Client;
use super::frame::{Kind, encode_parts, frame_len};
use super::link::Link;
use super::messages::{Messages, Sifted};
use super::registry::{Note, Registry};

/// The number by which clients name each other.
pub type Label = i32;

/// Reads a binary message from a client that takes part; `None` leaves it to the main thread.
pub type RelayRule = fn(&[u8]) -> Option<Relayed>;

/// A message that is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relayed {
    /// Who gets it.
    pub to: RelayTo,
    /// Where the part begins that they get, behind the head of its sender.
    pub body_at: usize,
    /// Whether the main thread gets that part too, without a head.
    pub is_for_main: bool,
}

/// The recipients of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayTo {
    /// This one. If there is none of that number, the message is dropped.
    One(Label),
    /// All that take part but the sender and this one.
    AllBut(Label),
}

/// A client as a sender.
#[derive(Debug)]
pub(crate) struct Sender {
    label: Label,
    /// What its messages begin with for their recipients.
    head: Vec<u8>,
    /// Its messages are relayed. Until then, the main thread gets them.
    has_begun: bool,
}

type Members = HashMap<Label, Arc<Client>>;

/// The clients of a server that take part.
#[derive(Debug)]
pub(crate) struct Relay {
    rule: RelayRule,
    members: RwLock<Arc<Members>>,
}

impl Relay {
    pub(crate) fn new(rule: RelayRule) -> Self {
        Self {
            rule,
            members: RwLock::default(),
        }
    }

    /// Adds a client as a recipient. As a sender it is not read until [`Self::begin`].
    pub(crate) fn join(&self, client: &Arc<Client>, label: Label, head: &[u8]) {
        *client.sender() = Some(Sender {
            label,
            head: head.to_vec(),
            has_begun: false,
        });
        client.link.set_paused(true);
        self.change(|members| {
            members.insert(label, client.clone());
        });
        // It may have ended before it was added, and then nothing else removes it.
        if client.link.is_closed() {
            self.leave(client);
        }
    }

    /// Relays the messages of a client from now on, unless some wait that the main thread has to take first, as it must
    /// relay them itself. Returns whether it has begun.
    pub(crate) fn begin(client: &Client) -> bool {
        let Ok(mut sender) = client.sender.try_lock() else {
            return false;
        };
        match &mut *sender {
            Some(sender) if client.link.has_messages() => sender.has_begun,
            Some(sender) => {
                sender.has_begun = true;
                client.link.set_paused(false);
                true
            }
            None => true,
        }
    }

    /// Removes a client. Nothing that it sends is relayed any more when this returns.
    pub(crate) fn leave(&self, client: &Client) {
        let Some(Sender { label, .. }) = client.sender().take() else {
            return;
        };
        client.link.set_paused(false);
        self.change(|members| {
            if members.get(&label).is_some_and(|member| member.id == client.id) {
                members.remove(&label);
            }
        });
    }

    /// Passes on the messages of a client that takes part, and returns those for the main thread. The client's
    /// [`Client::sender`] is locked meanwhile.
    pub(crate) fn pass_on(&self, sender: Option<&Sender>, messages: Messages, registry: &Registry) -> Messages {
        let Some(sender) = sender.filter(|sender| sender.has_begun) else {
            return messages;
        };
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner).clone();
        let mut outgoing = Outgoing {
            registry,
            woken: Vec::new(),
        };
        let rest = messages.sift(|message| {
            let Some(relayed) = (self.rule)(message) else {
                return Sifted::Keep;
            };
            registry.figures.relayed.fetch_add(1, Ordering::Relaxed);
            let body = message.get(relayed.body_at..).unwrap_or_default();
            match relayed.to {
                RelayTo::One(label) => {
                    if let Some(member) = members.get(&label) {
                        outgoing.send_to_one(member, &sender.head, body);
                    }
                }
                RelayTo::AllBut(label) => {
                    let is_meant = |other: &Label| *other != label && *other != sender.label;
                    let others = members.iter().filter(|(other, _)| is_meant(other));
                    outgoing.send_to_all(others.map(|(_, member)| member), &sender.head, body);
                }
            }
            match relayed.is_for_main {
                true => Sifted::KeepFrom(relayed.body_at),
                false => Sifted::Drop,
            }
        });
        outgoing.woken.iter().for_each(|client| client.link.wake());
        rest
    }

    fn change(&self, change: impl FnOnce(&mut Members)) {
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        // Copies them only while a task passes messages on.
        change(Arc::make_mut(&mut members));
    }
}

/// What a task sends to other clients.
struct Outgoing<'a> {
    registry: &'a Registry,
    /// The clients to wake once all is queued.
    woken: Vec<Arc<Client>>,
}

impl Outgoing<'_> {
    fn send_to_one(&mut self, client: &Arc<Client>, head: &[u8], body: &[u8]) {
        let len = frame_len(Role::Server, head.len() + body.len());
        self.send(client, len, |link| link.send_parts(Kind::Binary, head, body));
    }

    fn send_to_all<'c>(&mut self, clients: impl Iterator<Item = &'c Arc<Client>>, head: &[u8], body: &[u8]) {
        let len = frame_len(Role::Server, head.len() + body.len());
        let mut frame = Vec::with_capacity(len);
        encode_parts(Role::Server, Kind::Binary, [head, body], &mut frame);
        let frame = shared(Bytes::from(frame), &self.registry.budget);
        for client in clients {
            self.send(client, len, |link| link.send_shared([&frame]));
        }
    }

    /// Sends a frame of `len` bytes, within the client's limit.
    fn send(&mut self, client: &Arc<Client>, len: usize, put: impl FnOnce(&Link) -> bool) {
        match client.link.admit(len, self.registry.options.max_pending) {
            Ok(()) => {
                self.registry.count_out(1, len);
                if self.registry.broadcasts.catch_up(client) | put(&client.link) {
                    self.woken.push(client.clone());
                }
            }
            Err(error) => {
                let is_full = self.registry.refused(client, error);
                if is_full && !client.has_missed.swap(true, Ordering::AcqRel) {
                    self.registry.tell(Note::Missed(client.id));
                }
            }
        }
    }
}
