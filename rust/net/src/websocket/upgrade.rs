//! The opening handshake of one connection: reads the request, has it decided, and sends the response.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::ClientId;
use super::client::Client;
use super::handshake::{check, websocket_request};
use super::registry::{Decision, NoEntry, Note, Registry};
use super::request::{ClientInfo, HandshakeFailure, HandshakeRequest, Request};
use super::response::{refused, switching_protocols};
use crate::accept::pending::Place;
use crate::admission::{Refused as Unwelcome, Share};
use crate::http::framing::asks_for_websocket;
use crate::http::head::{HeadError, Parsed, RequestHead};
use crate::http::response::Refusal;
use crate::limits::LINGER_TIMEOUT;
use crate::transport::Transport;

/// Time to hand a response to the system, in addition to the handshake's own.
const RESPONSE_TIME: Duration = Duration::from_secs(1);

/// Room for one read of a request, in bytes.
const READ_SIZE: usize = 1024;

/// A connection whose opening handshake is in progress.
pub(crate) struct Arrival {
    pub(crate) peer: SocketAddr,
    /// When the handshake expires, TLS included.
    pub(crate) deadline: Instant,
    /// Its place among the handshakes in progress; `None` once its decision is pending.
    pub(crate) place: Option<Place>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// An established client, and the bytes received after its request.
pub(crate) struct Upgraded<S> {
    pub(crate) stream: S,
    pub(crate) client: Arc<Client>,
    pub(crate) early: Vec<u8>,
}

/// Why the client was not established.
enum Failure {
    Refused(Refusal),
    /// The connection is lost, so that there is no response.
    Gone,
    /// The request asks for no WebSocket.
    Http,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<HeadError> for Failure {
    fn from(error: HeadError) -> Self {
        Refusal::from(error).into()
    }
}

impl From<io::Error> for Failure {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl From<NoEntry> for Failure {
    fn from(reason: NoEntry) -> Self {
        match reason {
            NoEntry::Full => Refusal::new(503, "The server is full.\n").into(),
            NoEntry::Crowded => crowded().into(),
            NoEntry::Refusing => Refusal::new(503, "The server takes no new clients.\n").into(),
            NoEntry::Stopping => stopping().into(),
        }
    }
}

/// How an opening handshake went.
pub(crate) enum Outcome<S> {
    Upgraded(Upgraded<S>),
    Refused(Refused<S>),
    /// The request asks for no WebSocket, and the server answers such requests. It is in the bytes that were read.
    Http(S, Vec<u8>),
}

/// A connection that was refused. Its sending side is closed.
pub(crate) struct Refused<S>(S);

impl<S: Transport> Refused<S> {
    /// Reads until the peer closes, within [`LINGER_TIMEOUT`]: after an immediate close the system would answer further
    /// data with RST, which can destroy the response before the peer has read it.
    pub(crate) async fn linger(mut self) {
        let _ = timeout(LINGER_TIMEOUT, async {
            let mut scrap = [0; 512];
            while self.0.read(&mut scrap).await.is_ok_and(|n| n > 0) {}
        })
        .await;
    }
}

/// Answers one request to open a WebSocket. The place of the handshake is released by then. `received` are bytes that
/// were read already.
pub(crate) async fn upgrade<S: Transport>(mut stream: S, received: Vec<u8>, mut arrival: Arrival) -> Outcome<S> {
    let mut negotiation = Negotiation {
        stream: &mut stream,
        arrival: &mut arrival,
        deciding: None,
        received,
    };
    let failure = match negotiation.run().await {
        Ok((client, early)) => return Outcome::Upgraded(Upgraded { stream, client, early }),
        Err(Failure::Http) => {
            let received = std::mem::take(&mut negotiation.received);
            return Outcome::Http(stream, received);
        }
        Err(failure) => failure,
    };
    // Counted before the peer can know of it.
    arrival.registry.refuse();
    Outcome::Refused(match failure {
        Failure::Refused(refusal) => turn_away(stream, &refusal).await,
        Failure::Gone | Failure::Http => Refused(stream),
    })
}

/// Sends a refusal, and closes the sending side.
pub(crate) async fn turn_away<S: Transport>(mut stream: S, refusal: &Refusal) -> Refused<S> {
    let _ = timeout(RESPONSE_TIME, refuse(&mut stream, refusal)).await;
    Refused(stream)
}

/// Closes the sending side after the last response.
pub(crate) async fn close<S: Transport>(mut stream: S) -> Refused<S> {
    let _ = timeout(RESPONSE_TIME, stream.shutdown()).await;
    Refused(stream)
}

async fn refuse<S: Transport>(stream: &mut S, refusal: &Refusal) -> io::Result<()> {
    stream.write_all(&refused(refusal)).await?;
    stream.shutdown().await
}

struct Negotiation<'a, S> {
    stream: &'a mut S,
    arrival: &'a mut Arrival,
    /// A place among the requests whose decision is pending.
    deciding: Option<Share>,
    /// Bytes received and not yet parsed.
    received: Vec<u8>,
}

/// A request that is reported to the main thread. Its failure is reported too, even if the task is dropped.
struct Announced<'a> {
    registry: &'a Registry,
    id: ClientId,
    /// `None` if there is nothing to report.
    failure: Option<HandshakeFailure>,
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        if let Some(failure) = self.failure {
            self.registry.tell(Note::HandshakeFailed(self.id, failure));
        }
    }
}

