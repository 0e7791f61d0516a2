//! The class `TcpListener`: what a script sees of a listening socket.

use std::rc::Rc;

use async_sockets_net::address::BindAddress;
use godot::builtin::{Array, GString, PackedStringArray, Variant};
use godot::classes::{IRefCounted, RefCounted, TlsOptions};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, NewGd, WithBaseField};
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::convert::{budget, int};
use crate::guard::{State, misuse, on_main_thread};
use crate::pump::Pump;
use crate::tcp_client::TcpClient;
use core::{ListenerCore, nobody};

pub(crate) mod core;

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
    /// Connections at once; more wait in the backlog until one ends. 0 sets no limit. Read by [method start].
    #[var(get = get_max_clients, set = set_max_clients)]
    max_clients: PhantomVar<i64>,
    /// TLS from the first byte, with [code]TLSOptions.server(key, certificate)[/code]; read by [method start]. Handshakes go
    /// on in the background, and only clients whose handshake succeeds within 10 seconds are accepted. A certificate with
    /// others that lead to its root must be loaded by [code]load("res://chain.crt")[/code].
    #[var(get = get_tls_options, set = set_tls_options)]
    tls_options: PhantomVar<Option<Gd<TlsOptions>>>,
    /// Protocols to take in the TLS handshake (ALPN), best first.
    #[var(get = get_alpn_protocols, set = set_alpn_protocols)]
    alpn_protocols: PhantomVar<PackedStringArray>,
    /// Handle what has arrived once a frame. Off, call [method process]. Accepted clients start with the same.
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
            tls_options: PhantomVar::default(),
            alpn_protocols: PhantomVar::default(),
            auto_process: PhantomVar::default(),
            base,
        }
    }
}

#[godot_api]
impl TcpListener {
    /// A connection was accepted. Its own signals come after this one.
    #[signal]
    fn client_connected(client: Gd<TcpClient>);
    /// A connection that was accepted is over, and still has a reference to it somewhere.
    #[signal]
    fn client_disconnected(client: Gd<TcpClient>);

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
            misuse("TcpListener.start: it listens already");
            return Error::ERR_ALREADY_IN_USE;
        }
        match BindAddress::parse(&core.host.borrow(), core.port.get()) {
            Ok(address) => core.start(address),
            Err(error) => {
                misuse(&format!("TcpListener.start: {error}"));
                Error::ERR_INVALID_PARAMETER
            }
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

    /// Awaitable: [code][OK, TcpClient][/code]. Several may wait, and are served in order. 0 waits as long as it takes;
    /// [code][ERR_UNCONFIGURED, null][/code] if it does not listen.
    #[func]
    fn accept(&self, #[opt(default = 0.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return nobody(Error::ERR_UNAVAILABLE).to_variant();
        };
        core.accept(timeout)
    }

    /// Handles what is queued now, for this listener and the clients it accepted. With a budget in microseconds it goes
    /// on until that is over, asleep while there is nothing: a server that gives the rest of its frame to the network
    /// answers in microseconds. Gives the number of events handled.
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

    /// The last failure in words; empty if there was none.
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
            _ => misuse(&format!("TcpListener.backlog: {connections} is outside 1..65535")),
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
            Err(_) => misuse(&format!("TcpListener.max_clients: {clients} is negative or too large")),
        }
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
        self.core.base.auto_process.set(on);
    }
}

impl TcpListener {
    fn core(&self) -> Option<&Rc<ListenerCore>> {
        if !on_main_thread() {
            return None;
        }
        self.core.base.set_instance(|| self.base().instance_id());
        Some(&self.core)
    }
}
