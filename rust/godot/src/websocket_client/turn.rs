//! A client's turn in the pump.

use std::rc::Rc;
use std::time::Instant;

use async_sockets_net::event::WebSocketClientEvent;
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::websocket::close_code::CloseFrame;
use async_sockets_net::websocket::messages::{Message, Messages};
use async_sockets_net::websocket_client::WebSocketClient as Connection;
use godot::builtin::VarArray;
use godot::global::Error;
use godot::meta::ToGodot;

use super::ReadyState;
use super::core::{ClientCore, Owed};
use super::inbox::failure;
use super::session::Phase;
use crate::convert::{message_value, result};
use crate::emission::emit;
use crate::pump::Pump;
use crate::socket::{Socket, SocketBase, Turn};
use crate::task::NetTask;
use crate::waiting::Waiting;

const TIME_OVER: &str = "the timeout passed first";

impl ClientCore {
    /// Emits the signals of ends that this side has decided.
    fn emit_owed(&self, pump: &Pump) {
        loop {
            let owed = self.owed.borrow_mut().pop_front();
            let Some((session, owed)) = owed else { break };
            if let Owed::Disconnected(how) = &owed
                && self.sessions.get() == session
            {
                self.session.borrow_mut().close = Some(how.clone());
            }
            if let Phase::Ended(error) = self.phase()
                && self.sessions.get() == session
            {
                self.fail_everything(error, pump);
            }
            match owed {
                Owed::Disconnected(how) => self.emit_disconnected(&how, pump),
                Owed::GaveUp(error) => self.base.emit(&pump.names.gave_up, &[error.to_variant()]),
            }
        }
    }

    /// Gives messages to the pending receives, or to the signals. False if the turn was over first.
    fn deliver(self: &Rc<Self>, pump: &Pump) -> bool {
        if !self.settings.emit_messages.get() {
            return self.answer_receives(pump);
        }
        // Pending since before it was switched on.
        for (task, want) in self.inbox.waiting.take_all() {
            NetTask::complete(&task, failure(want, Error::ERR_UNAVAILABLE).to_variant(), pump);
        }
        let Some(object) = self.base.object() else {
            return true;
        };
        loop {
            self.take_in();
            let Some(batch) = self.inbox.take_batch() else {
                return true;
            };
            let mut reading = Reading {
                left: Some(batch),
                core: self,
                session: self.sessions.get(),
            };
            while reading.is_current() {
                let Some(message) = reading.next() else { break };
                pump.count_event(&self.base);
                let as_data = self.settings.text_as_data.get();
                emit(
                    &object,
                    pump.names.of_message(&message, as_data),
                    &[message_value(&message, as_data)],
                );
                if pump.turn_over() {
                    return reading.is_over() && self.inbox.is_empty();
                }
            }
            if !self.settings.emit_messages.get() {
                return true;
            }
        }
    }

    /// Resolves the receives for which there are messages. False if the turn was over first.
    fn answer_receives(&self, pump: &Pump) -> bool {
        let as_data = self.settings.text_as_data.get();
        // Cancelled ones are dropped on the way.
        while self.inbox.waiting.queued() > 0 {
            if pump.turn_over() {
                return false;
            }
            self.take_in();
            let Some((task, want)) = self.inbox.waiting.pop_if(|_| !self.inbox.is_empty()) else {
                break;
            };
            pump.count_event(&self.base);
            let result = self.inbox.take(want, as_data);
            let result = result.unwrap_or_else(|| failure(want, Error::ERR_BUG));
            NetTask::complete(&task, result.to_variant(), pump);
        }
        true
    }

    /// Resolves what became pending after the end of the session.
    fn answer_after_the_end(&self, pump: &Pump) {
        let Phase::Ended(error) = self.phase() else { return };
        let pending = self.inbox.waiting.queued() + self.connect_waits.queued() + self.flushes.queued();
        if self.owed.borrow().is_empty() && self.inbox.is_empty() && pending + self.closes.queued() > 0 {
            self.fail_everything(error, pump);
        }
    }

