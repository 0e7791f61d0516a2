//! The task of an established connection: bytes in, messages to the main thread; frames of the main thread out; then an
//! orderly end.

mod farewell;
mod owner;
mod reading;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};

use super::client_options::WebSocketClientOptions;
use super::close_code::{CloseCode, CloseFrame, Disconnect};
use super::flushes::Flushes;
use super::frame::{Kind, encode};
use super::heartbeat::{Beat, Heartbeat};
use super::message_clock::MessageClock;
use super::messages::PrepareText;
use super::options::WebSocketOptions;
use super::protocol::Protocol;
use super::write_queue::WriteQueue;
use crate::command::WebSocketCommand;
use crate::limits::{LINGER_TIMEOUT, NO_TIME_LIMIT};
use crate::transport::Transport;

use farewell::Farewell;
pub(crate) use owner::Owner;
use reading::Read;

/// Unsent control frames, in bytes, at which a peer is not read until they are sent.
const MAX_CONTROL: usize = 16 * 1024;

/// Longest block, in bytes, that a shed client still gets if part of it was sent.
const MAX_LAST_BLOCK: usize = 64 * 1024;

/// How long a connection may take to end once its owner is stopping.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// Fixed settings of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    max_message_size: usize,
    message_timeout: Option<Duration>,
    close_timeout: Duration,
    close_delay: Duration,
    prepare_text: Option<PrepareText>,
}

impl Settings {
    pub(crate) fn of_server(options: &WebSocketOptions) -> Self {
        Self {
            max_message_size: options.max_message_size,
            message_timeout: options.message_timeout,
            close_timeout: options.close_timeout.unwrap_or(NO_TIME_LIMIT),
            close_delay: options.close_delay,
            prepare_text: options.prepare_text,
        }
    }

    pub(crate) fn of_client(options: &WebSocketClientOptions) -> Self {
        Self {
            max_message_size: options.max_message_size,
            message_timeout: None,
            close_timeout: options.close_timeout.unwrap_or(NO_TIME_LIMIT),
            close_delay: Duration::ZERO,
            prepare_text: options.prepare_text,
        }
    }
}

/// One connection, from its opening handshake to its end: a future that is spawned as a task.
pub(crate) struct Connection<S: Transport, O: Owner> {
    stream: S,
    owner: O,
    protocol: Protocol,
    writes: WriteQueue,
    flushes: Flushes,
    heartbeat: Heartbeat,
    /// Whether the peer has taken data since the last beat.
    progressed: bool,
    /// Measures how long the message in progress has taken, if there is a limit.
    clock: Option<Box<MessageClock>>,
    /// Bytes that arrived with the opening handshake, until they are parsed.
    early: Vec<u8>,
    close_timeout: Duration,
    /// `None` if a close frame follows the last message at once.
    farewell: Option<Box<Farewell>>,
    prepare_text: Option<PrepareText>,
    phase: Phase,
    /// When the current phase expires; set once the connection is closing.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Whether the deadline was set or shortened because the owner is stopping.
    hurried: bool,
}

enum Phase {
    Open,
    /// We are closing: our close frame is queued after what was sent, and a pause.
    Parting(CloseFrame),
    /// Our close frame is queued, and the peer's is pending.
    Closing(CloseFrame),
    /// Nothing more is expected from the peer; what is queued is sent, then FIN.
    Ending(Box<Disconnect>),
    /// FIN was sent, and the owner knows. What the peer still sends is discarded: after an immediate close the system
    /// would answer it with RST, which can destroy what the peer has not read yet.
    Lingering(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit),
    /// The task is done.
    Over,
}

impl<S: Transport, O: Owner> Connection<S, O> {
    pub(crate) fn new(stream: S, early: Vec<u8>, settings: Settings, owner: O) -> Self {
        let role = owner.link().role();
        let account = owner.link().account().clone();
        Self {
            stream,
            protocol: Protocol::new(role, settings.max_message_size, account.clone()),
            writes: WriteQueue::new(account),
            flushes: Flushes::default(),
            owner,
            clock: MessageClock::new(settings.message_timeout),
            heartbeat: Heartbeat::default(),
            progressed: false,
            early,
            close_timeout: settings.close_timeout,
            farewell: Farewell::new(settings.close_delay),
            prepare_text: settings.prepare_text,
            phase: Phase::Open,
            deadline: None,
            hurried: false,
        }
    }

