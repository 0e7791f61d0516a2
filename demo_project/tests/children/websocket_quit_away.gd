extends Node
## Quits while a WebSocketClient waits to reconnect ("away"), while its next attempt is in flight ("in_flight"), or
## while a hundred clients do either ("many").

const LOOPBACK := "127.0.0.1"

var _clients: Array[WebSocketClient] = []
## Accepts by the system alone, and never answers.
var _silent := TCPServer.new()


func _ready() -> void:
	var how := OS.get_cmdline_user_args()[1]
	var server := WebSocketServer.new()
	server.start(0, LOOPBACK)
	var port := server.get_local_port()
	for number in 100 if how == "many" else 1:
		var ws := WebSocketClient.new()
		ws.reconnect = true
		ws.max_offline_bytes = 100
		var soon := how == "in_flight" or number % 2 == 1
		ws.reconnect_min_delay = 0.001 if soon else 1000.0
		ws.reconnect_max_delay = 0.05 if soon else 1000.0
		ws.connect_to_url("ws://%s:%d" % [LOOPBACK, port])
		_clients.append(ws)
	for ws in _clients:
		await ws.wait_connected(10.0)
	server.stop()
	while not _clients.all(func(ws: WebSocketClient) -> bool: return ws.is_reconnecting()):
		await get_tree().process_frame
	while _silent.listen(port, LOOPBACK) != OK:
		await get_tree().process_frame
	if how != "away":
		while not _silent.is_connection_available():
			await get_tree().process_frame
	for ws in _clients:
		ws.send_text("never sent")
		_wait(ws)
	get_tree().quit()


func _wait(ws: WebSocketClient) -> void:
	var result := await ws.wait_connected() as Array
	print("pending: %d" % result[0])
