extends WebSocketClientTest
## Every method in every state of a WebSocketClient.


func test_before_the_first_connection() -> void:
	client()
	state_is(WebSocketClient.STATE_CLOSED)
	is_error(ws.send_text("x"), ERR_UNCONFIGURED)
	is_error(ws.send_binary(utf8("x")), ERR_UNCONFIGURED)
	is_error(ws.send_text_data(utf8("x")), ERR_UNCONFIGURED)
	is_error(ws.ping(), ERR_UNCONFIGURED)
	is_error(ws.reconnect_now(), ERR_UNCONFIGURED)
	equal(await ws.wait_connected(), [ERR_UNCONFIGURED])
	equal(await ws.flush(), [ERR_UNCONFIGURED])
	equal(await ws.recv(), [ERR_UNCONFIGURED, ""])
	equal(await ws.recv_text(), [ERR_UNCONFIGURED, ""])
	equal(await ws.recv_binary(), [ERR_UNCONFIGURED, PackedByteArray()])
	equal(await ws.close_async(), [ERR_UNCONFIGURED, -1, ""])
	check(ws.get_last_error_message().contains("connect_to_url"), ws.get_last_error_message())
	ws.close()
	ws.abort()
	ws.poll()
	equal(ws.process(), 0)
	await heard_only([])
	state_is(WebSocketClient.STATE_CLOSED)


func test_connect_to_url_in_every_state() -> void:
	serve()
	client()
	is_ok(ws.connect_to_url(url()), "new")
	is_error(ws.connect_to_url(url()), ERR_ALREADY_IN_USE, "connecting")
	is_ok(await ws.wait_connected(5.0))
	is_error(ws.connect_to_url(url()), ERR_ALREADY_IN_USE, "open")
	not_equal(ws.get_last_error_message(), "")
	await told("connected", [1])
	ws.close(4000, "first")
	state_is(WebSocketClient.STATE_CLOSING)
	is_ok(ws.connect_to_url(url()), "closing")
	state_is(WebSocketClient.STATE_CONNECTING)
	is_ok(await ws.wait_connected(5.0))
	await told("disconnected", [1, 4000, "first"])
	await told("connected", [2])
	await heard_only([["connected"], ["disconnected", 4000, "first", false], ["connected"]])
	ws.send_text("of the second")
	await told("message", [2, "of the second"])
	is_ok(await ws.close_async(1000, "", 5.0))
	is_ok(ws.connect_to_url(url()), "closed")
	is_ok(await ws.wait_connected(5.0))


func test_connect_to_url_after_a_failure() -> void:
	serve()
	client()
	ws.connect_to_url("ws://%s:%d" % [LOOPBACK, free_port()])
	is_error(await ws.wait_connected(5.0), ERR_CANT_CONNECT)
	state_is(WebSocketClient.STATE_CLOSED)
	is_error(ws.send_text("x"), ERR_CANT_CONNECT)
	is_error(await ws.recv(), ERR_CANT_CONNECT)
	is_error(await ws.flush(), ERR_CANT_CONNECT)
	is_ok(ws.connect_to_url(url()))
	is_ok(await ws.wait_connected(5.0))


func test_connect_to_url_while_it_waits_to_reconnect() -> void:
	await join_client({"reconnect": true, "reconnect_min_delay": 100.0, "reconnect_max_delay": 100.0})
	server.disconnect_client(1, 1011)
	await hears("reconnecting")
	check(ws.is_reconnecting())
	state_is(WebSocketClient.STATE_CONNECTING)
	is_error(ws.connect_to_url(url()), ERR_ALREADY_IN_USE)
	ws.abort()
	is_ok(ws.connect_to_url(url()))
	is_ok(await ws.wait_connected(5.0))
	var expected: Array[Array] = [["connected"], ["disconnected", 1011, "", true], ["reconnecting", 1]]
	expected.append(["disconnected", 1006, "closed before the connection was established", false])
	expected.append(["connected"])
	await heard_only(expected)


func test_ends_of_an_attempt() -> void:
	for end: String in ["close", "abort", "close_async"]:
		client()
		ws.connect_to_url(silent_url())
		var connecting := NetTask.from(ws.wait_connected())
		var receiving := NetTask.from(ws.recv())
		await frames(2)
		ws.call(end)
		equal(heard, [] as Array[Array], "no signal inside the call")
		state_is(WebSocketClient.STATE_CLOSED, end)
		equal(await connecting.wait(), [ERR_UNAVAILABLE])
		equal(await receiving.wait(), [ERR_UNAVAILABLE, ""])
		await heard_only([["disconnected", 1006, "closed before the connection was established", false]])
		equal(ws.get_close_code(), 1006)
		ws.call(end)
		await heard_only([["disconnected", 1006, "closed before the connection was established", false]])


func test_a_pending_flush_does_not_delay_the_close_of_an_attempt() -> void:
	client()
	ws.connect_to_url(silent_url())
	var flushing := NetTask.from(ws.flush())
	ws.close()
	state_is(WebSocketClient.STATE_CLOSED, "no message waits")
	equal(await flushing.wait(), [ERR_UNAVAILABLE])


