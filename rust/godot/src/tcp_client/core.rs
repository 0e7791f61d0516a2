//! The state behind a `TcpClient`: one connection at a time, its events, and what waits for them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use async_sockets_net::address::Target;
use async_sockets_net::event::{CloseReason, Endpoints, TcpEvent};
use async_sockets_net::limits::{KeepAlive, TcpOptions};
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::recv_buffer::{Request, Want};
use async_sockets_net::tcp_client::TcpClient as Connection;
use bytes::Bytes;
use godot::builtin::{GString, PackedByteArray, PackedStringArray, VarArray, Variant, varray};
use godot::classes::{StreamPeerTcp, TlsOptions};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::engine_stream::EngineStream;
use super::receive::{Inbox, PendingReceive, failure};
use super::{Close, Status};
use crate::convert::{connect_error, int, result, send_error};
use crate::lifecycle;
use crate::pump::{Pump, Socket, SocketBase};
use crate::task::NetTask;
use crate::tcp_listener::core::ListenerCore;
use crate::waiting::Waiting;

/// What the user has set. It holds for the next connection, and for this one where that can be.
pub(crate) struct Settings {
    pub(crate) timeout: Cell<f64>,
    pub(crate) connect_timeout: Cell<f64>,
    pub(crate) no_delay: Cell<bool>,
    pub(crate) keep_alive: Cell<bool>,
    pub(crate) keep_alive_times: Cell<KeepAlive>,
    pub(crate) max_buffered: Cell<usize>,
    pub(crate) max_pending_send: Cell<usize>,
    pub(crate) max_packet: Cell<usize>,
    pub(crate) big_endian: Cell<bool>,
    pub(crate) emit_data: Cell<bool>,
    pub(crate) allow_half_open: Cell<bool>,
    pub(crate) tls: RefCell<Option<Gd<TlsOptions>>>,
    pub(crate) alpn: RefCell<PackedStringArray>,
}

impl Default for Settings {
    fn default() -> Self {
        let tcp = TcpOptions::default();
        Self {
            timeout: Cell::new(0.0),
            connect_timeout: Cell::new(tcp.connect_timeout.map_or(0.0, |limit| limit.as_secs_f64())),
            no_delay: Cell::new(tcp.no_delay),
            keep_alive: Cell::new(false),
            keep_alive_times: Cell::default(),
            max_buffered: Cell::new(tcp.max_buffered),
            max_pending_send: Cell::new(tcp.max_pending_send),
            max_packet: Cell::new(16 * 1024 * 1024),
            big_endian: Cell::new(false),
            emit_data: Cell::new(false),
            allow_half_open: Cell::new(false),
            tls: RefCell::default(),
            alpn: RefCell::default(),
        }
    }
}

impl Settings {
    pub(crate) fn keep_alive(&self) -> Option<KeepAlive> {
        self.keep_alive.get().then(|| self.keep_alive_times.get())
    }

    pub(crate) fn options(&self) -> TcpOptions {
        TcpOptions {
            no_delay: self.no_delay.get(),
            keep_alive: self.keep_alive(),
            max_buffered: self.max_buffered.get(),
            max_pending_send: self.max_pending_send.get(),
            connect_timeout: seconds(self.connect_timeout.get()),
            tls: None,
        }
    }

    /// When an operation that starts now times out: by its own argument, or, if that is negative, by the property.
    pub(crate) fn deadline(&self, timeout: f64) -> Option<Instant> {
        let limit = seconds(if timeout < 0.0 { self.timeout.get() } else { timeout })?;
        Instant::now().checked_add(limit)
    }
}

/// A time limit from a script; 0 and less is none, and so is one too long for a clock.
pub(crate) fn seconds(seconds: f64) -> Option<Duration> {
    if seconds > 0.0 {
        Duration::try_from_secs_f64(seconds).ok()
    } else {
        None
    }
}

/// An operation other than a receive.
struct Pending {
    task: Gd<NetTask>,
    deadline: Option<Instant>,
}

