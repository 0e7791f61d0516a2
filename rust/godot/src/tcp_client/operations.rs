//! The methods of the class `TcpClient`.

use async_sockets_net::address::Target;
use async_sockets_net::receive::Want;
use async_sockets_net::tcp_client::TcpClient as Connection;
use godot::builtin::{GString, PackedByteArray, Variant, varray};
use godot::classes::{StreamPeerTcp, TlsOptions};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;
use godot::register::godot_api;

use super::inbox::failure;
use super::{Close, Status, TcpClient};
use crate::class::SocketClass;
use crate::class_enum::EnumValue;
use crate::convert::{int, result, size, utf8};
use crate::socket::Socket;

#[godot_api(secondary)]
impl TcpClient {
    // Connecting and closing ------------------------------------------------------------------------------------------

    /// Starts to connect to a host name or an IP address on [param port], 1 to 65535. Name lookup (IPv6 and IPv4, tried
    /// in turn) and connecting continue in the background; [signal connected] or [signal connect_failed] follows. See
    /// also [method wait_connected]. [method send] and the receiving methods may be called right away.
    /// [br][br]Returns [constant ERR_INVALID_PARAMETER] for an invalid host or port, and [constant ERR_ALREADY_IN_USE]
    /// while this client is connecting or connected.
    #[func]
    fn connect_to_host(&self, host: GString, port: i64) -> Error {
        self.begin(|core| match Target::parse(&host.to_string(), port) {
            Ok(target) => core.connect(target),
            Err(error) => self.refuse("connect_to_host", error),
        })
    }

