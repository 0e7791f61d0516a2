extends "res://bench/bench_client.gd"
## The engine's WebSocketPeer, used well: everything that has arrived is handled each frame. Its buffers are of the
## default size, which is enough for the messages in flight.

var _peers: Array[WebSocketPeer] = []


func open() -> void:
	var peer := WebSocketPeer.new()
	peer.connect_to_url("ws://127.0.0.1:%d" % server_port)
	_peers.append(peer)


func _process(_delta: float) -> void:
	for peer in _peers:
		peer.poll()
		while peer.get_available_packet_count() > 0:
			take_echo(peer.get_packet())


func count_open() -> int:
	var is_open := func(peer: WebSocketPeer) -> bool: return peer.get_ready_state() == WebSocketPeer.STATE_OPEN
	return _peers.filter(is_open).size()


func begin() -> void:
	_peers[0].set_no_delay(true)
	super()


func send(data: PackedByteArray) -> void:
	_peers[0].send(data)
