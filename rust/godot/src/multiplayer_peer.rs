//! The class `AsyncMultiplayerPeer`: its documentation and properties. The methods are in [`operations`], those that
//! the engine calls in [`virtuals`].

use std::time::Duration;

use async_sockets_net::http::headers::ResponseHeader;
use async_sockets_net::websocket::opening_request::RequestHeader;
use async_sockets_net::websocket::options::Subprotocol;
use godot::builtin::{GString, PackedStringArray};
use godot::classes::MultiplayerPeerExtension;
use godot::obj::Base;
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::class::SocketClass;
use crate::convert::int;
use crate::guard::State;
use crate::time;
use core::PeerCore;

mod core;
mod incoming;
mod joining;
mod operations;
mod outgoing;
mod relaying;
mod roster;
mod serving;
mod virtuals;

/// Default of `inbound_buffer_size`.
const INBOUND_DEFAULT: usize = 256 * 1024;

/// Default of `max_queued_packets`, that of the engine's class.
const PACKETS_DEFAULT: usize = 4096;

/// Default of `handshake_timeout`, that of the engine's class.
const HANDSHAKE_DEFAULT: Duration = Duration::from_secs(3);

/// Time that a client has for the last packets until the close frame follows. The engine's class drops what it reads
/// together with that.
const CLOSE_DELAY: Duration = Duration::from_millis(100);

/// The range of `frame_budget_usec`.
const BUDGETS: std::ops::RangeInclusive<i64> = 100..=1_000_000;

/// High-level multiplayer (RPCs, [MultiplayerSpawner], [MultiplayerSynchronizer]) over this library's WebSocket server
/// and client. It speaks with [WebSocketMultiplayerPeer] on the other side, which notices no difference.
///
/// ```gdscript
/// var peer := AsyncMultiplayerPeer.new()
/// if peer.create_server(9080) == OK:
///     multiplayer.multiplayer_peer = peer   # clients: WebSocketMultiplayerPeer or AsyncMultiplayerPeer
/// ```
/// All network work is done in the background, and [method MultiplayerAPI.poll] takes in what has happened, as with any
/// peer: by itself once a frame, or called by hand.
/// [br][br]The server is [method get_server], with all its limits, TLS, [member WebSocketServer.manual_handshake] and
/// statistics. The client is [method get_client], with its heartbeat. There is no access to single connections as by
/// [code]WebSocketMultiplayerPeer.get_peer()[/code]; see [method get_client_id], [method get_peer_address], [method
/// get_peer_port] and [method get_peer_latency].
/// [br][br]Every packet is delivered reliably and in order, whatever its transfer mode. Packets that were received
/// before a peer left are read before [signal MultiplayerPeer.peer_disconnected], and packets that were sent before
/// [method MultiplayerPeer.close], which closes with 1001, still go out. A client that sends something other than
/// packets is logged once and disconnected: with 1003 for a text message, 1002 for an empty one, and 1009 for one that
/// is too large.
/// [br][br]A server that closes, disconnects a client or quits lets 100 ms pass between the last packet and the close
/// frame, in the background: [WebSocketMultiplayerPeer] drops the packets that it reads together with a close frame. So
/// it gets them as long as its frames are shorter.
/// [br][br]A client that was disconnected joins again as a new peer with a new id: create a new object. A server can
/// give a returning player his id again, see [method WebSocketHandshakeRequest.accept].
/// [br][br][member MultiplayerPeer.refuse_new_connections] refuses clients in their opening handshake, with 503; one
/// that was established but not announced yet is disconnected with 1013.
/// [br][br]Use this class on the main thread only.
#[derive(GodotClass)]
#[class(base = MultiplayerPeerExtension, init, tool)]
pub(crate) struct AsyncMultiplayerPeer {
    #[init(val = State::new(PeerCore::new()))]
    core: State<PeerCore>,

