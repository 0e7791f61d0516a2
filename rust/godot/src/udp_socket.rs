//! The class `UdpSocket`: what a script sees of a UDP socket.

use std::num::NonZeroU8;
use std::rc::Rc;

use async_sockets_net::address::{BindAddress, Destination};
use async_sockets_net::error::AddressError;
use async_sockets_net::udp_socket::UdpSocket as Bound;
use godot::builtin::{GString, PackedByteArray, Variant, varray};
use godot::classes::{IRefCounted, RefCounted};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, WithBaseField};
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::convert::{budget, int, size, utf8};
use crate::guard::{State, on_main_thread};
use crate::pump::Pump;
use crate::socket::Socket;
use core::{UdpCore, nothing};

mod core;

/// A UDP socket whose datagrams can be awaited or come by a signal.
///
/// [codeblock]
/// var socket := UdpSocket.new()
/// socket.bind(4000)
/// while true:
///     var received := await socket.recv_from() as Array   # [OK, bytes, "192.0.2.1", 50000]
///     if received[0] != OK:
///         break
///     socket.send_to(received[1], received[2], received[3])
/// [/codeblock]
/// A socket that sends before [method bind] takes any free port. UDP itself may lose, double and reorder datagrams; what
/// this class drops, because nobody took it in time, it counts in [member dropped_datagrams].
#[derive(GodotClass)]
#[class(base = RefCounted, tool)]
pub(crate) struct UdpSocket {
    core: State<UdpCore>,

    /// Allow sending to broadcast addresses such as [code]255.255.255.255[/code].
    #[var(get = get_broadcast, set = set_broadcast)]
    broadcast: PhantomVar<bool>,
    /// Routers that a datagram may pass, 1 to 255, unicast and multicast. 0 leaves the system's own (64, and 1 for
    /// multicast); it takes effect with [method bind].
    #[var(get = get_ttl, set = set_ttl)]
    ttl: PhantomVar<i64>,
    /// Let other sockets that ask for the same have the same port, as several receivers of one multicast group on one
    /// machine need it. Read by [method bind].
    #[var(get = get_reuse_address, set = set_reuse_address)]
    reuse_address: PhantomVar<bool>,
    /// Datagrams that may wait for you; the oldest is dropped for one more.
    #[var(get = get_max_datagrams, set = set_max_datagrams)]
    max_datagrams: PhantomVar<i64>,
    /// Bytes of datagrams that may wait for you; the oldest are dropped for more.
    #[var(get = get_max_buffered_bytes, set = set_max_buffered_bytes)]
    max_buffered_bytes: PhantomVar<i64>,
    /// Datagrams dropped since [method bind] because nobody took them in time.
    #[var(get = get_dropped_datagrams, no_set)]
    dropped_datagrams: PhantomVar<i64>,
    /// Handle what has arrived once a frame. Off, call [method process].
    #[var(get = get_auto_process, set = set_auto_process)]
    auto_process: PhantomVar<bool>,

    base: Base<RefCounted>,
}

#[godot_api]
impl IRefCounted for UdpSocket {
    fn init(base: Base<RefCounted>) -> Self {
        Self {
            core: State::new(UdpCore::new()),
            broadcast: PhantomVar::default(),
            ttl: PhantomVar::default(),
            reuse_address: PhantomVar::default(),
            max_datagrams: PhantomVar::default(),
            max_buffered_bytes: PhantomVar::default(),
            dropped_datagrams: PhantomVar::default(),
            auto_process: PhantomVar::default(),
            base,
        }
    }
}

#[godot_api]
impl UdpSocket {
    /// A datagram that no [method recv_from] waited for. While anything is connected to this signal, datagrams go to it,
    /// those that have waited first; a connection for one emission takes one. The others wait.
    #[signal]
    fn datagram_received(data: PackedByteArray, address: GString, port: i64);
    /// A datagram could not be sent, or the peer of a connected socket does not take them
    /// ([constant ERR_CONNECTION_ERROR], without data). Emitted for [method send_to_async] too. The socket lives on.
    #[signal]
    fn send_failed(error: i32, data: PackedByteArray, address: GString, port: i64);

