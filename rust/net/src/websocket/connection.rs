//! The task of one client: bytes in, messages to the main thread; frames of the main thread out; then a good end.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::close_code::{CloseCode, CloseFrame, Disconnect};
use super::frame::{Kind, encode};
use super::heartbeat::{Beat, Heartbeat};
use super::link::Link;
use super::message_clock::MessageClock;
use super::messages::{Messages, PrepareText};
use super::options::WebSocketOptions;
use super::protocol::{Protocol, Received};
use super::write_queue::WriteQueue;
use crate::command::WebSocketCommand;
use crate::limits::{LINGER_TIMEOUT, NO_TIME_LIMIT};
use crate::scratch::with_read_buffer;
use crate::transport::Transport;

/// Reads in a row before others get their turn.
const READS: usize = 4;

/// Unsent pongs that a client may cause before it is not read any more.
const MAX_CONTROL: usize = 16 * 1024;

/// A client that holds too much memory still gets the block that it has begun to take, if it is no larger.
const MAX_LAST_BLOCK: usize = 64 * 1024;

/// How long a connection may take to end once its owner stops.
const STOP_TIMEOUT: Duration = Duration::from_secs(1);

/// What a connection belongs to: a server, for one of its clients.
pub(crate) trait Owner: Unpin {
    /// The connection's state that the main thread shares.
    fn link(&self) -> &Link;

    /// Whether the connection may read more, while an unfinished message takes `in_progress` bytes. If not, the waker is
    /// woken when it may.
    fn may_read(&self, in_progress: usize, waker: &Waker) -> bool;

    /// Takes messages from the peer.
    fn deliver(&self, messages: Messages);

    /// The connection has ended for the main thread. Called exactly once, at the latest when the connection is dropped.
    fn leave(&mut self, how: Disconnect);

    /// Reserves a place among the connections that wait for the peer's FIN; `None` if all are taken.
    fn linger(&self) -> Option<OwnedSemaphorePermit>;

    /// Whether the connection must end within a second. The link's task is woken when this becomes true.
    fn is_stopping(&self) -> bool;
}

/// The fixed rules of one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// This side's role, which decides who masks frames (RFC 6455 section 5.1).
    role: Role,
    max_message_size: usize,
    message_timeout: Option<Duration>,
    close_timeout: Duration,
    prepare_text: Option<PrepareText>,
}

impl Settings {
    pub(crate) fn of_server(options: &WebSocketOptions) -> Self {
        Self {
            role: Role::Server,
            max_message_size: options.max_message_size,
            message_timeout: options.message_timeout,
            close_timeout: options.close_timeout.unwrap_or(NO_TIME_LIMIT),
            prepare_text: options.prepare_text,
        }
    }
}

pub(crate) struct Connection<S: Transport, O: Owner> {
    stream: S,
    owner: O,
    protocol: Protocol,
    writes: WriteQueue,
    heartbeat: Heartbeat,
    /// Measures how long the message in progress has taken.
    clock: MessageClock,
    /// Bytes that arrived with the opening handshake, until they are parsed.
    early: Vec<u8>,
    close_timeout: Duration,
    prepare_text: Option<PrepareText>,
    phase: Phase,
    /// When the present phase must have ended; set once the connection closes.
    deadline: Option<Pin<Box<Sleep>>>,
    /// Whether the owner's stop has shortened the deadline.
    hurried: bool,
}

enum Phase {
    Open,
    /// Our close frame is queued, and the peer's is waited for.
    Closing(CloseFrame),
    /// Nothing is waited for any more; what is queued goes out, then FIN.
    Ending(Box<Disconnect>),
    /// FIN is out, the main thread knows. What the peer still sends is thrown away: closing at once would make the
    /// system answer it with RST, which can destroy what the peer has not read yet.
    Lingering(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit),
    /// To be dropped.
    Over,
}

/// What reading came to.
enum Read {
    /// The system has no more, or more is not wanted now.
    Nothing,
    /// There may be more, but others have their turn.
    Later,
    /// The phase has changed.
    Turned,
}

/// What some bytes came to.
struct Input {
    messages: Messages,
    /// Control frames to be sent.
    output: Vec<u8>,
    received: Received,
}

impl<S: Transport, O: Owner> Connection<S, O> {
    pub(crate) fn new(stream: S, early: Vec<u8>, settings: Settings, owner: O) -> Self {
        let account = owner.link().account().clone();
        Self {
            stream,
            protocol: Protocol::new(settings.role, settings.max_message_size, account.clone()),
            writes: WriteQueue::new(account),
            owner,
            clock: MessageClock::new(settings.message_timeout),
            heartbeat: Heartbeat::default(),
            early,
            close_timeout: settings.close_timeout,
            prepare_text: settings.prepare_text,
            phase: Phase::Open,
            deadline: None,
            hurried: false,
        }
    }

