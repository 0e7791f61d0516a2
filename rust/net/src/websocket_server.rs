//! The handle of a WebSocket server.

mod broadcast;
mod decisions;
mod error;
mod http;
mod multicast;
mod relaying;
mod statistics;
mod wakeups;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::address::BindAddress;
use crate::admission::AdmissionRules;
use crate::command::WebSocketCommand;
use crate::error::{BindError, SendError};
use crate::event::WebSocketEvent;
use crate::mailbox::{Mailbox, SocketId, mailbox};
use crate::websocket::client::Client;
use crate::websocket::close_code::CloseFrame;
use crate::websocket::frame::{Kind, MAX_CONTROL_PAYLOAD};
use crate::websocket::groups::Groups;
use crate::websocket::link::By;
use crate::websocket::options::WebSocketOptions;
use crate::websocket::registry::{MAX_NOTES, Note, Registry};
use crate::websocket::request::ClientInfo;
use crate::websocket::server::{self, Running};
use crate::websocket::{Arrived, ClientId};

pub use broadcast::{Audience, Broadcast};
use decisions::Handshakes;
pub use error::{ClientError, DecisionError};
pub use multicast::Multicast;
pub use statistics::Statistics;
use wakeups::Wakeups;

/// Maximum payload of a ping, in bytes (RFC 6455 section 5.5).
pub const MAX_PING_LEN: usize = MAX_CONTROL_PAYLOAD;

/// A WebSocket server (RFC 6455), for the thread that uses it. No method blocks, except that [`WebSocketServer::start`]
/// may wait up to a second for a port that this process is closing.
///
/// [`Self::next_event`] makes a client known when it returns its [`WebSocketEvent::Connected`], and unknown again when
/// it returns its [`WebSocketEvent::Disconnected`]. Dropping the handle stops the server.
#[derive(Debug)]
pub struct WebSocketServer {
    mailbox: Mailbox<Note>,
    registry: Arc<Registry>,
    local: SocketAddr,
    clients: HashMap<ClientId, Arc<Client>>,
    /// Changes whenever a client is added or removed.
    generation: u64,
    groups: Groups,
    handshakes: Handshakes,
    /// `None` once stopped.
    running: Option<Running>,
    /// Whether [`WebSocketEvent::Stopped`] was returned.
    over: bool,
    wakeups: Wakeups,
}

