//! The methods of the class `TcpListener`.

use async_sockets_net::address::BindAddress;
use godot::builtin::{Array, GString, Variant};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Gd, NewGd};
use godot::register::godot_api;

use super::TcpListener;
use super::clients::nobody;
use crate::class::SocketClass;
use crate::convert::int;
use crate::guard::on_main_thread;
use crate::socket::Socket;
use crate::tcp_client::TcpClient;

#[godot_api(secondary)]
impl TcpListener {
    /// Creates a listener with these values of [member port], [member host] and [member backlog]. It listens after
    /// [method start].
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

    /// Binds the port and listens.
    /// [br][br]Returns [constant ERR_ALREADY_IN_USE] if the port is taken or this object is listening already,
    /// [constant ERR_UNAUTHORIZED] if the system denies the port, and [constant ERR_INVALID_PARAMETER] for an invalid
    /// port or address. [method get_last_error_message] says more.
    #[func]
    fn start(&self) -> Error {
        self.begin(|core| {
            if core.is_listening() {
                return core.refuse(Error::ERR_ALREADY_IN_USE, "start", "it listens already");
            }
            let address = BindAddress::parse(&core.settings.host.borrow(), core.settings.port.get());
            match address {
                Ok(address) => core.start(address),
                Err(error) => self.refuse("start", error),
            }
        })
    }

    /// Stops listening and frees the port. Pending [method accept]s are resolved with [constant ERR_UNAVAILABLE].
    /// Connections that were handed out stay established; the others are closed.
    #[func]
    fn stop(&self) {
        if let Some(core) = self.core() {
            core.close();
        }
    }

    /// Awaitable: [code][OK, TcpClient][/code], or [code][error, null][/code]: [constant ERR_UNCONFIGURED] if the
    /// listener is not listening, [constant ERR_TIMEOUT] after [param timeout] seconds (0 sets no limit; -1, the default,
    /// uses [member timeout]). Pending calls are served first in, first out.
    #[func]
    fn accept(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return nobody(Error::ERR_UNAVAILABLE).to_variant();
        };
        core.accept(timeout)
    }

    /// Handles the queued events of this listener and of the clients it accepted, also after [method stop]. Returns the
    /// number of events handled.
    /// [br][br]With a budget, 1 to 60000000 microseconds, it continues until that time has passed, and sleeps while
    /// there is nothing to do: a server that spends the rest of each frame here answers within microseconds. Called by
    /// a handler of this listener, it serves the other sockets; the listener's next events wait until the handler
    /// returns.
    #[func(gd_self)]
    fn process(this: Gd<Self>, #[opt(default = 0)] budget_usec: i64) -> i64 {
        Self::drain(this, budget_usec)
    }

    /// Calls [method process] without a budget. This is the name that the engine's classes use.
    #[func(gd_self)]
    fn poll(this: Gd<Self>) {
        Self::process(this, 0);
    }

    /// Port in use, also if [member port] is 0. 0 while not listening.
    #[func]
    fn get_local_port(&self) -> i64 {
        self.core.local_port()
    }

    /// Number of the listening socket, unique in the process and never reused. 0 while not listening.
    #[func]
    fn get_id(&self) -> i64 {
        self.open_id()
    }

    /// Whether the listener is listening.
    #[func]
    fn is_listening(&self) -> bool {
        self.core.is_listening()
    }

    /// The accepted clients that are connected now.
    #[func]
    fn get_clients(&self) -> Array<Gd<TcpClient>> {
        self.core().map(|core| core.clients()).unwrap_or_default()
    }

    /// Number of TLS handshakes that failed since [method start], also after [method stop]. A failure affects only its
    /// client, which is told the reason by TLS itself.
    #[func]
    fn get_failed_handshakes(&self) -> i64 {
        int(self.core.failed_handshakes().0)
    }

    /// Message of the last TLS handshake that failed since [method start], also after [method stop]. Empty if none did.
    #[func]
    fn get_last_handshake_error(&self) -> GString {
        GString::from(&self.core.failed_handshakes().1)
    }

    /// Number of connections that were closed since [method start] by [member blocked_addresses],
    /// [member max_handshakes_per_second_per_address], [member max_clients_per_address] or [member refuse_when_full],
    /// and of TLS handshakes that were dropped for newer ones. It is kept after [method stop].
    #[func]
    fn get_refused_connections(&self) -> i64 {
        int(self.core.refused())
    }

    /// Message of the last error that this object returned. Empty if there was none since [method start].
    #[func]
    fn get_last_error_message(&self) -> GString {
        self.last_error()
    }
}
