//! The tasks of one server: one accepts, and one per connection begins its handshake.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::connection::Connection;
use super::registry::{Note, Registry};
use super::upgrade::upgrade;
use crate::address::{BindAddress, canonical};
use crate::error::BindError;
use crate::limits::NO_TIME_LIMIT;
use crate::port_release::{HeldPort, held_port, wait_for_release};
use crate::runtime::{self, FlushGuard, Tasks};
use crate::tcp::Transport;
use crate::tcp::counted::Counted;
use crate::tcp_listener::{PAUSE, bind, is_peer_gone};
use crate::tls::stream::{accept_tls, within};
use crate::websocket_server::Running;

/// How long clients may take to answer the close frame of a server that stops.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// A heartbeat's interval is divided, so that not all clients are pinged in one moment.
const BEATS: u32 = 8;

/// Binds, listens and starts the task that accepts.
pub(crate) fn start(address: BindAddress, registry: &Arc<Registry>) -> Result<(SocketAddr, Running), BindError> {
    let backlog = registry.options.backlog;
    let (socket, local) = match bind(address, backlog) {
        Err(BindError::InUse(port)) if wait_for_release(port) => bind(address, backlog),
        other => other,
    }?;
    let listener = runtime::enter(|| TcpListener::from_std(socket))??;
    let (stop, stopped) = oneshot::channel();
    let (port, release) = held_port(local.port());
    let registry = registry.clone();
    runtime::spawn(|tasks| {
        let alive = Alive {
            registry: registry.clone(),
            _unflushed: tasks.flush_guard(),
        };
        run(listener, port, registry, stopped, Arc::new(alive))
    })?;
    let running = Running {
        _stop: stop,
        _release: release,
    };
    Ok((local, running))
}

/// Held by everything that the main thread still hears of. With the last one the server is over; until then the
/// runtime's stop waits, as the clients are said goodbye to.
pub(crate) struct Alive {
    registry: Arc<Registry>,
    _unflushed: FlushGuard,
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.registry.tell(Note::Stopped);
    }
}

/// The server's life.
async fn run(
    listener: TcpListener,
    port: HeldPort,
    registry: Arc<Registry>,
    mut stopped: oneshot::Receiver<()>,
    alive: Arc<Alive>,
) {
    let (stop, stopping) = watch::channel(false);
    tokio::select! {
        () = accept_all(&listener, &registry, &stopping, &alive) => {}
        () = beat(&registry) => {}
        () = hand_out(&registry) => {}
        _ = &mut stopped => {}
    }
    drop(listener);
    // The port is free now.
    drop(port);
    // What was broadcast before the stop goes out before the close frames.
    registry.broadcasts.hand_out(|| registry.everybody()).await;
    registry.stop();
    // The connections come to their ends by themselves, each within its time.
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

async fn accept_all(
    listener: &TcpListener,
    registry: &Arc<Registry>,
    stopping: &watch::Receiver<bool>,
    alive: &Arc<Alive>,
) {
    let half_open = Arc::new(Semaphore::new(registry.options.handshake.max_pending.max(1)));
    let mut pause: Option<Duration> = None;
    loop {
        // What is not accepted waits in the system's backlog, and costs this process nothing.
        registry.room().await;
        let Ok(slot) = half_open.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, peer)) => {
                if pause.take().is_some() {
                    registry.tell(Note::Resumed);
                }
                let handshake = welcome(
                    stream,
                    canonical(peer),
                    registry.clone(),
                    stopping.clone(),
                    alive.clone(),
                );
                Tasks::spawn(async move {
                    handshake.await;
                    drop(slot);
                });
            }
            Err(error) if is_peer_gone(&error) => {}
            Err(error) => {
                let length = match pause {
                    None => {
                        registry.tell(Note::Paused(error));
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

/// TLS, if the server has it, and the opening handshake.
async fn welcome(
    stream: TcpStream,
    peer: SocketAddr,
    registry: Arc<Registry>,
    stopping: watch::Receiver<bool>,
    alive: Arc<Alive>,
) {
    // It fails only if the peer is gone already, which reading then finds.
    let _ = stream.set_nodelay(registry.options.no_delay);
    let Some(config) = &registry.options.tls else {
        return shake_hands(Counted(stream), peer, registry, stopping, alive).await;
    };
    let mut stop = stopping.clone();
    let tls = tokio::select! {
        stream = within(registry.options.handshake.timeout.unwrap_or(NO_TIME_LIMIT), accept_tls(stream, config)) => stream.ok(),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    match tls {
        Some(stream) => shake_hands(stream, peer, registry, stopping, alive).await,
        None => registry.refuse(),
    }
}

/// The opening handshake; then the connection gets a task of its own, which needs far less memory.
async fn shake_hands<S: Transport + 'static>(
    stream: S,
    peer: SocketAddr,
    registry: Arc<Registry>,
    stopping: watch::Receiver<bool>,
    alive: Arc<Alive>,
) {
    match upgrade(stream, peer, &registry, stopping).await {
        Ok(upgraded) => Tasks::spawn(Connection::new(upgraded, registry, alive)),
        Err(refused) => {
            drop(alive);
            refused.linger().await;
        }
    }
}
