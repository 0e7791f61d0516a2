//! The state behind a `TcpListener`: the connections that have come, and who waits for them.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::time::Instant;

use async_sockets_net::address::BindAddress;
use async_sockets_net::event::{Endpoints, ListenerEvent};
use async_sockets_net::limits::{DEFAULT_MAX_TOTAL, ListenOptions};
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::tcp_client::TcpClient as Connection;
use async_sockets_net::tcp_listener::TcpListener as Listening;
use bytes::Bytes;
use godot::builtin::{Array, GString, PackedByteArray, PackedStringArray, VarArray, Variant, varray};
use godot::classes::{RefCounted, TlsOptions};
use godot::global::{Error, push_warning};
use godot::meta::ToGodot;
use godot::obj::{Gd, InstanceId, NewGd};

use crate::admission::Admission;
use crate::convert::bind_error;
use crate::guard::misuse;
use crate::lifecycle;
use crate::pump::Pump;
use crate::restore::Finally;
use crate::socket::{Socket, SocketBase, Turn};
use crate::task::NetTask;
use crate::tcp_client::TcpClient;
use crate::tcp_client::core::Ended;
use crate::time;
use crate::tls;
use crate::waiting::Waiting;

use super::roster::Roster;

/// The smallest number of clients that is swept.
const MIN_SWEEP: usize = 64;

pub(crate) struct ListenerCore {
    pub(crate) base: SocketBase,
    pub(crate) port: Cell<i64>,
    pub(crate) host: RefCell<String>,
    pub(crate) backlog: Cell<i32>,
    pub(crate) max_clients: Cell<usize>,
    pub(crate) max_total: Cell<usize>,
    pub(crate) admission: Admission,
    pub(crate) tls: RefCell<Option<Gd<TlsOptions>>>,
    pub(crate) alpn: RefCell<PackedStringArray>,
    this: OnceCell<Weak<Self>>,
    listening: RefCell<Option<Listening>>,
    /// Connections that nobody knows yet: neither told by `client_connected` nor taken by `accept()`. This is what keeps
    /// them alive, as for the next ones.
    unknown: RefCell<VecDeque<Gd<TcpClient>>>,
    /// Those that `client_connected` has told of, until they are taken by `accept()` or disconnected. All are older than
    /// those that nobody knows.
    announced: RefCell<Roster<InstanceId, Gd<TcpClient>>>,
    /// The `accept()`s that wait.
    waiting: Waiting,
    /// All clients that were accepted and may still live.
    clients: RefCell<Roster<InstanceId, ()>>,
    /// At this number, those that no longer live are taken out.
    sweep_at: Cell<usize>,
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
            max_total: Cell::new(DEFAULT_MAX_TOTAL),
            admission: Admission::default(),
            tls: RefCell::default(),
            alpn: RefCell::default(),
            this: OnceCell::new(),
            listening: RefCell::default(),
            unknown: RefCell::default(),
            announced: RefCell::default(),
            waiting: Waiting::default(),
            clients: RefCell::default(),
            sweep_at: Cell::new(MIN_SWEEP),
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
        // Copies: reading the options, and telling what is wrong with them, may run user code.
        let (tls, alpn) = (self.tls.borrow().clone(), self.alpn.borrow().clone());
        let tls = match tls {
            None => None,
            Some(tls) => match tls::server(&tls, &alpn) {
                Ok(config) => Some(config),
                Err((error, words)) => {
                    return self.refuse(error, "tls_options", words);
                }
            },
        };
        let options = ListenOptions {
            backlog: self.backlog.get(),
            max_clients,
            max_total: self.max_total.get(),
            admission: self.admission.rules(),
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
                    pump.register(listening.id(), socket);
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
        drop(self.unknown.take());
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
        if first_in_line
            && pump.may_answer_now()
            && let Some(client) = self.next_client()
        {
            self.reschedule();
            return hand_over(client).to_variant();
        }
        let Some(this) = self.this() else { return Variant::nil() };
        let deadline = time::deadline(limit);
        let socket: Rc<dyn Socket> = this;
        let signal = self.waiting.push(&*socket, deadline, &nobody(Error::ERR_SKIP), ());
        pump.schedule(socket);
        signal
    }

    fn next_client(&self) -> Option<Gd<TcpClient>> {
        let announced = self.announced.borrow_mut().pop_first();
        announced.or_else(|| self.unknown.borrow_mut().pop_front())
    }

    fn has_client(&self) -> bool {
        !self.announced.borrow().is_empty() || !self.unknown.borrow().is_empty()
    }

    /// Gives waiting `accept()`s what is there.
    fn answer_accepts(&self, pump: &Pump) {
        while !pump.turn_over() {
            let Some((task, ())) = self.waiting.pop_if(|()| self.has_client()) else {
                return;
            };
            let Some(client) = self.next_client() else { return };
            NetTask::complete(&task, hand_over(client).to_variant(), pump);
        }
    }

