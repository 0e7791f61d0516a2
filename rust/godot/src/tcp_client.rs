//! The class `TcpClient`: its documentation, properties, constants and signals. The methods are in [`operations`].

use std::rc::Rc;
use std::time::Duration;

use async_sockets_net::options::KeepAlive;
use godot::builtin::{PackedByteArray, PackedStringArray, Variant};
use godot::classes::{IRefCounted, RefCounted, TlsOptions};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::meta::shape::EnumeratorShape;
use godot::obj::{Base, Gd};
use godot::register::info::PropertyInfo;
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::class::{SocketClass, show_property};
use crate::class_enum::{ClassEnum, EnumValue};
use crate::convert::int;
use crate::guard::State;
use crate::tls::parse_alpn;
use core::ClientCore;

mod connect;
pub(crate) mod core;
mod engine_stream;
mod events;
mod inbox;
mod operations;
mod receive;
mod send;
mod session;
pub(crate) mod settings;
mod tls;
mod turn;

pub(crate) use connect::Ended;

/// The status of a client. The numbers are those of StreamPeerTCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    None = 0,
    Connecting = 1,
    Connected = 2,
    Error = 3,
}

impl ClassEnum for Status {
    type Class = TcpClient;

    const NAME: &'static str = "TcpClient.Status";

    const CONSTANTS: &'static [EnumeratorShape] = &[
        EnumeratorShape::new_int("STATUS_NONE", Self::None as i64),
        EnumeratorShape::new_int("STATUS_CONNECTING", Self::Connecting as i64),
        EnumeratorShape::new_int("STATUS_CONNECTED", Self::Connected as i64),
        EnumeratorShape::new_int("STATUS_ERROR", Self::Error as i64),
    ];

    fn number(self) -> i32 {
        self as i32
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    Error = 0,
    ByHost = 1,
    ByPeer = 2,
    Timeout = 3,
}

/// The close reason of a connection that has not ended.
const NOT_ENDED: i32 = -1;

/// `None`: it has not ended.
impl ClassEnum for Option<Close> {
    type Class = TcpClient;

    const NAME: &'static str = "TcpClient.CloseReason";

    const CONSTANTS: &'static [EnumeratorShape] = &[
        EnumeratorShape::new_int("CLOSE_NONE", NOT_ENDED as i64),
        EnumeratorShape::new_int("CLOSE_ERROR", Close::Error as i64),
        EnumeratorShape::new_int("CLOSE_BY_HOST", Close::ByHost as i64),
        EnumeratorShape::new_int("CLOSE_BY_PEER", Close::ByPeer as i64),
        EnumeratorShape::new_int("CLOSE_TIMEOUT", Close::Timeout as i64),
    ];

    fn number(self) -> i32 {
        self.map_or(NOT_ENDED, |close| close as i32)
    }
}

impl Close {
    pub(crate) fn value(self) -> Variant {
        (self as i32).to_variant()
    }
}

