extends "res://bench/bench_server.gd"
## This add-on's TcpListener and TcpClient, with one coroutine for each client that receives blocks of an exact length.

var _listener: TcpListener


func start() -> int:
	_listener = TcpListener.create(0, "127.0.0.1")
	_listener.auto_process = budget_usec == 0
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
		_serve(accepted[1] as TcpClient)


func _serve(client: TcpClient) -> void:
	while true:
		var result := await client.recv(message_size) as Array
		if result[0] != OK:
			return
		received += 1
		if work == "echo":
			client.send(result[1] as PackedByteArray)
