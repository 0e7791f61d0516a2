extends "res://bench/bench_server.gd"
## This add-on's UdpSocket. `echo` and `count` have a handler, `receive` has a loop that awaits each datagram and sends
## it back, and `take` one that only counts.

var _socket := UdpSocket.new()


func start() -> int:
	_socket.auto_process = budget_usec == 0
	match work:
		"echo":
			_socket.datagram_received.connect(_echo)
		"count":
			_socket.datagram_received.connect(_count)
	_socket.bind(0, "127.0.0.1")
	if work in ["receive", "take"]:
		_receive()
	return _socket.get_local_port()


func _process(_delta: float) -> void:
	if budget_usec > 0:
		_socket.process(budget_usec)


func _receive() -> void:
	while true:
		var result := await _socket.recv_from() as Array
		if result[0] != OK:
			return
		received += 1
		if work == "receive":
			_socket.send_to(result[1] as PackedByteArray, result[2] as String, result[3] as int)


func _echo(data: PackedByteArray, address: String, port: int) -> void:
	received += 1
	_socket.send_to(data, address, port)


func _count(_data: PackedByteArray, _address: String, _port: int) -> void:
	received += 1
