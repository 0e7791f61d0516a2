//! The class `WebSocketServer`: what a script sees of a server and its clients.

use std::time::Duration;

use async_sockets_net::address::BindAddress;
use async_sockets_net::websocket::close_code::CloseFrame;
use async_sockets_net::websocket::options::{BackpressurePolicy, ResponseHeader, Subprotocol};
use async_sockets_net::websocket_server::{Audience, Broadcast, ClientError, WebSocketServer as Server};
use godot::builtin::{
    Array, GString, PackedByteArray, PackedInt64Array, PackedStringArray, StringName, VarDictionary, vdict,
};
use godot::classes::{RefCounted, TlsOptions};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::class::SocketClass;
use crate::convert::{headers, int, utf8};
use crate::guard::{State, misuse};
use crate::pump::Pump;
use core::ServerCore;
use handshake_request::WebSocketHandshakeRequest;

mod core;
mod handshake_request;

const NOT_RUNNING: &str = "the server is not running; call start() first";

/// A WebSocket server (RFC 6455) that runs in the background and calls back by signals.
///
/// [codeblock]
/// extends Node
/// var server := WebSocketServer.new()
/// func _ready() -> void:
///     server.message_received.connect(func(client_id: int, message: String) -> void:
///         server.send_text(client_id, "Echo: " + message))
///     server.start(8080)
/// [/codeblock]
/// Clients have ids from 1 upwards that are never used again, also not after a restart. Messages of one client keep their
/// order, and those before a close come before it. Signals come once a frame, before the nodes' [code]_process[/code], or
/// from [method process]. Properties are read by [method start], but
/// for [member auto_process], [member text_as_data] and the three about addresses.
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct WebSocketServer {
    #[init(val = State::new(ServerCore::new()))]
    core: State<ServerCore>,

    /// Clients at once; whoever comes then is refused with 503. 0 sets no limit.
    #[var(get = get_max_clients, set = set_max_clients)]
    max_clients: PhantomVar<i64>,
    /// Established clients of one address at once; one more is refused with 429, or with TLS closed. 0 (default): no limit.
    /// An address is one IPv4 address, or the first 64 bits of an IPv6 address, which as a rule belong to one host. Behind
    /// a proxy all clients have the proxy's address. May change while the server runs, for new connections.
    #[var(get = get_max_clients_per_address, set = set_max_clients_per_address)]
    max_clients_per_address: PhantomVar<i64>,
    /// Connections that one address may make per second, and as many in one moment; more are closed before anything is
    /// read. 0 (default): no limit. What an address is, and when this may change: as for
    /// [member max_clients_per_address].
    #[var(get = get_max_handshakes_per_second, set = set_max_handshakes_per_second)]
    max_handshakes_per_second_per_address: PhantomVar<i64>,
    /// IP addresses and ranges that may not connect, such as [code]"192.0.2.1"[/code], [code]"10.0.0.0/8"[/code] or
    /// [code]"2001:db8::/32"[/code]: they are closed before anything is read. May change while the server runs, for new
    /// connections; clients that are in stay. If an entry is wrong, none is taken. Default: empty.
    #[var(get = get_blocked_addresses, set = set_blocked_addresses)]
    blocked_addresses: PhantomVar<PackedStringArray>,
    /// The longest message that a client may send, in bytes; a longer one ends its connection with 1009.
    #[var(get = get_max_message_size, set = set_max_message_size)]
    max_message_size: PhantomVar<i64>,
    /// Bytes that may wait to be sent to one client; see [member backpressure_policy] for what happens then.
    #[var(get = get_max_pending_bytes, set = set_max_pending_bytes)]
    max_pending_bytes: PhantomVar<i64>,
    /// Memory that all clients together may take, in bytes: messages that have not ended, messages that wait to be handled
    /// and frames that wait to be sent (of a broadcast, once). When it is reached, the clients that hold most are
    /// disconnected with 1013 (try again later), and the others go on; clients of one address count as one. Messages that
    /// wait to be handled take at most a quarter of it, then reading waits. 0 sets no limit. Default: 256 MiB.
    #[var(get = get_max_total_bytes, set = set_max_total_bytes)]
    max_total_bytes: PhantomVar<i64>,
    /// Seconds that a message may take from its first byte to its last; a client that needs longer is disconnected with
    /// 1008. Pings and further bytes do not prolong it. 0 sets no limit. Default: 30.
    #[var(get = get_message_timeout, set = set_message_timeout)]
    message_timeout: PhantomVar<f64>,
    /// [constant BACKPRESSURE_ERROR]: over [member max_pending_bytes] a message is not taken, and the call gives
    /// [constant ERR_OUT_OF_MEMORY]. [constant BACKPRESSURE_DISCONNECT]: the same, and the client is disconnected (1008).
    #[var(get = get_backpressure_policy, set = set_backpressure_policy)]
    backpressure_policy: PhantomVar<i32>,
    /// Seconds that a client has for its opening handshake, TLS and your decision included. Of more than 4096 handshakes
    /// at once, the oldest whose request is not complete makes room, beginning with the address that has most of them. 0 sets no
    /// limit: silent connections stay until they leave or have to make room.
    #[var(get = get_handshake_timeout, set = set_handshake_timeout)]
    handshake_timeout: PhantomVar<f64>,
    /// Seconds that a closing handshake may take before the connection is cut. 0 sets no limit, except in [method stop].
    #[var(get = get_close_timeout, set = set_close_timeout)]
    close_timeout: PhantomVar<f64>,
    /// Seconds between pings to each client; one from which nothing came until the next is dead (1006). 0: no pings.
    #[var(get = get_heartbeat_interval, set = set_heartbeat_interval)]
    heartbeat_interval: PhantomVar<f64>,
    /// Subprotocols, the server's favourite first; a client gets the first one that it offers.
    #[var(get = get_supported_protocols, set = set_supported_protocols)]
    supported_protocols: PhantomVar<PackedStringArray>,
    /// More header lines for the response to the opening handshake, as [code]"Name: value"[/code].
    #[var(get = get_handshake_headers, set = set_handshake_headers)]
    handshake_headers: PhantomVar<PackedStringArray>,
    /// Origins that may connect, such as `https://example.org`; others are refused with 403. [code]""[/code]
    /// stands for a client without an origin (no browser). Empty: everybody may.
    #[var(get = get_allowed_origins, set = set_allowed_origins)]
    allowed_origins: PhantomVar<PackedStringArray>,
    /// Paths that exist, such as [code]"/chat"[/code]; others are refused with 404. Empty: every path exists.
    #[var(get = get_allowed_paths, set = set_allowed_paths)]
    allowed_paths: PhantomVar<PackedStringArray>,
    /// Ask by [signal handshake_requested] before a client comes in.
    #[var(get = get_manual_handshake, set = set_manual_handshake)]
    manual_handshake: PhantomVar<bool>,
    /// TLS (wss), with [code]TLSOptions.server(key, certificate)[/code].
    #[var(get = get_tls_options, set = set_tls_options)]
    tls_options: PhantomVar<Option<Gd<TlsOptions>>>,
    /// Small messages leave at once (Nagle's algorithm is off).
    #[var(get = get_no_delay, set = set_no_delay)]
    no_delay: PhantomVar<bool>,
    /// Connections that the system may hold before they are accepted, 1 to 65535.
    #[var(get = get_backlog, set = set_backlog)]
    backlog: PhantomVar<i64>,
    /// Give text messages as UTF-8 bytes by [signal text_data_received]: byte for byte, also what a [String] cannot hold.
    #[var(get = get_text_as_data, set = set_text_as_data)]
    text_as_data: PhantomVar<bool>,
    /// Handle what has arrived once a frame. Off, call [method process].
    #[var(get = get_auto_process, set = set_auto_process)]
    auto_process: PhantomVar<bool>,

    base: Base<RefCounted>,
}

