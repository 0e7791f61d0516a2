@tool
class_name WebSocketLink
extends RefCounted
## A WebSocket client that can reconnect, whose operations can be awaited, and which works in a browser too.
##
## Where the library of Async Sockets is present, the connection is made by its class WebSocketClient, in the
## background. Elsewhere, as in a web export, it is made by the engine's [WebSocketPeer]. The script is the same:
## [codeblock]
## var link := WebSocketLink.new()
## link.reconnect = true
## link.connect_to_url("wss://example.org/game")
## if (await link.wait_connected() as Array)[0] == OK:
##     link.send_text("hello")
##     var answer := await link.recv_text() as Array   # [OK, "..."]
## [/codeblock]
## An awaitable method returns an [Array] whose first element is an [enum Error]: immediately if the result is
## available, otherwise through a signal; [code]await[/code] takes both. Pending operations of one kind are served
## first in, first out. An operation whose awaiting node was freed takes nothing: its message stays for the next
## receive. Use this class on the main thread only.
## [br][br]When something happens to the connection, the state changes first. Then pending operations are resolved, and
## then the signals are emitted. No signal is emitted inside a call of a method, except [method process].
## [br][br]A message is delivered at most once: one that was being sent when the connection was lost is not repeated.
## [br][br]A [param timeout_sec] is in seconds. 0 sets no limit, and -1, the default, uses [member timeout]. Any other
## negative value is refused with [constant ERR_INVALID_PARAMETER].
## [br][br][b]Note:[/b] The engine's client has limits of its own. It looks at the network once a frame. Outside of a
## browser, it drops messages that arrive in the same moment as the close frame behind them, and over TLS it cannot see
## the answer to a close frame of this side, so that any end of the connection counts as one. In a browser, it drops
## messages that do not fit into its buffer of twice [member max_message_size] (at least 4 MiB) or are more than 16384
## between two frames, and a tab in the background has few frames.

## The connection is established.
signal connected
## An attempt to connect failed: [constant ERR_CANT_CONNECT], [constant ERR_TIMEOUT] after [member handshake_timeout],
## or a more exact error where the cause is known. With [member reconnect], it is followed by [signal reconnecting] or
## [signal gave_up].
signal connect_failed(error: Error)
## An established connection is over, whichever side ended it; also emitted once after [method close] or [method abort]
## of a link that is still connecting. [param code] is the close code: 1005 if the close frame had none, 1006 if there
## was no close frame. [param clean] is whether the connection ended by close frames. With [member reconnect], it may
## be followed by [signal reconnecting] or [signal gave_up].
signal disconnected(code: int, reason: String, clean: bool)
## A text message was received, if [member emit_messages] is [code]true[/code].
signal message_received(message: String)
## A binary message was received, if [member emit_messages] is [code]true[/code].
signal data_received(data: PackedByteArray)
## Another attempt to connect will be made in [param delay] seconds. The first [param attempt] is 1; the count starts
## again after a connection that lasted for 5 seconds.
signal reconnecting(attempt: int, delay: float)
## The connection failed or was lost, and no further attempt will be made, because [member reconnect_max_attempts] are
## used up or [member reconnect] was switched off. [param error] is that of the last failure. Only emitted when
## reconnecting was wanted.
signal gave_up(error: Error)

## What makes the connection.
enum Backend {
	AUTO,  ## The library if it is present, otherwise the engine's [WebSocketPeer].
	ENGINE,  ## The engine's [WebSocketPeer], as in a browser.
}

## Connecting, or waiting for the next attempt to.
const STATE_CONNECTING := WebSocketPeer.STATE_CONNECTING
## The connection is established.
const STATE_OPEN := WebSocketPeer.STATE_OPEN
## This side is closing.
const STATE_CLOSING := WebSocketPeer.STATE_CLOSING
## There is no connection, and none is being made.
const STATE_CLOSED := WebSocketPeer.STATE_CLOSED

const _EngineBackend := preload("websocket_link/engine_backend.gd")
const _LinkBackend := preload("websocket_link/backend.gd")
const _NativeBackend := preload("websocket_link/native_backend.gd")
const _Settings := preload("websocket_link/settings.gd")

