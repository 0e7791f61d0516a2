//! The handle of a TCP connection.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::address::{Target, canonical};
use crate::budget::{Budget, Holder, Share};
use crate::command::TcpCommand;
use crate::error::{ConnectError, SendError, StartTlsError};
use crate::event::{Endpoints, TcpEvent, TlsInfo};
use crate::external::External;
use crate::limits::MAX_QUEUED_EVENTS;
use crate::mailbox::{Mailbox, MailboxSender, SocketId, mailbox_of};
use crate::options::{KeepAlive, TcpOptions};
use crate::outbox::Outbox;
use crate::runtime::{self, Tasks};
use crate::tcp::connection::Driver;
use crate::tcp::dial::{dial, prepare};
use crate::tcp::stream::Stream;
use crate::tls::TlsUpgrade;
use crate::tls::state::TlsState;
use crate::transport::Transport;

/// A TCP connection, as seen by the thread that uses it. Dropping it closes the connection gracefully: what was sent
/// before still goes out.
#[derive(Debug)]
pub struct TcpClient {
    mailbox: Mailbox<TcpEvent>,
    outbox: Arc<Outbox>,
    max_pending_send: AtomicUsize,
    send_closed: AtomicBool,
    tls: Arc<TlsState>,
    /// Whether the bytes are moved through [`External`].
    external: bool,
}

impl TcpClient {
    /// Starts connecting. [`TcpEvent::Connected`] or [`TcpEvent::ConnectFailed`] follows, or [`TcpEvent::Closed`] if
    /// the connection is closed before it is established.
    ///
    /// # Errors
    /// Fails if the runtime cannot start.
    pub fn connect(target: Target, options: &TcpOptions) -> io::Result<Self> {
        let (client, mut driver) = Self::new(options, None);
        let options = options.clone();
        runtime::spawn(|tasks| {
            let unflushed = tasks.flush_guard();
            async move {
                let stream = tokio::select! {
                    stream = dial(&target, &options) => stream,
                    () = driver.given_up() => return driver.give_up(),
                };
                let ready = stream.and_then(|stream| match endpoints(stream.tcp()) {
                    Ok(endpoints) => Ok((stream, endpoints)),
                    Err(source) => Err(ConnectError::Connect {
                        host: target.host,
                        port: target.port,
                        source,
                    }),
                });
                match ready {
                    Ok((stream, endpoints)) => {
                        driver.connected(&stream, endpoints);
                        driver.run(stream, unflushed).await;
                    }
                    Err(error) => driver.connect_failed(error),
                }
            }
        })?;
        Ok(client)
    }

