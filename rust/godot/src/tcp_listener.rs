//! The class `TcpListener`: what a script sees of a listening socket.

use std::rc::Rc;

use async_sockets_net::address::BindAddress;
use godot::builtin::{Array, GString, PackedByteArray, PackedStringArray, Variant};
use godot::classes::{IRefCounted, RefCounted, TlsOptions};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, NewGd, WithBaseField};
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::convert::{budget, int, size};
use crate::guard::{State, on_main_thread};
use crate::pump::Pump;
use crate::tcp_client::TcpClient;
use core::{ListenerCore, nobody};

pub(crate) mod core;
mod roster;

/// The longest message to a connection that is turned away: it waits in memory until the peer takes it.
const MAX_BUSY_MESSAGE: usize = 65_536;

/// Accepts TCP connections in the background, at full speed, and hands them out as [TcpClient]s.
///
/// [codeblock]
/// var listener := TcpListener.create(5000)
/// listener.start()
/// while true:
///     var accepted := await listener.accept() as Array   # [OK, TcpClient]
///     if accepted[0] != OK:
///         break
///     serve(accepted[1])
/// [/codeblock]
/// Connections come by [method accept], by [signal client_connected], or by both. One that nobody has taken by
/// [method accept] is kept by the listener; announced by the signal, it is kept until it is disconnected.
#[derive(GodotClass)]
#[class(base = RefCounted, tool)]
pub(crate) struct TcpListener {
    core: State<ListenerCore>,

    /// The port to listen on, 0 to 65535; 0 picks a free one (see [method get_local_port]). Read by [method start].
    #[var(get = get_port, set = set_port)]
    port: PhantomVar<i64>,
    /// The address to listen on: [code]"*"[/code] (everything, IPv4 and IPv6), [code]"localhost"[/code] or an IP address.
    /// Read by [method start].
    #[var(get = get_host, set = set_host)]
    host: PhantomVar<GString>,
    /// Connections that may wait to be accepted, 1 to 65535, both in the system and in this object. Read by [method start].
    #[var(get = get_backlog, set = set_backlog)]
    backlog: PhantomVar<i64>,
    /// Connections at once. More wait in the backlog until one ends, or are turned away (see [member refuse_when_full]). 0
    /// sets no limit. Read by [method start].
    #[var(get = get_max_clients, set = set_max_clients)]
    max_clients: PhantomVar<i64>,
    /// Memory that all accepted clients together may take, in bytes: what was received and not taken, and what waits to be
    /// sent. When it is reached, the clients that hold most are closed with [constant TcpClient.CLOSE_ERROR], what was
    /// received from them and not taken is dropped, and the others go on; clients of one address count as one. 0 sets no
    /// limit. Default: 256 MiB. Read by [method start].
    #[var(get = get_max_total_bytes, set = set_max_total_bytes)]
    max_total_bytes: PhantomVar<i64>,
    /// Established clients of one address at once; one more is closed. 0 (default): no limit. An address is one IPv4
    /// address, or the first 64 bits of an IPv6 address, which as a rule belong to one host. May change while it listens,
    /// for new connections.
    #[var(get = get_max_clients_per_address, set = set_max_clients_per_address)]
    max_clients_per_address: PhantomVar<i64>,
    /// Connections that one address may make per second, and as many in one moment; more are closed before anything is
    /// read. 0 (default): no limit. What an address is, and when this may change: as for
    /// [member max_clients_per_address].
    #[var(get = get_max_handshakes_per_second, set = set_max_handshakes_per_second)]
    max_handshakes_per_second_per_address: PhantomVar<i64>,
    /// IP addresses and ranges that may not connect, such as [code]"192.0.2.1"[/code], [code]"10.0.0.0/8"[/code] or
    /// [code]"2001:db8::/32"[/code]: they are closed before anything is read. May change while it listens, for new
    /// connections; accepted clients stay. If an entry is wrong, none is taken. Default: empty.
    #[var(get = get_blocked_addresses, set = set_blocked_addresses)]
    blocked_addresses: PhantomVar<PackedStringArray>,
    /// Turn connections beyond [member max_clients] away instead of leaving them in the backlog: each is sent
    /// [member busy_message], closed, and told of by [signal client_refused]. Read by [method start].
    #[var(get = get_refuse_when_full, set = set_refuse_when_full)]
    refuse_when_full: PhantomVar<bool>,
    /// What a connection is sent before it is turned away, at most 65536 bytes; encrypted with [member tls_options]. Empty:
    /// it is only closed. Read by [method start].
    #[var(get = get_busy_message, set = set_busy_message)]
    busy_message: PhantomVar<PackedByteArray>,
    /// TLS from the first byte, with [code]TLSOptions.server(key, certificate)[/code]; read by [method start]. Handshakes go
    /// on in the background, and only clients whose handshake succeeds within 10 seconds are accepted. Of more than 256 at
    /// once, the oldest that is not complete makes room, beginning with the address that has most of them. A certificate with
    /// others that lead to its root must be loaded by [code]load("res://chain.crt")[/code].
    #[var(get = get_tls_options, set = set_tls_options)]
    tls_options: PhantomVar<Option<Gd<TlsOptions>>>,
    /// Protocols to take in the TLS handshake (ALPN), best first.
    #[var(get = get_alpn_protocols, set = set_alpn_protocols)]
    alpn_protocols: PhantomVar<PackedStringArray>,
    /// Handle what has arrived once a frame. Off, call [method process], also after [method stop]. Accepted clients start
    /// with the same; the listener's [method process] handles them together with their own, until the listener is freed.
    /// Then only their own is left.
    #[var(get = get_auto_process, set = set_auto_process)]
    auto_process: PhantomVar<bool>,