const _MAX_REASON_BYTES := 123
const _NORMAL_CLOSURE := 1000
const _FIRST_FREE_CODE := 3000
const _LAST_FREE_CODE := 4999
## The engine rounds the size of its buffers up to a power of two.
const _MAX_MESSAGE_SIZE := 0x3fffffff
const _MAX_BYTES := 0x7fffffff

## What makes the connection. Default: [constant AUTO]. [constant ENGINE] lets you test without a browser what a
## browser will do. Can be set only while the link is closed.
var backend := Backend.AUTO:
	set(value):
		if get_ready_state() != STATE_CLOSED:
			_report("backend", "it can be set only while the link is closed")
		elif value != backend:
			backend = value
			_make_backend()

## Time limit of an operation whose [param timeout_sec] is omitted (-1), in seconds. Default: 0, which sets no limit.
## Range: 0 or more.
var timeout: float:
	get:
		return _settings.timeout
	set(value):
		if _is_time("timeout", value):
			_settings.timeout = value
			_backend.update(&"timeout")

## Subprotocols in order of preference, of which the server selects one. Default: empty. Read when connecting.
var supported_protocols: PackedStringArray:
	get:
		return _settings.supported_protocols
	set(value):
		_settings.supported_protocols = value
		_backend.update(&"supported_protocols")

## Additional headers of the opening handshake, each as [code]"Name: value"[/code]. Default: empty. Read when
## connecting. A browser does not send them.
var handshake_headers: PackedStringArray:
	get:
		return _settings.handshake_headers
	set(value):
		_settings.handshake_headers = value
		_backend.update(&"handshake_headers")

## Time limit of an attempt to connect, from the name lookup to the end of the opening handshake, in seconds. Default:
## 10. Range: 0 or more; 0 sets no limit. Read when connecting.
var handshake_timeout: float:
	get:
		return _settings.handshake_timeout
	set(value):
		if _is_time("handshake_timeout", value):
			_settings.handshake_timeout = value
			_backend.update(&"handshake_timeout")

## Time between two pings, in seconds. Default: 0, no pings. Range: 0 or more. A connection whose peer does not answer
## is ended with code 1006; without pings, a peer that vanished is noticed only when something is sent, if at all. A
## browser has no pings: set [member heartbeat_message] there. The engine's client in Godot 4.3 has none either.
var heartbeat_interval: float:
	get:
		return _settings.heartbeat_interval
	set(value):
		if _is_time("heartbeat_interval", value):
			_settings.heartbeat_interval = value
			_backend.update(&"heartbeat_interval")

## A text message that replaces the pings of [member heartbeat_interval] where the engine makes the connection; the
## library sends pings regardless. Default: empty, none. It is sent when nothing was received for one interval, and the
## server must answer it, with any message, within another one.
var heartbeat_message: String:
	get:
		return _settings.heartbeat_message
	set(value):
		_settings.heartbeat_message = value
		_backend.update(&"heartbeat_message")

## Maximum size of a received message, in bytes. Default: 16777216 (16 MiB). Range: 1 to 1073741823. A larger one ends
## the connection with code 1009. Read when connecting. The engine's client allocates twice that much.
var max_message_size: int:
	get:
		return _settings.max_message_size
	set(value):
		if _is_within("max_message_size", value, 1, _MAX_MESSAGE_SIZE):
			_settings.max_message_size = value
			_backend.update(&"max_message_size")

## Maximum number of bytes that are queued for sending. Default: 16777216 (16 MiB). Range: 1 to 2147483647. A message
## beyond it is refused with [constant ERR_OUT_OF_MEMORY].
var max_pending_bytes: int:
	get:
		return _settings.max_pending_bytes
	set(value):
		if _is_within("max_pending_bytes", value, 1, _MAX_BYTES):
			_settings.max_pending_bytes = value
			_backend.update(&"max_pending_bytes")

