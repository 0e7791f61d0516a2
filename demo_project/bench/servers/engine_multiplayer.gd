extends "res://bench/multiplayer_server.gd"
## The engine's WebSocketMultiplayerPeer, with large buffers.

const BUFFER_SIZE := 4 * 1024 * 1024
const MAX_PACKETS := 65536

var _peer := WebSocketMultiplayerPeer.new()


func listen() -> int:
	_peer.inbound_buffer_size = BUFFER_SIZE
	_peer.outbound_buffer_size = BUFFER_SIZE
	_peer.max_queued_packets = MAX_PACKETS
	# It cannot say which port it has.
	var port := _free_port()
	_peer.create_server(port, LOOPBACK)
	multiplayer.multiplayer_peer = _peer
	return port


func _free_port() -> int:
	var listener := TCPServer.new()
	listener.listen(0, LOOPBACK)
	return listener.get_local_port()
