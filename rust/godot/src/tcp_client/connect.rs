//! The life of a connection: start, close, and replacement by the next one.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use async_sockets_net::address::Target;
use async_sockets_net::event::Endpoints;
use async_sockets_net::tcp_client::TcpClient as Connection;
use godot::builtin::{GString, Variant};
use godot::classes::StreamPeerTcp;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::Status;
use super::core::{CLOSED_BY_PEER, ClientCore};
use super::engine_stream::EngineStream;
use super::session::{Farewell, Phase, Session};
use crate::convert::result;
use crate::lifecycle;
use crate::pump::{Pump, QUITTING};
use crate::socket::Socket;
use crate::task::NetTask;
use crate::tcp_listener::core::ListenerCore;

/// What an accepted client knew of its end when its object was freed: the state of its stand-in.
pub(crate) struct Ended {
    farewell: Farewell,
    words: GString,
}

impl ClientCore {
    pub(crate) fn connect(self: &Rc<Self>, target: Target) -> Error {
        if let Err(error) = self.check_may_start("connect_to_host") {
            return error;
        }
        let options = match self.options() {
            Ok(options) => options,
            Err(error) => return error,
        };
        let host = target.host.clone();
        match Connection::connect(target, &options) {
            Ok(connection) => {
                self.begin(Session {
                    host,
                    ..Session::new(connection, Phase::Connecting)
                });
                Error::OK
            }
            Err(error) => self.fail(Error::ERR_CANT_CREATE, error),
        }
    }

    /// Takes over a connection that a listener has accepted.
    pub(crate) fn adopt(self: &Rc<Self>, connection: Connection, endpoints: Endpoints, listener: &Rc<ListenerCore>) {
        self.begin(Session {
            endpoints: Some(endpoints),
            listener: Some(Rc::downgrade(listener)),
            ..Session::new(connection, Phase::Open)
        });
    }

    pub(crate) fn wrap(self: &Rc<Self>, stream: Gd<StreamPeerTcp>) -> Error {
        if let Err(error) = self.check_may_start("wrap_stream") {
            return error;
        }
        let Some(endpoints) = EngineStream::endpoints(&stream) else {
            return self.refuse(
                Error::ERR_UNCONFIGURED,
                "wrap_stream",
                "the stream is not connected; wait until it is",
            );
        };
        let (connection, external) = Connection::external(&self.settings.options());
        let stream = EngineStream::new(stream, external);
        self.begin(Session {
            endpoints: Some(endpoints),
            engine_stream: Some(Rc::new(RefCell::new(stream))),
            ..Session::new(connection, Phase::Open)
        });
        Pump::get().poll_always(self.clone());
        Error::OK
    }

    /// Takes the state of an accepted client whose object was freed.
    pub(crate) fn stand_in(&self, ended: Ended) {
        self.session.replace(Session::ended(ended.farewell));
        self.base.set_last_error(&ended.words);
    }

    /// Checks that there is no connection, or only one that is about to end.
    fn check_may_start(&self, method: &str) -> Result<(), Error> {
        if Pump::get().is_closed() {
            return Err(self.fail(Error::ERR_UNAVAILABLE, QUITTING));
        }
        if self.session.borrow().phase.is_active() && !self.is_ending() {
            let words = "this client is connecting or connected already; disconnect it first, or use a new one";
            return Err(self.refuse(Error::ERR_ALREADY_IN_USE, method, words));
        }
        Ok(())
    }

    /// Replaces the last connection by a new one.
    fn begin(self: &Rc<Self>, session: Session) {
        let pump = Pump::get();
        self.base.begun.set(true);
        self.owed.borrow_mut().extend(self.leave());
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE, false) {
            pump.finish_later(task, result.to_variant());
        }
        self.forget_connection();
        self.inbox.clear();
        self.base.set_last_error("");
        if let Some(id) = session.id {
            pump.register(id, self.clone());
        }
        let before = self.session.replace(session);
        drop(before);
        // A client that waits for a turn moves to the line of its new listener.
        pump.move_in_line(self.clone());
        lifecycle::hook();
        pump.schedule(self.clone());
    }

    /// Ends the connection for the user, and returns the signals of its end that are still to be emitted.
    fn leave(&self) -> Option<Farewell> {
        let reason = self.closes_now();
        let mut session = self.session.borrow_mut();
        if session.phase.is_open() {
            let farewell = session.farewell(reason);
            session.phase = Phase::Ended(reason.into());
            return Some(farewell);
        }
        session.take_owed()
    }

    /// Drops the connection. Queued bytes are still sent in the background.
    pub(super) fn forget_connection(&self) {
        let (connection, stream) = {
            let mut session = self.session.borrow_mut();
            (session.take_connection(), session.engine_stream.take())
        };
        if let Some(connection) = connection {
            Pump::get().unregister(connection.id());
        }
        if let Some(stream) = stream {
            let pump = Pump::get();
            pump.stop_polling(&self.base);
            if stream.borrow_mut().pump() {
                pump.finish_in_background(move || stream.borrow_mut().pump());
            }
        }
    }

    /// Closes from this side, in good order or immediately.
    pub(crate) fn close(self: &Rc<Self>, abort: bool) {
        let reason = self.closes_now();
        if self.session.borrow_mut().close(reason, abort) {
            Pump::get().schedule(self.clone());
        }
    }

    pub(crate) fn wait_connected(self: &Rc<Self>, timeout: f64) -> Variant {
        let pump = Pump::get();
        let deadline = match self.deadline("wait_connected", timeout) {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(result(error), &pump),
        };
        let known = match self.status() {
            Status::Connected => Error::OK,
            Status::Connecting => {
                return self.connect_waits.push(&**self, deadline, &result(Error::ERR_SKIP), ());
            }
            Status::None if self.is_ending() => self.fail(Error::ERR_FILE_EOF, CLOSED_BY_PEER),
            Status::None | Status::Error => self.say_not_open(),
        };
        NetTask::answer(result(known), &pump)
    }

    /// Has the listeners tell the ends that this client's freed object can no longer tell.
    pub(super) fn leave_listeners(&self) {
        // A client that was never handed out is not missed.
        if self.held.get() {
            return;
        }
        let owed = self.owed.take().into_iter();
        for farewell in owed.chain(self.leave()) {
            if let Some(listener) = farewell.listener.as_ref().and_then(Weak::upgrade) {
                listener.client_was_dropped(self.ended(farewell), self.base.instance());
            }
        }
    }

    pub(super) fn ended(&self, farewell: Farewell) -> Ended {
        let words = self.base.last_error();
        Ended { farewell, words }
    }
}
