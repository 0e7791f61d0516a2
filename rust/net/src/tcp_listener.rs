//! The handle of a listening TCP socket, its events, and the task that accepts its connections.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::{TcpListener as TokioListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::accept::pending::Pending;
use crate::accept::{Host, accept_all};
use crate::address::BindAddress;
use crate::admission::{Admission, AdmissionRules, Presence, Refused, Source, TurnedAway};
use crate::bind::bind_listener;
use crate::budget::Budget;
use crate::error::{BindError, TlsError};
use crate::event::Endpoints;
use crate::limits::MAX_TLS_HANDSHAKES;
use crate::mailbox::{Mailbox, MailboxSender, SocketId, mailbox};
use crate::options::{ListenOptions, TcpOptions};
use crate::port_release::{ReleaseOnDrop, held_port};
use crate::runtime::{self, Tasks};
use crate::tcp::farewell::Farewells;
use crate::tcp::stream::Stream;
use crate::tcp_client::TcpClient;
use crate::tls::failures::Failures;
use crate::tls::stream::{accept_tls, within};

/// Maximum number of accepted connections that wait for the main thread; further ones stay in the system's backlog.
const MAX_QUEUED_CONNECTIONS: usize = 256;

/// A listening TCP socket. Dropping it frees the port; the connections it accepted stay open.
#[derive(Debug)]
pub struct TcpListener {
    mailbox: Mailbox<ListenerEvent>,
    local: SocketAddr,
    figures: ListenerFigures,
    _release: ReleaseOnDrop,
    /// Dropped with the listener, which ends the task.
    _stop: oneshot::Sender<()>,
}

impl TcpListener {
    /// Binds, listens and starts accepting.
    ///
    /// # Errors
    /// [`BindError`] if binding fails, or if the runtime cannot start.
    pub fn start(address: BindAddress, options: ListenOptions) -> Result<Self, BindError> {
        let (socket, local) = bind_listener(address, options.backlog)?;
        let listener = runtime::enter(|| TokioListener::from_std(socket))??;
        let (sender, mailbox) = mailbox(MAX_QUEUED_CONNECTIONS, usize::MAX);
        let (stop, stopped) = oneshot::channel();
        let (port, release) = held_port(local.port());
        let figures = ListenerFigures {
            failures: Arc::default(),
            admission: Arc::new(Admission::new(options.admission.clone())),
            full: Arc::default(),
        };
        let clients = options.max_clients.unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let farewells = options.farewell.clone().map(Farewells::new);
        let of_task = figures.clone();
        runtime::spawn(|tasks| {
            let tasks = tasks.clone();
            async move {
                let admission = of_task.admission.clone();
                let mut acceptor = Acceptor {
                    // Received bytes are held until the user takes them; there are no queued ones for which reading
                    // would pause.
                    budget: Budget::new(options.max_total, usize::MAX),
                    options,
                    events: sender,
                    tasks,
                    slots: Arc::new(Semaphore::new(clients)),
                    slot: None,
                    farewells,
                    handshakes: Pending::new(MAX_TLS_HANDSHAKES),
                    figures: of_task,
                };
                tokio::select! {
                    () = accept_all(&listener, &admission, &mut acceptor) => {}
                    _ = stopped => {}
                }
                drop(listener);
                // Only now is the port free.
                drop(port);
            }
        })?;
        Ok(Self {
            mailbox,
            local,
            figures,
            _release: release,
            _stop: stop,
        })
    }

    /// The listener's id.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.mailbox.id()
    }

    /// The events.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox<ListenerEvent> {
        &self.mailbox
    }

    /// What it has counted since its start.
    #[must_use]
    pub fn figures(&self) -> &ListenerFigures {
        &self.figures
    }

    /// Replaces the admission rules for new connections.
    pub fn set_admission(&self, rules: AdmissionRules) {
        self.figures.admission.set_rules(rules);
    }

    /// The address in use, with the port that the system chose if 0 was requested.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }
}

/// What a listener counts. A clone shows the same counters, also after the listener's end.
#[derive(Debug, Clone)]
pub struct ListenerFigures {
    failures: Arc<Failures>,
    admission: Arc<Admission>,
    /// Connections that were told that there is no room.
    full: Arc<AtomicU64>,
}

impl ListenerFigures {
    /// Number of failed TLS handshakes. A failure costs only its peer, and is not an event.
    #[must_use]
    pub fn failed_handshakes(&self) -> u64 {
        self.failures.count()
    }

    /// Why the last of them failed, in words.
    #[must_use]
    pub fn last_handshake_error(&self) -> Option<String> {
        self.failures.last()
    }

    /// Numbers of connections turned away by their address, or displaced by newer ones.
    #[must_use]
    pub fn turned_away(&self) -> TurnedAway {
        self.admission.turned_away()
    }

    /// Number of connections turned away because the listener had [`ListenOptions::max_clients`]; each was an event.
    #[must_use]
    pub fn full(&self) -> u64 {
        self.full.load(Ordering::Relaxed)
    }
}

