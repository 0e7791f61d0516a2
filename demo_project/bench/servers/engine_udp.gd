extends "res://bench/bench_server.gd"
## The engine's PacketPeerUDP, used well: a large buffer, and everything that has arrived is handled each frame.

const BUFFER_SIZE := 4 * 1024 * 1024

var _socket := PacketPeerUDP.new()


func start() -> int:
	_socket.bind(0, "127.0.0.1", BUFFER_SIZE)
	return _socket.get_local_port()


func _process(_delta: float) -> void:
	while _socket.get_available_packet_count() > 0:
		var packet := _socket.get_packet()
		received += 1
		if work == "echo":
			_socket.set_dest_address(_socket.get_packet_ip(), _socket.get_packet_port())
			_socket.put_packet(packet)
