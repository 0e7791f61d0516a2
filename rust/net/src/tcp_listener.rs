//! The handle of one listening TCP socket, and the task that accepts at full speed behind it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Protocol, Type};
use tokio::net::{TcpListener as TokioListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::sleep;

use crate::address::{BindAddress, canonical};
use crate::bind::bind_socket;
use crate::error::BindError;
use crate::event::ListenerEvent;
use crate::exclusive::claim_port;
use crate::limits::{ListenOptions, TcpOptions};
use crate::mailbox::{Mailbox, MailboxSender, SocketId, mailbox};
use crate::port_release::{ReleaseOnDrop, held_port};
use crate::runtime::{self, Tasks};
use crate::tcp::farewell::Farewells;
use crate::tcp::stream::Stream;
use crate::tcp_client::TcpClient;
use crate::tls::handshakes::{Failures, Handshakes};

/// Accepted connections that may wait for the main thread; more stay in the system's backlog.
const MAX_QUEUED_CONNECTIONS: usize = 256;

/// The pause after the system ran out of something: the first, and the longest.
pub(crate) const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// One listening socket. Dropping it frees the port; the connections it accepted live on.
#[derive(Debug)]
pub struct TcpListener {
    mailbox: Mailbox<ListenerEvent>,
    local: SocketAddr,
    failures: Arc<Failures>,
    _release: ReleaseOnDrop,
    /// Dropped with the listener, which ends the task.
    _stop: oneshot::Sender<()>,
}

impl TcpListener {
    /// Binds, listens and starts to accept.
    ///
    /// # Errors
    /// [`BindError`], at once.
    pub fn start(address: BindAddress, options: ListenOptions) -> Result<Self, BindError> {
        let (socket, local) = bind(address, options.backlog)?;
        let listener = runtime::enter(|| TokioListener::from_std(socket))??;
        let (sender, mailbox) = mailbox(MAX_QUEUED_CONNECTIONS, usize::MAX);
        let (stop, stopped) = oneshot::channel();
        let (port, release) = held_port(local.port());
        let failures = Arc::<Failures>::default();
        let task_failures = failures.clone();
        runtime::spawn(|tasks| {
            let tasks = tasks.clone();
            async move {
                let acceptor = Acceptor::new(options, sender, tasks, task_failures);
                tokio::select! {
                    () = acceptor.run(listener) => {}
                    _ = stopped => {}
                }
                // The socket is closed here, and then its port is free.
                drop(port);
            }
        })?;
        Ok(Self {
            mailbox,
            local,
            failures,
            _release: release,
            _stop: stop,
        })
    }

    /// The listener's name.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.mailbox.id()
    }

    /// The events.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox<ListenerEvent> {
        &self.mailbox
    }

    /// How many TLS handshakes have failed. A failed one costs only its peer, and is no event.
    #[must_use]
    pub fn failed_handshakes(&self) -> u64 {
        self.failures.count()
    }

    /// Why the last of them failed, in words.
    #[must_use]
    pub fn last_handshake_error(&self) -> Option<String> {
        self.failures.last()
    }

    /// The address in use, with the port that the system chose if 0 was asked for.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.local
    }
}

/// Binds and listens, without a runtime and without blocking.
pub(crate) fn bind(address: BindAddress, backlog: i32) -> Result<(std::net::TcpListener, SocketAddr), BindError> {
    let socket = bind_socket(address, Type::STREAM, Protocol::TCP, |socket, candidate| {
        // A restarted server gets its port back at once. On Windows the option would let two servers share a port.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        claim_port(socket)?;
        socket.bind(&candidate.into())?;
        socket.listen(backlog)
    })?;
    let listener = std::net::TcpListener::from(socket);
    let local = listener.local_addr()?;
    Ok((listener, local))
}