    /// When the first pending operation times out.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let deadlines = [
            self.inbox.waiting.next_deadline(),
            self.connect_waits.next_deadline(),
            self.flushes.next_deadline(),
            self.closes.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Says that a timeout has passed, and why there is no connection.
    fn late(&self) -> String {
        let session = self.session.borrow();
        match &*session.failure_words {
            "" => TIME_OVER.to_owned(),
            words => format!("{TIME_OVER}; there is no connection, because {words}"),
        }
    }

    /// Completes the operations that have timed out.
    fn time_out<T>(&self, waiting: &Waiting<T>, now: Instant, pump: &Pump, result: impl Fn(T) -> VarArray) {
        while let Some((task, detail)) = waiting.next_expired(now) {
            self.base.set_last_error(self.late());
            NetTask::complete(&task, result(detail).to_variant(), pump);
        }
    }
}

impl Socket for ClientCore {
    fn class(&self) -> &'static str {
        "WebSocketClient"
    }

    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn id(&self) -> Option<SocketId> {
        self.with_connection(Connection::id)
    }

    fn is_open(&self) -> bool {
        self.ready_state() != ReadyState::Closed
    }

    fn is_in_use(&self) -> bool {
        self.phase().is_active()
    }

    fn queued(&self) -> usize {
        self.with_connection(Connection::queued_events).unwrap_or(0)
    }

    fn connections(&self) -> usize {
        (self.phase() == Phase::Open).into()
    }

    fn turn(self: Rc<Self>, pump: &Pump) -> Turn {
        // What this turn resolves may drop the last reference; the signals of the end are emitted all the same.
        let _alive = self.base.object();
        self.with_connection(Connection::unlist);
        let mut left = self.queued();
        self.emit_owed(pump);
        loop {
            if !self.deliver(pump) {
                return Turn::Cut;
            }
            self.answer_after_the_end(pump);
            if left == 0 {
                break;
            }
            let event = self
                .session
                .borrow()
                .connection
                .as_ref()
                .and_then(Connection::next_event);
            let Some(event) = event else { break };
            left -= 1;
            if !matches!(event, WebSocketClientEvent::Messages) {
                pump.count_event(&self.base);
            }
            self.handle(event, pump);
            if pump.turn_over() {
                return Turn::Cut;
            }
        }
        self.reconnect_if_due(pump);
        Turn::through(self.queued() > 0)
    }

    fn expire(self: Rc<Self>, pump: &Pump, now: Instant) -> Option<Instant> {
        // Messages that are there count as received in time.
        self.answer_receives(pump);
        let late = Error::ERR_TIMEOUT;
        self.time_out(&self.inbox.waiting, now, pump, |want| failure(want, late));
        self.time_out(&self.connect_waits, now, pump, |()| result(late));
        self.time_out(&self.flushes, now, pump, |_| result(late));
        self.time_out(&self.closes, now, pump, |()| self.close_result(late));
        self.next_deadline()
    }

    fn stop(self: Rc<Self>, pump: &Pump) {
        self.close(CloseFrame::going_away());
        if pump.is_closed() {
            self.inbox.clear();
        }
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE) {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    fn release(&self, pump: &Pump) {
        let before = self.session.take();
        if let Some(connection) = &before.connection {
            pump.unregister(connection.id());
            if before.phase == Phase::Connecting {
                // What was sent before still goes out.
                self.outbox.borrow_mut().send_all(connection);
            }
        }
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE) {
            pump.finish_later(task, result.to_variant());
        }
        self.inbox.clear();
        self.outbox.borrow_mut().clear();
        drop(before);
    }
}

/// Messages while they are emitted. Those that are left when the turn ends, even by a panic, are put back for the next
/// one, unless the script has begun a new session.
struct Reading<'a> {
    left: Option<Messages>,
    core: &'a ClientCore,
    session: u64,
}

impl Reading<'_> {
    fn next(&mut self) -> Option<Message<'_>> {
        self.left.as_mut()?.next()
    }

    /// Whether the script still wants these messages by signals.
    fn is_current(&self) -> bool {
        self.core.sessions.get() == self.session && self.core.settings.emit_messages.get()
    }

    fn is_over(&self) -> bool {
        self.left.as_ref().is_none_or(Messages::is_empty)
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(left) = self.left.take()
            && self.core.sessions.get() == self.session
        {
            self.core.inbox.put_back(left);
        }
    }
}
