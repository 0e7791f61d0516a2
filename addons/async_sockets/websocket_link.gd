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
## var _error := link.connect_to_url("wss://example.org/game")
## var connected: Array = await link.wait_connected()
## if connected[0] == OK:
##     _error = link.send_text("hello")
##     var answer: Array = await link.recv_text()   # [OK, "..."]
##     print(answer[1])
## [/codeblock]
## An awaitable method returns an [Array] whose first element is an [enum Error]: immediately if the result is
## available, otherwise through a signal; [code]await[/code] takes both. Pending operations of one kind are served
## first in, first out. An operation whose awaiting node was freed takes nothing: its message stays for the next
## receive. Use this class on the main thread only.
## [br][br]Whatever happens, the outcome is told: every established connection ends with [signal disconnected], and
## every attempt with [signal connected], [signal connect_failed], or [signal disconnected] if this side ended it.
## With [member reconnect], [signal reconnecting] or [signal gave_up] follows. The state changes first. Then pending
## operations are resolved, and then the signals are emitted. No signal is emitted inside a call of a method, except
## [method process].
## [br][br]A message is delivered at most once: one that was being sent when the connection was lost is not repeated.
## [br][br]Dropping the last reference closes the connection with 1001 (going away), without a signal: what was sent
## before has one second to leave.
## [br][br]A [param timeout] is in seconds. 0 sets no limit, and -1, the default, uses [member timeout]. Any other
## negative value is refused with [constant ERR_INVALID_PARAMETER].
## [br][br]Names, arguments, defaults and results are those of WebSocketClient. These members of it are missing,
## because neither [WebSocketPeer] nor a browser can have them: [code]max_redirects[/code] (no redirect is followed),
## [code]get_response_headers()[/code], [code]get_response_header()[/code] and [code]get_local_port()[/code].
## [br][br]Where the engine makes the connection, this is different:
## [br]- The cause of a failed attempt is not known. The error is [constant ERR_CANT_CONNECT] or [constant
## ERR_TIMEOUT], and [method get_response_status] is 0, also after a 401. With [member reconnect], the link tries
## again.
## [br]- The cause of a lost connection is not known: the reason with 1006 has other words. Which violations of the
## protocol are noticed, and in which words, is up to the engine or the browser.
## [br]- It looks at the network once a frame. Outside of a browser, it drops messages that arrive in the same moment
## as the close frame behind them, and over TLS it cannot see the answer to a close frame of this side, so that any
## end of the connection counts as one.
## [br]- [method get_unsent_bytes] counts what the engine had not sent at the last look, with the frames around it,
## and [method flush] waits until the engine holds nothing at all.
## [br][br]And in a browser, in addition:
## [br]- [member handshake_headers] and the user and password of a URL are not sent, TLS options have no effect, and
## [method get_connected_host] and [method get_connected_port] tell nothing.
## [br]- There are no pings: set [member heartbeat_message].
## [br]- A browser sends no close codes but 1000 and 3000 to 4999. Where this side closes with another one, 1000 is
## sent and told; after [method abort], and for a message that is too large, the server gets 3001.
## [br]- Messages that do not fit into a buffer of twice [member max_message_size] (at least 4 MiB), or are more than
## 16384 between two frames, are dropped, and a tab in the background has few frames.

## The connection is established, also when it is after reconnecting.
signal connected
## An attempt to connect has failed. With the library, [param error] is that of WebSocketClient, such as [constant
## ERR_CANT_RESOLVE] or [constant ERR_UNAUTHORIZED]. With the engine, it is [constant ERR_CANT_CONNECT], or [constant
## ERR_TIMEOUT] after [member handshake_timeout].
signal connect_failed(error: Error)
## An established connection is over, whichever side ended it; also emitted when [method close] or [method abort] ends
## an attempt or the wait for the next one. [param code] is the code of the side that closed first: 1005 if it gave
## none, 1006 if the connection broke. [param clean] is whether both sides sent a close frame. Messages that were
## received before are emitted before it.
signal disconnected(code: int, reason: String, clean: bool)
## A text message was received, if [member emit_messages] is on.
signal message_received(message: String)
## A binary message was received, if [member emit_messages] is on.
signal data_received(data: PackedByteArray)
## A text message was received, as UTF-8 bytes, if [member emit_messages] and [member text_as_data] are on.
signal text_data_received(data: PackedByteArray)
## Emitted after [signal disconnected] or [signal connect_failed] if there will be another attempt, in [param delay]
## seconds. [param attempt] counts the attempts from 1, since the last connection that lasted 5 seconds.
signal reconnecting(attempt: int, delay: float)
## Emitted after [signal disconnected] or [signal connect_failed] if [member reconnect] is on and there will be no
## other attempt, and when it is switched off while the link waits. [param error] is that of the last attempt, or of
## the end of the connection; [method get_last_error_message] says it in words.
signal gave_up(error: Error)

