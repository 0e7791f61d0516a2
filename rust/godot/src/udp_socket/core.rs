//! The state behind a `UdpSocket`: the bound socket and the operations that wait for its datagrams.

use std::cell::{Cell, RefCell};
use std::io;
use std::num::NonZeroU8;
use std::rc::Rc;
use std::time::Instant;

use async_sockets_net::address::{BindAddress, Destination, host_text};
use async_sockets_net::error::{ConnectError, DatagramError, DatagramLost, MulticastError};
use async_sockets_net::event::{Datagram, LostDatagram, UdpEvent};
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::options::UdpOptions;
use async_sockets_net::udp_socket::{Interface, UdpSocket as Bound};
use godot::builtin::{GString, PackedByteArray, VarArray, Variant, varray};
use godot::global::Error;
use godot::meta::ToGodot;

use crate::convert::{bind_error, connect_error, datagram_error, datagram_lost, int, multicast_error, no_bytes};
use crate::lifecycle;
use crate::pump::{Pump, QUITTING};
use crate::socket::{Socket, SocketBase, Turn};
use crate::task::NetTask;
use crate::time;
use crate::waiting::Waiting;

const NOT_CONNECTED: &str = "the socket is not connected to a host; use send_to(), or connect_to_host() first";

/// An awaited send in flight.
struct AwaitedSend {
    token: u64,
    len: usize,
}

/// The result of a receive.
#[derive(Clone, Copy)]
pub(crate) enum Shape {
    /// Of `recv()`: the error and the datagram.
    Data,
    /// Of `recv_from()`: also the address and the port of the sender.
    From,
}

impl Shape {
    fn method(self) -> &'static str {
        match self {
            Self::Data => "recv",
            Self::From => "recv_from",
        }
    }

    /// The result without a datagram.
    pub(crate) fn nothing(self, error: Error) -> VarArray {
        match self {
            Self::Data => varray![error, &no_bytes()],
            Self::From => varray![error, &no_bytes(), &GString::new(), 0],
        }
    }

    fn received(self, datagram: &Datagram) -> VarArray {
        let [data, address, port] = parts(datagram);
        match self {
            Self::Data => varray![Error::OK, &data],
            Self::From => varray![Error::OK, &data, &address, &port],
        }
    }
}

#[derive(Default)]
pub(crate) struct UdpCore {
    pub(crate) base: SocketBase,
    pub(crate) options: RefCell<UdpOptions>,
    /// The time limit of an operation whose own is omitted, in seconds.
    pub(crate) timeout: Cell<f64>,
    bound: RefCell<Option<Bound>>,
    receives: Waiting<Shape>,
    sends: Waiting<AwaitedSend>,
    next_token: Cell<u64>,
}

impl UdpCore {
    pub(crate) fn new() -> Rc<Self> {
        Rc::default()
    }

    pub(crate) fn bind(self: &Rc<Self>, address: BindAddress) -> Error {
        let pump = Pump::get();
        self.base.begun.set(true);
        if pump.is_closed() {
            return self.fail(Error::ERR_UNAVAILABLE, QUITTING);
        }
        if self.bound.borrow().is_some() {
            let words = "the socket is bound already; close it first, or use a new one";
            return self.refuse(Error::ERR_ALREADY_IN_USE, "bind", words);
        }
        self.base.set_last_error("");
        match Bound::bind(address, &self.options.borrow()) {
            Ok(bound) => {
                lifecycle::hook();
                pump.register(bound.id(), self.clone());
                *self.bound.borrow_mut() = Some(bound);
                Error::OK
            }
            Err(error) => self.fail(bind_error(&error), error),
        }
    }

    /// Binds a free port unless the socket is bound.
    fn ensure_bound(self: &Rc<Self>) -> Error {
        if self.bound.borrow().is_some() {
            Error::OK
        } else {
            self.bind(BindAddress::Any(0))
        }
    }

