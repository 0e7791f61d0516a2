extends RefCounted
## The ways in which a message can reach a script. Each returns the nanoseconds per message, or 0 if something went
## wrong.

signal plain(id: int, data: PackedByteArray)

## Methods, and their names in the result.
const ALL := {
	"gdscript_signal": "a signal of GDScript itself, two arguments",
	"websocket_binary": "WebSocketServer.data_received",
	"websocket_text": "WebSocketServer.message_received",
	"websocket_engine": "engine: WebSocketPeer.poll and get_packet",
	"websocket_large_text": "WebSocketServer.message_received, 1 MiB",
	"websocket_large_text_engine": "engine: get_packet and get_string_from_utf8, 1 MiB",
	"websocket_send_text": "WebSocketServer.send_text(64)",
	"websocket_send_binary": "WebSocketServer.send_binary(64)",
	"websocket_engine_send_text": "engine: WebSocketPeer.send_text(64)",
	"tcp_recv": "await TcpClient.recv(64), result at once",
	"tcp_recv_waiting": "await TcpClient.recv(64), by its signal",
	"tcp_recv_line": "await TcpClient.recv_line, result at once",
	"tcp_data_received": "TcpClient.data_received, 64 bytes of larger blocks",
	"tcp_send": "TcpClient.send(64)",
	"tcp_engine": "engine: StreamPeerTCP.get_data(64)",
	"udp_datagram_received": "UdpSocket.datagram_received",
}

const COUNT := 8000
const SIZE := 64
const PART := 100
const LOOPBACK := "127.0.0.1"
const PATIENCE_MSEC := 5000
const BUFFER_SIZE := 8 * 1024 * 1024
const LARGE_SIZE := 1024 * 1024

var _block := PackedByteArray()
var _line := PackedByteArray()
var _received := 0
## Messages sent to the server in all rounds.
var _sent := 0

var _server := WebSocketServer.new()
var _peer := WebSocketPeer.new()
var _listener := TcpListener.create(0, LOOPBACK)
var _near := TcpClient.new()
var _far: TcpClient
var _engine_listener := TCPServer.new()
var _engine_near := StreamPeerTCP.new()
var _engine_far: StreamPeerTCP
var _udp := UdpSocket.new()
var _engine_udp := PacketPeerUDP.new()


## Connects everything. False on failure.
func open() -> bool:
	_block.resize(SIZE)
	_block.fill(0x61)
	_line = _block.duplicate()
	_line[-1] = 0x0a
	plain.connect(_on_bytes)
	return _open_websocket() and _open_tcp() and _open_engine_tcp() and _open_udp()


func close() -> void:
	_server.stop()
	_listener.stop()
	_near.abort()
	_far.abort()
	_udp.close()


func gdscript_signal() -> float:
	_received = 0
	var start := Time.get_ticks_usec()
	for index in COUNT:
		plain.emit(index, _block)
	return _each(start)


func websocket_binary() -> float:
	for index in COUNT:
		_peer.send(_block)
	return _measure_websocket()


func websocket_text() -> float:
	var text := _block.get_string_from_ascii()
	for index in COUNT:
		_peer.send_text(text)
	return _measure_websocket()


func websocket_engine() -> float:
	var client := _server.get_client_ids()[0]
	for index in COUNT:
		_server.send_binary(client, _block)
	_received = 0
	var deadline := Time.get_ticks_msec() + PATIENCE_MSEC
	var took := 0
	while _received < COUNT and Time.get_ticks_msec() < deadline:
		OS.delay_msec(5)
		var start := Time.get_ticks_usec()
		_peer.poll()
		while _peer.get_available_packet_count() > 0:
			_on_bytes(0, _peer.get_packet())
		took += Time.get_ticks_usec() - start
	return took * 1000.0 / COUNT if _received == COUNT else 0.0


## The main-thread time for one message once it has arrived.
func websocket_large_text() -> float:
	_received = 0
	_peer.send_text("a".repeat(LARGE_SIZE))
	_sent += 1
	if not _until(_has_arrived):
		return 0.0
	# It becomes a string in the background, after it has arrived.
	var deadline := Time.get_ticks_msec() + PATIENCE_MSEC
	var took := 0
	while _received == 0 and Time.get_ticks_msec() < deadline:
		var start := Time.get_ticks_usec()
		_server.process()
		took = Time.get_ticks_usec() - start
		OS.delay_msec(1)
	return took * 1000.0 if _received == 1 else 0.0