## What makes the connection.
enum Backend {
	AUTO,  ## The library if it is present, otherwise the engine's [WebSocketPeer].
	ENGINE,  ## The engine's [WebSocketPeer], as in a browser.
}

## An attempt to connect is in flight, or the link waits to reconnect.
const STATE_CONNECTING := WebSocketPeer.STATE_CONNECTING
## The connection is established.
const STATE_OPEN := WebSocketPeer.STATE_OPEN
## This side has closed, and the closing handshake is in flight.
const STATE_CLOSING := WebSocketPeer.STATE_CLOSING
## There is no connection, and none is being made.
const STATE_CLOSED := WebSocketPeer.STATE_CLOSED

const _EngineBackend := preload("websocket_link/engine_backend.gd")
const _LinkBackend := preload("websocket_link/backend.gd")
const _NativeBackend := preload("websocket_link/native_backend.gd")
const _Rules := preload("websocket_link/rules.gd")
const _Settings := preload("websocket_link/settings.gd")

## What makes the connection. Default: [constant AUTO]. [constant ENGINE] lets you test without a browser what a
## browser will do. Can be set only while the link is closed.
var backend := Backend.AUTO:
	set(value):
		if _backend.get_ready_state() != WebSocketPeer.STATE_CLOSED:
			_report("backend", "it can be set only while the link is closed")
		elif value != backend:
			backend = value
			_make_backend()

## Time limit of an operation whose [param timeout] is omitted (-1), in seconds. Default: 0, which sets no limit.
## Range: 0 or more.
var timeout: float:
	get:
		return _settings.timeout
	set(value):
		_set_if(_Rules.of_time(value), &"timeout", value)

## Subprotocols to offer, in order of preference, of which the server selects one. Default: empty. If an entry is not
## a valid name, the property keeps its value. Read by every attempt.
var supported_protocols: PackedStringArray:
	get:
		return _settings.supported_protocols.duplicate()
	set(value):
		_set_if(_Rules.of_protocols(value), &"supported_protocols", value.duplicate())

## Additional headers of the request, each as [code]"Name: value"[/code]. Default: empty. If an entry is invalid or
## belongs to the handshake itself, the property keeps its value. Read by every attempt. A browser does not send them,
## nor the user and password of a URL.
var handshake_headers: PackedStringArray:
	get:
		return _settings.handshake_headers.duplicate()
	set(value):
		_set_if(_Rules.of_headers(value), &"handshake_headers", value.duplicate())

## Time limit of an attempt to connect, from the name lookup to the end of the opening handshake, in seconds. Default:
## 10. Range: 0 or more; 0 sets no limit. Read by every attempt.
var handshake_timeout: float:
	get:
		return _settings.handshake_timeout
	set(value):
		_set_if(_Rules.of_time(value), &"handshake_timeout", value)

## Time limit of a closing handshake, in seconds; then the connection is cut. Default: 3. Range: 0 or more; 0 sets no
## limit. Messages that are still queued are part of it. Read by every attempt.
var close_timeout: float:
	get:
		return _settings.close_timeout
	set(value):
		_set_if(_Rules.of_time(value), &"close_timeout", value)

