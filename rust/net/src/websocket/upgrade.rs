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
use super::request::{ClientInfo, HandshakeRequest, Request};
use super::response::{Refusal, switching_protocols};
use crate::limits::{LINGER_TIMEOUT, NO_TIME_LIMIT};
use crate::tcp::Transport;

/// Time to hand an answer to the system, beside the handshake's own.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// The most that one read of a request takes.
const READ_SIZE: usize = 1024;

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

/// Answers one request to open a WebSocket.
pub(crate) async fn upgrade<S: Transport>(
    mut stream: S,
    peer: SocketAddr,
    registry: &Registry,
    stop: watch::Receiver<bool>,
) -> Result<Upgraded<S>, Refused<S>> {
    let deadline = Instant::now() + registry.options.handshake.timeout.unwrap_or(NO_TIME_LIMIT);
    let mut negotiation = Negotiation {
        stream: &mut stream,
        peer,
        registry,
        deadline,
        stop,
        received: Vec::new(),
    };
    match negotiation.run().await {
        Ok((client, early)) => Ok(Upgraded { stream, client, early }),
        Err(failure) => {
            registry.refuse();
            if let Failure::Refused(refusal) = failure {
                let _ = timeout(ANSWER_TIME, refuse(&mut stream, &refusal)).await;
            }
            Err(Refused(stream))
        }
    }
}

async fn refuse<S: Transport>(stream: &mut S, refusal: &Refusal) -> io::Result<()> {
    stream.write_all(&refusal.to_bytes()).await?;
    stream.shutdown().await
}

struct Negotiation<'a, S> {
    stream: &'a mut S,
    peer: SocketAddr,
    registry: &'a Registry,
    deadline: Instant,
    stop: watch::Receiver<bool>,
    received: Vec<u8>,
}

impl<S: Transport> Negotiation<'_, S> {
    async fn run(&mut self) -> Result<(Arc<Client>, Vec<u8>), Failure> {
        let request = self.head().await?;
        let options = &self.registry.options.handshake;
        let mut protocol = check(&request, options)?;
        self.registry.may_enter()?;
        let mut id = None;
        let request = if options.manual {
            let (asked, request, decided) = self.decide(request).await?;
            id = Some(asked);
            if let Some(decided) = decided {
                protocol = decided;
            }
            request
        } else {
            request
        };
        let answer = switching_protocols(&request.key, &protocol, &options.response_headers);
        let info = ClientInfo {
            request,
            peer: self.peer,
            protocol,
        };
        let client = self.registry.enter(id, info)?;
        let answered = async {
            self.stream.write_all(&answer).await?;
            self.stream.flush().await
        };
        match timeout(ANSWER_TIME, answered).await {
            Ok(Ok(())) => {
                self.registry.figures.connected.fetch_add(1, Ordering::Relaxed);
                self.registry.tell(Note::Connected(client.clone()));
                Ok((client, std::mem::take(&mut self.received)))
            }
            Ok(Err(_)) | Err(_) => {
                self.registry.forget(client.id);
                Err(Failure::Gone)
            }
        }
    }

    /// Reads the request's head; what follows it stays in `received`.
    async fn head(&mut self) -> Result<Request, Failure> {
        let options = &self.registry.options.handshake;
        loop {
            let before = self.received.len();
            let n = tokio::select! {
                n = timeout_at(self.deadline, read_more(self.stream, &mut self.received)) => match n {
                    Ok(n) => n?,
                    Err(_) => return Err(Refusal::new(408, "The request took too long.\n").into()),
                },
                _ = self.stop.wait_for(|stop| *stop) => return Err(stopping().into()),
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
    async fn decide(&mut self, request: Request) -> Result<(ClientId, Request, Option<String>), Failure> {
        let id = self.registry.next_id();
        let (answer, mut decision) = oneshot::channel();
        let asked = HandshakeRequest {
            request: request.clone(),
            peer: self.peer,
        };
        self.registry
            .tell(Note::HandshakeRequested(id, Box::new(asked), answer));
        let failure = match self.decision(&mut decision).await {
            Ok(Decision::Accept(protocol)) => return Ok((id, request, protocol)),
            Ok(Decision::Reject(status, body)) => return Err(Refusal::new(status, body).into()),
            Err(failure) => failure,
        };
        self.registry.tell(Note::HandshakeExpired(id));
        Err(failure)
    }

    async fn decision(&mut self, decision: &mut oneshot::Receiver<Decision>) -> Result<Decision, Failure> {
        loop {
            let may_read = self.received.len() < self.registry.options.handshake.max_head;
            tokio::select! {
                decision = timeout_at(self.deadline, &mut *decision) => return match decision {
                    Ok(Ok(decision)) => Ok(decision),
                    // The handle that could have answered has stopped.
                    Ok(Err(_)) => Err(stopping().into()),
                    Err(_) => Err(Refusal::new(503, "The server did not answer in time.\n").into()),
                },
                _ = self.stop.wait_for(|stop| *stop) => return Err(stopping().into()),
                n = read_more(self.stream, &mut self.received), if may_read => {
                    if n? == 0 {
                        return Err(Failure::Gone);
                    }
                }
            }
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
