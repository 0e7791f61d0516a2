//! The life of a session: its start, its attempts, and the close from this side.

use std::rc::Rc;
use std::time::{Instant, SystemTime};

use async_sockets_net::websocket::close_code::{CloseCode, CloseFrame, Disconnect};
use async_sockets_net::websocket::connect_error::WebSocketConnectError;
use async_sockets_net::websocket::reconnect::{Ended, Next, Reconnect, jitter};
use async_sockets_net::websocket::url::WebSocketUrl;
use async_sockets_net::websocket_client::WebSocketClient as Connection;
use godot::builtin::{GString, PackedStringArray, VarArray, Variant, varray};
use godot::classes::TlsOptions;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::core::{ClientCore, Owed};
use super::session::{Phase, Session, Target};
use crate::convert::{prepare_text, result};
use crate::lifecycle;
use crate::pump::{Pump, QUITTING};
use crate::socket::Socket;
use crate::task::NetTask;
use crate::tls;

impl ClientCore {
    /// The target of a URL, or an error in words.
    pub(crate) fn target(&self, url: &GString, tls: Option<Gd<TlsOptions>>) -> Result<Target, (Error, String)> {
        let invalid = |words: String| (Error::ERR_INVALID_PARAMETER, words);
        let url = WebSocketUrl::parse(&url.to_string()).map_err(|error| invalid(error.to_string()))?;
        // A redirect may lead from ws to wss.
        if !url.tls() && self.options(|options| options.max_redirects == 0) {
            return Ok(Target { url, tls: None });
        }
        let Some(options) = tls.or_else(TlsOptions::client) else {
            return Err(invalid("the engine gives no TLSOptions".to_owned()));
        };
        // HTTP/1.1 is the only protocol for the opening handshake.
        let alpn = PackedStringArray::from(["http/1.1"].map(GString::from));
        let tls = Some(tls::client(&options, &alpn)?);
        Ok(Target { url, tls })
    }

