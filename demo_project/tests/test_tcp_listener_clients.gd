extends TcpTest
## A listener reports the end of each client that it handed out exactly once, however it ended, and refuses clients
## beyond its limit.

var _gone := []


func test_a_client_that_the_script_drops() -> void:
	var listener := _counting(listen())
	start(_serve_one_line.bind(listener))
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	is_ok(await client.wait_connected())
	var port := client.get_local_port()
	client.send(utf8("hello\n"))
	if not check(await wait_for(func() -> bool: return _gone.size() == 1), "told of"):
		return
	equal(_gone[0].slice(1), [port, TcpClient.CLOSE_BY_HOST, TcpClient.STATUS_NONE])
	not_equal(_gone[0][0], 0, "its id")
	await frames(5)
	equal(_gone.size(), 1, "once")


func test_every_kind_of_end() -> void:
	var listener := _counting(listen())
	for ending: String in [
		"drop", "peer", "peer and return", "host", "abort", "reset", "reuse", "reuse twice", "thread"
	]:
		_gone.clear()
		var ends := await connect_to(listener)
		var id := ends[1].get_id()
		match ending:
			"drop":
				ends[1] = null
			"peer":
				ends[0].disconnect_from_host()
			"peer and return":
				start(_receive_to_the_end.bind(ends[1]))
				ends[1] = null
				ends[0].disconnect_from_host()
			"host":
				ends[1].disconnect_from_host()
			"abort":
				ends[1].abort()
			"reset":
				ends[0].abort()
			"reuse", "reuse twice":
				ends[1].disconnect_from_host()
				ends[1].connect_to_host(LOOPBACK, free_port())
				if ending == "reuse twice":
					ends[1].disconnect_from_host()
			"thread":
				_drop_in_a_thread(ends)
		check(await wait_for(func() -> bool: return _gone.size() >= 1), "%s: told of" % ending)
		await frames(5)
		equal(_gone.size(), 1, ending)
		if ending in ["drop", "peer", "peer and return", "host", "abort", "reset", "thread"] and not _gone.is_empty():
			equal(_gone[0][0], id, ending)


## The client's end is handled in the same drain, by a socket whose object is already gone.
func test_a_client_that_goes_in_a_thread_during_a_drain() -> void:
	var listener := _counting(listen())
	var ends := await connect_to(listener)
	var others := await connect_pair()
	others[0].emit_data = true
	others[0].data_received.connect(func(_data: PackedByteArray) -> void: _drop_in_a_thread(ends))
	await frames(3)
	others[1].send(utf8("x"))
	OS.delay_msec(20)
	ends[0].abort()
	OS.delay_msec(20)
	check(await wait_for(func() -> bool: return not _gone.is_empty()), "told of")
	await frames(5)
	equal(_gone.size(), 1)


func test_after_the_listener_has_stopped() -> void:
	var listener := _counting(listen())
	var first := await connect_to(listener)
	var second := await connect_to(listener)
	listener.stop()
	first[1] = null
	second[0].disconnect_from_host()
	check(await wait_for(func() -> bool: return _gone.size() == 2), "both")
	listener.start()
	await frames(5)
	equal(_gone.size(), 2)


func test_a_client_that_nobody_has_seen_is_not_told_of() -> void:
	var listener := _counting(listen())
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	is_ok(await client.wait_connected())
	await frames(5)
	listener.stop()
	await frames(5)
	equal(_gone, [])


func test_a_client_too_many_is_told_and_refused() -> void:
	var listener := TcpListener.create(0, LOOPBACK)
	listener.max_clients = 1
	listener.refuse_when_full = true
	listener.busy_message = utf8("full\n")
	var refused := []
	listener.client_refused.connect(func(address: String, port: int) -> void: refused.append([address, port]))
	is_ok(listener.start())
	var ends := await connect_to(listener)
	var late := TcpClient.new()
	late.connect_to_host(LOOPBACK, listener.get_local_port())
	equal(await late.recv(100, 5.0), [ERR_FILE_EOF, utf8("full\n")])
	check(await wait_for(func() -> bool: return not refused.is_empty()))
	equal(refused, [[LOOPBACK, late.get_local_port()]])
	equal(ends[0].get_status(), TcpClient.STATUS_CONNECTED, "the others are not concerned")
	equal(listener.get_refused_connections(), 1)
	listener.stop()
	equal(listener.get_refused_connections(), 1, "for the log of the shutdown")
	is_ok(listener.start())
	equal(listener.get_refused_connections(), 0, "counted from the start")


## As docs/recipes/dedicated-server.md does it.
func test_all_are_told_before_the_end() -> void:
	var listener := listen()
	var pairs: Array[Array] = [await connect_to(listener), await connect_to(listener), await connect_to(listener)]
	listener.stop()
	var farewells: Array[NetTask] = []
	var clients := listener.get_clients()
	equal(clients.size(), 3)
	for client in clients:
		farewells.append(NetTask.from(client.send_async(utf8("bye\n"), 2.0)))
	equal(await NetTask.all(farewells), [[OK, 4], [OK, 4], [OK, 4]])
	for client in clients:
		client.disconnect_from_host()
	for pair in pairs:
		var peer := pair[0] as TcpClient
		equal(await peer.recv_line(100, 5.0), [OK, "bye"])
		is_error(await peer.recv_line(100, 5.0), ERR_FILE_EOF)


func _counting(listener: TcpListener) -> TcpListener:
	listener.client_disconnected.connect(
		func(client: TcpClient) -> void:
			_gone.append([client.get_id(), client.get_connected_port(), client.get_close_reason(), client.get_status()])
	)
	return listener


func _serve_one_line(listener: TcpListener) -> void:
	var client := (await listener.accept() as Array)[1] as TcpClient
	await client.recv_line()


func _receive_to_the_end(client: TcpClient) -> void:
	await client.recv(1)


func _drop_in_a_thread(ends: Array[TcpClient]) -> void:
	var holder := [ends[1]]
	ends[1] = null
	var thread := Thread.new()
	thread.start(func() -> void: holder.clear())
	thread.wait_to_finish()