/// The task of a listener.
struct Acceptor {
    options: ListenOptions,
    events: MailboxSender<ListenerEvent>,
    tasks: Tasks,
    /// One for each client that may be there at once.
    slots: Arc<Semaphore>,
    /// `None` without TLS.
    handshakes: Option<Handshakes>,
    /// For connections that find no slot. `None`: they wait for one.
    farewells: Option<Farewells>,
}

impl Acceptor {
    fn new(
        options: ListenOptions,
        events: MailboxSender<ListenerEvent>,
        tasks: Tasks,
        failures: Arc<Failures>,
    ) -> Self {
        let most = Semaphore::MAX_PERMITS;
        let clients = options.max_clients.map_or(most, |clients| clients.min(most));
        let handshakes = options
            .tls
            .clone()
            .map(|config| Handshakes::new(config, options.tls_timeout, failures));
        let farewells = options.farewell.clone().map(Farewells::new);
        Self {
            farewells,
            options,
            events,
            tasks,
            slots: Arc::new(Semaphore::new(clients)),
            handshakes,
        }
    }

    async fn run(mut self, listener: TokioListener) {
        let mut pause: Option<Duration> = None;
        loop {
            self.events.room().await;
            let place = match &self.handshakes {
                None if self.farewells.is_some() => None,
                None => self.slots.clone().acquire_owned().await.ok(),
                Some(handshakes) => handshakes.place().await,
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    if pause.take().is_some() {
                        self.events.send(ListenerEvent::Resumed, 0);
                    }
                    self.accepted(stream, canonical(peer), place);
                }
                Err(error) if is_peer_gone(&error) => {}
                Err(error) => {
                    let length = match pause {
                        None => {
                            self.events.send(ListenerEvent::Paused(error), 0);
                            PAUSE.0
                        }
                        Some(last) => (last * 2).min(PAUSE.1),
                    };
                    pause = Some(length);
                    sleep(length).await;
                }
            }
        }
    }

    /// `place` is one among the handshakes, or, without TLS, the slot if it was waited for.
    fn accepted(&mut self, stream: TcpStream, peer: SocketAddr, place: Option<OwnedSemaphorePermit>) {
        let (tcp, tasks) = (self.options.tcp.clone(), self.tasks.clone());
        let (events, slots) = (self.events.clone(), self.slots.clone());
        let Some(handshakes) = &mut self.handshakes else {
            match (place.or_else(|| slots.try_acquire_owned().ok()), &self.farewells) {
                (Some(slot), _) => hand_over(stream.into(), &tcp, &tasks, &events, slot),
                (None, Some(farewells)) => farewells.refuse(stream.into(), peer, &events),
                (None, None) => {}
            }
            return;
        };
        let Some(place) = place else { return };
        let farewells = self.farewells.clone();
        handshakes.start(stream, place, async move |stream| {
            // Only now does it count as a client: who stalls in the handshake takes nobody's slot.
            let slot = match &farewells {
                None => slots.acquire_owned().await.ok(),
                Some(_) => slots.try_acquire_owned().ok(),
            };
            match (slot, farewells) {
                (Some(slot), _) => hand_over(stream.into(), &tcp, &tasks, &events, slot),
                (None, Some(farewells)) => farewells.refuse(stream.into(), peer, &events),
                (None, None) => {}
            }
        });
    }
}

/// Gives a connection to the main thread. `slot` is held until its end.
fn hand_over(
    stream: Stream,
    options: &TcpOptions,
    tasks: &Tasks,
    events: &MailboxSender<ListenerEvent>,
    slot: OwnedSemaphorePermit,
) {
    // It fails only if the peer is gone already.
    if let Ok((client, endpoints)) = TcpClient::adopt(stream, options, tasks, slot) {
        events.send(ListenerEvent::Accepted(client, Box::new(endpoints)), 0);
    }
}

/// The connection ended before it was accepted: the next one may be there. Anything else (file descriptors or memory
/// for sockets run out, above all) needs a pause.
pub(crate) fn is_peer_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | TimedOut | WouldBlock
    )
}
