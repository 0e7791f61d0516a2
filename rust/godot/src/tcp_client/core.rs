//! The state behind a `TcpClient`: one connection at a time, its events, and what waits for them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Instant;

use async_sockets_net::address::Target;
use async_sockets_net::error::SendError;
use async_sockets_net::event::{Endpoints, TcpEvent, TlsInfo};
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::tcp_client::TcpClient as Connection;
use godot::builtin::{GString, Variant, varray};
use godot::classes::StreamPeerTcp;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::engine_stream::EngineStream;
use super::inbox::Inbox;
use super::settings::Settings;
use super::{Close, Status};
use crate::convert::{result, send_error};
use crate::guard::misuse;
use crate::lifecycle;
use crate::pump::Pump;
use crate::socket::{Socket, SocketBase, Turn};
use crate::task::NetTask;
use crate::tcp_listener::core::ListenerCore;
use crate::time;
use crate::waiting::Waiting;

const QUITTING: &str = "the engine is quitting";
const CLOSED_HERE: &str = "this side has closed the connection";
pub(super) const CLOSED_BY_PEER: &str = "the peer has closed the connection";
const TIME_OVER: &str = "the timeout passed first";

/// A `send_async` under way.
pub(super) struct AwaitedSend {
    pub(super) token: u64,
    /// Its bytes.
    pub(super) len: usize,
}

/// The signals of a connection's end. Kept apart from the state, which may be a new connection's when they are told.
pub(super) struct Farewell {
    pub(super) close: Close,
    /// The connection stood, and the user was told so.
    pub(super) established: bool,
    pub(super) id: Option<SocketId>,
    pub(super) endpoints: Option<Endpoints>,
    /// The listener that accepted it, and has not told its end.
    pub(super) listener: Option<Weak<ListenerCore>>,
}

/// What an accepted client knows of its end, for the stand-in of one whose object is gone.
pub(crate) struct Ended {
    pub(super) close: Close,
    pub(super) id: Option<SocketId>,
    pub(super) endpoints: Option<Endpoints>,
    pub(super) tls: Option<TlsInfo>,
    pub(super) words: String,
}

#[derive(Default)]
pub(crate) struct ClientCore {
    pub(crate) base: SocketBase,
    pub(crate) settings: Settings,
    this: OnceCell<Weak<Self>>,
    pub(super) connection: RefCell<Option<Connection>>,
    engine_stream: RefCell<Option<EngineStream>>,
    pub(super) inbox: Inbox,
    /// Events that a receive has met and left to the next drain, since they emit signals.
    pub(super) stash: RefCell<VecDeque<TcpEvent>>,
    pub(super) connect_waits: Waiting,
    pub(super) tls_waits: Waiting,
    /// The host of the last `connect_to_host()`.
    pub(super) host: RefCell<String>,
    pub(super) sends: Waiting<AwaitedSend>,
    next_token: Cell<u64>,
    pub(super) status: Cell<Status>,
    /// What a receive gives once the buffer is empty and nothing more comes.
    pub(super) end_error: Cell<Option<Error>>,
    pub(super) close: Cell<Close>,
    pub(super) endpoints: Cell<Option<Endpoints>>,
    /// The name and the TLS of the last connection, which outlive it.
    last_id: Cell<Option<SocketId>>,
    pub(super) ended_tls: RefCell<Option<TlsInfo>>,
    /// The user has closed: what waits gets its error at the next drain.
    pub(super) closed_here: Cell<bool>,
    /// The peer has sent its FIN.
    pub(super) peer_closed: Cell<bool>,
    /// The user has ended the sending side.
    send_ended: Cell<bool>,
    /// The user closed while connecting, and what was sent before goes out once the connection stands.
    closed_early: Cell<bool>,
    /// The signals of the end that are still to come: the user closed, and the connection is not over.
    pub(super) owed: RefCell<Option<Farewell>>,
    /// The same of earlier connections, which were replaced first.
    owed_before: RefCell<VecDeque<Farewell>>,
    /// The end of this connection is still to be told to the listener that accepted it.
    pub(super) listener_waits: Cell<bool>,
    /// Accepted and not handed to the user yet: its events wait, so that no signal is lost.
    held: Cell<bool>,
    last_error: RefCell<String>,
    pub(crate) listener: RefCell<Option<Weak<ListenerCore>>>,
}