## Time between pings, in seconds. A server that does not answer until the next one counts as gone: the connection
## ends with 1006. Default: 15. Range: 0 or more; 0 disables pings. Read by every attempt.
## [br][br]A browser sends no pings, and a server that vanishes there without a word is noticed only when the browser
## itself gives up, minutes later: set [member heartbeat_message]. The engine's client in Godot 4.3 sends none either.
var heartbeat_interval: float:
	get:
		return _settings.heartbeat_interval
	set(value):
		_set_if(_Rules.of_time(value), &"heartbeat_interval", value)

## A text message that takes the place of the pings where the engine makes the connection; the library sends pings
## regardless. Default: empty, none. It is sent when nothing was received for one [member heartbeat_interval], and the
## server must answer it, with any message, within another one. Read by every attempt.
var heartbeat_message: String:
	get:
		return _settings.heartbeat_message
	set(value):
		_set_if("", &"heartbeat_message", value)

## Maximum size of a message from the server, in bytes; a larger one ends the connection with 1009. Default: 16777216
## (16 MiB). Range: 1 to 2147483647; the engine's client takes up to 1073741823. Read by every attempt. The engine's
## client allocates twice that much, and the server does not get the code from it.
var max_message_size: int:
	get:
		return _settings.max_message_size
	set(value):
		_set_if(_Rules.of_number(value, 1), &"max_message_size", value)

## Maximum number of bytes that are queued for sending. A message beyond it is refused with [constant
## ERR_OUT_OF_MEMORY]. Default: 16777216 (16 MiB). Range: 1 to 2147483647. Takes effect at once.
var max_pending_bytes: int:
	get:
		return _settings.max_pending_bytes
	set(value):
		_set_if(_Rules.of_number(value, 1), &"max_pending_bytes", value)

## Maximum number of received bytes that are buffered; when the buffer is full, the server is slowed down. A single
## message may be larger. Default: 1048576 (1 MiB). Range: 1 to 2147483647. Read by every attempt. The engine's client
## has a buffer of [member max_message_size] besides. A browser cannot slow the server down, and the limit has no
## effect there.
var max_buffered_bytes: int:
	get:
		return _settings.max_buffered_bytes
	set(value):
		_set_if(_Rules.of_number(value, 1), &"max_buffered_bytes", value)

## Maximum number of bytes of messages that are kept while the connection is lost, and sent in order once it is
## established again. Default: 0: messages are refused with [constant ERR_UNAVAILABLE] meanwhile. Range: 0 to
## 2147483647. Takes effect at once. What was queued when the connection was lost is not among them: see [method
## get_unsent_bytes].
var max_offline_bytes: int:
	get:
		return _settings.max_offline_bytes
	set(value):
		_set_if(_Rules.of_number(value, 0), &"max_offline_bytes", value)

## Whether small messages are sent immediately, without Nagle's algorithm. Default: [code]true[/code]. Read by every
## attempt. A browser decides that by itself.
var no_delay: bool:
	get:
		return _settings.no_delay
	set(value):
		_set_if("", &"no_delay", value)

## Whether text messages are given as UTF-8 bytes, unchanged: by [signal text_data_received] instead of
## [signal message_received], and by the receiving methods. Default: [code]false[/code]: U+0000, which a
## [String] cannot contain, arrives as U+FFFD. Takes effect at once.
var text_as_data: bool:
	get:
		return _settings.text_as_data
	set(value):
		_set_if("", &"text_as_data", value)

## Whether received messages are emitted by [signal message_received] and [signal
## data_received]. Default: [code]false[/code]. When [code]true[/code], the receiving methods are
## refused with [constant ERR_UNAVAILABLE].
var emit_messages: bool:
	get:
		return _settings.emit_messages
	set(value):
		_set_if("", &"emit_messages", value)

## Whether events are handled once per frame, before the nodes' [code]_process[/code]. Default: [code]true[/code].
## When [code]false[/code], call [method process].
var auto_process: bool:
	get:
		return _settings.auto_process
	set(value):
		_set_if("", &"auto_process", value)