    /// Open, parting or closing: reads and writes. Ready when the phase has changed.
    fn poll_live(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.take_commands();
        if self.is_dead(cx) {
            let words = format!("the {} did not answer a ping", self.owner.link().peer());
            self.vanish(&words);
            return Poll::Ready(());
        }
        loop {
            match self.read(cx) {
                Read::PhaseChanged => return Poll::Ready(()),
                Read::Later => cx.waker().wake_by_ref(),
                Read::Nothing => {}
            }
            if matches!(self.phase, Phase::Open)
                && let Some(clock) = &mut self.clock
                && clock.poll_late(self.protocol.unfinished(), cx)
            {
                let words = "a message did not end in time";
                self.close_now(CloseFrame::new(CloseCode::POLICY, words));
                continue;
            }
            let had_control = self.writes.control() > MAX_CONTROL;
            match self.poll_write(cx) {
                Poll::Ready(Err(error)) => {
                    // What the peer sent before, such as a close frame, still counts.
                    if !matches!(self.read(cx), Read::PhaseChanged) {
                        self.vanish(&error.to_string());
                    }
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(())) if self.poll_part(cx).is_ready() => continue,
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            // Reading had stopped because of unsent control frames, and they were sent meanwhile.
            if !(had_control && self.writes.control() <= MAX_CONTROL) {
                return Poll::Pending;
            }
        }
    }

    fn take_commands(&mut self) {
        for command in self.owner.link().take_commands() {
            match command {
                WebSocketCommand::Frames(frames) => {
                    self.flushes.queued(frames.len());
                    self.writes.push(frames);
                }
                WebSocketCommand::Shared(frame) => {
                    self.flushes.queued(frame.len());
                    self.writes.push_shared(frame);
                }
                WebSocketCommand::Ping(payload) => {
                    let mut frame = Vec::new();
                    encode(self.owner.link().role(), Kind::Ping, &payload, &mut frame);
                    self.flushes.queued(frame.len());
                    self.writes.push(frame);
                    self.heartbeat.sent(payload, Instant::now());
                }
                WebSocketCommand::Flush(token) => self.flushes.push(token),
                WebSocketCommand::Close(frame) => self.close(frame),
                WebSocketCommand::CloseNow(frame) => self.close_now(frame),
            }
        }
    }

    /// Like [`Self::close`], but drops what is queued, and makes no pause.
    fn close_now(&mut self, frame: CloseFrame) {
        self.drop_unstarted();
        self.owner.link().refuse_commands();
        if matches!(self.phase, Phase::Open) {
            self.send_close(frame);
            self.set_deadline(self.close_timeout);
        }
    }

    /// Frees the memory of a client that holds too much. A client that still reads gets a close frame with the reason.
    fn shed(&mut self) {
        self.owner.link().refuse_commands();
        self.protocol.drop_messages();
        if matches!(self.phase, Phase::Open) {
            self.drop_unstarted();
            let words = "the server has no memory left for this client";
            let frame = CloseFrame::new(CloseCode::TRY_AGAIN_LATER, words);
            if self.writes.started() <= MAX_LAST_BLOCK {
                self.send_close(frame);
                self.set_deadline(self.close_timeout);
                return;
            }
            self.phase = Phase::Closing(frame);
        }
        self.cut();
    }

    /// Drops everything unsent, the system's buffer included (RST): the peer no longer reads.
    fn cut(&mut self) {
        let _ = SockRef::from(self.stream.tcp()).set_linger(Some(Duration::ZERO));
        self.vanish("");
    }

    /// Starts the closing handshake, unless the connection is already closing.
    fn close(&mut self, frame: CloseFrame) {
        if !matches!(self.phase, Phase::Open) {
            return;
        }
        let mut time = self.close_timeout;
        if let Some(farewell) = &self.farewell {
            time = time.saturating_add(farewell.delay());
            self.protocol.drop_messages();
            self.phase = Phase::Parting(frame);
        } else {
            self.send_close(frame);
        }
        self.set_deadline(time);
    }

    /// Queues our close frame if its time has come, as everything before it has been written.
    fn poll_part(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Phase::Parting(frame) = &self.phase else {
            return Poll::Pending;
        };
        let frame = frame.clone();
        if let Some(farewell) = &mut self.farewell {
            ready!(farewell.poll_pause(cx));
        }
        self.send_close(frame);
        Poll::Ready(())
    }

    fn send_close(&mut self, frame: CloseFrame) {
        let mut output = Vec::new();
        self.protocol.close(&frame, &mut output);
        self.writes.push_control(output);
        self.phase = Phase::Closing(frame);
    }

    /// Sends a ping if one is due. Returns whether the last one went unanswered.
    fn is_dead(&mut self, cx: &mut Context<'_>) -> bool {
        if !matches!(self.phase, Phase::Open) || !self.owner.take_beat(cx) {
            return false;
        }
        let progressed = std::mem::take(&mut self.progressed);
        if self.writes.control() > 0 && progressed {
            // The last ping still waits behind data, which the peer takes.
            self.heartbeat.heard();
            return false;
        }
        if !self.may_read(cx) {
            // Its pong may have arrived unread.
            self.heartbeat.heard();
        }
        match self.heartbeat.beat() {
            Beat::Dead => true,
            Beat::Ping(payload) => {
                let mut frame = Vec::new();
                encode(self.owner.link().role(), Kind::Ping, &payload, &mut frame);
                self.writes.push_control(frame);
                self.heartbeat.sent(payload, Instant::now());
                false
            }
        }
    }

    /// Ends the connection at once, without sending anything.
    fn vanish(&mut self, why: &str) {
        let how = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Open => Disconnect::vanished(why),
            Phase::Parting(frame) | Phase::Closing(frame) => Disconnect::by_us(frame, false),
            Phase::Ending(how) => Disconnect { clean: false, ..*how },
            // The owner was told already.
            Phase::Lingering(_) | Phase::Over => return,
        };
        self.owner.leave(how);
    }