/// A `send_async` under way.
struct PendingSend {
    pending: Pending,
    token: u64,
    /// Its bytes.
    len: usize,
}

/// The signals of a connection's end. Kept apart from the state, which may be a new connection's when they are told.
struct Farewell {
    close: Close,
    listener: Option<Weak<ListenerCore>>,
}

#[derive(Default)]
pub(crate) struct ClientCore {
    pub(crate) base: SocketBase,
    pub(crate) settings: Settings,
    this: OnceCell<Weak<Self>>,
    connection: RefCell<Option<Connection>>,
    engine_stream: RefCell<Option<EngineStream>>,
    inbox: Inbox,
    /// Events that a receive has met and left to the next drain, since they emit signals.
    stash: RefCell<VecDeque<TcpEvent>>,
    connect_waits: RefCell<VecDeque<Pending>>,
    pub(super) tls_waits: Waiting,
    /// The host of the last `connect_to_host()`.
    pub(super) host: RefCell<String>,
    sends: RefCell<VecDeque<PendingSend>>,
    next_token: Cell<u64>,
    status: Cell<Status>,
    /// What a receive gives once the buffer is empty and nothing more comes.
    end_error: Cell<Option<Error>>,
    close: Cell<Close>,
    endpoints: Cell<Option<Endpoints>>,
    /// The user has closed: what waits gets its error at the next drain.
    closed_here: Cell<bool>,
    /// The peer has sent its FIN.
    peer_closed: Cell<bool>,
    /// The signals of the end that are still to come: the user closed, and the connection is not over or was replaced.
    owed: RefCell<Option<Farewell>>,
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
        if !self.may_start() {
            return Error::ERR_ALREADY_IN_USE;
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
    }

    pub(crate) fn wrap(&self, stream: Gd<StreamPeerTcp>) -> Error {
        if !self.may_start() {
            return Error::ERR_ALREADY_IN_USE;
        }
        let Some(endpoints) = EngineStream::endpoints(&stream) else {
            return Error::ERR_UNCONFIGURED;
        };
        let (connection, external) = Connection::external(&self.settings.options());
        self.begin(connection, Status::Connected);
        self.endpoints.set(Some(endpoints));
        *self.engine_stream.borrow_mut() = Some(EngineStream::new(stream, external));
        if let Some(socket) = self.socket() {
            Pump::get().poll_always(&socket);
        }
        Error::OK
    }

    /// Whether there is no connection now, or only one that is about to end.
    fn may_start(&self) -> bool {
        let open = matches!(self.status.get(), Status::Connecting | Status::Connected);
        !Pump::get().is_closed() && (!open || self.is_ending())
    }

    /// The peer has closed, and the receives hear of it just now; this side closes after them.
    fn is_ending(&self) -> bool {
        self.status.get() == Status::Connected && self.peer_closed.get() && !self.settings.allow_half_open.get()
    }

    fn begin(&self, connection: Connection, status: Status) {
        let pump = Pump::get();
        if self.is_ending() {
            *self.owed.borrow_mut() = Some(self.farewell(Close::ByPeer));
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
        self.closed_here.set(false);
        self.peer_closed.set(false);
        *self.listener.borrow_mut() = None;
        lifecycle::hook();
        if let Some(socket) = self.socket() {
            pump.register(connection.id(), &socket);
            *self.connection.borrow_mut() = Some(connection);
            pump.schedule(socket);
        }
    }

    /// Drops the connection; what was sent before still goes out behind the scenes.
    fn forget_connection(&self) {
        if let Some(connection) = self.connection.take() {
            Pump::get().unregister(connection.id());
        }
        if let (Some(mut stream), Some(socket)) = (self.engine_stream.take(), self.socket()) {
            let pump = Pump::get();
            pump.stop_polling(&socket);
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
                connection.abort();
            }
            return;
        }
        if let Some(connection) = &*self.connection.borrow() {
            if abort { connection.abort() } else { connection.close() }
        }
        self.status.set(Status::None);
        self.close.set(Close::ByHost);
        self.end_error.set(Some(Error::ERR_UNAVAILABLE));
        self.closed_here.set(true);
        *self.owed.borrow_mut() = Some(self.farewell(Close::ByHost));
        if let Some(socket) = self.socket() {
            Pump::get().schedule(socket);
        }
    }