    /// Maximum time that one [method MultiplayerAPI.poll] spends on taking in what has happened and on packets, with
    /// the RPCs they call, in microseconds. What is left waits for the next one, in order, and TCP slows the senders
    /// down; at least one packet is read. Peers take turns, so that one that sends much delays the others little.
    /// Default: the project setting
    /// [code]async_sockets/process/frame_budget_usec[/code] (4000). Range: 100 to 1000000. Takes effect at once.
    #[var(get = get_frame_budget_usec, set = set_frame_budget_usec)]
    frame_budget_usec: PhantomVar<i64>,
    /// The subprotocols that a server supports, in order of preference, and that a client offers. A client that offers
    /// some, but none that the server supports, gets none. Default: empty. If an entry is not a valid name, the
    /// property keeps its value. Read by [method create_server] and [method create_client].
    #[var(get = get_supported_protocols, set = set_supported_protocols)]
    supported_protocols: PhantomVar<PackedStringArray>,
    /// Additional headers of a client's request, and of a server's response, each as [code]"Name: value"[/code].
    /// Default: empty. If an entry is invalid for both, or belongs to the handshake itself, the property keeps its
    /// value. Read by [method create_server] and [method create_client].
    #[var(get = get_handshake_headers, set = set_handshake_headers)]
    handshake_headers: PhantomVar<PackedStringArray>,
    /// Time limit of joining, in seconds: on a server for the opening handshake of a client, TLS included; on a client
    /// from [method create_client] until it has its id. Default: 3. Range: 0 or more; 0 sets no limit. Read by [method
    /// create_server] and [method create_client].
    #[var(get = get_handshake_timeout, set = set_handshake_timeout)]
    handshake_timeout: PhantomVar<f64>,
    /// Maximum number of bytes from one peer that wait to be taken in, with 32 more for each packet; then TCP slows
    /// that peer down. A single packet may be larger, see [member WebSocketServer.max_message_size] and [member
    /// WebSocketClient.max_message_size]. Default: 262144 (256 KiB). Range: 1 to 2147483647. Read by [method
    /// create_server] and [method create_client].
    #[var(get = get_inbound_buffer_size, set = set_inbound_buffer_size)]
    inbound_buffer_size: PhantomVar<i64>,
    /// Maximum number of bytes that are pending for one peer. A packet beyond it is refused with [constant
    /// ERR_OUT_OF_MEMORY] and logged, once for each peer, and is lost; on a server with
    /// [constant WebSocketServer.BACKPRESSURE_DISCONNECT], that peer is disconnected with 1008, and gone in the next
    /// [method MultiplayerAPI.poll], even if its connection takes longer to end. Default: 16777216 (16 MiB). Range: 1
    /// to 2147483647. Read by [method create_server] and [method create_client].
    #[var(get = get_outbound_buffer_size, set = set_outbound_buffer_size)]
    outbound_buffer_size: PhantomVar<i64>,
    /// Maximum number of packets from one peer that wait to be taken in; then TCP slows that peer down. Packets that
    /// arrive at once may exceed it. Default: 4096. Range: 1 to 2147483647. Read by [method create_server] and [method
    /// create_client].
    #[var(get = get_max_queued_packets, set = set_max_queued_packets)]
    max_queued_packets: PhantomVar<i64>,
    /// Whether packets from client to client go round in the background, between the server's frames and without its
    /// main thread: those that [SceneMultiplayer] sends to other clients while [member SceneMultiplayer.server_relay]
    /// is on, which must not change while clients are connected. Only clients take part that SceneMultiplayer has made
    /// known to each other, which it does after authentication. Packets from one client to another stay in order, and
    /// what is for the server too still reaches it. Default: [code]false[/code]. Read by [method create_server].
    /// [br][br]Then the server no longer sees or delays these packets:
    /// [br]- One may arrive before what the server sends later in the same frame, or in reaction to a packet of the
    /// same client before it. It never arrives before what the server has made known in an earlier frame.
    /// [br]- [member frame_budget_usec] does not slow down a client that sends others too much: what is pending for a
    /// client beyond [member outbound_buffer_size] is lost, or disconnects it, as always.
    /// [br]- The debugger's network profiler does not count them. [method WebSocketServer.get_statistics] does, as
    /// [code]relayed[/code].
    /// [br]- A [MultiplayerAPIExtension] that reads or changes the packets between clients does not get them: leave it
    /// off there.
    #[var(get = get_relay_in_background, set = set_relay_in_background)]
    relay_in_background: PhantomVar<bool>,

    base: Base<MultiplayerPeerExtension>,
}

impl SocketClass for AsyncMultiplayerPeer {
    type Core = PeerCore;

    fn state(&self) -> &State<PeerCore> {
        &self.core
    }
}

#[godot_api]
impl AsyncMultiplayerPeer {
    #[func]
    fn get_frame_budget_usec(&self) -> i64 {
        int(self.core.budget.get().as_micros())
    }

