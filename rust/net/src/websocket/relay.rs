//! The relay: messages that clients send each other through the server, passed on by the tasks of their senders.
//!
//! What such a message looks like is decided by the user ([`RelayRule`]), who also says which clients take part and by
//! which numbers they name each other. Everything from one client to another stays in order. For the main thread, a
//! relayed message is one that the sender's connection has sent to the recipient itself.
//!
//! A sender may flood hundreds of others, and the main thread may want to end that. So the lock that decides is held
//! while one message is queued, and not while a batch is read, sifted, encoded or prepared for the main thread.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use tokio::task::block_in_place;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::broadcasts::shared;
use super::client::Client;
use super::frame::{Kind, encode_parts, frame_len};
use super::link::{By, Link};
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

/// Maximum size of a frame, in bytes, that is written into a recipient's queue; a larger one is encoded beforehand.
const COPY_LIMIT: usize = 4 * 1024;

/// A batch that may queue more frames than this is passed on in a blocking section, so that the worker's other tasks do
/// not wait: one client's smallest messages to hundreds of others take more than half a second.
const ASIDE: usize = 8192;

/// Frames that are queued before their recipients are woken. Until then, they also lack what the main thread has sent.
const ROW: usize = 4096;

/// A client's part in the relay.
#[derive(Debug, Default)]
pub(crate) struct Part {
    /// `None` if it takes no part.
    sender: Mutex<Option<Sender>>,
    /// The main thread waits for the lock, which has to come free before the next message is queued.
    is_wanted: AtomicBool,
    /// Messages of the client are on their way to other clients and to the main thread.
    is_delivering: AtomicBool,
}

#[derive(Debug)]
struct Sender {
    label: Label,
    /// What its messages begin with for their recipients.
    head: Arc<[u8]>,
    /// Its messages are relayed. Until then, the main thread gets them.
    has_begun: bool,
}

/// Messages of a client are being delivered, until it is dropped.
pub(crate) struct Delivering<'a>(&'a Part);

impl Drop for Delivering<'_> {
    fn drop(&mut self) {
        self.0.is_delivering.store(false, Ordering::Release);
    }
}

