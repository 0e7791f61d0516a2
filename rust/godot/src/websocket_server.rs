//! The class `WebSocketServer`: what a script sees of a server and its clients.

use async_sockets_net::http::headers::ResponseHeader;
use async_sockets_net::http::trusted::TrustedProxies;
use async_sockets_net::websocket::options::{BackpressurePolicy, Subprotocol, parse_origin, parse_path};
use async_sockets_net::websocket_server::WebSocketServer as Server;
use godot::builtin::{GString, PackedByteArray, PackedStringArray};
use godot::classes::{IRefCounted, RefCounted, TlsOptions};
use godot::meta::shape::EnumeratorShape;
use godot::obj::{Base, Gd};
use godot::register::info::PropertyInfo;
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::class::{SocketClass, show_property};
use crate::class_enum::{ClassEnum, EnumValue};
use crate::convert::int;
use crate::guard::State;
use crate::time;
use core::ServerCore;
pub(crate) use core::StartError;
use handshake_request::WebSocketHandshakeRequest;
use http_request::HttpServerRequest;
pub(crate) use sink::Sink;

mod clients;
pub(crate) mod core;
mod folders;
mod groups;
mod handshake_request;
mod http;
mod http_request;
mod sending;
mod server;
mod sink;

/// What happens to a message that a client's queue cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Backpressure {
    Error = 0,
    Disconnect = 1,
}

impl ClassEnum for Backpressure {
    type Class = WebSocketServer;

    const NAME: &'static str = "WebSocketServer.BackpressurePolicy";

    const CONSTANTS: &'static [EnumeratorShape] = &[
        EnumeratorShape::new_int("BACKPRESSURE_ERROR", Self::Error as i64),
        EnumeratorShape::new_int("BACKPRESSURE_DISCONNECT", Self::Disconnect as i64),
    ];

    fn number(self) -> i32 {
        self as i32
    }
}