    // Sending ---------------------------------------------------------------------------------------------------------

    pub(crate) fn send(&self, bytes: &[u8]) -> Error {
        let sent = match (&*self.connection.borrow(), self.status.get()) {
            (Some(connection), Status::Connecting | Status::Connected) => connection.send(bytes),
            _ => return self.not_open_error(),
        };
        sent.map_or_else(send_error, |()| Error::OK)
    }

    pub(crate) fn send_async(&self, bytes: &[u8], timeout: f64) -> Variant {
        let pump = Pump::get();
        let token = self.next_token.get() + 1;
        let sent = match (&*self.connection.borrow(), self.status.get()) {
            (Some(connection), Status::Connecting | Status::Connected) => connection
                .send_awaited(bytes)
                .map(|()| connection.flush(token))
                .map_err(send_error),
            _ => Err(self.not_open_error()),
        };
        if let Err(error) = sent {
            return NetTask::answer(varray![error, 0], &pump);
        }
        self.next_token.set(token);
        let Some(pending) = self.pending(timeout, varray![Error::ERR_SKIP, 0]) else {
            return Variant::nil();
        };
        let signal = pending.task.bind().wait();
        self.sends.borrow_mut().push_back(PendingSend {
            pending,
            token,
            len: bytes.len(),
        });
        signal
    }

    pub(crate) fn shutdown_send(&self) {
        if let Some(connection) = &*self.connection.borrow() {
            connection.shutdown_send();
        }
    }

    /// The error of an operation on a client that has no connection.
    pub(super) fn not_open_error(&self) -> Error {
        self.end_error.get().unwrap_or(Error::ERR_UNCONFIGURED)
    }

    /// An operation that waits. `None` only in the last moments of the object.
    fn pending(&self, timeout: f64, if_cancelled: VarArray) -> Option<Pending> {
        let socket = self.socket()?;
        let deadline = self.settings.deadline(timeout);
        if let Some(deadline) = deadline {
            Pump::get().set_alarm(&*socket, deadline);
        }
        Some(Pending {
            task: NetTask::pending(&socket, if_cancelled.to_variant()),
            deadline,
        })
    }

    // Receiving -------------------------------------------------------------------------------------------------------

    pub(crate) fn receive(&self, want: Want, timeout: f64) -> Variant {
        let pump = Pump::get();
        let mut request = Request::new(want);
        let first_in_line = !self.inbox.is_waiting();
        let ready = (first_in_line && pump.may_answer_now())
            .then(|| self.try_receive(&mut request))
            .flatten();
        if let Some(result) = ready {
            return result.to_variant();
        }
        if self.connection.borrow().is_none() && self.end_error.get().is_none() {
            return NetTask::answer(failure(request.want(), Error::ERR_UNCONFIGURED), &pump);
        }
        if let (Some((error, with_bytes)), true) = (self.no_more_error(), first_in_line || pump.is_closed()) {
            return NetTask::answer(self.inbox.take_rest(&mut request, error, with_bytes), &pump);
        }
        let if_cancelled = failure(request.want(), Error::ERR_SKIP);
        let Some(Pending { task, deadline }) = self.pending(timeout, if_cancelled) else {
            return Variant::nil();
        };
        let signal = task.bind().wait();
        self.inbox.wait(PendingReceive {
            request,
            task,
            deadline,
        });
        self.update_demand();
        if let Some(socket) = self.socket() {
            pump.schedule(socket);
        }
        signal
    }