impl SocketClass for WebSocketServer {
    type Core = ServerCore;

    fn state(&self) -> &State<ServerCore> {
        &self.core
    }
}

#[godot_api]
impl WebSocketServer {
    /// Over [member max_pending_bytes] a message is not taken.
    #[constant]
    const BACKPRESSURE_ERROR: i32 = 0;
    /// Over [member max_pending_bytes] the client is disconnected with 1008.
    #[constant]
    const BACKPRESSURE_DISCONNECT: i32 = 1;

    /// A client is in.
    #[signal]
    fn client_connected(client_id: i64);
    /// A client is gone. The code is the peer's own, or this server's if it closed first; 1002 if the peer broke the
    /// protocol, also by a code that must not be sent, which the reason then names; 1005 if the peer gave none, 1006 if the
    /// connection broke. [method get_close_reason] has the words inside the handler.
    #[signal]
    fn client_disconnected(client_id: i64, code: i64);
    /// A text message. U+0000, which a [String] cannot hold, arrives as U+FFFD; see [member text_as_data].
    #[signal]
    fn message_received(client_id: i64, message: GString);
    /// A binary message.
    #[signal]
    fn data_received(client_id: i64, data: PackedByteArray);
    /// A text message as UTF-8 bytes; only with [member text_as_data].
    #[signal]
    fn text_data_received(client_id: i64, data: PackedByteArray);
    /// A client asks to come in; only with [member manual_handshake]. What you reserve for it here is to be released in
    /// [signal client_disconnected] or [signal handshake_failed], or when you reject it.
    #[signal]
    fn handshake_requested(request: Gd<WebSocketHandshakeRequest>);
    /// A client that [signal handshake_requested] named does not come in: nobody decided in time, it left, it was accepted
    /// and the server is full meanwhile, the answer could not be sent, or the server stops. The reason is in words. Comes
    /// once for each request that neither led to [signal client_connected] nor was rejected by your own
    /// [method WebSocketHandshakeRequest.reject].
    #[signal]
    fn handshake_failed(client_id: i64, reason: GString);
    /// The server could not start, or has trouble accepting; in words.
    #[signal]
    fn server_error(error: GString);

