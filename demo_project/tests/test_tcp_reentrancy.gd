extends TcpTest
## Handlers that call back into the object whose signal they handle.

const ACTIONS: Array[String] = ["send", "recv", "disconnect", "abort", "process", "reconnect", "release", "stop_all"]

## The port that clients reconnect to.
var _port := 0


func time_limit(_test_name: String) -> float:
	return 30.0


func test_inside_connected() -> void:
	for action in ACTIONS:
		var listener := listen()
		var holder: Array[TcpClient] = [TcpClient.new()]
		var calls := [0]
		holder[0].connected.connect(_act_once.bind(action, holder, calls, listener))
		holder[0].connect_to_host(LOOPBACK, listener.get_local_port())
		await _after_the_call(calls, action)
		await _judge(action, holder, listener, null)


func test_inside_a_receive() -> void:
	for action in ACTIONS:
		var listener := listen()
		var ends := await connect_to(listener)
		var holder: Array[TcpClient] = [ends[0]]
		ends[0] = null
		var calls := [0]
		start(_receive_and_act.bind(action, holder, calls, listener))
		ends[1].send(utf8("x"))
		await _after_the_call(calls, action)
		await _judge(action, holder, listener, ends[1])


func test_inside_data_received() -> void:
	for action in ACTIONS:
		var listener := listen()
		var ends := await connect_to(listener)
		var holder: Array[TcpClient] = [ends[0]]
		ends[0] = null
		holder[0].emit_data = true
		var calls := [0]
		holder[0].data_received.connect(
			func(_data: PackedByteArray) -> void:
				if holder[0]:
					holder[0].emit_data = false
				_act_once(action, holder, calls, listener)
		)
		ends[1].send(utf8("x"))
		await _after_the_call(calls, action)
		await _judge(action, holder, listener, ends[1])


func test_inside_disconnected_and_closed() -> void:
	for signal_name: String in ["disconnected", "closed"]:
		for action in ACTIONS:
			var listener := listen()
			var ends := await connect_to(listener)
			var holder: Array[TcpClient] = [ends[0]]
			ends[0] = null
			var calls := [0]
			if signal_name == "closed":
				holder[0].closed.connect(func(_reason: int) -> void: _act_once(action, holder, calls, listener))
			else:
				holder[0].disconnected.connect(_act_once.bind(action, holder, calls, listener))
			ends[1].disconnect_from_host()
			await _after_the_call(calls, "%s in %s" % [action, signal_name])
			if action == "reconnect":
				equal(await holder[0].wait_connected(5.0), [OK], signal_name)
			elif action == "release":
				equal(holder[0], null)
			else:
				equal(holder[0].get_status(), TcpClient.STATUS_NONE, action)


func test_inside_connect_failed() -> void:
	for action in ACTIONS:
		var listener := listen()
		var holder: Array[TcpClient] = [TcpClient.new()]
		var calls := [0]
		holder[0].connect_failed.connect(func(_error: int) -> void: _act_once(action, holder, calls, listener))
		holder[0].connect_to_host(LOOPBACK, free_port())
		await _after_the_call(calls, action)
		if action == "reconnect":
			equal(await holder[0].wait_connected(5.0), [OK])
		elif action == "release":
			equal(holder[0], null)
		else:
			equal(holder[0].get_status(), TcpClient.STATUS_ERROR, action)


func test_retrying_until_the_server_is_there() -> void:
	var client := TcpClient.new()
	var port := free_port()
	var listener := TcpListener.create(port, LOOPBACK)
	var attempts := 0
	while attempts < 20:
		attempts += 1
		is_ok(client.connect_to_host(LOOPBACK, port))
		if (await client.wait_connected(5.0) as Array)[0] == OK:
			break
		if attempts == 5:
			is_ok(listener.start())
	equal(attempts, 6)
	var peer := (await listener.accept() as Array)[1] as TcpClient
	client.send(utf8("x"))
	equal(await peer.recv(1), [OK, utf8("x")])