impl ClientCore {
    pub(crate) fn new() -> Rc<Self> {
        let core = Rc::new(Self::default());
        let _ = core.this.set(Rc::downgrade(&core));
        core
    }

    pub(super) fn socket(&self) -> Option<Rc<dyn Socket>> {
        self.this.get()?.upgrade().map(|this| this as Rc<dyn Socket>)
    }

    // Making and ending a connection ----------------------------------------------------------------------------------

    pub(crate) fn connect(&self, target: Target) -> Error {
        if Pump::get().is_closed() {
            return self.say(Error::ERR_UNAVAILABLE, QUITTING);
        }
        if !self.may_start() {
            let words = "this client is connected already; disconnect it first, or use a new one";
            return self.refuse(Error::ERR_ALREADY_IN_USE, "connect_to_host", words.to_owned());
        }
        let options = match self.options() {
            Ok(options) => options,
            Err(error) => return error,
        };
        let host = target.host.clone();
        match Connection::connect(target, &options) {
            Ok(connection) => {
                *self.host.borrow_mut() = host;
                self.begin(connection, Status::Connecting);
                Error::OK
            }
            Err(error) => {
                self.set_last_error(error.to_string());
                Error::ERR_CANT_CREATE
            }
        }
    }

    /// Takes over a connection that a listener has accepted.
    pub(crate) fn adopt(&self, connection: Connection, endpoints: Endpoints, listener: &Rc<ListenerCore>) {
        self.begin(connection, Status::Connected);
        self.endpoints.set(Some(endpoints));
        *self.listener.borrow_mut() = Some(Rc::downgrade(listener));
        self.listener_waits.set(true);
        self.move_in_line();
    }

    /// Its listener is another one now, and what waits for a turn waits where that one looks.
    fn move_in_line(&self) {
        if let Some(socket) = self.socket() {
            Pump::get().move_in_line(socket);
        }
    }

    /// Takes the state of an accepted client whose object is gone.
    pub(crate) fn stand_in(&self, ended: Ended) {
        self.close.set(ended.close);
        self.status.set(match ended.close {
            Close::Error | Close::Timeout => Status::Error,
            _ => Status::None,
        });
        self.end_error.set(Some(match ended.close {
            Close::ByPeer => Error::ERR_FILE_EOF,
            Close::Error | Close::Timeout => Error::ERR_CONNECTION_ERROR,
            _ => Error::ERR_UNAVAILABLE,
        }));
        self.last_id.set(ended.id);
        self.endpoints.set(ended.endpoints);
        *self.ended_tls.borrow_mut() = ended.tls;
        self.set_last_error(ended.words);
    }

    pub(crate) fn wrap(&self, stream: Gd<StreamPeerTcp>) -> Error {
        if Pump::get().is_closed() {
            return self.say(Error::ERR_UNAVAILABLE, QUITTING);
        }
        if !self.may_start() {
            let words = "this client is connected already; disconnect it first, or use a new one";
            return self.refuse(Error::ERR_ALREADY_IN_USE, "wrap_stream", words.to_owned());
        }
        let Some(endpoints) = EngineStream::endpoints(&stream) else {
            return self.say(Error::ERR_UNCONFIGURED, "the stream is not connected");
        };
        let (connection, external) = Connection::external(&self.settings.options());
        self.begin(connection, Status::Connected);
        self.endpoints.set(Some(endpoints));
        let before = self.engine_stream.replace(Some(EngineStream::new(stream, external)));
        drop(before);
        if let Some(socket) = self.socket() {
            Pump::get().poll_always(socket);
        }
        Error::OK
    }

    /// Whether there is no connection now, or only one that is about to end.
    fn may_start(&self) -> bool {
        let open = matches!(self.status.get(), Status::Connecting | Status::Connected);
        !Pump::get().is_closed() && (!open || self.is_ending())
    }

    /// The peer has closed, and the receives hear of it just now; this side closes after them.
    pub(super) fn is_ending(&self) -> bool {
        let half_open = self.settings.allow_half_open.get() && !self.send_ended.get();
        self.status.get() == Status::Connected && self.peer_closed.get() && !half_open
    }

