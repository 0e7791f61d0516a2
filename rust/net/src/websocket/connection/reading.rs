//! The reading side of a connection: bytes in, messages to the owner.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::{Connection, MAX_CONTROL, Owner, Phase};
use crate::scratch::with_read_buffer;
use crate::transport::Transport;
use crate::websocket::close_code::Disconnect;
use crate::websocket::messages::Messages;
use crate::websocket::protocol::Received;

/// Maximum number of reads before other tasks run.
const READS: usize = 4;

/// The result of reading.
pub(super) enum Read {
    /// No more bytes for now, or no room for more.
    Nothing,
    /// There may be more, but other tasks run first.
    Later,
    /// The phase has changed.
    PhaseChanged,
}

/// The result of parsing some bytes.
struct Input {
    messages: Messages,
    /// Control frames to be sent.
    output: Vec<u8>,
    received: Received,
}

impl<S: Transport, O: Owner> Connection<S, O> {
    pub(super) fn may_read(&self, cx: &Context<'_>) -> bool {
        self.owner.may_read(self.protocol.in_progress(), cx.waker())
    }

    /// Reads and delivers what is there, within limits.
    pub(super) fn read(&mut self, cx: &mut Context<'_>) -> Read {
        if !self.early.is_empty() {
            let mut early = std::mem::take(&mut self.early);
            let input = self.receive(&mut early);
            if self.conclude(input) {
                return Read::PhaseChanged;
            }
        }
        for _ in 0..READS {
            let is_open = matches!(self.phase, Phase::Open);
            if is_open && !self.may_read(cx) {
                self.clock.iter_mut().for_each(|clock| clock.pause());
                return Read::Nothing;
            }
            if self.writes.control() > MAX_CONTROL {
                return Read::Nothing;
            }
            // Messages are delivered after the buffer is released: delivery may take a while, and the connections of
            // this thread share the buffer.
            let read = with_read_buffer(
                |buffer| match ready!(Pin::new(&mut self.stream).poll_read(cx, buffer)) {
                    Ok(()) if buffer.filled().is_empty() => Poll::Ready(Err(None)),
                    Ok(()) => Poll::Ready(Ok(self.receive(buffer.filled_mut()))),
                    Err(error) => Poll::Ready(Err(Some(error))),
                },
            );
            match read {
                Poll::Pending => {
                    self.clock.iter_mut().for_each(|clock| clock.go_on());
                    return Read::Nothing;
                }
                Poll::Ready(Ok(input)) => {
                    self.clock.iter_mut().for_each(|clock| clock.go_on());
                    if self.conclude(input) {
                        return Read::PhaseChanged;
                    }
                }
                Poll::Ready(Err(error)) => {
                    let peer = self.owner.link().peer();
                    let ended = format!("the {peer} closed the connection without a close frame");
                    self.vanish(&error.map_or(ended, |error| error.to_string()));
                    return Read::PhaseChanged;
                }
            }
        }
        Read::Later
    }

    /// Parses received bytes.
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

    /// Delivers the messages and acts on the result. Returns whether the phase has changed.
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
        // Once we are closing, messages are dropped.
        if matches!(self.phase, Phase::Open) && !messages.is_empty() {
            self.owner.deliver(messages);
        }
        let outcome = match (received, closing) {
            (Received::More, _) => {
                self.writes.push_control(output);
                return false;
            }
            // A peer that breaks the protocol after our close frame does not get a second one.
            (Received::Closed(_), Some(frame)) => Disconnect::by_us(frame, true),
            (Received::Failed(_), Some(frame)) => Disconnect::by_us(frame, false),
            (Received::Closed(frame), None) => {
                // After its close frame the peer processes no more messages (RFC 6455 section 5.5.1).
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

    /// Reads and discards. Ready at the end of the stream, with whether that was a FIN.
    pub(super) fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
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
}
