extends WebSocketReconnectTest
## When a WebSocketClient connects again, when it gives up, and how long it waits.

## Close codes of a server, and whether the client comes back by default.
const CODES := {
	1000: false,
	1001: true,
	1002: true,
	1003: true,
	1007: true,
	1008: false,
	1009: true,
	1010: true,
	1011: true,
	1012: true,
	1013: true,
	1014: true,
	3000: true,
	3999: true,
	4000: false,
	4999: false,
}
## HTTP statuses that answer an attempt, the error it fails with, and whether there is another one.
const STATUSES := {
	200: [ERR_CONNECTION_ERROR, false],
	301: [ERR_CONNECTION_ERROR, false],
	400: [ERR_CONNECTION_ERROR, false],
	401: [ERR_UNAUTHORIZED, false],
	403: [ERR_UNAUTHORIZED, false],
	404: [ERR_DOES_NOT_EXIST, false],
	407: [ERR_UNAUTHORIZED, false],
	408: [ERR_TIMEOUT, true],
	410: [ERR_DOES_NOT_EXIST, false],
	425: [ERR_CONNECTION_ERROR, true],
	426: [ERR_CONNECTION_ERROR, false],
	429: [ERR_BUSY, true],
	500: [ERR_CONNECTION_ERROR, true],
	502: [ERR_CONNECTION_ERROR, true],
	503: [ERR_BUSY, true],
	599: [ERR_CONNECTION_ERROR, true],
}


func time_limit(_test_name: String) -> float:
	return 30.0


func test_off_by_default() -> void:
	equal(WebSocketClient.new().reconnect, false)
	await lose_server({"reconnect": false})
	await signals_are([["connected"], ["disconnected", 1006, ws.get_close_reason(), false]])
	equal([ws.get_ready_state(), ws.is_reconnecting()], [WebSocketClient.STATE_CLOSED, false])
	is_error(ws.reconnect_now(), ERR_UNCONFIGURED)
	is_error(await ws.wait_connected(), ERR_CONNECTION_ERROR)


func test_after_which_codes() -> void:
	for code: int in CODES:
		await _closes_with(code, LONG, CODES[code])


func test_a_list_of_codes_replaces_the_rule() -> void:
	var listed := LONG.merged({"reconnect_on_codes": PackedInt32Array([1000, 4001])})
	for pair: Array in [[1000, true], [4001, true], [1001, false], [1012, false], [4000, false]]:
		await _closes_with(pair[0], listed, pair[1])
	# A connection that broke is 1006, a close frame without a code 1005.
	await lose_server(listed)
	await signals_are(
		[["connected"], ["disconnected", 1006, ws.get_close_reason(), false], ["gave_up", ERR_CONNECTION_ERROR]]
	)
	await lose_server(LONG.merged({"reconnect_on_codes": PackedInt32Array([1006])}))
	await signals_are([["connected"], ["disconnected", 1006, ws.get_close_reason(), false], ["reconnecting", 1]])


func test_a_close_frame_without_a_code() -> void:
	var fake := fake_server()
	await join_fake(fake, LONG)
	fake.send(frame(FIN | CLOSE, PackedByteArray(), false))
	await signals_are([["connected"], ["disconnected", 1005, "", true], ["reconnecting", 1]])


func test_a_server_that_violates_the_protocol() -> void:
	var fake := fake_server()
	await join_fake(fake, LONG)
	fake.send(frame(FIN | 0x3, PackedByteArray(), false))
	await signalled("reconnecting")
	equal(ws.get_close_code(), 1002)


func test_lists_that_are_refused() -> void:
	make_client()
	ws.reconnect_on_codes = PackedInt32Array([1001, 4000])
	for wrong: Array in [[999], [5000], [-1], [1001, 0], [65536 + 1001]]:
		ws.reconnect_on_codes = PackedInt32Array(wrong)
		equal(ws.reconnect_on_codes, PackedInt32Array([1001, 4000]), str(wrong))
	ws.reconnect_on_codes = PackedInt32Array()
	equal(ws.reconnect_on_codes, PackedInt32Array())


