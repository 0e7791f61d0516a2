//! What a connection's events do to the state, to what waits, and to the signals.

use std::rc::Weak;

use async_sockets_net::event::{CloseReason, TcpEvent};
use async_sockets_net::receive::{Request, Want};
use godot::builtin::{PackedByteArray, VarArray, varray};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::core::{CLOSED_BY_PEER, ClientCore, Farewell};
use super::{Close, Status};
use crate::convert::{connect_error, int, result};
use crate::pump::Pump;
use crate::socket::Socket;
use crate::task::NetTask;

impl ClientCore {
    pub(super) fn answer_connect_waits(&self, error: Error, pump: &Pump) {
        for (task, ()) in self.connect_waits.take_all() {
            NetTask::complete(&task, result(error).to_variant(), pump);
        }
    }

    pub(super) fn next_event(&self) -> Option<TcpEvent> {
        if let Some(event) = self.stash.borrow_mut().pop_front() {
            return Some(event);
        }
        self.connection
            .borrow()
            .as_ref()
            .and_then(|connection| connection.mailbox().next())
    }

    pub(super) fn handle(&self, event: TcpEvent, pump: &Pump) {
        match event {
            TcpEvent::Connected(endpoints) => {
                if self.status.get() != Status::Connecting {
                    return;
                }
                self.status.set(Status::Connected);
                self.endpoints.set(Some(*endpoints));
                self.answer_connect_waits(Error::OK, pump);
                self.base.emit(&pump.names.connected, &[]);
            }
            TcpEvent::ConnectFailed(error) if self.status.get() != Status::Connecting => {
                // What was sent before the close did not go out.
                self.set_last_error(error.to_string());
                self.fail_sends(connect_error(&error), pump);
                self.connection_is_over(CloseReason::ByHost, None, pump);
            }
            TcpEvent::ConnectFailed(error) => {
                let code = connect_error(&error);
                self.set_last_error(error.to_string());
                let close = if code == Error::ERR_TIMEOUT {
                    Close::Timeout
                } else {
                    Close::Error
                };
                self.end(close, code, Status::Error, pump);
                self.base.emit(&pump.names.connect_failed, &[code.to_variant()]);
                self.base.emit(&pump.names.closed, &[close.value()]);
            }
            TcpEvent::Data(bytes) if self.settings.emit_data.get() => {
                self.with_connection(|connection| connection.mailbox().release(bytes.len()));
                if !self.closed_here.get() {
                    self.emit_data(&bytes, pump);
                }
            }
            TcpEvent::Data(bytes) => self.inbox.push(bytes),
            TcpEvent::Flushed(token) => self.answer_sends(token, pump),
            TcpEvent::TlsReady(_) => self.tls_ready(pump),
            TcpEvent::TlsFailed(error) => self.tls_failed(&error, pump),
            TcpEvent::PeerClosed => self.peer_has_closed(pump),
            TcpEvent::Closed(reason, error) => self.connection_is_over(reason, error, pump),
        }
    }

    pub(super) fn emit_data(&self, bytes: &[u8], pump: &Pump) {
        self.base
            .emit(&pump.names.data_received, &[PackedByteArray::from(bytes).to_variant()]);
    }

    /// What came before `emit_data` was switched on.
    pub(super) fn emit_buffered(&self, pump: &Pump) {
        let mut everything = Request::new(Want::UpTo(usize::MAX));
        if let Ok(result) = self.inbox.take(&mut everything) {
            self.settle();
            self.base.emit(&pump.names.data_received, &[result.at(1)]);
        }
    }

    pub(super) fn answer_sends(&self, token: u64, pump: &Pump) {
        while let Some((task, send)) = self.sends.take_where(|send| send.token <= token) {
            NetTask::complete(&task, varray![Error::OK, int(send.len)].to_variant(), pump);
        }
    }

    pub(super) fn peer_has_closed(&self, pump: &Pump) {
        let connection = self.id();
        self.peer_closed.set(true);
        self.set_last_error(CLOSED_BY_PEER.to_owned());
        self.fail_receives(Error::ERR_FILE_EOF, pump);
        if self.id() != connection || !self.is_ending() {
            return;
        }
        // What the receives above made their owners send still goes out before this side's FIN.
        if let Some(connection) = &*self.connection.borrow() {
            connection.close();
        }
        let farewell = self.farewell(Close::ByPeer);
        self.set_last_error(CLOSED_BY_PEER.to_owned());
        self.end(Close::ByPeer, Error::ERR_FILE_EOF, Status::None, pump);
        self.emit_closed(&farewell, pump);
    }

