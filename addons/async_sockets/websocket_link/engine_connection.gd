@tool
extends RefCounted
## A connection of the engine's [WebSocketPeer]: how it is set up, and what its states and numbers mean.

const Inbox := preload("inbox.gd")
const Outbox := preload("outbox.gd")
const Settings := preload("settings.gd")
const Url := preload("url.gd")

const ABNORMAL_CLOSURE := 1006
## The reason of an attempt that this side has ended.
const CLOSED_EARLY := "closed before the connection was established"
## The reason of a connection that the engine found lost, without a cause.
const LOST := "the connection ended without a close frame"

const _NORMAL_CLOSURE := 1000
const _NO_STATUS_RECEIVED := 1005
const _INVALID_TEXT := 1007
const _MESSAGE_TOO_BIG := 1009
const _FIRST_FREE_CODE := 3000
## The codes and reasons with which the engine itself fails a connection. It sends no reason, so that a peer which is
## the engine too does not look like this.
const _ENGINE_FAILURES := {
	1002: "Protocol error",
	_INVALID_TEXT: "Invalid frame payload data",
	_MESSAGE_TOO_BIG: "Message too big",
}

## The engine rounds the size of its buffers up to a power of two.
const _MAX_BUFFER := 0x3fffffff
## What a browser may deliver between two frames: the engine drops what goes beyond.
const _BROWSER_BUFFER := 4 * 1024 * 1024
const _QUEUED_PACKETS := 16384
## The outbox has the limit that counts.
const _OUTBOUND_BUFFER := 0x7fffffff

static var _is_browser := OS.has_feature("web")
static var _last_id := 0

## Another one for each connection.
var id := 0
## The close frame that this side sends, once it closes. A code of 0: it does not.
var own_code := 0
var own_reason := ""

var _peer := WebSocketPeer.new()
var _is_tls := false
var _no_delay := true
var _max_message_size := 0
## Seconds between pings; 0: none.
var _heartbeat_interval := 0.0
var _polled_usec := 0
## When messages came last, or the script left them; 0: never.
var _busy_usec := 0
var _close_is_sent := false
## Why this side dropped the connection; 0: it did not.
var _dropped_with := 0
var _dropped_because := ""
## Bytes that the engine still had to send at the last look: once it is closed, it gives no number.
var _buffered := 0


func _init(settings: Settings, url: Url) -> void:
	_last_id += 1
	id = _last_id
	_is_tls = url.is_tls
	_no_delay = settings.no_delay
	_max_message_size = mini(settings.max_message_size, _MAX_BUFFER)
	_heartbeat_interval = settings.heartbeat_interval if settings.heartbeat_message.is_empty() else 0.0
	_peer.supported_protocols = settings.supported_protocols
	_peer.inbound_buffer_size = _max_message_size
	if _is_browser:
		_peer.inbound_buffer_size = clampi(2 * _max_message_size, _BROWSER_BUFFER, _MAX_BUFFER)
	else:
		_peer.handshake_headers = _headers(settings.handshake_headers, url.authorization)
	_peer.outbound_buffer_size = _OUTBOUND_BUFFER
	_peer.max_queued_packets = _QUEUED_PACKETS
	_set_pings(_heartbeat_interval)


## Starts connecting. Any error but that of invalid parameters shows in the state too.
func begin(url: Url, tls_options: TLSOptions) -> Error:
	return _peer.connect_to_url(url.text, tls_options)


func poll() -> void:
	var now := Time.get_ticks_usec()
	# The engine looks whether a ping is unanswered before it reads the answer: a long frame would end the connection.
	var has_pings := _heartbeat_interval > 0.0 and _polled_usec > 0
	var is_excused := has_pings and float(now - _polled_usec) >= _heartbeat_interval * 0.5e6
	# Messages are a sign of life, and an answer may be behind those that are still to be read.
	if has_pings and _busy_usec > 0:
		is_excused = is_excused or float(now - _busy_usec) < _heartbeat_interval * 1.0e6
	if is_excused:
		_set_pings(0.0)
	_peer.poll()
	if is_excused:
		_set_pings(_heartbeat_interval)
	_polled_usec = now
	_note_buffered()


## The script leaves what has come, so that no more is read now.
func hold() -> void:
	_busy_usec = Time.get_ticks_usec()


func is_connecting() -> bool:
	return _peer.get_ready_state() == WebSocketPeer.STATE_CONNECTING


func is_over() -> bool:
	return _peer.get_ready_state() == WebSocketPeer.STATE_CLOSED


## Whether it is established, or was before it closed. Both may happen within one poll. A browser gives a failed
## attempt the code 1006.
func has_been_open() -> bool:
	return not is_connecting() and (not is_over() or not [-1, ABNORMAL_CLOSURE].has(_peer.get_close_code()))


## Called once it is established.
func has_opened() -> void:
	if not _is_browser and not is_over():
		_peer.set_no_delay(_no_delay)


func get_selected_protocol() -> String:
	return _peer.get_selected_protocol()


