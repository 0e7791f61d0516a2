extends Control
## A WebSocketServer that echoes what it receives, and the engine's own WebSocketPeer as its client.
##
## Headless, it prints the transcript and quits; in a window, it shows the transcript and stays open.

const GREETING := "hello, wörld 🌍"

var _server := WebSocketServer.new()
var _client := WebSocketPeer.new()
var _received: Array[String] = []
var _clients_code := -1

@onready var _transcript := $Transcript as Label


func _ready() -> void:
	_server.client_connected.connect(_on_client_connected)
	_server.message_received.connect(_on_message_received)
	_server.data_received.connect(_on_data_received)
	_server.client_disconnected.connect(_on_client_disconnected)
	if not _server.start(0, "127.0.0.1"):
		_finish(false)
		return
	_say("server", "listening on port %d" % _server.get_local_port())
	_client.connect_to_url("ws://127.0.0.1:%d" % _server.get_local_port())
	_exchange()


func _process(_delta: float) -> void:
	# The engine's client has to be polled; the server is processed automatically.
	_client.poll()
	while _client.get_available_packet_count() > 0:
		var packet := _client.get_packet()
		_received.append(packet.get_string_from_utf8() if _client.was_string_packet() else packet.hex_encode())
		_say("client", "received '%s'" % _received.back())


func _exchange() -> void:
	await _until(func() -> bool: return _received.size() == 1)
	_client.send_text(GREETING)
	await _until(func() -> bool: return _received.size() == 2)
	_client.send(PackedByteArray([1, 2, 255]))
	await _until(func() -> bool: return _received.size() == 3)
	_client.close(1000, "thank you")
	await _until(func() -> bool: return _clients_code != -1)
	_server.stop()
	_finish(_received == ["welcome, client 1", "echo: " + GREETING, "0102ff"] and _clients_code == 1000)


## Waits until the condition holds, for 5 seconds at most.
func _until(condition: Callable) -> void:
	var deadline := Time.get_ticks_msec() + 5000
	while not condition.call() and Time.get_ticks_msec() < deadline:
		await get_tree().process_frame


func _on_client_connected(client_id: int) -> void:
	_say("server", "client %d is in, from %s" % [client_id, _server.get_client_address(client_id)])
	_server.send_text(client_id, "welcome, client %d" % client_id)


func _on_message_received(client_id: int, message: String) -> void:
	_say("server", "client %d says '%s'" % [client_id, message])
	_server.send_text(client_id, "echo: " + message)


func _on_data_received(client_id: int, data: PackedByteArray) -> void:
	_say("server", "client %d sends %d bytes" % [client_id, data.size()])
	_server.send_binary(client_id, data)


func _on_client_disconnected(client_id: int, code: int) -> void:
	_clients_code = code
	_say("server", "client %d has left: %d, '%s'" % [client_id, code, _server.get_close_reason(client_id)])


func _finish(succeeded: bool) -> void:
	_say("demo", "done" if succeeded else "FAILED")
	if DisplayServer.get_name() == "headless":
		get_tree().quit(0 if succeeded else 1)


func _say(who: String, what: String) -> void:
	var line := "%s: %s" % [who, what]
	print(line)
	_transcript.text += line + "\n"