    /// Binds a port (0 picks a free one, see [method get_local_port]) of [code]"*"[/code] (IPv6 and IPv4),
    /// [code]"localhost"[/code] or an IP address. At once: [constant ERR_ALREADY_IN_USE] if the port is taken or the socket
    /// is bound already, [constant ERR_UNAUTHORIZED], or [constant ERR_INVALID_PARAMETER] for a bad port or address.
    #[func]
    fn bind(&self, #[opt(default = 0)] port: i64, #[opt(default = "*")] address: GString) -> Error {
        let Some(core) = self.core() else {
            return Error::ERR_UNAVAILABLE;
        };
        match BindAddress::parse(&address.to_string(), port) {
            Ok(address) => core.bind(address),
            Err(error) => refuse(core, "bind", &error),
        }
    }

    /// Connects to a host: [method send] goes to it, and only its datagrams are received. The name is looked up in the
    /// background; [method send] may be called at once.
    #[func]
    fn connect_to_host(&self, host: GString, port: i64) -> Error {
        let Some(core) = self.core() else {
            return Error::ERR_UNAVAILABLE;
        };
        match Destination::parse(&utf8(&host), port) {
            Ok(to) => core.connect(to),
            Err(error) => refuse(core, "connect_to_host", &error),
        }
    }

    /// Queues a datagram of at most 65507 bytes to the host of [method connect_to_host]; never blocks.
    /// [constant ERR_UNCONFIGURED] without one, [constant ERR_OUT_OF_MEMORY] if too much waits to be sent,
    /// [constant ERR_INVALID_PARAMETER] for a datagram that is too large.
    #[func]
    fn send(&self, data: PackedByteArray) -> Error {
        self.core()
            .map_or(Error::ERR_UNAVAILABLE, |core| core.send(data.as_slice(), None))
    }

    /// Queues a datagram to a host name or IP address. Names are looked up in the background and remembered for a while;
    /// [signal send_failed] tells of one that has no address. Otherwise as [method send].
    #[func]
    fn send_to(&self, data: PackedByteArray, host: GString, port: i64) -> Error {
        let Some(core) = self.core() else {
            return Error::ERR_UNAVAILABLE;
        };
        match Destination::parse(&utf8(&host), port) {
            Ok(to) => core.send(data.as_slice(), Some(to)),
            Err(error) => refuse(core, "send_to", &error),
        }
    }

    /// Awaitable: [code][OK, bytes][/code] once the datagram was handed to the system, or [code][error, 0][/code].
    #[func]
    fn send_to_async(&self, data: PackedByteArray, host: GString, port: i64) -> Variant {
        let Some(core) = self.core() else {
            return varray![Error::ERR_UNAVAILABLE, 0].to_variant();
        };
        match Destination::parse(&utf8(&host), port) {
            Ok(to) => core.send_awaited(data.as_slice(), to),
            Err(error) => varray![refuse(core, "send_to_async", &error), 0].to_variant(),
        }
    }

    /// Awaitable: [code][OK, bytes, address, port][/code] of the next datagram, which may be empty. 0 and -1 set no
    /// limit; after that many seconds [constant ERR_TIMEOUT]. [constant ERR_UNCONFIGURED] before [method bind].
    #[func]
    fn recv_from(&self, #[opt(default = 0.0)] timeout: f64) -> Variant {
        self.core().map_or_else(
            || nothing(Error::ERR_UNAVAILABLE).to_variant(),
            |core| core.receive(timeout),
        )
    }

    /// Closes the socket; what was sent before still goes out, and every [method recv_from] that waits gets
    /// [constant ERR_UNAVAILABLE]. It can be bound again.
    #[func]
    fn close(&self) {
        if let Some(core) = self.core() {
            core.close();
        }
    }

    /// Receives what is sent to a multicast group on an interface: its name, its index, its address, or empty for the
    /// system's choice. [constant ERR_INVALID_PARAMETER] for an address that is none of a group,
    /// [constant ERR_DOES_NOT_EXIST] for an unknown interface.
    #[func]
    fn join_multicast_group(&self, address: GString, #[opt(default = "")] interface: GString) -> Error {
        self.core().map_or(Error::ERR_UNAVAILABLE, |core| {
            core.multicast(&address.to_string(), &interface.to_string(), true)
        })
    }

    /// Leaves a group that was joined on the same interface.
    #[func]
    fn leave_multicast_group(&self, address: GString, #[opt(default = "")] interface: GString) -> Error {
        self.core().map_or(Error::ERR_UNAVAILABLE, |core| {
            core.multicast(&address.to_string(), &interface.to_string(), false)
        })
    }