    // The server ------------------------------------------------------------------------------------------------------

    /// Starts to listen: on the port (0 picks a free one, see [method get_local_port]) of an IP address,
    /// [code]"0.0.0.0"[/code] for all of IPv4 and [code]"*"[/code] for IPv6 and IPv4. If that fails it gives
    /// [code]false[/code], and [signal server_error] says why, inside this call; when nobody listens to it, the output does.
    #[func(gd_self)]
    fn start(this: Gd<Self>, #[opt(default = 8080)] port: i64, #[opt(default = "0.0.0.0")] host: GString) -> bool {
        let Some(core) = this.bind().core().cloned() else {
            return false;
        };
        let address = BindAddress::parse(&host.to_string(), port).map_err(|error| error.to_string());
        core.base.set_last_error("");
        let started = address.and_then(|address| core.start(address));
        if let Err(error) = &started {
            core.base.set_last_error(error);
            let signal = &Pump::get().names.server_error;
            let mut object = this.upcast::<RefCounted>();
            if object.get_signal_connection_list(signal).is_empty() {
                misuse(&format!("WebSocketServer.start: {error}"));
            } else {
                object.emit_signal(signal, &[GString::from(error).to_variant()]);
            }
        }
        started.is_ok()
    }

    /// Stops listening and sends 1001 to every client; the port is free. Every client still gets its
    /// [signal client_disconnected], after what it sent before, within about a second.
    #[func]
    fn stop(&self) {
        if let Some(core) = self.core() {
            core.close();
        }
    }

    /// Whether the server takes clients in.
    #[func]
    fn is_listening(&self) -> bool {
        self.core.is_listening()
    }

    /// The port in use, also when 0 was asked for; 0 if the server is not running.
    #[func]
    fn get_local_port(&self) -> i64 {
        let port = |server: &Server| server.is_listening().then(|| server.local_address().port().into());
        self.core.with(port).flatten().unwrap_or(0)
    }

    /// Handles what is queued now by emitting the signals. With a budget in microseconds it goes on until that is over,
    /// asleep while there is nothing. Gives the number of events handled.
    #[func(gd_self)]
    fn process(this: Gd<Self>, #[opt(default = 0)] budget_usec: i64) -> i64 {
        Self::drain(this, budget_usec)
    }