## Each failed receive is followed by a new connection, in the same call stack.
func test_reconnecting_inside_a_failed_receive() -> void:
	var listener := listen()
	var client := TcpClient.new()
	for ending: String in ["peer closes", "peer aborts", "local close", "local abort"]:
		is_ok(client.connect_to_host(LOOPBACK, listener.get_local_port()), ending)
		var accepted := (await listener.accept(5.0) as Array)[1] as TcpClient
		equal(await client.wait_connected(5.0), [OK], ending)
		var closes: Array[int] = []
		var note := func(reason: int) -> void: closes.append(reason)
		client.closed.connect(note)
		var failed := start(_fail_and_reconnect.bind(client, listener))
		match ending:
			"peer closes":
				accepted.disconnect_from_host()
			"peer aborts":
				accepted.abort()
			"local close":
				client.disconnect_from_host()
			"local abort":
				client.abort()
		not_equal(await failed.wait(), OK, ending)
		var anew := (await listener.accept(5.0) as Array)[1] as TcpClient
		equal(await client.wait_connected(5.0), [OK], ending)
		anew.send(utf8("x"))
		equal(await client.recv(1, 5.0), [OK, utf8("x")], ending)
		check(await wait_for(func() -> bool: return closes.size() == 1), "the old end is told once: %s" % [closes])
		client.closed.disconnect(note)
		var by_host := ending.begins_with("local")
		if ending == "peer aborts":
			equal(closes, [TcpClient.CLOSE_ERROR] as Array[int], ending)
		else:
			equal(closes, [TcpClient.CLOSE_BY_HOST if by_host else TcpClient.CLOSE_BY_PEER] as Array[int], ending)
		client.disconnect_from_host()
		await client.disconnected


func test_inside_client_connected() -> void:
	for action: String in ["accept", "stop", "restart", "process", "release", "stop_all", "send", "drop client"]:
		var holder: Array[TcpListener] = [listen()]
		_port = holder[0].get_local_port()
		var clients: Array[TcpClient] = []
		var calls := [0]
		holder[0].client_connected.connect(
			func(accepted: TcpClient) -> void:
				calls[0] += 1
				clients.append(accepted)
				await _act_on_listener(action, holder, clients)
		)
		var client := TcpClient.new()
		client.connect_to_host(LOOPBACK, _port)
		await _after_the_call(calls, action)
		match action:
			"send":
				equal(await client.recv(5, 5.0), [OK, utf8("hello")])
			"restart":
				check(holder[0].is_listening())
				var second := TcpClient.new()
				second.connect_to_host(LOOPBACK, _port)
				check(await wait_for(func() -> bool: return clients.size() == 2))
			"release", "stop", "stop_all":
				check(holder[0] == null or not holder[0].is_listening())
			"accept", "process":
				check(holder[0].is_listening())
				clients[0].send(utf8("x"))
				equal(await client.recv(1, 5.0), [OK, utf8("x")])
			"drop client":
				equal(client.get_status(), TcpClient.STATUS_CONNECTED)
				is_ok(await holder[0].accept(5.0), "the listener keeps what nobody took by accept()")


func test_inside_client_disconnected() -> void:
	for action: String in ["accept", "stop", "restart", "process", "release", "stop_all"]:
		var holder: Array[TcpListener] = [listen()]
		_port = holder[0].get_local_port()
		var ends := await connect_to(holder[0])
		var calls := [0]
		holder[0].client_disconnected.connect(
			func(gone: TcpClient) -> void:
				calls[0] += 1
				equal(gone, ends[1])
				equal(gone.get_close_reason(), TcpClient.CLOSE_BY_PEER)
				await _act_on_listener(action, holder, [gone])
		)
		ends[0].disconnect_from_host()
		await _after_the_call(calls, action)
		if action == "restart":
			check(holder[0].is_listening())


func test_inside_a_task() -> void:
	var ends := await connect_pair()
	var second := NetTask.from(ends[0].recv(1))
	var third := NetTask.from(ends[0].recv(1))
	var fourth := NetTask.from(ends[0].recv(1))
	second.completed.connect(func(_result: Array) -> void: third.cancel())
	third.completed.connect(func(_result: Array) -> void: ends[0].process())
	ends[1].send(utf8("abc"))
	equal(await fourth.wait(), [OK, utf8("b")])
	is_error(third.get_result(), ERR_SKIP)
	equal(await ends[0].recv(1), [OK, utf8("c")])


