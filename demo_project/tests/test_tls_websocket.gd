extends TlsTest
# time_limit: 180
## WebSocketServer over TLS: the engine's WebSocketPeer, Node's `ws`, and clients that are refused.

const LARGE := 1_000_000

var _servers: Array[WebSocketServer] = []
var _peers: Array[WebSocketPeer] = []
## Recorded events of the servers: kind, client, and further arguments.
var _told: Array[Array] = []


func time_limit(_test_name: String) -> float:
	return 80.0


func _process(_delta: float) -> void:
	for peer in _peers:
		peer.poll()


func after_each() -> void:
	_peers.clear()
	for server in _servers:
		server.stop()
	await super()


func test_the_engines_client() -> void:
	var server := _serve()
	var peer := await _join(server)
	is_ok(peer.send_text("größer 🌍"))
	equal(await _next(peer), "größer 🌍")
	peer.outbound_buffer_size = 2 * LARGE
	is_ok(peer.send(pattern(60_000)))
	same_bytes(await _next(peer), pattern(60_000), "the echo")
	for number in 200:
		peer.send_text(str(number))
	for number in 200:
		equal(await _next(peer), str(number))
	peer.close(4001, "bye")
	check(await wait_for(func() -> bool: return _told.back()[0] == "disconnected"))
	equal(_told.back().slice(2), [4001])
	check(await wait_for(func() -> bool: return peer.get_ready_state() == WebSocketPeer.STATE_CLOSED))
	# The engine loses unread TLS data when the connection ends; the code is -1 then.
	check(peer.get_close_code() in [4001, -1], str(peer.get_close_code()))


func test_the_server_closes() -> void:
	var server := _serve()
	var peer := await _join(server)
	server.send_binary(1, pattern(LARGE))
	same_bytes(await _next(peer), pattern(LARGE), "a large message")
	server.disconnect_client(1, 4321, "bye")
	check(await wait_for(func() -> bool: return peer.get_ready_state() == WebSocketPeer.STATE_CLOSED))
	equal([peer.get_close_code(), peer.get_close_reason()], [4321, "bye"])


func test_a_client_that_vanishes() -> void:
	var server := _serve()
	var peer := await _join(server)
	peer.close(-1)
	check(await wait_for(func() -> bool: return _told.back()[0] == "disconnected"))
	equal(_told.back().slice(2), [1006])


func test_bad_certificates_are_refused() -> void:
	for identity: String in ["expired", "wrong_name", "stranger"]:
		var server := _serve(identity)
		var refused := _open(server, trusting())
		var is_over := func() -> bool: return refused.get_ready_state() == WebSocketPeer.STATE_CLOSED
		check(await wait_for(is_over), identity)
		equal(refused.get_close_code(), -1)
		var careless := await _join(server, TLSOptions.client_unsafe())
		careless.send_text(identity)
		equal(await _next(careless), identity)
		equal(server.get_client_count(), 1)


func test_without_tls_nobody_comes_in() -> void:
	var server := _serve()
	var plain := WebSocketPeer.new()
	plain.connect_to_url("ws://%s:%d" % [LOOPBACK, server.get_local_port()])
	_peers.append(plain)
	check(await wait_for(func() -> bool: return plain.get_ready_state() == WebSocketPeer.STATE_CLOSED))
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, server.get_local_port())
	client.send(utf8("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	var answer := await client.recv(1000, 5.0) as Array
	check(answer[0] in [ERR_FILE_EOF, ERR_CONNECTION_ERROR], "it ends: %s" % [answer])
	await _join(server)
	equal(server.get_client_count(), 1)


func test_many_at_once() -> void:
	var server := _serve()
	var options := trusting()
	var peers: Array[WebSocketPeer] = []
	for _number in 50:
		peers.append(_open(server, options))
	var all_in := func() -> bool: return server.get_client_count() == peers.size()
	check(await wait_for(all_in, 30.0), "%d came in" % server.get_client_count())
	server.broadcast_text("to all")
	for peer in peers:
		equal(await _next(peer), "to all")


func test_plain_https_gets_an_answer() -> void:
	var server := _serve()
	var client := start_tls_client(server.get_local_port(), trusting(), ["http/1.1"])
	is_ok(await client.wait_connected(5.0))
	equal(client.get_tls_protocol(), "http/1.1")
	client.send(utf8("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	equal(await client.recv_line(), [OK, "HTTP/1.1 426 Upgrade Required"])


func test_options_of_the_wrong_side() -> void:
	var server := WebSocketServer.new()
	server.tls_options = trusting()
	var errors := PackedStringArray()
	server.server_error.connect(func(words: String) -> void: errors.append(words))
	check(not server.start(0, LOOPBACK))
	check(errors.size() == 1 and errors[0].contains("TLSOptions.server"), str(errors))


func test_node_ws() -> void:
	var node := OS.get_environment("PEERS_NODE")
	if node.is_empty():
		skip("Node, or its package ws, is not there")
		return
	var server := _serve()
	var strangers := _serve("stranger")
	var command := [node, ProjectSettings.globalize_path("res://tests/peers/node/wss_client.cjs")]
	command.append_array([certificate_path("authority"), str(server.get_local_port()), str(strangers.get_local_port())])
	var run := await run_program(PackedStringArray(command), 60.0)
	equal(run[0], 0, run[1])
	check((run[1] as String).contains("wss works"), run[1])
	check(await wait_for(func() -> bool: return _told.any(func(told: Array) -> bool: return told.has(4321))))


## An echo server.
func _serve(identity := "good") -> WebSocketServer:
	var server := WebSocketServer.new()
	server.tls_options = serving(identity)
	server.max_message_size = 4_000_000
	var id := _servers.size()
	_servers.append(server)
	server.client_connected.connect(func(client: int) -> void: _told.append(["connected", client]))
	server.client_disconnected.connect(
		func(client: int, code: int) -> void: _told.append(["disconnected", client, code])
	)
	server.message_received.connect(_on_message.bind(id))
	server.data_received.connect(
		func(client: int, data: PackedByteArray) -> void: _servers[id].send_binary(client, data)
	)
	check(server.start(0, LOOPBACK), "start")
	return server


func _on_message(client: int, message: String, server: int) -> void:
	if message == "/bye":
		_servers[server].disconnect_client(client, 4321, "bye 👋")
	else:
		_servers[server].send_text(client, message)


func _open(server: WebSocketServer, options: TLSOptions) -> WebSocketPeer:
	var peer := WebSocketPeer.new()
	peer.inbound_buffer_size = 2 * LARGE
	is_ok(peer.connect_to_url("wss://%s:%d" % [HOST, server.get_local_port()], options))
	_peers.append(peer)
	return peer


## A client that has been admitted.
func _join(server: WebSocketServer, options := trusting()) -> WebSocketPeer:
	var before := server.get_client_count()
	var peer := _open(server, options)
	var is_in := func() -> bool:
		return peer.get_ready_state() == WebSocketPeer.STATE_OPEN and server.get_client_count() > before
	check(await wait_for(is_in, 10.0), "a client comes in")
	return peer


## Waits for the next message: a text as String, bytes as PackedByteArray.
func _next(peer: WebSocketPeer) -> Variant:
	if not check(await wait_for(func() -> bool: return peer.get_available_packet_count() > 0), "a message comes"):
		return null
	var packet := peer.get_packet()
	return packet.get_string_from_utf8() if peer.was_string_packet() else packet