    /// The result, if it can be had without waiting.
    fn try_receive(&self, request: &mut Request) -> Option<VarArray> {
        let mut taken = self.inbox.take(request);
        if taken.is_err() {
            self.take_in();
            taken = self.inbox.take(request);
        }
        let result = match (taken, self.no_more_error()) {
            (Ok(result), _) => Some(result),
            (Err(_), Some((error, with_bytes))) => Some(self.inbox.take_rest(request, error, with_bytes)),
            (Err(_), None) => None,
        };
        self.settle();
        result
    }

    /// Moves the bytes that the mailbox holds into the buffer, up to the first event that is no bytes.
    fn take_in(&self) {
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

    fn take_in_from(&self, connection: &Connection) {
        while self.stash.borrow().is_empty()
            && let Some(event) = connection.mailbox().next()
        {
            self.inbox_or_stash(event);
        }
    }

    fn inbox_or_stash(&self, event: TcpEvent) {
        match event {
            TcpEvent::Data(bytes) => self.inbox.push(bytes),
            other => self.stash.borrow_mut().push_back(other),
        }
    }

    /// The error that ends receiving, if nothing more comes, and whether bytes that are too few go with it.
    fn no_more_error(&self) -> Option<(Error, bool)> {
        if let Some(error) = self.end_error.get() {
            return Some((error, self.close.get() != Close::ByHost));
        }
        self.peer_closed.get().then_some((Error::ERR_FILE_EOF, true))
    }

    /// Gives the room of taken bytes back to the mailbox.
    fn settle(&self) {
        let consumed = self.inbox.take_consumed();
        if let (1.., Some(connection)) = (consumed, &*self.connection.borrow()) {
            connection.mailbox().release(consumed);
        }
    }

    /// Lets the mailbox hold what the first receive needs, however much that is.
    pub(crate) fn update_demand(&self) {
        if let Some(connection) = &*self.connection.borrow() {
            connection
                .mailbox()
                .set_max_bytes(self.settings.max_buffered.get().max(self.inbox.demand()));
        }
    }

    /// Answers the receives that can be. False if one is left only because the turn is over.
    fn answer_receives(&self, pump: &Pump) -> bool {
        let mut answered = false;
        while self.inbox.is_waiting() {
            if pump.turn_over() {
                return false;
            }
            let Some((task, result)) = self.inbox.next_answer() else {
                break;
            };
            answered = true;
            self.settle();
            NetTask::complete(&task, result.to_variant(), pump);
        }
        if answered {
            self.update_demand();
        }
        true
    }

    // Waiting to be connected -----------------------------------------------------------------------------------------

    pub(crate) fn wait_connected(&self, timeout: f64) -> Variant {
        let pump = Pump::get();
        let known = match self.status.get() {
            Status::Connected => Some(Error::OK),
            Status::Connecting => None,
            Status::None | Status::Error => Some(self.not_open_error()),
        };
        if let Some(error) = known {
            return NetTask::answer(result(error), &pump);
        }
        let Some(pending) = self.pending(timeout, result(Error::ERR_SKIP)) else {
            return Variant::nil();
        };
        let signal = pending.task.bind().wait();
        self.connect_waits.borrow_mut().push_back(pending);
        signal
    }

    fn answer_connect_waits(&self, error: Error, pump: &Pump) {
        let waits = self.connect_waits.take();
        for wait in waits {
            NetTask::complete(&wait.task, result(error).to_variant(), pump);
        }
    }

    // Events ----------------------------------------------------------------------------------------------------------

    fn next_event(&self) -> Option<TcpEvent> {
        if let Some(event) = self.stash.borrow_mut().pop_front() {
            return Some(event);
        }
        self.connection
            .borrow()
            .as_ref()
            .and_then(|connection| connection.mailbox().next())
    }

    fn handle(&self, event: TcpEvent, pump: &Pump) {
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
            TcpEvent::ConnectFailed(_) if self.status.get() != Status::Connecting => {
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

    fn emit_data(&self, bytes: &[u8], pump: &Pump) {
        self.base
            .emit(&pump.names.data_received, &[PackedByteArray::from(bytes).to_variant()]);
    }

    /// What came before `emit_data` was switched on.
    fn emit_buffered(&self, pump: &Pump) {
        let mut everything = Request::new(Want::UpTo(usize::MAX));
        if let Ok(result) = self.inbox.take(&mut everything) {
            self.settle();
            self.base.emit(&pump.names.data_received, &[result.at(1)]);
        }
    }

    fn answer_sends(&self, token: u64, pump: &Pump) {
        loop {
            let send = self.sends.borrow_mut().pop_front_if(|send| send.token <= token);
            let Some(send) = send else { return };
            NetTask::complete(&send.pending.task, varray![Error::OK, int(send.len)].to_variant(), pump);
        }
    }

    fn peer_has_closed(&self, pump: &Pump) {
        let connection = self.id();
        self.peer_closed.set(true);
        self.fail_receives(Error::ERR_FILE_EOF, pump);
        if self.id() != connection || !self.is_ending() {
            return;
        }
        // What the receives above made their owners send still goes out before this side's FIN.
        if let Some(connection) = &*self.connection.borrow() {
            connection.close();
        }
        let farewell = self.farewell(Close::ByPeer);
        self.end(Close::ByPeer, Error::ERR_FILE_EOF, Status::None, pump);
        self.emit_closed(&farewell, pump);
    }

    fn connection_is_over(&self, reason: CloseReason, error: Option<std::io::Error>, pump: &Pump) {
        if let Some(error) = error {
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
    fn end(&self, close: Close, error: Error, status: Status, pump: &Pump) {
        self.status.set(status);
        self.close.set(close);
        self.end_error.set(Some(error));
        let failures = self.all_failures(error, close != Close::ByHost);
        self.settle();
        // What the user sent before the peer's close still goes out.
        if close != Close::ByPeer {
            self.forget_connection();
        }
        for (task, result) in failures {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    fn fail_receives(&self, error: Error, pump: &Pump) {
        // Only those that wait now: a loop that does not look at the error asks again in the same breath.
        let with_bytes = self.close.get() != Close::ByHost;
        let failures: Vec<_> = std::iter::from_fn(|| self.inbox.next_failure(error, with_bytes)).collect();
        self.settle();
        for (task, result) in failures {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    fn fail_sends(&self, error: Error, pump: &Pump) {
        let sends = self.sends.take();
        for send in sends {
            NetTask::complete(&send.pending.task, varray![error, 0].to_variant(), pump);
        }
        self.answer_tls_waits(error, pump);
    }

    fn farewell(&self, close: Close) -> Farewell {
        Farewell {
            close,
            listener: self.listener.borrow().clone(),
        }
    }

    fn emit_closed(&self, farewell: &Farewell, pump: &Pump) {
        let listener = farewell.listener.as_ref().and_then(Weak::upgrade);
        let object = self.base.object();
        self.base.emit(&pump.names.disconnected, &[]);
        self.base.emit(&pump.names.closed, &[farewell.close.value()]);
        if let (Some(listener), Some(object)) = (listener, object) {
            listener.client_is_gone(&object, pump);
        }
    }

    /// Takes every operation that waits now, with its result.
    fn all_failures(&self, error: Error, with_bytes: bool) -> Vec<(Gd<NetTask>, VarArray)> {
        let receives = std::iter::from_fn(|| self.inbox.next_failure(error, with_bytes));
        let waits = self
            .connect_waits
            .take()
            .into_iter()
            .map(|wait| (wait.task, result(error)));
        let sends = self
            .sends
            .take()
            .into_iter()
            .map(|send| (send.pending.task, varray![error, 0]));
        let tls = self
            .tls_waits
            .take_all()
            .into_iter()
            .map(|(task, ())| (task, result(error)));
        receives.chain(waits).chain(sends).chain(tls).collect()
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

    pub(crate) fn status(&self) -> Status {
        self.status.get()
    }

    pub(crate) fn close_reason(&self) -> Close {
        self.close.get()
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

impl Socket for ClientCore {
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

    fn listener(&self) -> Option<SocketId> {
        self.listener.borrow().as_ref()?.upgrade()?.id()
    }

    fn turn(self: Rc<Self>, pump: &Pump) -> bool {
        if self.held.get() {
            return false;
        }
        if let Some(stream) = &mut *self.engine_stream.borrow_mut() {
            stream.pump();
        }
        let queued = self.with_connection(|connection| {
            connection.mailbox().unlist();
            connection.mailbox().len()
        });
        let mut left = queued.unwrap_or(0) + self.stash.borrow().len();
        if self.closed_here.get() {
            self.answer_connect_waits(Error::ERR_UNAVAILABLE, pump);
            self.fail_receives(Error::ERR_UNAVAILABLE, pump);
        } else if self.end_error.get().is_some() && self.inbox.is_waiting() {
            let error = self.not_open_error();
            self.fail_receives(error, pump);
        }
        if self.status.get() != Status::None {
            // The connection that the user closed was replaced by a new one before its end was told.
            let owed = self.owed.take();
            if let Some(farewell) = owed {
                self.emit_closed(&farewell, pump);
            }
        }
        if self.settings.emit_data.get() {
            self.emit_buffered(pump);
        }
        loop {
            if !self.answer_receives(pump) {
                return true;
            }
            if left == 0 {
                break;
            }
            let Some(event) = self.next_event() else { break };
            left -= 1;
            pump.count_events(1);
            self.handle(event, pump);
            if pump.turn_over() {
                // Also when that was the last event: a receive may be waiting for its bytes.
                self.update_demand();
                return true;
            }
        }
        if left == 0 && self.closed_here.get() {
            // Those that went out in time have been answered by now.
            self.fail_sends(Error::ERR_UNAVAILABLE, pump);
        }
        self.update_demand();
        left > 0
            || self
                .with_connection(|connection| !connection.mailbox().is_empty())
                .unwrap_or(false)
    }

    fn expire(self: Rc<Self>, pump: &Pump, now: Instant) -> Option<Instant> {
        let is_due = |pending: &Pending| pending.deadline.is_some_and(|deadline| deadline <= now);
        // Bytes that are there count as received in time.
        self.take_in();
        while let Some((task, result)) = self.inbox.next_answer().or_else(|| self.inbox.next_expired(now)) {
            self.settle();
            NetTask::complete(&task, result.to_variant(), pump);
        }
        loop {
            let due = self.connect_waits.borrow().iter().position(is_due);
            let Some(wait) = due.and_then(|index| self.connect_waits.borrow_mut().remove(index)) else {
                break;
            };
            NetTask::complete(&wait.task, result(Error::ERR_TIMEOUT).to_variant(), pump);
        }
        loop {
            let due = self.sends.borrow().iter().position(|send| is_due(&send.pending));
            let Some(send) = due.and_then(|index| self.sends.borrow_mut().remove(index)) else {
                break;
            };
            NetTask::complete(&send.pending.task, varray![Error::ERR_TIMEOUT, 0].to_variant(), pump);
        }
        self.update_demand();
        let waits = self
            .connect_waits
            .borrow()
            .iter()
            .filter_map(|wait| wait.deadline)
            .min();
        let sends = self
            .sends
            .borrow()
            .iter()
            .filter_map(|send| send.pending.deadline)
            .min();
        [self.inbox.next_deadline(), waits, sends].into_iter().flatten().min()
    }

    fn stop(self: Rc<Self>, pump: &Pump) {
        self.close(false);
        if pump.is_closed() {
            self.inbox.clear();
        }
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE, false) {
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    fn release(&self, pump: &Pump) {
        self.status.set(Status::None);
        self.end_error.set(Some(Error::ERR_UNAVAILABLE));
        for (task, result) in self.all_failures(Error::ERR_UNAVAILABLE, false) {
            pump.finish_later(task, result.to_variant());
        }
        self.forget_connection();
        self.inbox.clear();
        // Nobody calls its process() any more: where it is parked, the next automatic drain takes it out.
        self.base.auto_process.set(true);
    }
}