## Whether a connection that was lost, or an attempt that has failed, is followed by another attempt. Default:
## [code]false[/code]. Takes effect at once; switched off while the link waits to reconnect, it ends the session with
## [signal gave_up]. There is no other attempt after [method close] and [method
## abort], nor after the close codes that [member reconnect_on_codes] excludes. The library does not
## repeat an attempt either whose failure would only repeat itself, such as status 401; the engine does not tell what
## the failure was, so that its client goes on.
var reconnect: bool:
	get:
		return _settings.reconnect
	set(value):
		_set_if("", &"reconnect", value)

## Shortest wait before an attempt to reconnect, in seconds. The wait is random between this and an upper limit that
## doubles with every attempt: 1, 2, 4, ... s by default (full jitter), so that the clients of a restarted server do
## not all come at once. A connection that lasted less than 5 s does not end the series. Default: 0.5. Range: 0.001 to
## 86400. Read by [method connect_to_url].
var reconnect_min_delay: float:
	get:
		return _settings.reconnect_min_delay
	set(value):
		_set_if(_Rules.of_delay(value), &"reconnect_min_delay", value)

## Longest wait before an attempt to reconnect, in seconds. A value below [member reconnect_min_delay] counts as that.
## Default: 30. Range: 0.001 to 86400. Read by [method connect_to_url]. The library also waits for as long
## as a [code]Retry-After[/code] of the server says, up to this; the engine does not give it.
var reconnect_max_delay: float:
	get:
		return _settings.reconnect_max_delay
	set(value):
		_set_if(_Rules.of_delay(value), &"reconnect_max_delay", value)

## Maximum number of attempts to reconnect in a row; then [signal gave_up] is emitted. A connection that
## lasts 5 seconds ends the row. Default: 0, which sets no limit. Range: 0 to 2147483647. Read by [method
## connect_to_url].
var reconnect_max_attempts: int:
	get:
		return _settings.reconnect_max_attempts
	set(value):
		_set_if(_Rules.of_number(value, 0), &"reconnect_max_attempts", value)

## Close codes, as [signal disconnected] gives them, after which the link reconnects: 1006 stands for a
## connection that broke, and has to be listed too. Default: empty, which stands for all but 1000 (normal), 1008
## (policy) and 4000 to 4999 (the application's own). If an entry is outside 1000 to 4999, the property keeps its
## value. Read by [method connect_to_url].
var reconnect_on_codes: PackedInt32Array:
	get:
		return _settings.reconnect_on_codes.duplicate()
	set(value):
		_set_if(_Rules.of_reconnect_codes(value), &"reconnect_on_codes", value.duplicate())

var _settings := _Settings.new()
var _backend: _LinkBackend


func _init() -> void:
	_make_backend()


func _notification(what: int) -> void:
	if what == NOTIFICATION_PREDELETE:
		_backend.release()


#region Connecting and closing


## Starts to connect to a URL such as [code]"wss://example.org/game?room=1"[/code]; [signal connected] or [signal
## connect_failed] follows. The sending and receiving methods may be called right away.
## [br][br]The scheme is [code]ws[/code] or [code]wss[/code]; the port is 80 or 443 by default. An IPv6 address stands
## in brackets. [code]user:password@[/code] before the host becomes basic authorization. A host name with other
## letters than ASCII must be given in its [code]xn--[/code] form.
## [br][br][param tls_options] are [code]TLSOptions.client()[/code] (the default for wss) or
## [code]TLSOptions.client_unsafe()[/code].
## [br][br]Returns [constant ERR_INVALID_PARAMETER] for an invalid URL or invalid options, and [constant
## ERR_ALREADY_IN_USE] while the link is connecting, connected or waiting to reconnect. While a closing handshake is
## in flight, the new connection takes the place of the old one. An end that was not told yet is told in the next
## frame, before anything of the new connection.
func connect_to_url(url: String, tls_options: TLSOptions = null) -> Error:
	if tls_options != null and tls_options.is_server():
		return _refuse("connect_to_url", "these are the TLS options of a server; take TLSOptions.client()")
	var error := _backend.connect_to_url(url, tls_options)
	if error == OK:
		_backend.forget_refusal()
	return error


