//! The handle of one WebSocket server.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::address::BindAddress;
use crate::admission::{AdmissionRules, TurnedAway};
use crate::command::WebSocketCommand;
use crate::error::{BindError, SendError};
use crate::event::WebSocketEvent;
use crate::http::headers::ResponseHeader;
use crate::http::response::Refusal;
use crate::mailbox::{Mailbox, SocketId, mailbox};
use crate::websocket::ClientId;
use crate::websocket::broadcasts::{Recipients, shared};
use crate::websocket::client::Client;
use crate::websocket::close_code::{CloseCode, CloseFrame};
use crate::websocket::frame::{Kind, encode, frame_len};
use crate::websocket::groups::Groups;
use crate::websocket::options::{BackpressurePolicy, Subprotocol, WebSocketOptions};
use crate::websocket::registry::{Decision, MAX_NOTES, Note, Registry};
use crate::websocket::request::ClientInfo;
use crate::websocket::server::{self, Running};

/// The longest payload of a ping (RFC 6455 section 5.5).
pub const MAX_PING_LEN: usize = 125;

/// Up to so many clients get a broadcast from the main thread itself: cheaper than to have it handed out.
const FEW: usize = 8;

/// One WebSocket server (RFC 6455), seen from the thread that uses it. No method waits, except that
/// [`WebSocketServer::start`] may wait up to a second for a port that this process is just closing.
///
/// A client exists for this handle from [`WebSocketEvent::Connected`] until [`WebSocketEvent::Disconnected`] is taken by
/// [`Self::next_event`]; before and after, its id is unknown. Dropping the handle stops the server.
#[derive(Debug)]
pub struct WebSocketServer {
    mailbox: Mailbox<Note>,
    registry: Arc<Registry>,
    local: SocketAddr,
    clients: HashMap<ClientId, Arc<Client>>,
    groups: Groups,
    /// Handshakes that wait for a decision.
    deciding: HashMap<ClientId, Deciding>,
    /// Those that were told of, were not rejected, and have not come to an end.
    announced: HashSet<ClientId>,
    /// `None` once stopped.
    running: Option<Running>,
    /// [`WebSocketEvent::Stopped`] was taken.
    over: bool,
    /// Frames are gathered: see [`Self::cork`].
    corked: bool,
    /// Clients that have frames and were not woken yet.
    unwoken: Vec<Arc<Client>>,
    /// The server's task was not told yet of a broadcast.
    has_broadcast: bool,
}

#[derive(Debug)]
struct Deciding {
    answer: oneshot::Sender<Decision>,
    /// What the client offered.
    protocols: Vec<String>,
}

/// Whom a broadcast reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience<'a> {
    /// Every client.
    All,
    /// The members of a group; nobody if there is no such group.
    Group(&'a str),
}

/// What became of a broadcast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Broadcast {
    /// Clients for which it was queued.
    pub queued: usize,
    /// Clients that were over their limit of pending bytes and do not get it.
    pub refused: usize,
}

/// A server's figures since its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Clients that are in now, as the network sees it; events may still wait to be taken.
    pub clients: usize,
    /// Clients that ever came in.
    pub connected: u64,
    /// Connections that were refused or gave up during the opening handshake.
    pub refused: u64,
    /// Of those, the ones that were turned away by their address or had to make room.
    pub turned_away: TurnedAway,
    /// Messages received.
    pub messages_in: u64,
    /// Payload bytes of messages received.
    pub bytes_in: u64,
    /// Messages accepted for sending; a broadcast counts once per client.
    pub messages_out: u64,
    /// Bytes of frames accepted for sending.
    pub bytes_out: u64,
    /// Bytes that count against [`WebSocketOptions::max_total`] now.
    pub memory: usize,
}

/// Why something for a client was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ClientError {
    /// No client has this id, or it is gone.
    #[error("there is no client {0}")]
    Unknown(ClientId),
    /// The client is over its limit of pending bytes. With [`BackpressurePolicy::Disconnect`] it is being disconnected.
    #[error("client {0} has too many bytes waiting to be sent")]
    Full(ClientId),
    /// The client is being disconnected.
    #[error("client {0} is being disconnected")]
    Closing(ClientId),
    /// The payload of a ping has so many bytes, and 125 is the limit.
    #[error("a ping carries at most {MAX_PING_LEN} bytes, not {0}")]
    PingTooLong(usize),
}