/// A TCP connection whose operations can be awaited. None of them blocks, and none has to be polled.
///
/// ```gdscript
/// var client := TcpClient.new()
/// var _error := client.connect_to_host("example.org", 7000)
/// var connected: Array = await client.wait_connected()
/// if connected[0] == OK:
///     _error = client.send_line("hello")
///     var answer: Array = await client.recv_line()   # [OK, "..."]
///     print(answer[1])
/// ```
/// An awaitable method returns an [Array] whose first element is an [enum Error]: immediately if the result is
/// available, otherwise through a signal; [code]await[/code] takes both. Pending operations of one kind are served
/// first in, first out. Bytes are received in the background. A full buffer slows the peer down; no bytes are dropped.
/// Use this class on the main thread only.
/// [br][br]When something happens to the connection, the state ([method get_status], [method get_close_reason],
/// [method get_last_error_message]) changes first. Then pending operations are resolved, and then the signals are
/// emitted.
/// [br][br]A [param timeout] is in seconds. 0 sets no limit, and -1, the default, uses [member timeout]. Any other
/// negative value is refused with [constant ERR_INVALID_PARAMETER].
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct TcpClient {
    #[init(val = State::new(Rc::default()))]
    pub(crate) core: State<ClientCore>,

    /// Time limit of an operation whose [param timeout] is omitted (-1), in seconds. Default: 0, which sets no limit.
    /// Range: 0 or more.
    #[var(get = get_timeout, set = set_timeout)]
    timeout: PhantomVar<f64>,
    /// Time limit for name lookup, connecting and the TLS handshake together, in seconds. Default: 30. Range: 0 or
    /// more; 0 leaves the limit to the system. Read by [method connect_to_host]; [method start_tls] reads it for its
    /// handshake.
    #[var(get = get_connect_timeout, set = set_connect_timeout)]
    connect_timeout: PhantomVar<f64>,
    /// Whether small messages are sent immediately, without Nagle's algorithm. Default: [code]true[/code]. When
    /// [code]false[/code], a small message may wait until earlier data is acknowledged. Takes effect at once.
    #[var(get = get_no_delay, set = set_no_delay)]
    no_delay: PhantomVar<bool>,
    /// Whether a silent peer is probed (TCP keep-alive), so that one that vanished is noticed. Default:
    /// [code]false[/code]. Takes effect at once.
    #[var(get = get_keep_alive, set = set_keep_alive)]
    keep_alive: PhantomVar<bool>,
    /// Silence before the first probe of [member keep_alive], in seconds. Default: 60. Range: 1 to 32767.
    #[var(get = get_keep_alive_idle, set = set_keep_alive_idle)]
    keep_alive_idle: PhantomVar<i64>,
    /// Time between two probes of [member keep_alive], in seconds. Default: 10. Range: 1 to 32767.
    #[var(get = get_keep_alive_interval, set = set_keep_alive_interval)]
    keep_alive_interval: PhantomVar<i64>,
    /// Number of unanswered probes of [member keep_alive] after which the connection ends with
    /// [constant CLOSE_TIMEOUT]. Default: 6. Range: 1 to 127. Windows before version 10 (1703) uses a fixed number
    /// instead.
    #[var(get = get_keep_alive_count, set = set_keep_alive_count)]
    keep_alive_count: PhantomVar<i64>,
    /// Maximum number of received bytes that are buffered. Default: 1048576 (1 MiB). Range: 1 to 2147483647. When the
    /// buffer is full, the peer is slowed down. The last read may exceed it, by less than 65536 bytes and less than the
    /// limit itself. A single [method recv] may ask for more.
    #[var(get = get_max_buffered_bytes, set = set_max_buffered_bytes)]
    max_buffered_bytes: PhantomVar<i64>,
    /// Maximum number of bytes that are queued for sending. Default: 16777216 (16 MiB). Range: 1 to 2147483647. A
    /// [method send] beyond it fails with [constant ERR_OUT_OF_MEMORY].
    #[var(get = get_max_pending_bytes, set = set_max_pending_bytes)]
    max_pending_bytes: PhantomVar<i64>,
    /// Maximum size of a packet in [method recv_packet] and [method send_packet], in bytes. Default: 16777216 (16 MiB).
    /// Range: 1 to 2147483647.
    #[var(get = get_max_packet_size, set = set_max_packet_size)]
    max_packet_size: PhantomVar<i64>,
    /// Options for TLS from the first byte: [code]TLSOptions.client()[/code] or
    /// [code]TLSOptions.client_unsafe()[/code]. Default: [code]null[/code], no TLS. Read by [method connect_to_host].
    /// [br][br]Certificates are checked against the chain in the options; without one against the project's bundle
    /// ([code]network/tls/certificate_bundle_override[/code]), and without that against the system's certificates. A
    /// common name is accepted in place of missing subject alternative names only if the chain contains the certificate
    /// itself, or the one that signed it, without name constraints.
    #[var(get = get_tls_options, set = set_tls_options)]
    tls_options: PhantomVar<Option<Gd<TlsOptions>>>,
    /// Protocols to negotiate in the TLS handshake (ALPN), in order of preference, each of 1 to 255 bytes. Default:
    /// empty, no negotiation. Read by [method connect_to_host] and [method start_tls]; the result is [method
    /// get_tls_protocol].
    #[var(get = get_alpn_protocols, set = set_alpn_protocols)]
    alpn_protocols: PhantomVar<PackedStringArray>,
    /// Whether the length in front of a packet is in big-endian byte order. Default: [code]false[/code], as in
    /// StreamPeer. Read by [method recv_packet] and [method send_packet].
    #[var(get = get_big_endian, set = set_big_endian)]
    big_endian: PhantomVar<bool>,
    /// Whether events are handled once per frame, before the nodes' [code]_process[/code]. Default: [code]true[/code];
    /// an accepted client starts with the value of its [TcpListener]. When [code]false[/code], call [method process].
    #[var(get = get_auto_process, set = set_auto_process)]
    auto_process: PhantomVar<bool>,
    /// Whether received bytes are emitted by [signal data_received]. Default: [code]false[/code]. When
    /// [code]true[/code], the receiving methods are refused with [constant ERR_UNAVAILABLE].
    #[var(get = get_emit_data, set = set_emit_data)]
    emit_data: PhantomVar<bool>,
    /// Whether the connection stays open for sending after the peer has ended its sending side. Default:
    /// [code]false[/code]: this side closes too. Bytes sent before that are still delivered, including those that a
    /// coroutine sends right after it received [constant ERR_FILE_EOF].
    #[var(get = get_allow_half_open, set = set_allow_half_open)]
    allow_half_open: PhantomVar<bool>,

    base: Base<RefCounted>,
}