    /// Closes the socket. Pending datagrams are still sent; pending operations complete at the next drain.
    pub(crate) fn close(&self) {
        let Some(pump) = Pump::existing() else { return };
        for (task, shape) in self.receives.take_all() {
            self.fail(Error::ERR_UNAVAILABLE, "the socket was closed");
            pump.finish_later(task, shape.nothing(Error::ERR_UNAVAILABLE).to_variant());
        }
        for (task, _) in self.sends.take_all() {
            pump.finish_later(task, varray![Error::ERR_UNAVAILABLE, 0].to_variant());
        }
        if let Some(bound) = self.bound.take() {
            pump.unregister(bound.id());
        }
    }

    pub(crate) fn connect(self: &Rc<Self>, to: Destination) -> Error {
        let error = self.ensure_bound();
        if error != Error::OK {
            return error;
        }
        let connected = self.bound.borrow_mut().as_mut().map(|bound| bound.connect(to));
        if let Some(Ok(())) = connected {
            Error::OK
        } else {
            self.fail(Error::ERR_UNAVAILABLE, "the socket is closed")
        }
    }

    pub(crate) fn send(self: &Rc<Self>, method: &str, data: &[u8], to: Option<Destination>) -> Error {
        if to.is_some() {
            let error = self.ensure_bound();
            if error != Error::OK {
                return error;
            }
        }
        let sent = self.with(|bound| match to {
            Some(to) => bound.send_to(data, to),
            None => bound.send(data),
        });
        match sent {
            Some(sent) => self.told(method, sent),
            None => self.not_started(NOT_CONNECTED),
        }
    }

    /// Sends a datagram, to the connected host if there is no destination.
    pub(crate) fn send_awaited(
        self: &Rc<Self>,
        method: &str,
        data: &[u8],
        to: Option<Destination>,
        timeout: f64,
    ) -> Variant {
        let pump = Pump::get();
        let token = self.next_token.get() + 1;
        self.next_token.set(token);
        let sent = self.deadline(method, timeout).and_then(|deadline| {
            let error = match to {
                Some(_) => self.ensure_bound(),
                None => Error::OK,
            };
            if error != Error::OK {
                return Err(error);
            }
            let error = match self.with(|bound| bound.send_to_awaited(data, to, token)) {
                Some(sent) => self.told(method, sent),
                None => self.not_started(NOT_CONNECTED),
            };
            if error == Error::OK { Ok(deadline) } else { Err(error) }
        });
        let deadline = match sent {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(varray![error, 0], &pump),
        };
        let send = AwaitedSend { token, len: data.len() };
        self.sends.push(&**self, deadline, &varray![Error::ERR_SKIP, 0], send)
    }

    /// When an operation that starts now times out.
    fn deadline(&self, method: &str, timeout: f64) -> Result<Option<Instant>, Error> {
        let default = time::limit(self.timeout.get()).unwrap_or_default();
        time::timeout(timeout, default).map(time::deadline).map_err(|words| {
            self.refuse(
                Error::ERR_INVALID_PARAMETER,
                method,
                format_args!("the timeout {words}"),
            )
        })
    }

    fn told(&self, method: &str, sent: Result<(), DatagramError>) -> Error {
        match sent {
            Ok(()) => Error::OK,
            Err(error @ DatagramError::TooLarge(_)) => self.refuse(datagram_error(&error), method, error),
            Err(error) => self.fail(datagram_error(&error), error),
        }
    }

    pub(crate) fn receive(self: &Rc<Self>, shape: Shape, timeout: f64) -> Variant {
        let pump = Pump::get();
        let deadline = match self.deadline(shape.method(), timeout) {
            Ok(deadline) => deadline,
            Err(error) => return NetTask::answer(shape.nothing(error), &pump),
        };
        let words = match (shape, self.with(Bound::is_connected)) {
            (Shape::Data, None | Some(false)) => Some("the socket is not connected to a host; use recv_from()"),
            (Shape::From, None) => Some("the socket is not bound; call bind() first"),
            _ => None,
        };
        if let Some(words) = words {
            let error = self.not_started(words);
            return NetTask::answer(shape.nothing(error), &pump);
        }
        if self.receives.is_empty()
            && pump.may_answer_now()
            && let Some(datagram) = self.next_datagram()
        {
            return shape.received(&datagram).to_variant();
        }
        let signal = self
            .receives
            .push(&**self, deadline, &shape.nothing(Error::ERR_SKIP), shape);
        pump.schedule(self.clone());
        signal
    }