## A handler that calls process() with a budget meets other sockets' handlers inside it.
func test_a_drain_inside_a_drain() -> void:
	var listener := listen()
	var first := await connect_to(listener)
	var second := await connect_to(listener)
	var done := start(
		func() -> Array:
			var request := await first[1].recv(1) as Array
			var inner := NetTask.from(second[1].recv(1))
			second[0].send(utf8("y"))
			while not inner.is_completed():
				listener.process(20_000)
			return [request, inner.get_result()]
	)
	first[0].send(utf8("x"))
	equal(await done.wait(), [[OK, utf8("x")], [OK, utf8("y")]])


func _receive_and_act(action: String, holder: Array[TcpClient], calls: Array, listener: TcpListener) -> void:
	await holder[0].recv(1)
	_act_once(action, holder, calls, listener)


func _fail_and_reconnect(client: TcpClient, listener: TcpListener) -> Error:
	var error: Error = (await client.recv(1) as Array)[0]
	is_ok(client.connect_to_host(LOOPBACK, listener.get_local_port()), "reconnect")
	return error


func _act_once(action: String, holder: Array[TcpClient], calls: Array, listener: TcpListener) -> void:
	calls[0] += 1
	if calls[0] > 1:
		return
	match action:
		"send":
			holder[0].send(utf8("sent"))
		"recv":
			NetTask.from(holder[0].recv(1))
		"disconnect":
			holder[0].disconnect_from_host()
		"abort":
			holder[0].abort()
		"process":
			holder[0].process()
			holder[0].process(1000)
			holder[0].poll()
			listener.process(1000)
		"reconnect":
			holder[0].disconnect_from_host()
			is_ok(holder[0].connect_to_host(LOOPBACK, listener.get_local_port()), "reconnect")
		"release":
			holder[0] = null
		"stop_all":
			AsyncSockets.stop_all()


func _act_on_listener(action: String, holder: Array[TcpListener], clients: Array) -> void:
	match action:
		"accept":
			await holder[0].accept()
		"stop":
			holder[0].stop()
		"restart":
			holder[0].stop()
			holder[0].port = _port
			is_ok(holder[0].start(), "restart")
		"process":
			holder[0].process()
			holder[0].process(1000)
		"release":
			holder[0] = null
		"stop_all":
			AsyncSockets.stop_all()
		"send":
			(clients[0] as TcpClient).send(utf8("hello"))
		"drop client":
			clients.clear()


func _after_the_call(calls: Array, action: String) -> void:
	check(await wait_for(func() -> bool: return calls[0] > 0), "%s: the handler was not called" % action)
	await frames(3)
	if action != "reconnect":
		equal(calls[0], 1, action)


## Checks what must hold after an action on an established connection. `peer` is the other end, if already accepted.
func _judge(action: String, holder: Array[TcpClient], listener: TcpListener, peer: TcpClient) -> void:
	if action == "stop_all":
		equal(holder[0].get_status(), TcpClient.STATUS_NONE, action)
		check(not listener.is_listening())
		return
	if peer == null:
		peer = (await listener.accept(5.0) as Array)[1]
	match action:
		"send":
			equal(await peer.recv(4, 5.0), [OK, utf8("sent")])
		"recv", "process":
			equal(holder[0].get_status(), TcpClient.STATUS_CONNECTED, action)
		"disconnect", "release":
			equal(await peer.recv(1, 5.0), [ERR_FILE_EOF, PackedByteArray()], action)
		"abort":
			is_error(await peer.recv(1, 5.0), ERR_CONNECTION_ERROR, action)
		"reconnect":
			is_error(await peer.recv(1, 5.0), ERR_FILE_EOF, action)
			equal(await holder[0].wait_connected(5.0), [OK], action)
			var again := (await listener.accept(5.0) as Array)[1] as TcpClient
			again.send(utf8("x"))
			equal(await holder[0].recv(1, 5.0), [OK, utf8("x")], action)