/// A WebSocket server (RFC 6455) that works in the background and reports by signals.
///
/// ```gdscript
/// extends Node
///
/// var server := WebSocketServer.new()
///
/// func _ready() -> void:
///     var _error := server.message_received.connect(_on_message_received)
///     if not server.start(8080):
///         push_error(server.get_last_error_message())
///
/// func _on_message_received(client_id: int, message: String) -> void:
///     var _error := server.send_text(client_id, "Echo: " + message)
/// ```
/// Clients are identified by ids from 1 upwards that are never reused, not even after a restart. Messages of one client
/// keep their order and precede its [signal client_disconnected]. Signals are emitted once a frame, before the nodes'
/// [code]_process[/code], or by [method process].
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct WebSocketServer {
    #[init(val = State::new(ServerCore::new()))]
    core: State<ServerCore>,

    /// Maximum number of established clients; further ones are refused with 503. Default: 0, which sets no limit.
    /// Range: 0 to 2147483647. Read by [method start].
    #[var(get = get_max_clients, set = set_max_clients)]
    max_clients: PhantomVar<i64>,
    /// Maximum number of established clients of one address; further ones are refused with 429, or closed if the server
    /// uses TLS and answers no plain HTTP. Default: 0, which sets no limit. Range: 0 to 2147483647. An address is one
    /// IPv4 address or one IPv6 prefix of 64 bits, which usually belongs to one host; behind a proxy all clients share
    /// the proxy's address, unless it is one of [member trusted_proxies]. Changes apply to new connections at once.
    #[var(get = get_max_clients_per_address, set = set_max_clients_per_address)]
    max_clients_per_address: PhantomVar<i64>,
    /// Maximum number of connections per second of one address, which is also the size of a burst; further ones are
    /// closed before anything is read. Default: 0, which sets no limit. Range: 0 to 2147483647. For the meaning of an
    /// address see [member max_clients_per_address]. Changes apply to new connections at once.
    #[var(get = get_max_handshakes_per_second, set = set_max_handshakes_per_second)]
    max_handshakes_per_second_per_address: PhantomVar<i64>,
    /// IP addresses and ranges that may not connect, such as [code]"192.0.2.1"[/code], [code]"10.0.0.0/8"[/code] or
    /// [code]"2001:db8::/32"[/code]; their connections are closed before anything is read. Default: empty. If an entry
    /// is invalid, the property keeps its value. Changes apply to new connections at once; established clients stay.
    #[var(get = get_blocked_addresses, set = set_blocked_addresses)]
    blocked_addresses: PhantomVar<PackedStringArray>,
    /// Maximum size of a message from a client, in bytes; a larger one ends the connection with 1009. Default:
    /// 16777216 (16 MiB). Range: 1 to 2147483647. Read by [method start].
    #[var(get = get_max_message_size, set = set_max_message_size)]
    max_message_size: PhantomVar<i64>,
    /// Maximum number of bytes pending for one client; see [member backpressure_policy] for what happens beyond.
    /// Default: 16777216 (16 MiB). Range: 1 to 2147483647. Read by [method start].
    #[var(get = get_max_pending_bytes, set = set_max_pending_bytes)]
    max_pending_bytes: PhantomVar<i64>,
    /// Maximum memory of all clients together, in bytes: incomplete messages, messages queued for this server and
    /// frames pending for clients (those of a broadcast count once), requests by plain HTTP that are queued, and
    /// responses that are being sent. Beyond it, the clients that use most are disconnected with 1013 (try again
    /// later), or by plain HTTP with 503 or in the middle of a response; clients of one address count as one. What is
    /// queued for this server uses at most a quarter of it, then reading pauses. Default: 268435456 (256 MiB). Range: 0
    /// to 2147483647; 0 sets no limit. Read by [method start].
    #[var(get = get_max_total_bytes, set = set_max_total_bytes)]
    max_total_bytes: PhantomVar<i64>,
    /// Maximum time from the first byte of a message to its last, in seconds; a slower client is disconnected with
    /// 1008. Pings and further bytes do not prolong it. 0 or more; 0 sets no limit. Default: 30. Read by [method
    /// start].
    #[var(get = get_message_timeout, set = set_message_timeout)]
    message_timeout: PhantomVar<f64>,
    /// What happens to a message that would exceed [member max_pending_bytes]. Default: [constant BACKPRESSURE_ERROR]:
    /// it is refused with [constant ERR_OUT_OF_MEMORY]. [constant BACKPRESSURE_DISCONNECT]: the same, and the client is
    /// disconnected with 1008; if it does not read, [signal client_disconnected] follows after [member close_timeout].
    /// Read by [method start].
    #[var(get = get_backpressure_policy, set = set_backpressure_policy)]
    backpressure_policy: PhantomVar<EnumValue<Backpressure>>,
    /// Maximum time for an opening handshake, in seconds, including TLS and your decision. 0 or more; 0 sets no limit.
    /// Default: 3. Of more than 4096 handshakes in flight, the oldest with an incomplete request is dropped, starting
    /// with the address that has most of them. Read by [method start].
    #[var(get = get_handshake_timeout, set = set_handshake_timeout)]
    handshake_timeout: PhantomVar<f64>,
    /// Maximum time for a closing handshake, in seconds; then the connection is cut. 0 or more; 0 sets no limit, except
    /// in [method stop]. Default: 3. Read by [method start].
    #[var(get = get_close_timeout, set = set_close_timeout)]
    close_timeout: PhantomVar<f64>,
    /// Time between pings to a client, in seconds; a client that sends nothing until the next one is disconnected
    /// (1006). Default: 0, which disables pings. Range: 0 or more. Read by [method start].
    #[var(get = get_heartbeat_interval, set = set_heartbeat_interval)]
    heartbeat_interval: PhantomVar<f64>,
    /// Subprotocols in order of preference; a client gets the first one that it offers. Default: empty. If an entry is
    /// not a valid name, the property keeps its value. Read by [method start].
    #[var(get = get_supported_protocols, set = set_supported_protocols)]
    supported_protocols: PhantomVar<PackedStringArray>,
    /// Additional headers of the response to an opening handshake, each as [code]"Name: value"[/code]. Default: empty.
    /// If an entry is invalid or belongs to the handshake itself, the property keeps its value. Read by [method start].
    #[var(get = get_handshake_headers, set = set_handshake_headers)]
    handshake_headers: PhantomVar<PackedStringArray>,
    /// Origins that may connect, such as `https://example.org`; others are refused with 403.
    /// [code]""[/code] stands for a client without an origin, which is no browser, and `"*"` for all.
    /// Default: empty, which allows all. If an entry is not an origin, such as one with a path or a slash at the end, the
    /// property keeps its value. Read by [method start].
    #[var(get = get_allowed_origins, set = set_allowed_origins)]
    allowed_origins: PhantomVar<PackedStringArray>,
    /// Paths that exist, such as [code]"/chat"[/code]; others are refused with 404. What is not ASCII must be
    /// percent-encoded. Default: empty, which allows all. If an entry does not begin with a slash or has a query, the
    /// property keeps its value. Read by [method start].
    #[var(get = get_allowed_paths, set = set_allowed_paths)]
    allowed_paths: PhantomVar<PackedStringArray>,
    /// Emit [signal handshake_requested] and wait for your decision before a client is established. Default:
    /// [code]false[/code]. Read by [method start].
    #[var(get = get_manual_handshake, set = set_manual_handshake)]
    manual_handshake: PhantomVar<bool>,
    /// TLS for all connections (wss), by [code]TLSOptions.server(key, certificate)[/code]. Default: [code]null[/code],
    /// no TLS. Read by [method start].
    #[var(get = get_tls_options, set = set_tls_options)]
    tls_options: PhantomVar<Option<Gd<TlsOptions>>>,
    /// Send small messages at once (disables Nagle's algorithm). Default: [code]true[/code]. Read by [method start].
    #[var(get = get_no_delay, set = set_no_delay)]
    no_delay: PhantomVar<bool>,
    /// Maximum number of connections that the system holds before they are accepted, 1 to 65535. Default: 1024. Read by
    /// [method start].
    #[var(get = get_backlog, set = set_backlog)]
    backlog: PhantomVar<i64>,
    /// Path of a health check, such as [code]"/healthz"[/code]: requests for it are answered in the background with 200
    /// and a short JSON text, [code]{"status":"ok","clients":3,"uptime":12.5}[/code] (established clients, and seconds
    /// since [method start]). Default: empty, no check. Takes effect at once.
    #[var(get = get_health_path, set = set_health_path)]
    health_path: PhantomVar<GString>,
    /// Maximum size of the body of a request by [signal http_requested], in bytes, 0 to 2147483647; a larger one is
    /// refused with 413. Default: 1048576 (1 MiB). Bodies count for [member max_total_bytes]; those that wait for the
    /// signal use at most a quarter of it, then reading pauses. A body that has not arrived whole within 30 seconds is
    /// refused with 408. Read by [method start].
    #[var(get = get_max_http_body_size, set = set_max_http_body_size)]
    max_http_body_size: PhantomVar<i64>,
    /// Maximum time for your answer to a request by [signal http_requested], in seconds; then the response is 504. 0 or
    /// more; 0 sets no limit. Default: 30. Read by [method start].
    #[var(get = get_http_timeout, set = set_http_timeout)]
    http_timeout: PhantomVar<f64>,
    /// Maximum number of connections that are used for plain HTTP, 1 to 2147483647; further ones are refused with 503.
    /// Once half of them are taken, connections are closed after each response, and an address that has a quarter of
    /// them gets no more, unless it is one of [member trusted_proxies]. Default: 1024. Read by [method start].
    #[var(get = get_max_http_connections, set = set_max_http_connections)]
    max_http_connections: PhantomVar<i64>,
    /// Maximum number of plain HTTP requests per second of one address, which is also the size of a burst; further ones
    /// are refused with 429. Default: 0, which sets no limit. Range: 0 to 2147483647. Read by [method start].
    #[var(get = get_max_http_requests, set = set_max_http_requests)]
    max_http_requests_per_second_per_address: PhantomVar<i64>,
    /// Addresses and ranges of proxies in front of this server, such as [code]"10.0.0.0/8"[/code]. For connections from
    /// them, the client's address is the last one in [code]X-Forwarded-For[/code] (or, without it, in
    /// [code]Forwarded[/code]) that is no trusted proxy: in signals, for all limits and for [member blocked_addresses];
    /// its port is 0 unless the proxy gave it. An entry that is no address (such as [code]unknown[/code]) hides all
    /// before it: the address of the proxy that noted it counts then. [code]X-Forwarded-Proto[/code] counts likewise,
    /// see [member HttpServerRequest.secure]. The proxy must set or append to one of the two, and remove the other one
    /// and [code]X-Forwarded-Proto[/code] from what clients send. Default: empty, nobody is believed. If an entry is
    /// invalid, the property keeps its value. Read by [method start].
    #[var(get = get_trusted_proxies, set = set_trusted_proxies)]
    trusted_proxies: PhantomVar<PackedStringArray>,
    /// Emit text messages as UTF-8 bytes by [signal text_data_received], unchanged, instead of [signal
    /// message_received]. Default: [code]false[/code]. Takes effect at once.
    #[var(get = get_text_as_data, set = set_text_as_data)]
    text_as_data: PhantomVar<bool>,
    /// Handle queued events once a frame, before the nodes' [code]_process[/code]. Default: [code]true[/code].
    /// Otherwise call [method process].
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
impl IRefCounted for WebSocketServer {
    fn on_validate_property(&self, property: &mut PropertyInfo) {
        show_property(property);
    }
}

#[godot_api]
impl WebSocketServer {
    /// A message beyond [member max_pending_bytes] is refused.
    #[constant]
    #[cfg(false)]
    const BACKPRESSURE_ERROR: i32 = Backpressure::Error as i32;
    /// A message beyond [member max_pending_bytes] is refused and the client is disconnected with 1008.
    #[constant]
    #[cfg(false)]
    const BACKPRESSURE_DISCONNECT: i32 = Backpressure::Disconnect as i32;

    /// A client is established.
    #[signal]
    fn client_connected(client_id: i64);
    /// An established client is disconnected. [param code] is the peer's code, or this server's if it closed first;
    /// 1002 if the peer violated the protocol, 1005 if the peer sent no code, 1006 if the connection broke. A code that
    /// must not be sent counts as a violation and is named in the reason, see [method get_close_reason].
    #[signal]
    fn client_disconnected(client_id: i64, code: i64);
    /// A text message was received. U+0000, which a [String] cannot contain, arrives as U+FFFD; see [member
    /// text_as_data].
    #[signal]
    fn message_received(client_id: i64, message: GString);
    /// A binary message was received.
    #[signal]
    fn data_received(client_id: i64, data: PackedByteArray);
    /// A text message was received, as UTF-8 bytes; only with [member text_as_data].
    #[signal]
    fn text_data_received(client_id: i64, data: PackedByteArray);
    /// A client requests to connect; only with [member manual_handshake]. Release what you reserve for it here in
    /// [signal client_disconnected] or [signal handshake_failed], or when you reject it.
    #[signal]
    fn handshake_requested(request: Gd<WebSocketHandshakeRequest>);
    /// A client announced by [signal handshake_requested] is not established: the decision came too late, the client
    /// left, the server is full or stops, or the answer could not be sent. Emitted once for each request that neither
    /// led to [signal client_connected] nor was rejected by [method WebSocketHandshakeRequest.reject].
    #[signal]
    fn handshake_failed(client_id: i64, reason: GString);
    /// A client asks by plain HTTP, with any method, for something that neither [member health_path] nor a folder of
    /// [method serve_folder] answers. A request for a WebSocket is never among them, whatever its path. Answer by the
    /// methods of [param request], now or within [member http_timeout]. Without a connection of this signal, the
    /// response is 404, or 426 for one of [member allowed_paths]; if there is no folder and no health check either, it
    /// is 426 for every path.
    #[signal]
    fn http_requested(request: Gd<HttpServerRequest>);
    /// The server failed to start, or accepting connections is paused because the system lacks resources.
    #[signal]
    fn server_error(error: GString);

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
        time::seconds(self.core.options.borrow().message_timeout)
    }

    #[func]
    fn set_message_timeout(&self, seconds: f64) {
        if let Some(limit) = self.time("message_timeout", seconds) {
            self.core.options.borrow_mut().message_timeout = limit;
        }
    }

    #[func]
    fn get_backpressure_policy(&self) -> EnumValue<Backpressure> {
        let policy = match self.core.options.borrow().backpressure {
            BackpressurePolicy::Refuse => Backpressure::Error,
            BackpressurePolicy::Disconnect => Backpressure::Disconnect,
        };
        policy.into()
    }

    #[func]
    fn set_backpressure_policy(&self, policy: EnumValue<Backpressure>) {
        const ERROR: i64 = Backpressure::Error as i64;
        const DISCONNECT: i64 = Backpressure::Disconnect as i64;
        self.core.options.borrow_mut().backpressure = match policy.number {
            ERROR => BackpressurePolicy::Refuse,
            DISCONNECT => BackpressurePolicy::Disconnect,
            policy => {
                let words = format!("{policy} is none of the BACKPRESSURE_ constants, 0 and 1");
                self.refuse("backpressure_policy", words);
                return;
            }
        };
    }

    #[func]
    fn get_handshake_timeout(&self) -> f64 {
        time::seconds(self.core.options.borrow().handshake.timeout)
    }

    #[func]
    fn set_handshake_timeout(&self, seconds: f64) {
        if let Some(limit) = self.time("handshake_timeout", seconds) {
            self.core.options.borrow_mut().handshake.timeout = limit;
        }
    }

    #[func]
    fn get_close_timeout(&self) -> f64 {
        time::seconds(self.core.options.borrow().close_timeout)
    }

    #[func]
    fn set_close_timeout(&self, seconds: f64) {
        if let Some(limit) = self.time("close_timeout", seconds) {
            self.core.options.borrow_mut().close_timeout = limit;
        }
    }

    #[func]
    fn get_heartbeat_interval(&self) -> f64 {
        time::seconds(self.core.options.borrow().heartbeat_interval)
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
        let entries = origins.as_slice().iter();
        let parsed: Result<Vec<_>, _> = entries.map(|origin| parse_origin(&origin.to_string())).collect();
        if let Some(origins) = self.parsed("allowed_origins", parsed) {
            self.core.options.borrow_mut().handshake.allowed_origins = origins;
        }
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
        let entries = paths.as_slice().iter();
        let parsed: Result<Vec<_>, _> = entries.map(|path| parse_path(&path.to_string())).collect();
        if let Some(paths) = self.parsed("allowed_paths", parsed) {
            self.core.options.borrow_mut().handshake.paths = paths;
        }
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
    fn get_health_path(&self) -> GString {
        self.core
            .options
            .borrow()
            .http
            .site
            .health()
            .map(GString::from)
            .unwrap_or_default()
    }

    #[func]
    fn set_health_path(&self, path: GString) {
        let path = path.to_string();
        let set = self
            .core
            .change_site(|site| site.set_health(Some(&*path).filter(|path| !path.is_empty())));
        self.parsed("health_path", set);
    }

    #[func]
    fn get_max_http_body_size(&self) -> i64 {
        int(self.core.options.borrow().http.max_body)
    }

    #[func]
    fn set_max_http_body_size(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_http_body_size", bytes, 0) {
            self.core.options.borrow_mut().http.max_body = bytes;
        }
    }

    #[func]
    fn get_http_timeout(&self) -> f64 {
        time::seconds(self.core.options.borrow().http.answer_timeout)
    }

    #[func]
    fn set_http_timeout(&self, seconds: f64) {
        if let Some(limit) = self.time("http_timeout", seconds) {
            self.core.options.borrow_mut().http.answer_timeout = limit;
        }
    }

    #[func]
    fn get_max_http_connections(&self) -> i64 {
        int(self.core.options.borrow().http.max_connections)
    }

    #[func]
    fn set_max_http_connections(&self, connections: i64) {
        if let Some(connections) = self.size("max_http_connections", connections, 1) {
            self.core.options.borrow_mut().http.max_connections = connections;
        }
    }

    #[func]
    fn get_max_http_requests(&self) -> i64 {
        self.core.options.borrow().http.max_requests_per_second.map_or(0, int)
    }

    #[func]
    fn set_max_http_requests(&self, requests: i64) {
        const NAME: &str = "max_http_requests_per_second_per_address";
        if let Some(requests) = self.number::<u32>(NAME, requests, 0..=i64::from(i32::MAX)) {
            self.core.options.borrow_mut().http.max_requests_per_second = Some(requests).filter(|&most| most > 0);
        }
    }

    #[func]
    fn get_trusted_proxies(&self) -> PackedStringArray {
        self.core.http.proxies.borrow().clone()
    }

    #[func]
    fn set_trusted_proxies(&self, proxies: PackedStringArray) {
        let parsed = TrustedProxies::parse(proxies.as_slice().iter().map(ToString::to_string));
        let parsed = parsed.map_err(|error| format!("{error}; nothing is changed"));
        if let Some(parsed) = self.parsed("trusted_proxies", parsed) {
            self.core.options.borrow_mut().http.trusted_proxies = parsed;
            let before = self.core.http.proxies.replace(proxies);
            drop(before);
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
    /// Applies a changed rule about addresses to new connections, or refuses it.
    fn changed(&self, property: &str, set: Result<(), String>) {
        if self.parsed(property, set).is_some() {
            self.core.apply_admission();
        }
    }
}