    #[func]
    fn set_frame_budget_usec(&self, microseconds: i64) {
        if let Some(budget) = self.number("frame_budget_usec", microseconds, BUDGETS) {
            self.core.budget.set(Duration::from_micros(budget));
        }
    }

    #[func]
    fn get_supported_protocols(&self) -> PackedStringArray {
        let options = self.core.server().options.borrow();
        let names = options.handshake.protocols.iter().map(Subprotocol::as_str);
        names.map(GString::from).collect()
    }

    #[func]
    fn set_supported_protocols(&self, protocols: PackedStringArray) {
        let names = protocols.as_slice().iter();
        let parsed: Result<Vec<_>, _> = names.map(|name| Subprotocol::parse(&name.to_string())).collect();
        if let Some(protocols) = self.parsed("supported_protocols", parsed) {
            let server = self.core.server();
            server.options.borrow_mut().handshake.protocols.clone_from(&protocols);
            let client = self.core.client();
            client.change_options(|options| options.protocols = protocols);
        }
    }

    #[func]
    fn get_handshake_headers(&self) -> PackedStringArray {
        self.core.headers.borrow().iter().map(GString::from).collect()
    }

    #[func]
    fn set_handshake_headers(&self, headers: PackedStringArray) {
        let lines: Vec<String> = headers.as_slice().iter().map(ToString::to_string).collect();
        let (mut responses, mut requests) = (Vec::new(), Vec::new());
        for line in &lines {
            match (ResponseHeader::parse(line), RequestHeader::parse(line)) {
                (Err(error), Err(_)) => {
                    self.refuse("handshake_headers", error);
                    return;
                }
                (response, request) => {
                    responses.extend(response);
                    requests.extend(request);
                }
            }
        }
        let server = self.core.server();
        server.options.borrow_mut().handshake.response_headers = responses;
        let client = self.core.client();
        client.change_options(|options| options.headers = requests);
        *self.core.headers.borrow_mut() = lines;
    }

    #[func]
    fn get_handshake_timeout(&self) -> f64 {
        time::seconds(self.core.server().options.borrow().handshake.timeout)
    }

    #[func]
    fn set_handshake_timeout(&self, seconds: f64) {
        if let Some(limit) = self.time("handshake_timeout", seconds) {
            self.core.server().options.borrow_mut().handshake.timeout = limit;
            let client = self.core.client();
            client.change_options(|options| options.handshake_timeout = limit);
        }
    }

    #[func]
    fn get_inbound_buffer_size(&self) -> i64 {
        int(self.core.server().options.borrow().max_queued_per_client)
    }

    #[func]
    fn set_inbound_buffer_size(&self, bytes: i64) {
        if let Some(bytes) = self.size("inbound_buffer_size", bytes, 1) {
            self.core.server().options.borrow_mut().max_queued_per_client = bytes;
            self.core.client().set_max_queued(bytes);
        }
    }

    #[func]
    fn get_outbound_buffer_size(&self) -> i64 {
        int(self.outbound())
    }

    #[func]
    fn set_outbound_buffer_size(&self, bytes: i64) {
        if let Some(bytes) = self.size("outbound_buffer_size", bytes, 1) {
            self.core.server().options.borrow_mut().max_pending = bytes;
            let client = self.core.client();
            client.change_options(|options| options.max_pending = bytes);
        }
    }

    #[func]
    fn get_relay_in_background(&self) -> bool {
        self.core.relay_in_background.get()
    }

    #[func]
    fn set_relay_in_background(&self, on: bool) {
        self.core.relay_in_background.set(on);
    }

    #[func]
    fn get_max_queued_packets(&self) -> i64 {
        int(self.core.server().options.borrow().max_queued_messages)
    }

    #[func]
    fn set_max_queued_packets(&self, packets: i64) {
        if let Some(packets) = self.size("max_queued_packets", packets, 1) {
            self.core.server().options.borrow_mut().max_queued_messages = packets;
            let client = self.core.client();
            client.change_options(|options| options.max_queued_messages = packets);
        }
    }
}

impl AsyncMultiplayerPeer {
    /// The limit of pending bytes of a peer.
    fn outbound(&self) -> usize {
        self.core().map_or(0, |core| core.server().options.borrow().max_pending)
    }
}
