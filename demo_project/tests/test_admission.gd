extends WebSocketTest
## Admission by address: the same properties on both kinds of servers.

const OTHER := "127.0.0.2"

var _listener: TcpListener


func after_each() -> void:
	if _listener:
		_listener.stop()
	_listener = null
	super()


func test_blocked_addresses() -> void:
	serve({"blocked_addresses": PackedStringArray(["127.0.0.0/8", "2001:db8::/32"])})
	var blocked := await raw()
	check(await wait_for(blocked.is_ended), "closed without a request")
	equal(blocked.received, PackedByteArray())
	equal(server.get_statistics()["refused_blocked"], 1)
	# Changed while the server runs; applies to new connections.
	server.blocked_addresses = PackedStringArray()
	var peer := await join()
	server.blocked_addresses = PackedStringArray([LOOPBACK])
	check(await wait_for((await raw()).is_ended))
	peer.socket.send_text("still in")
	await told("message", [peer.id, "still in"])


func test_a_wrong_entry_changes_nothing() -> void:
	serve()
	_listen()
	var good := PackedStringArray(["10.0.0.1", "::ffff:10.1.0.0/112", "2001:db8::/32"])
	for object: RefCounted in [server, _listener]:
		object.set("blocked_addresses", good)
		for bad: String in ["", "localhost", "10.0.0.1/33", "10.0.0", "::1/129", "[::1]", "10.0.0.1:80"]:
			object.set("blocked_addresses", PackedStringArray([LOOPBACK, bad]))
			equal(object.get("blocked_addresses"), good, bad)
		for number: int in [-1, 2147483648]:
			object.set("max_clients_per_address", 3)
			object.set("max_clients_per_address", number)
			equal(object.get("max_clients_per_address"), 3)
			object.set("max_handshakes_per_second_per_address", 4)
			object.set("max_handshakes_per_second_per_address", number)
			equal(object.get("max_handshakes_per_second_per_address"), 4)
	await join()


func test_the_defaults() -> void:
	for object: RefCounted in [WebSocketServer.new(), TcpListener.new()]:
		equal(object.get("blocked_addresses"), PackedStringArray())
		equal(object.get("max_clients_per_address"), 0)
		equal(object.get("max_handshakes_per_second_per_address"), 0)


func test_an_address_has_its_number_of_clients() -> void:
	serve({"max_clients_per_address": 2})
	var first := await join()
	await join()
	var over := await raw()
	# Refused without having sent a request.
	await refused(over, 429)
	equal(server.get_statistics()["refused_clients"], 1)
	first.socket.close()
	await told_times("disconnected", 1)
	await join()
	equal(server.get_client_count(), 2)
	server.max_clients_per_address = 3
	await join()


func test_another_address_has_its_own_number() -> void:
	if OS.get_name() != "Linux":
		return skip("only Linux has all of 127.0.0.0/8 by itself")
	serve({"max_clients_per_address": 1})
	await join()
	var other := Raw.new()
	is_ok(other.stream.bind(0, OTHER))
	other.stream.connect_to_host(LOOPBACK, server.get_local_port())
	_raws.append(other)
	check(await wait_for(other.is_connected_to_host))
	other.send(head())
	check(await wait_for(other.has_head))
	equal(other.status(), 101)
	await told_times("connected", 2)
	equal(server.get_client_address(2), OTHER)


func test_an_address_has_its_rate() -> void:
	serve({"max_handshakes_per_second_per_address": 3})
	for index in 30:
		var connection := Raw.new()
		connection.stream.connect_to_host(LOOPBACK, server.get_local_port())
		_raws.append(connection)
	check(await wait_for(func() -> bool: return server.get_statistics()["refused_rate"] >= 10))
	server.max_handshakes_per_second_per_address = 0
	await join()


func test_a_listener_keeps_the_same_rules() -> void:
	_listen()
	_listener.max_clients_per_address = 1
	_listener.start()
	var first := await _tcp()
	var accepted := await _listener.accept(5.0) as Array
	is_ok(accepted)
	var second := await _tcp()
	is_error(await second.recv_some(), ERR_FILE_EOF)
	equal(_listener.get_refused_connections(), 1)
	first.disconnect_from_host()
	(accepted[1] as TcpClient).disconnect_from_host()
	accepted.clear()
	check(await wait_for(func() -> bool: return _listener.get_clients().is_empty()))
	_listener.max_clients_per_address = 0
	_listener.blocked_addresses = PackedStringArray([LOOPBACK])
	is_error(await (await _tcp()).recv_some(), ERR_FILE_EOF)
	equal(_listener.get_refused_connections(), 2)
	_listener.blocked_addresses = PackedStringArray(["10.0.0.0/8"])
	_listener.max_handshakes_per_second_per_address = 1
	var waiting: Array[TcpClient] = []
	for index in 5:
		waiting.append(await _tcp())
	check(await wait_for(func() -> bool: return _listener.get_refused_connections() > 2))
	_listener.max_handshakes_per_second_per_address = 0


func _listen() -> void:
	_listener = TcpListener.create(0, LOOPBACK)


func _tcp() -> TcpClient:
	var client := TcpClient.new()
	client.timeout = 5.0
	client.connect_to_host(LOOPBACK, _listener.get_local_port())
	is_ok(await client.wait_connected(5.0))
	return client
