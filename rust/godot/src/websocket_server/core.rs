//! The state behind a `WebSocketServer`: the running server, those that are still stopping, and their events.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::Instant;

use async_sockets_net::address::BindAddress;
use async_sockets_net::event::WebSocketEvent;
use async_sockets_net::mailbox::SocketId;
use async_sockets_net::websocket::ClientId;
use async_sockets_net::websocket::close_code::Disconnect;
use async_sockets_net::websocket::messages::{Message, Messages};
use async_sockets_net::websocket::options::WebSocketOptions;
use async_sockets_net::websocket_server::{DecisionError, Statistics, WebSocketServer as Server};
use godot::builtin::{GString, PackedStringArray, Variant};
use godot::classes::{RefCounted, TlsOptions};
use godot::global::{Error, push_warning};
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::handshake_request::WebSocketHandshakeRequest;
use super::http::Http;
use super::sink::Sink;
use crate::admission::Admission;
use crate::advice::{self, Advice, Started};
use crate::convert::{bind_error, message_value, prepare_text};
use crate::emission::emit;
use crate::guard::misuse;
use crate::lifecycle;
use crate::pump::{Pump, QUITTING};
use crate::restore::Finally;
use crate::socket::{Socket, SocketBase, Turn};
use crate::tls;

/// Messages that are collected between two looks at the clock: each takes less than a microsecond.
const MESSAGES_BETWEEN_LOOKS: usize = 32;

#[derive(Default)]
pub(crate) struct ServerCore {
    pub(crate) base: SocketBase,
    pub(crate) options: RefCell<WebSocketOptions>,
    pub(crate) admission: Admission,
    pub(crate) text_as_data: Cell<bool>,
    pub(crate) tls: RefCell<Option<Gd<TlsOptions>>>,
    /// The server of the last start, until all its clients are disconnected.
    server: RefCell<Option<Server>>,
    /// Figures of the last server that is over.
    totals: Cell<Statistics>,
    started: Started,
    /// Set once the script knows why the last start failed, or need not.
    known_failure: RefCell<Rc<Cell<bool>>>,
    /// Stopped servers of earlier starts whose clients are not all disconnected.
    stopping: RefCell<Vec<Server>>,
    /// Messages of one client that a turn has not handled.
    unread: RefCell<Option<(ClientId, Messages)>>,
    /// An event that [`Self::collect_messages`] has met: the next one of all.
    held: RefCell<Option<WebSocketEvent>>,
    /// Takes the events of clients in place of the signals.
    pub(super) sink: RefCell<Option<Weak<dyn Sink>>>,
    /// New clients are refused with 503.
    pub(super) refusing: Cell<bool>,
    pub(super) http: Http,
    /// The client of the `client_disconnected` that is being emitted.
    leaving: RefCell<Option<(ClientId, Disconnect)>>,
}

/// Why a server does not start, with the words for it.
pub(crate) enum StartError {
    /// The script has to be changed.
    Misuse(Error, String),
    System(Error, String),
}

impl ServerCore {
    pub(crate) fn new() -> Rc<Self> {
        Rc::default()
    }

    // Starting and stopping -------------------------------------------------------------------------------------------

    /// Starts the server, with these options for TLS, or else those of the property.
    pub(crate) fn start(self: &Rc<Self>, address: BindAddress, tls: Option<Gd<TlsOptions>>) -> Result<(), StartError> {
        let pump = Pump::get();
        if pump.is_closed() {
            return Err(StartError::System(Error::ERR_UNAVAILABLE, QUITTING.to_owned()));
        }
        if self.is_listening() {
            let words = "the server is running already; stop it first";
            return Err(StartError::Misuse(Error::ERR_ALREADY_IN_USE, words.to_owned()));
        }
        // Shares the ids with earlier servers, which may still establish clients for a moment.
        let mut options = self.options.borrow().clone();
        options.prepare_text = Some(prepare_text);
        options.admission = self.admission.rules();
        options.http.has_handler = self.hears_requests(&pump);
        let tls = tls.or_else(|| self.tls.borrow().clone());
        if let Some(tls) = &tls {
            // HTTP/1.1 is the only protocol for the opening handshake; clients without ALPN are accepted too.
            let config = tls::server(tls, &PackedStringArray::from(["http/1.1"].map(GString::from)));
            options.tls = Some(config.map_err(|(error, words)| StartError::Misuse(error, words))?);
        }
        let server = Server::start(address, options)
            .map_err(|error| StartError::System(bind_error(&error), error.to_string()))?;
        server.set_refusing(self.refusing.get());
        lifecycle::hook();
        pump.register(server.id(), self.clone());
        self.started.note(&pump);
        if let Some(last) = self.server.replace(Some(server)) {
            self.stopping.borrow_mut().push(last);
        }
        self.wait_for_handler(&pump);
        Ok(())
    }

