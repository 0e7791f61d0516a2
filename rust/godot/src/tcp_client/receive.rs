//! Receiving: immediate results, pending receives, and how much the mailbox may hold for them.

use std::rc::Rc;

use async_sockets_net::event::TcpEvent;
use async_sockets_net::receive::{Request, Want};
use godot::builtin::{VarArray, Variant};
use godot::global::Error;
use godot::meta::ToGodot;

use super::Close;
use super::core::ClientCore;
use super::inbox::failure;
use super::session::Phase;
use crate::pump::Pump;
use crate::task::NetTask;

impl ClientCore {
    pub(crate) fn receive(self: &Rc<Self>, method: &str, want: Want, timeout: f64) -> Variant {
        let pump = Pump::get();
        let deadline = match self.deadline(method, timeout) {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(failure(&want, error), &pump),
        };
        let mut request = Request::new(want);
        let first_in_line = !self.inbox.is_waiting();
        let ready = (first_in_line && pump.may_answer_now())
            .then(|| self.try_receive(&mut request))
            .flatten();
        if let Some(result) = ready {
            return result.to_variant();
        }
        if matches!(self.session.borrow().phase, Phase::New) {
            return NetTask::answer(failure(request.want(), self.say_not_open()), &pump);
        }
        if let (Some((error, with_bytes)), true) = (self.no_more_error(), first_in_line || pump.is_closed()) {
            self.say_not_open();
            let result = self.inbox.take_rest(&mut request, error, with_bytes);
            self.note_complaint();
            return NetTask::answer(result, &pump);
        }
        let if_cancelled = failure(request.want(), Error::ERR_SKIP);
        let signal = self.inbox.wait(&**self, deadline, &if_cancelled, request);
        self.update_demand();
        pump.schedule(self.clone());
        signal
    }

    /// The result, if it is available without waiting.
    pub(super) fn try_receive(&self, request: &mut Request) -> Option<VarArray> {
        let mut taken = self.inbox.take(request);
        if taken.is_err() {
            self.take_in();
            taken = self.inbox.take(request);
        }
        let result = match (taken, self.no_more_error()) {
            (Ok(result), _) => Some(result),
            (Err(_), Some((error, with_bytes))) => {
                self.say_not_open();
                Some(self.inbox.take_rest(request, error, with_bytes))
            }
            (Err(_), None) => None,
        };
        self.settle();
        self.note_complaint();
        result
    }

    /// Notes the message of a receive that exceeded its limit.
    pub(super) fn note_complaint(&self) {
        if let Some(words) = self.inbox.take_complaint() {
            self.base.set_last_error(words);
        }
    }

    /// Moves the bytes that the mailbox holds into the buffer, up to the first other event.
    pub(super) fn take_in(&self) {
        let session = &mut *self.session.borrow_mut();
        let Some(connection) = &session.connection else { return };
        while session.stash.is_empty()
            && let Some(event) = connection.mailbox().next()
        {
            match event {
                TcpEvent::Data(bytes) => self.inbox.push(bytes),
                other => session.stash.push_back(other),
            }
        }
    }

    pub(crate) fn available(&self) -> usize {
        if !self.settings.emit_data.get() {
            self.take_in();
        }
        self.inbox.len()
    }

    /// The error of a receive once nothing more arrives, and whether the remaining bytes are returned with it.
    pub(super) fn no_more_error(&self) -> Option<(Error, bool)> {
        match &self.session.borrow().phase {
            Phase::PeerClosed => Some((Error::ERR_FILE_EOF, true)),
            phase => phase.end().map(|end| (end.error, end.close != Close::ByHost)),
        }
    }

    /// Whether a failed receive returns the bytes that did arrive: not after this side has closed.
    pub(super) fn gives_rest(&self) -> bool {
        self.no_more_error().is_none_or(|(_, with_bytes)| with_bytes)
    }

    /// Returns the room of consumed bytes to the mailbox.
    pub(super) fn settle(&self) {
        let consumed = self.inbox.take_consumed();
        if consumed > 0 {
            self.with_connection(|connection| connection.mailbox().release(consumed));
        }
    }

    /// Sets what the mailbox may hold: `max_buffered_bytes`, or more if the first receive needs it.
    pub(crate) fn update_demand(&self) {
        let demand = self.settings.max_buffered.get().max(self.inbox.demand());
        self.with_connection(|connection| connection.mailbox().set_max_bytes(demand));
    }

    /// Resolves the receives for which the buffer suffices. False if the turn was over first.
    pub(super) fn answer_receives(&self, pump: &Pump) -> bool {
        let mut answered = false;
        // Cancelled ones are dropped on the way.
        while self.inbox.has_queue() {
            if pump.turn_over() {
                return false;
            }
            let Some((task, result)) = self.inbox.next_answer() else {
                break;
            };
            answered = true;
            self.settle();
            self.note_complaint();
            NetTask::complete(&task, result.to_variant(), pump);
        }
        if answered {
            self.update_demand();
        }
        true
    }
}
