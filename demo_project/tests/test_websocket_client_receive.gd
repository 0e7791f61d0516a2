extends WebSocketClientTest
## What the receiving methods of a WebSocketClient give, and the other awaitables with them.


func test_results_that_are_there_come_immediately() -> void:
	await join_client()
	for index in 3:
		server.send_text(1, str(index))
	check(await wait_for(func() -> bool: return ws.get_available_message_count() == 3))
	for index in 3:
		equal(ws.recv(), [OK, str(index)], "not a signal")
		equal(ws.get_available_message_count(), 2 - index)
	check(ws.recv(0.01) is Signal)
	check(ws.wait_connected() is Array)
	check(ws.flush() is Array)


func test_the_number_of_available_messages() -> void:
	await join_client()
	for index in 10:
		server.send_text(1, str(index))
		check(await wait_for(func() -> bool: return ws.get_available_message_count() == index + 1), str(index))
	equal(ws.recv(), [OK, "0"])
	equal(ws.get_available_message_count(), 9)


func test_pending_receives_are_served_in_order() -> void:
	await join_client()
	var receives := [ws.recv, ws.recv_text, ws.recv_binary]
	var tasks: Array[NetTask] = []
	for index in 9:
		tasks.append(NetTask.from((receives[index % 3] as Callable).call(5.0)))
	for index in 9:
		if index % 3 == 2:
			server.send_binary(1, PackedByteArray([index]))
		else:
			server.send_text(1, str(index))
	for index in 9:
		var expected: Variant = PackedByteArray([index]) if index % 3 == 2 else str(index)
		equal(await tasks[index].wait(), [OK, expected])


func test_a_receive_of_the_other_kind_leaves_the_message() -> void:
	await join_client()
	var pending := NetTask.from(ws.recv_binary(5.0))
	server.send_text(1, "text")
	server.send_binary(1, PackedByteArray([7]))
	equal(await pending.wait(), [ERR_INVALID_DATA, PackedByteArray()], "pending")
	equal(await ws.recv_binary(5.0), [ERR_INVALID_DATA, PackedByteArray()], "immediate")
	equal(await ws.recv_text(5.0), [OK, "text"])
	equal(await ws.recv_text(5.0), [ERR_INVALID_DATA, ""])
	equal(await ws.recv(5.0), [OK, PackedByteArray([7])])
	equal(ws.get_available_message_count(), 0)


func test_empty_messages() -> void:
	await join_client()
	server.send_text(1, "")
	server.send_binary(1, PackedByteArray())
	equal(await ws.recv(5.0), [OK, ""])
	equal(await ws.recv(5.0), [OK, PackedByteArray()])
	ws.send_text("")
	ws.send_binary(PackedByteArray())
	await told("data", [1, PackedByteArray()])
	equal(events.of("message"), [[1, ""]])


func test_timeouts() -> void:
	await join_client()
	equal(await ws.recv(0.02), [ERR_TIMEOUT, ""])
	equal(await ws.recv_text(0.02), [ERR_TIMEOUT, ""])
	equal(await ws.recv_binary(0.02), [ERR_TIMEOUT, PackedByteArray()])
	not_equal(ws.get_last_error_message(), "")
	ws.timeout = 0.02
	equal(await ws.recv(), [ERR_TIMEOUT, ""])
	var unlimited := NetTask.from(ws.recv(0))
	var limited := NetTask.from(ws.recv())
	equal(await limited.wait(), [ERR_TIMEOUT, ""], "behind one without a limit")
	check(not unlimited.is_completed())
	server.send_text(1, "late")
	equal(await unlimited.wait(), [OK, "late"])
	state_is(WebSocketClient.STATE_OPEN)


func test_a_timeout_of_every_awaitable() -> void:
	client()
	ws.connect_to_url(silent_url())
	var all := {
		"wait_connected": [ERR_TIMEOUT],
		"flush": [ERR_TIMEOUT],
		"recv": [ERR_TIMEOUT, ""],
		"recv_text": [ERR_TIMEOUT, ""],
		"recv_binary": [ERR_TIMEOUT, PackedByteArray()],
	}
	for method: String in all:
		equal(await ws.call(method, 0.01), all[method], method)
	ws.send_text("waits for the connection")
	equal(await ws.close_async(1000, "", 0.01), [ERR_TIMEOUT, -1, ""])
	state_is(WebSocketClient.STATE_CLOSING)


func test_a_cancelled_receive_takes_nothing() -> void:
	await join_client()
	var tasks: Array[NetTask] = []
	for method: String in ["recv", "recv_text", "recv_binary"]:
		tasks.append(NetTask.from(ws.call(method)))
	var last := NetTask.from(ws.recv())
	for task in tasks:
		task.cancel()
	equal(tasks[0].get_result(), [ERR_SKIP, ""])
	equal(tasks[2].get_result(), [ERR_SKIP, PackedByteArray()])
	server.send_text(1, "for the next one")
	equal(await last.wait(), [OK, "for the next one"])