    pub(super) fn connection_is_over(&self, reason: CloseReason, error: Option<std::io::Error>, pump: &Pump) {
        if let Some(error) = error {
            if error.kind() == std::io::ErrorKind::OutOfMemory {
                // It was ended for the memory that it held.
                self.inbox.drop_everything();
                self.settle();
            }
            self.set_last_error(error.to_string());
        }
        let farewell = if self.status.get() == Status::Connected {
            let (close, code, status) = match reason {
                CloseReason::ByHost => (Close::ByHost, Error::ERR_UNAVAILABLE, Status::None),
                CloseReason::ByPeer => (Close::ByPeer, Error::ERR_FILE_EOF, Status::None),
                CloseReason::TimedOut => (Close::Timeout, Error::ERR_CONNECTION_ERROR, Status::Error),
                CloseReason::Error => (Close::Error, Error::ERR_CONNECTION_ERROR, Status::Error),
            };
            let farewell = self.farewell(close);
            self.end(close, code, status, pump);
            Some(farewell)
        } else {
            // Told already, or the user's own close.
            let farewell = self.owed.take();
            self.forget_connection();
            self.fail_sends(self.end_error.get().unwrap_or(Error::ERR_CONNECTION_ERROR), pump);
            farewell
        };
        if let Some(farewell) = farewell {
            self.emit_closed(&farewell, pump);
        }
    }

    /// The connection is of no more use to the user: sets the state, and only then tells what waits, since whoever
    /// hears of it may connect anew.
    pub(super) fn end(&self, close: Close, error: Error, status: Status, pump: &Pump) {
        self.end_as(close, error, status, error, pump);
    }

    /// The end by a failed upgrade to TLS, which alone is told the reason.
    pub(super) fn end_tls(&self, close: Close, error: Error, pump: &Pump) {
        self.end_as(close, Error::ERR_CONNECTION_ERROR, Status::Error, error, pump);
    }

    fn end_as(&self, close: Close, error: Error, status: Status, tls_error: Error, pump: &Pump) {
        self.status.set(status);
        self.close.set(close);
        self.end_error.set(Some(error));
        let tls_waits = self.tls_waits.take_all();
        let failures = self.all_failures(error, close != Close::ByHost);
        self.settle();
        // What the user sent before the peer's close still goes out.
        if close != Close::ByPeer {
            self.forget_connection();
        }
        for (task, ()) in tls_waits {
            NetTask::complete(&task, result(tls_error).to_variant(), pump);
        }
        for (task, result) in failures {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    pub(super) fn fail_receives(&self, error: Error, pump: &Pump) {
        // Only those that wait now: a loop that does not look at the error asks again in the same breath.
        let with_bytes = self.close.get() != Close::ByHost;
        let failures: Vec<_> = std::iter::from_fn(|| self.inbox.next_failure(error, with_bytes)).collect();
        self.settle();
        for (task, result) in failures {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    pub(super) fn fail_sends(&self, error: Error, pump: &Pump) {
        for (task, _) in self.sends.take_all() {
            NetTask::complete(&task, varray![error, 0].to_variant(), pump);
        }
        self.answer_tls_waits(error, pump);
    }

    pub(super) fn farewell(&self, close: Close) -> Farewell {
        let waits = self.listener_waits.take();
        Farewell {
            close,
            established: self.status.get() == Status::Connected,
            id: self.last_id(),
            endpoints: self.endpoints(),
            listener: self.listener.borrow().clone().filter(|_| waits),
        }
    }

    pub(super) fn emit_closed(&self, farewell: &Farewell, pump: &Pump) {
        let listener = farewell.listener.as_ref().and_then(Weak::upgrade);
        let object = self.base.object();
        if farewell.established {
            self.base.emit(&pump.names.disconnected, &[]);
        }
        self.base.emit(&pump.names.closed, &[farewell.close.value()]);
        match (listener, object) {
            (Some(listener), Some(object)) => listener.client_is_gone(&object, pump),
            // Its last reference went in another thread, in the middle of this drain.
            (Some(listener), None) => listener.client_was_dropped(self.ended(farewell), self.base.instance()),
            (None, _) => {}
        }
    }

    /// Takes every operation that waits now, with its result.
    pub(super) fn all_failures(&self, error: Error, with_bytes: bool) -> Vec<(Gd<NetTask>, VarArray)> {
        let receives = std::iter::from_fn(|| self.inbox.next_failure(error, with_bytes));
        let waits = self
            .connect_waits
            .take_all()
            .into_iter()
            .chain(self.tls_waits.take_all());
        let waits = waits.map(|(task, ())| (task, result(error)));
        let sends = self
            .sends
            .take_all()
            .into_iter()
            .map(|(task, _)| (task, varray![error, 0]));
        receives.chain(waits).chain(sends).collect()
    }
}
