//! Sending packets. The same packet for several peers in a row leaves in one frame that they share: SceneMultiplayer
//! sends to all by sending to each.

use async_sockets_net::websocket::options::BackpressurePolicy;
use async_sockets_net::websocket_client::WebSocketClient;
use async_sockets_net::websocket_server::{ClientError, Multicast};
use godot::global::Error;

use super::core::{PeerCore, Role};
use super::relaying::is_notice;
use super::roster::SERVER;
use crate::pump::Pump;
use crate::socket::Socket;

#[derive(Default)]
pub(super) struct Outgoing {
    /// The last packet, which may get more recipients.
    last: Option<Multicast>,
    /// Number of the last packet.
    number: u64,
    /// The packets sent since the last flush may still be held back, and a flush is due.
    corked: bool,
    /// The flush at the end of the frame is requested.
    requested: bool,
    /// A full buffer of a client was logged.
    is_full_logged: bool,
}

impl Outgoing {
    pub(super) fn clear(&mut self) {
        *self = Self {
            number: self.number,
            requested: self.requested,
            ..Self::default()
        };
    }
}

/// Words about a packet that could not be sent even if nothing else were pending. `len` is the size of its frame.
fn too_large(packet: &[u8], len: usize, limit: usize) -> Option<String> {
    (len > limit).then(|| {
        format!(
            "a packet of {} bytes is larger than outbound_buffer_size, {limit} bytes, allows",
            packet.len()
        )
    })
}

impl PeerCore {
    /// Sends a packet to the target.
    pub(super) fn put(&self, packet: &[u8]) -> Error {
        if packet.is_empty() {
            return self.fail(Error::ERR_INVALID_PARAMETER, "a packet must not be empty");
        }
        match self.role.get() {
            Role::Server => self.put_to_clients(packet),
            Role::Joined(_) => self.put_to_server(packet),
            Role::Leaving(_) => self.fail(Error::ERR_UNAVAILABLE, "this side has left the server"),
            Role::Nothing | Role::Joining(_) => self.fail(Error::ERR_UNCONFIGURED, "the peer is not connected"),
        }
    }

    fn put_to_clients(&self, packet: &[u8]) -> Error {
        let target = self.target.get();
        if target == SERVER {
            return self.fail(Error::ERR_INVALID_PARAMETER, "the server does not send to itself");
        }
        if target > 0 {
            return self.put_to(target, packet);
        }
        let mut result = Error::OK;
        let ids = self.roster.borrow().ids();
        for id in ids.into_iter().filter(|id| Some(*id) != target.checked_neg()) {
            let error = self.put_to(id, packet);
            // One that is leaving misses nothing.
            if error == Error::ERR_OUT_OF_MEMORY {
                result = error;
            }
        }
        result
    }

    fn put_to(&self, id: i32, packet: &[u8]) -> Error {
        if self.watch(id, packet) {
            self.request_flush();
            return Error::OK;
        }
        self.send_to(id, packet)
    }

    /// Sends a packet to a peer, with the next ones if these are the same.
    pub(super) fn send_to(&self, id: i32, packet: &[u8]) -> Error {
        let mut roster = self.roster.borrow_mut();
        let Some(peer) = roster.get_mut(id) else {
            return self.fail(Error::ERR_INVALID_PARAMETER, format_args!("there is no peer {id}"));
        };
        if peer.is_leaving {
            return self.fail(Error::ERR_UNAVAILABLE, format_args!("peer {id} is being disconnected"));
        }
        let outgoing = &mut *self.outgoing.borrow_mut();
        let server = self.server();
        let admitted = server.command(|server| {
            if !std::mem::replace(&mut outgoing.corked, true) {
                server.cork();
            }
            let joins = |last: &Multicast| peer.sent != outgoing.number && last.payload() == packet;
            if !outgoing.last.as_ref().is_some_and(joins) {
                if let Some(last) = outgoing.last.take() {
                    server.send_multicast(last);
                }
                outgoing.number += 1;
            }
            let last = outgoing.last.get_or_insert_with(|| Multicast::new(packet));
            let recipient = peer.recipient.as_ref().ok_or(ClientError::Unknown(peer.client))?;
            server.admit_to(last, recipient)
        });
        self.request_flush_of(outgoing);
        match admitted {
            Some(Ok(())) => {
                peer.sent = outgoing.number;
                peer.has_packets |= !is_notice(packet);
                Error::OK
            }
            Some(Err(error @ ClientError::Full(_))) => {
                drop(roster);
                let len = outgoing.last.as_ref().map_or(0, Multicast::frame_len);
                let too_large = too_large(packet, len, self.limits.get().0);
                self.note_full(id, too_large.as_deref());
                self.fail(Error::ERR_OUT_OF_MEMORY, too_large.unwrap_or_else(|| error.to_string()))
            }
            Some(Err(error)) => self.fail(Error::ERR_UNAVAILABLE, error),
            None => self.fail(Error::ERR_UNAVAILABLE, "the server is stopping"),
        }
    }