    /// Handles what is queued now. With a budget in microseconds it goes on until that is over, asleep while there is
    /// nothing. Gives the number of events handled.
    #[func(gd_self)]
    fn process(this: Gd<Self>, #[opt(default = 0)] budget_usec: i64) -> i64 {
        let Some(core) = this.bind().core().cloned() else {
            return 0;
        };
        int(Pump::get().process(core, budget(budget_usec)))
    }

    /// Whether it is bound.
    #[func]
    fn is_bound(&self) -> bool {
        self.core.with(|_| ()).is_some()
    }

    /// The port in use; 0 if it is not bound.
    #[func]
    fn get_local_port(&self) -> i64 {
        self.core.with(|bound| bound.local_address().port().into()).unwrap_or(0)
    }

    /// Datagrams that can be received now.
    #[func]
    fn get_available_datagrams(&self) -> i64 {
        self.core.with(Bound::available_datagrams).map_or(0, int)
    }

    /// The number of this socket in the whole process; 0 if it is not bound.
    #[func]
    fn get_id(&self) -> i64 {
        self.core.with(Bound::id).map_or(0, |id| int(id.get()))
    }

    /// The last error that this object gave, in words; empty if there was none since [method bind].
    #[func]
    fn get_last_error_message(&self) -> GString {
        self.core.last_error()
    }

    #[func]
    fn get_broadcast(&self) -> bool {
        self.core.options.borrow().broadcast
    }

    #[func]
    fn set_broadcast(&self, on: bool) {
        self.core.set_broadcast(on);
    }

    #[func]
    fn get_ttl(&self) -> i64 {
        self.core.options.borrow().ttl.map_or(0, |ttl| ttl.get().into())
    }

    #[func]
    fn set_ttl(&self, ttl: i64) {
        match u8::try_from(ttl) {
            Ok(ttl) => self.core.set_ttl(NonZeroU8::new(ttl)),
            Err(_) => self.refuse("ttl", format!("{ttl} is outside 0..255")),
        }
    }

    #[func]
    fn get_reuse_address(&self) -> bool {
        self.core.options.borrow().reuse_address
    }

    #[func]
    fn set_reuse_address(&self, on: bool) {
        self.core.options.borrow_mut().reuse_address = on;
    }

    #[func]
    fn get_max_datagrams(&self) -> i64 {
        int(self.core.options.borrow().max_datagrams)
    }

    #[func]
    fn set_max_datagrams(&self, datagrams: i64) {
        let Some(datagrams) = size(datagrams, 1) else {
            return self.refuse("max_datagrams", format!("{datagrams} is outside 1..2147483647"));
        };
        self.core.options.borrow_mut().max_datagrams = datagrams;
        self.core.apply_queue_limits();
    }

    #[func]
    fn get_max_buffered_bytes(&self) -> i64 {
        int(self.core.options.borrow().max_datagram_bytes)
    }

    #[func]
    fn set_max_buffered_bytes(&self, bytes: i64) {
        let Some(bytes) = size(bytes, 1) else {
            return self.refuse("max_buffered_bytes", format!("{bytes} is outside 1..2147483647"));
        };
        self.core.options.borrow_mut().max_datagram_bytes = bytes;
        self.core.apply_queue_limits();
    }

    #[func]
    fn get_dropped_datagrams(&self) -> i64 {
        self.core.with(Bound::dropped_datagrams).map_or(0, int)
    }

    #[func]
    fn get_auto_process(&self) -> bool {
        self.core.base.auto_process.get()
    }

    #[func]
    fn set_auto_process(&self, on: bool) {
        let socket: Rc<dyn Socket> = self.core.clone();
        Pump::get().set_automatic(&socket, on);
    }
}

impl UdpSocket {
    fn refuse(&self, property: &str, words: String) {
        self.core.refuse(Error::ERR_INVALID_PARAMETER, property, words);
    }

    fn core(&self) -> Option<&Rc<UdpCore>> {
        if !on_main_thread() {
            return None;
        }
        self.core.base.set_instance(|| self.base().instance_id());
        Some(&self.core)
    }
}

fn refuse(core: &UdpCore, member: &str, error: &AddressError) -> Error {
    core.refuse(Error::ERR_INVALID_PARAMETER, member, error.to_string())
}