impl SocketClass for TcpClient {
    type Core = ClientCore;

    fn state(&self) -> &State<ClientCore> {
        &self.core
    }
}

#[godot_api]
impl IRefCounted for TcpClient {
    fn on_validate_property(&self, property: &mut PropertyInfo) {
        show_property(property);
    }
}

#[godot_api]
impl TcpClient {
    /// Not connected: there was no connection, or the last one was closed in good order.
    #[constant]
    #[cfg(false)]
    const STATUS_NONE: i32 = Status::None as i32;
    /// Looking up the host name, connecting, or performing the TLS handshake of [member tls_options].
    #[constant]
    #[cfg(false)]
    const STATUS_CONNECTING: i32 = Status::Connecting as i32;
    /// The connection is established.
    #[constant]
    #[cfg(false)]
    const STATUS_CONNECTED: i32 = Status::Connected as i32;
    /// The connection failed, or could not be established.
    #[constant]
    #[cfg(false)]
    const STATUS_ERROR: i32 = Status::Error as i32;

    /// The connection has not ended, or there was none.
    #[constant]
    #[cfg(false)]
    const CLOSE_NONE: i32 = NOT_ENDED;
    /// A network error, a failed attempt to connect, a failed TLS handshake, a reset by the peer, the end of a TLS
    /// connection without [code]close_notify[/code] (as by the plain [code]close()[/code] of some programs), or [member
    /// TcpListener.max_total_bytes].
    #[constant]
    #[cfg(false)]
    const CLOSE_ERROR: i32 = Close::Error as i32;
    /// This side closed.
    #[constant]
    #[cfg(false)]
    const CLOSE_BY_HOST: i32 = Close::ByHost as i32;
    /// The peer closed.
    #[constant]
    #[cfg(false)]
    const CLOSE_BY_PEER: i32 = Close::ByPeer as i32;
    /// The peer did not answer in time.
    #[constant]
    #[cfg(false)]
    const CLOSE_TIMEOUT: i32 = Close::Timeout as i32;

    /// Emitted when the connection is established. Never emitted inside [method connect_to_host], so it can be awaited
    /// after that call.
    #[signal]
    fn connected();
    /// Emitted when the connection cannot be established: [constant ERR_CANT_RESOLVE], [constant ERR_CANT_CONNECT],
    /// [constant ERR_TIMEOUT], or [constant ERR_UNAUTHORIZED] for a certificate that is not trusted.
    #[signal]
    fn connect_failed(error: Error);
    /// Emitted when an established connection is over, whichever side ended it. Never emitted inside
    /// [method disconnect_from_host]. All operations that were pending on the connection are resolved by then.
    #[signal]
    fn disconnected();
    /// Emitted at every end, also that of an attempt that failed or was closed. It follows
    /// [signal disconnected] or [signal connect_failed]; for an attempt that this side closes, neither of them is
    /// emitted.
    #[signal]
    fn closed(reason: EnumValue<Option<Close>>);
    /// Emitted when bytes were received, if [member emit_data] is [code]true[/code].
    #[signal]
    fn data_received(data: PackedByteArray);

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
    fn get_connect_timeout(&self) -> f64 {
        self.core.settings.connect_timeout.get()
    }

    #[func]
    fn set_connect_timeout(&self, seconds: f64) {
        if self.time("connect_timeout", seconds).is_some() {
            self.core.settings.connect_timeout.set(seconds);
        }
    }

    #[func]
    fn get_no_delay(&self) -> bool {
        self.core.settings.no_delay.get()
    }

