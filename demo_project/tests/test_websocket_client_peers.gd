extends WebSocketClientTest
# time_limit: 180
## A WebSocketClient with servers of other implementations: the engine's WebSocketPeer, Python's `websockets` and Node's
## `ws`, which scripts/test.sh installs.

const CERTIFICATES := "res://tests/certificates"

var _report: TcpClient
var _engine_server: EngineServer


func time_limit(_test_name: String) -> float:
	return 60.0


func _process(delta: float) -> void:
	super(delta)
	if _engine_server != null:
		_engine_server.poll()


func after_each() -> void:
	if _report != null:
		_report.abort()
	_report = null
	_engine_server = null
	await super()


func test_python_websockets() -> void:
	await _drive(_python_server())


func test_python_websockets_with_tls() -> void:
	await _drive(_python_server(), true)


func test_node_ws() -> void:
	await _drive(_node_server())


func test_node_ws_with_tls() -> void:
	await _drive(_node_server(), true)


func test_the_engine() -> void:
	_engine_server = EngineServer.new()
	# With any of its own, it refuses a client that offers none.
	_engine_server.protocols = PackedStringArray(["b"])
	client({"supported_protocols": PackedStringArray(["a", "b"])})
	ws.connect_to_url(_engine_server.start() + "/chat")
	is_ok(await ws.wait_connected(5.0))
	equal(ws.get_selected_protocol(), "b")
	await _echoes(60_000)
	await _counts(1000)
	equal(await ws.close_async(4000, "bye 👋", 5.0), [OK, 4000, "bye 👋"])
	var peer := _engine_server.peers[0]
	check(await wait_for(func() -> bool: return peer.get_ready_state() == WebSocketPeer.STATE_CLOSED))
	equal([peer.get_close_code(), peer.get_close_reason()], [4000, "bye 👋"])


func test_the_engine_closes() -> void:
	_engine_server = EngineServer.new()
	client()
	ws.connect_to_url(_engine_server.start())
	is_ok(await ws.wait_connected(5.0))
	_engine_server.peers[0].send_text("last")
	_engine_server.peers[0].close(4321, "enough")
	equal(await ws.recv(5.0), [OK, "last"])
	is_error(await ws.recv(5.0), ERR_FILE_EOF)
	await heard_only([["connected"], ["disconnected", 4321, "enough", true]])


func test_the_engine_vanishes() -> void:
	_engine_server = EngineServer.new()
	client()
	ws.connect_to_url(_engine_server.start())
	is_ok(await ws.wait_connected(5.0))
	_engine_server.peers[0].close(-1)
	is_error(await ws.recv(5.0), ERR_CONNECTION_ERROR)
	await hears("disconnected")
	equal(ws.get_close_code(), 1006)


func _python_server() -> Array[String]:
	var python := OS.get_environment("PEERS_PYTHON")
	if python.is_empty():
		return []
	return [python, ProjectSettings.globalize_path("res://tests/peers/websocket_server.py")]


func _node_server() -> Array[String]:
	var node := OS.get_environment("PEERS_NODE")
	if node.is_empty():
		return []
	return [node, ProjectSettings.globalize_path("res://tests/peers/node/websocket_server.cjs")]