    base: Base<RefCounted>,
}

#[godot_api]
impl IRefCounted for TcpListener {
    fn init(base: Base<RefCounted>) -> Self {
        Self {
            core: State::new(ListenerCore::new()),
            port: PhantomVar::default(),
            host: PhantomVar::default(),
            backlog: PhantomVar::default(),
            max_clients: PhantomVar::default(),
            max_total_bytes: PhantomVar::default(),
            max_clients_per_address: PhantomVar::default(),
            max_handshakes_per_second_per_address: PhantomVar::default(),
            blocked_addresses: PhantomVar::default(),
            refuse_when_full: PhantomVar::default(),
            busy_message: PhantomVar::default(),
            tls_options: PhantomVar::default(),
            alpn_protocols: PhantomVar::default(),
            auto_process: PhantomVar::default(),
            base,
        }
    }
}

#[godot_api]
impl TcpListener {
    /// A connection was accepted. Its own signals come after this one. Connections that nobody has taken by [method accept]
    /// wait for a handler: one that is connected late is called for each of them, one for a single emission for one.
    #[signal]
    fn client_connected(client: Gd<TcpClient>);
    /// A connection that was accepted is over. Emitted once for each that [signal client_connected] or [method accept] has
    /// given, however it ended, after the client's own signals, also when the listener has stopped meanwhile.
    /// [br][br]If the last reference to the client is gone, which closes it, [param client] is a stand-in for it: another
    /// object, ended, with the same [method TcpClient.get_id], addresses and close reason.
    #[signal]
    fn client_disconnected(client: Gd<TcpClient>);
    /// A connection beyond [member max_clients] was turned away; only with [member refuse_when_full].
    #[signal]
    fn client_refused(address: GString, port: i64);

    /// A listener for the port. It starts with [method start].
    #[func]
    fn create(port: i64, #[opt(default = "*")] host: GString, #[opt(default = 1024)] backlog: i64) -> Gd<Self> {
        let listener = Self::new_gd();
        if on_main_thread() {
            let listener = listener.bind();
            listener.set_port(port);
            listener.set_host(host);
            listener.set_backlog(backlog);
        }
        listener
    }

    /// Binds and listens. At once: [constant ERR_ALREADY_IN_USE] if the port is taken or this listens already,
    /// [constant ERR_UNAUTHORIZED] if the system keeps the port from you, [constant ERR_INVALID_PARAMETER] for a bad port
    /// or address; [method get_last_error_message] has the words.
    #[func]
    fn start(&self) -> Error {
        let Some(core) = self.core() else {
            return Error::ERR_UNAVAILABLE;
        };
        if core.is_listening() {
            return core.refuse(Error::ERR_ALREADY_IN_USE, "start", "it listens already".to_owned());
        }
        let address = BindAddress::parse(&core.host.borrow(), core.port.get());
        match address {
            Ok(address) => core.start(address),
            Err(error) => core.refuse(Error::ERR_INVALID_PARAMETER, "start", error.to_string()),
        }
    }

    /// Stops listening; the port is free. Every [method accept] that waits gets [constant ERR_UNAVAILABLE]. Connections
    /// that were handed out live on.
    #[func]
    fn stop(&self) {
        if let Some(core) = self.core() {
            core.close();
        }
    }