impl Part {
    /// Notes that messages of the client are being delivered.
    pub(crate) fn delivering(&self) -> Delivering<'_> {
        self.is_delivering.store(true, Ordering::Release);
        Delivering(self)
    }

    /// Changes how the client sends. Waits at most until one message is queued for one recipient.
    fn change<R>(&self, change: impl FnOnce(&mut Option<Sender>) -> R) -> R {
        self.is_wanted.store(true, Ordering::Release);
        let mut sender = self.sender();
        self.is_wanted.store(false, Ordering::Release);
        change(&mut sender)
    }

    /// The number and the head of a client whose messages are relayed.
    fn begun(&self) -> Option<(Label, Arc<[u8]>)> {
        let sender = self.sender();
        let begun = sender.as_ref().filter(|sender| sender.has_begun)?;
        Some((begun.label, begun.head.clone()))
    }

    /// Keeps the client in the relay while one message is queued; `None` if it is not, or is about to leave.
    fn turn(&self) -> Option<MutexGuard<'_, Option<Sender>>> {
        if self.is_wanted() {
            return None;
        }
        let sender = self.sender();
        sender.as_ref().is_some_and(|sender| sender.has_begun).then_some(sender)
    }

    fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Acquire)
    }

    fn sender(&self) -> MutexGuard<'_, Option<Sender>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
        let sender = Sender {
            label,
            head: head.into(),
            has_begun: false,
        };
        client.part.change(|part| *part = Some(sender));
        client.link.set_paused(true);
        self.change(|members| {
            members.insert(label, client.clone());
        });
        // It may have ended, and left the relay, before it was added; then nothing else removes it.
        if client.link.is_closed() {
            self.leave(client);
            self.remove(label, client);
        }
    }

    /// Relays the messages of a client from now on, unless some wait, or are on their way to the main thread: it has to
    /// take these first, as it must relay them itself. Returns whether it has begun.
    pub(crate) fn begin(client: &Client) -> bool {
        let Ok(mut sender) = client.part.sender.try_lock() else {
            return false;
        };
        match &mut *sender {
            Some(sender) if !sender.has_begun => {
                // Messages that arrive after this find that it has begun.
                let is_delivering = client.part.is_delivering.load(Ordering::Acquire);
                if is_delivering || client.link.has_messages() {
                    return false;
                }
                sender.has_begun = true;
                client.link.set_paused(false);
                true
            }
            _ => true,
        }
    }

    /// Removes a client. Nothing that it sends is relayed any more when this returns; a message that is just being
    /// queued for several clients may not reach all of them.
    pub(crate) fn leave(&self, client: &Client) {
        let Some(Sender { label, .. }) = client.part.change(Option::take) else {
            return;
        };
        client.link.set_paused(false);
        self.remove(label, client);
    }

    fn remove(&self, label: Label, client: &Client) {
        self.change(|members| {
            if members.get(&label).is_some_and(|member| member.id == client.id) {
                members.remove(&label);
            }
        });
    }

    /// Passes on the messages of a client that takes part, and returns those for the main thread. To be called while
    /// the client's [`Part::delivering`] is held.
    pub(crate) fn pass_on(&self, client: &Client, messages: Messages, registry: &Registry) -> Messages {
        let Some((own, head)) = client.part.begun() else {
            return messages;
        };
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner).clone();
        if messages.len().saturating_mul(members.len()) > ASIDE {
            return block_in_place(|| self.sift(client, messages, registry, own, &head, &members));
        }
        self.sift(client, messages, registry, own, &head, &members)
    }

    fn sift(
        &self,
        client: &Client,
        messages: Messages,
        registry: &Registry,
        own: Label,
        head: &[u8],
        members: &Members,
    ) -> Messages {
        let mut outgoing = Outgoing {
            registry,
            part: &client.part,
            head,
            queued: 0,
            woken: Vec::new(),
        };
        let mut has_left = false;
        let rest = messages.sift(|message| {
            if has_left {
                return Sifted::Keep;
            }
            let Some(relayed) = (self.rule)(message) else {
                return Sifted::Keep;
            };
            let body = message.get(relayed.body_at..).unwrap_or_default();
            let is_sent = match relayed.to {
                RelayTo::One(label) => outgoing.send_to_one(members.get(&label), body),
                RelayTo::AllBut(label) => {
                    let is_meant = |other: &Label| *other != label && *other != own;
                    let others = members.iter().filter(|(other, _)| is_meant(other));
                    outgoing.send_to_all(others.map(|(_, member)| member), body)
                }
            };
            if !is_sent {
                has_left = true;
                return Sifted::Keep;
            }
            registry.figures.relayed.fetch_add(1, Ordering::Relaxed);
            if outgoing.queued >= ROW {
                outgoing.wake();
            }
            match relayed.is_for_main {
                true => Sifted::KeepFrom(relayed.body_at),
                false => Sifted::Drop,
            }
        });
        outgoing.wake();
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
    /// The sender's.
    part: &'a Part,
    head: &'a [u8],
    /// Number of frames since clients were woken.
    queued: usize,
    /// The clients to wake.
    woken: Vec<Arc<Client>>,
}

impl Outgoing<'_> {
    fn wake(&mut self) {
        self.queued = 0;
        self.woken.drain(..).for_each(|client| client.link.wake());
    }

    /// Returns `false`, without effect, if the sender is no longer in the relay; likewise the next one.
    fn send_to_one(&mut self, client: Option<&Arc<Client>>, body: &[u8]) -> bool {
        let len = self.frame_len(body);
        if len > COPY_LIMIT {
            return self.send_to_all(client.into_iter(), body);
        }
        let Some(_turn) = self.part.turn() else { return false };
        if let Some(client) = client {
            let head = self.head;
            self.send(client, len, |link| link.send_parts(By::Task, Kind::Binary, head, body));
        }
        true
    }

    fn send_to_all<'c>(&mut self, clients: impl Iterator<Item = &'c Arc<Client>>, body: &[u8]) -> bool {
        let len = self.frame_len(body);
        let mut frame = Vec::with_capacity(len);
        encode_parts(Role::Server, Kind::Binary, [self.head, body], &mut frame);
        let frame = shared(Bytes::from(frame), &self.registry.budget);
        let Some(_turn) = self.part.turn() else { return false };
        for client in clients {
            self.send(client, len, |link| link.send_shared(By::Task, [&frame]));
            if self.part.is_wanted() {
                break;
            }
        }
        true
    }

    fn frame_len(&self, body: &[u8]) -> usize {
        frame_len(Role::Server, self.head.len() + body.len())
    }

    /// Sends a frame of `len` bytes, within the client's limit.
    fn send(&mut self, client: &Arc<Client>, len: usize, put: impl FnOnce(&Link) -> bool) {
        match client.link.admit(len, self.registry.options.max_pending) {
            Ok(()) => {
                self.registry.count_out(1, len);
                if self.registry.broadcasts.catch_up(client, By::Task) | put(&client.link) {
                    self.woken.push(client.clone());
                }
                self.queued += 1;
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