    /// Open and closing: everything goes both ways. Ready when the phase has changed.
    fn poll_live(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.take_commands();
        if self.is_dead(cx) {
            self.vanish("the client did not answer a ping");
            return Poll::Ready(());
        }
        loop {
            match self.read(cx) {
                Read::Turned => return Poll::Ready(()),
                Read::Later => cx.waker().wake_by_ref(),
                Read::Nothing => {}
            }
            if matches!(self.phase, Phase::Open) && self.clock.poll_late(self.protocol.unfinished(), cx) {
                let words = "a message did not end in time";
                self.close_now(CloseFrame::new(CloseCode::POLICY, words));
                continue;
            }
            let had_control = self.writes.control() > MAX_CONTROL;
            match self.poll_write(cx) {
                Poll::Ready(Err(error)) => {
                    // What the peer sent before is still worth having.
                    if !matches!(self.read(cx), Read::Turned) {
                        self.vanish(&error.to_string());
                    }
                    return Poll::Ready(());
                }
                Poll::Ready(Ok(())) | Poll::Pending => {}
            }
            // Reading had stopped because of unsent pongs, and they went out meanwhile.
            if !(had_control && self.writes.control() <= MAX_CONTROL) {
                return Poll::Pending;
            }
        }
    }

    fn take_commands(&mut self) {
        for command in self.owner.link().take_commands() {
            match command {
                WebSocketCommand::Frames(frames) => self.writes.push(frames),
                WebSocketCommand::Shared(frame) => self.writes.push_shared(frame),
                WebSocketCommand::Ping(payload) => {
                    let mut frame = Vec::new();
                    encode(Kind::Ping, &payload, &mut frame);
                    self.writes.push(frame);
                    self.heartbeat.sent(payload, Instant::now());
                }
                WebSocketCommand::Close(frame) => self.close(frame),
                WebSocketCommand::CloseNow(frame) => self.close_now(frame),
            }
        }
    }

    /// The same, without what waits to be sent.
    fn close_now(&mut self, frame: CloseFrame) {
        self.drop_unstarted();
        self.owner.link().refuse_commands();
        self.close(frame);
    }

    /// The client holds too much memory: sets it free at once. A client that still reads is told why.
    fn shed(&mut self) {
        self.owner.link().refuse_commands();
        self.protocol.drop_messages();
        if matches!(self.phase, Phase::Open) {
            self.drop_unstarted();
            let words = "the server has no memory left for this client";
            let frame = CloseFrame::new(CloseCode::TRY_AGAIN_LATER, words);
            if self.writes.started() <= MAX_LAST_BLOCK {
                self.close(frame);
                return;
            }
            self.phase = Phase::Closing(frame);
        }
        self.cut();
    }

    /// The peer takes nothing any more: drops what waits, in the system too (RST).
    fn cut(&mut self) {
        let _ = SockRef::from(self.stream.tcp()).set_linger(Some(Duration::ZERO));
        self.vanish("");
    }

    /// Begins the closing handshake, unless the peer was first.
    fn close(&mut self, frame: CloseFrame) {
        if matches!(self.phase, Phase::Open) {
            let mut output = Vec::new();
            self.protocol.close(&frame, &mut output);
            self.writes.push_control(output);
            self.phase = Phase::Closing(frame);
            self.set_deadline(self.close_timeout);
        }
    }

    fn may_read(&self, cx: &Context<'_>) -> bool {
        self.owner.may_read(self.protocol.in_progress(), cx.waker())
    }

