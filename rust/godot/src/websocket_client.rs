//! The class `WebSocketClient`: its documentation, properties, constants and signals. The methods are in
//! [`operations`].

use std::rc::Rc;
use std::time::Duration;

use async_sockets_net::websocket::opening_request::RequestHeader;
use async_sockets_net::websocket::options::Subprotocol;
use godot::builtin::{GString, PackedByteArray, PackedInt32Array, PackedStringArray};
use godot::classes::{IRefCounted, RefCounted};
use godot::global::Error;
use godot::meta::shape::EnumeratorShape;
use godot::obj::Base;
use godot::register::info::PropertyInfo;
use godot::register::property::PhantomVar;
use godot::register::{GodotClass, godot_api};

use crate::class::{SocketClass, show_property};
use crate::class_enum::ClassEnum;
use crate::convert::int;
use crate::guard::State;
use crate::time;
use core::ClientCore;

mod connect;
pub(crate) mod core;
mod events;
mod inbox;
mod messages;
mod operations;
mod outbox;
pub(crate) mod packets;
mod session;
mod settings;
mod turn;

/// Range of a wait before reconnecting, in seconds.
const DELAYS: std::ops::RangeInclusive<f64> = 0.001..=86_400.0;

/// The state of a client. The numbers are those of WebSocketPeer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadyState {
    Connecting = 0,
    Open = 1,
    Closing = 2,
    Closed = 3,
}

impl ClassEnum for ReadyState {
    type Class = WebSocketClient;

    const NAME: &'static str = "WebSocketClient.State";

    const CONSTANTS: &'static [EnumeratorShape] = &[
        EnumeratorShape::new_int("STATE_CONNECTING", Self::Connecting as i64),
        EnumeratorShape::new_int("STATE_OPEN", Self::Open as i64),
        EnumeratorShape::new_int("STATE_CLOSING", Self::Closing as i64),
        EnumeratorShape::new_int("STATE_CLOSED", Self::Closed as i64),
    ];

    fn number(self) -> i32 {
        self as i32
    }
}

/// A WebSocket client (RFC 6455) whose operations can be awaited, and which can reconnect by itself.
///
/// ```gdscript
/// var ws := WebSocketClient.new()
/// ws.reconnect = true
/// var _error := ws.connect_to_url("wss://example.org/game")
/// var connected: Array = await ws.wait_connected()
/// if connected[0] == OK:
///     _error = ws.send_text("hello")
///     var answer: Array = await ws.recv()   # [OK, String or PackedByteArray]
///     print(answer[1])
/// ```
/// An awaitable method returns an [Array] whose first element is an [enum Error]: immediately if the result is
/// available, otherwise through a signal; [code]await[/code] takes both. Pending operations of one kind are served
/// first in, first out. All network work is done in the background. Use this class on the main thread only.
/// [br][br]Messages are taken by the receiving methods, or emitted by signals if [member emit_messages] is on.
/// [br][br]Whatever happens, the outcome is told: every established connection ends with [signal disconnected], and
/// every attempt with [signal connected], [signal connect_failed], or [signal disconnected] if this side ended it. With
/// [member reconnect], [signal reconnecting] or [signal gave_up] follows. The state changes first, then pending
/// operations are resolved, then the signals are emitted.
/// [br][br]Dropping the last reference closes the connection with 1001 (going away), without a signal: what was sent
/// before has one second to leave.
/// [br][br]A [param timeout] is in seconds. 0 sets no limit, and -1, the default, uses [member timeout]. Any other
/// negative value is refused with [constant ERR_INVALID_PARAMETER].
/// [br][br]Web exports have no native libraries, and a script that names this class does not load there: see
/// [code]WebSocketLink[/code] in [code]addons/async_sockets/websocket_link.gd[/code].
#[derive(GodotClass)]
#[class(base = RefCounted, init, tool)]
pub(crate) struct WebSocketClient {
    #[init(val = State::new(Rc::default()))]
    core: State<ClientCore>,