## The IP address of the peer; empty in a browser.
func get_host() -> String:
	return "" if _is_browser or is_over() else _peer.get_connected_host()


func get_port() -> int:
	return 0 if _is_browser or is_over() else _peer.get_connected_port()


#region Messages


## Moves the received messages to the inbox, and returns whether there were any. A full inbox slows the peer down,
## except in a browser, or if all of them are wanted.
func take_messages(inbox: Inbox, all := false) -> bool:
	var any := false
	while _peer.get_available_packet_count() > 0 and (_is_browser or all or not inbox.is_full()):
		any = true
		var packet := _peer.get_packet()
		if packet.size() > _max_message_size:
			drop(_MESSAGE_TOO_BIG, _too_big())
		else:
			inbox.push(packet, _peer.was_string_packet())
	if any:
		_busy_usec = Time.get_ticks_usec()
	return any


## Drops the received messages: if they filled the buffer, the close frame of the peer would not be read.
func discard_messages() -> void:
	# Behind its own close frame, the engine gives none.
	while not _close_is_sent and _peer.get_available_packet_count() > 0:
		@warning_ignore("return_value_discarded")
		_peer.get_packet()


func send_messages(outbox: Outbox) -> void:
	if _peer.get_ready_state() == WebSocketPeer.STATE_OPEN:
		outbox.send_to(_peer)
		_note_buffered()


## Whether the system has everything that was sent, as far as one can tell: the engine gives no number once it is
## closing.
func has_sent_all() -> bool:
	return _close_is_sent or (_peer.get_ready_state() == WebSocketPeer.STATE_OPEN and get_pending_bytes() == 0)


## Bytes that the engine has not handed to the system yet.
func get_pending_bytes() -> int:
	return _peer.get_current_outbound_buffered_amount()


## Bytes that the engine had not handed to the system when the connection ended.
func get_unsent_bytes() -> int:
	return _buffered


func _note_buffered() -> void:
	if not _close_is_sent and _peer.get_ready_state() == WebSocketPeer.STATE_OPEN:
		_buffered = get_pending_bytes()


#endregion
#region Ends


## The code that is sent for this one: a browser refuses those of the protocol itself.
static func sendable(code: int, is_browser := _is_browser) -> int:
	return _NORMAL_CLOSURE if is_browser and code < _FIRST_FREE_CODE else code


## From now on the connection ends with this close frame of this side.
func set_farewell(code: int, reason: String) -> void:
	own_code = sendable(code)
	own_reason = reason


## Sends the close frame. Everything must have been sent: the engine puts a close frame ahead of its messages.
func send_close() -> void:
	_close_is_sent = true
	_buffered = 0
	_peer.close(own_code, own_reason)


func can_send_close() -> bool:
	return not _close_is_sent and _peer.get_ready_state() == WebSocketPeer.STATE_OPEN


func drop(code := ABNORMAL_CLOSURE, reason := "") -> void:
	_dropped_with = code
	_dropped_because = reason
	_peer.close(-1)


## Whether this side has ended the connection without a close frame.
func is_dropped() -> bool:
	return _dropped_with != 0


## How the connection ended: the code and the reason of the side that closed first, and whether both sent a close
## frame.
func get_end() -> Array:
	var code := _peer.get_close_code()
	var is_lost := code == -1 or code == ABNORMAL_CLOSURE
	if own_code != 0:
		return [own_code, own_reason, _dropped_with == 0 and (not is_lost or _has_lost_the_answer())]
	if _dropped_with != 0:
		return [_dropped_with, _dropped_because, false]
	if is_lost:
		return [ABNORMAL_CLOSURE, LOST, false]
	if code == 0 or code == _NO_STATUS_RECEIVED:
		return [_NO_STATUS_RECEIVED, "", true]
	var reason := _peer.get_close_reason()
	if _ENGINE_FAILURES.get(code) != reason:
		return [code, reason, true]
	match code:
		_MESSAGE_TOO_BIG:
			reason = _too_big()
		_INVALID_TEXT:
			reason = "the text is not valid UTF-8"
	return [code, reason, false]


## Over TLS, the engine never sees the answer to its close frame, because the end of the connection comes with it. A
## peer that ends the connection counts as one that answered; one that does neither is dropped.
func _has_lost_the_answer() -> bool:
	return _close_is_sent and _is_tls and not _is_browser


func _too_big() -> String:
	return "the message is longer than %d bytes" % _max_message_size


#endregion


## The engine has pings from some version on, and none in a browser; setting an unknown property does nothing.
func _set_pings(interval: float) -> void:
	_peer.set(&"heartbeat_interval", interval if is_finite(interval) else 0.0)


func _headers(lines: PackedStringArray, authorization: String) -> PackedStringArray:
	var headers := lines.duplicate()
	for line in lines:
		if line.get_slice(":", 0).to_lower() == "authorization":
			return headers
	if not authorization.is_empty():
		headers += PackedStringArray(["Authorization: " + authorization])
	return headers
