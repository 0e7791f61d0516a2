//! The class `TcpClient`: what a script sees of a connection.

use std::rc::Rc;
use std::time::Duration;

use async_sockets_net::address::Target;
use async_sockets_net::limits::KeepAlive;
use async_sockets_net::receive::Want;
use async_sockets_net::tcp_client::TcpClient as Connection;
use godot::builtin::{GString, PackedByteArray, PackedStringArray, Variant};
use godot::classes::{IRefCounted, RefCounted, StreamPeerTcp, TlsOptions};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::{Base, Gd, WithBaseField};
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::convert::{int, result, size};
use crate::guard::{State, on_main_thread};
use crate::pump::Pump;
use crate::time;
use core::ClientCore;
use inbox::failure;

pub(crate) mod core;
mod engine_stream;
mod events;
mod inbox;
mod receive;
pub(crate) mod settings;
mod tls;

/// How a client stands; the numbers are StreamPeerTCP's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    None = 0,
    Connecting = 1,
    Connected = 2,
    Error = 3,
}

/// Who ended a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Close {
    #[default]
    Not = -1,
    Error = 0,
    ByHost = 1,
    ByPeer = 2,
    Timeout = 3,
}

impl Close {
    pub(crate) fn value(self) -> Variant {
        (self as i32).to_variant()
    }
}

/// A TCP connection that is never waited for by polling: every operation can be awaited, and none blocks.
///
/// [codeblock]
/// var client := TcpClient.new()
/// client.connect_to_host("example.org", 7000)
/// if (await client.wait_connected() as Array)[0] == OK:
///     client.send("hello\n".to_utf8_buffer())
///     var answer := await client.recv_line() as Array   # [OK, "..."]
/// [/codeblock]
/// Awaitable methods give an [Array] whose first element is an [enum Error]: at once if the result is there, otherwise
/// by a signal, and [code]await[/code] takes both. Operations of a kind are served first in, first out. Bytes arrive in
/// the background; a full buffer slows the peer, and nothing is dropped. Use it from the main thread.
/// [br][br]When something happens to the connection, the state ([method get_status], [method get_close_reason],
/// [method get_last_error_message]) changes first, then what is awaited gets its result, then the signals are emitted.
/// [br][br]A [param timeout] is in seconds: 0 sets no limit, and -1, the default, stands for [member timeout]. Another
/// negative time is refused with [constant ERR_INVALID_PARAMETER].
#[derive(GodotClass)]
#[class(base = RefCounted, tool)]
pub(crate) struct TcpClient {
    pub(crate) core: State<ClientCore>,