func test_messages_that_wait_for_an_attempt_that_fails() -> void:
	client({"handshake_timeout": 0.2})
	ws.connect_to_url(silent_url())
	ws.send_text("x".repeat(100))
	equal(ws.get_pending_bytes(), 100)
	var closing := NetTask.from(ws.close_async(4000, "bye"))
	state_is(WebSocketClient.STATE_CLOSING)
	is_error(ws.send_text("too late"), ERR_UNAVAILABLE)
	is_error(await closing.wait(), ERR_CONNECTION_ERROR)
	await hears("disconnected")
	equal([how_often("disconnected"), heard.size(), heard.back()[1]], [1, 1, 1006])
	state_is(WebSocketClient.STATE_CLOSED)
	equal([ws.get_pending_bytes(), ws.get_unsent_bytes()], [0, 100])


func test_abort_while_messages_wait_for_an_attempt() -> void:
	client()
	ws.connect_to_url(silent_url())
	ws.send_text("x")
	ws.close()
	state_is(WebSocketClient.STATE_CLOSING)
	ws.abort()
	await hears("disconnected")
	state_is(WebSocketClient.STATE_CLOSED)
	equal([how_often("disconnected"), heard.back()[1]], [1, 1006])


func test_close_and_abort_in_every_order() -> void:
	for ends: Array in [["close", "close"], ["close", "abort"], ["abort", "close"], ["abort", "abort"]]:
		await join_client()
		for end: String in ends:
			ws.call(end)
		await hears("disconnected")
		await told_times("disconnected", 1)
		await frames(2)
		equal(how_often("disconnected"), 1, str(ends))
		state_is(WebSocketClient.STATE_CLOSED)
		for end: String in ends:
			ws.call(end)
		await frames(2)
		equal(how_often("disconnected"), 1, str(ends))


func test_an_abort_and_a_new_connection_in_one_moment() -> void:
	await join_client()
	ws.abort()
	is_ok(ws.connect_to_url(url()))
	is_ok(await ws.wait_connected(5.0))
	await told_times("connected", 2)
	await told_times("disconnected", 1)
	await frames(3)
	equal(heard.map(func(event: Array) -> String: return event[0]), ["connected", "disconnected", "connected"])
	equal([heard[1][1], heard[1][3]], [1006, false])
	check(not str(heard[1][2]).contains("before the connection was established"), str(heard[1][2]))


func test_what_was_pending_before_a_new_connection() -> void:
	await join_client()
	var receiving := NetTask.from(ws.recv())
	ws.close()
	ws.connect_to_url(url())
	var anew := NetTask.from(ws.recv())
	equal(await receiving.wait(), [ERR_UNAVAILABLE, ""])
	is_ok(await ws.wait_connected(5.0))
	await told("connected", [2])
	server.send_text(2, "new")
	equal(await anew.wait(), [OK, "new"])


func test_reconnect_now_in_every_state() -> void:
	serve()
	client()
	is_error(ws.reconnect_now(), ERR_UNCONFIGURED)
	ws.connect_to_url(url())
	is_ok(ws.reconnect_now(), "connecting")
	is_ok(await ws.wait_connected(5.0))
	is_ok(ws.reconnect_now(), "open")
	ws.close()
	is_error(ws.reconnect_now(), ERR_UNCONFIGURED, "closing")
	await hears("disconnected")
	is_error(ws.reconnect_now(), ERR_UNCONFIGURED, "closed")
	not_equal(ws.get_last_error_message(), "")


func test_giving_up() -> void:
	client({"reconnect": true, "reconnect_min_delay": 0.01, "reconnect_max_delay": 0.02, "reconnect_max_attempts": 1})
	ws.connect_to_url("ws://%s:%d" % [LOOPBACK, free_port()])
	equal(await ws.wait_connected(5.0), [ERR_CANT_CONNECT])
	var failed := ["connect_failed", ERR_CANT_CONNECT]
	await heard_only([failed, ["reconnecting", 1], failed, ["gave_up", ERR_CANT_CONNECT]])


func test_a_restarted_server() -> void:
	var properties := {"reconnect": true, "reconnect_min_delay": 0.02, "reconnect_max_delay": 0.05}
	await join_client(properties)
	ws.max_offline_bytes = 10
	ws.reconnect_on_codes = PackedInt32Array()
	var port := server.get_local_port()
	server.stop()
	await hears("reconnecting")
	is_ok(ws.send_text("kept"))
	is_error(ws.send_text("too long"), ERR_OUT_OF_MEMORY)
	var flushing := NetTask.from(ws.flush(5.0))
	check(server.start(port, LOOPBACK))
	is_ok(await ws.wait_connected(5.0))
	is_ok(await flushing.wait())
	await told("message", [2, "kept"])
	equal(ws.get_unsent_bytes(), 0)