func test_every_awaitable_can_be_cancelled() -> void:
	client()
	ws.connect_to_url(silent_url())
	var connecting := NetTask.from(ws.wait_connected())
	var flushing := NetTask.from(ws.flush())
	ws.send_text("x")
	var closing := NetTask.from(ws.close_async())
	for task: NetTask in [connecting, flushing, closing]:
		task.cancel()
	equal(connecting.get_result(), [ERR_SKIP])
	equal(flushing.get_result(), [ERR_SKIP])
	equal(closing.get_result(), [ERR_SKIP, -1, ""])
	ws.abort()
	await hears("disconnected")


func test_a_dropped_awaiter_takes_nothing() -> void:
	await join_client()
	for end: StringName in [&"free", &"queue_free"]:
		for method: String in ["recv", "recv_text"]:
			var awaiter := Awaiter.new()
			awaiter.receive = Callable(ws, method)
			awaiter.run()
			awaiter.call(end)
			await frames(2)
			server.send_text(1, method)
			equal(await ws.recv_text(5.0), [OK, method], end)


func test_the_loser_of_any_takes_nothing() -> void:
	await join_client()
	var gate := NetTask.from(ws.flush())
	await NetTask.any([ws.recv(), gate.wait()])
	server.send_text(1, "kept")
	equal(await ws.recv_text(5.0), [OK, "kept"])


func test_all() -> void:
	await join_client()
	server.send_text(1, "a")
	server.send_text(1, "b")
	equal(await NetTask.all([ws.recv(5.0), ws.recv(5.0)]), [[OK, "a"], [OK, "b"]])


func test_emitted_messages() -> void:
	await join_client({"emit_messages": true})
	server.send_text(1, "one")
	server.send_binary(1, PackedByteArray([2]))
	server.send_text(1, "three")
	await heard_only([["connected"], ["message", "one"], ["data", PackedByteArray([2])], ["message", "three"]])
	equal(await ws.recv(), [ERR_UNAVAILABLE, ""])
	equal(await ws.recv_text(), [ERR_UNAVAILABLE, ""])
	equal(await ws.recv_binary(), [ERR_UNAVAILABLE, PackedByteArray()])
	check(ws.get_last_error_message().contains("emit_messages"), ws.get_last_error_message())


func test_what_came_before_emitting_was_switched_on() -> void:
	await join_client()
	for index in 3:
		server.send_text(1, str(index))
	equal(await ws.recv(5.0), [OK, "0"])
	ws.emit_messages = true
	equal(heard, [["connected"]] as Array[Array], "not inside the assignment")
	await heard_only([["connected"], ["message", "1"], ["message", "2"]])


func test_a_receive_that_is_pending_when_emitting_is_switched_on() -> void:
	await join_client()
	var text := NetTask.from(ws.recv_text())
	var binary := NetTask.from(ws.recv_binary())
	ws.emit_messages = true
	equal(await text.wait(), [ERR_UNAVAILABLE, ""])
	equal(await binary.wait(), [ERR_UNAVAILABLE, PackedByteArray()])
	server.send_text(1, "x")
	await hears("message")


func test_emitting_switched_off_in_a_handler() -> void:
	await join_client({"emit_messages": true})
	ws.message_received.connect(func(_message: String) -> void: ws.emit_messages = false)
	for index in 5:
		server.send_text(1, str(index))
	await hears("message")
	for index in range(1, 5):
		equal(await ws.recv(5.0), [OK, str(index)])
	equal(how_often("message"), 1)


func test_emitting_switched_again_and_again() -> void:
	await join_client({"emit_messages": true})
	var got: Array[String] = []
	var alternate := func(message: String) -> void:
		got.append(message)
		ws.emit_messages = false
		got.append((await ws.recv_text(5.0) as Array)[1])
		ws.emit_messages = true
	ws.message_received.connect(alternate)
	var expected: Array[String] = []
	for index in 200:
		server.send_text(1, str(index))
		expected.append(str(index))
	check(await wait_for(func() -> bool: return got.size() == 200))
	equal(got, expected)


func test_a_turn_that_is_cut_loses_nothing() -> void:
	await join_client({"emit_messages": true})
	ws.message_received.connect(func(_message: String) -> void: OS.delay_usec(300))
	var expected: Array[Array] = [["connected"]]
	for index in 100:
		server.send_text(1, str(index))
		expected.append(["message", str(index)])
	server.disconnect_client(1, 4000)
	expected.append(["disconnected", 4000, "", true])
	await heard_only(expected)


func test_receives_do_not_hold_up_the_frame() -> void:
	await join_client()
	for index in 50:
		server.send_text(1, "x")
	check(await wait_for(func() -> bool: return ws.get_available_message_count() == 50))
	var first_frame := Engine.get_process_frames()
	for index in 50:
		is_ok(await ws.recv(5.0))
		OS.delay_usec(500)
	at_least(Engine.get_process_frames() - first_frame, 2)


class Awaiter:
	extends Node
	# Not an argument: the engine leaks those of a coroutine whose object is freed.
	var receive: Callable

	func run() -> void:
		await receive.call()