    /// Figures since the start: clients, connected, refused, messages_in, bytes_in, messages_out, bytes_out. Of those
    /// refused, by their address: refused_blocked ([member blocked_addresses]), refused_rate
    /// ([member max_handshakes_per_second_per_address]) and refused_clients ([member max_clients_per_address]); and
    /// displaced, handshakes that made room for newer ones. Of now: memory, the bytes that
    /// [member max_total_bytes] limits.
    #[func]
    fn get_statistics(&self) -> VarDictionary {
        let figures = self.core.with(Server::statistics).unwrap_or_default();
        vdict! {
            "clients" => int(figures.clients),
            "connected" => int(figures.connected),
            "refused" => int(figures.refused),
            "refused_blocked" => int(figures.turned_away.blocked),
            "refused_rate" => int(figures.turned_away.too_fast),
            "refused_clients" => int(figures.turned_away.crowded),
            "displaced" => int(figures.turned_away.displaced),
            "messages_in" => int(figures.messages_in),
            "bytes_in" => int(figures.bytes_in),
            "messages_out" => int(figures.messages_out),
            "bytes_out" => int(figures.bytes_out),
            "memory" => int(figures.memory),
        }
    }

    // Sending ---------------------------------------------------------------------------------------------------------
    //
    // All of these give ERR_UNCONFIGURED if the server is not running, ERR_DOES_NOT_EXIST for an id that no client has,
    // ERR_OUT_OF_MEMORY over max_pending_bytes and ERR_UNAVAILABLE for a client that is being disconnected.

    /// Sends a text message; never blocks. [constant ERR_UNCONFIGURED] if the server is not running,
    /// [constant ERR_DOES_NOT_EXIST] for an id that no client has, [constant ERR_OUT_OF_MEMORY] over
    /// [member max_pending_bytes], [constant ERR_UNAVAILABLE] if the client is being disconnected. What the handlers of one
    /// client's messages send goes out together, when they have returned.
    #[func]
    fn send_text(&self, client_id: i64, message: GString) -> Error {
        self.to_client(|server| server.send_text(client_id, &utf8(&message)))
    }

    /// Sends a binary message; otherwise as [method send_text].
    #[func]
    fn send_binary(&self, client_id: i64, data: PackedByteArray) -> Error {
        self.to_client(|server| server.send_binary(client_id, data.as_slice()))
    }

    /// Sends UTF-8 bytes as a text message, byte for byte. [constant ERR_INVALID_DATA] if they are not UTF-8; otherwise as
    /// [method send_text].
    #[func]
    fn send_text_data(&self, client_id: i64, utf8: PackedByteArray) -> Error {
        let Ok(text) = std::str::from_utf8(utf8.as_slice()) else {
            self.core.base.set_last_error("the bytes are not UTF-8");
            return Error::ERR_INVALID_DATA;
        };
        self.to_client(|server| server.send_text(client_id, text))
    }

    /// Sends a text message to every client but those in [param exclude]. [constant ERR_OUT_OF_MEMORY] if a client was
    /// over its limit and does not get it; the others do.
    #[func]
    fn broadcast_text(
        &self,
        message: GString,
        #[opt(default = &PackedInt64Array::new())] exclude: PackedInt64Array,
    ) -> Error {
        let text = utf8(&message);
        self.to_many(|server| server.broadcast_text(&text, Audience::All, exclude.as_slice()))
    }

    /// Sends a binary message to every client; otherwise as [method broadcast_text].
    #[func]
    fn broadcast_binary(
        &self,
        data: PackedByteArray,
        #[opt(default = &PackedInt64Array::new())] exclude: PackedInt64Array,
    ) -> Error {
        self.to_many(|server| server.broadcast_binary(data.as_slice(), Audience::All, exclude.as_slice()))
    }

    /// Sends a ping with at most 125 bytes. [method get_client_latency] has the time to its answer.
    #[func]
    fn ping(&self, client_id: i64, #[opt(default = &PackedByteArray::new())] payload: PackedByteArray) -> Error {
        self.to_client(|server| server.ping(client_id, payload.as_slice()))
    }