    /// The script knows why the last start failed.
    pub(super) fn failure_is_known(&self) {
        self.known_failure.borrow().set(true);
    }

    /// Has the reason of a failed start printed in the next drain, unless the script knows it by then: it should be told
    /// once, and not in vain.
    pub(super) fn print_unless_known(&self, words: String, pump: &Pump) {
        let known = Rc::new(Cell::new(false));
        self.known_failure.replace(known.clone());
        // There may be no socket yet, whose start would have done that.
        lifecycle::hook();
        pump.finish_in_background(move || {
            if !known.get() {
                misuse(&format!("WebSocketServer.start: {words}"));
            }
            false
        });
    }

    pub(crate) fn close(&self) {
        if let Some(server) = &mut *self.server.borrow_mut() {
            server.stop();
        }
    }

    /// Applies the rules about addresses to new connections.
    pub(crate) fn apply_admission(&self) {
        let rules = self.admission.rules();
        self.with(|server| server.set_admission(rules));
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.with(Server::is_listening).unwrap_or(false)
    }

    // Access ----------------------------------------------------------------------------------------------------------

    /// Reads from the server. `None` if there is none.
    pub(crate) fn with<R>(&self, f: impl FnOnce(&Server) -> R) -> Option<R> {
        self.server.borrow().as_ref().map(f)
    }

    /// The figures of the last start, also once it is over.
    pub(crate) fn statistics(&self) -> Statistics {
        self.with(Server::statistics).unwrap_or_else(|| self.totals.get())
    }

    /// Changes the server; the closure runs no user code. `None` if it is not listening.
    pub(crate) fn command<R>(&self, f: impl FnOnce(&mut Server) -> R) -> Option<R> {
        self.server
            .borrow_mut()
            .as_mut()
            .filter(|server| server.is_listening())
            .map(f)
    }

    /// Reads from the server that has a client, including those that are stopping.
    pub(crate) fn of_client<R>(&self, f: impl Fn(&Server) -> Option<R>) -> Option<R> {
        let found = self.server.borrow().as_ref().and_then(&f);
        found.or_else(|| self.stopping.borrow().iter().find_map(&f))
    }

    /// The close reason of the client whose `client_disconnected` is being emitted.
    pub(crate) fn close_reason(&self, client: ClientId) -> Option<String> {
        let leaving = self.leaving.borrow();
        leaving
            .as_ref()
            .filter(|(id, _)| *id == client)
            .map(|(_, how)| how.reason.clone())
    }

    pub(crate) fn decide(
        &self,
        client: ClientId,
        decide: impl FnOnce(&mut Server) -> Result<(), DecisionError>,
    ) -> Result<(), DecisionError> {
        self.command(decide).unwrap_or(Err(DecisionError::Unknown(client)))
    }

    // Events ----------------------------------------------------------------------------------------------------------