## Maximum number of bytes that are queued while a lost connection is made again. Default: 0: messages sent meanwhile
## are refused with [constant ERR_UNAVAILABLE]. Range: 0 to 2147483647. A message beyond the limit is refused with
## [constant ERR_OUT_OF_MEMORY]. Of those that were still queued when the connection was lost, the engine's backend
## keeps the first ones; the library's keeps none.
var max_offline_bytes: int:
	get:
		return _settings.max_offline_bytes
	set(value):
		if _is_within("max_offline_bytes", value, 0, _MAX_BYTES):
			_settings.max_offline_bytes = value
			_backend.update(&"max_offline_bytes")

## Whether events are handled once per frame, before the nodes' [code]_process[/code]. Default: [code]true[/code]. When
## [code]false[/code], call [method process].
var auto_process: bool:
	get:
		return _settings.auto_process
	set(value):
		_settings.auto_process = value
		_backend.update(&"auto_process")

## Whether received messages are emitted by [signal message_received] and [signal data_received]. Default:
## [code]false[/code]. When [code]true[/code], the receiving methods are refused with [constant ERR_UNAVAILABLE].
var emit_messages: bool:
	get:
		return _settings.emit_messages
	set(value):
		_settings.emit_messages = value
		_backend.update(&"emit_messages")

## Whether a connection that could not be established or was lost is made again. Default: [code]false[/code]. Never
## after [method close] or [method abort]. The library gives up at once after a failure that would only repeat itself,
## such as status 401; the engine's client does not tell those apart. Takes effect at once.
var reconnect: bool:
	get:
		return _settings.reconnect
	set(value):
		_settings.reconnect = value
		_backend.update(&"reconnect")

## How long to wait before an attempt to reconnect, in seconds. Default: 0.5. Range: 0 or more; the library takes 0.001
## to 86400. The delay is random, so that the clients of a restarted server do not all come at once, and its upper
## limit doubles with each attempt. With the library this is the shortest delay, and the first limit is twice as long;
## with the engine this is the first limit, and the delay is any time up to it.
var reconnect_min_delay: float:
	get:
		return _settings.reconnect_min_delay
	set(value):
		if _is_time("reconnect_min_delay", value):
			_settings.reconnect_min_delay = value
			_backend.update(&"reconnect_min_delay")

## Upper limit of the delay before any attempt to reconnect, in seconds. Default: 30. Range: 0 or more; the library
## takes 0.001 to 86400.
var reconnect_max_delay: float:
	get:
		return _settings.reconnect_max_delay
	set(value):
		if _is_time("reconnect_max_delay", value):
			_settings.reconnect_max_delay = value
			_backend.update(&"reconnect_max_delay")

## Number of attempts to reconnect after which the link gives up. Default: 0, which sets no limit. Range: 0 to
## 2147483647.
var reconnect_max_attempts: int:
	get:
		return _settings.reconnect_max_attempts
	set(value):
		if _is_within("reconnect_max_attempts", value, 0, _MAX_BYTES):
			_settings.reconnect_max_attempts = value
			_backend.update(&"reconnect_max_attempts")

## Close codes after which a lost connection is made again. Default: empty: after all codes but 1000, 1008 and 4000 to
## 4999.
var reconnect_on_codes: PackedInt32Array:
	get:
		return _settings.reconnect_on_codes
	set(value):
		_settings.reconnect_on_codes = value
		_backend.update(&"reconnect_on_codes")

var _settings := _Settings.new()
var _backend: _LinkBackend
## What was refused last, and the last error before it: another one since then is the newer one.
var _refusal := ""
var _words_before_refusal := ""


func _init() -> void:
	_make_backend()


func _notification(what: int) -> void:
	if what == NOTIFICATION_PREDELETE:
		_backend.release()


## Starts connecting to [param url], which begins with [code]ws://[/code] or [code]wss://[/code]. [param tls_options]
## are [code]TLSOptions.client()[/code] (the default for wss) or [code]TLSOptions.client_unsafe()[/code]; a browser
## ignores them. Messages can be sent at once, and wait for the connection. Returns [constant ERR_INVALID_PARAMETER]
## for an invalid URL or options, and [constant ERR_ALREADY_IN_USE] unless the link is closed.
func connect_to_url(url: String, tls_options: TLSOptions = null) -> Error:
	var scheme := url.get_slice("://", 0).to_lower()
	if not ["ws", "wss"].has(scheme) or not url.contains("://"):
		return _refuse("connect_to_url", "'%s' does not begin with ws:// or wss://" % url)
	if tls_options != null and tls_options.is_server():
		return _refuse("connect_to_url", "these are the TLS options of a server; take TLSOptions.client()")
	return _backend.connect_to_url(url, tls_options)