    /// Awaitable: [code][OK, TcpClient][/code]. Several may wait, and are served in order. 0 and -1 set no limit;
    /// [code][ERR_TIMEOUT, null][/code] after that many seconds, [code][ERR_UNCONFIGURED, null][/code] if it does not
    /// listen.
    #[func]
    fn accept(&self, #[opt(default = 0.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return nobody(Error::ERR_UNAVAILABLE).to_variant();
        };
        core.accept(timeout)
    }

    /// Handles what is queued now, for this listener and the clients it accepted. With a budget in microseconds it goes
    /// on until that is over, asleep while there is nothing: a server that gives the rest of its frame to the network
    /// answers in microseconds. It takes that time also when the listener has stopped. Called by a handler of this
    /// listener it serves the others, and what is next for the listener waits until the handler returns. Gives the number
    /// of events handled.
    #[func(gd_self)]
    fn process(this: Gd<Self>, #[opt(default = 0)] budget_usec: i64) -> i64 {
        let Some(core) = this.bind().core().cloned() else {
            return 0;
        };
        int(Pump::get().process(core, budget(budget_usec)))
    }

    /// [method process] without a budget, under the name that the engine's classes use.
    #[func(gd_self)]
    fn poll(this: Gd<Self>) {
        Self::process(this, 0);
    }

    /// The port in use, also when 0 was asked for; 0 if it does not listen.
    #[func]
    fn get_local_port(&self) -> i64 {
        self.core.local_port()
    }

    /// Whether it listens.
    #[func]
    fn is_listening(&self) -> bool {
        self.core.is_listening()
    }

    /// The accepted clients that are connected now.
    #[func]
    fn get_clients(&self) -> Array<Gd<TcpClient>> {
        self.core().map(|core| core.clients()).unwrap_or_default()
    }

    /// TLS handshakes that have failed since [method start]. Each costs only its client, who is told why by TLS itself.
    #[func]
    fn get_failed_handshakes(&self) -> i64 {
        int(self.core.failed_handshakes().0)
    }

    /// Why the last TLS handshake failed, in words; empty if none did.
    #[func]
    fn get_last_handshake_error(&self) -> GString {
        GString::from(&self.core.failed_handshakes().1)
    }

    /// Connections that were closed since [method start] by [member blocked_addresses],
    /// [member max_handshakes_per_second_per_address] or [member max_clients_per_address], and TLS handshakes that made
    /// room for newer ones.
    #[func]
    fn get_refused_connections(&self) -> i64 {
        int(self.core.turned_away())
    }

    /// The last error that this object gave, in words; empty if there was none since [method start].
    #[func]
    fn get_last_error_message(&self) -> GString {
        GString::from(&self.core.last_error())
    }

    #[func]
    fn get_port(&self) -> i64 {
        self.core.port.get()
    }

    #[func]
    fn set_port(&self, port: i64) {
        self.core.port.set(port);
    }

    #[func]
    fn get_host(&self) -> GString {
        GString::from(&*self.core.host.borrow())
    }

    #[func]
    fn set_host(&self, host: GString) {
        *self.core.host.borrow_mut() = host.to_string();
    }

    #[func]
    fn get_backlog(&self) -> i64 {
        self.core.backlog.get().into()
    }

    #[func]
    fn set_backlog(&self, connections: i64) {
        match u16::try_from(connections) {
            Ok(backlog @ 1..) => self.core.backlog.set(backlog.into()),
            _ => self.refuse("backlog", format!("{connections} is outside 1..65535")),
        }
    }

    #[func]
    fn get_max_total_bytes(&self) -> i64 {
        int(self.core.max_total.get())
    }

    #[func]
    fn set_max_total_bytes(&self, bytes: i64) {
        match size(bytes, 0) {
            Some(bytes) => self.core.max_total.set(bytes),
            None => self.refuse("max_total_bytes", format!("{bytes} is outside 0..2147483647")),
        }
    }

    #[func]
    fn get_max_clients(&self) -> i64 {
        int(self.core.max_clients.get())
    }

    #[func]
    fn set_max_clients(&self, clients: i64) {
        match u32::try_from(clients) {
            Ok(clients) => self.core.max_clients.set(clients as usize),
            Err(_) => self.refuse("max_clients", format!("{clients} is outside 0..{}", u32::MAX)),
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
    fn get_refuse_when_full(&self) -> bool {
        self.core.refuse_when_full.get()
    }

    #[func]
    fn set_refuse_when_full(&self, on: bool) {
        self.core.refuse_when_full.set(on);
    }

    #[func]
    fn get_busy_message(&self) -> PackedByteArray {
        self.core.busy_message.borrow().clone()
    }

    #[func]
    fn set_busy_message(&self, message: PackedByteArray) {
        if message.len() > MAX_BUSY_MESSAGE {
            let words = format!("{} bytes are too many: {MAX_BUSY_MESSAGE} at the most", message.len());
            return self.refuse("busy_message", words);
        }
        *self.core.busy_message.borrow_mut() = message;
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
    fn get_alpn_protocols(&self) -> PackedStringArray {
        self.core.alpn.borrow().clone()
    }

    #[func]
    fn set_alpn_protocols(&self, protocols: PackedStringArray) {
        *self.core.alpn.borrow_mut() = protocols;
    }

    #[func]
    fn get_auto_process(&self) -> bool {
        self.core.base.auto_process.get()
    }

    #[func]
    fn set_auto_process(&self, on: bool) {
        Pump::get().set_automatic(self.core.clone(), on);
    }
}

impl TcpListener {
    fn refuse(&self, property: &str, words: String) {
        self.core.refuse(Error::ERR_INVALID_PARAMETER, property, words);
    }

    /// A rule about addresses was set, and holds for new connections; or it was refused.
    fn changed(&self, property: &str, set: Result<(), String>) {
        match set {
            Ok(()) => self.core.apply_admission(),
            Err(words) => {
                self.refuse(property, words);
            }
        }
    }

    fn core(&self) -> Option<&Rc<ListenerCore>> {
        if !on_main_thread() {
            return None;
        }
        self.core.base.set_instance(|| self.base().instance_id());
        Some(&self.core)
    }
}
