//! The tasks of one server: one that accepts connections, and one for the handshake of each connection.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use super::connection::{Connection, Settings};
use super::member::{Alive, Member};
use super::registry::{Note, Registry};
use super::upgrade::{Arrival, Outcome, Refused as Closed, Upgraded, close, crowded, turn_away, upgrade};
use crate::accept::pending::{Pending, Place};
use crate::accept::{Host, accept_all};
use crate::address::{BindAddress, canonical};
use crate::admission::{Refused, Source};
use crate::bind::bind_listener;
use crate::error::BindError;
use crate::http::response::Refusal;
use crate::http_server::connection::{Ended, HttpConnection};
use crate::limits::NO_TIME_LIMIT;
use crate::port_release::{HeldPort, ReleaseOnDrop, held_port};
use crate::runtime;
use crate::tcp::stream::Stream;
use crate::tls::stream::accept_tls;
use crate::transport::{Counted, Transport};

/// Parts that a heartbeat interval is divided into, so that not all clients are pinged at the same moment.
const BEATS: u32 = 8;

/// Stops a server when dropped.
#[derive(Debug)]
pub(crate) struct Running {
    _stop: oneshot::Sender<()>,
    _release: ReleaseOnDrop,
}

/// Binds, listens and starts the accepting task.
pub(crate) fn start(address: BindAddress, registry: &Arc<Registry>) -> Result<(SocketAddr, Running), BindError> {
    let (socket, local) = bind_listener(address, registry.options.backlog)?;
    let listener = runtime::enter(|| TcpListener::from_std(socket))??;
    let (stop, stopped) = oneshot::channel();
    let (port, release) = held_port(local.port());
    let registry = registry.clone();
    runtime::spawn(|tasks| {
        let alive = Alive::new(registry.clone(), tasks.flush_guard());
        run(listener, port, registry, stopped, Arc::new(alive))
    })?;
    let running = Running {
        _stop: stop,
        _release: release,
    };
    Ok((local, running))
}

/// Runs the server until it is stopped, then closes its connections.
async fn run(
    listener: TcpListener,
    port: HeldPort,
    registry: Arc<Registry>,
    mut stopped: oneshot::Receiver<()>,
    alive: Arc<Alive>,
) {
    let (stop, stopping) = watch::channel(false);
    let mut door = Door::new(&registry, stopping, alive.clone());
    tokio::select! {
        () = accept_all(&listener, &registry.admission, &mut door) => {}
        () = beat(&registry) => {}
        () = hand_out(&registry) => {}
        _ = &mut stopped => {}
    }
    // Handshakes in progress end on their own.
    drop((listener, door));
    // Only now is the port free.
    drop(port);
    // Broadcasts from before the stop go out before the close frames.
    registry.broadcasts.hand_out(|| registry.everybody()).await;
    registry.stop();
    // The connections end on their own, each within its time limit.
    let _ = stop.send(true);
}

async fn hand_out(registry: &Registry) {
    loop {
        registry.broadcasts.added().await;
        registry.broadcasts.hand_out(|| registry.everybody()).await;
    }
}

