extends Node
## The main scene of the games that `scripts/smoke.sh` exports: an echo by TCP and one by WebSocket, both ends in this
## process. Prints `OK` with the version of the library, and quits with 0.

const LOOPBACK := "127.0.0.1"
const SECONDS := 10.0


func _ready() -> void:
	if not await _tcp():
		print("TCP failed")
	elif not await _websocket():
		print("WebSocket failed")
	else:
		print("OK, version %s." % AsyncSockets.version)
		get_tree().quit(0)
		return
	get_tree().quit(1)


func _tcp() -> bool:
	var listener := TcpListener.create(0, LOOPBACK)
	var client := TcpClient.new()
	if listener.start() != OK or client.connect_to_host(LOOPBACK, listener.get_local_port()) != OK:
		return false
	var accepted: Array = await listener.accept(SECONDS)
	if accepted[0] != OK:
		return false
	var peer: TcpClient = accepted[1]
	client.send("hello\n".to_utf8_buffer())
	var heard: Array = await peer.recv_line(100, SECONDS)
	var line: String = heard[1]
	peer.send((line + "\n").to_utf8_buffer())
	return await client.recv_line(100, SECONDS) == [OK, "hello"]


func _websocket() -> bool:
	var server := WebSocketServer.new()
	var echo := func(client_id: int, message: String) -> void: server.send_text(client_id, message)
	server.message_received.connect(echo)
	var client := WebSocketClient.new()
	if not server.start(0, LOOPBACK):
		return false
	if client.connect_to_url("ws://%s:%d" % [LOOPBACK, server.get_local_port()]) != OK:
		return false
	client.send_text("hello")
	var is_right: bool = await client.recv_text(SECONDS) == [OK, "hello"]
	# The lambda holds the server, whose signal holds the lambda.
	server.message_received.disconnect(echo)
	return is_right
