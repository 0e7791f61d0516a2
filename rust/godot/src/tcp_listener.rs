//! The class `TcpListener`: its documentation, properties and signals. The methods are in [`operations`].

use std::rc::Rc;

use godot::builtin::{GString, PackedByteArray, PackedStringArray};
use godot::classes::{IRefCounted, RefCounted, TlsOptions};
use godot::obj::{Base, Gd};
use godot::register::info::PropertyInfo;
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::class::{SocketClass, show_property};
use crate::convert::int;
use crate::guard::State;
use crate::tcp_client::TcpClient;
use crate::tls::parse_alpn;
use core::ListenerCore;

mod clients;
pub(crate) mod core;
mod operations;
mod roster;
mod settings;

/// The longest message to a refused connection, in bytes: it stays in memory until the peer takes it.
const MAX_BUSY_MESSAGE: usize = 65_536;

/// A listening TCP socket that accepts connections in the background and hands them out as [TcpClient]s.
///
/// ```gdscript
/// var listener := TcpListener.create(5000)
///
/// func _ready() -> void:
///     if listener.start() != OK:
///         push_error(listener.get_last_error_message())
///     while true:
///         var accepted: Array = await listener.accept()   # [OK, TcpClient]
///         if accepted[0] != OK:
///             break
///         serve.call(accepted[1])
///
/// func serve(client: TcpClient) -> void:
///     var line: Array = await client.recv_line()
///     print(line[1])
/// ```
/// Take connections with [method accept], with [signal client_connected], or with both. The listener keeps a connection
/// until [method accept] takes it; one that the signal has announced is kept until it is disconnected.
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct TcpListener {
    #[init(val = State::new(Rc::default()))]
    core: State<ListenerCore>,

    /// Time limit of an [method accept] whose [param timeout] is omitted (-1), in seconds. Default: 0, which sets no
    /// limit. Range: 0 or more.
    #[var(get = get_timeout, set = set_timeout)]
    timeout: PhantomVar<f64>,
    /// Port to listen on. Default: 0. Range: 0 to 65535; 0 picks a free port (see [method get_local_port]). Read by
    /// [method start].
    #[var(get = get_port, set = set_port)]
    port: PhantomVar<i64>,
    /// Address to listen on: `"*"` (all addresses, IPv4 and IPv6), `"localhost"` or an IP address. Default: `"*"`. Read
    /// by [method start].
    #[var(get = get_host, set = set_host)]
    host: PhantomVar<GString>,
    /// Maximum number of connections that wait to be accepted, both in the system and in this object. Default: 1024.
    /// Range: 1 to 65535. Read by [method start].
    #[var(get = get_backlog, set = set_backlog)]
    backlog: PhantomVar<i64>,
    /// Maximum number of simultaneous connections. Default: 0, which sets no limit. Range: 0 to 2147483647. Further
    /// connections wait in the backlog until one ends, or are refused (see [member refuse_when_full]). Read by
    /// [method start].
    #[var(get = get_max_clients, set = set_max_clients)]
    max_clients: PhantomVar<i64>,
    /// Maximum memory of all accepted clients together, in bytes: what was received and not taken, and what is queued
    /// for sending. Default: 268435456 (256 MiB). Range: 0 to 2147483647; 0 sets no limit. Read by [method start].
    /// [br][br]At the limit, the clients that hold most are closed with [constant TcpClient.CLOSE_ERROR], and what was
    /// received from them and not taken is dropped; the others continue. Clients of one address count as one.
    #[var(get = get_max_total_bytes, set = set_max_total_bytes)]
    max_total_bytes: PhantomVar<i64>,
    /// Maximum number of simultaneous connections from one address; further ones are closed. Default: 0, which sets no
    /// limit. Range: 0 to 2147483647. Applies to new connections, also while listening.
    /// [br][br]An address is one IPv4 address, or the first 64 bits of an IPv6 address, which usually belong to one
    /// host.
    #[var(get = get_max_clients_per_address, set = set_max_clients_per_address)]
    max_clients_per_address: PhantomVar<i64>,
    /// Maximum number of new connections per second from one address, and the most it may make at one moment; further
    /// ones are closed before anything is read. Default: 0, which sets no limit. Range: 0 to 2147483647. Applies to new
    /// connections, also while listening. An address is the same as for [member max_clients_per_address].
    #[var(get = get_max_handshakes_per_second, set = set_max_handshakes_per_second)]
    max_handshakes_per_second_per_address: PhantomVar<i64>,
    /// IP addresses and ranges whose connections are closed before anything is read, such as [code]"192.0.2.1"[/code],
    /// [code]"10.0.0.0/8"[/code] or [code]"2001:db8::/32"[/code]. Default: empty. Applies to new connections, also
    /// while listening; accepted clients stay. If an entry is invalid, the whole assignment is refused.
    #[var(get = get_blocked_addresses, set = set_blocked_addresses)]
    blocked_addresses: PhantomVar<PackedStringArray>,
    /// Whether connections beyond [member max_clients] are refused instead of left in the backlog. Default:
    /// [code]false[/code]. A refused connection is sent [member busy_message] and closed, and [signal client_refused]
    /// is emitted. Read by [method start].
    #[var(get = get_refuse_when_full, set = set_refuse_when_full)]
    refuse_when_full: PhantomVar<bool>,
    /// Bytes that a connection refused by [member refuse_when_full] is sent before it is closed; encrypted with
    /// [member tls_options]. Default: empty, which only closes it. Range: 0 to 65536 bytes. Read by [method start].
    #[var(get = get_busy_message, set = set_busy_message)]
    busy_message: PhantomVar<PackedByteArray>,
    /// Options for TLS from the first byte: [code]TLSOptions.server(key, certificate)[/code]. Default:
    /// [code]null[/code], no TLS. Read by [method start]. A certificate with others that lead to its root must be
    /// loaded by [code]load("res://chain.crt")[/code].
    /// [br][br]Handshakes are performed in the background; only clients whose handshake succeeds within 10 seconds are
    /// accepted. At most 256 are in progress. For a further one the oldest incomplete one is dropped, beginning with
    /// the address that has most of them.
    #[var(get = get_tls_options, set = set_tls_options)]
    tls_options: PhantomVar<Option<Gd<TlsOptions>>>,
    /// Protocols to accept in the TLS handshake (ALPN), in order of preference, each of 1 to 255 bytes. Default: empty,
    /// no negotiation. Read by [method start].
    #[var(get = get_alpn_protocols, set = set_alpn_protocols)]
    alpn_protocols: PhantomVar<PackedStringArray>,
    /// Whether events are handled once per frame. Default: [code]true[/code]. When [code]false[/code], call
    /// [method process], also after [method stop].
    /// [br][br]Accepted clients start with the same value. The listener's [method process] handles their events
    /// together with its own until the listener is freed; after that, only their own [method TcpClient.process] does.
    #[var(get = get_auto_process, set = set_auto_process)]
    auto_process: PhantomVar<bool>,

    base: Base<RefCounted>,
}

