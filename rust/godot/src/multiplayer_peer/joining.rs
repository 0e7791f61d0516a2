//! The peer as a client.

use std::rc::Rc;
use std::time::{Duration, Instant};

use async_sockets_net::websocket::close_code::CloseFrame;
use async_sockets_net::websocket::messages::{Message, Messages};
use godot::builtin::GString;
use godot::classes::TlsOptions;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::core::{PeerCore, Role};
use super::roster::SERVER;
use crate::pump::Pump;
use crate::socket::Socket;
use crate::time;
use crate::websocket_client::packets::Progress;

const NO_ID: &str = "the first message of the server is no peer id";

impl PeerCore {
    pub(super) fn create_client(self: &Rc<Self>, url: &GString, tls: Option<Gd<TlsOptions>>) -> Error {
        if self.role.get() != Role::Nothing {
            let words = "the peer is in use; close it first, or create a new one";
            return self.refuse(Error::ERR_ALREADY_IN_USE, "create_client", words);
        }
        let client = self.client();
        client.serve_a_peer();
        client.base().begun.set(true);
        let error = match client.target(url, tls) {
            Ok(target) => client.connect(target),
            Err((error, words)) => return self.refuse(error, "create_client", words),
        };
        if error != Error::OK {
            return self.fail(error, client.base().last_error().to_string());
        }
        let limit = client.options(|options| options.handshake_timeout);
        self.note_owner();
        self.role.set(Role::Joining(time::deadline(limit)));
        error
    }

    pub(super) fn poll_client(&self, pump: &Pump, budget: Duration) {
        let client = self.client().clone();
        pump.give_one_turn(client.clone(), budget);
        if let Role::Joining(deadline) = self.role.get() {
            self.receive_id(pump);
            if self.role.get() == Role::Joining(deadline) {
                self.check_attempt(deadline);
            }
        }
        match self.role.get() {
            Role::Joined(_) => {}
            Role::Leaving(_) => return self.tell_end(pump),
            Role::Nothing | Role::Server | Role::Joining(_) => return,
        }
        self.take_from_server();
        if let Role::Leaving(_) = self.role.get() {
            return self.tell_end(pump);
        }
        let nothing_left = || self.incoming.borrow().len() == 0 && !client.has_packets();
        if matches!(self.role.get(), Role::Joined(_)) && client.progress() == Progress::Over && nothing_left() {
            self.tell_end(pump);
        }
    }

    /// Takes in packets, once those before them are read.
    pub(super) fn take_from_server(&self) {
        if self.incoming.borrow().len() == 0
            && let Some(messages) = self.client().take_packets()
        {
            self.incoming.borrow_mut().push(SERVER, messages);
            self.check_next();
        }
    }

    /// Ends the attempt if it has failed, or has taken too long.
    fn check_attempt(&self, deadline: Option<Instant>) {
        let client = self.client();
        if client.progress() == Progress::Over {
            self.base.set_last_error(client.base().last_error().to_string());
            self.reset();
        } else if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.base
                .set_last_error("there was no peer id within handshake_timeout");
            self.leave();
            self.reset();
        }
    }

    /// Takes the id, which is the first message. What follows it waits to be read.
    fn receive_id(&self, pump: &Pump) {
        let Some(mut messages) = self.client().take_packets() else {
            return;
        };
        let Some(id) = id(&mut messages) else {
            self.base.set_last_error(NO_ID);
            self.log(format!("{NO_ID}; left with 1002"));
            self.leave_at_once(1002, NO_ID);
            return self.reset();
        };
        self.role.set(Role::Joined(id));
        self.base.set_last_error("");
        pump.count_event(&self.base);
        self.base.emit(&pump.names.peer_connected, &[SERVER.to_variant()]);
        if self.role.get() == Role::Joined(id) {
            self.incoming.borrow_mut().push(SERVER, messages);
            self.check_next();
        }
    }

    /// The connection is over, and its packets have been read.
    fn tell_end(&self, pump: &Pump) {
        let (role, client) = (self.role.get(), self.client());
        self.base.set_last_error(client.base().last_error().to_string());
        pump.count_event(&self.base);
        self.base.emit(&pump.names.peer_disconnected, &[SERVER.to_variant()]);
        if self.role.get() == role {
            self.reset();
        }
    }

    pub(super) fn client_has_work(&self) -> bool {
        let client = self.client();
        client.has_packets() || client.progress() == Progress::Over
    }

    /// Leaves the server, with 1001, after what was sent.
    pub(super) fn leave(&self) {
        self.client().close(CloseFrame::going_away());
    }

    /// Leaves the server for a reason. If it had joined, the end is told in the next poll.
    pub(super) fn leave_at_once(&self, code: i64, reason: &str) {
        if let Role::Joined(id) = self.role.get() {
            self.role.set(Role::Leaving(id));
        }
        self.incoming.borrow_mut().clear();
        if let Ok(frame) = CloseFrame::parse(code, reason) {
            self.client().close(frame);
        }
    }

    /// Leaves the server on request: the end is told in the next poll, unless by `force`.
    pub(super) fn disconnect_from_server(&self, peer: i32, force: bool) {
        if peer != SERVER || self.role.get() == Role::Nothing {
            let words = format!("there is no peer {peer}");
            self.refuse(Error::ERR_INVALID_PARAMETER, "disconnect_peer", words);
            return;
        }
        self.leave_at_once(1000, "");
        if force || !matches!(self.role.get(), Role::Leaving(_)) {
            self.reset();
        }
    }
}

/// Takes the peer id: 4 bytes in little-endian order, 2 or more.
fn id(messages: &mut Messages) -> Option<i32> {
    match messages.next()? {
        Message::Binary(bytes) => bytes.try_into().ok().map(i32::from_le_bytes).filter(|id| *id > SERVER),
        Message::Text(_) | Message::PreparedText(..) => None,
    }
}