    fn handle(self: &Rc<Self>, event: WebSocketEvent, pump: &Pump, object: &Gd<RefCounted>) {
        let names = &pump.names;
        if is_told(&event) {
            pump.count_event(&self.base);
        }
        match event {
            WebSocketEvent::Connected(id, _) => {
                if let Some(sink) = self.sink() {
                    return sink.connected(id, pump);
                }
                emit(object, &names.client_connected, &[id.to_variant()]);
            }
            WebSocketEvent::Messages(arrived) => {
                if let Some(sink) = self.sink() {
                    return sink.received(arrived);
                }
                *self.unread.borrow_mut() = Some((arrived.client(), arrived.take()));
                self.emit_messages(pump, object);
            }
            WebSocketEvent::Missed(id) => {
                if let Some(sink) = self.sink() {
                    sink.missed(id);
                }
            }
            WebSocketEvent::Disconnected(id, how) => {
                if let Some(sink) = self.sink() {
                    return sink.disconnected(id, &how);
                }
                let code = i64::from(how.code.get());
                *self.leaving.borrow_mut() = Some((id, *how));
                let _gone = Finally(|| drop(self.leaving.take()));
                emit(
                    object,
                    &names.client_disconnected,
                    &[id.to_variant(), code.to_variant()],
                );
            }
            WebSocketEvent::HandshakeRequested(id, request) => {
                let request = WebSocketHandshakeRequest::ask(Rc::downgrade(self), id, &request);
                if !self
                    .base
                    .emit_heard(&names.handshake_requested, &[request.to_variant()], pump)
                {
                    advice::give(Advice::Undecided, self.class(), || {
                        "WebSocketServer: manual_handshake is on, but handshake_requested has no connection. So every \
                         client is refused with 503. Connect the signal, and call accept() or reject() of its request; \
                         or leave manual_handshake off."
                            .to_owned()
                    });
                }
            }
            WebSocketEvent::HandshakeFailed(id, why) => {
                if let Some(sink) = self.sink() {
                    sink.failed(id);
                }
                let reason = GString::from(&why.to_string());
                emit(object, &names.handshake_failed, &[id.to_variant(), reason.to_variant()]);
            }
            WebSocketEvent::HttpRequested(request, reply) => self.http_requested(*request, reply, pump),
            WebSocketEvent::HttpClientLeft(id) => self.http_client_left(id),
            WebSocketEvent::Resumed | WebSocketEvent::Stopped => {}
            WebSocketEvent::Paused(error) => {
                let message = format!("WebSocketServer: accepting pauses, as the system ran out of something: {error}");
                push_warning(&[message.to_variant()] as &[Variant]);
                self.base.set_last_error(&message);
                self.base.emit(&names.server_error, &[message.to_variant()]);
            }
        }
    }

    /// Emits the messages in `unread`. False if the turn ended first.
    fn emit_messages(&self, pump: &Pump, object: &Gd<RefCounted>) -> bool {
        let Some(unread) = self.unread.take() else {
            return true;
        };
        let id_value = unread.0.to_variant();
        let mut reading = Reading {
            left: Some(unread),
            server: self,
        };
        while let Some(message) = reading.next() {
            pump.count_event(&self.base);
            let as_data = self.text_as_data.get();
            let value = message_value(&message, as_data);
            emit(
                object,
                pump.names.of_message(&message, as_data),
                &[id_value.clone(), value],
            );
            if pump.turn_over() && !reading.is_over() {
                return false;
            }
        }
        true
    }

    /// Runs `f` on every server, the oldest first.
    fn each(&self, mut f: impl FnMut(&mut Server)) {
        self.stopping.borrow_mut().iter_mut().for_each(&mut f);
        self.server.borrow_mut().iter_mut().for_each(&mut f);
    }

    /// Has the sink take messages, up to the deadline, or to the first event of another kind, which waits for the next
    /// turn: it may run user code, and this does not.
    pub(crate) fn collect_messages(&self, deadline: Option<Instant>) {
        let Some(sink) = self.sink() else { return };
        let mut count = 0_usize;
        while self.held.borrow().is_none() {
            count += 1;
            if count.is_multiple_of(MESSAGES_BETWEEN_LOOKS) && deadline.is_some_and(|end| Instant::now() >= end) {
                break;
            }
            match self.next_event() {
                Some(WebSocketEvent::Messages(arrived)) => sink.received(arrived),
                None => break,
                other => *self.held.borrow_mut() = other,
            }
        }
    }

