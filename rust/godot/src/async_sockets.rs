//! The engine singleton `AsyncSockets`: a view of all sockets, and what concerns the whole process.

use async_sockets_net::{termination, traffic};
use godot::builtin::{Array, Callable, GString, VarDictionary, Variant, vdict};
use godot::classes::{IObject, Node, Object, Performance, RefCounted};
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, Singleton};
use godot::register::info::PropertyInfo;
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::class::show_property;
use crate::convert::int;
use crate::guard::on_main_thread;
use crate::lifecycle;
use crate::pump::Pump;

/// An overview of all sockets of Async Sockets that are open, and the end of the process in good order.
///
/// ```gdscript
/// extends Node
///
/// var server := WebSocketServer.new()
///
/// func _ready() -> void:
///     AsyncSockets.handle_termination = true
///     var _error := AsyncSockets.terminate_requested.connect(_on_terminate_requested)
///     if not server.start(8080):
///         push_error(server.get_last_error_message())
///
/// func _on_terminate_requested() -> void:
///     print("saving")
///     get_tree().quit()
/// ```
#[derive(GodotClass)]
#[class(init, singleton)]
pub(crate) struct AsyncSockets {
    /// Version of the library, such as [code]"0.1.0"[/code], or [code]"0.1.0+debug"[/code] for the library of the
    /// editor and of debug exports. Read-only.
    #[var(get = get_version, no_set)]
    version: PhantomVar<GString>,
    /// Catch the system's request to end: SIGTERM ([code]kill[/code], [code]systemctl stop[/code], [code]docker
    /// stop[/code]) and Ctrl-C; on Windows Ctrl-C, Ctrl-Break and a console that is closed.
    /// Default: [code]false[/code], and the engine ends on the spot, without a word to its peers. If
    /// [code]true[/code], [signal terminate_requested] is emitted; if that has no connection, [method SceneTree.quit] is
    /// called, so the exit code is 0 and WebSocket clients get 1001.
    /// [br][br]Only one request is caught: a second one, more than half a second later, ends the process on the spot, in
    /// case it hangs. If the game goes on after all, set the property again to catch the next one. Setting it to
    /// [code]false[/code] restores what happened before. SIGKILL cannot be caught, and SIGHUP is not.
    #[var(get = get_handle_termination, set = set_handle_termination)]
    handle_termination: PhantomVar<bool>,
    base: Base<Object>,
}

#[godot_api]
impl IObject for AsyncSockets {
    fn on_validate_property(&self, property: &mut PropertyInfo) {
        show_property(property);
    }
}

#[godot_api]
impl AsyncSockets {
    /// The system has asked the process to end, and [member handle_termination] is on. Emitted once, at the beginning
    /// of a frame, or by [code]process()[/code] of any socket, which then returns before its budget is over. Save what
    /// is to be saved, and call [method SceneTree.quit]: while this signal has a connection, nothing else does. The
    /// system may grant a few seconds only: 5 for a closed console of Windows, 10 with Docker, 90 with systemd.
    #[signal]
    fn terminate_requested();

    #[func]
    fn get_handle_termination(&self) -> bool {
        termination::is_caught()
    }

    #[func]
    fn set_handle_termination(&self, on: bool) {
        if on_main_thread() {
            crate::termination::set(on);
        }
    }

    #[func]
    fn get_version(&self) -> GString {
        GString::from(if cfg!(feature = "editor") {
            concat!(env!("CARGO_PKG_VERSION"), "+debug")
        } else {
            env!("CARGO_PKG_VERSION")
        })
    }

    /// The open socket with this id ([method TcpClient.get_id], [method UdpSocket.get_id]), or [code]null[/code].
    #[func]
    fn get_socket(&self, id: i64) -> Option<Gd<RefCounted>> {
        if !on_main_thread() {
            return None;
        }
        let socket = Pump::get()
            .open_sockets()
            .into_iter()
            .find(|s| s.id().is_some_and(|own| int(own.get()) == id))?;
        socket.base().object()
    }

    /// All open sockets, in the order of their ids: clients, listeners, UDP sockets and servers.
    #[func]
    fn get_sockets(&self) -> Array<Gd<RefCounted>> {
        if !on_main_thread() {
            return Array::new();
        }
        let mut sockets = Pump::get().open_sockets();
        sockets.sort_by_key(|socket| socket.id());
        sockets.iter().filter_map(|socket| socket.base().object()).collect()
    }