    /// Seconds that an operation may take when its own [param timeout] is left out (-1). 0 sets no limit.
    #[var(get = get_timeout, set = set_timeout)]
    timeout: PhantomVar<f64>,
    /// Seconds for name lookup, connecting and TLS together. 0 sets no limit of its own and leaves it to the system.
    #[var(get = get_connect_timeout, set = set_connect_timeout)]
    connect_timeout: PhantomVar<f64>,
    /// Small messages leave at once (Nagle's algorithm is off). Off, they may wait for an answer to earlier ones.
    #[var(get = get_no_delay, set = set_no_delay)]
    no_delay: PhantomVar<bool>,
    /// Probes a peer that has been silent, so that one that vanished is noticed.
    #[var(get = get_keep_alive, set = set_keep_alive)]
    keep_alive: PhantomVar<bool>,
    /// With [member keep_alive]: seconds of silence before the first probe, 1 to 32767.
    #[var(get = get_keep_alive_idle, set = set_keep_alive_idle)]
    keep_alive_idle: PhantomVar<i64>,
    /// With [member keep_alive]: seconds between probes, 1 to 32767.
    #[var(get = get_keep_alive_interval, set = set_keep_alive_interval)]
    keep_alive_interval: PhantomVar<i64>,
    /// With [member keep_alive]: probes without an answer until the connection ends with [constant CLOSE_TIMEOUT], 1 to
    /// 127. Windows before version 10 (1703) has a number of its own.
    #[var(get = get_keep_alive_count, set = set_keep_alive_count)]
    keep_alive_count: PhantomVar<i64>,
    /// Received bytes that may wait for you, 1 to 2147483647; more slow the peer down. A single [method recv] may still
    /// be for more.
    #[var(get = get_max_buffered_bytes, set = set_max_buffered_bytes)]
    max_buffered_bytes: PhantomVar<i64>,
    /// Bytes that may wait to be sent, 1 to 2147483647; over it [method send] gives [constant ERR_OUT_OF_MEMORY].
    #[var(get = get_max_pending_send_bytes, set = set_max_pending_send_bytes)]
    max_pending_send_bytes: PhantomVar<i64>,
    /// The longest block that [method recv_packet] takes and [method send_packet] sends, in bytes.
    #[var(get = get_max_packet_size, set = set_max_packet_size)]
    max_packet_size: PhantomVar<i64>,
    /// TLS from the first byte, with [code]TLSOptions.client()[/code] or [code]TLSOptions.client_unsafe()[/code]; read by
    /// [method connect_to_host]. Certificates are checked against the chain in the options, else the project's bundle
    /// ([code]network/tls/certificate_bundle_override[/code]), else the system's. A common name stands in for missing
    /// subject alternative names only if the chain has the certificate itself or the one that signed it, without name
    /// constraints.
    #[var(get = get_tls_options, set = set_tls_options)]
    tls_options: PhantomVar<Option<Gd<TlsOptions>>>,
    /// Protocols to offer in the TLS handshake (ALPN), best first; see [method get_tls_protocol].
    #[var(get = get_alpn_protocols, set = set_alpn_protocols)]
    alpn_protocols: PhantomVar<PackedStringArray>,
    /// The byte order of the length in front of a packet. The default is StreamPeer's.
    #[var(get = get_big_endian, set = set_big_endian)]
    big_endian: PhantomVar<bool>,
    /// Handle what has arrived once a frame, before the nodes' [code]_process[/code]. Off, call [method process].
    #[var(get = get_auto_process, set = set_auto_process)]
    auto_process: PhantomVar<bool>,
    /// Give bytes by [signal data_received] instead of by the receiving methods, which are refused then.
    #[var(get = get_emit_data, set = set_emit_data)]
    emit_data: PhantomVar<bool>,
    /// Stay open for sending when the peer has ended its sending side. Off, this side ends too: what was sent by then
    /// goes out, also from a coroutine that has just received [constant ERR_FILE_EOF].
    #[var(get = get_allow_half_open, set = set_allow_half_open)]
    allow_half_open: PhantomVar<bool>,

    base: Base<RefCounted>,
}

#[godot_api]
impl IRefCounted for TcpClient {
    fn init(base: Base<RefCounted>) -> Self {
        Self {
            core: State::new(ClientCore::new()),
            timeout: PhantomVar::default(),
            connect_timeout: PhantomVar::default(),
            no_delay: PhantomVar::default(),
            keep_alive: PhantomVar::default(),
            keep_alive_idle: PhantomVar::default(),
            keep_alive_interval: PhantomVar::default(),
            keep_alive_count: PhantomVar::default(),
            max_buffered_bytes: PhantomVar::default(),
            max_pending_send_bytes: PhantomVar::default(),
            max_packet_size: PhantomVar::default(),
            tls_options: PhantomVar::default(),
            alpn_protocols: PhantomVar::default(),
            big_endian: PhantomVar::default(),
            auto_process: PhantomVar::default(),
            emit_data: PhantomVar::default(),
            allow_half_open: PhantomVar::default(),
            base,
        }
    }
}