    /// Sends what was sent before, then a close frame; [signal client_disconnected] follows when the client has answered.
    /// [constant ERR_INVALID_PARAMETER] for a code that must not be sent (allowed: 1000 to 1003, 1007 to 1014, 3000 to
    /// 4999) or a reason of more than 123 bytes of UTF-8.
    #[func]
    fn disconnect_client(
        &self,
        client_id: i64,
        #[opt(default = 1000)] code: i64,
        #[opt(default = "")] reason: GString,
    ) -> Error {
        match CloseFrame::parse(code, &reason.to_string()) {
            Ok(frame) => self.to_client(|server| server.disconnect(client_id, frame)),
            Err(error) => self.refuse("disconnect_client", error),
        }
    }

    // Groups ----------------------------------------------------------------------------------------------------------

    /// Puts a client into a group; it leaves by itself when it is gone.
    #[func]
    fn add_to_group(&self, client_id: i64, group: StringName) -> Error {
        self.to_client(|server| server.add_to_group(client_id, &group.to_string()))
    }

    /// Takes a client out of a group.
    #[func]
    fn remove_from_group(&self, client_id: i64, group: StringName) -> Error {
        self.to_client(|server| server.remove_from_group(client_id, &group.to_string()).map(|_| ()))
    }

    /// The clients of a group.
    #[func]
    fn get_group_clients(&self, group: StringName) -> Array<i64> {
        let members = |server: &Server| server.groups().members(&group.to_string()).collect();
        self.core.with(members).unwrap_or_default()
    }

    /// As [method broadcast_text], to the clients of a group.
    #[func]
    fn broadcast_text_to_group(
        &self,
        group: StringName,
        message: GString,
        #[opt(default = &PackedInt64Array::new())] exclude: PackedInt64Array,
    ) -> Error {
        let (group, text) = (group.to_string(), utf8(&message));
        self.to_many(|server| server.broadcast_text(&text, Audience::Group(&group), exclude.as_slice()))
    }

    /// As [method broadcast_binary], to the clients of a group.
    #[func]
    fn broadcast_binary_to_group(
        &self,
        group: StringName,
        data: PackedByteArray,
        #[opt(default = &PackedInt64Array::new())] exclude: PackedInt64Array,
    ) -> Error {
        let group = group.to_string();
        self.to_many(|server| server.broadcast_binary(data.as_slice(), Audience::Group(&group), exclude.as_slice()))
    }

    // Clients ---------------------------------------------------------------------------------------------------------

    /// How many clients there are.
    #[func]
    fn get_client_count(&self) -> i64 {
        self.core.with(Server::client_count).map_or(0, int)
    }

    /// The ids of all clients, in the order in which they came.
    #[func]
    fn get_client_ids(&self) -> Array<i64> {
        self.core
            .with(Server::client_ids)
            .unwrap_or_default()
            .into_iter()
            .collect()
    }

    /// The IP address of a client; empty for an unknown id.
    #[func]
    fn get_client_address(&self, client_id: i64) -> GString {
        let address = |server: &Server| Some(server.client_info(client_id)?.peer.ip().to_string());
        self.core
            .of_client(address)
            .map(|address| GString::from(&address))
            .unwrap_or_default()
    }

    /// The port of a client; 0 for an unknown id.
    #[func]
    fn get_client_port(&self, client_id: i64) -> i64 {
        self.core
            .of_client(|server| Some(server.client_info(client_id)?.peer.port().into()))
            .unwrap_or(0)
    }

    /// The path that a client asked for, with its query; empty for an unknown id.
    #[func]
    fn get_client_path(&self, client_id: i64) -> GString {
        let path = |server: &Server| {
            let request = &server.client_info(client_id)?.request;
            let mark = if request.query.is_empty() { "" } else { "?" };
            Some(format!("{}{mark}{}", request.path, request.query))
        };
        self.core
            .of_client(path)
            .map(|path| GString::from(&path))
            .unwrap_or_default()
    }