func test_values_that_are_refused() -> void:
	make_client({"reconnect_min_delay": 2.0, "reconnect_max_delay": 3.0, "reconnect_max_attempts": 4})
	for wrong: float in [0.0, 0.0009, -1.0, 86_401.0, INF, NAN]:
		ws.reconnect_min_delay = wrong
		ws.reconnect_max_delay = wrong
	for wrong: int in [-1, 1 << 31]:
		ws.reconnect_max_attempts = wrong
		ws.max_offline_bytes = wrong
	equal([ws.reconnect_min_delay, ws.reconnect_max_delay, ws.reconnect_max_attempts], [2.0, 3.0, 4])
	equal(ws.max_offline_bytes, 0)


func test_after_which_statuses() -> void:
	for status: int in STATUSES:
		var fake := fake_server()
		fake.response = "HTTP/1.1 %d Answer\r\nContent-Length: 0\r\n\r\n" % status
		make_client(LONG)
		is_ok(ws.connect_to_url(fake.start()))
		var error: int = STATUSES[status][0]
		var last: Array = ["reconnecting", 1] if STATUSES[status][1] else ["gave_up", error]
		await signalled(last[0])
		equal(signals, [["connect_failed", error], last] as Array[Array], "status %d" % status)
		equal(ws.get_response_status(), status)


func test_an_answer_that_is_none_of_a_websocket_server() -> void:
	for answer: String in ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\n\r\n"]:
		var fake := fake_server()
		fake.response = answer
		make_client(LONG)
		is_ok(ws.connect_to_url(fake.start()))
		await signals_are([["connect_failed", ERR_INVALID_DATA], ["gave_up", ERR_INVALID_DATA]])


func test_the_server_asks_for_time() -> void:
	for pair: Array in [["7", 7.0], ["100000", 20.0], ["0", 0.001]]:
		var fake := fake_server()
		fake.response = "HTTP/1.1 503 Busy\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n" % pair[0]
		make_client({"reconnect_min_delay": 0.001, "reconnect_max_delay": 20.0})
		is_ok(ws.connect_to_url(fake.start()))
		await signalled("reconnecting")
		at_least(delays[0], pair[1])
		at_most(delays[0], maxf(pair[1], 0.002))


func test_the_number_of_attempts() -> void:
	make_client({"reconnect_max_attempts": 3})
	is_ok(ws.connect_to_url(url(free_port())))
	var waiting := NetTask.from(ws.wait_connected())
	var receive := NetTask.from(ws.recv())
	is_ok(ws.send_text("lost"))
	var failed: Array = ["connect_failed", ERR_CANT_CONNECT]
	var expected := [failed]
	for attempt: int in [1, 2, 3]:
		expected.append_array([["reconnecting", attempt], failed])
	expected.append(["gave_up", ERR_CANT_CONNECT])
	await signals_are(expected)
	is_error(waiting.get_result(), ERR_CANT_CONNECT)
	is_error(receive.get_result(), ERR_CANT_CONNECT)
	equal([ws.get_unsent_bytes(), ws.get_pending_bytes(), ws.is_reconnecting()], [4, 0, false])
	is_error(ws.send_text("x"), ERR_CANT_CONNECT)
	check(not ws.get_last_error_message().is_empty())
	# A new session counts anew.
	is_ok(ws.connect_to_url(url(free_port())))
	await signalled("gave_up", 2)
	equal(count_of("reconnecting"), 6)


func test_the_attempts_after_a_loss() -> void:
	await lose_server({"reconnect_max_attempts": 2})
	var lost: Array = ["disconnected", 1006, ws.get_close_reason(), false]
	var failed: Array = ["connect_failed", ERR_CANT_CONNECT]
	await signals_are(
		[["connected"], lost, ["reconnecting", 1], failed, ["reconnecting", 2], failed, ["gave_up", ERR_CANT_CONNECT]]
	)
	# The last attempt had no response.
	equal(ws.get_response_status(), 0)