    /// Time limit of an operation whose [param timeout] is omitted (-1), in seconds. Default: 0, which sets no limit.
    /// Range: 0 or more.
    #[var(get = get_timeout, set = set_timeout)]
    timeout: PhantomVar<f64>,
    /// Time limit of an attempt to connect, in seconds: name lookup, TCP, TLS and the opening handshake together,
    /// redirects included. Default: 10. Range: 0 or more; 0 sets no limit. Read by every attempt.
    #[var(get = get_handshake_timeout, set = set_handshake_timeout)]
    handshake_timeout: PhantomVar<f64>,
    /// Time limit of a closing handshake, in seconds; then the connection is cut. Default: 3. Range: 0 or more; 0 sets
    /// no limit. Messages that are still queued are part of it. Read by every attempt.
    #[var(get = get_close_timeout, set = set_close_timeout)]
    close_timeout: PhantomVar<f64>,
    /// Time between pings, in seconds. A server that sends nothing at all until the next ping counts as gone: the
    /// connection ends with 1006. So a pulled cable is noticed after one to two intervals. Default: 15. Range: 0 or
    /// more; 0 disables pings. Read by every attempt.
    #[var(get = get_heartbeat_interval, set = set_heartbeat_interval)]
    heartbeat_interval: PhantomVar<f64>,
    /// Maximum size of a message from the server, in bytes; a larger one ends the connection with 1009. Default:
    /// 16777216 (16 MiB). Range: 1 to 2147483647. Read by every attempt.
    #[var(get = get_max_message_size, set = set_max_message_size)]
    max_message_size: PhantomVar<i64>,
    /// Maximum number of bytes that are queued for sending. A message beyond it is refused with [constant
    /// ERR_OUT_OF_MEMORY]. Default: 16777216 (16 MiB). Range: 1 to 2147483647. Takes effect at once.
    #[var(get = get_max_pending_bytes, set = set_max_pending_bytes)]
    max_pending_bytes: PhantomVar<i64>,
    /// Maximum number of received bytes that are buffered; when the buffer is full, the server is slowed down. A single
    /// message may be larger. Default: 1048576 (1 MiB). Range: 1 to 2147483647. Read by every attempt.
    #[var(get = get_max_buffered_bytes, set = set_max_buffered_bytes)]
    max_buffered_bytes: PhantomVar<i64>,
    /// Maximum number of redirects (status 301, 302, 303, 307, 308) that an attempt follows, never from wss to ws.
    /// User, password, [code]Authorization[/code] and [code]Cookie[/code] are not sent to another host or port.
    /// Default: 0, which treats a redirect as a failure. Range: 0 to 20. Read by every attempt.
    #[var(get = get_max_redirects, set = set_max_redirects)]
    max_redirects: PhantomVar<i64>,
    /// Subprotocols to offer, in order of preference; see [method get_selected_protocol]. Default: empty. If an entry
    /// is not a valid name, the property keeps its value. Read by every attempt.
    #[var(get = get_supported_protocols, set = set_supported_protocols)]
    supported_protocols: PhantomVar<PackedStringArray>,
    /// Additional headers of the request, each as [code]"Name: value"[/code], such as [code]"Authorization: Bearer
    /// ..."[/code]. Default: empty. If an entry is invalid or belongs to the handshake itself, the property keeps its
    /// value. Read by every attempt.
    #[var(get = get_handshake_headers, set = set_handshake_headers)]
    handshake_headers: PhantomVar<PackedStringArray>,
    /// Whether small messages are sent immediately, without Nagle's algorithm. Default: [code]true[/code]. Read by
    /// every attempt.
    #[var(get = get_no_delay, set = set_no_delay)]
    no_delay: PhantomVar<bool>,
    /// Whether text messages are given as UTF-8 bytes, unchanged: by [signal text_data_received] instead of [signal
    /// message_received], and by the receiving methods. Default: [code]false[/code]: U+0000, which a [String] cannot
    /// contain, arrives as U+FFFD. Takes effect at once.
    #[var(get = get_text_as_data, set = set_text_as_data)]
    text_as_data: PhantomVar<bool>,
    /// Whether received messages are emitted by [signal message_received] and [signal data_received]. Default:
    /// [code]false[/code]. When [code]true[/code], the receiving methods are refused with [constant ERR_UNAVAILABLE].
    #[var(get = get_emit_messages, set = set_emit_messages)]
    emit_messages: PhantomVar<bool>,
    /// Whether events are handled once per frame, before the nodes' [code]_process[/code]. Default: [code]true[/code].
    /// When [code]false[/code], call [method process].
    #[var(get = get_auto_process, set = set_auto_process)]
    auto_process: PhantomVar<bool>,
    /// Whether a connection that was lost, or an attempt that has failed, is followed by another attempt. Default:
    /// [code]false[/code]. Takes effect at once; switched off while the client waits to reconnect, it ends the session
    /// with [signal gave_up]. There is no other attempt after [method close] and [method abort], after the close codes
    /// that [member reconnect_on_codes] excludes, and after a failure that would only repeat itself: an HTTP status
    /// other than 408, 425, 429 and 5xx, a wrong answer to the handshake, or a certificate that is not trusted. [signal
    /// gave_up] is emitted then.
    #[var(get = get_reconnect, set = set_reconnect)]
    reconnect: PhantomVar<bool>,
    /// Shortest wait before an attempt to reconnect, in seconds. The wait is random between this and an upper limit
    /// that doubles with every attempt: 1, 2, 4, ... s by default (full jitter), so that the clients of a restarted
    /// server do not all come at once. A connection that lasted less than 5 s does not end the series. Default: 0.5.
    /// Range: 0.001 to 86400. Read by [method connect_to_url].
    #[var(get = get_reconnect_min_delay, set = set_reconnect_min_delay)]
    reconnect_min_delay: PhantomVar<f64>,
    /// Longest wait before an attempt to reconnect, in seconds; a [code]Retry-After[/code] of the server counts up to
    /// it too. A value below [member reconnect_min_delay] counts as that. Default: 30. Range: 0.001 to 86400. Read by
    /// [method connect_to_url].
    #[var(get = get_reconnect_max_delay, set = set_reconnect_max_delay)]
    reconnect_max_delay: PhantomVar<f64>,
    /// Maximum number of attempts to reconnect in a row; then [signal gave_up] is emitted. A connection that lasts 5
    /// seconds ends the row. Default: 0, which sets no limit. Range: 0 to 2147483647. Read by [method connect_to_url].
    #[var(get = get_reconnect_max_attempts, set = set_reconnect_max_attempts)]
    reconnect_max_attempts: PhantomVar<i64>,
    /// Close codes, as [signal disconnected] gives them, after which the client reconnects: 1006 stands for a
    /// connection that broke, and has to be listed too. Default: empty, which stands for all but 1000 (normal), 1008
    /// (policy) and 4000 to 4999 (the application's own). If an entry is outside 1000 to 4999, the property keeps its
    /// value. Read by [method connect_to_url].
    #[var(get = get_reconnect_on_codes, set = set_reconnect_on_codes)]
    reconnect_on_codes: PhantomVar<PackedInt32Array>,
    /// Maximum number of bytes of messages that are kept while the connection is lost, and sent in order once it is
    /// established again; at most 32768 messages, or one for every 32 bytes of this if that is more. Default: 0:
    /// messages are refused meanwhile. Before the first connection [member max_pending_bytes] counts instead. Range: 0
    /// to 2147483647. Takes effect at once.
    #[var(get = get_max_offline_bytes, set = set_max_offline_bytes)]
    max_offline_bytes: PhantomVar<i64>,

