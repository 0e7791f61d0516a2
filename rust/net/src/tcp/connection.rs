//! The task of a connection: moves bytes both ways until the connection ends, then closes it gracefully.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::task::coop::has_budget_remaining;
use tokio::time::{Instant, timeout};

use super::stream::Stream;
use super::watch::Watch;
use super::write_queue::{Mark, Step, WriteQueue};
use crate::command::TcpCommand;
use crate::error::{ConnectError, TlsError};
use crate::event::{CloseReason, Endpoints, TcpEvent};
use crate::limits::{CLOSE_FLUSH_TIMEOUT, LINGER_LIMIT, LINGER_TIMEOUT};
use crate::mailbox::MailboxSender;
use crate::options::KeepAlive;
use crate::outbox::Outbox;
use crate::runtime::FlushGuard;
use crate::scratch::{READ_SIZE, with_read_buffer_of};
use crate::tls::TlsUpgrade;
use crate::tls::state::TlsState;
use crate::transport::Transport;

/// The task's side of a connection.
pub(crate) struct Driver {
    outbox: Arc<Outbox>,
    events: MailboxSender<TcpEvent>,
    /// Commands received before the connection, or TLS on it, was established.
    early: VecDeque<TcpCommand>,
    writes: WriteQueue,
    /// Whether the peer may still send.
    reading: bool,
    /// After the peer's FIN: notices a reset or a dead peer without a write.
    watch: Option<Watch>,
    /// Whether received bytes are discarded, because this side has closed.
    discarding: bool,
    /// Number of bytes discarded so far.
    discarded: u64,
    close_asked: bool,
    /// The upgrade to TLS that starts once everything before it is sent, with the peer's first bytes of TLS if some
    /// were read already.
    upgrade: Option<Box<(TlsUpgrade, Bytes)>>,
    /// Whether everything before the upgrade is sent.
    upgrade_due: bool,
    /// The state of TLS that the user's side shares.
    tls: Arc<TlsState>,
    /// The error of a failed write. What the peer sent before is still delivered, then the connection fails with this
    /// error.
    write_error: Option<io::Error>,
    /// Whether the last event has been sent.
    ended: bool,
}

/// Why a phase of the connection has ended.
#[derive(Debug)]
enum End {
    /// The user closed the connection (open phase), or everything sent before the close is out (flush).
    Closed,
    /// The user aborted the connection.
    Aborted,
    /// The connection is shed, because it holds most of the memory of its listener's clients.
    Shed,
    /// Not an end: the connection continues with TLS.
    Upgraded,
    Failed(io::Error),
}

impl Driver {
    pub(crate) fn new(outbox: Arc<Outbox>, events: MailboxSender<TcpEvent>, tls: Arc<TlsState>) -> Self {
        Self {
            outbox,
            events,
            early: VecDeque::new(),
            writes: WriteQueue::default(),
            reading: true,
            watch: None,
            discarding: false,
            discarded: 0,
            close_asked: false,
            upgrade: None,
            upgrade_due: false,
            tls,
            write_error: None,
            ended: false,
        }
    }

    /// Shows the user's side what TLS negotiated, if the connection has TLS from the first byte.
    pub(crate) fn note_tls(&self, stream: &Stream) {
        if let Some(info) = stream.tls_info() {
            self.tls.set_info(info);
        }
    }

    pub(crate) fn connected(&self, stream: &Stream, endpoints: Endpoints) {
        self.note_tls(stream);
        self.events.send(TcpEvent::Connected(Box::new(endpoints)), 0);
    }

    pub(crate) fn connect_failed(mut self, error: ConnectError) {
        self.ended = true;
        self.outbox.close();
        self.events.send(TcpEvent::ConnectFailed(Box::new(error)), 0);
    }

