//! The state behind a `TcpListener`: the connections that have come, and who waits for them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Instant;

use async_sockets_net::address::BindAddress;
use async_sockets_net::event::{Endpoints, ListenerEvent};
use async_sockets_net::limits::ListenOptions;
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::tcp_client::TcpClient as Connection;
use async_sockets_net::tcp_listener::TcpListener as Listening;
use bytes::Bytes;
use godot::builtin::{Array, GString, PackedByteArray, PackedStringArray, VarArray, Variant, varray};
use godot::classes::{RefCounted, TlsOptions};
use godot::global::{Error, push_warning};
use godot::meta::ToGodot;
use godot::obj::{Gd, InstanceId, NewGd};

use crate::convert::bind_error;
use crate::guard::misuse;
use crate::lifecycle;
use crate::pump::Pump;
use crate::socket::{Socket, SocketBase};
use crate::task::NetTask;
use crate::tcp_client::TcpClient;
use crate::tcp_client::core::Ended;
use crate::time;
use crate::tls;
use crate::waiting::Waiting;

/// A connection that nobody has taken by `accept()` yet. This is what keeps it alive.
struct Accepted {
    client: Gd<TcpClient>,
    /// `client_connected` had listeners: the user knows it, and it may go when it is disconnected.
    announced: bool,
}

pub(crate) struct ListenerCore {
    pub(crate) base: SocketBase,
    pub(crate) port: Cell<i64>,
    pub(crate) host: RefCell<String>,
    pub(crate) backlog: Cell<i32>,
    pub(crate) max_clients: Cell<usize>,
    pub(crate) tls: RefCell<Option<Gd<TlsOptions>>>,
    pub(crate) alpn: RefCell<PackedStringArray>,
    this: OnceCell<Weak<Self>>,
    listening: RefCell<Option<Listening>>,
    accepted: RefCell<VecDeque<Accepted>>,
    /// The `accept()`s that wait.
    waiting: Waiting,
    /// All clients that were accepted and may still live.
    clients: RefCell<Vec<InstanceId>>,
    /// Clients whose objects are gone, and whose end is to be told.
    dropped: RefCell<VecDeque<Ended>>,
    pub(crate) refuse_when_full: Cell<bool>,
    pub(crate) busy_message: RefCell<PackedByteArray>,
    /// The author knows that accepting pauses at times.
    warned: Cell<bool>,
    last_error: RefCell<String>,
}

impl ListenerCore {
    pub(crate) fn new() -> Rc<Self> {
        let core = Rc::new(Self {
            base: SocketBase::default(),
            port: Cell::new(0),
            host: RefCell::new("*".to_owned()),
            backlog: Cell::new(1024),
            max_clients: Cell::new(0),
            tls: RefCell::default(),
            alpn: RefCell::default(),
            this: OnceCell::new(),
            listening: RefCell::default(),
            accepted: RefCell::default(),
            waiting: Waiting::default(),
            clients: RefCell::default(),
            dropped: RefCell::default(),
            refuse_when_full: Cell::new(false),
            busy_message: RefCell::default(),
            warned: Cell::new(false),
            last_error: RefCell::default(),
        });
        let _ = core.this.set(Rc::downgrade(&core));
        core
    }

    fn this(&self) -> Option<Rc<Self>> {
        self.this.get()?.upgrade()
    }

    fn reschedule(&self) {
        if let Some(this) = self.this() {
            Pump::get().schedule(this);
        }
    }

    pub(crate) fn start(&self, address: BindAddress) -> Error {
        let pump = Pump::get();
        self.last_error.borrow_mut().clear();
        if pump.is_closed() {
            return self.say(Error::ERR_UNAVAILABLE, "the engine is quitting");
        }
        let max_clients = Some(self.max_clients.get()).filter(|&max| max > 0);
        let tls = match &*self.tls.borrow() {
            None => None,
            Some(tls) => match tls::server(tls, &self.alpn.borrow()) {
                Ok(config) => Some(config),
                Err((error, words)) => {
                    return self.refuse(error, "tls_options", words);
                }
            },
        };
        let options = ListenOptions {
            backlog: self.backlog.get(),
            max_clients,
            farewell: self
                .refuse_when_full
                .get()
                .then(|| Bytes::copy_from_slice(self.busy_message.borrow().as_slice())),
            tls,
            ..ListenOptions::default()
        };
        match Listening::start(address, options) {
            Ok(listening) => {
                lifecycle::hook();
                if let Some(this) = self.this() {
                    let socket: Rc<dyn Socket> = this;
                    pump.register(listening.id(), &socket);
                }
                *self.listening.borrow_mut() = Some(listening);
                Error::OK
            }
            Err(error) => self.say(bind_error(&error), &error.to_string()),
        }
    }