    fn begin(&self, connection: Connection, status: Status) {
        let pump = Pump::get();
        if self.is_ending() {
            self.owed_before.borrow_mut().push_back(self.farewell(Close::ByPeer));
        } else if let Some(farewell) = self.owed.take() {
            self.owed_before.borrow_mut().push_back(farewell);
        }
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE, false) {
            pump.finish_later(task, result.to_variant());
        }
        self.forget_connection();
        self.inbox.clear();
        self.stash.borrow_mut().clear();
        self.status.set(status);
        self.end_error.set(None);
        self.close.set(Close::Not);
        self.endpoints.set(None);
        self.last_id.set(Some(connection.id()));
        *self.ended_tls.borrow_mut() = None;
        self.last_error.borrow_mut().clear();
        self.closed_early.set(false);
        self.listener_waits.set(false);
        self.closed_here.set(false);
        self.peer_closed.set(false);
        self.send_ended.set(false);
        *self.listener.borrow_mut() = None;
        self.move_in_line();
        lifecycle::hook();
        if let Some(socket) = self.socket() {
            pump.register(connection.id(), socket.clone());
            *self.connection.borrow_mut() = Some(connection);
            pump.schedule(socket);
        }
    }

    /// Drops the connection; what was sent before still goes out behind the scenes.
    pub(super) fn forget_connection(&self) {
        if let Some(connection) = self.connection.take() {
            *self.ended_tls.borrow_mut() = connection.tls_info().cloned();
            Pump::get().unregister(connection.id());
        }
        if let Some(mut stream) = self.engine_stream.take() {
            let pump = Pump::get();
            pump.stop_polling(&self.base);
            if stream.pump() {
                pump.finish_in_background(move || stream.pump());
            }
        }
    }

    /// Closes from this side, in good order or at once.
    pub(crate) fn close(&self, abort: bool) {
        if !matches!(self.status.get(), Status::Connecting | Status::Connected) {
            // In the middle of a good close, an abort still cuts it short.
            if let (true, Some(connection)) = (abort, &*self.connection.borrow()) {
                self.closed_early.set(false);
                connection.abort();
            }
            return;
        }
        if let Some(connection) = &*self.connection.borrow() {
            if abort { connection.abort() } else { connection.close() }
        }
        // Who has told the end of the stream to the script keeps to it.
        let (close, error) = match self.close_reason() {
            Close::ByPeer => (Close::ByPeer, Error::ERR_FILE_EOF),
            _ => (Close::ByHost, Error::ERR_UNAVAILABLE),
        };
        let farewell = self.farewell(close);
        self.closed_early.set(!abort && self.status.get() == Status::Connecting);
        self.status.set(Status::None);
        self.close.set(close);
        self.end_error.set(Some(error));
        self.closed_here.set(true);
        *self.owed.borrow_mut() = Some(farewell);
        if let Some(socket) = self.socket() {
            Pump::get().schedule(socket);
        }
    }

    // Sending ---------------------------------------------------------------------------------------------------------

    pub(crate) fn send(&self, bytes: &[u8]) -> Error {
        let sent = match (&*self.connection.borrow(), self.status.get()) {
            (Some(connection), Status::Connecting | Status::Connected) => connection.send(bytes),
            _ => return self.say_not_open(),
        };
        sent.map_or_else(|error| self.not_sent(error), |()| Error::OK)
    }

    fn not_sent(&self, error: SendError) -> Error {
        let words = match error {
            SendError::Full => format!(
                "{error}: it holds max_pending_send_bytes, {} at the most",
                self.settings.max_pending_send.get()
            ),
            SendError::Closed => error.to_string(),
        };
        self.set_last_error(words);
        send_error(error)
    }

    pub(crate) fn send_async(&self, bytes: &[u8], timeout: f64) -> Variant {
        let pump = Pump::get();
        let deadline = match self.deadline("send_async", timeout) {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(varray![error, 0], &pump),
        };
        let token = self.next_token.get() + 1;
        let sent = match (&*self.connection.borrow(), self.status.get()) {
            (Some(connection), Status::Connecting | Status::Connected) => connection
                .send_awaited(bytes)
                .map(|()| connection.flush(token))
                .map_err(|error| self.not_sent(error)),
            _ => Err(self.say_not_open()),
        };
        if let Err(error) = sent {
            return NetTask::answer(varray![error, 0], &pump);
        }
        self.next_token.set(token);
        let Some(socket) = self.socket() else {
            return Variant::nil();
        };
        let send = AwaitedSend {
            token,
            len: bytes.len(),
        };
        self.sends.push(&*socket, deadline, &varray![Error::ERR_SKIP, 0], send)
    }

    pub(crate) fn shutdown_send(&self) {
        if self.peer_closed.get() {
            // Both sides have ended then.
            return self.close(false);
        }
        if let Some(connection) = &*self.connection.borrow() {
            connection.shutdown_send();
            self.send_ended.set(true);
        }
    }

    /// When an operation that starts now times out.
    pub(super) fn deadline(&self, method: &str, timeout: f64) -> Result<Option<Instant>, Error> {
        time::timeout(timeout, self.settings.timeout())
            .map(time::deadline)
            .map_err(|words| self.refuse(Error::ERR_INVALID_PARAMETER, method, format!("the timeout {words}")))
    }

    /// The error of an operation on a client that has no connection, with its words.
    pub(super) fn say_not_open(&self) -> Error {
        let words = match self.close_reason() {
            Close::ByHost => CLOSED_HERE,
            Close::ByPeer => CLOSED_BY_PEER,
            Close::Not if self.peer_closed.get() => CLOSED_BY_PEER,
            Close::Not => "it is not connected; call connect_to_host() first",
            // Those of the failure still stand.
            Close::Error | Close::Timeout => return self.not_open_error(),
        };
        self.say(self.not_open_error(), words)
    }

    /// The error of an operation on a client that has no connection.
    pub(super) fn not_open_error(&self) -> Error {
        self.end_error.get().unwrap_or(Error::ERR_UNCONFIGURED)
    }

    // Waiting to be connected -----------------------------------------------------------------------------------------

    pub(crate) fn wait_connected(&self, timeout: f64) -> Variant {
        let pump = Pump::get();
        let deadline = match self.deadline("wait_connected", timeout) {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(result(error), &pump),
        };
        let known = match self.status() {
            Status::Connected => Some(Error::OK),
            Status::Connecting => None,
            Status::None if self.is_ending() => Some(self.say(Error::ERR_FILE_EOF, CLOSED_BY_PEER)),
            Status::None | Status::Error => Some(self.say_not_open()),
        };
        if let Some(error) = known {
            return NetTask::answer(result(error), &pump);
        }
        let Some(socket) = self.socket() else {
            return Variant::nil();
        };
        self.connect_waits
            .push(&*socket, deadline, &result(Error::ERR_SKIP), ())
    }

    // What the user can ask -------------------------------------------------------------------------------------------

    pub(crate) fn is_open(&self) -> bool {
        self.status.get() == Status::Connected
    }

    pub(crate) fn set_held(&self, held: bool) {
        if let (true, false, Some(socket)) = (self.held.replace(held), held, self.socket()) {
            Pump::get().schedule(socket);
        }
    }

    /// What the script is told. The receives that have got the end of the stream may still send, but it is the end.
    pub(crate) fn status(&self) -> Status {
        if self.is_ending() {
            Status::None
        } else {
            self.status.get()
        }
    }

    pub(crate) fn close_reason(&self) -> Close {
        if self.is_ending() {
            Close::ByPeer
        } else {
            self.close.get()
        }
    }

    pub(crate) fn last_id(&self) -> Option<SocketId> {
        self.last_id.get()
    }

    /// Refuses what the script asks, in words to its author.
    pub(crate) fn refuse(&self, error: Error, member: &str, words: String) -> Error {
        misuse(&format!("TcpClient.{member}: {words}"));
        self.set_last_error(words);
        error
    }

    /// The words of an error that is nobody's mistake.
    pub(super) fn say(&self, error: Error, words: &str) -> Error {
        self.set_last_error(words.to_owned());
        error
    }

    pub(crate) fn endpoints(&self) -> Option<Endpoints> {
        self.endpoints.get()
    }

    pub(super) fn set_last_error(&self, words: String) {
        *self.last_error.borrow_mut() = words;
    }

    pub(crate) fn last_error(&self) -> GString {
        GString::from(&*self.last_error.borrow())
    }

    pub(crate) fn available(&self) -> usize {
        if !self.settings.emit_data.get() {
            self.take_in();
        }
        self.inbox.len()
    }

    pub(crate) fn set_emit_data(&self, on: bool) {
        self.settings.emit_data.set(on);
        if let (true, Some(socket)) = (on, self.socket()) {
            Pump::get().schedule(socket);
        }
    }

    pub(super) fn apply_keep_alive(&self) {
        self.with_connection(|connection| connection.set_keep_alive(self.settings.keep_alive()));
    }

    pub(crate) fn with_connection<R>(&self, f: impl FnOnce(&Connection) -> R) -> Option<R> {
        self.connection.borrow().as_ref().map(f)
    }
}