    base: Base<RefCounted>,
}

impl SocketClass for WebSocketClient {
    type Core = ClientCore;

    fn state(&self) -> &State<ClientCore> {
        &self.core
    }
}

#[godot_api]
impl IRefCounted for WebSocketClient {
    fn on_validate_property(&self, property: &mut PropertyInfo) {
        show_property(property);
    }
}

#[godot_api]
impl WebSocketClient {
    /// An attempt to connect is in flight, or the client waits to reconnect.
    #[constant]
    #[cfg(false)]
    const STATE_CONNECTING: i32 = ReadyState::Connecting as i32;
    /// The connection is established.
    #[constant]
    #[cfg(false)]
    const STATE_OPEN: i32 = ReadyState::Open as i32;
    /// This side has closed, and the closing handshake is in flight.
    #[constant]
    #[cfg(false)]
    const STATE_CLOSING: i32 = ReadyState::Closing as i32;
    /// There is no connection.
    #[constant]
    #[cfg(false)]
    const STATE_CLOSED: i32 = ReadyState::Closed as i32;

    /// Emitted when the connection is established, also when it is after reconnecting. Never emitted inside
    /// [method connect_to_url], so it can be awaited after that call.
    #[signal]
    fn connected();
    /// Emitted when an attempt has failed. [param error] is [constant ERR_CANT_RESOLVE], [constant ERR_CANT_CONNECT],
    /// [constant ERR_TIMEOUT] (also for status 408), [constant ERR_UNAUTHORIZED] for a certificate that is not trusted
    /// and for status 401, 403 and 407, [constant ERR_DOES_NOT_EXIST] for status 404 and 410, [constant ERR_BUSY] for
    /// 429 and 503, [constant ERR_CONNECTION_ERROR] for any other status, and [constant ERR_INVALID_DATA] for an answer
    /// that is not a valid one to a WebSocket handshake. [method get_last_error_message] says it in words, and [method
    /// get_response_status] has the status.
    #[signal]
    fn connect_failed(error: Error);
    /// Emitted when an established connection is over, whichever side ended it, and when [method close] or [method
    /// abort] ends an attempt or the wait for the next one. [param code] is the code of the side that closed first:
    /// 1005 if it gave none, 1006 if the connection broke, 1002 if the server violated the protocol. [param reason] is
    /// what that side gave; for 1006 and 1002 it says in words what happened. [param clean] is [code]true[/code] if
    /// both sides sent a close frame. Messages that were received before are emitted before it. Not emitted while the
    /// engine quits.
    #[signal]
    fn disconnected(code: i64, reason: GString, clean: bool);
    /// Emitted when a text message was received, if [member emit_messages] is on.
    #[signal]
    fn message_received(message: GString);
    /// Emitted when a binary message was received, if [member emit_messages] is on.
    #[signal]
    fn data_received(data: PackedByteArray);
    /// Emitted when a text message was received, as UTF-8 bytes, if [member emit_messages] and [member text_as_data]
    /// are on.
    #[signal]
    fn text_data_received(data: PackedByteArray);
    /// Emitted after [signal disconnected] or [signal connect_failed] if there will be another attempt, in
    /// [param delay] seconds. [param attempt] counts the attempts from 1, since the last connection that lasted 5
    /// seconds.
    #[signal]
    fn reconnecting(attempt: i64, delay: f64);
    /// Emitted after [signal disconnected] or [signal connect_failed] if [member reconnect] is on and there will be no
    /// other attempt, and when it is switched off while the client waits. [param error] is that of the last attempt, or
    /// of the end of the connection. Not emitted if a handler of those signals has called [method connect_to_url].
    #[signal]
    fn gave_up(error: Error);