    /// Frees the port. Connections that nobody knows yet are closed; the others live on.
    pub(crate) fn close(&self) {
        let Some(pump) = Pump::existing() else { return };
        for (task, ()) in self.waiting.take_all() {
            self.say(Error::ERR_UNAVAILABLE, "the listener was stopped");
            pump.finish_later(task, nobody(Error::ERR_UNAVAILABLE).to_variant());
        }
        if let Some(listening) = self.listening.take() {
            pump.unregister(listening.id());
        }
        let (known, unknown): (VecDeque<_>, VecDeque<_>) = self
            .accepted
            .take()
            .into_iter()
            .partition(|accepted| accepted.announced);
        self.accepted.borrow_mut().extend(known);
        drop(unknown);
    }

    pub(crate) fn accept(&self, timeout: f64) -> Variant {
        let pump = Pump::get();
        let limit = match time::timeout(timeout, None) {
            Ok(limit) => limit,
            Err(words) => {
                let error = self.refuse(Error::ERR_INVALID_PARAMETER, "accept", format!("the timeout {words}"));
                return NetTask::answer(nobody(error), &pump);
            }
        };
        if !self.is_listening() {
            let error = self.say(Error::ERR_UNCONFIGURED, "it does not listen; call start() first");
            return NetTask::answer(nobody(error), &pump);
        }
        let first_in_line = self.waiting.is_empty();
        if first_in_line && pump.may_answer_now() {
            let next = self.accepted.borrow_mut().pop_front();
            if let Some(accepted) = next {
                self.reschedule();
                return self.hand_over(accepted.client).to_variant();
            }
        }
        let Some(this) = self.this() else { return Variant::nil() };
        let deadline = time::deadline(limit);
        let socket: Rc<dyn Socket> = this;
        let signal = self.waiting.push(&socket, deadline, &nobody(Error::ERR_SKIP), ());
        pump.schedule(socket);
        signal
    }

    /// The result of an `accept()`. From now on the client's events are handled.
    fn hand_over(&self, client: Gd<TcpClient>) -> VarArray {
        client.bind().core.set_held(false);
        varray![Error::OK, &client]
    }

    /// Gives waiting `accept()`s what is there.
    fn answer_accepts(&self, pump: &Pump) {
        while !pump.turn_over() && !self.accepted.borrow().is_empty() {
            let Some((task, ())) = self.waiting.pop() else { return };
            let Some(accepted) = self.accepted.borrow_mut().pop_front() else {
                return;
            };
            let result = self.hand_over(accepted.client);
            NetTask::complete(&task, result.to_variant(), pump);
        }
    }

    fn handle(&self, event: ListenerEvent, pump: &Pump) {
        match event {
            ListenerEvent::Accepted(connection, endpoints) => self.take(connection, *endpoints, pump),
            ListenerEvent::Refused(peer) => {
                let args = [
                    GString::from(&peer.ip().to_string()).to_variant(),
                    i64::from(peer.port()).to_variant(),
                ];
                self.base.emit(&pump.names.client_refused, &args);
            }
            ListenerEvent::Paused(_) if self.warned.replace(true) => {}
            ListenerEvent::Paused(error) => {
                let message = format!("TcpListener: accepting pauses, as the system ran out of something: {error}");
                push_warning(&[message.to_variant()] as &[Variant]);
                *self.last_error.borrow_mut() = error.to_string();
            }
            ListenerEvent::Resumed => {}
        }
    }

    fn take(&self, connection: Connection, endpoints: Endpoints, pump: &Pump) {
        let Some(this) = self.this() else { return };
        let client = TcpClient::new_gd();
        {
            let bound = client.bind();
            bound.core.base.auto_process.set(self.base.auto_process.get());
            bound.core.set_held(true);
            if let Some(core) = bound.core() {
                core.adopt(connection, endpoints, &this);
            }
        }
        self.remember(&client);
        let announced = self.has_listeners(pump);
        if announced {
            self.base.emit(&pump.names.client_connected, &[client.to_variant()]);
            client.bind().core.set_held(false);
        }
        self.accepted.borrow_mut().push_back(Accepted { client, announced });
        self.answer_accepts(pump);
    }

    /// Whether somebody listens to `client_connected`.
    fn has_listeners(&self, pump: &Pump) -> bool {
        let object = self.base.object();
        object.is_some_and(|object| {
            !object
                .get_signal_connection_list(&pump.names.client_connected)
                .is_empty()
        })
    }

    /// A client has told its own end.
    pub(crate) fn client_is_gone(&self, client: &Gd<RefCounted>, pump: &Pump) {
        let id = client.instance_id();
        self.clients.borrow_mut().retain(|&other| other != id);
        // Dropped only after the signal: it may hold the last reference.
        let position = self
            .accepted
            .borrow()
            .iter()
            .position(|a| a.announced && a.client.instance_id() == id);
        let kept = position.and_then(|index| self.accepted.borrow_mut().remove(index));
        self.base.emit(&pump.names.client_disconnected, &[client.to_variant()]);
        drop(kept);
    }