/// The object is gone.
impl ClientCore {
    /// Has the listeners tell the ends that this client's object can no longer tell.
    fn leave_listeners(&self) {
        // One that nobody has seen is not missed.
        if self.held.get() {
            return;
        }
        let close = if self.is_ending() { Close::ByPeer } else { Close::ByHost };
        let last = self.listener_waits.get().then(|| self.farewell(close));
        let owed = self.owed.take();
        for farewell in self.owed_before.take().into_iter().chain(owed).chain(last) {
            let Some(listener) = farewell.listener.as_ref().and_then(Weak::upgrade) else {
                continue;
            };
            listener.client_was_dropped(self.ended(&farewell), self.base.instance());
        }
    }

    pub(super) fn ended(&self, farewell: &Farewell) -> Ended {
        Ended {
            close: farewell.close,
            id: farewell.id,
            endpoints: farewell.endpoints,
            tls: self.tls_info(TlsInfo::clone),
            words: self.last_error.borrow().clone(),
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

    fn queued(&self) -> usize {
        let stashed = self.stash.borrow().len();
        stashed + self.with_connection(|c| c.mailbox().len()).unwrap_or(0)
    }

    fn connections(&self) -> usize {
        self.is_open().into()
    }

    fn listener(&self) -> Option<Rc<dyn Socket>> {
        Some(self.listener.borrow().as_ref()?.upgrade()?)
    }

    fn turn(self: Rc<Self>, pump: &Pump) -> Turn {
        if self.held.get() {
            return Turn::Done;
        }
        // What this turn answers may let the last reference go; the signals of the end are told all the same.
        let _alive = self.base.object();
        if let Some(stream) = &mut *self.engine_stream.borrow_mut() {
            stream.pump();
        }
        let queued = self.with_connection(|connection| {
            connection.mailbox().unlist();
            connection.mailbox().len()
        });
        let mut left = queued.unwrap_or(0) + self.stash.borrow().len();
        if self.closed_here.get() {
            if self.inbox.is_waiting() || !self.connect_waits.is_empty() {
                self.say(Error::ERR_UNAVAILABLE, CLOSED_HERE);
            }
            self.answer_connect_waits(Error::ERR_UNAVAILABLE, pump);
            self.fail_receives(Error::ERR_UNAVAILABLE, pump);
        } else if self.end_error.get().is_some() && self.inbox.is_waiting() {
            let error = self.say_not_open();
            self.fail_receives(error, pump);
        }
        loop {
            let farewell = self.owed_before.borrow_mut().pop_front();
            let Some(farewell) = farewell else { break };
            self.emit_closed(&farewell, pump);
        }
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
        if left == 0 && self.closed_here.get() && !self.closed_early.get() {
            // Those that went out in time have been answered by now.
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
        // At least one in any case: also where turns never have time left, their operations end.
        while let Some((task, result)) = self.inbox.next_answer().or_else(|| self.inbox.next_expired(now)) {
            self.settle();
            self.note_complaint();
            if result.at(0) == Error::ERR_TIMEOUT.to_variant() {
                self.say(Error::ERR_TIMEOUT, TIME_OVER);
            }
            NetTask::complete(&task, result.to_variant(), pump);
            if pump.turn_over() {
                break;
            }
        }
        while let Some((task, ())) = self.connect_waits.next_expired(now) {
            self.say(Error::ERR_TIMEOUT, TIME_OVER);
            NetTask::complete(&task, result(Error::ERR_TIMEOUT).to_variant(), pump);
        }
        while let Some((task, _)) = self.sends.next_expired(now) {
            self.say(Error::ERR_TIMEOUT, TIME_OVER);
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
        self.close(self.status.get() == Status::Connecting);
        if pump.is_closed() {
            self.inbox.clear();
        }
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE, false) {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    fn release(&self, pump: &Pump) {
        self.leave_listeners();
        self.status.set(Status::None);
        self.end_error.set(Some(Error::ERR_UNAVAILABLE));
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE, false) {
            pump.finish_later(task, result.to_variant());
        }
        self.forget_connection();
        self.inbox.clear();
    }
}
