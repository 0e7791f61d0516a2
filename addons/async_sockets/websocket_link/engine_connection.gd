@tool
extends RefCounted
## A connection of the engine's [WebSocketPeer]: how it is set up, and what its states and numbers mean.

const Inbox := preload("inbox.gd")
const Outbox := preload("outbox.gd")
const Settings := preload("settings.gd")

const ABNORMAL_CLOSURE := 1006

const _NO_STATUS_RECEIVED := 1005
const _MESSAGE_TOO_BIG := 1009
## What a browser may deliver between two frames: the engine drops what goes beyond.
const _BROWSER_BUFFER := 4 * 1024 * 1024
const _QUEUED_PACKETS := 16384
## The outbox has the limit that counts.
const _OUTBOUND_BUFFER := 0x7fffffff

static var _is_browser := OS.has_feature("web")

var _peer := WebSocketPeer.new()
var _settings: Settings
var _is_tls := false
var _close_is_sent := false
var _own_code := 0
var _own_reason := ""
## The close code and reason if this side dropped the connection.
var _dropped_with := 0
var _dropped_because := ""


func _init(settings: Settings) -> void:
	_settings = settings
	_peer.supported_protocols = settings.supported_protocols
	_peer.handshake_headers = settings.handshake_headers
	_peer.inbound_buffer_size = settings.max_message_size
	if _is_browser:
		_peer.inbound_buffer_size = maxi(2 * settings.max_message_size, _BROWSER_BUFFER)
	_peer.outbound_buffer_size = _OUTBOUND_BUFFER
	_peer.max_queued_packets = _QUEUED_PACKETS
	apply_heartbeat()


## The engine has pings from some version on, and none in a browser; setting an unknown property does nothing.
func apply_heartbeat() -> void:
	_peer.set(&"heartbeat_interval", _settings.heartbeat_interval if _settings.heartbeat_message.is_empty() else 0.0)


## Starts connecting. Any error but that of invalid parameters shows in the state too.
func begin(url: String, tls_options: TLSOptions) -> Error:
	_is_tls = url.to_lower().begins_with("wss:")
	return _peer.connect_to_url(url, tls_options)


func poll() -> void:
	_peer.poll()


func is_connecting() -> bool:
	return _peer.get_ready_state() == WebSocketPeer.STATE_CONNECTING


func is_over() -> bool:
	return _peer.get_ready_state() == WebSocketPeer.STATE_CLOSED


## Whether it is established, or was before it closed. Both may happen within one poll.
func has_been_open() -> bool:
	return not is_connecting() and (not is_over() or _peer.get_close_code() != -1)


func get_selected_protocol() -> String:
	return _peer.get_selected_protocol()


## Moves the received messages to the inbox, and returns whether there were any. A full inbox slows the peer down,
## except in a browser.
func take_messages(inbox: Inbox) -> bool:
	var any := false
	while _peer.get_available_packet_count() > 0 and (_is_browser or not inbox.is_full()):
		any = true
		var packet := _peer.get_packet()
		if packet.size() > _settings.max_message_size:
			drop(_MESSAGE_TOO_BIG, "Message too big")
		elif _peer.was_string_packet():
			inbox.push(packet.get_string_from_utf8(), packet.size())
		else:
			inbox.push(packet, packet.size())
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


## Whether the system has everything that was sent, as far as one can tell: the engine gives no number once it is
## closing.
func has_sent_all() -> bool:
	return _close_is_sent or (_peer.get_ready_state() == WebSocketPeer.STATE_OPEN and get_pending_bytes() == 0)


## Bytes that the engine has not handed to the system yet.
func get_pending_bytes() -> int:
	return _peer.get_current_outbound_buffered_amount()


## Sends the close frame. Everything must have been sent: the engine puts a close frame ahead of its messages.
func send_close(code: int, reason: String) -> void:
	_close_is_sent = true
	_own_code = code
	_own_reason = reason
	_peer.close(code, reason)


func can_send_close() -> bool:
	return not _close_is_sent and _peer.get_ready_state() == WebSocketPeer.STATE_OPEN


func drop(code := ABNORMAL_CLOSURE, reason := "") -> void:
	_dropped_with = code
	_dropped_because = reason
	_peer.close(-1)


## 1006 if the connection was lost, 1005 if the close frame had no code.
func get_close_code() -> int:
	if _dropped_with != 0:
		return _dropped_with
	match _peer.get_close_code():
		-1:
			return _own_code if _has_lost_the_answer() else ABNORMAL_CLOSURE
		0:
			return _NO_STATUS_RECEIVED
	return _peer.get_close_code()


func get_close_reason() -> String:
	if _dropped_with != 0:
		return _dropped_because
	return _own_reason if _peer.get_close_code() == -1 and _has_lost_the_answer() else _peer.get_close_reason()


## Over TLS, the engine never sees the answer to its close frame, because the end of the connection comes with it. A
## peer that ends the connection counts as one that answered; one that does neither is dropped.
func _has_lost_the_answer() -> bool:
	return _close_is_sent and _is_tls and not _is_browser