    // Properties ------------------------------------------------------------------------------------------------------

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
    fn get_handshake_timeout(&self) -> f64 {
        self.core.options(|options| time::seconds(options.handshake_timeout))
    }

    #[func]
    fn set_handshake_timeout(&self, seconds: f64) {
        if let Some(limit) = self.time("handshake_timeout", seconds) {
            self.core.change_options(|options| options.handshake_timeout = limit);
        }
    }

    #[func]
    fn get_close_timeout(&self) -> f64 {
        self.core.options(|options| time::seconds(options.close_timeout))
    }

    #[func]
    fn set_close_timeout(&self, seconds: f64) {
        if let Some(limit) = self.time("close_timeout", seconds) {
            self.core.change_options(|options| options.close_timeout = limit);
        }
    }

    #[func]
    fn get_heartbeat_interval(&self) -> f64 {
        self.core.options(|options| time::seconds(options.heartbeat_interval))
    }

    #[func]
    fn set_heartbeat_interval(&self, seconds: f64) {
        if let Some(limit) = self.time("heartbeat_interval", seconds) {
            self.core.change_options(|options| options.heartbeat_interval = limit);
        }
    }

    #[func]
    fn get_max_message_size(&self) -> i64 {
        self.core.options(|options| int(options.max_message_size))
    }

