extends "res://bench/bench_server.gd"
## This add-on's WebSocketServer, with a handler for each kind of message.

var _server := WebSocketServer.new()


func start() -> int:
	_server.auto_process = budget_usec == 0
	match work:
		"echo":
			_server.message_received.connect(_echo_text)
			_server.data_received.connect(_echo_binary)
		"count":
			_server.message_received.connect(_count_text)
			_server.data_received.connect(_count_binary)
		"broadcast":
			_server.message_received.connect(_on_asked)
	_server.tls_options = tls_options
	_server.start(0, "127.0.0.1")
	return _server.get_local_port()


func _process(_delta: float) -> void:
	if budget_usec > 0:
		_server.process(budget_usec)


func figures() -> Dictionary:
	var result := super()
	result["statistics"] = _server.get_statistics()
	return result


func broadcast(message: String) -> void:
	_server.broadcast_text(message)


func _echo_text(client_id: int, message: String) -> void:
	received += 1
	_server.send_text(client_id, message)


func _echo_binary(client_id: int, data: PackedByteArray) -> void:
	received += 1
	_server.send_binary(client_id, data)


func _count_text(_client_id: int, _message: String) -> void:
	received += 1


func _count_binary(_client_id: int, _data: PackedByteArray) -> void:
	received += 1


func _on_asked(_client_id: int, _message: String) -> void:
	send_burst()
