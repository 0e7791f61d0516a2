extends TlsTest
## The singleton: all sockets in one place, statistics, monitors and settings.

const MONITORS: Array[StringName] = [
	&"async_sockets/connections",
	&"async_sockets/bytes_received_per_second",
	&"async_sockets/bytes_sent_per_second",
	&"async_sockets/queued_events",
	&"async_sockets/last_drain_usec",
]

const LARGE := 4 * 1024 * 1024


func before_each() -> void:
	pass


func test_version() -> void:
	var version := RegEx.create_from_string("^[0-9]+\\.[0-9]+\\.[0-9]+(\\+debug)?$")
	check(version.search(AsyncSockets.version) != null, AsyncSockets.version)
	check(Engine.has_singleton("AsyncSockets"))


func test_every_socket_is_found() -> void:
	var udp := UdpSocket.new()
	is_ok(udp.bind(0, LOOPBACK))
	var server := WebSocketServer.new()
	check(server.start(0, LOOPBACK))
	var listener := listen()
	var ends := await connect_to(listener)
	var all := AsyncSockets.get_sockets()
	for socket: RefCounted in [udp, server, listener, ends[0], ends[1]]:
		check(all.has(socket), str(socket))
	equal(all.size(), 5)
	for socket: RefCounted in [udp, ends[0], ends[1]]:
		var id := socket.call("get_id") as int
		at_least(id, 1.0)
		check(AsyncSockets.get_socket(id) == socket, str(socket))
	not_equal(ends[0].get_id(), ends[1].get_id())

	var gone := udp.get_id()
	udp.close()
	check(AsyncSockets.get_socket(gone) == null)
	equal(AsyncSockets.get_sockets().size(), 4)
	for wrong: int in [0, -1, 1 << 62]:
		check(AsyncSockets.get_socket(wrong) == null, str(wrong))


## A closed client is not open, even though its object and the id of its last connection are still there.
func test_clients_that_are_closed_are_not_open() -> void:
	var server := WebSocketServer.new()
	check(server.start(0, LOOPBACK))
	var client := WebSocketClient.new()
	is_ok(client.connect_to_url("ws://%s:%d" % [LOOPBACK, server.get_local_port()]))
	check(AsyncSockets.get_sockets().has(client), "while connecting")
	is_ok(await client.wait_connected())
	check(AsyncSockets.get_socket(client.get_id()) == client)
	is_ok(await client.close_async())
	equal(client.get_ready_state(), WebSocketClient.STATE_CLOSED)
	equal(AsyncSockets.get_sockets(), [server] as Array[RefCounted])
	check(AsyncSockets.get_socket(client.get_id()) == null)
	equal(AsyncSockets.get_statistics()["sockets"], 1)
	server.stop()
	check(await wait_for(func() -> bool: return AsyncSockets.get_sockets().is_empty()))


## Its last server is still there then, under its own id.
func test_a_server_that_was_restarted_is_there_once() -> void:
	var server := WebSocketServer.new()
	check(server.start(0, LOOPBACK))
	var client := WebSocketClient.new()
	is_ok(client.connect_to_url("ws://%s:%d" % [LOOPBACK, server.get_local_port()]))
	is_ok(await client.wait_connected())
	check(await wait_for(func() -> bool: return server.get_client_count() == 1))
	var old := server.get_id()
	server.stop()
	check(server.start(0, LOOPBACK))
	not_equal(server.get_id(), old)
	equal(AsyncSockets.get_sockets().count(server), 1)
	check(AsyncSockets.get_socket(server.get_id()) == server)
	check(AsyncSockets.get_socket(old) == null, "no object has this id")
	equal(AsyncSockets.get_statistics()["sockets"], 2)
	client.close()
	server.stop()
	check(await wait_for(func() -> bool: return AsyncSockets.get_sockets().is_empty()))


func test_it_keeps_nothing_alive() -> void:
	var ends := await connect_pair()
	var id := ends[0].get_id()
	check(_is_found(id))
	ends.clear()
	# This coroutine is running inside the signal that delivered one of them.
	check(await wait_for(func() -> bool: return not _is_found(id)))


func test_stop_all() -> void:
	var udp := UdpSocket.new()
	is_ok(udp.bind(0, LOOPBACK))
	var server := WebSocketServer.new()
	check(server.start(0, LOOPBACK))
	var listener := listen()
	var ends := await connect_to(listener)
	var waiting := [udp.recv_from(), listener.accept(), ends[0].recv(1), ends[1].recv_line()]
	var tasks: Array[NetTask] = []
	for awaitable: Variant in waiting:
		tasks.append(NetTask.from(awaitable))
	AsyncSockets.stop_all()
	for task in tasks:
		is_error(await task.wait(), ERR_UNAVAILABLE)
	check(not udp.is_bound() and not listener.is_listening() and not server.is_listening())
	for end in ends:
		equal(end.get_status(), TcpClient.STATUS_NONE)
		await closes_with(end, TcpClient.CLOSE_BY_HOST)
	check(await wait_for(func() -> bool: return AsyncSockets.get_sockets().is_empty()))
	# Everything can be used again.
	is_ok(listener.start())
	await connect_to(listener)