    /// Takes over an established connection, from inside the runtime. `guard` lives as long as the connection.
    pub(crate) fn adopt<G: Send + 'static>(
        stream: Stream,
        options: &TcpOptions,
        tasks: &Tasks,
        budget: &Arc<Budget>,
        guard: G,
    ) -> io::Result<(Self, Endpoints)> {
        prepare(stream.tcp(), options)?;
        let endpoints = endpoints(stream.tcp())?;
        let (client, driver) = Self::new(options, Some(budget.open(endpoints.peer.ip())));
        driver.note_tls(&stream);
        let unflushed = tasks.flush_guard();
        tokio::spawn(async move {
            driver.run(stream, unflushed).await;
            drop(guard);
        });
        Ok((client, endpoints))
    }

    /// Creates a connection whose bytes the caller moves, at the returned far end.
    #[must_use]
    pub fn external(options: &TcpOptions) -> (Self, External) {
        let (mut client, outbox, events) = Self::ends(options, None);
        client.external = true;
        (client, External::new(outbox, events))
    }

    fn new(options: &TcpOptions, memory: Option<Share>) -> (Self, Driver) {
        let (client, outbox, events) = Self::ends(options, memory);
        let driver = Driver::new(outbox, events, client.tls.clone());
        (client, driver)
    }

    fn ends(options: &TcpOptions, memory: Option<Share>) -> (Self, Arc<Outbox>, MailboxSender<TcpEvent>) {
        let account = memory.as_ref().map(|share| share.0.clone());
        let outbox = Arc::new(Outbox::of(account.clone()));
        if let Some(account) = account {
            let holder: Weak<Outbox> = Arc::downgrade(&outbox);
            account.set_holder(holder as Weak<dyn Holder>);
        }
        let (sender, mailbox) = mailbox_of(MAX_QUEUED_EVENTS, options.max_buffered, memory);
        let max_pending_send = AtomicUsize::new(options.max_pending_send);
        let client = Self {
            mailbox,
            outbox: outbox.clone(),
            max_pending_send,
            send_closed: AtomicBool::new(false),
            tls: Arc::default(),
            external: false,
        };
        if options.tls.is_some() {
            client.tls.ask();
        }
        (client, outbox, sender)
    }

    /// The connection's id.
    #[must_use]
    pub fn id(&self) -> SocketId {
        self.mailbox.id()
    }

    /// The events, and how many bytes of them have not been taken yet.
    #[must_use]
    pub fn mailbox(&self) -> &Mailbox<TcpEvent> {
        &self.mailbox
    }

    /// Queues bytes for sending, all or none. They may be queued before the connection is established.
    ///
    /// # Errors
    /// [`SendError::Full`] if more bytes would be pending than the limit allows, [`SendError::Closed`] after a close or
    /// half-close, or once the connection has ended.
    pub fn send(&self, bytes: &[u8]) -> Result<(), SendError> {
        self.send_within(bytes, self.max_pending_send.load(Ordering::Relaxed))
    }

    /// Like [`Self::send`], but accepts a block of any size if nothing else is pending, for a caller that waits until
    /// it has been sent.
    ///
    /// # Errors
    /// The same as for [`Self::send`].
    pub fn send_awaited(&self, bytes: &[u8]) -> Result<(), SendError> {
        let usual = self.max_pending_send.load(Ordering::Relaxed);
        let limit = if self.outbox.pending() == 0 { usize::MAX } else { usual };
        self.send_within(bytes, limit)
    }

    fn send_within(&self, bytes: &[u8], limit: usize) -> Result<(), SendError> {
        if self.send_closed.load(Ordering::Acquire) {
            return Err(SendError::Closed);
        }
        self.outbox.send(bytes, limit)
    }

    /// Requests [`TcpEvent::Flushed`] with `token` once everything sent so far has been handed to the system.
    pub fn flush(&self, token: u64) {
        self.outbox.push(TcpCommand::Flush(token));
    }

    /// Switches to TLS, as client or server, after everything sent so far. From now on, sent bytes are encrypted and
    /// received ones are taken for TLS. [`TcpEvent::TlsReady`] or [`TcpEvent::TlsFailed`] follows, unless the
    /// connection ends first.
    ///
    /// The peer may have started TLS already, so the beginning of its handshake may be among the bytes received.
    /// `unread` is therefore called once no more plain bytes can reach the mailbox. It must take the [`TcpEvent::Data`]
    /// that waits there, and return everything received that the user has not read, after [releasing](Mailbox::release)
    /// it as if the user had read it. These bytes are treated as the beginning of the peer's handshake; plain bytes
    /// among them make the handshake fail.
    ///
    /// # Errors
    /// [`StartTlsError`]; the connection continues unchanged, and `unread` has not been called.
    pub fn start_tls(&self, upgrade: TlsUpgrade, unread: impl FnOnce() -> Bytes) -> Result<(), StartTlsError> {
        if self.external {
            return Err(StartTlsError::External);
        }
        if self.send_closed.load(Ordering::Acquire) {
            return Err(StartTlsError::Closed);
        }
        if self.tls.ask() {
            return Err(StartTlsError::AlreadyTls);
        }
        self.outbox.push(TcpCommand::StartTls(Box::new((upgrade, unread()))));
        Ok(())
    }

    /// What TLS negotiated, once it is established: before [`TcpEvent::Connected`] or [`TcpEvent::TlsReady`] arrives.
    #[must_use]
    pub fn tls_info(&self) -> Option<&TlsInfo> {
        self.tls.info()
    }

    /// Shuts down the sending side after everything sent so far. Receiving continues.
    pub fn shutdown_send(&self) {
        if !self.send_closed.swap(true, Ordering::AcqRel) {
            self.outbox.push(TcpCommand::ShutdownSend);
        }
    }

    /// Closes the connection: everything sent so far goes out, then FIN. [`TcpEvent::Closed`] follows.
    pub fn close(&self) {
        self.send_closed.store(true, Ordering::Release);
        self.outbox.push(TcpCommand::Close);
    }

    /// Resets the connection at once (RST). [`TcpEvent::Closed`] follows.
    pub fn abort(&self) {
        self.send_closed.store(true, Ordering::Release);
        self.outbox.push(TcpCommand::Abort);
    }

    /// Disables (`true`) or enables Nagle's algorithm.
    pub fn set_no_delay(&self, on: bool) {
        self.outbox.push(TcpCommand::SetNoDelay(on));
    }

    /// Enables TCP keep-alive, or disables it (`None`).
    pub fn set_keep_alive(&self, keep_alive: Option<KeepAlive>) {
        self.outbox.push(TcpCommand::SetKeepAlive(keep_alive));
    }

    /// Sets the maximum number of bytes pending to be sent.
    pub fn set_max_pending_send(&self, bytes: usize) {
        self.max_pending_send.store(bytes, Ordering::Relaxed);
    }

    /// Number of bytes accepted but not yet handed to the system.
    #[must_use]
    pub fn pending_send_bytes(&self) -> usize {
        self.outbox.pending()
    }
}

impl Drop for TcpClient {
    fn drop(&mut self) {
        self.outbox.push(TcpCommand::Close);
    }
}

/// The two addresses of a connection.
pub(crate) fn endpoints(stream: &TcpStream) -> io::Result<Endpoints> {
    Ok(Endpoints {
        local: canonical(stream.local_addr()?),
        peer: canonical(stream.peer_addr()?),
    })
}