    #[func]
    fn set_max_message_size(&self, number: i64) {
        if let Some(bytes) = self.size("max_message_size", number, 1) {
            self.core.change_options(|options| options.max_message_size = bytes);
        }
    }

    #[func]
    fn get_max_pending_bytes(&self) -> i64 {
        self.core.options(|options| int(options.max_pending))
    }

    #[func]
    fn set_max_pending_bytes(&self, number: i64) {
        if let Some(bytes) = self.size("max_pending_bytes", number, 1) {
            self.core.change_options(|options| options.max_pending = bytes);
            self.core
                .with_connection(|connection| connection.set_max_pending(bytes));
        }
    }

    #[func]
    fn get_max_buffered_bytes(&self) -> i64 {
        self.core.options(|options| int(options.max_queued))
    }

    #[func]
    fn set_max_buffered_bytes(&self, number: i64) {
        if let Some(bytes) = self.size("max_buffered_bytes", number, 1) {
            self.core.set_max_queued(bytes);
        }
    }

    #[func]
    fn get_max_redirects(&self) -> i64 {
        self.core.options(|options| int(options.max_redirects))
    }

    #[func]
    fn set_max_redirects(&self, number: i64) {
        if let Some(redirects) = self.number("max_redirects", number, 0..=20) {
            self.core.change_options(|options| options.max_redirects = redirects);
        }
    }

    #[func]
    fn get_supported_protocols(&self) -> PackedStringArray {
        self.core.options(|options| {
            let names = options.protocols.iter();
            names.map(|name| GString::from(name.as_str())).collect()
        })
    }

    #[func]
    fn set_supported_protocols(&self, values: PackedStringArray) {
        let names = values.as_slice().iter();
        let parsed: Result<Vec<_>, _> = names.map(|name| Subprotocol::parse(&name.to_string())).collect();
        if let Some(protocols) = self.parsed("supported_protocols", parsed) {
            self.core.change_options(|options| options.protocols = protocols);
        }
    }

    #[func]
    fn get_handshake_headers(&self) -> PackedStringArray {
        self.core.options(|options| {
            let lines = options.headers.iter();
            lines
                .map(|line| GString::from(&format!("{}: {}", line.name(), line.value())))
                .collect()
        })
    }

    #[func]
    fn set_handshake_headers(&self, values: PackedStringArray) {
        let lines = values.as_slice().iter();
        let parsed: Result<Vec<_>, _> = lines.map(|line| RequestHeader::parse(&line.to_string())).collect();
        if let Some(headers) = self.parsed("handshake_headers", parsed) {
            self.core.change_options(|options| options.headers = headers);
        }
    }

    #[func]
    fn get_no_delay(&self) -> bool {
        self.core.options(|options| options.no_delay)
    }

