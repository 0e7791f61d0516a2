//! What a connection's events do to the state, to the pending operations, and which signals they emit.

use std::io;
use std::rc::{Rc, Weak};

use async_sockets_net::event::{CloseReason, TcpEvent};
use async_sockets_net::receive::{Request, Want};
use godot::builtin::{PackedByteArray, VarArray, varray};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::Close;
use super::core::{CLOSED_BY_PEER, ClientCore};
use super::session::{End, Farewell, Phase};
use crate::convert::{connect_error, result};
use crate::pump::Pump;
use crate::socket::Socket;
use crate::task::NetTask;

impl ClientCore {
    pub(super) fn next_event(&self) -> Option<TcpEvent> {
        let mut session = self.session.borrow_mut();
        if let Some(event) = session.stash.pop_front() {
            return Some(event);
        }
        session.connection.as_ref()?.mailbox().next()
    }

    pub(super) fn handle(self: &Rc<Self>, event: TcpEvent, pump: &Pump) {
        match event {
            TcpEvent::Connected(endpoints) => {
                {
                    let mut session = self.session.borrow_mut();
                    if !matches!(session.phase, Phase::Connecting) {
                        return;
                    }
                    session.phase = Phase::Open;
                    session.endpoints = Some(*endpoints);
                }
                self.answer_connect_waits(Error::OK, pump);
                self.base.emit(&pump.names.connected, &[]);
            }
            TcpEvent::ConnectFailed(error) => {
                self.base.set_last_error(error.to_string());
                self.connect_has_failed(connect_error(&error), pump);
            }
            TcpEvent::Data(bytes) if self.settings.emit_data.get() => {
                self.with_connection(|connection| connection.mailbox().release(bytes.len()));
                if self.end_of_session().is_none() {
                    self.emit_data(&bytes, pump);
                }
            }
            TcpEvent::Data(bytes) => self.inbox.push(bytes),
            TcpEvent::Flushed(token) => self.answer_sends(token, pump),
            TcpEvent::TlsReady(_) => self.answer_tls_waits(Error::OK, pump),
            TcpEvent::TlsFailed(error) => self.tls_failed(&error, pump),
            TcpEvent::PeerClosed => self.peer_has_closed(pump),
            TcpEvent::Closed(reason, error) => self.connection_is_over(reason, error, pump),
        }
    }

    fn emit_data(&self, bytes: &[u8], pump: &Pump) {
        self.base
            .emit(&pump.names.data_received, &[PackedByteArray::from(bytes).to_variant()]);
    }

    /// Emits what arrived before `emit_data` was switched on.
    pub(super) fn emit_buffered(&self, pump: &Pump) {
        let mut everything = Request::new(Want::UpTo(usize::MAX));
        if let Ok(result) = self.inbox.take(&mut everything) {
            self.settle();
            self.base.emit(&pump.names.data_received, &[result.at(1)]);
        }
    }

    fn connect_has_failed(&self, error: Error, pump: &Pump) {
        if self.end_of_session().is_some() {
            // The user has closed meanwhile, and the bytes queued before were not sent.
            self.fail_sends(error, pump);
            return self.connection_is_over(CloseReason::ByHost, None, pump);
        }
        let close = match error {
            Error::ERR_TIMEOUT => Close::Timeout,
            _ => Close::Error,
        };
        self.end(End { close, error }, pump);
        self.base.emit(&pump.names.connect_failed, &[error.to_variant()]);
        self.base.emit(&pump.names.closed, &[close.value()]);
    }

    fn peer_has_closed(&self, pump: &Pump) {
        let connection = self.id();
        {
            let mut session = self.session.borrow_mut();
            if session.phase.is_open() {
                session.phase = Phase::PeerClosed;
            }
        }
        self.base.set_last_error(CLOSED_BY_PEER.to_owned());
        self.fail_receives(Error::ERR_FILE_EOF, pump);
        if self.id() != connection || !self.is_ending() {
            return;
        }
        // Bytes that the coroutines of these receives queued are still sent before this side's FIN.
        self.with_connection(|connection| connection.close());
        let farewell = self.session.borrow().farewell(Close::ByPeer);
        self.base.set_last_error(CLOSED_BY_PEER.to_owned());
        self.end(Close::ByPeer.into(), pump);
        self.emit_closed(farewell, pump);
    }

    fn connection_is_over(&self, reason: CloseReason, error: Option<io::Error>, pump: &Pump) {
        if let Some(error) = error {
            if error.kind() == io::ErrorKind::OutOfMemory {
                // It was ended for the memory that it held.
                self.inbox.drop_everything();
                self.settle();
            }
            self.base.set_last_error(error.to_string());
        }
        let farewell = if self.is_open() {
            let close = match reason {
                CloseReason::ByHost => Close::ByHost,
                CloseReason::ByPeer => Close::ByPeer,
                CloseReason::TimedOut => Close::Timeout,
                CloseReason::Error => Close::Error,
            };
            let farewell = self.session.borrow().farewell(close);
            self.end(close.into(), pump);
            Some(farewell)
        } else {
            // The user closed, or has been told.
            let farewell = self.session.borrow_mut().take_owed();
            self.forget_connection();
            let error = self
                .end_of_session()
                .map_or(Error::ERR_CONNECTION_ERROR, |end| end.error);
            self.fail_sends(error, pump);
            farewell
        };
        if let Some(farewell) = farewell {
            self.emit_closed(farewell, pump);
        }
    }

    /// Ends the connection for the user: sets the state, and only then resolves the pending operations, as their
    /// coroutines may start a new connection.
    fn end(&self, end: End, pump: &Pump) {
        self.end_with_tls(end, end.error, pump);
    }

    /// [`Self::end`] by a failed handshake of `start_tls()`, which alone is given the reason.
    pub(super) fn end_with_tls(&self, end: End, tls_error: Error, pump: &Pump) {
        self.session.borrow_mut().phase = Phase::Ended(end);
        let tls_waits = self.tls_waits.take_all();
        let failures = self.all_failures(end.error, end.close != Close::ByHost);
        self.settle();
        // Bytes that were queued before the peer's close are still sent.
        if end.close != Close::ByPeer {
            self.forget_connection();
        }
        for (task, ()) in tls_waits {
            NetTask::complete(&task, result(tls_error).to_variant(), pump);
        }
        for (task, result) in failures {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    pub(super) fn answer_connect_waits(&self, error: Error, pump: &Pump) {
        for (task, ()) in self.connect_waits.take_all() {
            NetTask::complete(&task, result(error).to_variant(), pump);
        }
    }

    pub(super) fn fail_receives(&self, error: Error, pump: &Pump) {
        // Only those that are pending now: a loop that ignores the error asks again at once.
        let with_bytes = self.gives_rest();
        let failures: Vec<_> = std::iter::from_fn(|| self.inbox.next_failure(error, with_bytes)).collect();
        self.settle();
        for (task, result) in failures {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    /// Takes every pending operation, with its result.
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

    pub(super) fn emit_closed(&self, farewell: Farewell, pump: &Pump) {
        let listener = farewell.listener.as_ref().and_then(Weak::upgrade);
        let object = self.base.object();
        if farewell.established {
            self.base.emit(&pump.names.disconnected, &[]);
        }
        self.base.emit(&pump.names.closed, &[farewell.close.value()]);
        match (listener, object) {
            (Some(listener), Some(object)) => listener.client_is_gone(&object, pump),
            // The last reference was dropped in another thread, in the middle of this drain.
            (Some(listener), None) => listener.client_was_dropped(self.ended(farewell), self.base.instance()),
            (None, _) => {}
        }
    }
}
