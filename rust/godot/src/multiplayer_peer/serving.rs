//! The peer as a server.

use std::rc::Rc;
use std::time::Duration;

use async_sockets_net::address::BindAddress;
use async_sockets_net::websocket::close_code::{CloseFrame, Disconnect};
use async_sockets_net::websocket::{Arrived, ClientId};
use godot::classes::TlsOptions;
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;

use super::core::{PeerCore, Role};
use super::incoming::Fault;
use super::relaying::{Relaying, rule};
use super::roster::SERVER;
use crate::pump::Pump;
use crate::socket::Socket;
use crate::websocket_server::{Sink, StartError};

/// Close codes (RFC 6455 section 7.4.1) by which a connection ends that was not closed in good order: protocol error,
/// invalid text, policy, too big, and out of memory.
const FAULTS: [u16; 5] = [1002, 1007, 1008, 1009, 1013];

impl PeerCore {
    pub(super) fn create_server(self: &Rc<Self>, port: i64, address: &str, tls: Option<Gd<TlsOptions>>) -> Error {
        if self.role.get() != Role::Nothing {
            let words = "the peer is in use; close it first, or create a new one";
            return self.refuse(Error::ERR_ALREADY_IN_USE, "create_server", words);
        }
        let address = match BindAddress::parse(address, port) {
            Ok(address) => address,
            Err(error) => return self.refuse(Error::ERR_INVALID_PARAMETER, "create_server", error),
        };
        let server = self.server().clone();
        server.set_refusing(self.refusing.get());
        let relays = self.relay_in_background.get();
        {
            let mut options = server.options.borrow_mut();
            options.relay = relays.then_some(rule);
            options.close_delay = super::CLOSE_DELAY;
            self.limits.set((options.max_pending, options.backpressure));
        }
        match server.start(address, tls) {
            Ok(()) => {}
            Err(StartError::Misuse(error, words)) => return self.refuse(error, "create_server", words),
            Err(StartError::System(error, words)) => return self.fail(error, words),
        }
        server.set_sink(self);
        self.note_owner();
        self.relaying.replace(Relaying::new(relays));
        self.role.set(Role::Server);
        Error::OK
    }

    pub(super) fn poll_server(&self, pump: &Pump, budget: Duration) {
        let server = self.server().clone();
        self.begin_relaying();
        self.tell_ends(pump);
        // In most polls there are packets alone.
        self.take_in();
        if server.queued() > 0 {
            pump.give_one_turn(server.clone(), budget);
        }
        self.tell_ends(pump);
        let is_over = || !server.is_listening() && server.queued() == 0 && self.roster.borrow().is_empty();
        if self.role.get() == Role::Server && is_over() {
            // Stopped by the script, or with the runtime.
            server.remove_sink();
            self.reset();
        }
    }

    /// Emits `peer_disconnected` for the peers that have left, once their packets have been read.
    fn tell_ends(&self, pump: &Pump) {
        if !self.roster.borrow().has_ended() {
            return;
        }
        // One by one: a handler may close the server, and the others are in use until they were told.
        while let Some(peer) = self.take_ended() {
            pump.count_event(&self.base);
            self.base.emit(&pump.names.peer_disconnected, &[peer.to_variant()]);
        }
    }

    fn take_ended(&self) -> Option<i32> {
        let incoming = self.incoming.borrow();
        self.roster.borrow_mut().take_ended(|peer| !incoming.holds(peer))
    }

    pub(super) fn server_has_work(&self) -> bool {
        // A poll begins the relay of those that wait for it, which are not read until then.
        self.server().queued() > 0 || self.roster.borrow().has_ended() || self.relaying.borrow().has_waiting()
    }

    pub(super) fn stop_server(&self) {
        let server = self.server();
        server.remove_sink();
        server.close();
    }

    /// Disconnects a peer: its end is told in the next poll, unless it is forgotten by `force`.
    pub(super) fn kick(&self, peer: i32, force: bool) {
        self.turn_away(peer);
        self.flush();
        self.stop_relaying(peer);
        let client = {
            let mut roster = self.roster.borrow_mut();
            if force { roster.forget(peer) } else { roster.end(peer) }
        };
        let Some(client) = client else {
            let words = format!("there is no peer {peer}");
            self.refuse(Error::ERR_INVALID_PARAMETER, "disconnect_peer", words);
            return;
        };
        self.incoming.borrow_mut().drop_from(peer);
        self.check_next();
        self.disconnect(client, 1000, "");
    }