/// A registered client whose response has not been sent. It is unregistered on drop.
struct Entered<'a> {
    registry: &'a Registry,
    /// `None` once it is established.
    client: Option<Arc<Client>>,
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Some(client) = &self.client {
            self.registry.forget(client.id);
        }
    }
}

impl<S: Transport> Negotiation<'_, S> {
    async fn run(&mut self) -> Result<(Arc<Client>, Vec<u8>), Failure> {
        let registry = self.arrival.registry.clone();
        let options = &registry.options.handshake;
        let request = self.request().await?;
        if !self.complete() {
            return Err(Failure::Gone);
        }
        self.name_client(&request)?;
        let protocol = check(&request, options)?;
        registry.may_enter(self.arrival.peer.ip())?;
        if !options.manual {
            return self
                .establish(&registry, None, request, protocol)
                .await
                .map_err(|(failure, _)| failure);
        }
        self.deciding = registry.deciding(self.arrival.peer.ip());
        if self.deciding.is_none() {
            return Err(Refusal::new(503, "Too many requests wait.\n").into());
        }
        self.arrival.place = None;
        let mut announced = Announced {
            registry: &registry,
            id: registry.next_id(),
            failure: Some(HandshakeFailure::Stopping),
        };
        let result = match self.decide(announced.id, request.clone()).await {
            Ok(Decision::Accept(decided)) => {
                let protocol = decided.unwrap_or(protocol);
                self.establish(&registry, Some(announced.id), request, protocol)
                    .await
                    .map_err(|(failure, why)| (failure, Some(why)))
            }
            Ok(Decision::Reject(refusal)) => Err((refusal.into(), None)),
            Ok(Decision::Expire) => Err((expired().into(), Some(HandshakeFailure::Expired))),
            Err((failure, why)) => Err((failure, Some(why))),
        };
        match result {
            Ok(client) => {
                announced.failure = None;
                Ok(client)
            }
            Err((failure, why)) => {
                announced.failure = why;
                Err(failure)
            }
        }
    }

    /// Notes that the peer has done its part. False if it had to make room for others.
    fn complete(&self) -> bool {
        self.arrival.place.as_ref().is_none_or(Place::complete)
    }

    /// Finds out which client is behind a trusted proxy, and judges it by its own address.
    fn name_client(&mut self, request: &Request) -> Result<(), Failure> {
        let (registry, peer) = (&self.arrival.registry, self.arrival.peer);
        let trusted = &registry.options.http.trusted_proxies;
        if trusted.contains(peer.ip()) {
            self.arrival.peer = trusted.client(&request.headers, peer);
            registry
                .admission
                .judge_client(self.arrival.peer.ip())
                .map_err(|why| match why {
                    Unwelcome::Blocked => Refusal::new(403, "This address may not connect.\n"),
                    Unwelcome::TooFast | Unwelcome::Crowded => crowded(),
                })?;
        }
        Ok(())
    }

    /// Registers the client and sends the response.
    async fn establish(
        &mut self,
        registry: &Registry,
        id: Option<ClientId>,
        request: Request,
        protocol: String,
    ) -> Result<(Arc<Client>, Vec<u8>), (Failure, HandshakeFailure)> {
        let response = switching_protocols(&request.key, &protocol, &registry.options.handshake.response_headers);
        let info = ClientInfo {
            request,
            peer: self.arrival.peer,
            protocol,
        };
        let client = registry.enter(id, info).map_err(|why| (why.into(), why.into()))?;
        let mut entered = Entered {
            registry,
            client: Some(client.clone()),
        };
        let sent = async {
            self.stream.write_all(&response).await?;
            self.stream.flush().await
        };
        match timeout(RESPONSE_TIME, sent).await {
            Ok(Ok(())) => {
                entered.client = None;
                registry.figures.connected.fetch_add(1, Ordering::Relaxed);
                registry.tell(Note::Connected(client.clone()));
                Ok((client, std::mem::take(&mut self.received)))
            }
            Ok(Err(_)) | Err(_) => Err((Failure::Gone, HandshakeFailure::Unsent)),
        }
    }

    /// Reads the request; what follows it stays in `received`.
    async fn request(&mut self) -> Result<Request, Failure> {
        let max_head = self.arrival.registry.options.handshake.max_head;
        if !self.received.is_empty()
            && let Some(request) = self.parse()?
        {
            return Ok(request);
        }
        loop {
            let before = self.received.len();
            let n = tokio::select! {
                n = timeout_at(self.arrival.deadline, read_more(self.stream, &mut self.received)) => match n {
                    Ok(n) => n?,
                    Err(_) => return Err(Refusal::new(408, "The request took too long.\n").into()),
                },
                _ = self.arrival.stopping.wait_for(|stop| *stop) => return Err(stopping().into()),
            };
            if n == 0 {
                return Err(Failure::Gone);
            }
            // A head that arrives byte by byte is parsed once per line. The first bytes are parsed in any case, so that
            // another protocol is refused at once.
            let is_due = before == 0 || self.received[before..].contains(&b'\n') || self.received.len() >= max_head;
            if is_due && let Some(request) = self.parse()? {
                return Ok(request);
            }
        }
    }

    /// The request, if its head is complete.
    fn parse(&mut self) -> Result<Option<Request>, Failure> {
        let limits = self.arrival.registry.options.handshake.head_limits();
        let Parsed::Complete(head, len) = RequestHead::parse(&self.received, limits)? else {
            return Ok(None);
        };
        if !asks_for_websocket(&head.headers) && self.arrival.registry.http.is_on() {
            return Err(if self.complete() { Failure::Http } else { Failure::Gone });
        }
        let request = websocket_request(head)?;
        self.received.drain(..len);
        Ok(Some(request))
    }

    /// Waits for the main thread's decision.
    async fn decide(&mut self, id: ClientId, request: Request) -> Result<Decision, (Failure, HandshakeFailure)> {
        let (answer, mut decision) = oneshot::channel();
        let peer = self.arrival.peer;
        let request = Box::new(HandshakeRequest { request, peer });
        let note = Note::HandshakeRequested(id, request, answer);
        self.arrival.registry.tell(note);
        loop {
            let may_read = self.received.len() < self.arrival.registry.options.handshake.max_head;
            tokio::select! {
                decision = timeout_at(self.arrival.deadline, &mut decision) => return match decision {
                    Ok(Ok(decision)) => Ok(decision),
                    // The handle was stopped.
                    Ok(Err(_)) => Err((stopping().into(), HandshakeFailure::Stopping)),
                    Err(_) => Err((expired().into(), HandshakeFailure::Expired)),
                },
                _ = self.arrival.stopping.wait_for(|stop| *stop) => {
                    return Err((stopping().into(), HandshakeFailure::Stopping));
                }
                n = read_more(self.stream, &mut self.received), if may_read => {
                    if !n.is_ok_and(|n| n > 0) {
                        return Err((Failure::Gone, HandshakeFailure::Left));
                    }
                }
            }
        }
    }
}

impl From<NoEntry> for HandshakeFailure {
    fn from(reason: NoEntry) -> Self {
        match reason {
            NoEntry::Full => Self::Full,
            NoEntry::Crowded => Self::Crowded,
            NoEntry::Refusing => Self::Refusing,
            NoEntry::Stopping => Self::Stopping,
        }
    }
}

async fn read_more<S: Transport>(stream: &mut S, received: &mut Vec<u8>) -> io::Result<usize> {
    received.reserve(READ_SIZE);
    stream.read_buf(received).await
}

fn expired() -> Refusal {
    Refusal::new(503, "The server did not answer in time.\n")
}

fn stopping() -> Refusal {
    Refusal::new(503, "The server is stopping.\n")
}

/// The refusal of a client whose address has reached its limit of clients.
pub(crate) fn crowded() -> Refusal {
    Refusal::new(429, "Too many connections from this address.\n")
}
