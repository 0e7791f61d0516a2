//! The methods of the class `WebSocketClient`.

use async_sockets_net::event::Established;
use async_sockets_net::websocket::close_code::CloseFrame;
use async_sockets_net::websocket_client::WebSocketClient as Connection;
use godot::builtin::{GString, PackedByteArray, VarDictionary, Variant, varray};
use godot::global::Error;
use godot::meta::ToGodot;
use godot::obj::Gd;
use godot::register::godot_api;

use super::inbox::{Want, failure};
use super::outbox::Outgoing;
use super::{ReadyState, WebSocketClient};
use crate::class::SocketClass;
use crate::class_enum::EnumValue;
use crate::convert::{header, headers, int, result, utf8};
use crate::optional_tls::OptionalTls;
use crate::socket::Socket;

#[godot_api(secondary)]
impl WebSocketClient {
    // Connecting and closing ------------------------------------------------------------------------------------------

    /// Starts to connect to a URL such as [code]"wss://example.org/game?room=1"[/code]. Name lookup, connecting, TLS
    /// and the opening handshake continue in the background; [signal connected] or [signal connect_failed] follows. See
    /// also [method wait_connected]. The sending and receiving methods may be called right away.
    /// [br][br]The scheme is [code]ws[/code] or [code]wss[/code]; the port is 80 or 443 by default. An IPv6 address
    /// stands in brackets. [code]user:password@[/code] before the host becomes basic authorization. A host name with
    /// other letters than ASCII must be given in its [code]xn--[/code] form.
    /// [br][br][param tls_options] is for [code]wss[/code], also where a redirect leads there:
    /// [code]TLSOptions.client()[/code] by default. Certificates are checked as described in [member
    /// TcpClient.tls_options].
    /// [br][br]Returns [constant ERR_INVALID_PARAMETER] for an invalid URL or invalid options, [constant
    /// ERR_ALREADY_IN_USE] while this client is connecting, connected or waiting to reconnect, [constant
    /// ERR_CANT_CREATE] if the network threads cannot start, and [constant ERR_UNAVAILABLE] while the engine quits.
    /// While a closing handshake is in flight, the new connection takes the place of the old one. An end that was not
    /// told yet is told in the next frame, before anything of the new connection.
    #[func]
    fn connect_to_url(&self, url: GString, #[opt(default = OptionalTls(None))] tls_options: OptionalTls) -> Error {
        self.begin(|core| match core.target(&url, tls_options.0) {
            Ok(target) => core.connect(target),
            Err((error, words)) => core.refuse(error, "connect_to_url", words),
        })
    }