impl SocketClass for TcpListener {
    type Core = ListenerCore;

    fn state(&self) -> &State<ListenerCore> {
        &self.core
    }
}

#[godot_api]
impl IRefCounted for TcpListener {
    fn on_validate_property(&self, property: &mut PropertyInfo) {
        show_property(property);
    }
}

#[godot_api]
impl TcpListener {
    /// Emitted for each accepted connection, before any signal of the client itself. Connections that [method accept]
    /// has not taken wait until a handler is connected. A handler that is connected later is called for each of them;
    /// one with [constant Object.CONNECT_ONE_SHOT] is called for the first one.
    #[signal]
    fn client_connected(client: Gd<TcpClient>);
    /// Emitted when an accepted connection is over, once for each client of [signal client_connected] or
    /// [method accept], however it ended. It follows the client's own signals, and is also emitted after [method stop].
    /// [br][br]If the last reference to the client was dropped, which closes the connection, [param client] is a
    /// stand-in: another object for the ended connection, with the same [method TcpClient.get_id], addresses and close
    /// reason.
    #[signal]
    fn client_disconnected(client: Gd<TcpClient>);
    /// Emitted when a connection beyond [member max_clients] was refused, if [member refuse_when_full] is
    /// [code]true[/code].
    #[signal]
    fn client_refused(address: GString, port: i64);

    #[func]
    fn get_timeout(&self) -> f64 {
        self.core.settings.timeout.get()
    }

