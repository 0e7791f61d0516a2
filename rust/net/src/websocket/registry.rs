//! What all tasks of one server share: its options, its clients, the mailbox to the main thread, and counters.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::ClientId;
use super::broadcasts::Broadcasts;
use super::client::Client;
use super::close_code::{CloseCode, CloseFrame, Disconnect};
use super::link::Link;
use super::messages::Messages;
use super::options::{BackpressurePolicy, WebSocketOptions};
use super::relay::Relay;
use super::request::{ClientInfo, HandshakeFailure, HandshakeRequest};
use crate::admission::{Admission, Refused, Share, Shares};
use crate::budget::Budget;
use crate::command::WebSocketCommand;
use crate::error::SendError;
use crate::http::response::Refusal;
use crate::http_server::exchange::{HttpReply, HttpRequest, HttpRequestId};
use crate::http_server::state::Http;
use crate::mailbox::MailboxSender;

/// Maximum number of notes that wait for the main thread before accepting pauses. A client has at most four
/// (connected, has messages, has missed some, disconnected).
pub(crate) const MAX_NOTES: usize = 4096;

/// A longer message in progress, in bytes, is read further only when the queue of all clients has room.
const SMALL_MESSAGE: usize = 64 * 1024;

/// Maximum number of connections that are over and wait for the peer's FIN.
const MAX_LINGERING: usize = 1024;

/// The same for connections that were not admitted. They have a limit of their own, so that they do not take the places
/// of clients.
const MAX_REFUSED_LINGERING: usize = 256;

/// Maximum number of requests that wait for the main thread's decision.
const MAX_DECIDING: usize = 1024;

/// What a server's tasks report to the main thread.
#[derive(Debug)]
pub(crate) enum Note {
    HandshakeRequested(ClientId, Box<HandshakeRequest>, oneshot::Sender<Decision>),
    HandshakeFailed(ClientId, HandshakeFailure),
    Connected(Arc<Client>),
    /// The client's inbox has messages. At most one such note per client, however much it sends.
    Messages(Arc<Client>),
    /// A relayed message for this client was refused. At most one such note per client.
    Missed(ClientId),
    Disconnected(ClientId, Box<Disconnect>),
    HttpRequested(Box<HttpRequest>, HttpReply),
    HttpClientLeft(HttpRequestId),
    Paused(std::io::Error),
    Resumed,
    Stopped,
}

/// The main thread's answer to a handshake.
#[derive(Debug)]
pub(crate) enum Decision {
    /// With this subprotocol; `None` leaves the choice to the server.
    Accept(Option<String>),
    /// With this response.
    Reject(Refusal),
    /// There will be none.
    Expire,
}

/// Why a client was not admitted although its request is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoEntry {
    Full,
    /// The address has its maximum number of clients.
    Crowded,
    /// The user takes no new clients at the moment.
    Refusing,
    Stopping,
}

#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) options: WebSocketOptions,
    pub(crate) admission: Admission,
    /// Whether every new client is refused.
    refusing: AtomicBool,
    events: MailboxSender<Note>,
    clients: Mutex<Clients>,
    pub(crate) broadcasts: Broadcasts,
    pub(crate) relay: Option<Relay>,
    /// The memory budget of all clients.
    pub(crate) budget: Arc<Budget>,
    lingering: Arc<Semaphore>,
    refused_lingering: Shares,
    /// Places for requests that wait for a decision.
    deciding: Shares,
    pub(crate) http: Http,
    pub(crate) figures: Figures,
}

#[derive(Debug, Default)]
struct Clients {
    by_id: HashMap<ClientId, Arc<Client>>,
    stopping: bool,
}

/// Counters of a server.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) connected: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// Of those, the ones for which there was no room.
    pub(crate) full: AtomicU64,
    pub(crate) messages_in: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) messages_out: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) relayed: AtomicU64,
}

