//! The state behind a `TcpListener`: the connections it has accepted, and the operations that wait for them.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use async_sockets_net::address::BindAddress;
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::tcp_listener::{ListenerEvent, ListenerFigures, TcpListener as Listening};
use godot::builtin::{GString, Variant};
use godot::global::{Error, push_warning};
use godot::meta::ToGodot;
use godot::obj::{Gd, InstanceId};

use super::clients::nobody;
use super::roster::Roster;
use super::settings::Settings;
use crate::advice::Started;
use crate::convert::bind_error;
use crate::lifecycle;
use crate::pump::{Pump, QUITTING};
use crate::socket::{Socket, SocketBase, Turn};
use crate::task::NetTask;
use crate::tcp_client::{Ended, TcpClient};
use crate::waiting::Waiting;

#[derive(Default)]
pub(crate) struct ListenerCore {
    pub(crate) base: SocketBase,
    pub(crate) settings: Settings,
    listening: RefCell<Option<Listening>>,
    /// Those of the last start, also once it has stopped.
    figures: RefCell<Option<ListenerFigures>>,
    /// Accepted connections that the user does not know yet: neither announced by `client_connected` nor taken by
    /// `accept()`. Only this list keeps them alive; the same holds for the next one.
    pub(super) unknown: RefCell<VecDeque<Gd<TcpClient>>>,
    /// Those that `client_connected` has announced, until `accept()` takes them or they are disconnected. All are older
    /// than the unknown ones.
    pub(super) announced: RefCell<Roster<InstanceId, Gd<TcpClient>>>,
    /// The pending `accept()`s.
    pub(super) waiting: Waiting,
    /// All accepted clients whose objects may still live.
    pub(super) clients: RefCell<Roster<InstanceId, ()>>,
    /// The number of clients at which those whose objects are freed are removed.
    pub(super) sweep_at: Cell<usize>,
    /// Clients whose objects were freed, and whose end is still to be told.
    pub(super) dropped: RefCell<VecDeque<Ended>>,
    started: Started,
    /// The author has been told that accepting pauses.
    warned: Cell<bool>,
}

impl ListenerCore {
    pub(super) fn reschedule(self: &Rc<Self>) {
        Pump::get().schedule(self.clone());
    }

    pub(crate) fn start(self: &Rc<Self>, address: BindAddress) -> Error {
        let pump = Pump::get();
        self.base.set_last_error("");
        if pump.is_closed() {
            return self.fail(Error::ERR_UNAVAILABLE, QUITTING);
        }
        let options = match self.settings.options() {
            Ok(options) => options,
            Err((error, words)) => return self.refuse(error, "tls_options", words),
        };
        match Listening::start(address, options) {
            Ok(listening) => {
                lifecycle::hook();
                pump.register(listening.id(), self.clone());
                self.started.note(&pump);
                *self.figures.borrow_mut() = Some(listening.figures().clone());
                *self.listening.borrow_mut() = Some(listening);
                Error::OK
            }
            Err(error) => self.fail(bind_error(&error), error),
        }
    }

    /// Frees the port. Connections that the user does not know yet are closed; the others live on.
    pub(crate) fn close(&self) {
        let Some(pump) = Pump::existing() else { return };
        for (task, ()) in self.waiting.take_all() {
            self.fail(Error::ERR_UNAVAILABLE, "the listener was stopped");
            pump.finish_later(task, nobody(Error::ERR_UNAVAILABLE).to_variant());
        }
        if let Some(listening) = self.listening.take() {
            pump.unregister(listening.id());
        }
        drop(self.unknown.take());
    }

    fn handle(self: &Rc<Self>, event: ListenerEvent, pump: &Pump) {
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
                self.base.set_last_error(error.to_string());
            }
            ListenerEvent::Resumed => {}
        }
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

    /// Applies the present rules about addresses to new connections.
    pub(crate) fn apply_admission(&self) {
        if let Some(listening) = &*self.listening.borrow() {
            listening.set_admission(self.settings.admission.rules());
        }
    }

    /// Number of connections that were refused for their address or for want of room, or had to make room.
    pub(crate) fn refused(&self) -> u64 {
        let figures = self.figures.borrow();
        figures
            .as_ref()
            .map_or(0, |figures| figures.turned_away().total() + figures.full())
    }

    /// Number of failed TLS handshakes, and why the last one failed.
    pub(crate) fn failed_handshakes(&self) -> (u64, String) {
        let figures = self.figures.borrow();
        let read = |figures: &ListenerFigures| {
            let last = figures.last_handshake_error();
            (figures.failed_handshakes(), last.unwrap_or_default())
        };
        figures.as_ref().map(read).unwrap_or_default()
    }
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
        // A full listener leaves new connections in its mailbox.
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
        // If it is full, the next accept() continues.
        let queued = !full && self.queued() > 0;
        let more = queued || unanswered || unheard;
        if more && pump.turn_over() {
            Turn::Cut
        } else {
            Turn::through(more)
        }
    }

    fn expire(self: Rc<Self>, pump: &Pump, now: Instant) -> Option<Instant> {
        while let Some((task, ())) = self.waiting.next_expired(now) {
            self.fail(Error::ERR_TIMEOUT, "no connection came within the timeout");
            NetTask::complete(&task, nobody(Error::ERR_TIMEOUT).to_variant(), pump);
        }
        self.waiting.next_deadline()
    }

    fn stop(self: Rc<Self>, _pump: &Pump) {
        self.close();
    }

    fn release(&self, pump: &Pump) {
        let was_listening = self.is_listening();
        self.close();
        let announced = self.announced.take();
        drop(announced);
        if was_listening {
            self.started.warn_if_dropped_at_once(self.class(), pump);
        }
    }
}