async fn beat(registry: &Registry) {
    let Some(length) = registry.options.heartbeat_interval.filter(|length| !length.is_zero()) else {
        return std::future::pending().await;
    };
    let mut ticks = interval((length / BEATS).max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut turn = 0;
    loop {
        ticks.tick().await;
        registry.beat(|id| id % i64::from(BEATS) == turn);
        turn = (turn + 1) % i64::from(BEATS);
    }
}

/// Handles this server's connections for the accept loop.
struct Door {
    registry: Arc<Registry>,
    stopping: watch::Receiver<bool>,
    alive: Arc<Alive>,
    pending: Pending,
}

impl Door {
    fn new(registry: &Arc<Registry>, stopping: watch::Receiver<bool>, alive: Arc<Alive>) -> Self {
        Self {
            registry: registry.clone(),
            stopping,
            alive,
            pending: Pending::new(registry.options.handshake.max_pending),
        }
    }
}

impl Host for Door {
    async fn ready(&mut self) {
        self.registry.room().await;
        self.pending.room().await;
    }

    fn welcome(&mut self, stream: TcpStream, peer: SocketAddr) {
        let displaced = self.pending.start(Source::of(peer.ip()), |place| {
            let arrival = Arrival {
                deadline: deadline(self.registry.options.handshake.timeout),
                peer,
                place: Some(place),
                registry: self.registry.clone(),
                stopping: self.stopping.clone(),
            };
            welcome(stream, arrival, self.alive.clone())
        });
        if displaced {
            self.displaced();
        }
    }

    /// Answers a client over its address's limit, without reading its request, while there is a place for that. Other
    /// connections, and those over TLS, get no answer.
    fn refuse(&mut self, stream: TcpStream, why: Refused) {
        self.registry.refuse();
        let Ok(peer) = stream.peer_addr() else { return };
        if why != Refused::Crowded || self.registry.options.tls.is_some() {
            return;
        }
        if let Some(place) = self.registry.linger_refused(canonical(peer).ip()) {
            tokio::spawn(async move {
                turn_away(Counted(stream), &crowded()).await.linger().await;
                drop(place);
            });
        }
    }

    fn handshakes(&self) -> &Pending {
        &self.pending
    }

    fn displaced(&mut self) {
        self.registry.refuse();
        self.registry.admission.count_displaced();
    }

    fn end_idle(&mut self) {
        self.registry.http.make_room();
    }

    fn paused(&mut self, error: io::Error) {
        self.registry.tell(Note::Paused(error));
    }

    fn resumed(&mut self) {
        self.registry.tell(Note::Resumed);
    }
}

/// Waits for the first byte, since a silent peer costs little until then, and continues with everything that a
/// handshake needs.
async fn welcome(stream: TcpStream, mut arrival: Arrival, alive: Arc<Alive>) {
    // Fails only if the peer is gone already, which reading then reports.
    let _ = stream.set_nodelay(arrival.registry.options.no_delay);
    tokio::select! {
        _ = timeout_at(arrival.deadline, stream.readable()) => {}
        _ = arrival.stopping.wait_for(|stop| *stop) => {}
    }
    arrival.place.iter().for_each(Place::spoke);
    Box::pin(go_on(stream, arrival, alive)).await;
}

/// Performs the TLS handshake, if the server uses TLS, and the opening handshake.
async fn go_on(stream: TcpStream, mut arrival: Arrival, alive: Arc<Alive>) {
    let registry = arrival.registry.clone();
    let Some(config) = &registry.options.tls else {
        return shake_hands(Counted(stream), Vec::new(), arrival, alive).await;
    };
    let tls = tokio::select! {
        stream = timeout_at(arrival.deadline, accept_tls(stream, config)) => stream.ok().and_then(Result::ok),
        _ = arrival.stopping.wait_for(|stop| *stop) => None,
    };
    match tls {
        Some(stream) => shake_hands(stream, Vec::new(), arrival, alive).await,
        None => registry.refuse(),
    }
}

/// Performs the opening handshake, then gives the connection a task of its own, which needs far less memory.
async fn shake_hands<S>(stream: S, received: Vec<u8>, arrival: Arrival, alive: Arc<Alive>)
where
    S: Transport + Into<Stream> + 'static,
{
    let (registry, peer, stopping) = (arrival.registry.clone(), arrival.peer, arrival.stopping.clone());
    match upgrade(stream, received, arrival).await {
        Outcome::Upgraded(Upgraded { stream, client, early }) => {
            let settings = Settings::of_server(&registry.options);
            let member = Member::new(client, registry, alive);
            tokio::spawn(Connection::new(stream, early, settings, member));
        }
        Outcome::Http(stream, received) => {
            let connection = HttpConnection {
                stream: stream.into(),
                received,
                registry,
                peer,
                stopping,
            };
            tokio::spawn(serve_http(connection, alive));
        }
        Outcome::Refused(refused) => {
            // A refused connection does not delay the server's end.
            drop(alive);
            linger(refused, &registry, peer).await;
        }
    }
}

/// Answers requests that ask for no WebSocket, until one does: then the connection goes back to [`shake_hands`].
fn serve_http(connection: HttpConnection, alive: Arc<Alive>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(converse(connection, alive))
}

async fn converse(connection: HttpConnection, alive: Arc<Alive>) {
    let (registry, peer) = (connection.registry.clone(), connection.peer);
    let Some(place) = registry.http.connection(peer.ip()) else {
        registry.refuse();
        let refused = turn_away(
            connection.stream,
            &Refusal::new(503, "There are too many connections.\n"),
        )
        .await;
        drop(alive);
        return linger(refused, &registry, peer).await;
    };
    let stopping = connection.stopping.clone();
    match connection.run().await {
        Ended::Gone => {}
        Ended::Closing(stream) => {
            drop(place);
            let closed = close(stream).await;
            drop(alive);
            linger(closed, &registry, peer).await;
        }
        Ended::WebSocket(stream, received) => {
            drop(place);
            let arrival = Arrival {
                peer,
                deadline: deadline(registry.options.handshake.timeout),
                place: None,
                registry,
                stopping,
            };
            match stream {
                Stream::Plain(stream) => shake_hands(stream, received, arrival, alive).await,
                Stream::Tls(stream) => shake_hands(*stream, received, arrival, alive).await,
            }
        }
    }
}

async fn linger<S: Transport>(refused: Closed<S>, registry: &Registry, peer: SocketAddr) {
    if let Some(place) = registry.linger_refused(peer.ip()) {
        refused.linger().await;
        drop(place);
    }
}

/// The moment when `time` is over; far in the future without a limit.
fn deadline(time: Option<Duration>) -> Instant {
    let now = Instant::now();
    time.and_then(|time| now.checked_add(time))
        .unwrap_or_else(|| now + NO_TIME_LIMIT)
}