    /// The header lines of a client's request by their names in lower case; several of a name are joined by commas.
    #[func]
    fn get_client_headers(&self, client_id: i64) -> VarDictionary {
        let lines = |server: &Server| Some(headers(&server.client_info(client_id)?.request.headers));
        self.core.of_client(lines).unwrap_or_default()
    }

    /// The subprotocol agreed on with a client; empty if none.
    #[func]
    fn get_client_protocol(&self, client_id: i64) -> GString {
        let protocol = |server: &Server| Some(GString::from(&server.client_info(client_id)?.protocol));
        self.core.of_client(protocol).unwrap_or_default()
    }

    /// Milliseconds between the last answered ping to a client and its pong; -1 before the first (see
    /// [member heartbeat_interval] and [method ping]).
    #[func]
    fn get_client_latency(&self, client_id: i64) -> f64 {
        let latency = |server: &Server| server.client_latency(client_id);
        self.core
            .of_client(latency)
            .map_or(-1.0, |time| time.as_secs_f64() * 1000.0)
    }

    /// Bytes queued for a client and not yet handed to the system; 0 for an unknown id.
    #[func]
    fn get_client_pending_bytes(&self, client_id: i64) -> i64 {
        self.core
            .of_client(|server| server.client_pending_bytes(client_id))
            .map_or(0, int)
    }

    /// The words beside the code of a client that is leaving; valid inside the handler of [signal client_disconnected].
    #[func]
    fn get_close_reason(&self, client_id: i64) -> GString {
        self.core
            .close_reason(client_id)
            .map(|reason| GString::from(&reason))
            .unwrap_or_default()
    }

    /// The last error that this object gave, in words; empty if there was none since [method start].
    #[func]
    fn get_last_error_message(&self) -> GString {
        self.last_error()
    }

    // Properties ------------------------------------------------------------------------------------------------------

    #[func]
    fn get_max_clients(&self) -> i64 {
        self.core.options.borrow().max_clients.map_or(0, int)
    }

    #[func]
    fn set_max_clients(&self, clients: i64) {
        if let Some(clients) = self.size("max_clients", clients, 0) {
            self.core.options.borrow_mut().max_clients = Some(clients).filter(|&clients| clients > 0);
        }
    }

    #[func]
    fn get_max_clients_per_address(&self) -> i64 {
        self.core.admission.max_clients_per_address()
    }

    #[func]
    fn set_max_clients_per_address(&self, clients: i64) {
        self.changed(
            "max_clients_per_address",
            self.core.admission.set_max_clients_per_address(clients),
        );
    }

    #[func]
    fn get_max_handshakes_per_second(&self) -> i64 {
        self.core.admission.max_handshakes_per_second()
    }

    #[func]
    fn set_max_handshakes_per_second(&self, handshakes: i64) {
        self.changed(
            "max_handshakes_per_second_per_address",
            self.core.admission.set_max_handshakes_per_second(handshakes),
        );
    }

    #[func]
    fn get_blocked_addresses(&self) -> PackedStringArray {
        self.core.admission.blocked_addresses()
    }

    #[func]
    fn set_blocked_addresses(&self, addresses: PackedStringArray) {
        self.changed(
            "blocked_addresses",
            self.core.admission.set_blocked_addresses(addresses),
        );
    }

    #[func]
    fn get_max_message_size(&self) -> i64 {
        int(self.core.options.borrow().max_message_size)
    }