    /// Begins a new session.
    pub(crate) fn connect(self: &Rc<Self>, target: Target) -> Error {
        let pump = Pump::get();
        if pump.is_closed() {
            return self.fail(Error::ERR_UNAVAILABLE, QUITTING);
        }
        if self.phase().is_active() {
            let words = "this client is connected or connecting already; close it first, or use a new one";
            return self.refuse(Error::ERR_ALREADY_IN_USE, "connect_to_url", words);
        }
        let reconnect = self.settings.reconnect.get().then(|| self.new_reconnect());
        self.leave();
        self.sessions.set(self.sessions.get() + 1);
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE) {
            pump.finish_later(task, result.to_variant());
        }
        self.inbox.clear();
        self.outbox.borrow_mut().clear();
        self.base.set_last_error("");
        let before = self.session.replace(Session {
            target: Some(target),
            reconnect,
            ..Session::default()
        });
        if let Some(id) = before.id() {
            pump.unregister(id);
        }
        drop(before);
        lifecycle::hook();
        if let Err(error) = self.attempt() {
            self.session.borrow_mut().phase = Phase::Ended(Error::ERR_CANT_CREATE);
            return self.fail(Error::ERR_CANT_CREATE, error);
        }
        Error::OK
    }

    /// Starts to connect.
    pub(super) fn attempt(self: &Rc<Self>) -> std::io::Result<()> {
        let pump = Pump::get();
        let Some(target) = self.session.borrow().target.clone() else {
            return Ok(());
        };
        let mut options = self.settings.for_connection();
        options.tls = target.tls;
        options.prepare_text = Some(prepare_text);
        let connection = Connection::connect(target.url, options)?;
        pump.register(connection.id(), self.clone());
        let before = {
            let mut session = self.session.borrow_mut();
            session.phase = Phase::Connecting;
            session.response = None;
            session.connection.replace(connection)
        };
        pump.stop_polling(&self.base);
        if let Some(before) = before {
            pump.unregister(before.id());
        }
        self.restore_alarm(&pump);
        pump.schedule(self.clone());
        Ok(())
    }

    /// Sets the alarm for operations that time out; a new connection has another id, for which there is none.
    fn restore_alarm(&self, pump: &Pump) {
        if let Some(deadline) = self.next_deadline() {
            pump.set_alarm(self, deadline);
        }
    }

    /// The signals of a session's end that a new one would replace.
    fn leave(&self) {
        let session = self.session.borrow();
        let (code, reason) = match (session.phase, &session.closing) {
            (Phase::Closing, Some(frame)) => (frame.code(), frame.reason().to_owned()),
            (Phase::Closing, None) => (CloseCode::ABNORMAL, String::new()),
            (Phase::ClosingEarly, _) => (CloseCode::ABNORMAL, given_up().reason),
            _ => return,
        };
        let clean = false;
        let how = Disconnect { code, reason, clean };
        self.owe(Owed::Disconnected(how));
    }

    // Closing ---------------------------------------------------------------------------------------------------------

    /// Closes from this side after what was sent.
    pub(crate) fn close(self: &Rc<Self>, frame: CloseFrame) {
        let phase = self.phase();
        let has_messages = self.outbox.borrow().has_messages();
        match phase {
            Phase::Open => {
                self.with_connection(|connection| connection.close(frame.clone()));
                let mut session = self.session.borrow_mut();
                session.phase = Phase::Closing;
                session.closing = Some(frame);
            }
            Phase::Connecting if has_messages => {
                let mut session = self.session.borrow_mut();
                let waiting = self.outbox.borrow().bytes();
                if let Some(connection) = &session.connection {
                    self.outbox.borrow_mut().send_all(connection);
                    connection.close(frame.clone());
                }
                // Lost if the attempt fails, like what is left in the outbox.
                session.unsent += waiting - self.outbox.borrow().bytes();
                session.phase = Phase::ClosingEarly;
                session.closing = Some(frame);
            }
            Phase::Connecting | Phase::Away => self.give_up(Some(frame)),
            Phase::New | Phase::ClosingEarly | Phase::Closing | Phase::Ended(_) => {}
        }
    }

    /// Ends the connection or the attempt at once.
    pub(super) fn abort(self: &Rc<Self>) {
        match self.phase() {
            Phase::Connecting | Phase::Away => self.give_up(None),
            Phase::Open | Phase::Closing | Phase::ClosingEarly => {
                self.with_connection(Connection::abort);
                self.session.borrow_mut().phase = Phase::Closing;
            }
            Phase::New | Phase::Ended(_) => {}
        }
    }

    /// Ends an attempt, or the wait for the next one. An attempt that has just succeeded is closed with the frame, if
    /// there is one.
    pub(super) fn give_up(self: &Rc<Self>, frame: Option<CloseFrame>) {
        self.with_connection(|connection| match frame {
            Some(frame) => {
                connection.close(frame);
            }
            None => connection.abort(),
        });
        let dropped = self.outbox.borrow_mut().clear();
        {
            let mut session = self.session.borrow_mut();
            session.phase = Phase::Ended(Error::ERR_UNAVAILABLE);
            session.unsent += dropped;
        }
        self.owe(Owed::Disconnected(given_up()));
        let pump = Pump::get();
        pump.stop_polling(&self.base);
        pump.schedule(self.clone());
    }

    pub(super) fn close_async(self: &Rc<Self>, frame: CloseFrame, timeout: f64) -> Variant {
        let pump = Pump::get();
        let deadline = match self.deadline("close_async", timeout) {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(self.close_result(error), &pump),
        };
        match self.phase() {
            Phase::New => {
                let error = self.say_not_open();
                NetTask::answer(self.close_result(error), &pump)
            }
            // Nothing tells the end any more.
            Phase::Ended(_) | Phase::ClosingEarly | Phase::Closing if pump.is_closed() => {
                let error = self.fail(Error::ERR_UNAVAILABLE, QUITTING);
                NetTask::answer(self.close_result(error), &pump)
            }
            Phase::Ended(_) if self.owed.borrow().is_empty() => {
                NetTask::answer(self.close_result(self.close_error()), &pump)
            }
            _ => {
                self.close(frame);
                self.closes
                    .push(&**self, deadline, &self.close_result(Error::ERR_SKIP), ())
            }
        }
    }

    /// The error of `close_async()` after the end: OK if the last connection has ended in good order.
    pub(super) fn close_error(&self) -> Error {
        match self.session.borrow().close.as_ref().is_some_and(|how| how.clean) {
            true => Error::OK,
            false => Error::ERR_CONNECTION_ERROR,
        }
    }

    /// The result of `close_async()`: the error, and what is known of the end.
    pub(super) fn close_result(&self, error: Error) -> VarArray {
        let session = self.session.borrow();
        let (code, reason) = session.close.as_ref().map_or_else(
            || (-1, GString::new()),
            |how| (how.code.get().into(), GString::from(&how.reason)),
        );
        varray![error, i64::from(code), &reason]
    }

    // Waiting ---------------------------------------------------------------------------------------------------------

    pub(super) fn wait_connected(self: &Rc<Self>, timeout: f64) -> Variant {
        let pump = Pump::get();
        let deadline = match self.deadline("wait_connected", timeout) {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(result(error), &pump),
        };
        match self.phase() {
            // Over already, which is told in the next turn: until then sends are refused.
            Phase::Open if self.with_connection(Connection::is_closed) != Some(true) => {
                NetTask::answer(result(Error::OK), &pump)
            }
            Phase::Connecting | Phase::Away | Phase::Open => {
                self.connect_waits.push(&**self, deadline, &result(Error::ERR_SKIP), ())
            }
            _ => NetTask::answer(result(self.say_not_open()), &pump),
        }
    }

    // Connecting again ------------------------------------------------------------------------------------------------

    /// Decides how it goes on after the end of an attempt or a connection, and sets the phase. Returns the number of
    /// the next attempt and its delay in seconds, if there is one.
    pub(super) fn decide(self: &Rc<Self>, end: Ended, error: Error) -> Option<(u32, f64)> {
        let pump = Pump::get();
        let next = {
            let mut session = self.session.borrow_mut();
            let may = !pump.is_closed() && session.phase.is_active();
            let reconnect = session.reconnect.as_mut().filter(|_| may);
            let next = reconnect.map(|reconnect| reconnect.ended(end, Instant::now(), SystemTime::now(), jitter()));
            let next = match next {
                Some(Next::Wait { attempt, delay }) => Some((attempt, delay)),
                Some(Next::GiveUp) | None => None,
            };
            session.last_failure = Some(error);
            session.phase = match next {
                Some(_) => Phase::Away,
                None => Phase::Ended(error),
            };
            next
        };
        let (attempt, delay) = next?;
        if let Some(due) = Instant::now().checked_add(delay) {
            pump.set_alarm(&**self, due);
        }
        // The clock of alarms may stand still while the machine sleeps.
        pump.poll_always(self.clone());
        Some((attempt, delay.as_secs_f64()))
    }

    /// Connects again if it is time.
    pub(super) fn reconnect_if_due(self: &Rc<Self>, pump: &Pump) {
        let due = {
            let mut session = self.session.borrow_mut();
            let due = |reconnect: &mut Box<Reconnect>| reconnect.is_due(Instant::now(), SystemTime::now());
            session.phase == Phase::Away && session.reconnect.as_mut().is_some_and(due)
        };
        if !due || pump.is_closed() {
            return;
        }
        if self.attempt().is_err() {
            self.connect_has_failed(&WebSocketConnectError::Stopped, pump);
        }
    }

    fn new_reconnect(&self) -> Box<Reconnect> {
        Box::new(Reconnect::new(self.settings.when(Clone::clone)))
    }

    /// Sets whether the session goes on after the end of a connection; one that waits for the next attempt ends.
    pub(super) fn set_reconnect(self: &Rc<Self>, on: bool) {
        self.settings.reconnect.set(on);
        let error = {
            let mut session = self.session.borrow_mut();
            if on {
                session.reconnect.get_or_insert_with(|| self.new_reconnect());
                return;
            }
            session.reconnect = None;
            if session.phase != Phase::Away {
                return;
            }
            let error = session.last_failure.unwrap_or(Error::ERR_UNAVAILABLE);
            session.phase = Phase::Ended(error);
            error
        };
        let pump = Pump::get();
        pump.stop_polling(&self.base);
        self.owe(Owed::GaveUp(error));
        pump.schedule(self.clone());
    }

    pub(super) fn reconnect_now(self: &Rc<Self>) -> Error {
        let pump = Pump::get();
        match self.phase() {
            Phase::Away => {
                if let Some(reconnect) = &mut self.session.borrow_mut().reconnect {
                    reconnect.hurry();
                }
                pump.schedule(self.clone());
                Error::OK
            }
            Phase::Connecting | Phase::Open => Error::OK,
            _ => {
                let words = "there is no session to reconnect; call connect_to_url()";
                self.fail(Error::ERR_UNCONFIGURED, words)
            }
        }
    }
}

/// The end of an attempt that this side has ended.
pub(super) fn given_up() -> Disconnect {
    Disconnect {
        code: CloseCode::ABNORMAL,
        reason: "closed before the connection was established".to_owned(),
        clean: false,
    }
}