## Awaitable: [code][OK][/code] once the connection is established, or [code][error][/code] once it is certain that it
## will not be. With [member reconnect], that takes until [signal gave_up]. The error is that of [signal
## connect_failed] or [signal gave_up], [constant ERR_UNCONFIGURED] before [method connect_to_url], and [constant
## ERR_UNAVAILABLE] once this side has closed.
@warning_ignore("shadowed_variable")
func wait_connected(timeout := -1.0) -> Variant:
	var wrong := _is_wrong("wait_connected", _Rules.of_timeout(timeout))
	return [ERR_INVALID_PARAMETER] if wrong else _backend.wait_connected(timeout)


## Closes the connection in good order: sends what was sent before, then [param code] (1000 to 1003, 1007 to 1014, or
## 3000 to 4999) and [param reason] (at most 123 bytes in UTF-8). [signal disconnected] follows, within [member
## close_timeout]. Messages that arrive after the call are dropped. There is no reconnecting.
## [br][br]An attempt to connect is given up, or the wait for the next one, unless messages are waiting for a running
## attempt: then they are sent first. An invalid code or reason is reported, and nothing is closed.
func close(code := 1000, reason := "") -> void:
	if not _is_wrong("close", _Rules.of_close(code, reason)):
		_backend.close(code, reason)


## Closes like [method close]. Awaitable: [code][OK, code, reason][/code] once the closing handshake is over. The code
## and the reason are those of [signal disconnected]. If the connection is over already, the result is available
## immediately.
## [br][br][constant ERR_CONNECTION_ERROR] if the connection broke first or the server did not answer, [constant
## ERR_TIMEOUT] if [param timeout] passed first ([member close_timeout] ends the connection in any case), [constant
## ERR_UNCONFIGURED] before the first connection. The code is -1 while it is unknown.
@warning_ignore("shadowed_variable")
func close_async(code := 1000, reason := "", timeout := -1.0) -> Variant:
	var wrong := _Rules.of_close(code, reason)
	if wrong.is_empty():
		wrong = _Rules.of_timeout(timeout)
	if _is_wrong("close_async", wrong):
		return [ERR_INVALID_PARAMETER, get_close_code(), get_close_reason()]
	return _backend.close_async(code, reason, timeout)


## Ends the connection immediately, or gives the attempt up. Messages that are not sent yet are dropped; [signal
## disconnected] follows with 1006, or with the code of the side that has closed before. There is no reconnecting.
func abort() -> void:
	_backend.abort()


## Ends the present wait of [member reconnect] and connects now, for example when the user presses a button or the
## network is back. Does nothing while connecting or connected. Returns [constant ERR_UNCONFIGURED] if there is no
## session to reconnect.
func reconnect_now() -> Error:
	return _backend.reconnect_now()


#endregion
#region Sending and receiving


## Queues a text message. Never blocks. Before the connection is established, messages wait in order.
## [br][br]Returns [constant ERR_OUT_OF_MEMORY] if [member max_pending_bytes] would be exceeded, or [member
## max_offline_bytes] while the connection is lost ([constant ERR_UNAVAILABLE] if that is 0); [constant
## ERR_UNCONFIGURED] before [method connect_to_url], [constant ERR_UNAVAILABLE] after [method close], and the error of
## the connection's end after that.
## [br][br]Delivery is at most once: what was handed to the system when a connection breaks may or may not have
## arrived, and is not sent again. See also [method get_unsent_bytes].
func send_text(message: String) -> Error:
	return _backend.send_text(message)


## Queues a binary message, like [method send_text].
func send_binary(data: PackedByteArray) -> Error:
	return _backend.send_binary(data)


## Queues UTF-8 bytes as a text message, unchanged: for text that a [String] cannot hold. Returns [constant
## ERR_INVALID_DATA] if they are not valid UTF-8; otherwise like [method send_text].
func send_text_data(utf8: PackedByteArray) -> Error:
	return _backend.send_text_data(utf8)


