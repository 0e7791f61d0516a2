@tool
extends RefCounted
## The properties of a [WebSocketLink]: those of the library's class WebSocketClient, with the same defaults, ranges
## and rules, as far as the engine's [WebSocketPeer] can have them too. A value that is out of range is reported, and
## the property keeps the one it has.

## What makes the connection.
enum Backend {
	AUTO,  ## The library if it is present, otherwise the engine's [WebSocketPeer].
	ENGINE,  ## The engine's [WebSocketPeer], as in a browser.
}

const _EngineBackend := preload("engine_backend.gd")
const _LinkBackend := preload("backend.gd")
const _NativeBackend := preload("native_backend.gd")
const _Rules := preload("rules.gd")
const _Settings := preload("settings.gd")

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
## WebSocketLink.get_unsent_bytes].
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

## Whether text messages are given as UTF-8 bytes, unchanged: by [signal WebSocketLink.text_data_received] instead of
## [signal WebSocketLink.message_received], and by the receiving methods. Default: [code]false[/code]: U+0000, which a
## [String] cannot contain, arrives as U+FFFD. Takes effect at once.
var text_as_data: bool:
	get:
		return _settings.text_as_data
	set(value):
		_set_if("", &"text_as_data", value)

## Whether received messages are emitted by [signal WebSocketLink.message_received] and [signal
## WebSocketLink.data_received]. Default: [code]false[/code]. When [code]true[/code], the receiving methods are
## refused with [constant ERR_UNAVAILABLE].
var emit_messages: bool:
	get:
		return _settings.emit_messages
	set(value):
		_set_if("", &"emit_messages", value)

## Whether events are handled once per frame, before the nodes' [code]_process[/code]. Default: [code]true[/code].
## When [code]false[/code], call [method WebSocketLink.process].
var auto_process: bool:
	get:
		return _settings.auto_process
	set(value):
		_set_if("", &"auto_process", value)

## Whether a connection that was lost, or an attempt that has failed, is followed by another attempt. Default:
## [code]false[/code]. Takes effect at once; switched off while the link waits to reconnect, it ends the session with
## [signal WebSocketLink.gave_up]. There is no other attempt after [method WebSocketLink.close] and [method
## WebSocketLink.abort], nor after the close codes that [member reconnect_on_codes] excludes. The library does not
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
## 86400. Read by [method WebSocketLink.connect_to_url].
var reconnect_min_delay: float:
	get:
		return _settings.reconnect_min_delay
	set(value):
		_set_if(_Rules.of_delay(value), &"reconnect_min_delay", value)

## Longest wait before an attempt to reconnect, in seconds. A value below [member reconnect_min_delay] counts as that.
## Default: 30. Range: 0.001 to 86400. Read by [method WebSocketLink.connect_to_url]. The library also waits for as long
## as a [code]Retry-After[/code] of the server says, up to this; the engine does not give it.
var reconnect_max_delay: float:
	get:
		return _settings.reconnect_max_delay
	set(value):
		_set_if(_Rules.of_delay(value), &"reconnect_max_delay", value)

## Maximum number of attempts to reconnect in a row; then [signal WebSocketLink.gave_up] is emitted. A connection that
## lasts 5 seconds ends the row. Default: 0, which sets no limit. Range: 0 to 2147483647. Read by [method
## WebSocketLink.connect_to_url].
var reconnect_max_attempts: int:
	get:
		return _settings.reconnect_max_attempts
	set(value):
		_set_if(_Rules.of_number(value, 0), &"reconnect_max_attempts", value)

## Close codes, as [signal WebSocketLink.disconnected] gives them, after which the link reconnects: 1006 stands for a
## connection that broke, and has to be listed too. Default: empty, which stands for all but 1000 (normal), 1008
## (policy) and 4000 to 4999 (the application's own). If an entry is outside 1000 to 4999, the property keeps its
## value. Read by [method WebSocketLink.connect_to_url].
var reconnect_on_codes: PackedInt32Array:
	get:
		return _settings.reconnect_on_codes.duplicate()
	set(value):
		_set_if(_Rules.of_reconnect_codes(value), &"reconnect_on_codes", value.duplicate())

var _settings := _Settings.new()
var _backend: _LinkBackend


func _init() -> void:
	_make_backend()


# Returns the signals that a backend emits.
func _get_link_signals() -> Array[Signal]:
	return []


func _make_backend() -> void:
	var last := _backend
	if backend == Backend.AUTO and _NativeBackend.is_available():
		_backend = _NativeBackend.new(_settings)
	else:
		_backend = _EngineBackend.new(_settings)
	_backend.attach(_get_link_signals())
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
