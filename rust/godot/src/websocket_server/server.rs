//! Starting and stopping the server, and its statistics.

use async_sockets_net::address::BindAddress;
use godot::builtin::{GString, VarDictionary, vdict};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;
use godot::register::godot_api;

use super::{Server, StartError, WebSocketServer};
use crate::class::SocketClass;
use crate::convert::int;
use crate::pump::Pump;

#[godot_api(secondary)]
impl WebSocketServer {
    /// Starts listening on a port (0 picks a free one, see [method get_local_port]) of an IP address,
    /// [code]"0.0.0.0"[/code] (all of IPv4), `"*"` (IPv6 and IPv4) or [code]"localhost"[/code].
    /// [br][br]Returns [code]true[/code] if the server listens, not an [enum Error] as [method TcpListener.start] does:
    /// write [code]if not server.start(8080)[/code]. [code]false[/code] on failure, after emitting [signal
    /// server_error] with the reason. If that signal has no connection, and the script neither calls [method
    /// get_last_error_message] nor this method again before the next frame, the reason is printed as an error.
    #[func(gd_self)]
    fn start(this: Gd<Self>, #[opt(default = 8080)] port: i64, #[opt(default = "0.0.0.0")] host: GString) -> bool {
        let Some(core) = this.bind().core().cloned() else {
            return false;
        };
        core.failure_is_known();
        let address = BindAddress::parse(&host.to_string(), port);
        core.base.set_last_error("");
        core.base.begun.set(true);
        let started = match address {
            Ok(address) => core.start(address, None),
            Err(error) => Err(StartError::Misuse(Error::ERR_INVALID_PARAMETER, error.to_string())),
        };
        let Err(StartError::Misuse(_, words) | StartError::System(_, words)) = started else {
            return true;
        };
        core.base.set_last_error(&words);
        let pump = Pump::get();
        let told = [GString::from(&words).to_variant()];
        if !core.base.emit_heard(&pump.names.server_error, &told, &pump) {
            core.print_unless_known(words, &pump);
        }
        false
    }

    /// Stops listening, which frees the port, and disconnects every client with 1001. [signal client_disconnected]
    /// follows for each of them within about a second, after the messages that it sent before.
    #[func]
    fn stop(&self) {
        if let Some(core) = self.core() {
            core.flush_sink();
            core.close();
        }
    }

    /// Whether the server accepts clients.
    #[func]
    fn is_listening(&self) -> bool {
        self.core.is_listening()
    }

    /// The local port; 0 if the server is not running.
    #[func]
    fn get_local_port(&self) -> i64 {
        let port = |server: &Server| server.is_listening().then(|| server.local_address().port().into());
        self.core.with(port).flatten().unwrap_or(0)
    }

    /// Handles queued events by emitting the signals and returns their number. With a budget in microseconds, at most
    /// one minute, it goes on until the budget is spent, asleep while nothing is queued.
    #[func(gd_self)]
    fn process(this: Gd<Self>, #[opt(default = 0)] budget_usec: i64) -> i64 {
        Self::drain(this, budget_usec)
    }

    /// Calls [method process] without a budget. This is the name that the engine's classes use.
    #[func(gd_self)]
    fn poll(this: Gd<Self>) {
        Self::process(this, 0);
    }

    /// Number of the server of the last [method start], unique in the process and never reused; 0 if there is none, or
    /// it is stopped and all its clients are disconnected.
    #[func]
    fn get_id(&self) -> i64 {
        self.open_id()
    }

    /// Statistics since [method start], kept after [method stop] until the next one, as integers:
    /// [code]clients[/code] (established now), [code]connected[/code],
    /// [code]refused[/code], [code]messages_in[/code], [code]bytes_in[/code], [code]messages_out[/code],
    /// [code]bytes_out[/code], [code]relayed[/code] (messages that an [AsyncMultiplayerPeer] has relayed in the
    /// background), and [code]memory[/code] (bytes that count for [member max_total_bytes] now). Refused by
    /// address: [code]refused_blocked[/code] ([member blocked_addresses], also requests by plain HTTP that a trusted
    /// proxy passes on), [code]refused_rate[/code] ([member
    /// max_handshakes_per_second_per_address]) and [code]refused_clients[/code] ([member max_clients_per_address]).
    /// [code]refused_full[/code]: refused by [member max_clients]. [code]displaced[/code]: handshakes dropped in favour
    /// of newer ones. By plain HTTP: [code]http_connections[/code] (open now), [code]http_requests[/code], and of those
    /// [code]http_refused_rate[/code] ([member max_http_requests_per_second_per_address]).
    #[func]
    fn get_statistics(&self) -> VarDictionary {
        let figures = self.core.statistics();
        vdict! {
            "clients" => int(figures.clients),
            "connected" => int(figures.connected),
            "refused" => int(figures.refused),
            "refused_blocked" => int(figures.turned_away.blocked),
            "refused_rate" => int(figures.turned_away.too_fast),
            "refused_clients" => int(figures.turned_away.crowded),
            "refused_full" => int(figures.full),
            "displaced" => int(figures.turned_away.displaced),
            "messages_in" => int(figures.messages_in),
            "bytes_in" => int(figures.bytes_in),
            "messages_out" => int(figures.messages_out),
            "bytes_out" => int(figures.bytes_out),
            "relayed" => int(figures.relayed),
            "memory" => int(figures.memory),
            "http_connections" => int(figures.http_connections),
            "http_requests" => int(figures.http_requests),
            "http_refused_rate" => int(figures.http_too_fast),
        }
    }

    /// The last error of this object in words; empty if there was none since [method start].
    #[func]
    fn get_last_error_message(&self) -> GString {
        self.core.failure_is_known();
        self.last_error()
    }
}
