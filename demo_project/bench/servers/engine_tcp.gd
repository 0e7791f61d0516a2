extends "res://bench/bench_server.gd"
## The engine's TCPServer and StreamPeerTCP, used well: everything that has arrived is handled each frame. For `echo`,
## it does not even look for blocks and returns the bytes as they are; for `blocks`, it does.

var _listener := TCPServer.new()
var _clients: Array[StreamPeerTCP] = []


func start() -> int:
	_listener.listen(0, "127.0.0.1")
	return _listener.get_local_port()


func _process(_delta: float) -> void:
	while _listener.is_connection_available():
		var client := _listener.take_connection()
		client.set_no_delay(true)
		_clients.append(client)
	var is_gone := false
	for client in _clients:
		client.poll()
		if client.get_status() != StreamPeerTCP.STATUS_CONNECTED:
			is_gone = true
			continue
		var available := client.get_available_bytes()
		if work == "blocks":
			_echo_blocks(client, available)
		elif available > 0:
			var result := client.get_partial_data(available)
			var data := result[1] as PackedByteArray
			received += data.size() / message_size
			if work == "echo":
				client.put_data(data)
	if is_gone:
		_clients = _clients.filter(_is_here)


func _echo_blocks(client: StreamPeerTCP, available: int) -> void:
	for index in available / message_size:
		var result := client.get_data(message_size)
		received += 1
		client.put_data(result[1] as PackedByteArray)


func _is_here(client: StreamPeerTCP) -> bool:
	return client.get_status() == StreamPeerTCP.STATUS_CONNECTED
