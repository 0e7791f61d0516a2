//! Receiving: what is answered at once, what waits, and what the mailbox may hold meanwhile.

use async_sockets_net::event::TcpEvent;
use async_sockets_net::receive::{Request, Want};
use async_sockets_net::tcp_client::TcpClient as Connection;
use bytes::Bytes;
use godot::builtin::{VarArray, Variant};
use godot::global::Error;
use godot::meta::ToGodot;

use super::Close;
use super::core::ClientCore;
use super::inbox::failure;
use crate::pump::Pump;
use crate::task::NetTask;

impl ClientCore {
    pub(crate) fn receive(&self, method: &str, want: Want, timeout: f64) -> Variant {
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
        if self.connection.borrow().is_none() && self.end_error.get().is_none() {
            return NetTask::answer(failure(request.want(), self.say_not_open()), &pump);
        }
        if let (Some((error, with_bytes)), true) = (self.no_more_error(), first_in_line || pump.is_closed()) {
            self.say_not_open();
            let result = self.inbox.take_rest(&mut request, error, with_bytes);
            self.note_complaint();
            return NetTask::answer(result, &pump);
        }
        let if_cancelled = failure(request.want(), Error::ERR_SKIP);
        let Some(socket) = self.socket() else {
            return Variant::nil();
        };
        let signal = self.inbox.wait(&*socket, deadline, &if_cancelled, request);
        self.update_demand();
        pump.schedule(socket);
        signal
    }

    /// The result, if it can be had without waiting.
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

    /// The words of a receive that found too much.
    pub(super) fn note_complaint(&self) {
        if let Some(words) = self.inbox.take_complaint() {
            self.set_last_error(words);
        }
    }

    /// Moves the bytes that the mailbox holds into the buffer, up to the first event that is no bytes.
    pub(super) fn take_in(&self) {
        if let Some(connection) = &*self.connection.borrow() {
            self.take_in_from(connection);
        }
    }

    /// Takes everything that was received and not read: the beginning of the peer's TLS handshake.
    pub(super) fn take_unread(&self, connection: &Connection) -> Bytes {
        // Also what stands behind other events: it came in plain all the same.
        while let Some(event) = connection.mailbox().next() {
            self.inbox_or_stash(event);
        }
        let unread = self.inbox.take_everything();
        connection.mailbox().release(self.inbox.take_consumed());
        unread
    }

    pub(super) fn take_in_from(&self, connection: &Connection) {
        while self.stash.borrow().is_empty()
            && let Some(event) = connection.mailbox().next()
        {
            self.inbox_or_stash(event);
        }
    }

    pub(super) fn inbox_or_stash(&self, event: TcpEvent) {
        match event {
            TcpEvent::Data(bytes) => self.inbox.push(bytes),
            other => self.stash.borrow_mut().push_back(other),
        }
    }

    /// The error that ends receiving, if nothing more comes, and whether bytes that are too few go with it.
    pub(super) fn no_more_error(&self) -> Option<(Error, bool)> {
        if let Some(error) = self.end_error.get() {
            return Some((error, self.close.get() != Close::ByHost));
        }
        self.peer_closed.get().then_some((Error::ERR_FILE_EOF, true))
    }

    /// Gives the room of taken bytes back to the mailbox.
    pub(super) fn settle(&self) {
        let consumed = self.inbox.take_consumed();
        if let (1.., Some(connection)) = (consumed, &*self.connection.borrow()) {
            connection.mailbox().release(consumed);
        }
    }

    /// Lets the mailbox hold what the first receive needs, however much that is.
    pub(crate) fn update_demand(&self) {
        let demand = self.settings.max_buffered.get().max(self.inbox.demand());
        if let Some(connection) = &*self.connection.borrow() {
            connection.mailbox().set_max_bytes(demand);
        }
    }

    /// Answers the receives that can be. False if one is left only because the turn is over.
    pub(super) fn answer_receives(&self, pump: &Pump) -> bool {
        let mut answered = false;
        // Also those that were cancelled: they are dropped on the way.
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