/// Why a decision about a handshake was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecisionError {
    /// No handshake with this id waits: it was decided, it expired, or the client left.
    #[error("no handshake {0} waits for a decision")]
    Unknown(ClientId),
    /// The client did not offer this subprotocol (RFC 6455 section 4.2.2), or it is none. The handshake still waits.
    #[error("the client did not offer the subprotocol '{0}'")]
    Protocol(String),
    /// Not a status of an error, 400 to 599. The handshake still waits.
    #[error("{0} is no status to reject with: take 400 to 599")]
    Status(i64),
}

impl WebSocketServer {
    /// Binds, listens and starts to take clients in.
    ///
    /// # Errors
    /// [`BindError`], at once.
    pub fn start(address: BindAddress, options: WebSocketOptions) -> Result<Self, BindError> {
        let (sender, mailbox) = mailbox(MAX_NOTES, usize::MAX);
        let registry = Arc::new(Registry::new(options, sender));
        let (local, running) = server::start(address, &registry)?;
        Ok(Self {
            mailbox,
            registry,
            local,
            clients: HashMap::new(),
            groups: Groups::default(),
            deciding: HashMap::new(),
            announced: HashSet::new(),
            running: Some(running),
            over: false,
            corked: false,
            unwoken: Vec::new(),
            has_broadcast: false,
        })
    }

    /// Stops listening, sends 1001 to every client and ends their connections, within about a second. The port is free
    /// for the next start at once. Events go on until [`WebSocketEvent::Stopped`]: every client gets its
    /// [`WebSocketEvent::Disconnected`].
    pub fn stop(&mut self) {
        self.uncork();
        self.deciding.clear();
        self.running = None;
    }

