//! The accepted clients: how they are handed out, and how their ends are told.

use std::rc::Rc;

use async_sockets_net::event::Endpoints;
use async_sockets_net::tcp_client::TcpClient as Connection;
use godot::builtin::{Array, VarArray, Variant, varray};
use godot::classes::RefCounted;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Gd, InstanceId, NewGd};

use super::core::ListenerCore;
use crate::class::SocketClass;
use crate::pump::Pump;
use crate::restore::Finally;
use crate::socket::Socket;
use crate::task::NetTask;
use crate::tcp_client::{Ended, TcpClient};
use crate::time;

/// The smallest number of clients that is swept.
const MIN_SWEEP: usize = 64;

impl ListenerCore {
    pub(crate) fn accept(self: &Rc<Self>, timeout: f64) -> Variant {
        let pump = Pump::get();
        let limit = match time::timeout(timeout, time::limit(self.settings.timeout.get()).unwrap_or_default()) {
            Ok(limit) => limit,
            Err(words) => {
                let error = self.refuse(
                    Error::ERR_INVALID_PARAMETER,
                    "accept",
                    format_args!("the timeout {words}"),
                );
                return NetTask::answer(nobody(error), &pump);
            }
        };
        if !self.is_listening() {
            let error = self.not_started("it does not listen; call start() first");
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
        let deadline = time::deadline(limit);
        let signal = self.waiting.push(&**self, deadline, &nobody(Error::ERR_SKIP), ());
        pump.schedule(self.clone());
        signal
    }

    fn next_client(&self) -> Option<Gd<TcpClient>> {
        let announced = self.announced.borrow_mut().pop_first();
        announced.or_else(|| self.unknown.borrow_mut().pop_front())
    }

    pub(super) fn has_client(&self) -> bool {
        !self.announced.borrow().is_empty() || !self.unknown.borrow().is_empty()
    }

    /// Resolves pending `accept()`s, as far as there are clients.
    pub(super) fn answer_accepts(&self, pump: &Pump) {
        while !pump.turn_over() {
            let Some((task, ())) = self.waiting.pop_if(|()| self.has_client()) else {
                return;
            };
            let Some(client) = self.next_client() else { return };
            NetTask::complete(&task, hand_over(client).to_variant(), pump);
        }
    }

    /// Announces the unknown clients one by one, as long as a handler is connected.
    pub(super) fn announce(&self, pump: &Pump) {
        while !pump.turn_over() && !self.unknown.borrow().is_empty() && self.has_listeners(pump) {
            let Some(client) = self.unknown.borrow_mut().pop_front() else {
                return;
            };
            self.announced.borrow_mut().push(client.instance_id(), client.clone());
            let _told = Finally(|| client.bind().core.set_held(false));
            self.base.emit(&pump.names.client_connected, &[client.to_variant()]);
        }
    }

    /// Makes a client of an accepted connection.
    pub(super) fn take(self: &Rc<Self>, connection: Connection, endpoints: Endpoints, pump: &Pump) {
        let client = TcpClient::new_gd();
        {
            let bound = client.bind();
            bound.core.base.auto_process.set(self.base.auto_process.get());
            bound.core.set_held(true);
            if let Some(core) = bound.core() {
                core.adopt(connection, endpoints, self);
            }
        }
        self.remember(&client);
        self.unknown.borrow_mut().push_back(client);
        self.announce(pump);
        self.answer_accepts(pump);
    }

    /// Whether a handler is connected to `client_connected`.
    pub(super) fn has_listeners(&self, pump: &Pump) -> bool {
        self.base.is_heard(&pump.names.client_connected, pump)
    }

    /// Tells the end of a client that has emitted its own signals.
    pub(crate) fn client_is_gone(&self, client: &Gd<RefCounted>, pump: &Pump) {
        let id = client.instance_id();
        self.clients.borrow_mut().remove(id);
        // Dropped after the signal, as it may be the last reference.
        let kept = self.announced.borrow_mut().remove(id);
        self.base.emit(&pump.names.client_disconnected, &[client.to_variant()]);
        drop(kept);
    }

    /// Notes the end of a client whose object was freed before it could tell it. This may happen in the middle of
    /// anything, so the end is told at the next drain.
    pub(crate) fn client_was_dropped(self: &Rc<Self>, ended: Ended, object: Option<InstanceId>) {
        if let Some(object) = object {
            self.clients.borrow_mut().remove(object);
        }
        self.dropped.borrow_mut().push_back(ended);
        self.reschedule();
    }

    /// Tells the ends of clients whose objects were freed. False if the turn was over first.
    pub(super) fn tell_dropped(&self, pump: &Pump) -> bool {
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

    fn remember(&self, client: &Gd<TcpClient>) {
        let mut clients = self.clients.borrow_mut();
        // Clients that the user has freed do not report it: they are removed whenever the list has doubled.
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

    /// Whether `backlog` connections wait already, and no handler is connected that would take them.
    pub(super) fn is_full(&self, pump: &Pump) -> bool {
        let limit = usize::try_from(self.settings.backlog.get()).unwrap_or(1);
        let there = self.announced.borrow().len() + self.unknown.borrow().len();
        there >= limit && !self.has_listeners(pump)
    }
}

/// The result of an `accept()`. The client's events are handled from now on.
fn hand_over(client: Gd<TcpClient>) -> VarArray {
    client.bind().core.set_held(false);
    varray![Error::OK, &client]
}

/// The result of an `accept()` without a client.
pub(super) fn nobody(error: Error) -> VarArray {
    varray![error, &Variant::nil()]
}