    fn is_dead(&mut self, cx: &Context<'_>) -> bool {
        if !matches!(self.phase, Phase::Open) || !self.owner.link().take_beat() {
            return false;
        }
        if !self.may_read(cx) {
            // Its pong may be there, and nobody looks.
            self.heartbeat.heard();
        }
        match self.heartbeat.beat() {
            Beat::Dead => true,
            Beat::Ping(payload) => {
                let mut frame = Vec::new();
                encode(Kind::Ping, &payload, &mut frame);
                self.writes.push_control(frame);
                self.heartbeat.sent(payload, Instant::now());
                false
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Read {
        if !self.early.is_empty() {
            let mut early = std::mem::take(&mut self.early);
            let input = self.receive(&mut early);
            if self.conclude(input) {
                return Read::Turned;
            }
        }
        for _ in 0..READS {
            let is_open = matches!(self.phase, Phase::Open);
            if is_open && !self.may_read(cx) {
                self.clock.pause();
                return Read::Nothing;
            }
            if self.writes.control() > MAX_CONTROL {
                return Read::Nothing;
            }
            // What came is handed over when the buffer is free: that may take a while, and the buffer is every
            // connection's of this thread.
            let read = with_read_buffer(
                |buffer| match ready!(Pin::new(&mut self.stream).poll_read(cx, buffer)) {
                    Ok(()) if buffer.filled().is_empty() => Poll::Ready(Err(None)),
                    Ok(()) => Poll::Ready(Ok(self.receive(buffer.filled_mut()))),
                    Err(error) => Poll::Ready(Err(Some(error))),
                },
            );
            match read {
                Poll::Pending => {
                    self.clock.go_on();
                    return Read::Nothing;
                }
                Poll::Ready(Ok(input)) => {
                    self.clock.go_on();
                    if self.conclude(input) {
                        return Read::Turned;
                    }
                }
                Poll::Ready(Err(error)) => {
                    let ended = "the client closed the connection without a close frame";
                    self.vanish(&error.map_or_else(|| ended.to_owned(), |error| error.to_string()));
                    return Read::Turned;
                }
            }
        }
        Read::Later
    }

    /// Bytes came.
    fn receive(&mut self, bytes: &mut [u8]) -> Input {
        let mut messages = Messages::new(self.prepare_text);
        let mut output = Vec::new();
        let (heartbeat, link) = (&mut self.heartbeat, self.owner.link());
        heartbeat.heard();
        let pong = |payload: &[u8]| {
            if let Some(latency) = heartbeat.pong(payload, Instant::now()) {
                link.set_latency(latency);
            }
        };
        let received = self.protocol.receive(bytes, &mut output, &mut messages, pong);
        Input {
            messages,
            output,
            received,
        }
    }

    /// Hands over what came. Says whether the phase has changed.
    fn conclude(&mut self, input: Input) -> bool {
        let Input {
            messages,
            output,
            received,
        } = input;
        let closing = match &self.phase {
            Phase::Closing(frame) => Some(frame.clone()),
            _ => None,
        };
        // After our close frame nobody waits for messages any more.
        if closing.is_none() && !messages.is_empty() {
            self.owner.deliver(messages);
        }
        let outcome = match (received, closing) {
            (Received::More, _) => {
                self.writes.push_control(output);
                return false;
            }
            // Both closed; and a peer that breaks the protocol while it closes is not asked again.
            (Received::Closed(_), Some(frame)) => Disconnect::by_us(frame, true),
            (Received::Failed(_), Some(frame)) => Disconnect::by_us(frame, false),
            (Received::Closed(frame), None) => {
                // Whoever has closed reads no messages any more (RFC 6455 section 5.5.1).
                self.drop_unstarted();
                Disconnect::by_peer(frame)
            }
            (Received::Failed(frame), None) => {
                self.drop_unstarted();
                Disconnect::by_us(frame, false)
            }
        };
        self.writes.push_control(output);
        self.owner.link().refuse_commands();
        self.protocol.drop_messages();
        self.phase = Phase::Ending(Box::new(outcome));
        if self.deadline.is_none() {
            self.set_deadline(self.close_timeout);
        }
        true
    }

    /// Ends the connection at once, without a further word to the peer.
    fn vanish(&mut self, why: &str) {
        let how = match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Open => Disconnect::vanished(why),
            Phase::Closing(frame) => Disconnect::by_us(frame, false),
            Phase::Ending(how) => Disconnect { clean: false, ..*how },
            // The owner knows already.
            Phase::Lingering(_) | Phase::Over => return,
        };
        self.owner.leave(how);
    }

    /// Sends what is left, then FIN. Ready when the phase has changed.
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
                // A peer that nobody reads may not read either.
                if ready!(self.poll_discard(cx)) {
                    return Poll::Pending;
                }
                self.vanish("");
            }
        }
        Poll::Ready(())
    }

    /// Reads for nothing. Ready at the peer's end, with whether that was a FIN.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        with_read_buffer(|buffer| {
            loop {
                buffer.clear();
                match ready!(Pin::new(&mut self.stream).poll_read(cx, buffer)) {
                    Err(_) => return Poll::Ready(false),
                    Ok(()) if buffer.filled().is_empty() => return Poll::Ready(true),
                    Ok(()) => {}
                }
            }
        })
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        let (settled, result) = self.writes.poll_write(&mut self.stream, cx);
        if settled > 0 {
            self.owner.link().settle(settled);
        }
        result
    }

    fn drop_unstarted(&mut self) {
        let dropped = self.writes.drop_unstarted();
        self.owner.link().settle(dropped);
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

    /// Whether the time of the present phase is over.
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
        loop {
            let turned = match &this.phase {
                Phase::Open | Phase::Closing(_) => this.poll_live(cx),
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
            // Asked last, as a phase that has just begun may have set it.
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
    /// The task ended before its time: the runtime stopped, or it panicked. Whoever waits must learn of it.
    fn drop(&mut self) {
        self.vanish("the network runtime was stopped");
    }
}
