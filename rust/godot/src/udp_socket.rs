//! The class `UdpSocket`: what a script sees of a UDP socket.

use std::num::NonZeroU8;

use async_sockets_net::address::{BindAddress, Destination};
use async_sockets_net::udp_socket::UdpSocket as Bound;
use godot::builtin::{GString, PackedByteArray, Variant, varray};
use godot::classes::{IRefCounted, RefCounted};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd};
use godot::register::info::PropertyInfo;
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::class::{SocketClass, show_property};
use crate::convert::{int, utf8};
use crate::guard::State;
use core::{Shape, UdpCore};

mod core;

/// A UDP socket whose datagrams are awaited or delivered by a signal.
///
/// ```gdscript
/// var socket := UdpSocket.new()
/// var _error := socket.bind(4000)
/// while true:
///     var received: Array = await socket.recv_from()   # [OK, bytes, "192.0.2.1", 50000]
///     if received[0] != OK:
///         break
///     var data: PackedByteArray = received[1]
///     var address: String = received[2]
///     var port: int = received[3]
///     _error = socket.send_to(data, address, port)
/// ```
/// A socket that sends without [method bind] is bound to a free port. UDP may lose, duplicate and reorder datagrams;
/// [member dropped_datagrams] counts those that this socket drops because its queue is full.
/// [br][br]A [param timeout] is in seconds. 0 sets no limit, and -1, the default, uses [member timeout]. Any other
/// negative value is refused with [constant ERR_INVALID_PARAMETER].
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct UdpSocket {
    #[init(val = State::new(UdpCore::new()))]
    core: State<UdpCore>,

    /// Time limit of an operation whose [param timeout] is omitted (-1), in seconds. Default: 0, which sets no limit.
    /// Range: 0 or more.
    #[var(get = get_timeout, set = set_timeout)]
    timeout: PhantomVar<f64>,
    /// Allow sending to broadcast addresses such as [code]255.255.255.255[/code]. Default: [code]false[/code]. Takes
    /// effect at once.
    #[var(get = get_broadcast, set = set_broadcast)]
    broadcast: PhantomVar<bool>,
    /// Maximum number of routers that a datagram may pass, unicast and multicast. Default: 0, the system's own value
    /// (usually 64, and 1 for multicast), which takes effect with [method bind]. Range: 0 to 255. Other values take
    /// effect at once.
    #[var(get = get_ttl, set = set_ttl)]
    ttl: PhantomVar<i64>,
    /// Allow other sockets with the same setting to bind the same port, as several receivers of a multicast group on
    /// one machine need it. Default: [code]false[/code]. Read by [method bind].
    #[var(get = get_reuse_address, set = set_reuse_address)]
    reuse_address: PhantomVar<bool>,
    /// Maximum number of received datagrams that are queued, 1 to 2147483647; further ones replace the oldest. Default:
    /// 16384. Takes effect at once.
    #[var(get = get_max_datagrams, set = set_max_datagrams)]
    max_datagrams: PhantomVar<i64>,
    /// Maximum size of all queued datagrams together, in bytes; further ones replace the oldest, but one is always
    /// kept. Default: 16777216 (16 MiB). Range: 1 to 2147483647. Takes effect at once.
    #[var(get = get_max_buffered_bytes, set = set_max_buffered_bytes)]
    max_buffered_bytes: PhantomVar<i64>,
    /// Maximum size of all datagrams together that wait to be sent, in bytes; each counts 128 bytes more than its data.
    /// Above it [method send] gives [constant ERR_OUT_OF_MEMORY]. Default: 16777216 (16 MiB). Range: 1 to 2147483647.
    /// Takes effect at once.
    /// [br][br]This limit and [member max_buffered_bytes] together bound the memory of the socket, whatever its peers
    /// do.
    #[var(get = get_max_pending_bytes, set = set_max_pending_bytes)]
    max_pending_bytes: PhantomVar<i64>,
    /// Number of datagrams dropped since [method bind] because the queue was full; 0 if the socket is not bound.
    /// Read-only.
    #[var(get = get_dropped_datagrams, no_set)]
    dropped_datagrams: PhantomVar<i64>,
    /// Handle queued events once a frame, before the nodes' [code]_process[/code]. Default: [code]true[/code].
    /// Otherwise call [method process].
    #[var(get = get_auto_process, set = set_auto_process)]
    auto_process: PhantomVar<bool>,

    base: Base<RefCounted>,
}

impl SocketClass for UdpSocket {
    type Core = UdpCore;

    fn state(&self) -> &State<UdpCore> {
        &self.core
    }
}

#[godot_api]
impl IRefCounted for UdpSocket {
    fn on_validate_property(&self, property: &mut PropertyInfo) {
        show_property(property);
    }
}