    #[func]
    fn set_max_message_size(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_message_size", bytes, 1) {
            self.core.options.borrow_mut().max_message_size = bytes;
        }
    }

    #[func]
    fn get_max_pending_bytes(&self) -> i64 {
        int(self.core.options.borrow().max_pending)
    }

    #[func]
    fn set_max_pending_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_pending_bytes", bytes, 1) {
            self.core.options.borrow_mut().max_pending = bytes;
        }
    }

    #[func]
    fn get_max_total_bytes(&self) -> i64 {
        int(self.core.options.borrow().max_total)
    }

    #[func]
    fn set_max_total_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_total_bytes", bytes, 0) {
            self.core.options.borrow_mut().max_total = bytes;
        }
    }

    #[func]
    fn get_message_timeout(&self) -> f64 {
        seconds_of(self.core.options.borrow().message_timeout)
    }

    #[func]
    fn set_message_timeout(&self, seconds: f64) {
        if let Some(limit) = self.time("message_timeout", seconds) {
            self.core.options.borrow_mut().message_timeout = limit;
        }
    }

    #[func]
    fn get_backpressure_policy(&self) -> i32 {
        match self.core.options.borrow().backpressure {
            BackpressurePolicy::Refuse => Self::BACKPRESSURE_ERROR,
            BackpressurePolicy::Disconnect => Self::BACKPRESSURE_DISCONNECT,
        }
    }

    #[func]
    fn set_backpressure_policy(&self, policy: i32) {
        self.core.options.borrow_mut().backpressure = match policy {
            Self::BACKPRESSURE_ERROR => BackpressurePolicy::Refuse,
            Self::BACKPRESSURE_DISCONNECT => BackpressurePolicy::Disconnect,
            _ => {
                let words = format!("{policy} is none of the BACKPRESSURE_ constants, 0 and 1");
                self.refuse("backpressure_policy", words);
                return;
            }
        };
    }

    #[func]
    fn get_handshake_timeout(&self) -> f64 {
        seconds_of(self.core.options.borrow().handshake.timeout)
    }

    #[func]
    fn set_handshake_timeout(&self, seconds: f64) {
        if let Some(limit) = self.time("handshake_timeout", seconds) {
            self.core.options.borrow_mut().handshake.timeout = limit;
        }
    }

    #[func]
    fn get_close_timeout(&self) -> f64 {
        seconds_of(self.core.options.borrow().close_timeout)
    }

    #[func]
    fn set_close_timeout(&self, seconds: f64) {
        if let Some(limit) = self.time("close_timeout", seconds) {
            self.core.options.borrow_mut().close_timeout = limit;
        }
    }

    #[func]
    fn get_heartbeat_interval(&self) -> f64 {
        seconds_of(self.core.options.borrow().heartbeat_interval)
    }

    #[func]
    fn set_heartbeat_interval(&self, seconds: f64) {
        if let Some(interval) = self.time("heartbeat_interval", seconds) {
            self.core.options.borrow_mut().heartbeat_interval = interval;
        }
    }

    #[func]
    fn get_supported_protocols(&self) -> PackedStringArray {
        self.core
            .options
            .borrow()
            .handshake
            .protocols
            .iter()
            .map(|name| GString::from(name.as_str()))
            .collect()
    }

    #[func]
    fn set_supported_protocols(&self, protocols: PackedStringArray) {
        let parsed: Result<Vec<_>, _> = protocols
            .as_slice()
            .iter()
            .map(|name| Subprotocol::parse(&name.to_string()))
            .collect();
        if let Some(protocols) = self.parsed("supported_protocols", parsed) {
            self.core.options.borrow_mut().handshake.protocols = protocols;
        }
    }

    #[func]
    fn get_handshake_headers(&self) -> PackedStringArray {
        let line = |header: &ResponseHeader| GString::from(&format!("{}: {}", header.name(), header.value()));
        self.core
            .options
            .borrow()
            .handshake
            .response_headers
            .iter()
            .map(line)
            .collect()
    }

    #[func]
    fn set_handshake_headers(&self, headers: PackedStringArray) {
        let parsed: Result<Vec<_>, _> = headers
            .as_slice()
            .iter()
            .map(|line| ResponseHeader::parse(&line.to_string()))
            .collect();
        if let Some(headers) = self.parsed("handshake_headers", parsed) {
            self.core.options.borrow_mut().handshake.response_headers = headers;
        }
    }

    #[func]
    fn get_allowed_origins(&self) -> PackedStringArray {
        self.core
            .options
            .borrow()
            .handshake
            .allowed_origins
            .iter()
            .map(GString::from)
            .collect()
    }

    #[func]
    fn set_allowed_origins(&self, origins: PackedStringArray) {
        self.core.options.borrow_mut().handshake.allowed_origins = strings(&origins);
    }

    #[func]
    fn get_allowed_paths(&self) -> PackedStringArray {
        self.core
            .options
            .borrow()
            .handshake
            .paths
            .iter()
            .map(GString::from)
            .collect()
    }

    #[func]
    fn set_allowed_paths(&self, paths: PackedStringArray) {
        self.core.options.borrow_mut().handshake.paths = strings(&paths);
    }

    #[func]
    fn get_manual_handshake(&self) -> bool {
        self.core.options.borrow().handshake.manual
    }

    #[func]
    fn set_manual_handshake(&self, on: bool) {
        self.core.options.borrow_mut().handshake.manual = on;
    }

    #[func]
    fn get_tls_options(&self) -> Option<Gd<TlsOptions>> {
        self.core.tls.borrow().clone()
    }

    #[func]
    fn set_tls_options(&self, options: Option<Gd<TlsOptions>>) {
        let before = self.core.tls.replace(options);
        drop(before);
    }

    #[func]
    fn get_no_delay(&self) -> bool {
        self.core.options.borrow().no_delay
    }

    #[func]
    fn set_no_delay(&self, on: bool) {
        self.core.options.borrow_mut().no_delay = on;
    }

    #[func]
    fn get_backlog(&self) -> i64 {
        self.core.options.borrow().backlog.into()
    }

    #[func]
    fn set_backlog(&self, connections: i64) {
        if let Some(backlog) = self.number("backlog", connections, 1..=65_535) {
            self.core.options.borrow_mut().backlog = backlog;
        }
    }

    #[func]
    fn get_text_as_data(&self) -> bool {
        self.core.text_as_data.get()
    }

    #[func]
    fn set_text_as_data(&self, on: bool) {
        self.core.text_as_data.set(on);
    }

    #[func]
    fn get_auto_process(&self) -> bool {
        self.automatic()
    }

    #[func]
    fn set_auto_process(&self, on: bool) {
        self.set_automatic(on);
    }
}

