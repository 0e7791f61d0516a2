//! What a connection's events do to the session, to the pending operations, and which signals they emit.

use std::rc::Rc;
use std::time::Instant;

use async_sockets_net::event::{Established, WebSocketClientEvent};
use async_sockets_net::websocket::close_code::Disconnect;
use async_sockets_net::websocket::connect_error::WebSocketConnectError;
use async_sockets_net::websocket::reconnect::Ended;
use async_sockets_net::websocket_client::WebSocketClient as Connection;
use godot::builtin::{GString, VarArray};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::connect::given_up;
use super::core::ClientCore;
use super::inbox::failure;
use super::session::Phase;
use crate::convert::{result, websocket_connect_error};
use crate::pump::Pump;
use crate::task::NetTask;
use crate::waiting::Waiting;

impl ClientCore {
    pub(super) fn handle(self: &Rc<Self>, event: WebSocketClientEvent, pump: &Pump) {
        match event {
            WebSocketClientEvent::Connected(established) => self.has_connected(*established, pump),
            WebSocketClientEvent::ConnectFailed(error) => self.connect_has_failed(&error, pump),
            WebSocketClientEvent::Messages => self.take_in(),
            WebSocketClientEvent::Flushed(token) => self.answer_flushes(token, pump),
            WebSocketClientEvent::Disconnected(how, unsent) => self.has_disconnected(*how, unsent, pump),
        }
    }

    /// Moves the messages that the connection holds into the inbox, if that is empty.
    pub(super) fn take_in(&self) {
        if self.inbox.is_empty() {
            self.take_all_in();
        }
    }

    /// Moves the messages that the connection holds into the inbox. None before the script knows that the connection is
    /// established, nor after it has given the attempt up.
    pub(super) fn take_all_in(&self) {
        if matches!(self.phase(), Phase::Open | Phase::Closing)
            && let Some(messages) = self.with_connection(Connection::take_messages)
        {
            self.inbox.push(messages);
        }
    }

    fn has_connected(&self, mut established: Established, pump: &Pump) {
        let open = {
            let session = &mut *self.session.borrow_mut();
            if !matches!(session.phase, Phase::Connecting | Phase::ClosingEarly) {
                return;
            }
            session.response = Some((101, std::mem::take(&mut established.headers)));
            session.established = Some(established);
            session.close = None;
            session.unsent = 0;
            session.failure_words.clear();
            if let Some(reconnect) = &mut session.reconnect {
                reconnect.established(Instant::now());
            }
            session.phase = match session.phase {
                Phase::Connecting => Phase::Open,
                Phase::ClosingEarly => Phase::Closing,
                other => other,
            };
            if let (Phase::Open, Some(connection)) = (session.phase, &session.connection) {
                self.outbox.borrow_mut().send_all(connection);
            }
            session.phase == Phase::Open
        };
        if open {
            for (task, ()) in self.connect_waits.take_all() {
                NetTask::complete(&task, result(Error::OK).to_variant(), pump);
            }
            self.base.emit(&pump.names.connected, &[]);
        }
    }

    pub(super) fn connect_has_failed(self: &Rc<Self>, error: &WebSocketConnectError, pump: &Pump) {
        match self.phase() {
            Phase::Connecting | Phase::Away => {}
            // This side has closed, and the messages that waited for the connection were not sent.
            Phase::ClosingEarly | Phase::Closing => {
                self.base.set_last_error(error.to_string());
                let unsent = self.session.borrow().unsent;
                return self.has_disconnected(given_up(), unsent, pump);
            }
            Phase::New | Phase::Open | Phase::Ended(_) => return,
        }
        let code = websocket_connect_error(error);
        self.note_failure(error.to_string());
        if let Some((status, headers)) = error.response() {
            self.session.borrow_mut().response = Some((status, headers.clone()));
        }
        let next = self.decide(Ended::Failed(error.into()), code);
        let session = self.sessions.get();
        if next.is_none() {
            self.fail_everything(code, pump);
        }
        self.base.emit(&pump.names.connect_failed, &[code.to_variant()]);
        self.tell_next(session, next, code, pump);
    }

