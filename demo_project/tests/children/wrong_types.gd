extends Node
## Passes wrong types in a signal's handler and after an await, where the engine itself says little.

var _server := WebSocketServer.new()
var _client := WebSocketClient.new()


func _ready() -> void:
	_server.client_connected.connect(_on_client_connected)
	_server.start(0, "127.0.0.1")
	_client.connect_to_url("ws://127.0.0.1:%d" % _server.get_local_port())
	_send_when_connected({"hello": 1})
	await _client.wait_connected()
	await _client.recv_text()
	get_tree().quit()


func _on_client_connected(client_id: int) -> void:
	_server.send_text.call_deferred(client_id, "hello")
	_greet(client_id, {"hello": 1})


func _greet(client_id: int, words: Variant) -> void:
	@warning_ignore("unsafe_call_argument")
	_server.send_text(client_id, words)


func _send_when_connected(words: Variant) -> void:
	await _client.wait_connected()
	@warning_ignore("unsafe_call_argument")
	_client.send_text(words)