    /// Awaitable: [code][OK][/code] once the connection is established, or [code][error][/code]. If that is decided
    /// already, the result is available immediately.
    #[func]
    fn wait_connected(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return result(Error::ERR_UNAVAILABLE).to_variant();
        };
        core.wait_connected(timeout)
    }

    /// Closes the connection in good order: what was sent before is still delivered, unless the peer takes none of it
    /// for 10 seconds. Pending receives are resolved with [constant ERR_UNAVAILABLE] at the next drain;
    /// [signal disconnected] is emitted once everything is sent.
    /// [br][br]While connecting, an attempt for which nothing was sent is given up. Otherwise the attempt continues
    /// within [member connect_timeout], what was sent is delivered, and the connection is closed; a pending
    /// [method send_async] is resolved accordingly. In both cases only [signal closed] is emitted.
    #[func]
    fn disconnect_from_host(&self) {
        if let Some(core) = self.core() {
            core.close(false);
        }
    }

    /// Closes the connection immediately with a reset. Bytes that are not sent yet are dropped, and an attempt to
    /// connect is given up.
    #[func]
    fn abort(&self) {
        if let Some(core) = self.core() {
            core.close(true);
        }
    }

    /// Ends the sending side (half-close) after what was sent before. The peer sees the end of the stream; receiving
    /// continues.
    #[func]
    fn shutdown_send(&self) {
        if let Some(core) = self.core() {
            core.shutdown_send();
        }
    }

    /// Takes over a connected stream of the engine. Use only this object from then on. Since the engine does not expose
    /// its socket, the stream is served on the main thread, in every drain. Half-close, keep-alive and
    /// [method start_tls] are not supported.
    /// [br][br]Returns [constant ERR_INVALID_PARAMETER] for [code]null[/code], [constant ERR_UNCONFIGURED] for a stream
    /// that is not connected, and [constant ERR_ALREADY_IN_USE] while this client is connecting or connected.
    #[func]
    fn wrap_stream(&self, stream: Option<Gd<StreamPeerTcp>>) -> Error {
        self.begin(|core| match stream {
            Some(stream) => core.wrap(stream),
            None => self.refuse("wrap_stream", "the stream is null"),
        })
    }

    /// Awaitable: [code][OK][/code] once the connection continues with TLS, or [code][error][/code]. The options decide
    /// whether this side is the client or the server. What was sent before is sent unencrypted first. Call this once
    /// everything unencrypted has been received: bytes that are not read yet, and all that arrive later, count as TLS.
    /// [param server_name] is the name that the server's certificate must have; the default is the host of
    /// [method connect_to_host].
    /// [br][br][constant ERR_UNAUTHORIZED] if the certificate is not trusted, [constant ERR_TIMEOUT] after
    /// [member connect_timeout], [constant ERR_CANT_CONNECT] if the handshake fails otherwise. The connection ends
    /// then, and [method get_last_error_message] says why. [constant ERR_ALREADY_IN_USE] if the connection uses TLS
    /// already or is starting it, as does one that a listener with TLS accepted; the connection continues unharmed.
    /// [constant ERR_UNCONFIGURED] before the connection is established, and the error of its end after that.
    #[func]
    fn start_tls(&self, options: Option<Gd<TlsOptions>>, #[opt(default = "")] server_name: GString) -> Variant {
        let Some(core) = self.core() else {
            return result(Error::ERR_UNAVAILABLE).to_variant();
        };
        let Some(options) = options else {
            return result(self.refuse("start_tls", "the options are null")).to_variant();
        };
        core.start_tls(&options, server_name.to_string())
    }

    // Processing ------------------------------------------------------------------------------------------------------

    /// Handles the queued events: emits signals and resolves what is awaited. Returns the number of events handled.
    /// With a budget, 1 to 60000000 microseconds, it continues until that time has passed, and sleeps while there is
    /// nothing to do.
    #[func(gd_self)]
    fn process(this: Gd<Self>, #[opt(default = 0)] budget_usec: i64) -> i64 {
        Self::drain(this, budget_usec)
    }

    /// Calls [method process] without a budget. This is the name that the engine's classes use.
    #[func(gd_self)]
    fn poll(this: Gd<Self>) {
        Self::process(this, 0);
    }

    // Sending ---------------------------------------------------------------------------------------------------------

    /// Queues the bytes, either all of them or none. Never blocks. Bytes that a handler or a coroutine sends in a row
    /// leave together: at 16 KiB, or when it awaits or returns.
    /// [br][br]Returns [constant ERR_OUT_OF_MEMORY] if [member max_pending_bytes] would be exceeded,
    /// [constant ERR_UNCONFIGURED] before the first connection, [constant ERR_UNAVAILABLE] once this side has closed or
    /// ended its sending side, and the error of the connection's end after that.
    #[func]
    fn send(&self, buffer: PackedByteArray) -> Error {
        self.run(|core| core.send(buffer.as_slice()))
    }

    /// Queues a text as UTF-8. Otherwise as [method send].
    #[func]
    fn send_text(&self, text: GString) -> Error {
        self.run(|core| core.send(utf8(&text).as_bytes()))
    }

    /// Queues a line of text as UTF-8, with a line feed behind it, as [method recv_line] reads it. Returns
    /// [constant ERR_INVALID_PARAMETER] if there is a line feed in [param line], which would make two lines of it.
    /// Otherwise as [method send].
    #[func]
    fn send_line(&self, line: GString) -> Error {
        self.run(|core| {
            let mut line = utf8(&line);
            if line.contains('\n') {
                let words = "the line contains a line feed; send each line by itself, or use send_text()";
                return self.refuse("send_line", words);
            }
            line.push('\n');
            core.send(line.as_bytes())
        })
    }

    /// Awaitable: [code][OK, int][/code], the number of bytes sent, once all of them were handed to the system, or
    /// [code][error, 0][/code]. A buffer of any size is accepted while nothing else is pending. After a timeout the
    /// rest is still sent. If the connection ends first, for whatever reason, the result is an error, and how much the
    /// peer has received is unknown.
    #[func]
    fn send_async(&self, buffer: PackedByteArray, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return varray![Error::ERR_UNAVAILABLE, 0].to_variant();
        };
        core.send_async(buffer.as_slice(), timeout)
    }

    /// Sends the block behind its length in 4 bytes, as [method recv_packet] and the engine's StreamPeer
    /// ([code]put_u32[/code], [code]put_data[/code]) read it; see [member big_endian].
    /// [br][br]Returns the errors of [method send], and [constant ERR_INVALID_PARAMETER] for a block larger than
    /// [member max_packet_size].
    #[func]
    fn send_packet(&self, buffer: PackedByteArray) -> Error {
        self.run(|core| {
            let bytes = buffer.as_slice();
            let max = core.settings.max_packet.get();
            let Some(len) = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= max) else {
                let words = format_args!("the block has {} bytes, and max_packet_size is {max}", bytes.len());
                return self.refuse("send_packet", words);
            };
            let header = if core.settings.big_endian.get() {
                len.to_be_bytes()
            } else {
                len.to_le_bytes()
            };
            core.send(&[&header[..], bytes].concat())
        })
    }

    // Receiving -------------------------------------------------------------------------------------------------------

    /// Awaitable: [code][OK, bytes][/code] with exactly [param length] bytes, 0 to 2147483647, even if that is far more
    /// than [member max_buffered_bytes]. At the end of the stream: [constant ERR_FILE_EOF] with the bytes that did
    /// arrive. After a timeout the bytes stay for the next receive.
    #[func]
    fn recv(&self, length: i64, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let want = ranged("length", length, 0).map(Want::Exactly);
        self.receive("recv", want, timeout, &Want::Exactly(0))
    }

    /// Awaitable: [code][OK, bytes][/code] with what is available, at least 1 byte and at most [param max_bytes] (1 to
    /// 2147483647). At the end of the stream: [code][ERR_FILE_EOF, empty][/code].
    #[func]
    fn recv_some(&self, #[opt(default = 4096)] max_bytes: i64, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let want = ranged("max_bytes", max_bytes, 1).map(Want::UpTo);
        self.receive("recv_some", want, timeout, &Want::UpTo(0))
    }

    /// Awaitable: [code][OK, bytes][/code] up to and including [param delimiter]. If there is none within
    /// [param max_bytes] (1 to 2147483647): [constant ERR_OUT_OF_MEMORY], and the bytes stay. Continue with a larger
    /// limit, or skip them with [method recv_some].
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

    /// Awaitable: [code][OK, String][/code], a line of UTF-8 text without its ending (LF or CRLF). If it is longer than
    /// [param max_bytes] (1 to 2147483647): [constant ERR_OUT_OF_MEMORY], and the bytes stay. Continue with a larger
    /// limit, or skip them with [method recv_some].
    #[func]
    fn recv_line(&self, #[opt(default = 65536)] max_bytes: i64, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let want = ranged("max_bytes", max_bytes, 1).map(|max| Want::Line { max });
        self.receive("recv_line", want, timeout, &Want::Line { max: 0 })
    }

    /// Awaitable: [code][OK, bytes][/code], a block that was sent behind its length (see [method send_packet]). If the
    /// length exceeds [member max_packet_size]: [constant ERR_OUT_OF_MEMORY], and the bytes stay.
    #[func]
    fn recv_packet(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return failure(&Want::UpTo(0), Error::ERR_UNAVAILABLE).to_variant();
        };
        let want = Want::Packet {
            big_endian: core.settings.big_endian.get(),
            max: core.settings.max_packet.get(),
        };
        self.receive("recv_packet", Ok(want), timeout, &Want::UpTo(0))
    }

    /// Awaitable: [code][OK, int][/code], the number of bytes that can be received now, at least 1.
    #[func]
    fn wait_readable(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        self.receive("wait_readable", Ok(Want::Readable), timeout, &Want::Readable)
    }

    // State -----------------------------------------------------------------------------------------------------------

    /// The status of the connection. With [member allow_half_open], a
    /// connection counts as connected after the peer's end; otherwise only until a receive reports that end.
    #[func]
    fn get_status(&self) -> EnumValue<Status> {
        self.core.status().into()
    }

    /// Number of bytes that can be received now.
    #[func]
    fn get_available_bytes(&self) -> i64 {
        self.core().map_or(0, |core| int(core.available()))
    }

    /// Number of bytes that were sent and are not handed to the system yet.
    #[func]
    fn get_pending_bytes(&self) -> i64 {
        self.core.with_connection(Connection::pending_send_bytes).map_or(0, int)
    }

    /// IP address of the peer, also after the end of the connection. Empty until the connection is established.
    #[func]
    fn get_connected_host(&self) -> GString {
        self.core
            .endpoints()
            .map(|ends| GString::from(&ends.peer.ip().to_string()))
            .unwrap_or_default()
    }

    /// Port of the peer, also after the end of the connection. 0 until the connection is established.
    #[func]
    fn get_connected_port(&self) -> i64 {
        self.core.endpoints().map_or(0, |ends| ends.peer.port().into())
    }

    /// Port of this side, also after the end of the connection. 0 until the connection is established.
    #[func]
    fn get_local_port(&self) -> i64 {
        self.core.endpoints().map_or(0, |ends| ends.local.port().into())
    }

    /// Number of the connection, unique in the process and never reused. It stays after the end; 0 before the first
    /// connection.
    #[func]
    fn get_id(&self) -> i64 {
        self.core.last_id().map_or(0, |id| int(id.get()))
    }

    /// Whether the connection uses TLS, or used it until its end.
    #[func]
    fn is_tls(&self) -> bool {
        self.core.tls_info(|_| ()).is_some()
    }

    /// TLS version of the connection, [code]"TLSv1.2"[/code] or [code]"TLSv1.3"[/code]. Empty without TLS.
    #[func]
    fn get_tls_version(&self) -> GString {
        self.core.tls_version()
    }

    /// Protocol that was negotiated by ALPN. Empty if there is none.
    #[func]
    fn get_tls_protocol(&self) -> GString {
        let protocol = self.core.tls_info(|info| info.alpn.as_deref().map(GString::from));
        protocol.flatten().unwrap_or_default()
    }

    /// Subject of the server's certificate, such as [code]"CN=game.example"[/code]. Empty on the server's side.
    #[func]
    fn get_tls_peer_subject(&self) -> GString {
        let subject = self
            .core
            .tls_info(|info| info.peer_subject.as_deref().map(GString::from));
        subject.flatten().unwrap_or_default()
    }

    /// Host name that the client asked for (SNI). Empty on the client's side, and if the client sent none.
    #[func]
    fn get_tls_server_name(&self) -> GString {
        self.core
            .tls_info(|info| info.sni.as_deref().map(GString::from))
            .flatten()
            .unwrap_or_default()
    }

    /// Why the last connection ended; [constant CLOSE_NONE] while it has not ended.
    #[func]
    fn get_close_reason(&self) -> EnumValue<Option<Close>> {
        self.core.close_reason().into()
    }

    /// Message of the last error that this object returned. Empty if there was none since the connection began.
    #[func]
    fn get_last_error_message(&self) -> GString {
        self.last_error()
    }
}

impl TcpClient {
    /// `shape` decides the type of the empty value if the arguments are refused.
    fn receive(&self, method: &str, want: Result<Want, String>, timeout: f64, shape: &Want) -> Variant {
        let Some(core) = self.core() else {
            return failure(shape, Error::ERR_UNAVAILABLE).to_variant();
        };
        let want = match want {
            Ok(want) => want,
            Err(words) => {
                return failure(shape, self.refuse(method, words)).to_variant();
            }
        };
        if core.settings.emit_data.get() {
            let words = "no receive while emit_data is on, as the bytes come by data_received";
            let error = core.refuse(Error::ERR_UNAVAILABLE, method, words);
            return failure(shape, error).to_variant();
        }
        core.receive(method, want, timeout)
    }
}

/// A number of bytes from a script.
fn ranged(name: &str, bytes: i64, low: i64) -> Result<usize, String> {
    size(bytes, low).ok_or_else(|| format!("{name} {bytes} is outside {low}..2147483647"))
}