    fn has_disconnected(self: &Rc<Self>, how: Disconnect, unsent: usize, pump: &Pump) {
        if let Phase::New | Phase::Ended(_) = self.phase() {
            return;
        }
        // The connection is replaced by the next one: its messages are taken over.
        if let Some(messages) = self.with_connection(Connection::take_messages) {
            self.inbox.push(messages);
        }
        let by_us = !self.phase().is_active();
        let error = match () {
            () if by_us => Error::ERR_UNAVAILABLE,
            () if how.clean => Error::ERR_FILE_EOF,
            () => Error::ERR_CONNECTION_ERROR,
        };
        if !by_us {
            self.note_failure(end_in_words(&how));
        }
        let next = self.decide(Ended::Closed(how.code), error);
        {
            let mut session = self.session.borrow_mut();
            session.close = Some(how.clone());
            session.unsent = unsent;
        }
        // Messages for the connection whose end came before its beginning was handled.
        if next.is_some() {
            let dropped = self.outbox.borrow_mut().shorten(self.settings.max_offline.get());
            self.session.borrow_mut().unsent += dropped;
        }
        let session = self.sessions.get();
        match next {
            // A coroutine that waits for an answer must learn that it may never come. A later receive waits for the
            // next connection.
            Some(_) => self.fail_operations(error, pump),
            None => self.fail_everything(error, pump),
        }
        self.emit_disconnected(&how, pump);
        if !by_us {
            self.tell_next(session, next, error, pump);
        }
    }

    fn note_failure(&self, words: String) {
        self.session.borrow_mut().failure_words.clone_from(&words);
        self.base.set_last_error(words);
    }

    pub(super) fn emit_disconnected(&self, how: &Disconnect, pump: &Pump) {
        let code = i64::from(how.code.get());
        let reason = GString::from(&how.reason);
        self.base.emit(
            &pump.names.disconnected,
            &[code.to_variant(), reason.to_variant(), how.clean.to_variant()],
        );
    }

    /// Tells whether there will be another attempt, unless the script has decided otherwise meanwhile.
    fn tell_next(&self, session: u64, next: Option<(u32, f64)>, error: Error, pump: &Pump) {
        if self.sessions.get() != session {
            return;
        }
        match (next, self.phase()) {
            (Some((attempt, delay)), Phase::Away) => {
                let arguments = [i64::from(attempt).to_variant(), delay.to_variant()];
                self.base.emit(&pump.names.reconnecting, &arguments);
            }
            (None, Phase::Ended(_)) if self.session.borrow().reconnect.is_some() => {
                self.base.emit(&pump.names.gave_up, &[error.to_variant()]);
            }
            _ => {}
        }
    }

    pub(super) fn answer_flushes(&self, token: u64, pump: &Pump) {
        while let Some((task, _)) = self.flushes.take_where(|waiting| *waiting <= token) {
            NetTask::complete(&task, result(Error::OK).to_variant(), pump);
        }
    }

    /// Resolves what belonged to a connection that is over, while the session goes on.
    fn fail_operations(&self, error: Error, pump: &Pump) {
        let mut failures = self.failed_receives(error);
        failures.extend(failed(&self.flushes, &result(error)));
        for (task, result) in failures {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    /// Takes every pending receive: the messages that are left go to the first ones.
    fn failed_receives(&self, error: Error) -> Vec<(Gd<NetTask>, VarArray)> {
        let as_data = self.settings.text_as_data.get();
        let receives = self.inbox.waiting.take_all().into_iter();
        let results = receives.map(|(task, want)| {
            let left = self.inbox.take(want, as_data);
            (task, left.unwrap_or_else(|| failure(want, error)))
        });
        results.collect()
    }

    /// Resolves everything that is pending at the end of a session. Receives get the messages that are left first.
    pub(super) fn fail_everything(&self, error: Error, pump: &Pump) {
        let dropped = self.outbox.borrow_mut().clear();
        self.session.borrow_mut().unsent += dropped;
        for (task, result) in self.all_failures(error) {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    /// Takes every pending operation, with its result.
    pub(super) fn all_failures(&self, error: Error) -> Vec<(Gd<NetTask>, VarArray)> {
        let mut failures = self.failed_receives(error);
        failures.extend(failed(&self.connect_waits, &result(error)));
        failures.extend(failed(&self.flushes, &result(error)));
        failures.extend(failed(&self.closes, &self.close_result(self.close_error())));
        failures
    }
}

/// Takes every operation that waits, each with the same result.
fn failed<T>(waiting: &Waiting<T>, result: &VarArray) -> Vec<(Gd<NetTask>, VarArray)> {
    let tasks = waiting.take_all().into_iter();
    tasks.map(|(task, _)| (task, result.clone())).collect()
}

/// The message of an end that this side has not decided.
fn end_in_words(how: &Disconnect) -> String {
    let Disconnect { code, reason, .. } = how;
    match reason.is_empty() {
        true => format!("the connection ended with {code}"),
        false => format!("the connection ended with {code}: {reason}"),
    }
}
