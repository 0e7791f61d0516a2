extends "res://bench/bench_server.gd"
## The engine's TCPServer and WebSocketPeer, used well: large buffers, and everything that has arrived is handled each
## frame.

const BUFFER_SIZE := 4 * 1024 * 1024
const MAX_PACKETS := 65536

var _listener := TCPServer.new()
var _peers: Array[WebSocketPeer] = []
## Connections whose TLS handshake is not complete.
var _shaking: Array[StreamPeerTLS] = []


func start() -> int:
	_listener.listen(0, "127.0.0.1")
	return _listener.get_local_port()


func _process(_delta: float) -> void:
	while _listener.is_connection_available():
		var stream := _listener.take_connection()
		if tls_options == null:
			_accept(stream)
			continue
		var session := StreamPeerTLS.new()
		if session.accept_stream(stream, tls_options) == OK:
			_shaking.append(session)
	if not _shaking.is_empty():
		_shaking = _shaking.filter(_is_shaking)
	var is_gone := false
	for peer in _peers:
		peer.poll()
		match peer.get_ready_state():
			WebSocketPeer.STATE_OPEN:
				_receive(peer)
			WebSocketPeer.STATE_CLOSED:
				is_gone = true
	if is_gone:
		_peers = _peers.filter(_is_here)


func broadcast(message: String) -> void:
	for peer in _peers:
		if peer.get_ready_state() == WebSocketPeer.STATE_OPEN:
			peer.send_text(message)


func _accept(stream: StreamPeer) -> void:
	var peer := WebSocketPeer.new()
	peer.inbound_buffer_size = BUFFER_SIZE
	peer.outbound_buffer_size = BUFFER_SIZE
	peer.max_queued_packets = MAX_PACKETS
	peer.accept_stream(stream)
	peer.set_no_delay(true)
	_peers.append(peer)


## Continues a TLS handshake. Returns whether it is still not complete.
func _is_shaking(session: StreamPeerTLS) -> bool:
	session.poll()
	if session.get_status() == StreamPeerTLS.STATUS_CONNECTED:
		_accept(session)
	return session.get_status() == StreamPeerTLS.STATUS_HANDSHAKING


func _receive(peer: WebSocketPeer) -> void:
	while peer.get_available_packet_count() > 0:
		var packet := peer.get_packet()
		received += 1
		match work:
			"echo":
				if peer.was_string_packet():
					peer.send_text(packet.get_string_from_utf8())
				else:
					peer.send(packet)
			"broadcast":
				send_burst()


func _is_here(peer: WebSocketPeer) -> bool:
	return peer.get_ready_state() != WebSocketPeer.STATE_CLOSED