    #[func]
    fn set_no_delay(&self, on: bool) {
        self.core.settings.no_delay.set(on);
        self.core.with_connection(|connection| connection.set_no_delay(on));
    }

    #[func]
    fn get_keep_alive(&self) -> bool {
        self.core.settings.keep_alive.get()
    }

    #[func]
    fn set_keep_alive(&self, on: bool) {
        self.core.settings.keep_alive.set(on);
        self.core.apply_keep_alive();
    }

    #[func]
    fn get_keep_alive_idle(&self) -> i64 {
        int(self.core.settings.keep_alive_times.get().idle.as_secs())
    }

    #[func]
    fn set_keep_alive_idle(&self, seconds: i64) {
        if let Some(idle) = self.probe_time("keep_alive_idle", seconds) {
            self.change_keep_alive(|times| times.idle = idle);
        }
    }

    #[func]
    fn get_keep_alive_interval(&self) -> i64 {
        int(self.core.settings.keep_alive_times.get().interval.as_secs())
    }

    #[func]
    fn set_keep_alive_interval(&self, seconds: i64) {
        if let Some(interval) = self.probe_time("keep_alive_interval", seconds) {
            self.change_keep_alive(|times| times.interval = interval);
        }
    }

    #[func]
    fn get_keep_alive_count(&self) -> i64 {
        self.core.settings.keep_alive_times.get().count.into()
    }

    #[func]
    fn set_keep_alive_count(&self, probes: i64) {
        if let Some(count) = self.number("keep_alive_count", probes, 1..=127) {
            self.change_keep_alive(|times| times.count = count);
        }
    }

    #[func]
    fn get_max_buffered_bytes(&self) -> i64 {
        int(self.core.settings.max_buffered.get())
    }

    #[func]
    fn set_max_buffered_bytes(&self, bytes: i64) {
        let Some(bytes) = self.size("max_buffered_bytes", bytes, 1) else {
            return;
        };
        self.core.settings.max_buffered.set(bytes);
        self.core.update_demand();
    }

    #[func]
    fn get_max_pending_bytes(&self) -> i64 {
        int(self.core.settings.max_pending_send.get())
    }

    #[func]
    fn set_max_pending_bytes(&self, bytes: i64) {
        let Some(bytes) = self.size("max_pending_bytes", bytes, 1) else {
            return;
        };
        self.core.settings.max_pending_send.set(bytes);
        self.core
            .with_connection(|connection| connection.set_max_pending_send(bytes));
    }

    #[func]
    fn get_max_packet_size(&self) -> i64 {
        int(self.core.settings.max_packet.get())
    }

    #[func]
    fn set_max_packet_size(&self, bytes: i64) {
        if let Some(bytes) = self.size("max_packet_size", bytes, 1) {
            self.core.settings.max_packet.set(bytes);
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
    fn get_big_endian(&self) -> bool {
        self.core.settings.big_endian.get()
    }

    #[func]
    fn set_big_endian(&self, on: bool) {
        self.core.settings.big_endian.set(on);
    }

    #[func]
    fn get_auto_process(&self) -> bool {
        self.automatic()
    }

    #[func]
    fn set_auto_process(&self, on: bool) {
        self.set_automatic(on);
    }

    #[func]
    fn get_emit_data(&self) -> bool {
        self.core.settings.emit_data.get()
    }

    #[func]
    fn set_emit_data(&self, on: bool) {
        if let Some(core) = self.core() {
            core.set_emit_data(on);
        }
    }

    #[func]
    fn get_allow_half_open(&self) -> bool {
        self.core.settings.allow_half_open.get()
    }

    #[func]
    fn set_allow_half_open(&self, on: bool) {
        self.core.settings.allow_half_open.set(on);
    }
}

impl TcpClient {
    fn change_keep_alive(&self, change: impl FnOnce(&mut KeepAlive)) {
        let mut times = self.core.settings.keep_alive_times.get();
        change(&mut times);
        self.core.settings.keep_alive_times.set(times);
        if self.core.settings.keep_alive.get() {
            self.core.apply_keep_alive();
        }
    }

    /// A time of keep-alive in seconds, in the range that every system accepts; any other is refused.
    fn probe_time(&self, property: &str, seconds: i64) -> Option<Duration> {
        self.number(property, seconds, 1..=32_767).map(Duration::from_secs)
    }
}