## A server that accepts and drops at once is not asked more and more often.
func test_a_short_connection_does_not_end_the_row() -> void:
	var fake := fake_server()
	await join_fake(fake)
	for attempt: int in [1, 2, 3]:
		fake.drop()
		await signalled("reconnecting", attempt)
		await signalled("connected", attempt + 1)
	var attempts := signals.filter(func(entry: Array) -> bool: return entry[0] == "reconnecting")
	equal(attempts, [["reconnecting", 1], ["reconnecting", 2], ["reconnecting", 3]])


func test_the_delays() -> void:
	make_client({"reconnect_min_delay": 0.002, "reconnect_max_delay": 0.02, "reconnect_max_attempts": 40})
	is_ok(ws.connect_to_url(url(free_port())))
	await signalled("gave_up", 1, 20.0)
	equal(delays.size(), 40)
	for index in delays.size():
		at_least(delays[index], 0.002)
		at_most(delays[index], minf(0.02, 0.002 * pow(2, index + 1)) + 0.000001)
	var different := {}
	for delay in delays:
		different[delay] = true
	at_least(different.size(), 30, "they are random")


func test_the_default_delays() -> void:
	make_client({"reconnect_min_delay": 0.5, "reconnect_max_delay": 30.0})
	var fresh := WebSocketClient.new()
	equal([fresh.reconnect_min_delay, fresh.reconnect_max_delay, fresh.reconnect_max_attempts], [0.5, 30.0, 0])
	is_ok(ws.connect_to_url(url(free_port())))
	for attempt: int in range(1, 9):
		await signalled("reconnecting", attempt)
		at_least(delays[-1], 0.5)
		at_most(delays[-1], minf(30.0, 0.5 * pow(2, attempt)))
		is_ok(ws.reconnect_now())


func test_reconnect_now() -> void:
	make_client(LONG)
	is_error(ws.reconnect_now(), ERR_UNCONFIGURED)
	var port := free_port()
	is_ok(ws.connect_to_url(url(port)))
	is_ok(ws.reconnect_now(), "while connecting it does nothing")
	await signalled("reconnecting")
	await serve_again(port)
	is_ok(ws.reconnect_now())
	is_ok(ws.reconnect_now(), "and twice is once")
	is_ok(await ws.wait_connected(5.0))
	is_ok(ws.reconnect_now(), "nor while connected")
	await frames(3)
	equal(server.get_client_count(), 1)
	equal(events.of("connected").size(), 1)
	ws.close()
	is_error(ws.reconnect_now(), ERR_UNCONFIGURED)


## The time limit of an attempt applies to each.
func test_an_attempt_that_gets_no_answer() -> void:
	var silent := TCPServer.new()
	silent.listen(0, LOOPBACK)
	make_client({"handshake_timeout": 0.05})
	is_ok(ws.connect_to_url(url(silent.get_local_port())))
	await signalled("reconnecting", 3)
	var failed: Array = ["connect_failed", ERR_TIMEOUT]
	var expected: Array[Array] = [failed, ["reconnecting", 1], failed, ["reconnecting", 2], failed, ["reconnecting", 3]]
	equal(signals.slice(0, 6), expected)
	silent.stop()


func test_switched_on_after_connecting() -> void:
	await connect_client({"reconnect": false})
	ws.reconnect = true
	server.stop()
	await signalled("reconnecting")


func test_a_name_that_does_not_resolve_may_do_later() -> void:
	make_client(LONG)
	is_ok(ws.connect_to_url("ws://no-such-name.invalid"))
	await signalled("reconnecting", 1, 20.0)
	equal(signals[0], ["connect_failed", ERR_CANT_RESOLVE])


func _closes_with(code: int, properties: Dictionary, comes_back: bool) -> void:
	var fake := fake_server()
	await join_fake(fake, properties)
	fake.send(frame(FIN | CLOSE, close_payload(code, "why"), false))
	var last: Array = ["reconnecting", 1] if comes_back else ["gave_up", ERR_FILE_EOF]
	await signalled(last[0])
	equal(signals, [["connected"], ["disconnected", code, "why", true], last] as Array[Array])
	equal([ws.get_close_code(), ws.get_close_reason(), ws.is_reconnecting()], [code, "why", comes_back])
	var state := WebSocketClient.STATE_CONNECTING if comes_back else WebSocketClient.STATE_CLOSED
	equal(ws.get_ready_state(), state)