#[godot_api]
impl TcpClient {
    /// No connection, or one that has ended in good order.
    #[constant]
    const STATUS_NONE: i32 = Status::None as i32;
    /// Looking up the name or connecting.
    #[constant]
    const STATUS_CONNECTING: i32 = Status::Connecting as i32;
    /// Connected.
    #[constant]
    const STATUS_CONNECTED: i32 = Status::Connected as i32;
    /// The connection failed, or could not be made.
    #[constant]
    const STATUS_ERROR: i32 = Status::Error as i32;

    /// The network failed, or the peer reset the connection.
    #[constant]
    const CLOSE_ERROR: i32 = Close::Error as i32;
    /// This side closed.
    #[constant]
    const CLOSE_BY_HOST: i32 = Close::ByHost as i32;
    /// The peer closed.
    #[constant]
    const CLOSE_BY_PEER: i32 = Close::ByPeer as i32;
    /// The peer did not answer in time.
    #[constant]
    const CLOSE_TIMEOUT: i32 = Close::Timeout as i32;

    /// The connection stands. Never emitted inside [method connect_to_host], so it can be awaited after it.
    #[signal]
    fn connected();
    /// The connection could not be made: [constant ERR_CANT_RESOLVE], [constant ERR_CANT_CONNECT],
    /// [constant ERR_TIMEOUT], or [constant ERR_UNAUTHORIZED] if the certificate is not to be trusted.
    #[signal]
    fn connect_failed(error: i32);
    /// A connection that was established is over, whoever ended it. Never emitted inside [method disconnect_from_host].
    /// When it is emitted, everything that was awaited on the connection has its result.
    #[signal]
    fn disconnected();
    /// Every end, also of an attempt that failed or was closed, with its reason: one of the [code]CLOSE_[/code] constants.
    /// It follows [signal disconnected] or [signal connect_failed]; an attempt that this side closes has neither.
    #[signal]
    fn closed(reason: i32);
    /// Bytes have come; only with [member emit_data].
    #[signal]
    fn data_received(data: PackedByteArray);

    // Connecting and closing ------------------------------------------------------------------------------------------

    /// Starts to connect to a host name or an IP address; name lookup (IPv6 and IPv4, tried in turn) and connecting go on
    /// in the background. [signal connected] or [signal connect_failed] follows; see also [method wait_connected].
    /// [method send] and the receives may be called already.
    /// [br][br]Gives [constant ERR_INVALID_PARAMETER] for a bad host or port (1 to 65535),
    /// [constant ERR_ALREADY_IN_USE] while a connection stands.
    #[func]
    fn connect_to_host(&self, host: GString, port: i64) -> Error {
        let Some(core) = self.core() else {
            return Error::ERR_UNAVAILABLE;
        };
        match Target::parse(&host.to_string(), port) {
            Ok(target) => core.connect(target),
            Err(error) => core.refuse(Error::ERR_INVALID_PARAMETER, "connect_to_host", error.to_string()),
        }
    }