## Sends a ping with a payload of at most 125 bytes; its answer sets [method get_latency]. Returns [constant
## ERR_INVALID_PARAMETER] for a longer payload, and [constant ERR_UNAVAILABLE] while the link connects or waits to
## reconnect; otherwise like [method send_text].
## [br][br]Where the engine makes the connection, [member heartbeat_message] is sent instead, without the payload:
## [constant ERR_UNAVAILABLE] if it was empty when the connection was made.
func ping(payload := PackedByteArray()) -> Error:
	var wrong := _is_wrong("ping", _Rules.of_ping(payload))
	return ERR_INVALID_PARAMETER if wrong else _backend.ping(payload)


## Awaitable: [code][OK][/code] once everything that was sent before has been handed to the system, or
## [code][error][/code]: [constant ERR_CONNECTION_ERROR] or [constant ERR_FILE_EOF] if the connection ended first. It
## does not mean that the server has received it.
@warning_ignore("shadowed_variable")
func flush(timeout := -1.0) -> Variant:
	var wrong := _is_wrong("flush", _Rules.of_timeout(timeout))
	return [ERR_INVALID_PARAMETER] if wrong else _backend.flush(timeout)


## Awaitable: [code][OK, message][/code], a [String] for a text message and a [PackedByteArray] for a binary one, or
## [code][error, ""][/code]. Messages received before the end of the connection can still be taken after it.
## [br][br][constant ERR_FILE_EOF] when the server closes in good order, [constant ERR_CONNECTION_ERROR] when the
## connection breaks, [constant ERR_UNAVAILABLE] when this side closes, and the error of the attempt when connecting
## fails for good. With [member reconnect], a receive that is pending when the connection ends fails too, since an
## answer that it waits for may never come; the next receive waits for the next connection. [constant ERR_TIMEOUT] if
## [param timeout] passes first. Refused with [constant ERR_UNAVAILABLE] while [member emit_messages] is on.
@warning_ignore("shadowed_variable")
func recv(timeout := -1.0) -> Variant:
	return _receive("recv", _LinkBackend.Kind.ANY, timeout)


## Awaitable: [code][OK, String][/code] with the next message if it is text, [code][ERR_INVALID_DATA, ""][/code] if it
## is binary (it stays for the next receive), or [code][error, ""][/code] like [method recv]. With [member
## text_as_data], the text is a [PackedByteArray].
@warning_ignore("shadowed_variable")
func recv_text(timeout := -1.0) -> Variant:
	return _receive("recv_text", _LinkBackend.Kind.TEXT, timeout)


## Awaitable: [code][OK, PackedByteArray][/code] with the next message if it is binary, [code][ERR_INVALID_DATA,
## PackedByteArray()][/code] if it is text (it stays for the next receive), or [code][error, PackedByteArray()][/code]
## like [method recv].
@warning_ignore("shadowed_variable")
func recv_binary(timeout := -1.0) -> Variant:
	return _receive("recv_binary", _LinkBackend.Kind.BINARY, timeout)


#endregion
#region Processing


## Handles what has happened: emits signals and resolves what is awaited. Returns the number of events handled. With a
## budget in microseconds, it continues until that time has passed, and sleeps while there is nothing to do; in a
## browser, which delivers nothing meanwhile, it returns at once. Inside a handler it does nothing.
func process(budget_usec := 0) -> int:
	return _backend.process(maxi(budget_usec, 0))


## Calls [method process] without a budget. This is the name that the engine's classes use.
func poll() -> void:
	@warning_ignore("return_value_discarded")
	_backend.process(0)


#endregion
#region State


## Returns whether the connection is made by the library, not by the engine.
func is_native() -> bool:
	return _backend is _NativeBackend


## The state of the connection. While the link waits to reconnect it is [constant
## STATE_CONNECTING].
func get_ready_state() -> WebSocketPeer.State:
	return _backend.get_ready_state()


## Whether the connection is lost and will be made again, or the first attempt has failed and another one will follow.
func is_reconnecting() -> bool:
	return _backend.is_reconnecting()


## Number of the attempt to reconnect that is in flight or waits, counted as in [signal reconnecting]; 0 unless [method
## is_reconnecting].
func get_reconnect_attempt() -> int:
	return _backend.get_reconnect_attempt()