func websocket_large_text_engine() -> float:
	_server.send_text(_server.get_client_ids()[0], "a".repeat(LARGE_SIZE))
	_received = 0
	var deadline := Time.get_ticks_msec() + PATIENCE_MSEC
	var took := 0
	while _received == 0 and Time.get_ticks_msec() < deadline:
		OS.delay_msec(5)
		var start := Time.get_ticks_usec()
		_peer.poll()
		if _peer.get_available_packet_count() > 0:
			_on_text(0, _peer.get_packet().get_string_from_utf8())
		took += Time.get_ticks_usec() - start
	return took * 1000.0 if _received == 1 else 0.0


func websocket_send_text() -> float:
	var text := _block.get_string_from_ascii()
	return _measure_send(func(client: int) -> void: _server.send_text(client, text))


func websocket_send_binary() -> float:
	return _measure_send(func(client: int) -> void: _server.send_binary(client, _block))


func websocket_engine_send_text() -> float:
	var text := _block.get_string_from_ascii()
	_received = 0
	var start := Time.get_ticks_usec()
	for index in COUNT:
		_peer.send_text(text)
	_peer.poll()
	var took := Time.get_ticks_usec() - start
	_measure_websocket()
	return took * 1000.0 / COUNT if _received == COUNT else 0.0


func tcp_recv() -> float:
	_feed_tcp(_block)
	_received = 0
	var start := Time.get_ticks_usec()
	_receive_all()
	return _each(start)


func tcp_recv_waiting() -> float:
	for index in COUNT:
		_receive_one()
	_received = 0
	_send_all(_block)
	OS.delay_msec(50)
	var start := Time.get_ticks_usec()
	while _received < COUNT and Time.get_ticks_usec() - start < PATIENCE_MSEC * 1000:
		_near.process()
	return _each(start)


func tcp_recv_line() -> float:
	_feed_tcp(_line)
	_received = 0
	var start := Time.get_ticks_usec()
	_receive_lines()
	return _each(start)


func tcp_data_received() -> float:
	_received = 0
	_near.data_received.connect(_on_stream)
	_near.emit_data = true
	_send_all(_block)
	OS.delay_msec(50)
	var start := Time.get_ticks_usec()
	while _received < COUNT * SIZE and Time.get_ticks_usec() - start < PATIENCE_MSEC * 1000:
		_near.process()
	var took := Time.get_ticks_usec() - start
	_near.emit_data = false
	_near.data_received.disconnect(_on_stream)
	return took * 1000.0 / COUNT if _received == COUNT * SIZE else 0.0


func tcp_send() -> float:
	var start := Time.get_ticks_usec()
	for index in COUNT:
		_far.send(_block)
	var took := Time.get_ticks_usec() - start
	_until(func() -> bool: return _near.get_available_bytes() == COUNT * SIZE)
	_receive_all()
	return took * 1000.0 / COUNT


func tcp_engine() -> float:
	_received = 0
	var took := 0
	# In parts, because it holds only as much as the system's buffer.
	for part in COUNT / PART:
		_engine_near.put_data(_repeated(_block, PART))
		_until(func() -> bool: return _engine_far.get_available_bytes() == PART * SIZE)
		var start := Time.get_ticks_usec()
		for index in PART:
			var result := _engine_far.get_data(SIZE)
			_on_bytes(0, result[1] as PackedByteArray)
		took += Time.get_ticks_usec() - start
	return took * 1000.0 / COUNT if _received == COUNT else 0.0


func udp_datagram_received() -> float:
	# In parts, because the system's buffer is small.
	for index in COUNT:
		_engine_udp.put_packet(_block)
		if index % PART == PART - 1:
			_until(func() -> bool: return _udp.get_available_datagram_count() == index + 1)
	_received = 0
	var start := Time.get_ticks_usec()
	while _received < COUNT and Time.get_ticks_usec() - start < PATIENCE_MSEC * 1000:
		_udp.process()
	return _each(start)


func _each(start: int) -> float:
	var took := Time.get_ticks_usec() - start
	return took * 1000.0 / COUNT if _received == COUNT else 0.0


func _on_bytes(_id: int, _data: PackedByteArray) -> void:
	_received += 1


func _on_text(_id: int, _text: String) -> void:
	_received += 1


func _on_stream(data: PackedByteArray) -> void:
	_received += data.size()