    /// A packet does not fit into the buffer of a client, because of what is pending or because it is `too_large`, which
    /// is logged once. If the client is being disconnected for that, its end is told in the next poll: the closing
    /// handshake of one that does not read would last for `close_timeout`.
    pub(super) fn note_full(&self, id: i32, too_large: Option<&str>) {
        let (limit, policy) = self.limits.get();
        if policy == BackpressurePolicy::Disconnect {
            self.stop_relaying(id);
        }
        {
            let mut roster = self.roster.borrow_mut();
            let Some(peer) = roster.get_mut(id) else { return };
            let is_logged = std::mem::replace(&mut peer.is_full_logged, true);
            if policy == BackpressurePolicy::Disconnect {
                roster.end(id);
            }
            if is_logged {
                return;
            }
        }
        let consequence = match policy {
            BackpressurePolicy::Refuse if too_large.is_some() => "the packet is lost",
            BackpressurePolicy::Refuse => "packets beyond that are lost (see WebSocketServer.backpressure_policy)",
            BackpressurePolicy::Disconnect => "the peer is disconnected with 1008",
        };
        let peer = self.named(id);
        self.log(match too_large {
            Some(words) => format!("{peer}: {words}; {consequence}"),
            None => format!("{peer} takes too little: outbound_buffer_size, {limit} bytes, is full; {consequence}"),
        });
    }

    fn put_to_server(&self, packet: &[u8]) -> Error {
        let error = self.client().send_packet(packet);
        if error != Error::OK {
            let limit = self.client().options(|options| options.max_pending);
            let len = WebSocketClient::frame_len(packet.len());
            let full = Some(error).filter(|error| *error == Error::ERR_OUT_OF_MEMORY);
            let words = full
                .and_then(|_| too_large(packet, len, limit))
                .unwrap_or_else(|| self.client().base().last_error().to_string());
            if error == Error::ERR_OUT_OF_MEMORY
                && !std::mem::replace(&mut self.outgoing.borrow_mut().is_full_logged, true)
            {
                self.log(format!("packets to the server are lost: {words}"));
            }
            return self.fail(error, words);
        }
        error
    }

    /// Has what is sent leave at the end of the frame.
    fn request_flush(&self) {
        self.request_flush_of(&mut self.outgoing.borrow_mut());
    }

    fn request_flush_of(&self, outgoing: &mut Outgoing) {
        if !std::mem::replace(&mut outgoing.requested, true)
            && let Some(mut object) = self.base.object()
        {
            object.call_deferred(&Pump::get().names._flush, &[]);
        }
    }

    /// The end of the frame.
    pub(super) fn flush_deferred(&self) {
        self.outgoing.borrow_mut().requested = false;
        self.flush();
        self.print_log();
    }

    /// Queues the last packet, which gets no more recipients.
    pub(super) fn send_last(&self) {
        if let Some(last) = self.outgoing.borrow_mut().last.take() {
            self.server().command(|server| server.send_multicast(last));
        }
    }

    /// Has everything leave that was sent.
    pub(super) fn flush(&self) {
        self.introduce();
        let outgoing = &mut *self.outgoing.borrow_mut();
        if !std::mem::take(&mut outgoing.corked) {
            return;
        }
        let last = outgoing.last.take();
        self.server().command(|server| {
            if let Some(last) = last {
                server.send_multicast(last);
            }
            server.uncork();
        });
    }
}