func test_statistics_of_now() -> void:
	check(await wait_for(func() -> bool: return AsyncSockets.get_statistics()["sockets"] == 0))
	equal(AsyncSockets.get_statistics()["connections"], 0)
	var listener := listen()
	var ends := await connect_to(listener)
	equal(AsyncSockets.get_statistics()["sockets"], 3)
	equal(AsyncSockets.get_statistics()["connections"], 2)

	ends[0].auto_process = false
	for _number in 5:
		equal(await ends[1].send_async(utf8("x")), [OK, 1])
	var queued := func() -> bool: return AsyncSockets.get_statistics()["queued_events"] > 0
	check(await wait_for(queued), "bytes wait for a client that is not processed")
	ends[0].auto_process = true
	equal(await ends[0].recv(5), [OK, utf8("xxxxx")])
	check(await wait_for(func() -> bool: return AsyncSockets.get_statistics()["queued_events"] == 0))

	ends[0].disconnect_from_host()
	check(await wait_for(func() -> bool: return AsyncSockets.get_statistics()["connections"] == 0))
	check(await wait_for(func() -> bool: return AsyncSockets.get_statistics()["sockets"] == 1))


func test_websocket_clients_are_connections() -> void:
	var server := WebSocketServer.new()
	check(server.start(0, LOOPBACK))
	var before := AsyncSockets.get_statistics()["connections"] as int
	var peer := WebSocketPeer.new()
	peer.connect_to_url("ws://%s:%d" % [LOOPBACK, server.get_local_port()])
	var is_in := func() -> bool:
		peer.poll()
		return AsyncSockets.get_statistics()["connections"] == before + 1
	check(await wait_for(is_in))
	server.stop()


func test_bytes_are_counted() -> void:
	var sockets: Array[UdpSocket] = [UdpSocket.new(), UdpSocket.new()]
	for socket in sockets:
		is_ok(socket.bind(0, LOOPBACK))
	var before := AsyncSockets.get_statistics()
	is_ok(await sockets[0].send_to_async(pattern(1000), LOOPBACK, sockets[1].get_local_port()))
	is_ok(await sockets[1].recv_from(5.0))
	equal(_since(before), [1000, 1000], "UDP")
	await _moves("TCP", await connect_pair(), 0)
	@warning_ignore("integer_division")
	var records := LARGE / 16384
	await _moves("TLS", await tls_pair(), records)


func test_drains_are_counted() -> void:
	var ends := await connect_pair()
	var before := AsyncSockets.get_statistics()
	for _number in 10:
		var received := NetTask.from(ends[1].recv(1))
		ends[0].send(utf8("x"))
		await received.wait()
	# That may have been one long drain, which is counted when it ends.
	await frames(2)
	var after := AsyncSockets.get_statistics()
	at_least(after["events"] - before["events"], 10.0)
	at_least(after["drain_time_usec"] - before["drain_time_usec"], 1.0)
	at_most(after["last_drain_usec"], 1e6)


func test_monitors() -> void:
	var ends := await connect_pair()
	for monitor in MONITORS:
		check(Performance.has_custom_monitor(monitor), monitor)
		var value: Variant = Performance.get_custom_monitor(monitor)
		check(value is float and value >= 0.0, "%s: %s" % [monitor, value])
	equal(Performance.get_custom_monitor(&"async_sockets/connections"), 2.0)

	ends[0].send(pattern(LARGE))
	same_bytes((await ends[1].recv(LARGE) as Array)[1], pattern(LARGE))
	var rates := func() -> bool:
		return (
			Performance.get_custom_monitor(&"async_sockets/bytes_received_per_second") > 1e5
			and Performance.get_custom_monitor(&"async_sockets/bytes_sent_per_second") > 1e5
		)
	check(await wait_for(rates), "rates of the last second")
	var statistics := AsyncSockets.get_statistics()
	at_least(statistics["bytes_received_per_second"], 1e5)
	at_least(statistics["bytes_sent_per_second"], 1e5)
	var silent := func() -> bool: return Performance.get_custom_monitor(&"async_sockets/bytes_sent_per_second") == 0.0
	check(await wait_for(silent), "and they go back")


func test_settings_show_in_the_editor() -> void:
	var expected := {
		"async_sockets/process/frame_budget_usec": ["100,1000000,1", 4000],
		"async_sockets/runtime/worker_threads": ["0,64,1", 0],
	}
	var found := 0
	for property in ProjectSettings.get_property_list():
		var setting := property["name"] as String
		if not expected.has(setting):
			continue
		found += 1
		equal(property["type"], TYPE_INT, setting)
		equal(property["hint"], PROPERTY_HINT_RANGE, setting)
		equal(property["hint_string"], expected[setting][0], setting)
		check(property["usage"] & PROPERTY_USAGE_EDITOR != 0, setting)
		check(property["usage"] & PROPERTY_USAGE_STORAGE != 0, setting)
		equal(ProjectSettings.get_setting(setting), expected[setting][1], setting)
		check(
			(
				not ProjectSettings.property_can_revert(setting)
				or ProjectSettings.property_get_revert(setting) == expected[setting][1]
			)
		)
	equal(found, expected.size())


func _is_found(id: int) -> bool:
	return AsyncSockets.get_socket(id) != null


## Sends a block and compares what was counted. Each TLS record adds a few bytes.
func _moves(what: String, ends: Array[TcpClient], records: int) -> void:
	var before := AsyncSockets.get_statistics()
	# At once, as the system may take less than that until the other end reads.
	var sending := NetTask.from(ends[0].send_async(pattern(LARGE)))
	same_bytes((await ends[1].recv(LARGE) as Array)[1], pattern(LARGE), what)
	equal(await sending.wait(), [OK, LARGE])
	for bytes: int in _since(before):
		at_least(bytes, LARGE + records, what)
		at_most(bytes, LARGE + records * 64, what)


## Bytes received and sent since `before`.
func _since(before: Dictionary) -> Array:
	var now := AsyncSockets.get_statistics()
	return [now["bytes_received"] - before["bytes_received"], now["bytes_sent"] - before["bytes_sent"]]