impl WebSocketServer {
    /// Binds, listens and starts to accept clients.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn start(address: BindAddress, options: WebSocketOptions) -> Result<Self, BindError> {
        let (sender, mailbox) = mailbox(MAX_NOTES, usize::MAX);
        let registry = Arc::new(Registry::new(options, sender));
        registry.apply_http();
        let (local, running) = server::start(address, &registry)?;
        Ok(Self {
            mailbox,
            registry,
            local,
            clients: HashMap::new(),
            generation: 0,
            groups: Groups::default(),
            handshakes: Handshakes::default(),
            running: Some(running),
            over: false,
            wakeups: Wakeups::default(),
        })
    }

    /// Stops listening, sends 1001 to every client and ends their connections, within about a second. The port can be
    /// bound again at once. Events continue until [`WebSocketEvent::Stopped`], with a [`WebSocketEvent::Disconnected`]
    /// for every client.
    pub fn stop(&mut self) {
        self.uncork();
        self.handshakes.drop_pending();
        self.running = None;
    }

    /// Whether the server accepts clients, which it does until [`Self::stop`].
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.running.is_some()
    }

    /// Whether [`WebSocketEvent::Stopped`] was returned, after which there are no events.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The server's id in the ready list.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.mailbox.id()
    }

    /// The bound address, with the port that the system chose for port 0.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Must be called before draining, by the thread that took the server from the ready list.
    pub fn unlist(&self) {
        self.mailbox.unlist();
    }

    /// Maximum number of queued events: all messages of one client count as one.
    #[must_use]
    pub fn queued_events(&self) -> usize {
        self.mailbox.len()
    }

    /// The next event. Wakes the clients for what was sent to them while corked ([`Self::cork`]).
    #[must_use]
    pub fn next_event(&mut self) -> Option<WebSocketEvent> {
        self.wake_all();
        loop {
            return Some(match self.mailbox.next()? {
                Note::HandshakeRequested(id, request, answer) => {
                    self.handshakes.add(id, &request.request, answer);
                    WebSocketEvent::HandshakeRequested(id, request)
                }
                Note::HandshakeFailed(id, why) => {
                    if !self.handshakes.end(id) {
                        // It failed while it was rejected.
                        continue;
                    }
                    WebSocketEvent::HandshakeFailed(id, why)
                }
                Note::Connected(client) => {
                    let (id, info) = (client.id, client.info.clone());
                    self.handshakes.end(id);
                    self.registry.broadcasts.join(&client);
                    self.clients.insert(id, client);
                    self.generation += 1;
                    WebSocketEvent::Connected(id, info)
                }
                Note::Messages(client) => WebSocketEvent::Messages(Arrived::new(client)),
                Note::Missed(id) => WebSocketEvent::Missed(id),
                Note::Disconnected(id, how) => {
                    self.clients.remove(&id);
                    self.generation += 1;
                    self.groups.forget(id);
                    WebSocketEvent::Disconnected(id, how)
                }
                Note::HttpRequested(request, reply) => WebSocketEvent::HttpRequested(request, reply),
                Note::HttpClientLeft(id) => WebSocketEvent::HttpClientLeft(id),
                Note::Paused(error) => WebSocketEvent::Paused(error),
                Note::Resumed => WebSocketEvent::Resumed,
                Note::Stopped => {
                    self.over = true;
                    WebSocketEvent::Stopped
                }
            });
        }
    }

    /// Defers wake-ups until [`Self::next_event`] or [`Self::uncork`], so that a handler that sends a hundred messages
    /// to a client wakes its task once. Call it before draining events.
    pub fn cork(&mut self) {
        self.wakeups.corked = true;
    }

    /// Ends [`Self::cork`] and wakes all clients that were sent something. Call it after draining events, in any case.
    pub fn uncork(&mut self) {
        self.wakeups.corked = false;
        self.wake_all();
    }

    fn wake_all(&mut self) {
        self.wakeups.wake_all(&self.registry.broadcasts);
    }

    /// Wakes the clients for what was deferred, unless corked.
    fn wake_unless_corked(&mut self) {
        if !self.wakeups.corked {
            self.wake_all();
        }
    }

    /// Number of clients.
    #[must_use]
    pub fn client_count(&self) -> usize {
        self.clients.len()
    }

    /// The ids of all clients, in ascending order.
    #[must_use]
    pub fn client_ids(&self) -> Vec<ClientId> {
        let mut ids: Vec<_> = self.clients.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// A client's request, address and subprotocol; `None` for an unknown id.
    #[must_use]
    pub fn client_info(&self, client: ClientId) -> Option<&ClientInfo> {
        self.clients.get(&client).map(|client| &*client.info)
    }

    /// The time from the last answered ping of a client to its pong; `None` before the first, and for an unknown id.
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
        let len = client.link.frame_len(payload.len());
        if let Err(error) = client.link.admit(len, self.registry.options.max_pending) {
            return Err(self.refused(client, error));
        }
        self.registry.count_out(1, len);
        if self.registry.broadcasts.catch_up(client, By::Main) | client.link.send(kind, payload) {
            self.wakeups.wake(client);
        }
        Ok(())
    }

    /// What a refused frame means for its client; a slow one is disconnected, if the policy is that.
    fn refused(&self, client: &Client, error: SendError) -> ClientError {
        match self.registry.refused(client, error) {
            true => ClientError::Full(client.id),
            false => ClientError::Closing(client.id),
        }
    }

    /// Sends a ping. [`Self::client_latency`] is then the time to its pong.
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
            .admit(client.link.frame_len(payload.len()), self.registry.options.max_pending)
        {
            return Err(self.refused(client, error));
        }
        self.registry.broadcasts.catch_up(client, By::Main);
        client.link.ping(Bytes::copy_from_slice(payload));
        Ok(())
    }

    /// Sends a client what is queued for it, then a close frame, and ends the connection when the client has answered
    /// or the close timeout has passed. Messages that still arrive are dropped. [`WebSocketEvent::Disconnected`]
    /// follows.
    ///
    /// # Errors
    /// [`ClientError::Unknown`], or [`ClientError::Closing`] the second time.
    pub fn disconnect(&mut self, client: ClientId, frame: CloseFrame) -> Result<(), ClientError> {
        self.close(client, WebSocketCommand::Close(frame))
    }

    /// Like [`Self::disconnect`], but drops what is queued for the client, and does not wait for
    /// [`WebSocketOptions::close_delay`].
    ///
    /// # Errors
    /// Those of [`Self::disconnect`].
    pub fn disconnect_now(&mut self, client: ClientId, frame: CloseFrame) -> Result<(), ClientError> {
        self.close(client, WebSocketCommand::CloseNow(frame))
    }

    fn close(&mut self, client: ClientId, command: WebSocketCommand) -> Result<(), ClientError> {
        let shared = self.clients.get(&client).ok_or(ClientError::Unknown(client))?;
        self.registry.broadcasts.catch_up(shared, By::Main);
        if shared.link.close(command) {
            Ok(())
        } else {
            Err(ClientError::Closing(client))
        }
    }

    /// Changes the rules of admission for new connections.
    pub fn set_admission(&self, rules: AdmissionRules) {
        self.registry.admission.set_rules(rules);
    }

    /// Sets whether every new client is refused with 503, in its opening handshake. Established clients stay. Default
    /// `false`.
    pub fn set_refusing(&self, on: bool) {
        self.registry.set_refusing(on);
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Adds a client to a group; no effect if it is a member already.
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

    /// Removes a client from a group. Returns whether it was a member.
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
        Statistics::of(&self.registry)
    }
}