    fn next_datagram(&self) -> Option<Datagram> {
        self.bound.borrow().as_ref().and_then(Bound::next_datagram)
    }

    /// Gives datagrams to the pending receives, else to the signal if it has a connection; the others stay queued.
    /// False if the turn ended first.
    fn deliver(self: &Rc<Self>, pump: &Pump) -> bool {
        self.receives.somebody_waits(); // Drops cancelled ones.
        let mut left = self.with(Bound::available_datagrams).unwrap_or(0);
        while left > 0 {
            if pump.turn_over() {
                return false;
            }
            left -= 1;
            let Some(datagram) = self.next_datagram() else { break };
            if let Some((task, shape)) = self.receives.pop() {
                pump.count_event(&self.base);
                NetTask::complete(&task, shape.received(&datagram).to_variant(), pump);
                continue;
            }
            // The connection may have gone since the last one: it was one-shot, or has disconnected itself.
            if !self
                .base
                .emit_heard(&pump.names.datagram_received, &parts(&datagram), pump)
            {
                self.with(|bound| bound.put_back(datagram));
                pump.wait_for_ears(self.clone());
                break;
            }
            pump.count_event(&self.base);
        }
        true
    }

    fn handle(&self, event: UdpEvent, pump: &Pump) {
        match event {
            UdpEvent::Connected(_) | UdpEvent::Closed(None) => {}
            UdpEvent::Closed(Some(error)) => {
                self.close();
                // Why, and not that it was closed.
                self.base.set_last_error(error.to_string());
            }
            UdpEvent::Sent(token) => self.answer_send(token, Error::OK, pump),
            UdpEvent::SendFailed(lost) => self.lost(&lost, pump),
            UdpEvent::ConnectFailed(error) => {
                let denied = matches!(&*error, ConnectError::Connect { source, .. } if is_denied(source));
                self.base.set_last_error(self.with_hint(error.to_string(), denied));
                let none = (no_bytes(), GString::new().to_variant(), 0.to_variant());
                self.emit_failed(connect_error(&error), none, pump);
            }
            UdpEvent::Unreachable(peer, error) => {
                self.base.set_last_error(error.to_string());
                let host = GString::from(&host_text(peer));
                self.emit_failed(
                    Error::ERR_CONNECTION_ERROR,
                    (no_bytes(), host.to_variant(), i64::from(peer.port()).to_variant()),
                    pump,
                );
            }
        }
    }

    fn answer_send(&self, token: u64, error: Error, pump: &Pump) {
        // Datagrams to a name that is being resolved are overtaken by others, so tokens arrive in any order.
        if let Some((task, send)) = self.sends.take_where(|send| send.token == token) {
            let sent = if error == Error::OK { int(send.len) } else { 0 };
            NetTask::complete(&task, varray![error, sent].to_variant(), pump);
        }
    }

    fn lost(&self, lost: &LostDatagram, pump: &Pump) {
        let error = datagram_lost(&lost.error);
        let denied = matches!(&lost.error, DatagramLost::Io(error) if is_denied(error));
        self.base.set_last_error(self.with_hint(lost.error.to_string(), denied));
        self.with(|bound| bound.mailbox().release(lost.data.len()));
        if let Some(token) = lost.token {
            self.answer_send(token, error, pump);
        }
        let data = PackedByteArray::from(lost.data.as_ref()).to_variant();
        let host = GString::from(&lost.host).to_variant();
        self.emit_failed(error, (data, host, i64::from(lost.port).to_variant()), pump);
    }

    /// Adds a hint to a denial: that is how the system refuses a broadcast while [`UdpOptions::broadcast`] is off.
    fn with_hint(&self, words: String, denied: bool) -> String {
        if denied && !self.options.borrow().broadcast {
            format!("{words}; to send to a broadcast address, set broadcast = true")
        } else {
            words
        }
    }

    fn emit_failed(&self, error: Error, (data, host, port): (Variant, Variant, Variant), pump: &Pump) {
        self.base
            .emit(&pump.names.send_failed, &[error.to_variant(), data, host, port]);
    }

