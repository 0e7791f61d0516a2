extends "res://bench/bench_server.gd"
## This add-on's TcpListener and TcpClient: one coroutine per client that receives blocks of an exact length, or, for
## `stream`, a handler for arbitrary data.

var _listener: TcpListener
## Streaming clients by id.
var _clients := {}


func start() -> int:
	_listener = TcpListener.create(0, "127.0.0.1")
	_listener.auto_process = budget_usec == 0
	_listener.tls_options = tls_options
	_listener.start()
	_accept()
	return _listener.get_local_port()


func _process(_delta: float) -> void:
	if budget_usec > 0:
		_listener.process(budget_usec)


func _accept() -> void:
	while true:
		var accepted := await _listener.accept() as Array
		if accepted[0] != OK:
			return
		var client := accepted[1] as TcpClient
		if work == "stream":
			_stream(client)
		else:
			_serve(client)


func _serve(client: TcpClient) -> void:
	while true:
		var result := await client.recv(message_size) as Array
		if result[0] != OK:
			return
		received += 1
		if work == "echo":
			client.send(result[1] as PackedByteArray)


func _stream(client: TcpClient) -> void:
	client.data_received.connect(_on_data.bind(client.get_id()))
	client.emit_data = true
	_clients[client.get_id()] = client


func _on_data(data: PackedByteArray, id: int) -> void:
	received += data.size() / message_size
	var client := _clients[id] as TcpClient
	client.send(data)