    /// Disconnects a peer that was sent no packet, if possible before it learns its id: then it has not joined at all.
    fn turn_away(&self, peer: i32) {
        let client = {
            let mut roster = self.roster.borrow_mut();
            let entry = roster.get_mut(peer).filter(|entry| !entry.has_packets);
            entry.map(|entry| entry.client)
        };
        if let (Some(client), Ok(frame)) = (client, CloseFrame::parse(1000, "")) {
            // It may be closing already.
            let _ = self.server().command(|server| server.disconnect_now(client, frame));
        }
    }

    fn disconnect(&self, client: ClientId, code: i64, reason: &str) {
        if let Ok(frame) = CloseFrame::parse(code, reason) {
            // It may be closing already.
            let _ = self.server().command(|server| server.disconnect(client, frame));
        }
    }

    /// Disconnects a peer that has sent something other than a packet. Its end is told when the connection is over.
    pub(super) fn cut(&self, peer: i32, fault: Fault) {
        let (code, words) = match fault {
            Fault::Text => (1003, "a text message, which is no packet"),
            Fault::Empty => (1002, "an empty message, which is no packet"),
        };
        if peer == SERVER {
            self.log(format!("the server has sent {words}; left with {code}"));
            self.leave_at_once(code, words);
            return;
        }
        let client = {
            let mut roster = self.roster.borrow_mut();
            let Some(entry) = roster.get_mut(peer) else { return };
            entry.is_leaving = true;
            entry.is_end_logged = true;
            entry.client
        };
        self.stop_relaying(peer);
        self.log(format!(
            "{} has sent {words}; disconnected with {code}",
            self.named(peer)
        ));
        self.disconnect(client, code, words);
    }

    /// A peer, for the log.
    pub(super) fn named(&self, peer: i32) -> String {
        match self.roster.borrow().address_of(peer) {
            Some(address) => format!("peer {peer} at {address}"),
            None => format!("peer {peer}"),
        }
    }

    pub(super) fn client_of(&self, peer: i32) -> Option<ClientId> {
        self.roster.borrow().client_of(peer)
    }
}

impl Sink for PeerCore {
    fn takes_events(&self) -> bool {
        self.polling.get()
    }

    fn connected(&self, client: ClientId, pump: &Pump) {
        if self.refusing.get() {
            // Established before the server was told.
            self.roster.borrow_mut().unreserve(client);
            return self.disconnect(client, 1013, "the server takes no new clients");
        }
        let server = self.server();
        let address = server.of_client(|server| server.client_info(client).map(|info| info.peer));
        let recipient = server.of_client(|server| server.recipient(client));
        let peer = self.roster.borrow_mut().join(client, recipient, address);
        // It may have left already.
        let _ = server.command(|server| server.send_binary(client, &peer.to_le_bytes()));
        pump.count_event(&self.base);
        self.base.emit(&pump.names.peer_connected, &[peer.to_variant()]);
    }

    fn received(&self, arrived: Arrived) {
        let peer = {
            let mut roster = self.roster.borrow_mut();
            let peer = roster.peer_of(arrived.client());
            peer.filter(|peer| roster.get_mut(*peer).is_some_and(|entry| !entry.is_leaving))
        };
        match peer {
            Some(peer) => {
                self.incoming.borrow_mut().arrived(peer, arrived);
                self.check_next();
            }
            None => drop(arrived.take()),
        }
    }

    fn flush(&self) {
        Self::flush(self);
    }

    fn missed(&self, client: ClientId) {
        let peer = self.roster.borrow().peer_of(client);
        if let Some(peer) = peer {
            self.note_full(peer, None);
        }
    }

    fn disconnected(&self, client: ClientId, how: &Disconnect) {
        let Some(peer) = self.roster.borrow().peer_of(client) else {
            return;
        };
        self.stop_relaying(peer);
        let is_logged = self
            .roster
            .borrow_mut()
            .get_mut(peer)
            .is_some_and(|entry| entry.is_end_logged);
        if FAULTS.contains(&how.code.get()) && !is_logged {
            let reason = if how.reason.is_empty() {
                "no reason given"
            } else {
                &how.reason
            };
            self.log(format!(
                "{} was disconnected with {}: {reason}",
                self.named(peer),
                how.code
            ));
        }
        self.roster.borrow_mut().end(peer);
    }

    fn reserve(&self, client: ClientId, peer: i64) -> Result<(), (Error, String)> {
        self.roster.borrow_mut().reserve(client, peer)
    }

    fn failed(&self, client: ClientId) {
        self.roster.borrow_mut().unreserve(client);
    }
}
