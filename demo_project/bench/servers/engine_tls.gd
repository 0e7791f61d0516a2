extends "res://bench/bench_server.gd"
## The engine's TCPServer and StreamPeerTLS, used well: everything that has arrived is handled each frame, and returned
## as it is, without looking for blocks.

const BLOCK_SIZE := 16384

var _listener := TCPServer.new()
var _clients: Array[StreamPeerTLS] = []


func start() -> int:
	_listener.listen(0, "127.0.0.1")
	return _listener.get_local_port()


func _process(_delta: float) -> void:
	while _listener.is_connection_available():
		var stream := _listener.take_connection()
		stream.set_no_delay(true)
		var client := StreamPeerTLS.new()
		if client.accept_stream(stream, tls_options) == OK:
			_clients.append(client)
	var is_gone := false
	for client in _clients:
		client.poll()
		match client.get_status():
			StreamPeerTLS.STATUS_CONNECTED:
				_receive(client)
			StreamPeerTLS.STATUS_HANDSHAKING:
				pass
			_:
				is_gone = true
	if is_gone:
		_clients = _clients.filter(_is_here)


func _receive(client: StreamPeerTLS) -> void:
	var result := client.get_partial_data(BLOCK_SIZE)
	var data := result[1] as PackedByteArray
	if data.size() > 0:
		received += data.size() / message_size
		client.put_data(data)


func _is_here(client: StreamPeerTLS) -> bool:
	return client.get_status() in [StreamPeerTLS.STATUS_CONNECTED, StreamPeerTLS.STATUS_HANDSHAKING]