    pub(crate) fn multicast(self: &Rc<Self>, group: &str, interface: &str, join: bool) -> Error {
        let error = self.ensure_bound();
        if error != Error::OK {
            return error;
        }
        let interface = Interface::parse(interface);
        let change = |bound: &Bound| {
            if join {
                bound.join_multicast_group(group, &interface)
            } else {
                bound.leave_multicast_group(group, &interface)
            }
        };
        match self.with(change).unwrap_or(Err(MulticastError::Closed)) {
            Ok(()) => Error::OK,
            Err(error @ MulticastError::Group(_)) => {
                let method = if join {
                    "join_multicast_group"
                } else {
                    "leave_multicast_group"
                };
                self.refuse(multicast_error(&error), method, error)
            }
            Err(error) => self.fail(multicast_error(&error), error),
        }
    }

    pub(crate) fn set_broadcast(&self, on: bool) {
        self.options.borrow_mut().broadcast = on;
        if let Some(Err(error)) = self.with(|bound| bound.set_broadcast(on)) {
            self.base.set_last_error(error.to_string());
        }
    }

    pub(crate) fn set_ttl(&self, ttl: Option<NonZeroU8>) {
        self.options.borrow_mut().ttl = ttl;
        let applied = ttl.and_then(|ttl| self.with(|bound| bound.set_ttl(ttl)));
        if let Some(Err(error)) = applied {
            self.base.set_last_error(error.to_string());
        }
    }

    pub(crate) fn set_max_pending_send(&self, bytes: usize) {
        self.options.borrow_mut().max_pending_send = bytes;
        if let Some(bound) = &mut *self.bound.borrow_mut() {
            bound.set_max_pending_send(bytes);
        }
    }

    pub(crate) fn apply_queue_limits(&self) {
        let options = self.options.borrow();
        self.with(|bound| bound.set_queue_limits(options.max_datagrams, options.max_datagram_bytes));
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&Bound) -> R) -> Option<R> {
        self.bound.borrow().as_ref().map(f)
    }
}

impl Socket for UdpCore {
    fn class(&self) -> &'static str {
        "UdpSocket"
    }

    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn id(&self) -> Option<SocketId> {
        self.with(Bound::id)
    }

    fn queued(&self) -> usize {
        self.with(|bound| bound.mailbox().len() + bound.available_datagrams())
            .unwrap_or(0)
    }

    fn finds_ears(&self, pump: &Pump) -> Option<bool> {
        let waits = self.with(Bound::available_datagrams)? > 0;
        waits.then(|| self.base.is_heard(&pump.names.datagram_received, pump))
    }

    fn turn(self: Rc<Self>, pump: &Pump) -> Turn {
        let mut left = self.with(|bound| {
            bound.mailbox().unlist();
            bound.mailbox().len()
        });
        while let Some(1..) = left {
            left = left.map(|left| left - 1);
            let event = self.bound.borrow().as_ref().and_then(|bound| bound.mailbox().next());
            let Some(event) = event else { break };
            pump.count_event(&self.base);
            self.handle(event, pump);
            if pump.turn_over() {
                return Turn::Cut;
            }
        }
        if self.deliver(pump) { Turn::Done } else { Turn::Cut }
    }

    fn expire(self: Rc<Self>, pump: &Pump, now: Instant) -> Option<Instant> {
        while let Some((task, shape)) = self.receives.next_expired(now) {
            self.fail(Error::ERR_TIMEOUT, "no datagram came within the timeout");
            NetTask::complete(&task, shape.nothing(Error::ERR_TIMEOUT).to_variant(), pump);
        }
        while let Some((task, _)) = self.sends.next_expired(now) {
            self.fail(Error::ERR_TIMEOUT, "the datagram was not sent within the timeout");
            NetTask::complete(&task, varray![Error::ERR_TIMEOUT, 0].to_variant(), pump);
        }
        let deadlines = [self.receives.next_deadline(), self.sends.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    fn stop(self: Rc<Self>, _pump: &Pump) {
        self.close();
    }

    fn release(&self, _pump: &Pump) {
        self.close();
    }
}

fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

fn parts(datagram: &Datagram) -> [Variant; 3] {
    [
        PackedByteArray::from(datagram.data.as_ref()).to_variant(),
        GString::from(&host_text(datagram.from)).to_variant(),
        i64::from(datagram.from.port()).to_variant(),
    ]
}