func _on_datagram(_data: PackedByteArray, _address: String, _port: int) -> void:
	_received += 1


func _on_client(client: TcpClient) -> void:
	_far = client


func _measure_websocket() -> float:
	_sent += COUNT
	_until(_has_arrived)
	_received = 0
	var start := Time.get_ticks_usec()
	while _received < COUNT and Time.get_ticks_usec() - start < PATIENCE_MSEC * 1000:
		_server.process()
	return _each(start)


func _measure_send(send_one: Callable) -> float:
	var client := _server.get_client_ids()[0]
	var start := Time.get_ticks_usec()
	for index in COUNT:
		send_one.call(client)
	var took := Time.get_ticks_usec() - start
	var left := [COUNT]
	return took * 1000.0 / COUNT if _until(_has_drained.bind(left)) else 0.0


## Whether the engine's client has received everything that is left.
func _has_drained(left: Array) -> bool:
	_peer.poll()
	while _peer.get_available_packet_count() > 0:
		_peer.get_packet()
		left[0] -= 1
	return left[0] <= 0


func _has_arrived() -> bool:
	_peer.poll()
	return _server.get_statistics()["messages_in"] as int == _sent


func _receive_all() -> void:
	for index in COUNT:
		var result := await _near.recv(SIZE) as Array
		_on_bytes(0, result[1] as PackedByteArray)


func _receive_one() -> void:
	var result := await _near.recv(SIZE) as Array
	_on_bytes(0, result[1] as PackedByteArray)


func _receive_lines() -> void:
	for index in COUNT:
		var result := await _near.recv_line() as Array
		_on_text(0, result[1] as String)


func _feed_tcp(block: PackedByteArray) -> void:
	_send_all(block)
	_until(func() -> bool: return _near.get_available_bytes() == COUNT * SIZE)


func _send_all(block: PackedByteArray) -> void:
	_far.send(_repeated(block, COUNT))


func _repeated(block: PackedByteArray, count: int) -> PackedByteArray:
	var all := PackedByteArray()
	for index in count:
		all.append_array(block)
	return all


## Waits without frames. False if the time runs out.
func _until(condition: Callable) -> bool:
	var deadline := Time.get_ticks_msec() + PATIENCE_MSEC
	while not condition.call():
		if Time.get_ticks_msec() > deadline:
			return false
		OS.delay_msec(1)
	return true


func _open_websocket() -> bool:
	_server.auto_process = false
	_server.data_received.connect(_on_bytes)
	_server.message_received.connect(_on_text)
	_peer.outbound_buffer_size = BUFFER_SIZE
	_peer.inbound_buffer_size = BUFFER_SIZE
	_peer.max_queued_packets = 4 * COUNT
	if not _server.start(0, LOOPBACK):
		return false
	_peer.connect_to_url("ws://%s:%d" % [LOOPBACK, _server.get_local_port()])
	return _until(_is_websocket_open)


func _is_websocket_open() -> bool:
	_peer.poll()
	_server.process()
	return _peer.get_ready_state() == WebSocketPeer.STATE_OPEN and _server.get_client_count() == 1


func _open_tcp() -> bool:
	_near.max_buffered_bytes = BUFFER_SIZE
	_near.auto_process = false
	_listener.auto_process = false
	_listener.client_connected.connect(_on_client)
	if _listener.start() != OK or _near.connect_to_host(LOOPBACK, _listener.get_local_port()) != OK:
		return false
	return _until(_is_tcp_open)


func _is_tcp_open() -> bool:
	_listener.process()
	_near.process()
	return _far != null and _near.get_status() == TcpClient.STATUS_CONNECTED


func _open_engine_tcp() -> bool:
	_engine_listener.listen(0, LOOPBACK)
	_engine_near.connect_to_host(LOOPBACK, _engine_listener.get_local_port())
	if not _until(_engine_listener.is_connection_available):
		return false
	_engine_far = _engine_listener.take_connection()
	return _until(_is_engine_tcp_open)


func _is_engine_tcp_open() -> bool:
	_engine_near.poll()
	return _engine_near.get_status() == StreamPeerTCP.STATUS_CONNECTED


func _open_udp() -> bool:
	_udp.auto_process = false
	_udp.datagram_received.connect(_on_datagram)
	if _udp.bind(0, LOOPBACK) != OK:
		return false
	return _engine_udp.connect_to_host(LOOPBACK, _udp.get_local_port()) == OK