## Time until the next attempt to reconnect, in seconds; 0 if none waits.
func get_reconnect_time_left() -> float:
	return _backend.get_reconnect_time_left()


## The subprotocol that the server selected of [member supported_protocols]; empty if none.
func get_selected_protocol() -> String:
	return _backend.get_selected_protocol()


## The URL of [method connect_to_url] in its normal form, without user and password. Empty before the first call.
func get_requested_url() -> String:
	return _backend.get_requested_url()


## The code with which the last connection ended, see [signal disconnected]; -1 while there is none.
func get_close_code() -> int:
	return _backend.get_close_code()


## The reason with which the last connection ended; empty if there is none.
func get_close_reason() -> String:
	return _backend.get_close_reason()


## The round-trip time of the last answered ping of this connection, in milliseconds; -1 before the first. Pings are
## sent by [member heartbeat_interval] and [method ping]. Where the engine makes the connection, it is the time from a
## [member heartbeat_message] to the next message, whichever that is; -1 without one.
func get_latency() -> float:
	return _backend.get_latency()


## The IP address of the server; empty before the connection is established.
func get_connected_host() -> String:
	return _backend.get_connected_host()


## The port of the server; 0 before the connection is established.
func get_connected_port() -> int:
	return _backend.get_connected_port()


## Whether the connection uses TLS; [code]false[/code] before it is established.
func is_tls() -> bool:
	return _backend.is_tls()


## The HTTP status of the last response to an opening handshake: 101 if it succeeded, 0 if there was none. The library
## gives any status, for example 401 or 503. The engine tells none of a refusal: with it, the number is 0 from the start
## of each attempt until it succeeds.
func get_response_status() -> int:
	return _backend.get_response_status()


## Number of bytes that were accepted for sending and not yet handed to the system.
func get_pending_bytes() -> int:
	return _backend.get_pending_bytes()


## Number of messages that can be received without waiting.
func get_available_message_count() -> int:
	return _backend.get_available_message_count()


## Number of bytes that were accepted for sending and never handed to the system before the last connection ended:
## these messages are lost. 0 while the connection is established.
func get_unsent_bytes() -> int:
	return _backend.get_unsent_bytes()


## A number that identifies the present connection or attempt among those of the library, or among those of the
## engine; 0 if there was none. Every connection has its own.
func get_id() -> int:
	return _backend.get_id()


## The last error in words; empty if there was none.
func get_last_error_message() -> String:
	return _backend.get_last_words()


#endregion


func _receive(method: String, kind: _LinkBackend.Kind, seconds: float) -> Variant:
	if emit_messages:
		var words := "messages come by signals, as emit_messages is on"
		return _LinkBackend.failed_receive(kind, _refuse(method, words, ERR_UNAVAILABLE))
	if _is_wrong(method, _Rules.of_timeout(seconds)):
		return _LinkBackend.failed_receive(kind, ERR_INVALID_PARAMETER)
	return _backend.receive(kind, seconds)


func _refuse(member: String, words: String, error := ERR_INVALID_PARAMETER) -> Error:
	_report(member, words)
	return error


# Reports what is wrong, if there is anything.
func _is_wrong(method: String, words: String) -> bool:
	if not words.is_empty():
		_report(method, words)
	return not words.is_empty()


func _make_backend() -> void:
	var last := _backend
	if backend == Backend.AUTO and _NativeBackend.is_available():
		_backend = _NativeBackend.new(_settings)
	else:
		_backend = _EngineBackend.new(_settings)
	(
		_backend
		. attach(
			[
				connected,
				connect_failed,
				disconnected,
				message_received,
				data_received,
				text_data_received,
				reconnecting,
				gave_up,
			]
		)
	)
	if last != null:
		last.release()


# Sets a property unless there is something wrong with the value.
func _set_if(wrong: String, property: StringName, value: Variant) -> void:
	if not wrong.is_empty():
		_report(property, wrong)
		return
	_settings.set(property, value)
	_backend.update(property)


# Reports a mistake of the script.
func _report(member: String, words: String) -> void:
	_backend.note_refusal(words)
	push_error("WebSocketLink.%s: %s" % [member, words])