func _drive(command: Array[String], with_tls := false) -> void:
	if command.is_empty():
		skip("its program or package is not there")
		return
	var base := await _start(command, with_tls)
	var options := TLSOptions.client(load(CERTIFICATES + "/authority.crt") as X509Certificate) if with_tls else null
	client(
		{
			"supported_protocols": PackedStringArray(["other", "second", "first"]),
			"handshake_headers": PackedStringArray(["X-Token: abc"]),
		}
	)
	is_ok(ws.connect_to_url(base + "/there?a=b", options))
	if not is_ok(await ws.wait_connected(10.0), ws.get_last_error_message()):
		return
	check(ws.get_selected_protocol() in ["first", "second"], ws.get_selected_protocol())
	equal(ws.is_tls(), with_tls)
	equal(await _ask("/path"), "/there?a=b")
	equal(await _ask("/header X-Token"), "abc")
	equal(await _ask("/ping payload"), "pong")
	is_ok(ws.ping())
	check(await wait_for(func() -> bool: return ws.get_latency() >= 0.0))
	await _echoes(3_000_000)
	equal(await _ask("/fragments"), "one two three 🌍")
	equal((await ws.recv_binary(5.0) as Array)[1].size(), 100_002)
	await _counts(5000)
	ws.send_text("/count 5000")
	for index in 5000:
		if not equal(await ws.recv(5.0), [OK, str(index)], ws.get_last_error_message()):
			return
	equal(await ws.close_async(4321, "bye 👋", 5.0), [OK, 4321, "bye 👋"])
	equal(await _line(), "4321 bye 👋")

	is_ok(ws.connect_to_url(base, options))
	is_ok(await ws.wait_connected(10.0))
	ws.send_text("/close 4000 enough")
	equal(await ws.recv(5.0), [ERR_FILE_EOF, ""])
	equal([ws.get_close_code(), ws.get_close_reason()], [4000, "enough"])
	equal(await _line(), "4000 enough")

	is_ok(ws.connect_to_url(base, options))
	is_ok(await ws.wait_connected(10.0))
	ws.abort()
	check((await _line()).begins_with("1006"))

	is_ok(ws.connect_to_url(base + "/forbidden", options))
	equal(await ws.wait_connected(10.0), [ERR_UNAUTHORIZED])
	equal(ws.get_response_status(), 401)


## Starts a server and returns its URL.
func _start(command: Array[String], with_tls: bool) -> String:
	var listener := TcpListener.create(0, LOOPBACK)
	is_ok(listener.start())
	var arguments := PackedStringArray(command.slice(1) + [str(listener.get_local_port())])
	if with_tls:
		arguments.append(ProjectSettings.globalize_path(CERTIFICATES + "/good.crt"))
		arguments.append(ProjectSettings.globalize_path(CERTIFICATES + "/good.key"))
	start_process(command[0], arguments)
	var accepted := await listener.accept(20.0) as Array
	if not is_ok(accepted, "the server does not report"):
		return "ws://127.0.0.1:1"
	_report = accepted[1]
	return ("wss://localhost:%s" if with_tls else "ws://localhost:%s") % await _line()


func _line() -> String:
	var line := await _report.recv_line(65536, 20.0) as Array
	is_ok(line, "the report of the server")
	return line[1]


func _ask(text: String) -> Variant:
	ws.send_text(text)
	return (await ws.recv(5.0) as Array)[1]


func _echoes(largest: int) -> void:
	for text: String in ["", "hello", "wörld 🌍 שלום", "x".repeat(60_000)]:
		equal(await _ask(text), text)
	for size: int in [0, 1, 125, 126, 65535, 65536, largest]:
		if size <= largest:
			ws.send_binary(pattern(size))
			check(await ws.recv_binary(10.0) == [OK, pattern(size)], "%d bytes come back" % size)


func _counts(many: int) -> void:
	for index in many:
		ws.send_text(str(index))
	for index in many:
		if not equal(await ws.recv(5.0), [OK, str(index)], ws.get_last_error_message()):
			return


## An echo server made of the engine's own classes.
class EngineServer:
	extends RefCounted
	var protocols := PackedStringArray()
	var peers: Array[WebSocketPeer] = []
	var _listener := TCPServer.new()

	func start() -> String:
		_listener.listen(0, LOOPBACK)
		return "ws://%s:%d" % [LOOPBACK, _listener.get_local_port()]

	func poll() -> void:
		if _listener.is_connection_available():
			var peer := WebSocketPeer.new()
			peer.supported_protocols = protocols
			peer.inbound_buffer_size = 1_000_000
			peer.outbound_buffer_size = 1_000_000
			peer.max_queued_packets = 10_000
			peer.accept_stream(_listener.take_connection())
			peers.append(peer)
		for peer in peers:
			peer.poll()
			while peer.get_available_packet_count() > 0:
				var packet := peer.get_packet()
				if peer.was_string_packet():
					peer.send_text(packet.get_string_from_utf8())
				else:
					peer.send(packet)