    /// Awaitable: [code][OK][/code] once connected, or [code][error][/code]. Also when that was decided before.
    #[func]
    fn wait_connected(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return result(Error::ERR_UNAVAILABLE).to_variant();
        };
        core.wait_connected(timeout)
    }

    /// Closes in good order: what was sent before still goes out (within 10 seconds). Everything that waits for bytes
    /// gets [constant ERR_UNAVAILABLE] at the next drain; [signal disconnected] comes when all is out.
    /// [br][br]While connecting, an attempt for which nothing was sent is given up. Otherwise it goes on within
    /// [member connect_timeout], sends that, and closes; a [method send_async] that waits is answered accordingly. Only
    /// [signal closed] is emitted then.
    #[func]
    fn disconnect_from_host(&self) {
        if let Some(core) = self.core() {
            core.close(false);
        }
    }

    /// Closes at once with a reset; what was not sent yet is dropped. An attempt to connect is given up.
    #[func]
    fn abort(&self) {
        if let Some(core) = self.core() {
            core.close(true);
        }
    }

    /// Ends the sending side after what was sent before: the peer sees the end of the stream, and receiving goes on.
    #[func]
    fn shutdown_send(&self) {
        if let Some(core) = self.core() {
            core.shutdown_send();
        }
    }

    /// Takes over a connected stream of the engine; from then on use only this object. As the engine does not hand out
    /// its socket, this one is served on the main thread, in every drain. Half-close and keep-alive are not to be had.
    /// [br][br]Gives [constant ERR_UNCONFIGURED] for a stream that is not connected.
    #[func]
    fn wrap_stream(&self, stream: Option<Gd<StreamPeerTcp>>) -> Error {
        let Some(core) = self.core() else {
            return Error::ERR_UNAVAILABLE;
        };
        let Some(stream) = stream else {
            return core.refuse(
                Error::ERR_INVALID_PARAMETER,
                "wrap_stream",
                "the stream is null".to_owned(),
            );
        };
        core.wrap(stream)
    }

    /// Awaitable: [code][OK][/code] once the connection goes on with TLS, as a client or as a server by the options. What
    /// was sent before goes out in plain first. Call it when everything in plain has been received: what is unread
    /// and what arrives from now on is taken for TLS. [param server_name] is the name that the server's certificate must have, and defaults to
    /// the host of [method connect_to_host].
    /// [br][br][constant ERR_UNAUTHORIZED] if the certificate is not to be trusted, [constant ERR_CANT_CONNECT] if the
    /// handshake fails otherwise; the connection ends then, and [method get_last_error_message] has the words.
    /// [constant ERR_ALREADY_IN_USE] if the connection has TLS already or is starting it, also one that a listener with
    /// TLS accepted; it goes on unharmed.
    #[func]
    fn start_tls(&self, options: Option<Gd<TlsOptions>>, #[opt(default = "")] server_name: GString) -> Variant {
        let Some(core) = self.core() else {
            return result(Error::ERR_UNAVAILABLE).to_variant();
        };
        let Some(options) = options else {
            let error = core.refuse(
                Error::ERR_INVALID_PARAMETER,
                "start_tls",
                "the options are null".to_owned(),
            );
            return result(error).to_variant();
        };
        core.start_tls(&options, server_name.to_string())
    }

    // Processing ------------------------------------------------------------------------------------------------------

    /// Handles what is queued now: emits signals and resolves what is awaited. With a budget in microseconds it goes on
    /// until that is over, asleep while there is nothing. Gives the number of events handled.
    #[func(gd_self)]
    fn process(this: Gd<Self>, #[opt(default = 0)] budget_usec: i64) -> i64 {
        let Some(core) = this.bind().core().cloned() else {
            return 0;
        };
        int(Pump::get().process(core, crate::convert::budget(budget_usec)))
    }

    /// [method process] without a budget, under the name that the engine's classes use.
    #[func(gd_self)]
    fn poll(this: Gd<Self>) {
        Self::process(this, 0);
    }

    // Sending ---------------------------------------------------------------------------------------------------------

    /// Queues the bytes, all of them or none; never blocks. [constant ERR_OUT_OF_MEMORY] says that
    /// [member max_pending_send_bytes] would be passed and nothing was queued. What a handler or a coroutine sends in a
    /// row goes out together: when 16 KiB are there, or when it waits or returns. [constant ERR_UNCONFIGURED] without a
    /// connection, [constant ERR_UNAVAILABLE] once the sending side is closed.
    #[func]
    fn send(&self, buffer: PackedByteArray) -> Error {
        let Some(core) = self.core() else {
            return Error::ERR_UNAVAILABLE;
        };
        core.send(buffer.as_slice())
    }

    /// Awaitable: [code][OK, bytes][/code] once everything was handed to the system. A buffer of any size is taken when
    /// nothing else waits. After a timeout the rest is still sent. When the connection ends first, in whatever way, the
    /// result is an error; how much the peer has is not known then.
    #[func]
    fn send_async(&self, buffer: PackedByteArray, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return godot::builtin::varray![Error::ERR_UNAVAILABLE, 0].to_variant();
        };
        core.send_async(buffer.as_slice(), timeout)
    }

    /// Sends the block behind its length, as [method recv_packet] and the engine's StreamPeer
    /// ([code]put_u32[/code], [code]put_data[/code]) understand it.
    #[func]
    fn send_packet(&self, buffer: PackedByteArray) -> Error {
        let Some(core) = self.core() else {
            return Error::ERR_UNAVAILABLE;
        };
        let bytes = buffer.as_slice();
        let max = core.settings.max_packet.get();
        let Some(len) = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= max) else {
            let words = format!("the block has {} bytes, and max_packet_size is {max}", bytes.len());
            return core.refuse(Error::ERR_INVALID_PARAMETER, "send_packet", words);
        };
        let header = if core.settings.big_endian.get() {
            len.to_be_bytes()
        } else {
            len.to_le_bytes()
        };
        core.send(&[&header[..], bytes].concat())
    }

    // Receiving -------------------------------------------------------------------------------------------------------

    /// Awaitable: [code][OK, bytes][/code] with exactly [param length] bytes, 0 to 2147483647, also far more than
    /// [member max_buffered_bytes]. At the end of the stream: [constant ERR_FILE_EOF] with the bytes that did arrive.
    /// After a timeout the bytes stay for the next receive.
    #[func]
    fn recv(&self, length: i64, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let want = ranged("length", length, 0).map(Want::Exactly);
        self.receive("recv", want, timeout, &Want::Exactly(0))
    }

    /// Awaitable: [code][OK, bytes][/code] with whatever is there, at least 1 byte and at most [param max_bytes].
    /// [code][ERR_FILE_EOF, empty][/code] when the peer is done.
    #[func]
    fn recv_some(&self, #[opt(default = 4096)] max_bytes: i64, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let want = ranged("max_bytes", max_bytes, 1).map(Want::UpTo);
        self.receive("recv_some", want, timeout, &Want::UpTo(0))
    }

    /// Awaitable: [code][OK, bytes][/code] up to and with [param delimiter]. More than [param max_bytes] without one:
    /// [constant ERR_OUT_OF_MEMORY], and the bytes stay. To go on, give a larger limit or skip them by [method recv_some].
    #[func]
    fn recv_until(
        &self,
        delimiter: PackedByteArray,
        #[opt(default = 65536)] max_bytes: i64,
        #[opt(default = -1.0)] timeout: f64,
    ) -> Variant {
        let delimiter: Box<[u8]> = delimiter.as_slice().into();
        let want = if delimiter.is_empty() {
            Err("the delimiter is empty".to_owned())
        } else {
            ranged("max_bytes", max_bytes, 1).map(|max| Want::Until { delimiter, max })
        };
        self.receive("recv_until", want, timeout, &Want::UpTo(0))
    }

    /// Awaitable: [code][OK, String][/code], a line of UTF-8 text without its ending (LF or CRLF). Longer than
    /// [param max_bytes]: [constant ERR_OUT_OF_MEMORY], and the bytes stay. To go on, give a larger limit or skip them by
    /// [method recv_some].
    #[func]
    fn recv_line(&self, #[opt(default = 65536)] max_bytes: i64, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let want = ranged("max_bytes", max_bytes, 1).map(|max| Want::Line { max });
        self.receive("recv_line", want, timeout, &Want::Line { max: 0 })
    }

    /// Awaitable: [code][OK, bytes][/code], a block that was sent behind its length (see [method send_packet]). One
    /// that claims more than [member max_packet_size]: [constant ERR_OUT_OF_MEMORY], and the bytes stay.
    #[func]
    fn recv_packet(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let settings = &self.core.settings;
        let want = Want::Packet {
            big_endian: settings.big_endian.get(),
            max: settings.max_packet.get(),
        };
        self.receive("recv_packet", Ok(want), timeout, &Want::UpTo(0))
    }

    /// Awaitable: [code][OK, int][/code], the number of bytes that can be received now, at least 1.
    #[func]
    fn wait_readable(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        self.receive("wait_readable", Ok(Want::Readable), timeout, &Want::Readable)
    }

    // What there is to know -------------------------------------------------------------------------------------------

    /// One of the [code]STATUS_[/code] constants. With [member allow_half_open] a connection counts as connected after the
    /// peer's end, otherwise no longer from the moment when a receive tells of it.
    #[func]
    fn get_status(&self) -> i32 {
        self.core.status() as i32
    }

    /// Bytes that can be received now.
    #[func]
    fn get_available_bytes(&self) -> i64 {
        self.core().map_or(0, |core| int(core.available()))
    }

    /// Bytes sent and not yet handed to the system.
    #[func]
    fn get_pending_send_bytes(&self) -> i64 {
        self.core.with_connection(Connection::pending_send_bytes).map_or(0, int)
    }

    /// The peer's IP address, also after the end; empty before the connection stands.
    #[func]
    fn get_connected_host(&self) -> GString {
        self.core
            .endpoints()
            .map(|ends| GString::from(&ends.peer.ip().to_string()))
            .unwrap_or_default()
    }

    /// The peer's port; 0 before the connection stands.
    #[func]
    fn get_connected_port(&self) -> i64 {
        self.core.endpoints().map_or(0, |ends| ends.peer.port().into())
    }

    /// The port of this side; 0 before the connection stands.
    #[func]
    fn get_local_port(&self) -> i64 {
        self.core.endpoints().map_or(0, |ends| ends.local.port().into())
    }

    /// The number of this connection in the whole process, never used twice, also after the end; 0 before the first.
    #[func]
    fn get_id(&self) -> i64 {
        self.core.last_id().map_or(0, |id| int(id.get()))
    }

    /// Whether what is sent and received is encrypted, or was until the end.
    #[func]
    fn is_tls(&self) -> bool {
        self.core.tls_info(|_| ()).is_some()
    }

    /// The version agreed on, [code]"TLSv1.2"[/code] or [code]"TLSv1.3"[/code]; empty without TLS.
    #[func]
    fn get_tls_version(&self) -> GString {
        self.core.tls_version()
    }

    /// The protocol agreed on by ALPN; empty if none.
    #[func]
    fn get_tls_protocol(&self) -> GString {
        let protocol = self.core.tls_info(|info| info.alpn.as_deref().map(GString::from));
        protocol.flatten().unwrap_or_default()
    }

    /// The subject of the server's certificate, such as [code]"CN=game.example"[/code]; empty on the server's side.
    #[func]
    fn get_tls_peer_subject(&self) -> GString {
        let subject = self
            .core
            .tls_info(|info| info.peer_subject.as_deref().map(GString::from));
        subject.flatten().unwrap_or_default()
    }

    /// The host that the client asked for (SNI), on the server's side; else empty.
    #[func]
    fn get_tls_server_name(&self) -> GString {
        self.core
            .tls_info(|info| info.sni.as_deref().map(GString::from))
            .flatten()
            .unwrap_or_default()
    }

    /// Who ended the last connection: one of the [code]CLOSE_[/code] constants, or -1 while it has not ended.
    #[func]
    fn get_close_reason(&self) -> i32 {
        self.core.close_reason() as i32
    }

    /// The last error that this object gave, in words; empty if there was none since the connection began.
    #[func]
    fn get_last_error_message(&self) -> GString {
        self.core.last_error()
    }

    // Properties ------------------------------------------------------------------------------------------------------

    #[func]
    fn get_timeout(&self) -> f64 {
        self.core.settings.timeout.get()
    }

    #[func]
    fn set_timeout(&self, seconds: f64) {
        if self.is_time("timeout", seconds) {
            self.core.settings.timeout.set(seconds);
        }
    }

    #[func]
    fn get_connect_timeout(&self) -> f64 {
        self.core.settings.connect_timeout.get()
    }

    #[func]
    fn set_connect_timeout(&self, seconds: f64) {
        if self.is_time("connect_timeout", seconds) {
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
        match u32::try_from(probes) {
            Ok(count @ 1..=127) => self.change_keep_alive(|times| times.count = count),
            _ => self.refuse("keep_alive_count", format!("{probes} is outside 1..127")),
        }
    }

    #[func]
    fn get_max_buffered_bytes(&self) -> i64 {
        int(self.core.settings.max_buffered.get())
    }

    #[func]
    fn set_max_buffered_bytes(&self, bytes: i64) {
        let Some(bytes) = self.limit("max_buffered_bytes", bytes) else {
            return;
        };
        self.core.settings.max_buffered.set(bytes);
        self.core.update_demand();
    }

    #[func]
    fn get_max_pending_send_bytes(&self) -> i64 {
        int(self.core.settings.max_pending_send.get())
    }

    #[func]
    fn set_max_pending_send_bytes(&self, bytes: i64) {
        let Some(bytes) = self.limit("max_pending_send_bytes", bytes) else {
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
        if let Some(bytes) = self.limit("max_packet_size", bytes) {
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
        *self.core.settings.alpn.borrow_mut() = protocols;
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
        self.core.base.auto_process.get()
    }

    #[func]
    fn set_auto_process(&self, on: bool) {
        Pump::get().set_automatic(self.core.clone(), on);
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
    /// The state, for a call that may touch the network; `None`, told to the author, on another thread than the main one.
    pub(crate) fn core(&self) -> Option<&Rc<ClientCore>> {
        if !on_main_thread() {
            return None;
        }
        self.core.base.set_instance(|| self.base().instance_id());
        Some(&self.core)
    }

    fn change_keep_alive(&self, change: impl FnOnce(&mut KeepAlive)) {
        let mut times = self.core.settings.keep_alive_times.get();
        change(&mut times);
        self.core.settings.keep_alive_times.set(times);
        if self.core.settings.keep_alive.get() {
            self.core.apply_keep_alive();
        }
    }

    /// `shape` is the kind of result in case the arguments are bad.
    fn receive(&self, method: &str, want: Result<Want, String>, timeout: f64, shape: &Want) -> Variant {
        let Some(core) = self.core() else {
            return failure(shape, Error::ERR_UNAVAILABLE).to_variant();
        };
        let want = match want {
            Ok(want) => want,
            Err(words) => {
                let error = core.refuse(Error::ERR_INVALID_PARAMETER, method, words);
                return failure(shape, error).to_variant();
            }
        };
        if core.settings.emit_data.get() {
            let words = "no receive while emit_data is on, as the bytes come by data_received";
            let error = core.refuse(Error::ERR_UNAVAILABLE, method, words.to_owned());
            return failure(shape, error).to_variant();
        }
        core.receive(method, want, timeout)
    }

    fn refuse(&self, property: &str, words: String) {
        self.core.refuse(Error::ERR_INVALID_PARAMETER, property, words);
    }

    /// Whether a property can have this time; tells the author if not.
    fn is_time(&self, property: &str, seconds: f64) -> bool {
        time::limit(seconds)
            .map_err(|words| self.refuse(property, words))
            .is_ok()
    }

    /// A time of keep-alive from a script, in the range that every system takes.
    fn probe_time(&self, property: &str, seconds: i64) -> Option<Duration> {
        let time = (1..=32_767)
            .contains(&seconds)
            .then(|| Duration::from_secs(seconds.unsigned_abs()));
        if time.is_none() {
            self.refuse(property, format!("{seconds} is outside 1..32767"));
        }
        time
    }

    /// A limit in bytes from a script.
    fn limit(&self, property: &str, bytes: i64) -> Option<usize> {
        ranged("the limit", bytes, 1)
            .map_err(|words| self.refuse(property, words))
            .ok()
    }
}

/// A number of bytes from a script.
fn ranged(name: &str, bytes: i64, low: i64) -> Result<usize, String> {
    size(bytes, low).ok_or_else(|| format!("{name} {bytes} is outside {low}..2147483647"))
}
