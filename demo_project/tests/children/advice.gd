extends Node
## Does what the library warns of, or what it must not warn of. The second argument selects what.

const LOOPBACK := "127.0.0.1"
## Longer than the time after which the library warns, twice: so a second warning would be seen.
const LONG := 2.6

## The time that events may wait for a process() of the script.
const NEGLECT := 5.0

var _kept: Array[TcpClient] = []
var _server := WebSocketServer.new()
var _listener := TcpListener.create(0, LOOPBACK)
var _client := WebSocketClient.new()
var _handler_usec := 0
var _process_usec := -1


func _ready() -> void:
	_server.message_received.connect(_on_message_received)
	await Callable(self, "_" + OS.get_cmdline_user_args()[1]).call()
	get_tree().quit()


func _process(_delta: float) -> void:
	if _process_usec >= 0:
		_server.process(_process_usec)


#region A server in a local variable


func _dropped() -> void:
	for _time in 2:
		_start_locally()


func _start_locally() -> void:
	var server := WebSocketServer.new()
	server.start(0, LOOPBACK)
	var listener := TcpListener.create(0, LOOPBACK)
	listener.start()


func _dropped_on_purpose() -> void:
	_stop_locally()
	_fail_locally()
	_process_locally()
	# What follows begins in the middle of a frame, and is over in the same one if the system is quick.
	await _accept_locally()
	await _accept_locally()
	# As when a scene is left, with a client that is connected and a pending operation.
	_server.start(0, LOOPBACK)
	_listener.start()
	var accepting := NetTask.from(_listener.accept())
	await _connect_client()
	_server = null
	_listener = null
	await accepting.wait()


func _stop_locally() -> void:
	var server := WebSocketServer.new()
	server.start(0, LOOPBACK)
	server.stop()
	var listener := TcpListener.create(0, LOOPBACK)
	listener.start()
	listener.stop()


func _fail_locally() -> void:
	var taken := TcpListener.create(0, LOOPBACK)
	taken.start()
	var listener := TcpListener.create(taken.get_local_port(), LOOPBACK)
	if listener.start() != ERR_ALREADY_IN_USE:
		print("WARNING: the port is free")
	taken.stop()


func _process_locally() -> void:
	var server := WebSocketServer.new()
	server.start(0, LOOPBACK)
	server.process(1000)


func _accept_locally() -> void:
	var listener := TcpListener.create(0, LOOPBACK)
	listener.start()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	await listener.accept(5.0)
	await client.wait_connected(5.0)


## Quits in the frame in which the servers in its members were started.
func _quits_at_once() -> void:
	_server.start(0, LOOPBACK)
	_listener.start()


#endregion
#region A call before the start


func _not_started() -> void:
	for _time in 2:
		TcpClient.new().send("x".to_utf8_buffer())
		await TcpListener.new().accept()
		await UdpSocket.new().recv_from()
		WebSocketServer.new().send_text(1, "x")
		await WebSocketClient.new().recv_text()


func _not_started_on_purpose() -> void:
	# What a game does each frame, whether or not it has begun.
	_server.process()
	_server.broadcast_text("x")
	_server.stop()
	_listener.poll()
	_listener.stop()
	_client.close()
	# After a start that has failed, and after the end.
	var taken := TcpListener.create(0, LOOPBACK)
	taken.start()
	_listener.port = taken.get_local_port()
	if _listener.start() != ERR_ALREADY_IN_USE or (await _listener.accept() as Array)[0] != ERR_UNCONFIGURED:
		print("WARNING: the port is free")
	_server.start(0, LOOPBACK)
	_server.stop()
	_server.send_text(1, "x")
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, taken.get_local_port())
	client.disconnect_from_host()
	client.send("x".to_utf8_buffer())
	var socket := UdpSocket.new()
	socket.bind(0, LOOPBACK)
	socket.send("x".to_utf8_buffer())
	socket.close()
	await socket.recv_from()
	# And nothing of this is a server that was dropped.
	taken.stop()


#endregion
#region Handshakes that nobody decides


func _undecided() -> void:
	_server.manual_handshake = true
	_server.handshake_timeout = 0.2
	for _time in 2:
		await _start_and_connect()
		_server.stop()


## The handler may decide later.
func _decided_later() -> void:
	var requests: Array[WebSocketHandshakeRequest] = []
	_server.manual_handshake = true
	_server.handshake_requested.connect(requests.append)
	_server.start(0, LOOPBACK)
	_client.connect_to_url("ws://%s:%d" % [LOOPBACK, _server.get_local_port()])
	while requests.is_empty():
		await get_tree().process_frame
	await get_tree().create_timer(0.2).timeout
	requests[0].accept()
	await _client.wait_connected(5.0)
	print("it is in" if _client.get_ready_state() == WebSocketClient.STATE_OPEN else "WARNING: it is not in")


#endregion
#region Overload


func _overload() -> void:
	await _flood(6000)


func _overload_of_process() -> void:
	_process_usec = 4000
	await _flood(6000)


