//! The handle of one listening TCP socket, and the task that accepts at full speed behind it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Protocol, Type};
use tokio::net::TcpListener as TokioListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::sleep;

use crate::address::BindAddress;
use crate::bind::bind_socket;
use crate::error::BindError;
use crate::event::ListenerEvent;
use crate::limits::ListenOptions;
use crate::mailbox::{Mailbox, MailboxSender, SocketId, mailbox};
use crate::port_release::{ReleaseOnDrop, held_port};
use crate::runtime::{self, Tasks};
use crate::tcp_client::TcpClient;

/// Accepted connections that may wait for the main thread; more stay in the system's backlog.
const MAX_QUEUED_CONNECTIONS: usize = 256;

/// The pause after the system ran out of something: the first, and the longest.
pub(crate) const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(500));

/// One listening socket. Dropping it frees the port; the connections it accepted live on.
#[derive(Debug)]
pub struct TcpListener {
    mailbox: Mailbox<ListenerEvent>,
    local: SocketAddr,
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
        runtime::spawn(|tasks| {
            let tasks = tasks.clone();
            async move {
                tokio::select! {
                    () = accept_all(listener, &options, &sender, &tasks) => {}
                    _ = stopped => {}
                }
                // The socket is closed here, and then its port is free.
                drop(port);
            }
        })?;
        Ok(Self {
            mailbox,
            local,
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
        socket.bind(&candidate.into())?;
        socket.listen(backlog)
    })?;
    let listener = std::net::TcpListener::from(socket);
    let local = listener.local_addr()?;
    Ok((listener, local))
}

async fn accept_all(
    listener: TokioListener,
    options: &ListenOptions,
    events: &MailboxSender<ListenerEvent>,
    tasks: &Tasks,
) {
    let most = Semaphore::MAX_PERMITS;
    let slots = Arc::new(Semaphore::new(
        options.max_clients.map_or(most, |clients| clients.min(most)),
    ));
    let mut pause: Option<Duration> = None;
    loop {
        events.room().await;
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                if pause.take().is_some() {
                    events.send(ListenerEvent::Resumed, 0);
                }
                // It fails only if the peer is gone already.
                if let Ok((client, endpoints)) = TcpClient::adopt(stream, &options.tcp, tasks, slot) {
                    events.send(ListenerEvent::Accepted(client, Box::new(endpoints)), 0);
                }
            }
            Err(error) if is_peer_gone(&error) => {}
            Err(error) => {
                let length = match pause {
                    None => {
                        events.send(ListenerEvent::Paused(error), 0);
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

/// The connection ended before it was accepted: the next one may be there. Anything else (file descriptors or memory
/// for sockets run out, above all) needs a pause.
pub(crate) fn is_peer_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted, TimedOut, WouldBlock};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted | TimedOut | WouldBlock
    )
}