impl WebSocketServer {
    fn to_client(&self, command: impl FnOnce(&mut Server) -> Result<(), ClientError>) -> Error {
        let Some(core) = self.core() else {
            return Error::ERR_UNAVAILABLE;
        };
        let error = match core.command(command) {
            None => {
                core.base.set_last_error(NOT_RUNNING);
                return Error::ERR_UNCONFIGURED;
            }
            Some(Ok(())) => return Error::OK,
            Some(Err(error)) => error,
        };
        core.base.set_last_error(error.to_string());
        match error {
            ClientError::Unknown(_) => Error::ERR_DOES_NOT_EXIST,
            ClientError::Full(_) => Error::ERR_OUT_OF_MEMORY,
            ClientError::Closing(_) => Error::ERR_UNAVAILABLE,
            ClientError::PingTooLong(_) => self.refuse("ping", error),
        }
    }

    fn to_many(&self, command: impl FnOnce(&mut Server) -> Broadcast) -> Error {
        let Some(core) = self.core() else {
            return Error::ERR_UNAVAILABLE;
        };
        match core.command(command) {
            None => {
                core.base.set_last_error(NOT_RUNNING);
                Error::ERR_UNCONFIGURED
            }
            Some(Broadcast { refused: 0, .. }) => Error::OK,
            Some(Broadcast { refused, .. }) => {
                core.base.set_last_error(format!(
                    "{refused} clients are over max_pending_bytes, and did not get the message"
                ));
                Error::ERR_OUT_OF_MEMORY
            }
        }
    }

    /// A rule about addresses was set, and holds for new connections; or it was refused.
    fn changed(&self, property: &str, set: Result<(), String>) {
        if self.parsed(property, set).is_some() {
            self.core.apply_admission();
        }
    }
}

fn seconds_of(limit: Option<Duration>) -> f64 {
    limit.map_or(0.0, |limit| limit.as_secs_f64())
}

fn strings(array: &PackedStringArray) -> Vec<String> {
    array.as_slice().iter().map(ToString::to_string).collect()
}