#[godot_api]
impl UdpSocket {
    /// A datagram arrived that no [method recv_from] or [method recv] waited for. While this signal has a connection,
    /// every such datagram is emitted, queued ones first; a one-shot connection receives one. Without a connection
    /// datagrams stay queued.
    #[signal]
    fn datagram_received(data: PackedByteArray, address: GString, port: i64);
    /// A datagram could not be sent, also one of [method send_async] or [method send_to_async]. [constant
    /// ERR_CONNECTION_ERROR] without data: the peer of a connected socket does not accept datagrams. An error without
    /// data and address: [method connect_to_host] failed. The socket stays open.
    #[signal]
    fn send_failed(error: Error, data: PackedByteArray, address: GString, port: i64);

    /// Binds the socket to a port (0 picks a free one, see [method get_local_port]) of `"*"` (IPv6 and
    /// IPv4), [code]"localhost"[/code] or an IP address. Returns [constant ERR_ALREADY_IN_USE] if the port is in use or
    /// the socket is bound already, [constant ERR_UNAUTHORIZED] if the system denies the port, or [constant
    /// ERR_INVALID_PARAMETER] for an invalid port or address.
    #[func]
    fn bind(&self, #[opt(default = 0)] port: i64, #[opt(default = "*")] address: GString) -> Error {
        self.begin(|core| match BindAddress::parse(&address.to_string(), port) {
            Ok(address) => core.bind(address),
            Err(error) => self.refuse("bind", error),
        })
    }

    /// Connects the socket to a host: [method send] sends to it, and only its datagrams are received. The name is
    /// resolved in the background; [method send] may be called at once. Returns [constant ERR_INVALID_PARAMETER] for an
    /// invalid host or port, or the error of [method bind]; later failures are reported by [signal send_failed].
    #[func]
    fn connect_to_host(&self, host: GString, port: i64) -> Error {
        self.begin(|core| match Destination::parse(&utf8(&host), port) {
            Ok(to) => core.connect(to),
            Err(error) => self.refuse("connect_to_host", error),
        })
    }

    /// Queues a datagram of at most 65507 bytes for the host of [method connect_to_host]; never blocks. Returns
    /// [constant ERR_UNCONFIGURED] if the socket is not connected, [constant ERR_OUT_OF_MEMORY] if
    /// [member max_pending_bytes] would be exceeded, or [constant ERR_INVALID_PARAMETER] if the datagram is too large.
    #[func]
    fn send(&self, data: PackedByteArray) -> Error {
        self.run(|core| core.send("send", data.as_slice(), None))
    }

    /// Queues a datagram for a host name or IP address. Names are resolved in the background and cached for 60 seconds;
    /// [signal send_failed] reports one without an address. Returns the errors of [method send] and of [method bind],
    /// and [constant ERR_INVALID_PARAMETER] for an invalid host or port.
    #[func]
    fn send_to(&self, data: PackedByteArray, host: GString, port: i64) -> Error {
        self.run(|core| match Destination::parse(&utf8(&host), port) {
            Ok(to) => core.send("send_to", data.as_slice(), Some(to)),
            Err(error) => self.refuse("send_to", error),
        })
    }