    fn next_event(&self) -> Option<WebSocketEvent> {
        let mut next = self.held.take();
        if next.is_some() {
            return next;
        }
        self.each(|server| next = next.take().or_else(|| server.next_event()));
        next
    }

    /// Whether events stay queued until the sink takes them.
    fn must_wait(&self) -> bool {
        self.sink().is_some_and(|sink| !sink.takes_events())
    }

    /// Drops servers whose last event was handled.
    fn forget_stopped(&self, pump: &Pump) {
        let is_over = |server: &mut Server| server.is_over();
        let mut over: Vec<_> = self.stopping.borrow_mut().extract_if(.., is_over).collect();
        let last = self.server.borrow_mut().take_if(is_over);
        if let Some(last) = &last {
            self.totals.set(last.statistics().totals());
        }
        over.extend(last);
        for server in over {
            pump.unregister(server.id());
        }
    }
}

impl Socket for ServerCore {
    fn class(&self) -> &'static str {
        "WebSocketServer"
    }

    fn base(&self) -> &SocketBase {
        &self.base
    }

    fn id(&self) -> Option<SocketId> {
        self.with(Server::id)
    }

    fn is_in_use(&self) -> bool {
        self.is_listening()
    }

    fn queued(&self) -> usize {
        let mut queued = usize::from(self.held.borrow().is_some());
        self.each(|server| queued += server.queued_events());
        queued
    }

    fn connections(&self) -> usize {
        self.with(Server::client_count).unwrap_or(0)
    }

    fn finds_ears(&self, pump: &Pump) -> Option<bool> {
        self.looks_for_handler(pump).then_some(false)
    }

    fn turn(self: Rc<Self>, pump: &Pump) -> Turn {
        let Some(object) = self.base.object() else {
            return Turn::Done;
        };
        if self.must_wait() {
            self.each(|server| server.unlist());
            return Turn::Done;
        }
        self.each(|server| {
            server.unlist();
            server.cork();
        });
        let mut left = self.queued();
        let uncork = Finally(|| self.each(Server::uncork));
        let mut cut = !self.emit_messages(pump, &object);
        while !cut && left > 0 {
            let Some(event) = self.next_event() else { break };
            left -= 1;
            let is_last = matches!(event, WebSocketEvent::Stopped);
            self.handle(event, pump, &object);
            if is_last {
                self.forget_stopped(pump);
            }
            cut = self.unread.borrow().is_some() || pump.turn_over() || self.must_wait();
        }
        drop(uncork);
        let more = self.queued() > 0 || self.unread.borrow().is_some();
        if cut && more { Turn::Cut } else { Turn::through(more) }
    }

    fn expire(self: Rc<Self>, _pump: &Pump, _now: Instant) -> Option<Instant> {
        None
    }

    fn stop(self: Rc<Self>, _pump: &Pump) {
        self.flush_sink();
        self.close();
    }

    fn release(&self, pump: &Pump) {
        let was_listening = self.is_listening();
        drop(self.held.take());
        let servers = self.server.take().into_iter().chain(self.stopping.take());
        for server in servers {
            pump.unregister(server.id());
        }
        if was_listening {
            self.started.warn_if_dropped_at_once(self.class(), pump);
        }
    }
}

/// The messages of one client while they are emitted. Those that are left when the turn ends, even by a panic, are put
/// back for the next turn.
struct Reading<'a> {
    left: Option<(ClientId, Messages)>,
    server: &'a ServerCore,
}

impl Reading<'_> {
    fn next(&mut self) -> Option<Message<'_>> {
        self.left.as_mut()?.1.next()
    }

    fn is_over(&self) -> bool {
        self.left.as_ref().is_none_or(|(_, messages)| messages.is_empty())
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if !self.is_over() {
            *self.server.unread.borrow_mut() = self.left.take();
        }
    }
}

/// Whether an event is counted as one. Messages are counted one by one.
fn is_told(event: &WebSocketEvent) -> bool {
    !matches!(
        event,
        WebSocketEvent::Messages(..) | WebSocketEvent::Missed(_) | WebSocketEvent::Resumed | WebSocketEvent::Stopped
    )
}