    /// Closes every socket. Pending bytes are still sent; pending awaitables complete with their errors.
    #[func]
    fn stop_all(&self) {
        if on_main_thread() {
            Pump::get().stop_all();
        }
    }

    /// Connected to the scene tree's `process_frame`.
    #[func(gd_self, rename = _frame)]
    fn frame(_this: Gd<Self>) {
        if let Some(pump) = Pump::existing() {
            pump.frame();
        }
    }

    /// Connected to the root's `child_entered_tree`.
    #[func(gd_self, rename = _child_entered)]
    fn child_entered(this: Gd<Self>, child: Gd<Node>) {
        lifecycle::child_entered(&child, &this);
    }

    /// Called at the end of a frame in which the root got another child.
    #[func(gd_self, rename = _move_sentinel)]
    fn move_sentinel(_this: Gd<Self>) {
        lifecycle::move_sentinel();
    }

    /// Connected to the `tree_exiting` of the root's last child.
    #[func(gd_self, rename = _sentinel_goes)]
    fn sentinel_goes(this: Gd<Self>) {
        if lifecycle::sentinel_says_quit() {
            Self::exit(this);
        }
    }

    /// Connected to the root's `tree_exiting`, which follows that of all nodes.
    #[func(gd_self, rename = _exit)]
    fn exit(_this: Gd<Self>) {
        if let Some(pump) = Pump::existing() {
            pump.close();
        }
    }

    /// Statistics. At present: [code]sockets[/code] (open, see [method get_sockets]), [code]connections[/code]
    /// (established, TCP and WebSocket) and [code]queued_events[/code]. In the last complete second:
    /// [code]bytes_received_per_second[/code] and [code]bytes_sent_per_second[/code]. Since the start:
    /// [code]bytes_received[/code] and [code]bytes_sent[/code] (encrypted bytes with TLS), [code]events[/code]
    /// (handled) and [code]drain_time_usec[/code] (time spent in automatic drains). In the last frame:
    /// [code]last_drain_usec[/code].
    #[func]
    fn get_statistics(&self) -> VarDictionary {
        if !on_main_thread() {
            return VarDictionary::new();
        }
        let pump = Pump::get();
        let (sockets, figures) = (pump.open_sockets(), &pump.figures);
        vdict! {
            "sockets" => int(sockets.len()),
            "connections" => int(sockets.iter().map(|socket| socket.connections()).sum::<usize>()),
            "queued_events" => int(sockets.iter().map(|socket| socket.queued()).sum::<usize>()),
            "bytes_received_per_second" => figures.received_per_second(),
            "bytes_sent_per_second" => figures.sent_per_second(),
            "bytes_received" => int(traffic::received()),
            "bytes_sent" => int(traffic::sent()),
            "events" => int(figures.events.get()),
            "drain_time_usec" => int(figures.drain_time.get().as_micros()),
            "last_drain_usec" => int(figures.last_drain.get().as_micros()),
        }
    }
}

/// A custom monitor: its name in the debugger and the source of its value.
type Monitor = (&'static str, fn(&Pump) -> f64);

const MONITORS: [Monitor; 5] = [
    ("async_sockets/connections", |pump| {
        pump.sockets().iter().map(|socket| socket.connections()).sum::<usize>() as f64
    }),
    ("async_sockets/bytes_received_per_second", |pump| {
        pump.figures.received_per_second()
    }),
    ("async_sockets/bytes_sent_per_second", |pump| {
        pump.figures.sent_per_second()
    }),
    ("async_sockets/queued_events", |pump| {
        pump.sockets().iter().map(|socket| socket.queued()).sum::<usize>() as f64
    }),
    ("async_sockets/last_drain_usec", |pump| {
        pump.figures.last_drain.get().as_micros() as f64
    }),
];

/// Adds the custom monitors under Debugger > Monitors.
pub(crate) fn add_monitors() {
    let mut performance = Performance::singleton();
    for (name, value) in MONITORS {
        if !performance.has_custom_monitor(name) {
            let callable = Callable::from_fn(name, move |_: &[&Variant]| {
                Pump::existing().map_or(0.0, |pump| value(&pump)).to_variant()
            });
            performance.add_custom_monitor(name, &callable);
        }
    }
}

pub(crate) fn remove_monitors() {
    let mut performance = Performance::singleton();
    for (name, _) in MONITORS {
        if performance.has_custom_monitor(name) {
            performance.remove_custom_monitor(name);
        }
    }
}