    #[func]
    fn set_no_delay(&self, on: bool) {
        self.core.change_options(|options| options.no_delay = on);
    }

    #[func]
    fn get_text_as_data(&self) -> bool {
        self.core.settings.text_as_data.get()
    }

    #[func]
    fn set_text_as_data(&self, on: bool) {
        self.core.settings.text_as_data.set(on);
    }

    #[func]
    fn get_emit_messages(&self) -> bool {
        self.core.settings.emit_messages.get()
    }

    #[func]
    fn set_emit_messages(&self, on: bool) {
        if let Some(core) = self.core() {
            core.set_emit_messages(on);
        }
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
    fn get_reconnect(&self) -> bool {
        self.core.settings.reconnect.get()
    }

    #[func]
    fn set_reconnect(&self, on: bool) {
        if let Some(core) = self.core() {
            core.set_reconnect(on);
        }
    }

    #[func]
    fn get_reconnect_min_delay(&self) -> f64 {
        self.core.settings.when(|options| options.min_delay.as_secs_f64())
    }

    #[func]
    fn set_reconnect_min_delay(&self, seconds: f64) {
        if let Some(delay) = self.delay("reconnect_min_delay", seconds) {
            self.core.settings.change_when(|options| options.min_delay = delay);
        }
    }

    #[func]
    fn get_reconnect_max_delay(&self) -> f64 {
        self.core.settings.when(|options| options.max_delay.as_secs_f64())
    }

    #[func]
    fn set_reconnect_max_delay(&self, seconds: f64) {
        if let Some(delay) = self.delay("reconnect_max_delay", seconds) {
            self.core.settings.change_when(|options| options.max_delay = delay);
        }
    }

    #[func]
    fn get_reconnect_max_attempts(&self) -> i64 {
        self.core.settings.when(|options| options.max_attempts.into())
    }

    #[func]
    fn set_reconnect_max_attempts(&self, number: i64) {
        if let Some(attempts) = self.number("reconnect_max_attempts", number, 0..=i32::MAX.into()) {
            self.core
                .settings
                .change_when(|options| options.max_attempts = attempts);
        }
    }

    #[func]
    fn get_reconnect_on_codes(&self) -> PackedInt32Array {
        let numbers = |codes: &Vec<u16>| codes.iter().map(|&code| i32::from(code)).collect();
        self.core
            .settings
            .when(|options| options.on_codes.as_ref().map(numbers).unwrap_or_default())
    }

    #[func]
    fn set_reconnect_on_codes(&self, codes: PackedInt32Array) {
        let parsed: Option<Vec<u16>> = codes.as_slice().iter().map(|&code| close_code(code)).collect();
        match parsed {
            Some(codes) => {
                let codes = Some(codes).filter(|codes| !codes.is_empty());
                self.core.settings.change_when(|options| options.on_codes = codes);
            }
            None => {
                self.refuse("reconnect_on_codes", "a close code is a number from 1000 to 4999");
            }
        }
    }

    #[func]
    fn get_max_offline_bytes(&self) -> i64 {
        int(self.core.settings.max_offline.get())
    }

    #[func]
    fn set_max_offline_bytes(&self, number: i64) {
        if let Some(bytes) = self.size("max_offline_bytes", number, 0) {
            self.core.settings.max_offline.set(bytes);
        }
    }
}

impl WebSocketClient {
    /// A wait before reconnecting; any other number is refused.
    fn delay(&self, property: &str, seconds: f64) -> Option<Duration> {
        if DELAYS.contains(&seconds) {
            return Some(Duration::from_secs_f64(seconds));
        }
        let words = format_args!("{seconds} is outside {} to {} seconds", DELAYS.start(), DELAYS.end());
        self.refuse(property, words);
        None
    }
}

/// A close code as a script gives it.
fn close_code(code: i32) -> Option<u16> {
    u16::try_from(code).ok().filter(|code| (1000..5000).contains(code))
}