    /// Waits until the user gives up the connection while it, or TLS on it, is being established. An abort gives it up
    /// at once, a close only if nothing sent before it is pending; other commands are kept for later. Being shed counts
    /// as an abort.
    pub(crate) async fn given_up(&mut self) {
        poll_fn(|cx| {
            let commands = self.outbox.take(cx);
            let aborted = commands
                .iter()
                .any(|command| matches!(command, TcpCommand::Abort | TcpCommand::Shed));
            self.close_asked |= commands.iter().any(|command| matches!(command, TcpCommand::Close));
            self.early.extend(commands);
            if aborted || (self.close_asked && self.outbox.pending() == 0) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Ends a connection that the user gave up before it was established.
    pub(crate) fn give_up(mut self) {
        self.finish(CloseReason::ByHost, None);
    }

    /// Runs the connection to its end.
    pub(crate) async fn run(mut self, mut stream: Stream, unflushed: FlushGuard) {
        loop {
            let end = if self.discarding {
                self.flush(&mut stream).await
            } else {
                poll_fn(|cx| self.poll_open(&mut stream, cx)).await
            };
            match end {
                End::Upgraded => match self.start_tls(stream).await {
                    Some(secured) => stream = secured,
                    None => return,
                },
                End::Closed if !self.discarding => self.discarding = true,
                End::Closed => {
                    self.finish(CloseReason::ByHost, None);
                    drop(unflushed);
                    return self.linger(&mut stream).await;
                }
                End::Aborted => {
                    reset_on_drop(&stream);
                    drop(stream);
                    return self.finish(CloseReason::ByHost, None);
                }
                End::Shed => {
                    reset_on_drop(&stream);
                    drop(stream);
                    return self.finish(CloseReason::Error, Some(shed_error()));
                }
                End::Failed(error) => {
                    drop(stream);
                    let reason = match error.kind() {
                        io::ErrorKind::TimedOut => CloseReason::TimedOut,
                        _ => CloseReason::Error,
                    };
                    return self.finish(reason, Some(error));
                }
            }
        }
    }

    fn finish(&mut self, reason: CloseReason, error: Option<io::Error>) {
        self.ended = true;
        self.writes.clear();
        self.outbox.close();
        self.events.send(TcpEvent::Closed(reason, error), 0);
    }

    /// Upgrades the connection to TLS. Returns `None` if that ended the connection.
    async fn start_tls(&mut self, stream: Stream) -> Option<Stream> {
        self.upgrade_due = false;
        let (upgrade, first) = *self.upgrade.take()?;
        let secured = tokio::select! {
            secured = stream.start_tls(&upgrade, first) => secured,
            () = self.given_up() => {
                if self.early.iter().any(|command| matches!(command, TcpCommand::Shed)) {
                    self.finish(CloseReason::Error, Some(shed_error()));
                } else {
                    self.finish(CloseReason::ByHost, None);
                }
                return None;
            }
        };
        match secured {
            Ok(stream) => {
                if let Some(info) = stream.tls_info() {
                    self.tls.set_info(info.clone());
                    self.events.send(TcpEvent::TlsReady(Box::new(info)), 0);
                }
                Some(stream)
            }
            Err(error) => {
                let reason = match &error {
                    TlsError::TimedOut(_) => CloseReason::TimedOut,
                    _ => CloseReason::Error,
                };
                let words = error.to_string();
                self.events.send(TcpEvent::TlsFailed(Box::new(error)), 0);
                self.finish(reason, Some(io::Error::other(words)));
                None
            }
        }
    }

    /// The open phase: commands in, bytes both ways.
    fn poll_open<S: Transport>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<End> {
        if let Some(end) = self.take_commands(stream, cx) {
            return Poll::Ready(end);
        }
        if self.close_asked {
            return Poll::Ready(End::Closed);
        }
        let written = self.poll_write(stream, cx);
        if self.upgrade_due {
            return Poll::Ready(End::Upgraded);
        }
        if written.is_ready() && self.close_asked {
            return Poll::Ready(End::Closed);
        }
        let read = self.poll_read(stream, cx);
        if let Poll::Ready(Err(error)) = read {
            return Poll::Ready(End::Failed(self.write_error.take().unwrap_or(error)));
        }
        // A peer that accepts no more sends no more either: everything it sent has been read by now, unless the read
        // was only postponed.
        if read.is_ready() || has_budget_remaining() {
            return self
                .write_error
                .take()
                .map_or(Poll::Pending, |error| Poll::Ready(End::Failed(error)));
        }
        Poll::Pending
    }

    /// After a close: sends what was queued before it, for as long as the peer keeps accepting some of it.
    async fn flush<S: Transport>(&mut self, stream: &mut S) -> End {
        loop {
            let before = self.outbox.pending();
            match timeout(CLOSE_FLUSH_TIMEOUT, poll_fn(|cx| self.poll_flush(stream, cx))).await {
                Ok(end) => return end,
                Err(_) if self.outbox.pending() < before => {}
                Err(_) => {
                    // A FIN would let the peer mistake the part that it received for the whole.
                    reset_on_drop(stream);
                    let error = io::Error::new(io::ErrorKind::TimedOut, "the peer took no more of what was sent");
                    return End::Failed(error);
                }
            }
        }
    }

    /// After a close: sends what was queued before it, and discards what the peer sends meanwhile, since a peer that is
    /// not read may stop reading too.
    fn poll_flush<S: Transport>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<End> {
        if let Some(end) = self.take_commands(stream, cx) {
            return Poll::Ready(end);
        }
        let written = self.poll_write(stream, cx);
        if self.upgrade_due {
            return Poll::Ready(End::Upgraded);
        }
        if written.is_ready() {
            return Poll::Ready(self.write_error.take().map_or(End::Closed, End::Failed));
        }
        match ready!(self.poll_read(stream, cx)) {
            Err(error) => Poll::Ready(End::Failed(error)),
            Ok(()) => Poll::Pending,
        }
    }

    /// After FIN: reads until the peer's FIN, within limits, so that the system has no reason to send RST.
    async fn linger<S: Transport>(mut self, stream: &mut S) {
        let deadline = Instant::now() + LINGER_LIMIT;
        loop {
            let before = self.discarded;
            let end = timeout(LINGER_TIMEOUT, poll_fn(|cx| self.poll_read(stream, cx))).await;
            if end.is_ok() || self.discarded == before || Instant::now() >= deadline {
                return;
            }
        }
    }

    fn take_commands<S: Transport>(&mut self, stream: &S, cx: &Context<'_>) -> Option<End> {
        let mut commands = std::mem::take(&mut self.early);
        commands.append(&mut self.outbox.take(cx));
        for command in commands {
            match command {
                TcpCommand::Send(bytes) if self.write_error.is_some() => self.outbox.settle(bytes.len()),
                TcpCommand::Send(bytes) => self.writes.push(bytes),
                TcpCommand::Flush(token) => self.writes.mark(Mark::Flushed(token)),
                TcpCommand::StartTls(upgrade) => {
                    self.upgrade = Some(upgrade);
                    self.writes.mark(Mark::StartTls);
                }
                TcpCommand::ShutdownSend => self.writes.mark(Mark::Shutdown),
                TcpCommand::Close => {
                    self.writes.mark(Mark::Shutdown);
                    self.close_asked = true;
                }
                TcpCommand::Abort => return Some(End::Aborted),
                TcpCommand::Shed => return Some(End::Shed),
                // Setting an option fails only on a socket that is gone already, which reading then reports.
                TcpCommand::SetNoDelay(on) => drop(stream.tcp().set_nodelay(on)),
                TcpCommand::SetKeepAlive(keep_alive) => drop(set_keep_alive(stream.tcp(), keep_alive)),
            }
        }
        None
    }

    /// Ready once nothing is left to write, or nothing more can be written.
    fn poll_write<S: Transport>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<()> {
        if self.write_error.is_some() {
            return Poll::Ready(());
        }
        loop {
            match ready!(self.writes.poll_step(stream, cx)) {
                Ok(Step::Idle) => return Poll::Ready(()),
                Ok(Step::Wrote(n)) => self.outbox.settle(n),
                Ok(Step::Reached(Mark::Flushed(token))) => self.events.send(TcpEvent::Flushed(token), 0),
                Ok(Step::Reached(Mark::Shutdown)) => {}
                Ok(Step::Reached(Mark::StartTls)) => {
                    self.upgrade_due = true;
                    return Poll::Pending;
                }
                Err(error) => {
                    self.outbox.settle(self.writes.clear());
                    self.write_error = Some(error);
                    return Poll::Ready(());
                }
            }
        }
    }

    /// Reads while the peer sends and the mailbox has room. After a failed write, the rest is read without asking for
    /// room, since the end must be reported even to a user who takes nothing. Ready at the peer's FIN and on an error.
    fn poll_read<S: Transport>(&mut self, stream: &mut S, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.reading {
            return match self.poll_broken(cx) {
                Poll::Ready(error) => Poll::Ready(Err(error)),
                Poll::Pending => Poll::Ready(Ok(())),
            };
        }
        let tls = self.tls.clone();
        loop {
            let plain = if tls.info().is_none() { tls.plain() } else { None };
            if plain.is_none() && tls.info().is_none() {
                // The next bytes belong to the handshake. The command that starts it wakes the task.
                return Poll::Pending;
            }
            let needs_room = !self.discarding && self.write_error.is_none();
            if needs_room && self.events.poll_room(cx).is_pending() {
                return Poll::Pending;
            }
            // Not only what there is room for: a full mailbox would be filled up byte by byte as bytes are taken from it.
            let most = if needs_room { self.events.max_bytes() } else { READ_SIZE };
            let read = with_read_buffer_of(most, |buffer| match Pin::new(&mut *stream).poll_read(cx, buffer) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                Poll::Ready(Ok(())) if self.discarding => Poll::Ready(Ok((buffer.filled().len(), Bytes::new()))),
                Poll::Ready(Ok(())) => {
                    Poll::Ready(Ok((buffer.filled().len(), Bytes::copy_from_slice(buffer.filled()))))
                }
            });
            match read {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok((0, _))) => {
                    self.reading = false;
                    if !self.discarding {
                        self.watch = Watch::new(stream.tcp());
                    }
                    // After a failed write the system ends the stream too, but that is not the peer's FIN.
                    if !self.discarding && self.write_error.is_none() {
                        self.events.send(TcpEvent::PeerClosed, 0);
                    }
                    return self.poll_read(stream, cx);
                }
                Poll::Ready(Ok((n, bytes))) => {
                    if self.discarding {
                        self.discarded += n as u64;
                    } else {
                        self.events.send(TcpEvent::Data(bytes), n);
                    }
                }
            }
        }
    }
}

/// What remains to be watched after the peer's FIN.
impl Driver {
    /// Ready when the connection has broken, although nothing is read any more.
    fn poll_broken(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(watch) = &mut self.watch else {
            return Poll::Pending;
        };
        let broken = ready!(watch.poll(cx));
        self.watch = None;
        match broken {
            Some(error) => Poll::Ready(error),
            // Both sides have sent FIN, which the system also reports as closed.
            None if self.writes.is_shut() => Poll::Pending,
            None => Poll::Ready(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl Drop for Driver {
    /// Reports the end if the task ended early, because the runtime stopped or the task panicked: no pending operation
    /// may hang.
    fn drop(&mut self) {
        if !self.ended {
            self.finish(
                CloseReason::Error,
                Some(io::Error::other("the network runtime was stopped")),
            );
        }
    }
}

/// The error of a connection that is shed.
fn shed_error() -> io::Error {
    let words = "the clients of the listener held too much memory, and this one most of it";
    io::Error::new(io::ErrorKind::OutOfMemory, words)
}

/// Closing with a linger time of zero sends RST.
fn reset_on_drop<S: Transport>(stream: &S) {
    let _ = SockRef::from(stream.tcp()).set_linger(Some(Duration::ZERO));
}

pub(crate) fn set_keep_alive(stream: &TcpStream, keep_alive: Option<KeepAlive>) -> io::Result<()> {
    let socket = SockRef::from(stream);
    match keep_alive {
        None => socket.set_keepalive(false),
        Some(KeepAlive { idle, interval, count }) => {
            // Linux refuses anything outside 1 to 32767 seconds and 1 to 127 probes.
            let in_range = |time: Duration| time.clamp(Duration::from_secs(1), Duration::from_secs(32_767));
            let keep_alive = TcpKeepalive::new()
                .with_time(in_range(idle))
                .with_interval(in_range(interval));
            let counted = keep_alive.clone().with_retries(count.clamp(1, 127));
            // Windows supports a count only from version 10 (1703) on; older versions send 10 probes.
            if cfg!(windows) && socket.set_tcp_keepalive(&counted).is_err() {
                return socket.set_tcp_keepalive(&keep_alive);
            }
            socket.set_tcp_keepalive(&counted)
        }
    }
}