    /// Tells of the clients that nobody knows, one by one, as long as somebody listens.
    fn announce(&self, pump: &Pump) {
        while !pump.turn_over() && !self.unknown.borrow().is_empty() && self.has_listeners(pump) {
            let Some(client) = self.unknown.borrow_mut().pop_front() else {
                return;
            };
            self.announced.borrow_mut().push(client.instance_id(), client.clone());
            let _told = Finally(|| client.bind().core.set_held(false));
            self.base.emit(&pump.names.client_connected, &[client.to_variant()]);
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
        self.unknown.borrow_mut().push_back(client);
        self.announce(pump);
        self.answer_accepts(pump);
    }

    /// Whether somebody listens to `client_connected`.
    fn has_listeners(&self, pump: &Pump) -> bool {
        self.base.is_heard(&pump.names.client_connected, pump)
    }

    /// A client has told its own end.
    pub(crate) fn client_is_gone(&self, client: &Gd<RefCounted>, pump: &Pump) {
        let id = client.instance_id();
        self.clients.borrow_mut().remove(id);
        // Dropped only after the signal: it may hold the last reference.
        let kept = self.announced.borrow_mut().remove(id);
        self.base.emit(&pump.names.client_disconnected, &[client.to_variant()]);
        drop(kept);
    }

    /// A client's object is gone before it could tell the end. It may be in the middle of anything: told at the next drain.
    pub(crate) fn client_was_dropped(&self, ended: Ended, object: Option<InstanceId>) {
        if let Some(object) = object {
            self.clients.borrow_mut().remove(object);
        }
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
            pump.count_event(&self.base);
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
        if clients.len() >= self.sweep_at.get() {
            clients.retain(|id| id.lookup_validity());
            self.sweep_at.set((clients.len() * 2).max(MIN_SWEEP));
        }
        clients.push(client.instance_id(), ());
    }

    /// The clients that are connected now.
    pub(crate) fn clients(&self) -> Array<Gd<TcpClient>> {
        let all: Vec<_> = self.clients.borrow().keys().collect();
        all.into_iter()
            .filter_map(|id| Gd::<TcpClient>::try_from_instance_id(id).ok())
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

    /// Has the present rules about addresses hold for new connections.
    pub(crate) fn apply_admission(&self) {
        if let Some(listening) = &*self.listening.borrow() {
            listening.set_admission(self.admission.rules());
        }
    }

    /// Connections that were turned away by their address, or had to make room.
    pub(crate) fn turned_away(&self) -> u64 {
        let listening = self.listening.borrow();
        listening
            .as_ref()
            .map_or(0, |listening| listening.turned_away().total())
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
        let there = self.announced.borrow().len() + self.unknown.borrow().len();
        there >= limit && !self.has_listeners(pump)
    }
}

/// The result of an `accept()`. From now on the client's events are handled.
fn hand_over(client: Gd<TcpClient>) -> VarArray {
    client.bind().core.set_held(false);
    varray![Error::OK, &client]
}

/// The result of an `accept()` without a client.
pub(crate) fn nobody(error: Error) -> VarArray {
    varray![error, &Variant::nil()]
}

impl Socket for ListenerCore {
    fn class(&self) -> &'static str {
        "TcpListener"
    }

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

    fn finds_ears(&self, pump: &Pump) -> Option<bool> {
        // A full listener leaves what has come where it is.
        let waits = !self.unknown.borrow().is_empty() || self.queued() > 0;
        waits.then(|| self.has_listeners(pump))
    }

    fn turn(self: Rc<Self>, pump: &Pump) -> Turn {
        if !self.tell_dropped(pump) {
            return Turn::Cut;
        }
        let queued = self.listening.borrow().as_ref().map(|listening| {
            listening.mailbox().unlist();
            listening.mailbox().len()
        });
        self.announce(pump);
        self.answer_accepts(pump);
        let mut full = false;
        for _ in 0..queued.unwrap_or(0) {
            full = self.is_full(pump);
            if full || pump.turn_over() {
                break;
            }
            let event = self
                .listening
                .borrow()
                .as_ref()
                .and_then(|listening| listening.mailbox().next());
            let Some(event) = event else { break };
            pump.count_event(&self.base);
            self.handle(event, pump);
        }
        if full || !self.unknown.borrow().is_empty() {
            pump.wait_for_ears(self.clone());
        }
        let unanswered = self.has_client() && !self.waiting.is_empty();
        let unheard = !self.unknown.borrow().is_empty() && self.has_listeners(pump);
        // If it is full, the next accept() goes on.
        let queued = !full && self.queued() > 0;
        if pump.turn_over() && (queued || unanswered || unheard) {
            Turn::Cut
        } else {
            Turn::through(queued || unanswered || unheard)
        }
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
        let announced = self.announced.take();
        drop(announced);
    }
}