/// An event of a listening TCP socket.
#[derive(Debug)]
pub enum ListenerEvent {
    /// An established connection, and its addresses.
    Accepted(TcpClient, Box<Endpoints>),
    /// This peer was turned away because the listener already has [`ListenOptions::max_clients`].
    Refused(SocketAddr),
    /// The process is out of file descriptors or of memory for sockets. Accepting pauses and is retried; reported once
    /// per pause.
    Paused(io::Error),
    /// Accepting works again after [`ListenerEvent::Paused`].
    Resumed,
}

/// Handles a listener's connections for the accept loop.
struct Acceptor {
    options: ListenOptions,
    events: MailboxSender<ListenerEvent>,
    tasks: Tasks,
    /// The memory budget of all clients.
    budget: Arc<Budget>,
    /// One permit for each client that may be connected at once.
    slots: Arc<Semaphore>,
    /// The permit of the next client, if neither TLS nor farewells are configured.
    slot: Option<OwnedSemaphorePermit>,
    /// Turns away connections for which there is no slot. `None`: they wait for one.
    farewells: Option<Farewells>,
    /// The TLS handshakes in progress. A stalled one takes no slot.
    handshakes: Pending,
    figures: ListenerFigures,
}

impl Host for Acceptor {
    async fn ready(&mut self) {
        self.events.room().await;
        if self.options.tls.is_some() {
            self.handshakes.room().await;
        } else if self.slot.is_none() && self.farewells.is_none() {
            // Fails only if the semaphore is closed, which it never is.
            self.slot = self.slots.clone().acquire_owned().await.ok();
        }
    }

    fn welcome(&mut self, stream: TcpStream, peer: SocketAddr) {
        let way = Way {
            tcp: self.options.tcp.clone(),
            peer,
            tasks: self.tasks.clone(),
            events: self.events.clone(),
            budget: self.budget.clone(),
            figures: self.figures.clone(),
        };
        let Some(config) = self.options.tls.clone() else {
            let slot = self.slot.take().or_else(|| self.slots.clone().try_acquire_owned().ok());
            way.hand_over_or_refuse(stream.into(), slot, self.farewells.as_ref());
            return;
        };
        let (timeout, failures) = (self.options.tls_timeout, self.figures.failures.clone());
        let (slots, farewells) = (self.slots.clone(), self.farewells.clone());
        let displaced = self.handshakes.start(Source::of(peer.ip()), move |place| async move {
            let handshake = async {
                // Waiting first means that a silent peer costs little.
                stream.readable().await.map_err(TlsError::Io)?;
                place.spoke();
                Box::pin(accept_tls(stream, &config)).await
            };
            match within(timeout, handshake).await {
                Ok(stream) if place.complete() => {
                    let slot = match &farewells {
                        None => slots.acquire_owned().await.ok(),
                        Some(_) => slots.try_acquire_owned().ok(),
                    };
                    way.hand_over_or_refuse(stream.into(), slot, farewells.as_ref());
                }
                Ok(_) => {}
                Err(error) => failures.add(&error),
            }
        });
        if displaced {
            self.displaced();
        }
    }

    fn refuse(&mut self, stream: TcpStream, _why: Refused) {
        drop(stream);
    }

    fn handshakes(&self) -> &Pending {
        &self.handshakes
    }

    fn displaced(&mut self) {
        self.figures.failures.add(&TlsError::Displaced);
        self.figures.admission.count_displaced();
    }

    fn paused(&mut self, error: io::Error) {
        self.events.send(ListenerEvent::Paused(error), 0);
    }

    fn resumed(&mut self) {
        self.events.send(ListenerEvent::Resumed, 0);
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.handshakes.end();
    }
}

/// Everything needed to hand a connection over to the main thread.
struct Way {
    tcp: TcpOptions,
    peer: SocketAddr,
    tasks: Tasks,
    events: MailboxSender<ListenerEvent>,
    budget: Arc<Budget>,
    figures: ListenerFigures,
}

impl Way {
    /// Hands a connection over to the main thread, or turns it away if there is no slot for it.
    fn hand_over_or_refuse(self, stream: Stream, slot: Option<OwnedSemaphorePermit>, farewells: Option<&Farewells>) {
        match (slot, farewells) {
            (Some(slot), _) => self.hand_over(stream, slot),
            (None, Some(farewells)) => {
                self.figures.full.fetch_add(1, Ordering::Relaxed);
                self.events.send(ListenerEvent::Refused(self.peer), 0);
                farewells.refuse(stream);
            }
            (None, None) => {}
        }
    }

    /// Hands a connection over to the main thread. `slot` is held until the connection ends.
    fn hand_over(self, stream: Stream, slot: OwnedSemaphorePermit) {
        // Other clients of its address may have entered meanwhile.
        let Some(presence) = Presence::enter(&self.figures.admission, self.peer.ip()) else {
            return;
        };
        // Fails only if the peer is gone already.
        if let Ok((client, endpoints)) =
            TcpClient::adopt(stream, &self.tcp, &self.tasks, &self.budget, (slot, presence))
        {
            self.events
                .send(ListenerEvent::Accepted(client, Box::new(endpoints)), 0);
        }
    }
}