## Awaitable: [code][Error][/code], once the connection is established. With [member reconnect], failed attempts are
## not the end. The error is that of [signal connect_failed] or [signal gave_up], [constant ERR_UNCONFIGURED] before
## [method connect_to_url], and [constant ERR_UNAVAILABLE] once this side has closed.
func wait_connected(timeout_sec := -1.0) -> Variant:
	return (
		_backend.wait_connected(timeout_sec) if _is_timeout("wait_connected", timeout_sec) else [ERR_INVALID_PARAMETER]
	)


## Awaitable: [code][Error, message][/code], the next message: a [String], or a [PackedByteArray] for a binary one. An
## empty [String] in case of an error: [constant ERR_FILE_EOF] if the connection was closed by close frames,
## [constant ERR_CONNECTION_ERROR] if it was lost, [constant ERR_UNAVAILABLE] once this side has closed. Messages that
## came before the end are received first. While a lost connection is made again, a receive waits for the next message.
func recv(timeout_sec := -1.0) -> Variant:
	return _receive("recv", _LinkBackend.Kind.ANY, timeout_sec)


## Awaitable: [code][Error, String][/code], the next message. If it is binary: [constant ERR_INVALID_DATA], and the
## message stays for the next receive. Otherwise as [method recv].
func recv_text(timeout_sec := -1.0) -> Variant:
	return _receive("recv_text", _LinkBackend.Kind.TEXT, timeout_sec)


## Awaitable: [code][Error, PackedByteArray][/code], the next message. If it is text: [constant ERR_INVALID_DATA], and
## the message stays for the next receive. Otherwise as [method recv].
func recv_binary(timeout_sec := -1.0) -> Variant:
	return _receive("recv_binary", _LinkBackend.Kind.BINARY, timeout_sec)


## Awaitable: [code][Error][/code], once everything that was sent has been handed to the system.
func flush(timeout_sec := -1.0) -> Variant:
	return _backend.flush(timeout_sec) if _is_timeout("flush", timeout_sec) else [ERR_INVALID_PARAMETER]


## Closes like [method close]. Awaitable: [code][Error, code: int, reason: String][/code], once the connection is over:
## [constant OK] if the peer answered, [constant ERR_CONNECTION_ERROR] with code 1006 if it did not. Of a link that is
## closed already: [constant OK] and its last close code and reason.
func close_async(code := 1000, reason := "", timeout_sec := -1.0) -> Variant:
	if not _is_timeout("close_async", timeout_sec) or not _is_farewell("close_async", code, reason):
		return [ERR_INVALID_PARAMETER, -1, ""]
	return _backend.close_async(code, reason, timeout_sec)


## Queues a text message; never blocks. Returns [constant ERR_UNCONFIGURED] before [method connect_to_url],
## [constant ERR_UNAVAILABLE] once this side has closed, the error of the end after that, and [constant
## ERR_OUT_OF_MEMORY] beyond
## [member max_pending_bytes] or [member max_offline_bytes]; the message is not queued then.
func send_text(message: String) -> Error:
	return _backend.send_text(message)


## Queues a binary message. Otherwise as [method send_text].
func send_binary(data: PackedByteArray) -> Error:
	return _backend.send_binary(data)


## Closes the connection once everything that was sent before is handed over, and ends reconnecting. No message is
## delivered afterwards. [param code] is 1000, or 3000 to 4999, as a browser allows no other one; [param reason] has up
## to 123 bytes of UTF-8. An attempt to connect for which nothing was sent is dropped. No effect on a closed link.
func close(code := 1000, reason := "") -> void:
	if _is_farewell("close", code, reason):
		_backend.close(code, reason)


## Drops the connection, and what was sent and not handed over yet, and ends reconnecting. The peer sees a connection
## that is lost. No effect on a closed link.
func abort() -> void:
	_backend.abort()


