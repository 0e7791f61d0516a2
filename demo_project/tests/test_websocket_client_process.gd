extends WebSocketClientTest
## When a WebSocketClient's events are handled: once a frame, or by process() and poll() alone.


func test_nothing_happens_without_process() -> void:
	serve()
	client({"auto_process": false, "emit_messages": true})
	ws.connect_to_url(url())
	await told("connected", [1])
	await frames(5)
	equal(heard, [] as Array[Array])
	state_is(WebSocketClient.STATE_CONNECTING)
	check(await wait_for(_processes_until.bind("connected")))
	state_is(WebSocketClient.STATE_OPEN)
	server.send_text(1, "one")
	server.send_binary(1, PackedByteArray([2]))
	await frames(5)
	equal(heard.size(), 1)
	check(await wait_for(_processes_until.bind("data")))
	server.disconnect_client(1, 4000)
	await frames(5)
	state_is(WebSocketClient.STATE_OPEN)
	check(await wait_for(_processes_until.bind("disconnected")))
	equal(
		heard,
		(
			[["connected"], ["message", "one"], ["data", PackedByteArray([2])], ["disconnected", 4000, "", true]]
			as Array[Array]
		)
	)


func test_the_number_of_events() -> void:
	await join_client({"auto_process": false, "emit_messages": true}, {}, false)
	equal(ws.process(), 0)
	for index in 10:
		server.send_text(1, str(index))
	var handled := 0
	while how_often("message") < 10 and handled < 100:
		handled += ws.process(1000)
		await frames(1)
	equal(handled, 10)


func test_a_budget_waits_for_events() -> void:
	serve()
	client({"auto_process": false})
	ws.connect_to_url(url())
	var deadline := Time.get_ticks_msec() + 5000
	# All in one frame: the server is drained along with the client.
	while ws.get_ready_state() != WebSocketClient.STATE_OPEN and Time.get_ticks_msec() < deadline:
		ws.process(2000)
		server.process()
	state_is(WebSocketClient.STATE_OPEN)
	equal(heard, [["connected"]] as Array[Array])
	while events.of("connected").is_empty() and Time.get_ticks_msec() < deadline:
		server.process(1000)
	server.send_text(1, "x")
	var receiving := NetTask.from(ws.recv())
	while not receiving.is_completed() and Time.get_ticks_msec() < deadline:
		ws.process(2000)
	equal(receiving.get_result(), [OK, "x"])


func test_poll() -> void:
	serve()
	client({"auto_process": false})
	ws.connect_to_url(url())
	var is_open := func() -> bool:
		ws.poll()
		return ws.get_ready_state() == WebSocketClient.STATE_OPEN
	check(await wait_for(is_open))


func test_timeouts_pass_by_process_alone() -> void:
	await join_client({"auto_process": false}, {}, false)
	var receiving := NetTask.from(ws.recv(0.02))
	await seconds(0.1)
	check(not receiving.is_completed())
	check(await wait_for(func() -> bool: return ws.process() >= 0 and receiving.is_completed()))
	equal(receiving.get_result(), [ERR_TIMEOUT, ""])


func test_switched_on_again() -> void:
	serve()
	client({"auto_process": false})
	ws.connect_to_url(url())
	await told("connected", [1])
	ws.auto_process = true
	is_ok(await ws.wait_connected(5.0))
	server.send_text(1, "x")
	equal(await ws.recv(5.0), [OK, "x"])


func test_ends_that_this_side_decides_wait_for_process() -> void:
	client({"auto_process": false})
	ws.connect_to_url(silent_url())
	ws.close()
	await frames(3)
	equal(heard, [] as Array[Array])
	ws.process()
	equal(how_often("disconnected"), 1)


func test_reconnecting_by_process_alone() -> void:
	await join_client({"auto_process": false, "reconnect": true, "reconnect_min_delay": 0.02}, {}, false)
	server.disconnect_client(1, 1011)
	check(await wait_for(_processes_until.bind("reconnecting")))
	await seconds(0.1)
	equal(events.of("connected").size(), 1)
	check(await wait_for(func() -> bool: return ws.process() >= 0 and how_often("connected") == 2))


func test_while_the_tree_is_paused() -> void:
	await join_client()
	get_tree().paused = true
	process_mode = Node.PROCESS_MODE_ALWAYS
	server.send_text(1, "x")
	equal(await ws.recv(5.0), [OK, "x"])


## Connects, by process() alone if the client is not automatic.
func join_client(properties := {}, server_properties := {}, automatic := true) -> WebSocketClient:
	if automatic:
		return await super(properties, server_properties)
	serve(server_properties)
	client(properties)
	is_ok(ws.connect_to_url(url()))
	check(await wait_for(_processes_until.bind("connected")))
	await told("connected", [1])
	return ws


func _processes_until(signal_name: String) -> bool:
	ws.process()
	return how_often(signal_name) > 0