impl Registry {
    pub(crate) fn new(options: WebSocketOptions, events: MailboxSender<Note>) -> Self {
        let budget = Budget::new(options.max_total, options.max_queued);
        Self {
            admission: Admission::new(options.admission.clone()).trusting(options.http.trusted_proxies.clone()),
            refusing: AtomicBool::new(false),
            deciding: Shares::new(options.handshake.max_pending.min(MAX_DECIDING)),
            refused_lingering: Shares::new(MAX_REFUSED_LINGERING),
            relay: options.relay.map(Relay::new),
            http: Http::new(options.http.clone()),
            options,
            events,
            clients: Mutex::default(),
            broadcasts: Broadcasts::new(budget.clone()),
            budget,
            lingering: Arc::new(Semaphore::new(MAX_LINGERING)),
            figures: Figures::default(),
        }
    }

    pub(crate) fn tell(&self, note: Note) {
        self.events.send(note, 0);
    }

    /// Waits until the mailbox has room for notes about new clients.
    pub(crate) async fn room(&self) {
        self.events.room().await;
    }

    /// Counts a connection that was not admitted.
    pub(crate) fn refuse(&self) {
        self.figures.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn next_id(&self) -> ClientId {
        self.options.ids.next()
    }

    /// Admits a client if there is room. It counts from now on.
    pub(crate) fn enter(&self, id: Option<ClientId>, info: ClientInfo) -> Result<Arc<Client>, NoEntry> {
        let mut clients = self.clients();
        if clients.stopping {
            return Err(NoEntry::Stopping);
        }
        if self.is_refusing() {
            return Err(NoEntry::Refusing);
        }
        if self.is_full(&clients) {
            return Err(NoEntry::Full);
        }
        if !self.admission.enter(info.peer.ip()) {
            return Err(NoEntry::Crowded);
        }
        let id = id.unwrap_or_else(|| self.next_id());
        let memory = self.budget.open(info.peer.ip());
        let client = Client::new(id, info, memory);
        clients.by_id.insert(id, client.clone());
        Ok(client)
    }

    /// Checks whether a client of this address would be admitted now. Counts one that a limit refuses.
    pub(crate) fn may_enter(&self, ip: IpAddr) -> Result<(), NoEntry> {
        let clients = self.clients();
        if clients.stopping {
            return Err(NoEntry::Stopping);
        }
        if self.is_refusing() {
            return Err(NoEntry::Refusing);
        }
        if self.is_full(&clients) {
            return Err(NoEntry::Full);
        }
        if !self.admission.may_enter(ip) {
            self.admission.count(Refused::Crowded);
            return Err(NoEntry::Crowded);
        }
        Ok(())
    }

    /// Whether there is no room for another client, which is counted then.
    fn is_full(&self, clients: &Clients) -> bool {
        let is_full = self.options.max_clients.is_some_and(|max| clients.by_id.len() >= max);
        if is_full {
            self.figures.full.fetch_add(1, Ordering::Relaxed);
        }
        is_full
    }

    /// Sets whether every new client is refused.
    pub(crate) fn set_refusing(&self, on: bool) {
        self.refusing.store(on, Ordering::Release);
    }

    fn is_refusing(&self) -> bool {
        self.refusing.load(Ordering::Acquire)
    }

    /// Removes a client that left before the main thread learned of it.
    pub(crate) fn forget(&self, id: ClientId) {
        let client = self.clients().by_id.remove(&id);
        if let Some(client) = client {
            self.admission.leave(client.info.peer.ip());
        }
    }

    /// Removes a client whose connection is over, and reports that.
    pub(crate) fn leave(&self, client: &Client, how: Disconnect) {
        client.link.refuse_commands();
        client.link.settle_all();
        if let Some(relay) = &self.relay {
            relay.leave(client);
        }
        self.forget(client.id);
        self.tell(Note::Disconnected(client.id, Box::new(how)));
    }

    /// Passes messages from a client on, to the main thread or to other clients.
    pub(crate) fn deliver(&self, client: &Arc<Client>, messages: Messages) {
        let (count, bytes) = (messages.len() as u64, messages.payload_bytes() as u64);
        self.figures.messages_in.fetch_add(count, Ordering::Relaxed);
        self.figures.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        let Some(relay) = &self.relay else {
            return self.deliver_to_main(client, messages);
        };
        // Until the end: the relay does not begin while something is on its way to the main thread.
        let _delivering = client.part.delivering();
        let rest = relay.pass_on(client, messages, self);
        if !rest.is_empty() {
            self.deliver_to_main(client, rest);
        }
    }

    fn deliver_to_main(&self, client: &Arc<Client>, mut messages: Messages) {
        messages.settle(&self.budget);
        if client.link.deliver(messages) {
            self.tell(Note::Messages(client.clone()));
        }
    }

    /// Returns whether a client with `in_progress` bytes of an unfinished message may be read. If not, its task is
    /// woken when the main thread has taken what waits.
    pub(crate) fn may_read(&self, link: &Link, in_progress: usize, waker: &Waker) -> bool {
        if !self.budget.is_queue_full() {
            return !link.is_over(self.options.max_queued_per_client, self.options.max_queued_messages);
        }
        // When too much is queued in all, each client may still have one small message waiting, so that nobody starves.
        if link.is_over(1, 1) {
            return false;
        }
        if in_progress <= SMALL_MESSAGE && !self.budget.is_clogged() {
            return true;
        }
        link.account().wait_for_queue(waker)
    }

    /// Counts a frame of `len` bytes that the main thread queued for this many clients.
    pub(crate) fn count_out(&self, clients: usize, len: usize) {
        let clients = clients as u64;
        self.figures.messages_out.fetch_add(clients, Ordering::Relaxed);
        self.figures
            .bytes_out
            .fetch_add(clients * len as u64, Ordering::Relaxed);
    }

    /// A frame for this client was refused: it is disconnected, if that is the policy. Returns whether its limit was
    /// the reason.
    pub(crate) fn refused(&self, client: &Client, error: SendError) -> bool {
        let is_full = error == SendError::Full;
        if is_full && self.options.backpressure == BackpressurePolicy::Disconnect {
            let frame = CloseFrame::new(CloseCode::POLICY, "too many bytes waiting to be sent");
            client.link.close(WebSocketCommand::CloseNow(frame));
        }
        is_full
    }

    /// Adapts to what [`Self::http`] answers now.
    pub(crate) fn apply_http(&self) {
        self.admission.set_serves_http(self.http.is_on());
    }

    pub(crate) fn count(&self) -> usize {
        self.clients().by_id.len()
    }

    /// Reserves a place among the connections that wait for the peer's FIN, if there is one.
    pub(crate) fn linger(&self) -> Option<OwnedSemaphorePermit> {
        self.lingering.clone().try_acquire_owned().ok()
    }

    /// The same among those that were not admitted.
    pub(crate) fn linger_refused(&self, ip: IpAddr) -> Option<Share> {
        self.refused_lingering.take(self.http.source(ip))
    }

    /// Reserves a place among the requests that wait for a decision, if there is one for this address.
    pub(crate) fn deciding(&self, ip: IpAddr) -> Option<Share> {
        self.deciding.take(self.http.source(ip))
    }

    pub(crate) fn everybody(&self) -> Vec<Arc<Client>> {
        self.clients().by_id.values().cloned().collect()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.clients().stopping
    }

    /// Admits nobody from now on, and closes all connections (1001).
    pub(crate) fn stop(&self) {
        self.clients().stopping = true;
        for client in self.everybody() {
            let frame = CloseFrame::new(CloseCode::GOING_AWAY, "");
            if !client.link.close(WebSocketCommand::Close(frame)) {
                // It was closing already, with more time than it has now: wake its task to notice.
                client.link.wake();
            }
        }
    }

    /// Tells every client whose id fits that a heartbeat is due.
    pub(crate) fn beat(&self, fits: impl Fn(ClientId) -> bool) {
        let due: Vec<_> = self
            .clients()
            .by_id
            .values()
            .filter(|client| fits(client.id))
            .cloned()
            .collect();
        for client in due {
            client.link.beat();
        }
    }

    fn clients(&self) -> MutexGuard<'_, Clients> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
