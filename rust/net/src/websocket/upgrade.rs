//! Carries one connection through the opening handshake: reads the head, asks whoever must be asked, answers.

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
use super::handshake::{Head, check, parse};
use super::registry::{Decision, NoEntry, Note, Registry};
use super::request::{ClientInfo, HandshakeFailure, HandshakeRequest, Request};
use super::response::{Refusal, switching_protocols};
use crate::accept::pending::Place;
use crate::admission::Share;
use crate::limits::LINGER_TIMEOUT;
use crate::transport::Transport;

/// Time to hand an answer to the system, beside the handshake's own.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// The most that one read of a request takes.
const READ_SIZE: usize = 1024;

/// A connection whose opening handshake is in progress.
pub(crate) struct Arrival {
    pub(crate) peer: SocketAddr,
    /// When the handshake must have ended, TLS included.
    pub(crate) deadline: Instant,
    /// Its place among the handshakes in progress; `None` once it waits for a decision.
    pub(crate) place: Option<Place>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) stopping: watch::Receiver<bool>,
}

/// A client that is in, and what it sent behind its request.
pub(crate) struct Upgraded<S> {
    pub(crate) stream: S,
    pub(crate) client: Arc<Client>,
    pub(crate) early: Vec<u8>,
}

/// Why nobody came in.
enum Failure {
    Refused(Refusal),
    /// There is nobody to tell.
    Gone,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
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
            NoEntry::Stopping => stopping().into(),
        }
    }
}

/// A connection that was refused, and is closed for sending.
pub(crate) struct Refused<S>(S);

impl<S: Transport> Refused<S> {
    /// Reads until the peer is done, within bounds: closing at once would make the system answer what still comes with
    /// RST, which can destroy the answer before the peer has read it.
    pub(crate) async fn linger(mut self) {
        let _ = timeout(LINGER_TIMEOUT, async {
            let mut scrap = [0; 512];
            while self.0.read(&mut scrap).await.is_ok_and(|n| n > 0) {}
        })
        .await;
    }
}

/// Answers one request to open a WebSocket. The place of the handshake is free again afterwards.
pub(crate) async fn upgrade<S: Transport>(mut stream: S, mut arrival: Arrival) -> Result<Upgraded<S>, Refused<S>> {
    let mut negotiation = Negotiation {
        stream: &mut stream,
        arrival: &mut arrival,
        deciding: None,
        received: Vec::new(),
    };
    match negotiation.run().await {
        Ok((client, early)) => Ok(Upgraded { stream, client, early }),
        Err(failure) => {
            arrival.registry.refuse();
            Err(match failure {
                Failure::Refused(refusal) => turn_away(stream, &refusal).await,
                Failure::Gone => Refused(stream),
            })
        }
    }
}

/// Sends a refusal.
pub(crate) async fn turn_away<S: Transport>(mut stream: S, refusal: &Refusal) -> Refused<S> {
    let _ = timeout(ANSWER_TIME, refuse(&mut stream, refusal)).await;
    Refused(stream)
}

async fn refuse<S: Transport>(stream: &mut S, refusal: &Refusal) -> io::Result<()> {
    stream.write_all(&refusal.to_bytes()).await?;
    stream.shutdown().await
}

struct Negotiation<'a, S> {
    stream: &'a mut S,
    arrival: &'a mut Arrival,
    /// A place among the requests that wait for a decision.
    deciding: Option<Share>,
    received: Vec<u8>,
}

/// A request that the main thread hears of. It hears of its failure too, also when the task ends before its time.
struct Announced<'a> {
    registry: &'a Registry,
    id: ClientId,
    /// `None` if there is nothing to be told.
    failure: Option<HandshakeFailure>,
}

impl Drop for Announced<'_> {
    fn drop(&mut self) {
        if let Some(failure) = self.failure {
            self.registry.tell(Note::HandshakeFailed(self.id, failure));
        }
    }
}

/// A client that is counted, and has not got its answer.
struct Entered<'a> {
    registry: &'a Registry,
    /// `None` when it is in.
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
        let request = self.head().await?;
        if !self.arrival.place.as_ref().is_some_and(Place::complete) {
            return Err(Failure::Gone);
        }
        let protocol = check(&request, options)?;
        registry.may_enter(self.arrival.peer.ip())?;
        if !options.manual {
            return self
                .let_in(&registry, None, request, protocol)
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
                self.let_in(&registry, Some(announced.id), request, protocol)
                    .await
                    .map_err(|(failure, why)| (failure, Some(why)))
            }
            Ok(Decision::Reject(refusal)) => Err((refusal.into(), None)),
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

    /// Counts the client and answers it.
    async fn let_in(
        &mut self,
        registry: &Registry,
        id: Option<ClientId>,
        request: Request,
        protocol: String,
    ) -> Result<(Arc<Client>, Vec<u8>), (Failure, HandshakeFailure)> {
        let answer = switching_protocols(&request.key, &protocol, &registry.options.handshake.response_headers);
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
        let answered = async {
            self.stream.write_all(&answer).await?;
            self.stream.flush().await
        };
        match timeout(ANSWER_TIME, answered).await {
            Ok(Ok(())) => {
                entered.client = None;
                registry.figures.connected.fetch_add(1, Ordering::Relaxed);
                registry.tell(Note::Connected(client.clone()));
                Ok((client, std::mem::take(&mut self.received)))
            }
            Ok(Err(_)) | Err(_) => Err((Failure::Gone, HandshakeFailure::Unsent)),
        }
    }

    /// Reads the request's head; what follows it stays in `received`.
    async fn head(&mut self) -> Result<Request, Failure> {
        let options = &self.arrival.registry.options.handshake;
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
            // A head that comes byte by byte is looked at once a line. The first bytes are looked at in any case:
            // whoever speaks another protocol is told so at once.
            let is_due =
                before == 0 || self.received[before..].contains(&b'\n') || self.received.len() >= options.max_head;
            if is_due && let Head::Complete(request, len) = parse(&self.received, options)? {
                self.received.drain(..len);
                return Ok(request);
            }
        }
    }

    /// Asks the main thread.
    async fn decide(&mut self, id: ClientId, request: Request) -> Result<Decision, (Failure, HandshakeFailure)> {
        let (answer, mut decision) = oneshot::channel();
        let peer = self.arrival.peer;
        let asked = Box::new(HandshakeRequest { request, peer });
        self.arrival.registry.tell(Note::HandshakeRequested(id, asked, answer));
        loop {
            let may_read = self.received.len() < self.arrival.registry.options.handshake.max_head;
            tokio::select! {
                decision = timeout_at(self.arrival.deadline, &mut decision) => return match decision {
                    Ok(Ok(decision)) => Ok(decision),
                    // The handle that could have answered has stopped.
                    Ok(Err(_)) => Err((stopping().into(), HandshakeFailure::Stopping)),
                    Err(_) => {
                        let refusal = Refusal::new(503, "The server did not answer in time.\n");
                        Err((refusal.into(), HandshakeFailure::Expired))
                    }
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
            NoEntry::Stopping => Self::Stopping,
        }
    }
}

async fn read_more<S: Transport>(stream: &mut S, received: &mut Vec<u8>) -> io::Result<usize> {
    received.reserve(READ_SIZE);
    stream.read_buf(received).await
}

fn stopping() -> Refusal {
    Refusal::new(503, "The server is stopping.\n")
}

/// The refusal of a client whose address has its number of clients.
pub(crate) fn crowded() -> Refusal {
    Refusal::new(429, "Too many connections from this address.\n")
}
