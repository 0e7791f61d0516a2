//! Sending and receiving messages.

use std::rc::Rc;

use async_sockets_net::error::{PingError, SendError};
use async_sockets_net::websocket_client::WebSocketClient as Connection;
use godot::builtin::Variant;
use godot::global::Error;
use godot::meta::ToGodot;

use super::core::ClientCore;
use super::inbox::{Want, failure};
use super::outbox::Outgoing;
use super::session::Phase;
use crate::convert::{result, send_error};
use crate::pump::Pump;
use crate::socket::Socket;
use crate::task::NetTask;

impl ClientCore {
    pub(super) fn send(&self, message: Outgoing<'_>) -> Error {
        let sent = match self.phase() {
            Phase::Open if !self.is_lost_unnoticed() => self.with_connection(|connection| message.send(connection)),
            Phase::Connecting | Phase::Open | Phase::Away => {
                let (limit, is_away) = self.outbox_limit();
                if is_away && limit == 0 {
                    let words = "the connection is lost, and max_offline_bytes is 0: nothing is kept for the next one";
                    return self.fail(Error::ERR_UNAVAILABLE, words);
                }
                Some(self.outbox.borrow_mut().push(message, limit))
            }
            _ => None,
        };
        match sent {
            Some(Ok(())) => Error::OK,
            Some(Err(error)) => self.not_sent(error),
            None => self.say_not_open(),
        }
    }

    /// Whether the connection is over, will be made again, and its end is still to be handled.
    fn is_lost_unnoticed(&self) -> bool {
        let is_over = self.with_connection(Connection::is_closed) == Some(true);
        is_over && self.session.borrow().reconnect.is_some()
    }

    /// How many bytes may wait for the connection, and whether there has been one.
    fn outbox_limit(&self) -> (usize, bool) {
        let is_away = self.session.borrow().established.is_some();
        let limit = match is_away {
            true => self.settings.max_offline.get(),
            false => self.settings.connection(|options| options.max_pending),
        };
        (limit, is_away)
    }

    fn not_sent(&self, error: SendError) -> Error {
        let words = match error {
            SendError::Full if self.phase() == Phase::Open => format!(
                "{error}: it holds max_pending_bytes, {} at the most",
                self.settings.connection(|options| options.max_pending)
            ),
            SendError::Full => format!("{error}: {} bytes may wait for the connection", self.outbox_limit().0),
            SendError::Closed => error.to_string(),
        };
        self.fail(send_error(error), words)
    }

    pub(super) fn ping(&self, payload: &[u8]) -> Error {
        if self.phase() != Phase::Open {
            let error = self.say_not_open();
            return match error {
                Error::OK => self.fail(Error::ERR_UNAVAILABLE, "the connection is not established"),
                error => error,
            };
        }
        match self.with_connection(|connection| connection.ping(payload)) {
            Some(Err(PingError::Queue(error))) => self.not_sent(error),
            Some(Err(error)) => self.refuse(Error::ERR_INVALID_PARAMETER, "ping", error),
            Some(Ok(())) | None => Error::OK,
        }
    }

    pub(super) fn flush(self: &Rc<Self>, timeout: f64) -> Variant {
        let pump = Pump::get();
        let deadline = match self.deadline("flush", timeout) {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(result(error), &pump),
        };
        let phase = self.phase();
        if !phase.is_active() {
            return NetTask::answer(result(self.say_not_open()), &pump);
        }
        // Nothing is pending either once the connection is over; its last event fails the flush then.
        let is_flushed = |connection: &Connection| connection.pending_bytes() == 0 && !connection.is_closed();
        let first_in_line = self.flushes.is_empty();
        if first_in_line && phase == Phase::Open && self.with_connection(is_flushed) == Some(true) {
            return NetTask::answer(result(Error::OK), &pump);
        }
        let token = self.last_token.get() + 1;
        self.last_token.set(token);
        match phase {
            Phase::Open => {
                self.with_connection(|connection| connection.flush(token));
            }
            _ => self.outbox.borrow_mut().flush(token),
        }
        self.flushes.push(&**self, deadline, &result(Error::ERR_SKIP), token)
    }

    pub(super) fn receive(self: &Rc<Self>, method: &str, want: Want, timeout: f64) -> Variant {
        let pump = Pump::get();
        if self.settings.emit_messages.get() {
            let words = "messages come by signals, as emit_messages is on";
            let error = self.refuse(Error::ERR_UNAVAILABLE, method, words);
            return NetTask::answer(failure(want, error), &pump);
        }
        let deadline = match self.deadline(method, timeout) {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(failure(want, error), &pump),
        };
        let first_in_line = self.inbox.waiting.is_empty();
        if first_in_line && pump.may_answer_now() {
            self.take_in();
            if let Some(result) = self.inbox.take(want, self.settings.text_as_data.get()) {
                return result.to_variant();
            }
        }
        let no_more = match self.phase() {
            Phase::New => true,
            Phase::Ended(_) => first_in_line && self.inbox.is_empty() || pump.is_closed(),
            Phase::ClosingEarly | Phase::Closing => pump.is_closed(),
            Phase::Connecting | Phase::Open | Phase::Away => false,
        };
        if no_more {
            return NetTask::answer(failure(want, self.say_not_open()), &pump);
        }
        let if_cancelled = failure(want, Error::ERR_SKIP);
        let signal = self.inbox.waiting.push(&**self, deadline, &if_cancelled, want);
        pump.schedule(self.clone());
        signal
    }

    /// Number of messages that can be received without waiting.
    pub(super) fn available(&self) -> usize {
        if !self.settings.emit_messages.get() {
            self.take_all_in();
        }
        self.inbox.len()
    }
}