    /// Sends what is queued, then FIN. Ready when the phase has changed.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut written = self.poll_write(cx);
        if let Poll::Ready(Ok(())) = written {
            written = Pin::new(&mut self.stream).poll_shutdown(cx);
        }
        match written {
            Poll::Ready(Ok(())) => {
                let next = self.owner.linger().map_or(Phase::Over, Phase::Lingering);
                if let Phase::Ending(how) = std::mem::replace(&mut self.phase, next) {
                    self.owner.leave(*how);
                }
                self.set_deadline(LINGER_TIMEOUT);
            }
            Poll::Ready(Err(_)) => self.vanish(""),
            Poll::Pending => {
                // A peer that waits for us to read may not read either.
                if ready!(self.poll_discard(cx)) {
                    return Poll::Pending;
                }
                self.vanish("");
            }
        }
        Poll::Ready(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        // Before more is written, as the stream would then hold that back.
        ready!(self.poll_flush(cx))?;
        let (settled, result) = self.writes.poll_write(&mut self.stream, cx);
        if settled > 0 {
            self.owner.link().settle(settled);
            self.progressed = true;
            self.farewell.iter_mut().for_each(|farewell| farewell.sent());
        }
        self.flushes.settled(settled);
        match self.poll_flush(cx) {
            Poll::Ready(Ok(())) => result,
            other => other,
        }
    }

    /// Flushes the stream if someone waits for that, and tells them.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.flushes.is_reached() {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.flushes.flushed(|token| self.owner.flushed(token));
        }
        Poll::Ready(Ok(()))
    }

    fn drop_unstarted(&mut self) {
        let dropped = self.writes.drop_unstarted();
        if dropped > 0 {
            self.flushes.fail();
        }
        self.owner.dropped(dropped);
    }

    fn set_deadline(&mut self, time: Duration) {
        let time = match self.owner.is_stopping() {
            true => {
                self.hurried = true;
                time.min(STOP_TIMEOUT)
            }
            false => time,
        };
        self.deadline = Some(Box::pin(sleep(time)));
    }

    /// Whether the current phase has expired.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.hurried && self.deadline.is_some() && self.owner.is_stopping() {
            self.set_deadline(STOP_TIMEOUT);
        }
        match &mut self.deadline {
            Some(deadline) => deadline.as_mut().poll(cx).is_ready(),
            None => false,
        }
    }
}

impl<S: Transport, O: Owner> Future for Connection<S, O> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.owner.link().register(cx.waker());
        if this.owner.link().take_shed() {
            this.shed();
        }
        if this.owner.is_aborted() && !matches!(this.phase, Phase::Lingering(_) | Phase::Over) {
            this.cut();
        }
        loop {
            let turned = match &this.phase {
                Phase::Open | Phase::Parting(_) | Phase::Closing(_) => this.poll_live(cx),
                Phase::Ending(_) => this.poll_end(cx),
                Phase::Lingering(_) => match this.poll_discard(cx) {
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => Poll::Pending,
                },
                Phase::Over => return Poll::Ready(()),
            };
            if turned.is_ready() {
                continue;
            }
            // Polled last, as a new phase may just have set the deadline.
            if !this.is_late(cx) {
                return Poll::Pending;
            }
            if !matches!(this.phase, Phase::Lingering(_)) {
                this.cut();
            }
            return Poll::Ready(());
        }
    }
}

impl<S: Transport, O: Owner> Drop for Connection<S, O> {
    /// Reports the end to the owner if the task was aborted: the runtime stopped, or it panicked.
    fn drop(&mut self) {
        self.vanish("the network runtime was stopped");
    }
}