    /// Awaitable: [code][OK, bytes_sent][/code] once the datagram is handed to the system, or [code][error, 0][/code].
    /// After a timeout it is still sent. Otherwise as [method send].
    #[func]
    fn send_async(&self, data: PackedByteArray, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return varray![Error::ERR_UNAVAILABLE, 0].to_variant();
        };
        core.send_awaited("send_async", data.as_slice(), None, timeout)
    }

    /// Awaitable: [code][OK, bytes_sent][/code] once the datagram is handed to the system, or [code][error, 0][/code].
    /// After a timeout it is still sent. Otherwise as [method send_to].
    #[func]
    fn send_to_async(
        &self,
        data: PackedByteArray,
        host: GString,
        port: i64,
        #[opt(default = -1.0)] timeout: f64,
    ) -> Variant {
        let Some(core) = self.core() else {
            return varray![Error::ERR_UNAVAILABLE, 0].to_variant();
        };
        match Destination::parse(&utf8(&host), port) {
            Ok(to) => core.send_awaited("send_to_async", data.as_slice(), Some(to), timeout),
            Err(error) => varray![self.refuse("send_to_async", error), 0].to_variant(),
        }
    }

    /// Awaitable: [code][OK, bytes][/code] of the next datagram from the host of [method connect_to_host], which may be
    /// empty, or [code][error, empty][/code]: [constant ERR_TIMEOUT] after [param timeout] seconds, [constant
    /// ERR_UNCONFIGURED] if the socket is not connected, [constant ERR_UNAVAILABLE] when it is closed. Datagrams that
    /// arrived before the socket was connected, from anyone, come first.
    #[func]
    fn recv(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        self.receive(Shape::Data, timeout)
    }

    /// Awaitable: [code][OK, bytes, address, port][/code] of the next datagram, which may be empty, or [code][error,
    /// empty, "", 0][/code]: [constant ERR_TIMEOUT] after [param timeout] seconds, [constant ERR_UNCONFIGURED] if the
    /// socket is not bound, [constant ERR_UNAVAILABLE] when it is closed.
    #[func]
    fn recv_from(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        self.receive(Shape::From, timeout)
    }

    /// Closes the socket. Pending datagrams are still sent; pending awaitables complete with [constant
    /// ERR_UNAVAILABLE]. It can be bound again.
    #[func]
    fn close(&self) {
        if let Some(core) = self.core() {
            core.close();
        }
    }

    /// Joins a multicast group on an interface, given by its name, index or address; empty leaves the choice to the
    /// system. Returns [constant ERR_INVALID_PARAMETER] if the address is not a multicast address, [constant
    /// ERR_DOES_NOT_EXIST] for an unknown interface, [constant FAILED] if the system refuses, or the error of [method
    /// bind].
    #[func]
    fn join_multicast_group(&self, address: GString, #[opt(default = "")] interface: GString) -> Error {
        self.run(|core| core.multicast(&address.to_string(), &interface.to_string(), true))
    }

    /// Leaves a multicast group that was joined on the same interface. Errors as for [method join_multicast_group].
    /// [br][br]On Linux, a socket bound to all addresses still gets the group's datagrams while another socket of this
    /// machine is a member: the system delivers them to every socket on that port.
    #[func]
    fn leave_multicast_group(&self, address: GString, #[opt(default = "")] interface: GString) -> Error {
        self.run(|core| core.multicast(&address.to_string(), &interface.to_string(), false))
    }

    /// Handles queued events and returns their number. With a budget in microseconds, at most one minute, it goes on
    /// until the budget is spent, asleep while nothing is queued.
    #[func(gd_self)]
    fn process(this: Gd<Self>, #[opt(default = 0)] budget_usec: i64) -> i64 {
        Self::drain(this, budget_usec)
    }

    /// Calls [method process] without a budget. This is the name that the engine's classes use.
    #[func(gd_self)]
    fn poll(this: Gd<Self>) {
        Self::process(this, 0);
    }

    /// Whether the socket is bound.
    #[func]
    fn is_bound(&self) -> bool {
        self.core.with(|_| ()).is_some()
    }

    /// The local port; 0 if the socket is not bound.
    #[func]
    fn get_local_port(&self) -> i64 {
        self.core.with(|bound| bound.local_address().port().into()).unwrap_or(0)
    }

    /// Number of datagrams that can be received now.
    #[func]
    fn get_available_datagram_count(&self) -> i64 {
        self.core.with(Bound::available_datagrams).map_or(0, int)
    }

    /// The id of the socket, unique in the process and never reused; 0 if it is not bound.
    #[func]
    fn get_id(&self) -> i64 {
        self.open_id()
    }

    /// The last error of this object in words; empty if there was none since [method bind].
    #[func]
    fn get_last_error_message(&self) -> GString {
        self.last_error()
    }

    #[func]
    fn get_timeout(&self) -> f64 {
        self.core.timeout.get()
    }

    #[func]
    fn set_timeout(&self, seconds: f64) {
        if self.time("timeout", seconds).is_some() {
            self.core.timeout.set(seconds);
        }
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
        if let Some(ttl) = self.number("ttl", ttl, 0..=255) {
            self.core.set_ttl(NonZeroU8::new(ttl));
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
        if let Some(datagrams) = self.size("max_datagrams", datagrams, 1) {
            self.core.options.borrow_mut().max_datagrams = datagrams;
            self.core.apply_queue_limits();
        }
    }

    #[func]
    fn get_max_buffered_bytes(&self) -> i64 {
        int(self.core.options.borrow().max_datagram_bytes)
    }

    #[func]
    fn set_max_buffered_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_buffered_bytes", bytes, 1) {
            self.core.options.borrow_mut().max_datagram_bytes = bytes;
            self.core.apply_queue_limits();
        }
    }

    #[func]
    fn get_max_pending_bytes(&self) -> i64 {
        int(self.core.options.borrow().max_pending_send)
    }

    #[func]
    fn set_max_pending_bytes(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_pending_bytes", bytes, 1) {
            self.core.set_max_pending_send(bytes);
        }
    }

    #[func]
    fn get_dropped_datagrams(&self) -> i64 {
        self.core.with(Bound::dropped_datagrams).map_or(0, int)
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

impl UdpSocket {
    fn receive(&self, shape: Shape, timeout: f64) -> Variant {
        match self.core() {
            Some(core) => core.receive(shape, timeout),
            None => shape.nothing(Error::ERR_UNAVAILABLE).to_variant(),
        }
    }
}