    /// Whether the server takes clients in: from the start to [`Self::stop`].
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.running.is_some()
    }

    /// Whether [`WebSocketEvent::Stopped`] was taken: no event comes any more.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The server's name in the ready list.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.mailbox.id()
    }

    /// The address in use, with the port that the system chose if 0 was asked for.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// To be called by whoever took the server from the ready list, before draining.
    pub fn unlist(&self) {
        self.mailbox.unlist();
    }

    /// How many events wait, at most: all messages of one client count as one.
    #[must_use]
    pub fn queued_events(&self) -> usize {
        self.mailbox.len()
    }

    /// The next event. Wakes the clients that were sent something before ([`Self::cork`]).
    #[must_use]
    pub fn next_event(&mut self) -> Option<WebSocketEvent> {
        self.wake_all();
        loop {
            return Some(match self.mailbox.next()? {
                Note::HandshakeRequested(id, request, answer) => {
                    let protocols = request.request.protocols().iter().map(ToString::to_string).collect();
                    self.deciding.insert(id, Deciding { answer, protocols });
                    self.announced.insert(id);
                    WebSocketEvent::HandshakeRequested(id, request)
                }
                Note::HandshakeFailed(id, why) => {
                    self.deciding.remove(&id);
                    if !self.announced.remove(&id) {
                        // It was rejected in the moment in which it failed.
                        continue;
                    }
                    WebSocketEvent::HandshakeFailed(id, why)
                }
                Note::Connected(client) => {
                    let (id, info) = (client.id, client.info.clone());
                    self.announced.remove(&id);
                    self.registry.broadcasts.join(&client);
                    self.clients.insert(id, client);
                    WebSocketEvent::Connected(id, info)
                }
                Note::Messages(client) => {
                    let messages = client.take_messages();
                    if messages.is_empty() {
                        continue;
                    }
                    WebSocketEvent::Messages(client.id, messages)
                }
                Note::Disconnected(id, how) => {
                    self.clients.remove(&id);
                    self.groups.forget(id);
                    WebSocketEvent::Disconnected(id, how)
                }
                Note::Paused(error) => WebSocketEvent::Paused(error),
                Note::Resumed => WebSocketEvent::Resumed,
                Note::Stopped => {
                    self.over = true;
                    WebSocketEvent::Stopped
                }
            });
        }
    }

    /// From now on, frames wait until [`Self::next_event`] or [`Self::uncork`] is called: a handler that sends a hundred
    /// messages to a client wakes its task once. To be called before draining events.
    pub fn cork(&mut self) {
        self.corked = true;
    }

    /// Ends [`Self::cork`] and sends what was gathered. To be called after draining events, in any case.
    pub fn uncork(&mut self) {
        self.corked = false;
        self.wake_all();
    }

    fn wake_all(&mut self) {
        for client in self.unwoken.drain(..) {
            client.link.wake();
        }
        if std::mem::take(&mut self.has_broadcast) {
            self.registry.broadcasts.notify();
        }
    }

    /// How many clients there are.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// The ids of all clients, in the order in which they came.
    #[must_use]
    pub fn client_ids(&self) -> Vec<ClientId> {
        let mut ids: Vec<_> = self.clients.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// What is known of a client.
    #[must_use]
    pub fn client_info(&self, client: ClientId) -> Option<&ClientInfo> {
        self.clients.get(&client).map(|client| &*client.info)
    }

    /// The time between the last answered ping to a client and its pong; `None` before the first, and for an unknown id.
    #[must_use]
    pub fn client_latency(&self, client: ClientId) -> Option<Duration> {
        self.clients.get(&client)?.link.latency()
    }

    /// Bytes of frames queued for a client and not yet handed to the system; `None` for an unknown id.
    #[must_use]
    pub fn client_pending_bytes(&self, client: ClientId) -> Option<usize> {
        self.clients.get(&client).map(|client| client.link.pending())
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// [`ClientError`]; nothing was queued then.
    pub fn send_text(&mut self, client: ClientId, text: &str) -> Result<(), ClientError> {
        self.send(client, Kind::Text, text.as_bytes())
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// [`ClientError`]; nothing was queued then.
    pub fn send_binary(&mut self, client: ClientId, data: &[u8]) -> Result<(), ClientError> {
        self.send(client, Kind::Binary, data)
    }

    fn send(&mut self, id: ClientId, kind: Kind, payload: &[u8]) -> Result<(), ClientError> {
        let client = self.clients.get(&id).ok_or(ClientError::Unknown(id))?;
        let len = frame_len(payload.len());
        if let Err(error) = client.link.admit(len, self.registry.options.max_pending) {
            return Err(self.refused(client, error));
        }
        self.registry.count_out(1, len);
        let must_wake = self.registry.broadcasts.catch_up(client) | client.link.send(kind, payload);
        if must_wake && self.corked {
            self.unwoken.push(client.clone());
        } else if must_wake {
            client.link.wake();
        }
        Ok(())
    }

    /// Sends one text message to many; the frame is made once, and all clients share it. A client that is being
    /// disconnected is passed over.
    pub fn broadcast_text(&mut self, text: &str, to: Audience<'_>, exclude: &[ClientId]) -> Broadcast {
        self.broadcast(Kind::Text, text.as_bytes(), to, exclude)
    }

    /// Sends one binary message to many; the frame is made once, and all clients share it. A client that is being
    /// disconnected is passed over.
    pub fn broadcast_binary(&mut self, data: &[u8], to: Audience<'_>, exclude: &[ClientId]) -> Broadcast {
        self.broadcast(Kind::Binary, data, to, exclude)
    }

    fn broadcast(&mut self, kind: Kind, payload: &[u8], to: Audience<'_>, exclude: &[ClientId]) -> Broadcast {
        let mut result = Broadcast::default();
        if self.running.is_none() {
            return result;
        }
        let mut frame = Vec::with_capacity(frame_len(payload.len()));
        encode(kind, payload, &mut frame);
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
        if few.len() <= FEW {
            let frame = shared(Bytes::from(frame), &self.registry.budget);
            for client in few {
                if self.registry.broadcasts.catch_up(&client) | client.link.send_shared([&frame]) {
                    self.unwoken.push(client);
                }
            }
        } else {
            let recipients = match to {
                Audience::All => Recipients::AllBut(left_out),
                Audience::Group(_) => Recipients::Only(members),
            };
            self.registry.broadcasts.add(&frame, recipients);
            self.has_broadcast = true;
        }
        if !self.corked {
            self.wake_all();
        }
        result
    }

    fn refused(&self, client: &Client, error: SendError) -> ClientError {
        match error {
            SendError::Closed => ClientError::Closing(client.id),
            SendError::Full => {
                if self.registry.options.backpressure == BackpressurePolicy::Disconnect {
                    let frame = CloseFrame::new(CloseCode::POLICY, "too many bytes waiting to be sent");
                    client.link.close(WebSocketCommand::CloseNow(frame));
                }
                ClientError::Full(client.id)
            }
        }
    }

    /// Sends a ping; the time to its pong is then [`Self::client_latency`].
    ///
    /// # Errors
    /// [`ClientError`]; [`ClientError::PingTooLong`] over [`MAX_PING_LEN`] bytes.
    pub fn ping(&mut self, client: ClientId, payload: &[u8]) -> Result<(), ClientError> {
        if payload.len() > MAX_PING_LEN {
            return Err(ClientError::PingTooLong(payload.len()));
        }
        let client = self.clients.get(&client).ok_or(ClientError::Unknown(client))?;
        if let Err(error) = client
            .link
            .admit(frame_len(payload.len()), self.registry.options.max_pending)
        {
            return Err(self.refused(client, error));
        }
        self.registry.broadcasts.catch_up(client);
        client.link.ping(Bytes::copy_from_slice(payload));
        Ok(())
    }

    /// Sends what was sent to a client before, then a close frame, and ends the connection when the client has answered
    /// or the close timeout has passed. Messages that still arrive are dropped. [`WebSocketEvent::Disconnected`] follows.
    ///
    /// # Errors
    /// [`ClientError::Unknown`], or [`ClientError::Closing`] the second time.
    pub fn disconnect(&mut self, client: ClientId, frame: CloseFrame) -> Result<(), ClientError> {
        let shared = self.clients.get(&client).ok_or(ClientError::Unknown(client))?;
        self.registry.broadcasts.catch_up(shared);
        if shared.link.close(WebSocketCommand::Close(frame)) {
            Ok(())
        } else {
            Err(ClientError::Closing(client))
        }
    }

    /// Lets a client in that [`WebSocketEvent::HandshakeRequested`] named. An empty `protocol` leaves the choice to the
    /// server's own list of subprotocols.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn accept_handshake(&mut self, client: ClientId, protocol: &str) -> Result<(), DecisionError> {
        let deciding = self.deciding.get(&client).ok_or(DecisionError::Unknown(client))?;
        let protocol = match protocol {
            "" => None,
            name if Subprotocol::parse(name).is_ok() && deciding.protocols.iter().any(|p| p == name) => {
                Some(name.to_owned())
            }
            name => return Err(DecisionError::Protocol(name.to_owned())),
        };
        self.decide(client, Decision::Accept(protocol))
    }

    /// Refuses a client that [`WebSocketEvent::HandshakeRequested`] named, with an HTTP status from 400 to 599, a text, and
    /// more header lines. The text is plain unless these name another `Content-Type`. Its id stays unknown, and no further
    /// event names it.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn reject_handshake(
        &mut self,
        client: ClientId,
        status: i64,
        body: &str,
        headers: Vec<ResponseHeader>,
    ) -> Result<(), DecisionError> {
        let Ok(status @ 400..=599) = u16::try_from(status) else {
            return Err(DecisionError::Status(status));
        };
        let refusal = Refusal {
            headers,
            ..Refusal::new(status, body)
        };
        self.decide(client, Decision::Reject(refusal))?;
        self.announced.remove(&client);
        Ok(())
    }

    /// Changes who may connect, for new connections.
    pub fn set_admission(&self, rules: AdmissionRules) {
        self.registry.admission.set_rules(rules);
    }

    fn decide(&mut self, client: ClientId, decision: Decision) -> Result<(), DecisionError> {
        let unknown = DecisionError::Unknown(client);
        match self.deciding.remove(&client) {
            Some(deciding) => deciding.answer.send(decision).map_err(|_| unknown),
            None => Err(unknown),
        }
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Puts a client into a group. Twice is once.
    ///
    /// # Errors
    /// [`ClientError::Unknown`].
    pub fn add_to_group(&mut self, client: ClientId, group: &str) -> Result<(), ClientError> {
        if !self.clients.contains_key(&client) {
            return Err(ClientError::Unknown(client));
        }
        self.groups.add(client, group);
        Ok(())
    }

    /// Takes a client out of a group; says whether it was in it.
    ///
    /// # Errors
    /// [`ClientError::Unknown`].
    pub fn remove_from_group(&mut self, client: ClientId, group: &str) -> Result<bool, ClientError> {
        if !self.clients.contains_key(&client) {
            return Err(ClientError::Unknown(client));
        }
        Ok(self.groups.remove(client, group))
    }

    /// The server's figures since its start.
    #[must_use]
    pub fn statistics(&self) -> Statistics {
        let figures = &self.registry.figures;
        let turned_away = self.registry.admission.turned_away();
        Statistics {
            clients: self.registry.count(),
            connected: figures.connected.load(Ordering::Relaxed),
            refused: figures.refused.load(Ordering::Relaxed),
            turned_away,
            messages_in: figures.messages_in.load(Ordering::Relaxed),
            bytes_in: figures.bytes_in.load(Ordering::Relaxed),
            messages_out: figures.messages_out.load(Ordering::Relaxed),
            bytes_out: figures.bytes_out.load(Ordering::Relaxed),
            memory: self.registry.budget.used(),
        }
    }
}