func _overload_of_one_server() -> void:
	_server.auto_process = false
	_process_usec = 0
	await _flood(6000)


## Much to do, but it is done in time; and a hitch with what arrives meanwhile.
func _busy() -> void:
	await _start_and_connect()
	var end := Time.get_ticks_msec() + int(LONG * 1000)
	while Time.get_ticks_msec() < end:
		for _number in 100:
			_client.send_text("x")
		await get_tree().process_frame
	for _time in 2:
		for _number in 100:
			_client.send_text("x")
		OS.delay_msec(1200)
		await get_tree().process_frame


## Takes nothing from a client on purpose: that is how TCP slows the other side.
func _slowed_on_purpose() -> void:
	_listener.start()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, _listener.get_local_port())
	var accepted: Array = await _listener.accept(5.0)
	var slow: TcpClient = accepted[1]
	slow.max_buffered_bytes = 1000
	var sending := NetTask.from(client.send_async(_zeros(20_000_000)))
	await get_tree().create_timer(LONG).timeout
	print("it was slowed down" if not sending.is_completed() else "WARNING: it was not slowed down")


func _flood(handler_usec: int) -> void:
	await _start_and_connect()
	_handler_usec = handler_usec
	for _number in 2000:
		_client.send_text("x")
	await get_tree().create_timer(LONG).timeout
	_handler_usec = 0


#endregion
#region Events that nobody asks for


func _never_processed() -> void:
	_server.auto_process = false
	_listener.auto_process = false
	for _time in 2:
		await _connect_to_all()
	await get_tree().create_timer(2 * NEGLECT).timeout


## A listener's own process() serves its clients too, and an event may wait for a while.
func _seldom_processed() -> void:
	_server.auto_process = false
	_listener.auto_process = false
	_listener.client_connected.connect(func(client: TcpClient) -> void: client.auto_process = false)
	for _time in 3:
		await _connect_to_all()
		await get_tree().create_timer(0.7 * NEGLECT).timeout
		_server.process()
		_listener.process()


## Who has closed asks for nothing any more.
func _processed_until_closed() -> void:
	_server.auto_process = false
	_client.auto_process = false
	_server.start(0, LOOPBACK)
	_client.connect_to_url("ws://%s:%d" % [LOOPBACK, _server.get_local_port()])
	while _client.get_ready_state() != WebSocketClient.STATE_OPEN or _server.get_client_count() == 0:
		_client.process(1000)
		_server.process(1000)
	_listener.start()
	var client := TcpClient.new()
	client.auto_process = false
	client.connect_to_host(LOOPBACK, _listener.get_local_port())
	while client.get_status() != TcpClient.STATUS_CONNECTED:
		client.process(1000)
	client.disconnect_from_host()
	_client.close()
	_server.stop()
	await get_tree().create_timer(2 * NEGLECT).timeout


func _connect_to_all() -> void:
	if not _server.is_listening():
		_server.start(0, LOOPBACK)
		_listener.start()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, _listener.get_local_port())
	await client.wait_connected()
	client.send_text("hello")
	var other := TcpClient.new()
	other.connect_to_host(LOOPBACK, _server.get_local_port())
	await other.wait_connected()
	other.send_text(
		(
			"GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
			+ "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
		)
	)
	await other.recv(1)
	_kept.append(client)
	_kept.append(other)


#endregion
#region process() of more than a frame


func _long_process() -> void:
	Engine.max_fps = 60
	_server.start(0, LOOPBACK)
	_process_usec = 30_000
	await get_tree().create_timer(LONG).timeout


func _short_process() -> void:
	Engine.max_fps = 60
	_server.start(0, LOOPBACK)
	_process_usec = 5000
	await get_tree().create_timer(LONG).timeout


## A server without a window has no frame rate to hold.
func _long_process_of_a_server() -> void:
	_server.start(0, LOOPBACK)
	_process_usec = 33_000
	await get_tree().create_timer(LONG).timeout


## While a game is loading, for instance.
func _long_process_once() -> void:
	Engine.max_fps = 60
	_server.start(0, LOOPBACK)
	for _time in 3:
		_server.process(600_000)
	await get_tree().create_timer(LONG).timeout


#endregion
#region Receiving what comes by a signal


func _receives_with_emit_data() -> void:
	_listener.start()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, _listener.get_local_port())
	client.emit_data = true
	await client.recv_line()


#endregion


func _on_message_received(_client_id: int, _message: String) -> void:
	# A delay of 0 takes 50 microseconds too.
	if _handler_usec > 0:
		OS.delay_usec(_handler_usec)


func _start_and_connect() -> void:
	_server.start(0, LOOPBACK)
	await _connect_client()


func _connect_client() -> void:
	_client.connect_to_url("ws://%s:%d" % [LOOPBACK, _server.get_local_port()])
	await _client.wait_connected(5.0)


func _zeros(size: int) -> PackedByteArray:
	var bytes := PackedByteArray()
	bytes.resize(size)
	return bytes