    /// A client's object is gone before it could tell the end. It may be in the middle of anything: told at the next drain.
    pub(crate) fn client_was_dropped(&self, ended: Ended, object: Option<InstanceId>) {
        self.clients.borrow_mut().retain(|&other| Some(other) != object);
        self.dropped.borrow_mut().push_back(ended);
        self.reschedule();
    }

    /// Tells the ends of clients whose objects are gone. False if the turn was over first.
    fn tell_dropped(&self, pump: &Pump) -> bool {
        loop {
            let ended = self.dropped.borrow_mut().pop_front();
            let Some(ended) = ended else { return true };
            let client = TcpClient::new_gd();
            client.bind().core.stand_in(ended);
            pump.count_events(1);
            self.base.emit(&pump.names.client_disconnected, &[client.to_variant()]);
            if pump.turn_over() {
                return self.dropped.borrow().is_empty();
            }
        }
    }

    /// Refuses what the script asks, in words to its author.
    pub(crate) fn refuse(&self, error: Error, member: &str, words: String) -> Error {
        misuse(&format!("TcpListener.{member}: {words}"));
        self.say(error, &words)
    }

    /// The words of an error that is nobody's mistake.
    fn say(&self, error: Error, words: &str) -> Error {
        words.clone_into(&mut self.last_error.borrow_mut());
        error
    }

    fn remember(&self, client: &Gd<TcpClient>) {
        let mut clients = self.clients.borrow_mut();
        // Clients that the user has dropped say nothing: they are swept out as the list doubles.
        if clients.len() == clients.capacity() {
            clients.retain(|&id| Gd::<TcpClient>::try_from_instance_id(id).is_ok());
        }
        clients.push(client.instance_id());
    }

    /// The clients that are connected now.
    pub(crate) fn clients(&self) -> Array<Gd<TcpClient>> {
        let live = |&id: &InstanceId| Gd::<TcpClient>::try_from_instance_id(id).ok();
        self.clients
            .borrow()
            .iter()
            .filter_map(live)
            .filter(|client| client.bind().core.is_open())
            .collect()
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.listening.borrow().is_some()
    }

    pub(crate) fn local_port(&self) -> i64 {
        self.listening
            .borrow()
            .as_ref()
            .map_or(0, |listening| listening.local_address().port().into())
    }

    /// How many TLS handshakes have failed, and why the last one did.
    pub(crate) fn failed_handshakes(&self) -> (u64, String) {
        self.listening
            .borrow()
            .as_ref()
            .map_or((0, String::new()), |listening| {
                (
                    listening.failed_handshakes(),
                    listening.last_handshake_error().unwrap_or_default(),
                )
            })
    }

    pub(crate) fn last_error(&self) -> String {
        self.last_error.borrow().clone()
    }

    /// Whether more connections may be taken in: nobody seems to want those that are there.
    fn is_full(&self, pump: &Pump) -> bool {
        let limit = usize::try_from(self.backlog.get()).unwrap_or(1);
        self.accepted.borrow().len() >= limit && !self.has_listeners(pump)
    }
}

/// The result of an `accept()` without a client.
pub(crate) fn nobody(error: Error) -> VarArray {
    varray![error, &Variant::nil()]
}

impl Socket for ListenerCore {
    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn id(&self) -> Option<SocketId> {
        self.listening.borrow().as_ref().map(Listening::id)
    }

    fn queued(&self) -> usize {
        self.listening
            .borrow()
            .as_ref()
            .map_or(0, |listening| listening.mailbox().len())
    }

    fn turn(self: Rc<Self>, pump: &Pump) -> bool {
        if !self.tell_dropped(pump) {
            return true;
        }
        let queued = self.listening.borrow().as_ref().map(|listening| {
            listening.mailbox().unlist();
            listening.mailbox().len()
        });
        self.answer_accepts(pump);
        for _ in 0..queued.unwrap_or(0) {
            if self.is_full(pump) {
                return false; // The next accept() goes on.
            }
            let event = self
                .listening
                .borrow()
                .as_ref()
                .and_then(|listening| listening.mailbox().next());
            let Some(event) = event else { break };
            pump.count_events(1);
            self.handle(event, pump);
            if pump.turn_over() {
                break;
            }
        }
        let queued = self
            .listening
            .borrow()
            .as_ref()
            .is_some_and(|listening| !listening.mailbox().is_empty());
        queued || (!self.accepted.borrow().is_empty() && !self.waiting.is_empty())
    }

    fn expire(self: Rc<Self>, pump: &Pump, now: Instant) -> Option<Instant> {
        while let Some((task, ())) = self.waiting.next_expired(now) {
            self.say(Error::ERR_TIMEOUT, "no connection came within the timeout");
            NetTask::complete(&task, nobody(Error::ERR_TIMEOUT).to_variant(), pump);
        }
        self.waiting.next_deadline()
    }

    fn stop(self: Rc<Self>, _pump: &Pump) {
        self.close();
    }

    fn release(&self, _pump: &Pump) {
        self.close();
        self.base.auto_process.set(true);
    }
}