## Makes the next attempt to reconnect now instead of after its delay. No effect unless the link is waiting for it.
func reconnect_now() -> void:
	_backend.reconnect_now()


## Handles what has happened. With a budget, it keeps handling what arrives for so many microseconds; in a browser,
## which delivers nothing meanwhile, it returns at once. Returns the number of events. Inside a handler it does
## nothing.
func process(budget_usec := 0) -> int:
	return _backend.process(maxi(budget_usec, 0))


## The same as [method process] without a budget.
func poll() -> void:
	@warning_ignore("return_value_discarded")
	_backend.process(0)


## Returns one of the [code]STATE_[/code] constants.
func get_ready_state() -> WebSocketPeer.State:
	return _backend.get_ready_state()


## Returns the subprotocol that the server selected; empty without one.
func get_selected_protocol() -> String:
	return _backend.get_selected_protocol()


## Returns the URL of the last [method connect_to_url].
func get_requested_url() -> String:
	return _backend.get_requested_url()


## Returns the close code of the last connection that ended, or -1 if none has since [method connect_to_url].
func get_close_code() -> int:
	return _backend.get_close_code()


## Returns the reason of the last connection that ended.
func get_close_reason() -> String:
	return _backend.get_close_reason()


## Returns the number of bytes that are queued for sending.
func get_pending_bytes() -> int:
	return _backend.get_pending_bytes()


## Returns the last error in words, for a log; empty without one.
func get_last_error_message() -> String:
	var words := _backend.get_last_error_message()
	return words if _refusal.is_empty() or words != _words_before_refusal else _refusal


## Returns whether the connection is made by the library, not by the engine.
func is_native() -> bool:
	return _backend is _NativeBackend


func _make_backend() -> void:
	if backend == Backend.AUTO and _NativeBackend.is_available():
		_backend = _NativeBackend.new(_settings)
	else:
		_backend = _EngineBackend.new(_settings)
	_backend.attach([connected, connect_failed, disconnected, message_received, data_received, reconnecting, gave_up])


func _receive(method: String, kind: _LinkBackend.Kind, timeout_sec: float) -> Variant:
	if not _is_timeout(method, timeout_sec):
		return _LinkBackend.failed_receive(kind, ERR_INVALID_PARAMETER)
	if emit_messages:
		var words := "no receive while emit_messages is on, as the messages come by the signals"
		return _LinkBackend.failed_receive(kind, _refuse(method, words, ERR_UNAVAILABLE))
	return _backend.receive(kind, timeout_sec)


#region Values from a script


func _refuse(member: String, words: String, error := ERR_INVALID_PARAMETER) -> Error:
	_report(member, words)
	return error


## Reports a mistake of the script.
func _report(member: String, words: String) -> void:
	_refusal = words
	_words_before_refusal = _backend.get_last_error_message()
	push_error("WebSocketLink.%s: %s" % [member, words])


func _is_time(property: String, seconds: float) -> bool:
	if seconds >= 0.0:
		return true
	_report(property, "%s is not a time; take seconds from 0, which sets no limit" % seconds)
	return false


func _is_timeout(method: String, seconds: float) -> bool:
	if seconds >= 0.0 or seconds == -1.0:
		return true
	_report(method, "%s is not a time; take seconds from 0, which sets no limit, or -1 for the default" % seconds)
	return false


func _is_within(property: String, value: int, low: int, high: int) -> bool:
	if value >= low and value <= high:
		return true
	_report(property, "%d is outside %d..%d" % [value, low, high])
	return false


## A browser can send only these close codes.
func _is_farewell(method: String, code: int, reason: String) -> bool:
	if code != _NORMAL_CLOSURE and (code < _FIRST_FREE_CODE or code > _LAST_FREE_CODE):
		_report(method, "the code %d cannot be sent; take 1000, or 3000 to 4999" % code)
	elif reason.to_utf8_buffer().size() > _MAX_REASON_BYTES:
		_report(method, "the reason has more than %d bytes" % _MAX_REASON_BYTES)
	else:
		return true
	return false

#endregion
