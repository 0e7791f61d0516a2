//! A client's turn in the pump.

use std::rc::Rc;
use std::time::Instant;

use async_sockets_net::mailbox::SocketId;
use async_sockets_net::tcp_client::TcpClient as Connection;
use godot::builtin::varray;
use godot::global::Error;
use godot::meta::ToGodot;

use super::core::ClientCore;
use super::session::Phase;
use super::{Close, Status};
use crate::convert::result;
use crate::pump::Pump;
use crate::socket::{Socket, SocketBase, Turn};
use crate::task::NetTask;

const TIME_OVER: &str = "the timeout passed first";

impl ClientCore {
    /// Resolves what was pending when the connection ended.
    fn answer_after_the_end(&self, pump: &Pump) {
        if self.end_of_session().is_some() && (self.inbox.is_waiting() || !self.connect_waits.is_empty()) {
            let error = self.say_not_open();
            self.answer_connect_waits(error, pump);
            self.fail_receives(error, pump);
        }
    }

    /// Emits the signals of earlier connections' ends.
    fn emit_owed(&self, pump: &Pump) {
        loop {
            let farewell = self.owed.borrow_mut().pop_front();
            let Some(farewell) = farewell else { break };
            self.emit_closed(farewell, pump);
        }
    }
}

impl Socket for ClientCore {
    fn class(&self) -> &'static str {
        "TcpClient"
    }

    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn id(&self) -> Option<SocketId> {
        self.with_connection(Connection::id)
    }

    fn is_in_use(&self) -> bool {
        self.session.borrow().phase.is_active()
    }

    fn queued(&self) -> usize {
        let session = self.session.borrow();
        let in_mailbox = session.connection.as_ref().map_or(0, |c| c.mailbox().len());
        session.stash.len() + in_mailbox
    }

    fn connections(&self) -> usize {
        self.is_open().into()
    }

    fn listener(&self) -> Option<Rc<dyn Socket>> {
        Some(self.session.borrow().listener.as_ref()?.upgrade()?)
    }

    fn turn(self: Rc<Self>, pump: &Pump) -> Turn {
        if self.held.get() {
            return Turn::Done;
        }
        // What this turn resolves may drop the last reference; the signals of the end are emitted all the same.
        let _alive = self.base.object();
        let stream = self.session.borrow().engine_stream.clone();
        if let Some(stream) = stream {
            stream.borrow_mut().pump();
        }
        self.with_connection(|connection| connection.mailbox().unlist());
        let mut left = self.queued();
        self.answer_after_the_end(pump);
        self.emit_owed(pump);
        if self.settings.emit_data.get() {
            self.emit_buffered(pump);
        }
        loop {
            if !self.answer_receives(pump) {
                return Turn::Cut;
            }
            if left == 0 {
                break;
            }
            let Some(event) = self.next_event() else { break };
            left -= 1;
            pump.count_event(&self.base);
            self.handle(event, pump);
            if pump.turn_over() {
                // Also when that was the last event: a receive may be waiting for its bytes.
                self.update_demand();
                return Turn::Cut;
            }
        }
        let closing = matches!(self.session.borrow().phase, Phase::Closing(_));
        if left == 0 && closing {
            // Those whose bytes were sent in time are resolved by now.
            self.fail_sends(Error::ERR_UNAVAILABLE, pump);
        }
        self.inbox.drop_needless(self.settings.max_buffered.get());
        self.update_demand();
        let waits = self.with_connection(|connection| !connection.mailbox().is_empty());
        Turn::through(left > 0 || waits.unwrap_or(false))
    }

    fn expire(self: Rc<Self>, pump: &Pump, now: Instant) -> Option<Instant> {
        // Bytes that are there count as received in time.
        self.take_in();
        // At least one in any case: operations time out even where turns never have time left.
        while let Some((task, result)) = self.inbox.next_answer().or_else(|| self.inbox.next_expired(now)) {
            self.settle();
            self.note_complaint();
            if result.at(0) == Error::ERR_TIMEOUT.to_variant() {
                self.fail(Error::ERR_TIMEOUT, TIME_OVER);
            }
            NetTask::complete(&task, result.to_variant(), pump);
            if pump.turn_over() {
                break;
            }
        }
        while let Some((task, ())) = self.connect_waits.next_expired(now) {
            self.fail(Error::ERR_TIMEOUT, TIME_OVER);
            NetTask::complete(&task, result(Error::ERR_TIMEOUT).to_variant(), pump);
        }
        while let Some((task, _)) = self.sends.next_expired(now) {
            self.fail(Error::ERR_TIMEOUT, TIME_OVER);
            NetTask::complete(&task, varray![Error::ERR_TIMEOUT, 0].to_variant(), pump);
        }
        self.update_demand();
        let deadlines = [
            self.inbox.next_deadline(now),
            self.connect_waits.next_deadline(),
            self.sends.next_deadline(),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn stop(self: Rc<Self>, pump: &Pump) {
        // An attempt is given up at once.
        self.close(self.status() == Status::Connecting);
        if pump.is_closed() {
            self.inbox.clear();
        }
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE, false) {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    fn release(&self, pump: &Pump) {
        self.leave_listeners();
        self.session.borrow_mut().phase = Phase::Ended(Close::ByHost.into());
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE, false) {
            pump.finish_later(task, result.to_variant());
        }
        self.forget_connection();
        self.inbox.clear();
    }
}
