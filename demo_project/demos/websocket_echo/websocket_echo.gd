extends Control
## A WebSocketServer that echoes what it receives, and the engine's own WebSocketPeer as its client.
##
## The server reports by signals, and identifies its clients by numbers. Text and binary messages have a signal each. A
## client that leaves has a code (RFC 6455 section 7.4.1), and a reason in words while the signal is handled.
##
## In a window, further text is sent from the entry. Headless, it prints the transcript and quits.

const Demo := preload("res://demos/shared/demo.gd")
const Transcript := preload("res://demos/shared/transcript.gd")

const GREETING := "hello, wörld"

var _server := WebSocketServer.new()
var _client := WebSocketPeer.new()
var _received: Array[String] = []
var _code_of_client := -1

@onready var _address: Label = %Address
@onready var _transcript: Transcript = %Transcript
@onready var _entry: LineEdit = %Entry
@onready var _send: Button = %Send


func _ready() -> void:
	var _error := _server.client_connected.connect(_on_client_connected)
	_error = _server.message_received.connect(_on_message_received)
	_error = _server.data_received.connect(_on_data_received)
	_error = _server.client_disconnected.connect(_on_client_disconnected)
	_error = _entry.text_submitted.connect(_on_text_submitted)
	_error = _send.pressed.connect(func() -> void: _on_text_submitted(_entry.text))
	var has_succeeded := false
	# Port 0 asks the system for any port that is free.
	if _server.start(0, "127.0.0.1"):
		var url := "ws://127.0.0.1:%d" % _server.get_local_port()
		_address.text = url
		_transcript.say("server", "listening on port %d" % _server.get_local_port())
		_error = _client.connect_to_url(url)
		has_succeeded = await _exchange()
	if Demo.runs_by_itself():
		if has_succeeded:
			has_succeeded = await _leave()
		Demo.finish(has_succeeded)
	else:
		_entry.editable = has_succeeded
		_send.disabled = not has_succeeded
		_entry.grab_focus()


func _process(_delta: float) -> void:
	# The engine's client has to be polled; the server is processed automatically.
	_client.poll()
	while _client.get_available_packet_count() > 0:
		var packet := _client.get_packet()
		var text := packet.get_string_from_utf8() if _client.was_string_packet() else packet.hex_encode()
		_received.append(text)
		_transcript.say("client", "received '%s'" % text)


func _exchange() -> bool:
	var _is_welcome: bool = await Demo.until(func() -> bool: return _received.size() == 1)
	var _error := _client.send_text(GREETING)
	var _is_text_back: bool = await Demo.until(func() -> bool: return _received.size() == 2)
	_error = _client.send(PackedByteArray([1, 2, 255]))
	var _is_data_back: bool = await Demo.until(func() -> bool: return _received.size() == 3)
	return _received == ["welcome, client 1", "echo: " + GREETING, "0102ff"]


func _leave() -> bool:
	_client.close(1000, "thank you")
	var _has_left: bool = await Demo.until(func() -> bool: return _code_of_client != -1)
	_server.stop()
	return _code_of_client == 1000


func _on_client_connected(client_id: int) -> void:
	_transcript.say("server", "client %d is in, from %s" % [client_id, _server.get_client_address(client_id)])
	var _error := _server.send_text(client_id, "welcome, client %d" % client_id)


func _on_message_received(client_id: int, message: String) -> void:
	_transcript.say("server", "client %d says '%s'" % [client_id, message])
	var _error := _server.send_text(client_id, "echo: " + message)


func _on_data_received(client_id: int, data: PackedByteArray) -> void:
	_transcript.say("server", "client %d sends %d bytes" % [client_id, data.size()])
	var _error := _server.send_binary(client_id, data)


func _on_client_disconnected(client_id: int, code: int) -> void:
	_code_of_client = code
	_transcript.say("server", "client %d has left: %d, '%s'" % [client_id, code, _server.get_close_reason(client_id)])


func _on_text_submitted(text: String) -> void:
	_entry.clear()
	_entry.grab_focus()
	if not text.is_empty():
		var _error := _client.send_text(text)
