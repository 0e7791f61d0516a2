//! The methods of the class `AsyncMultiplayerPeer`.

use std::rc::Rc;

use godot::builtin::GString;
use godot::global::Error;
use godot::obj::Gd;
use godot::register::godot_api;

use super::AsyncMultiplayerPeer;
use super::core::{PeerCore, Role};
use super::roster::SERVER;
use crate::class::SocketClass;
use crate::convert::{budget, int};
use crate::optional_tls::OptionalTls;
use crate::websocket_client::WebSocketClient;
use crate::websocket_server::WebSocketServer;

#[godot_api(secondary)]
impl AsyncMultiplayerPeer {
    /// Starts a server on a port (0 picks a free one, see [method WebSocketServer.get_local_port]) of an IP address,
    /// `"*"` (IPv6 and IPv4) or [code]"localhost"[/code]. With [param tls_options], by
    /// [code]TLSOptions.server(key, certificate)[/code], clients connect with [code]wss[/code]; [code]null[/code], the
    /// default, leaves it to [member WebSocketServer.tls_options] of [method get_server].
    /// [br][br]Returns [constant ERR_ALREADY_IN_USE] if the peer is a server or a client already, or the port is taken,
    /// [constant ERR_INVALID_PARAMETER] for an invalid address, port or options, [constant ERR_UNAUTHORIZED] if the
    /// system does not allow the port, or [constant ERR_CANT_CREATE]; [method get_last_error_message] has the words.
    #[func]
    fn create_server(
        &self,
        port: i64,
        #[opt(default = "*")] bind_address: GString,
        #[opt(default = OptionalTls(None))] tls_options: OptionalTls,
    ) -> Error {
        self.run(|core| core.create_server(port, &bind_address.to_string(), tls_options.0))
    }

    /// Starts to join the server at a URL such as [code]"wss://example.org/game"[/code], in the background.
    /// [signal MultiplayerAPI.connected_to_server] or [signal MultiplayerAPI.connection_failed] follows, the latter
    /// also after [member handshake_timeout]. For the URL and [param tls_options] see [method
    /// WebSocketClient.connect_to_url].
    /// [br][br]Returns [constant ERR_ALREADY_IN_USE] if the peer is a server or a client already, or
    /// [constant ERR_INVALID_PARAMETER] for an invalid URL or options.
    #[func]
    fn create_client(&self, url: GString, #[opt(default = OptionalTls(None))] tls_options: OptionalTls) -> Error {
        self.run(|core| core.create_client(&url, tls_options.0))
    }

    /// The server that this peer works with, the same object at all times: set its properties before [method
    /// create_server]. While the peer is a server, it takes the events of the clients, and the server emits neither
    /// [signal WebSocketServer.client_connected], [signal WebSocketServer.client_disconnected] nor messages. Its
    /// clients expect packets only: do not send them anything else.
    #[func]
    fn get_server(&self) -> Option<Gd<WebSocketServer>> {
        self.core()?.server_object()
    }

    /// The client that this peer works with, the same object at all times: set its properties before [method
    /// create_client], which switches [member WebSocketClient.emit_messages] and [member WebSocketClient.reconnect]
    /// off.
    #[func]
    fn get_client(&self) -> Option<Gd<WebSocketClient>> {
        self.core()?.client_object()
    }

    /// The id of a peer at [method get_server]; 0 for an unknown peer.
    #[func]
    fn get_client_id(&self, peer_id: i64) -> i64 {
        let client = |core: &Rc<PeerCore>| core.client_of(id_of(peer_id)?);
        self.core().and_then(client).unwrap_or(0)
    }

    /// The id of the peer that is this client of [method get_server]; 0 for an unknown client, and for one whose
    /// connection is over.
    #[func]
    fn get_peer_id(&self, client_id: i64) -> i32 {
        self.core()
            .and_then(|core| core.roster.borrow().peer_of(client_id))
            .unwrap_or(0)
    }

    /// The IP address of a peer; empty for an unknown one. A client knows only the server, 1.
    #[func]
    fn get_peer_address(&self, peer_id: i64) -> GString {
        let address = self.core().and_then(|core| core.address_of(id_of(peer_id)?));
        address
            .map(|address| GString::from(&address.ip().to_string()))
            .unwrap_or_default()
    }

    /// The port of a peer; 0 for an unknown one. A client knows only the server, 1.
    #[func]
    fn get_peer_port(&self, peer_id: i64) -> i64 {
        let address = self.core().and_then(|core| core.address_of(id_of(peer_id)?));
        address.map_or(0, |address| address.port().into())
    }

    /// The round-trip time of the last answered ping to a peer, in milliseconds; -1 if there is none. A server sends
    /// pings with [member WebSocketServer.heartbeat_interval], a client does by default.
    #[func]
    fn get_peer_latency(&self, peer_id: i64) -> f64 {
        let latency = self.core().and_then(|core| core.latency_of(id_of(peer_id)?));
        latency.map_or(-1.0, |time| time.as_secs_f64() * 1000.0)
    }

    /// Waits until [method MultiplayerAPI.poll] has something to do, asleep, for at most [param budget_usec]
    /// microseconds (0 to one minute; 0 only looks). What was sent before leaves now. Other sockets with
    /// [code]auto_process[/code] are handled meanwhile. Returns the number of packets that wait, at least 1 if there is
    /// anything to do, or 0.
    /// [br][br]A server without a picture can answer at once, instead of in its next frame, by giving its idle time
    /// away:
    /// ```gdscript
    /// func _process(_delta: float) -> void:
    ///     var end := Time.get_ticks_usec() + 12000   # of the 16667 of a frame at 60 FPS
    ///     while Time.get_ticks_usec() < end:
    ///         if peer.process(end - Time.get_ticks_usec()) > 0:
    ///             var _error := multiplayer.poll()
    /// ```
    #[func(gd_self)]
    fn process(this: Gd<Self>, #[opt(default = 0)] budget_usec: i64) -> i64 {
        let Some(core) = this.bind().core().cloned() else {
            return 0;
        };
        int(core.wait(budget(budget_usec)))
    }

    /// The last error of this object in words; empty if there was none.
    #[func]
    fn get_last_error_message(&self) -> GString {
        self.last_error()
    }

    #[func(gd_self)]
    fn _flush(this: Gd<Self>) {
        let core = this.bind().core().cloned();
        if let Some(core) = core {
            core.flush_deferred();
        }
    }
}

impl PeerCore {
    fn address_of(&self, peer: i32) -> Option<std::net::SocketAddr> {
        match self.role.get() {
            Role::Server => self.roster.borrow().address_of(peer),
            Role::Joining(_) | Role::Joined(_) | Role::Leaving(_) if peer == SERVER => self.client().server_address(),
            _ => None,
        }
    }

    fn latency_of(&self, peer: i32) -> Option<std::time::Duration> {
        match self.role.get() {
            Role::Server => {
                let client = self.client_of(peer)?;
                self.server().of_client(|server| server.client_latency(client))
            }
            Role::Joining(_) | Role::Joined(_) | Role::Leaving(_) if peer == SERVER => self.client().latency(),
            _ => None,
        }
    }
}

/// The id of a peer, if the number can be one.
fn id_of(peer_id: i64) -> Option<i32> {
    i32::try_from(peer_id).ok()
}
