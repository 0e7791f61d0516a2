extends Node
## Quits while one operation of each kind is pending, and prints their results in the engine's last moments.

const BYTES_THAT_NOBODY_READS := 64 * 1024 * 1024

var _listener := TcpListener.create(0, "127.0.0.1")
var _client := TcpClient.new()
var _accepted: TcpClient
var _connecting := TcpClient.new()
## Its backlog is full, so that a connection to it stays pending.
var _silent := TCPServer.new()
var _backlog: Array[StreamPeerTCP] = []


func _ready() -> void:
	_listener.start()
	_client.connect_to_host("127.0.0.1", _listener.get_local_port())
	_accepted = (await _listener.accept() as Array)[1]
	await _client.wait_connected()
	_silent.listen(0, "127.0.0.1")
	for _i in 16:
		_backlog.append(StreamPeerTCP.new())
		_backlog[-1].connect_to_host("127.0.0.1", _silent.get_local_port())
	_connecting.connect_to_host("127.0.0.1", _silent.get_local_port())

	_wait_for("recv", _client.recv.bind(10))
	_wait_for("recv_line", _client.recv_line)
	_wait_for("recv_some", _client.recv_some)
	_wait_for("accept", _listener.accept)
	_wait_for("accept", _listener.accept)
	_wait_for("wait_connected", _connecting.wait_connected)
	var large := PackedByteArray()
	large.resize(BYTES_THAT_NOBODY_READS)
	_wait_for("send_async", _client.send_async.bind(large))
	get_tree().quit()


func _wait_for(operation: String, method: Callable) -> void:
	var result := await method.call() as Array
	print("%s: %d" % [operation, result[0]])