    /// Awaitable: [code][OK][/code] once the connection is established, or [code][error][/code] once it is certain that
    /// it will not be. With [member reconnect], that takes until [signal gave_up]. If it is decided already, the result
    /// is available immediately.
    #[func]
    fn wait_connected(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return result(Error::ERR_UNAVAILABLE).to_variant();
        };
        core.wait_connected(timeout)
    }

    /// Closes the connection in good order: sends what was sent before, then [param code] (1000 to 1003, 1007 to 1014,
    /// or 3000 to 4999) and [param reason] (at most 123 bytes in UTF-8). [signal disconnected] follows, within [member
    /// close_timeout]. Messages that arrive after the call are dropped. There is no reconnecting.
    /// [br][br]An attempt to connect is given up, or the wait for the next one, unless messages are waiting for a
    /// running attempt: then they are sent first. An invalid code or reason is reported, and nothing is closed.
    #[func]
    fn close(&self, #[opt(default = 1000)] code: i64, #[opt(default = "")] reason: GString) {
        if let Some(core) = self.core()
            && let Some(frame) = self.parsed("close", CloseFrame::parse(code, &utf8(&reason)))
        {
            core.close(frame);
        }
    }

    /// Awaitable: [code][OK, code, reason][/code] once the closing handshake of [method close] is over. The code and
    /// the reason are those of [signal disconnected]. If the connection is over already, the result is available
    /// immediately.
    /// [br][br][constant ERR_CONNECTION_ERROR] if the connection broke first, [constant ERR_TIMEOUT] if [param timeout]
    /// passed first ([member close_timeout] ends the connection in any case), [constant ERR_UNCONFIGURED] before
    /// [method connect_to_url]. The code is -1 while it is unknown.
    #[func]
    fn close_async(
        &self,
        #[opt(default = 1000)] code: i64,
        #[opt(default = "")] reason: GString,
        #[opt(default = -1.0)] timeout: f64,
    ) -> Variant {
        let Some(core) = self.core() else {
            return varray![Error::ERR_UNAVAILABLE, -1, &GString::new()].to_variant();
        };
        match self.parsed("close_async", CloseFrame::parse(code, &utf8(&reason))) {
            Some(frame) => core.close_async(frame, timeout),
            None => core.close_result(Error::ERR_INVALID_PARAMETER).to_variant(),
        }
    }

    /// Ends the connection immediately with a reset, or gives the attempt up. Messages that are not sent yet are
    /// dropped; [signal disconnected] follows with 1006, or with the code of the side that has closed before. There is
    /// no reconnecting.
    #[func]
    fn abort(&self) {
        if let Some(core) = self.core() {
            core.abort();
        }
    }

    /// Ends the present wait of [member reconnect] and connects now, for example when the user presses a button or the
    /// network is back. Does nothing while connecting or connected. Returns [constant ERR_UNCONFIGURED] if there is no
    /// session to reconnect.
    #[func]
    fn reconnect_now(&self) -> Error {
        self.run(|core| core.reconnect_now())
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

    /// Queues a text message. Never blocks. Before the connection is established, messages wait in order. Messages that
    /// a handler or a coroutine sends in a row leave together.
    /// [br][br]Returns [constant ERR_OUT_OF_MEMORY] if [member max_pending_bytes] would be exceeded, or
    /// [member max_offline_bytes] while the connection is lost ([constant ERR_UNAVAILABLE] if that is 0);
    /// [constant ERR_UNCONFIGURED] before [method connect_to_url], [constant ERR_UNAVAILABLE] after [method close], and
    /// the error of the connection's end after that.
    /// [br][br]Delivery is at most once: what was handed to the system when a connection breaks may or may not have
    /// arrived, and is not sent again. See also [method get_unsent_bytes].
    #[func]
    fn send_text(&self, message: GString) -> Error {
        self.run(|core| core.send(Outgoing::Text(&utf8(&message))))
    }

    /// Queues a binary message, like [method send_text].
    #[func]
    fn send_binary(&self, data: PackedByteArray) -> Error {
        self.run(|core| core.send(Outgoing::Binary(data.as_slice())))
    }

    /// Queues UTF-8 bytes as a text message, unchanged: for text that a [String] cannot hold. Returns
    /// [constant ERR_INVALID_DATA] if they are not valid UTF-8; otherwise like [method send_text].
    #[func]
    fn send_text_data(&self, utf8: PackedByteArray) -> Error {
        self.run(|core| match str::from_utf8(utf8.as_slice()) {
            Ok(text) => core.send(Outgoing::Text(text)),
            Err(error) => core.refuse(Error::ERR_INVALID_DATA, "send_text_data", error),
        })
    }

    /// Sends a ping with a payload of at most 125 bytes; its answer sets [method get_latency]. Returns
    /// [constant ERR_INVALID_PARAMETER] for a longer payload, and [constant ERR_UNAVAILABLE] while the client connects
    /// or waits to reconnect; otherwise like [method send_text].
    #[func]
    fn ping(&self, #[opt(default = &PackedByteArray::new())] payload: PackedByteArray) -> Error {
        self.run(|core| core.ping(payload.as_slice()))
    }

    /// Awaitable: [code][OK][/code] once everything that was sent before has been handed to the system, or
    /// [code][error][/code]: [constant ERR_CONNECTION_ERROR] or [constant ERR_FILE_EOF] if the connection ended first.
    /// It does not mean that the server has received it.
    #[func]
    fn flush(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        let Some(core) = self.core() else {
            return result(Error::ERR_UNAVAILABLE).to_variant();
        };
        core.flush(timeout)
    }

    // Receiving -------------------------------------------------------------------------------------------------------

    /// Awaitable: [code][OK, message][/code], a [String] for a text message and a [PackedByteArray] for a binary one,
    /// or [code][error, ""][/code]. Messages received before the end of the connection can still be taken after it.
    /// [br][br][constant ERR_FILE_EOF] when the server closes in good order, [constant ERR_CONNECTION_ERROR] when the
    /// connection breaks, [constant ERR_UNAVAILABLE] when this side closes, and the error of the attempt when
    /// connecting fails for good. With [member reconnect], a receive that is pending when the connection ends fails
    /// too, since an answer that it waits for may never come; the next receive waits for the next connection. [constant
    /// ERR_TIMEOUT] if [param timeout] passes first. Refused with [constant ERR_UNAVAILABLE] while [member
    /// emit_messages] is on.
    #[func]
    fn recv(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        self.receive("recv", Want::Any, timeout)
    }

    /// Awaitable: [code][OK, String][/code] with the next message if it is text, [code][ERR_INVALID_DATA, ""][/code] if
    /// it is binary (it stays for the next receive), or [code][error, ""][/code] like [method recv]. With [member
    /// text_as_data], the text is a [PackedByteArray].
    #[func]
    fn recv_text(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        self.receive("recv_text", Want::Text, timeout)
    }

    /// Awaitable: [code][OK, PackedByteArray][/code] with the next message if it is binary,
    /// [code][ERR_INVALID_DATA, PackedByteArray()][/code] if it is text (it stays for the next receive), or
    /// [code][error, PackedByteArray()][/code] like [method recv].
    #[func]
    fn recv_binary(&self, #[opt(default = -1.0)] timeout: f64) -> Variant {
        self.receive("recv_binary", Want::Binary, timeout)
    }

    // State -----------------------------------------------------------------------------------------------------------

    /// The state of the connection. While the client waits to reconnect it is [constant STATE_CONNECTING].
    #[func]
    fn get_ready_state(&self) -> EnumValue<ReadyState> {
        self.state().ready_state().into()
    }

    /// Whether the connection is lost and will be made again, or the first attempt has failed and another one will
    /// follow.
    #[func]
    fn is_reconnecting(&self) -> bool {
        self.state().session.borrow().is_reconnecting()
    }

    /// Number of the attempt to reconnect that is in flight or waits, counted as in [signal reconnecting]; 0 unless
    /// [method is_reconnecting].
    #[func]
    fn get_reconnect_attempt(&self) -> i64 {
        self.state().session.borrow().reconnect_attempt().into()
    }

    /// Time until the next attempt to reconnect, in seconds; 0 if none waits.
    #[func]
    fn get_reconnect_time_left(&self) -> f64 {
        self.state().session.borrow().reconnect_time_left().as_secs_f64()
    }

    /// The subprotocol that the server selected of [member supported_protocols]; empty if none.
    #[func]
    fn get_selected_protocol(&self) -> GString {
        self.of_connection(|established| GString::from(&established.protocol))
    }

    /// The URL of [method connect_to_url], without user and password, or the one a redirect has led to. Empty before
    /// the first call.
    #[func]
    fn get_requested_url(&self) -> GString {
        let session = self.state().session.borrow();
        let asked = session.target.as_ref().map(|target| target.url.to_string());
        let url = session.established.as_ref().map(|established| established.url.clone());
        GString::from(&url.or(asked).unwrap_or_default())
    }

    /// The code with which the last connection ended, see [signal disconnected]; -1 while there is none.
    #[func]
    fn get_close_code(&self) -> i64 {
        let session = self.state().session.borrow();
        session.close.as_ref().map_or(-1, |how| how.code.get().into())
    }

    /// The reason with which the last connection ended; empty if there is none.
    #[func]
    fn get_close_reason(&self) -> GString {
        let session = self.state().session.borrow();
        session
            .close
            .as_ref()
            .map_or_else(GString::new, |how| GString::from(&how.reason))
    }

    /// The round-trip time of the last answered ping of this connection, in milliseconds; -1 before the first. Pings
    /// are sent by [member heartbeat_interval] and [method ping].
    #[func]
    fn get_latency(&self) -> f64 {
        let latency = self.state().with_connection(Connection::latency).flatten();
        latency.map_or(-1.0, |latency| latency.as_secs_f64() * 1000.0)
    }

    /// The IP address of the server; empty before the connection is established.
    #[func]
    fn get_connected_host(&self) -> GString {
        self.of_connection(|established| GString::from(&established.endpoints.peer.ip().to_string()))
    }

    /// The port of the server; 0 before the connection is established.
    #[func]
    fn get_connected_port(&self) -> i64 {
        self.of_connection(|established| established.endpoints.peer.port().into())
    }

    /// The local port; 0 before the connection is established.
    #[func]
    fn get_local_port(&self) -> i64 {
        self.of_connection(|established| established.endpoints.local.port().into())
    }

    /// Whether the connection uses TLS.
    #[func]
    fn is_tls(&self) -> bool {
        self.of_connection(|established| established.tls.is_some())
    }

    /// The HTTP status of the response to the last opening handshake: 101 if it succeeded, otherwise for example 401 or
    /// 503; 0 if there was no response, or none yet.
    #[func]
    fn get_response_status(&self) -> i64 {
        let session = self.state().session.borrow();
        session.response.as_ref().map_or(0, |(status, _)| (*status).into())
    }

    /// The headers of the response to the last opening handshake, by lower-case name.
    #[func]
    fn get_response_headers(&self) -> VarDictionary {
        let session = self.state().session.borrow();
        session
            .response
            .as_ref()
            .map_or_else(VarDictionary::new, |(_, lines)| headers(lines))
    }

    /// The value of a header of the response to the last opening handshake, whose name may be in any case; empty if
    /// there is none. See also [method get_response_headers].
    #[func]
    fn get_response_header(&self, name: GString) -> GString {
        header(&self.get_response_headers(), &name)
    }

    /// Number of bytes that were accepted for sending and not yet handed to the system.
    #[func]
    fn get_pending_bytes(&self) -> i64 {
        int(self.state().pending_bytes())
    }

    /// Number of messages that can be received without waiting.
    #[func]
    fn get_available_message_count(&self) -> i64 {
        int(self.state().available())
    }

    /// Number of bytes that were accepted for sending and never handed to the system before the last connection ended:
    /// these messages are lost. 0 while the connection is established.
    #[func]
    fn get_unsent_bytes(&self) -> i64 {
        int(self.state().session.borrow().unsent)
    }

    /// A number that identifies the present connection or attempt within this process; 0 if there was none. Every
    /// connection and every attempt has its own.
    #[func]
    fn get_id(&self) -> i64 {
        self.open_id()
    }

    /// The last error in words; empty if there was none.
    #[func]
    fn get_last_error_message(&self) -> GString {
        self.last_error()
    }
}

impl WebSocketClient {
    fn receive(&self, method: &str, want: Want, timeout: f64) -> Variant {
        match self.core() {
            Some(core) => core.receive(method, want, timeout),
            None => failure(want, Error::ERR_UNAVAILABLE).to_variant(),
        }
    }

    /// What is known of the last established connection.
    fn of_connection<T: Default>(&self, read: impl FnOnce(&Established) -> T) -> T {
        self.state()
            .session
            .borrow()
            .established
            .as_ref()
            .map(read)
            .unwrap_or_default()
    }
}