    #[func]
    fn set_timeout(&self, seconds: f64) {
        if self.time("timeout", seconds).is_some() {
            self.core.settings.timeout.set(seconds);
        }
    }

    #[func]
    fn get_port(&self) -> i64 {
        self.core.settings.port.get()
    }

    #[func]
    fn set_port(&self, port: i64) {
        self.core.settings.port.set(port);
    }

    #[func]
    fn get_host(&self) -> GString {
        GString::from(&*self.core.settings.host.borrow())
    }

    #[func]
    fn set_host(&self, host: GString) {
        *self.core.settings.host.borrow_mut() = host.to_string();
    }

    #[func]
    fn get_backlog(&self) -> i64 {
        self.core.settings.backlog.get().into()
    }

    #[func]
    fn set_backlog(&self, connections: i64) {
        if let Some(backlog) = self.number("backlog", connections, 1..=65_535) {
            self.core.settings.backlog.set(backlog);
        }
    }

    #[func]
    fn get_max_total_bytes(&self) -> i64 {
        int(self.core.settings.max_total.get())
    }

    #[func]
    fn set_max_total_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_total_bytes", bytes, 0) {
            self.core.settings.max_total.set(bytes);
        }
    }

    #[func]
    fn get_max_clients(&self) -> i64 {
        int(self.core.settings.max_clients.get())
    }

    #[func]
    fn set_max_clients(&self, clients: i64) {
        if let Some(clients) = self.size("max_clients", clients, 0) {
            self.core.settings.max_clients.set(clients);
        }
    }

    #[func]
    fn get_max_clients_per_address(&self) -> i64 {
        self.core.settings.admission.max_clients_per_address()
    }

    #[func]
    fn set_max_clients_per_address(&self, clients: i64) {
        self.changed(
            "max_clients_per_address",
            self.core.settings.admission.set_max_clients_per_address(clients),
        );
    }

    #[func]
    fn get_max_handshakes_per_second(&self) -> i64 {
        self.core.settings.admission.max_handshakes_per_second()
    }

    #[func]
    fn set_max_handshakes_per_second(&self, handshakes: i64) {
        self.changed(
            "max_handshakes_per_second_per_address",
            self.core.settings.admission.set_max_handshakes_per_second(handshakes),
        );
    }

    #[func]
    fn get_blocked_addresses(&self) -> PackedStringArray {
        self.core.settings.admission.blocked_addresses()
    }

    #[func]
    fn set_blocked_addresses(&self, addresses: PackedStringArray) {
        self.changed(
            "blocked_addresses",
            self.core.settings.admission.set_blocked_addresses(addresses),
        );
    }

    #[func]
    fn get_refuse_when_full(&self) -> bool {
        self.core.settings.refuse_when_full.get()
    }

    #[func]
    fn set_refuse_when_full(&self, on: bool) {
        self.core.settings.refuse_when_full.set(on);
    }

    #[func]
    fn get_busy_message(&self) -> PackedByteArray {
        self.core.settings.busy_message.borrow().clone()
    }

    #[func]
    fn set_busy_message(&self, message: PackedByteArray) {
        if message.len() > MAX_BUSY_MESSAGE {
            let words = format_args!("{} bytes are too many: {MAX_BUSY_MESSAGE} at the most", message.len());
            self.refuse("busy_message", words);
        } else {
            *self.core.settings.busy_message.borrow_mut() = message;
        }
    }

    #[func]
    fn get_tls_options(&self) -> Option<Gd<TlsOptions>> {
        self.core.settings.tls.borrow().clone()
    }

    #[func]
    fn set_tls_options(&self, options: Option<Gd<TlsOptions>>) {
        let before = self.core.settings.tls.replace(options);
        drop(before);
    }

    #[func]
    fn get_alpn_protocols(&self) -> PackedStringArray {
        self.core.settings.alpn.borrow().clone()
    }

    #[func]
    fn set_alpn_protocols(&self, protocols: PackedStringArray) {
        if let Some(protocols) = self.parsed("alpn_protocols", parse_alpn(protocols)) {
            self.core.settings.alpn.replace(protocols);
        }
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

impl TcpListener {
    /// Applies a rule about addresses that was set; an error is refused.
    fn changed(&self, property: &str, set: Result<(), String>) {
        if self.parsed(property, set).is_some() {
            self.core.apply_admission();
        }
    }
}
