extends WebSocketLinkTest
## WebSocketLink: reconnecting.


func test_a_server_that_is_restarted() -> void:
	_link.reconnect = true
	await _join()
	var port := server.get_local_port()
	server.stop()
	await _tells("reconnecting")
	equal(_told.slice(1, 3), [["disconnected", 1001, _told[1][2], true], ["reconnecting", 1]])
	equal(_link.get_ready_state(), WebSocketLink.STATE_CONNECTING)
	check(server.start(port, LOOPBACK))
	equal(await _link.wait_connected(5.0), [OK])
	await told("connected", [2])
	_link.send_text("back")
	await told("message", [2, "back"])


func test_what_is_sent_while_the_connection_is_away() -> void:
	_link.reconnect = true
	await _join()
	var port := server.get_local_port()
	server.stop()
	await _tells("reconnecting")
	is_error(_link.send_text("x"), ERR_UNAVAILABLE, "max_offline_bytes is 0")
	_link.max_offline_bytes = 10
	is_ok(_link.send_text("a".repeat(6)))
	is_error(_link.send_text("b".repeat(6)), ERR_OUT_OF_MEMORY)
	is_ok(_link.send_text("c".repeat(4)))
	check(server.start(port, LOOPBACK))
	equal(await _link.wait_connected(5.0), [OK])
	await told("message", [2, "cccc"])
	equal(events.of("message"), [[2, "aaaaaa"], [2, "cccc"]])


func test_what_was_sent_before_a_first_connection_that_needs_more_than_one_attempt() -> void:
	_link.reconnect = true
	var port := free_port()
	_link.connect_to_url("ws://127.0.0.1:%d" % port)
	is_ok(_link.send_text("patient"))
	await _tells("reconnecting")
	equal(_told.slice(0, 2), [["connect_failed", ERR_CANT_CONNECT], ["reconnecting", 1]])
	is_ok(_link.send_text("still there"))
	equal(_link.get_unsent_bytes(), 0)
	make_server()
	check(server.start(port, LOOPBACK))
	await told("message", [1, "still there"])
	equal(events.of("message"), [[1, "patient"], [1, "still there"]])


func test_the_number_of_the_attempt_and_the_time_left() -> void:
	_link.reconnect = true
	_link.reconnect_min_delay = 20.0
	# Counts as 20 s.
	_link.reconnect_max_delay = 1.0
	equal([_link.get_reconnect_attempt(), _link.get_reconnect_time_left()], [0, 0.0])
	await _join()
	equal([_link.get_reconnect_attempt(), _link.get_reconnect_time_left()], [0, 0.0])
	var port := server.get_local_port()
	server.stop()
	await _tells("reconnecting")
	equal(_link.get_reconnect_attempt(), 1)
	at_most(_link.get_reconnect_time_left(), 20.0)
	at_least(_link.get_reconnect_time_left(), 15.0)
	is_ok(_link.reconnect_now())
	equal(_link.get_reconnect_time_left(), 0.0)
	check(server.start(port, LOOPBACK))
	equal(await _link.wait_connected(5.0), [OK])
	equal([_link.get_reconnect_attempt(), _link.get_reconnect_time_left()], [0, 0.0])


func test_a_timeout_names_the_failure_before_it() -> void:
	_link.reconnect = true
	_link.reconnect_min_delay = 20.0
	var port := free_port()
	is_ok(_link.connect_to_url("ws://127.0.0.1:%d" % port))
	equal(await _link.wait_connected(0.3), [ERR_TIMEOUT])
	var words := _link.get_last_error_message()
	check(words.contains("timeout") and words.contains(str(port)), words)
	make_server()
	check(server.start(port, LOOPBACK))
	is_ok(_link.reconnect_now())
	equal(await _link.wait_connected(5.0), [OK])
	is_error(await _link.recv(0.05), ERR_TIMEOUT)
	equal(_link.get_last_error_message(), "the timeout passed first", "there is a connection")


func test_giving_up() -> void:
	_link.reconnect = true
	_link.reconnect_max_attempts = 2
	_link.connect_to_url("ws://127.0.0.1:%d" % free_port())
	equal(await _link.wait_connected(5.0), [ERR_CANT_CONNECT])
	equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)
	await frames(3)
	var failed := ["connect_failed", ERR_CANT_CONNECT]
	var expected := [failed, ["reconnecting", 1], failed, ["reconnecting", 2], failed, ["gave_up", ERR_CANT_CONNECT]]
	equal(_told, expected)


func test_our_own_close_ends_reconnecting() -> void:
	_link.reconnect = true
	for end: Callable in [_link.close, _link.abort, _link.close_async]:
		await _join()
		var url := _url()
		_link.reconnect_min_delay = 0.02
		await end.call()
		await _tells("disconnected")
		equal(_told.size(), 2, str(_told))
		_told.clear()
		# While it waits for the next attempt.
		_link.connect_to_url(url)
		is_ok(await _link.wait_connected(5.0))
		_link.reconnect_min_delay = 20.0
		_link.reconnect_max_delay = 20.0
		server.stop()
		await _tells("reconnecting")
		await end.call()
		check(await wait_for(func() -> bool: return _told.back()[0] == "disconnected"))
		equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)
		_told.clear()


func test_the_codes_after_which_it_reconnects() -> void:
	_link.reconnect = true
	await _reconnects_after({1000: false, 1008: false, 4000: false, 4999: false, 1001: true, 1011: true, 3000: true})
	_link.reconnect_on_codes = PackedInt32Array([4000, 1000])
	await _reconnects_after({4000: true, 1000: true, 1001: false, 1011: false})


func test_reconnecting_now() -> void:
	await _lose_for_long()
	equal(_link.is_reconnecting(), true)
	is_ok(_link.reconnect_now())
	equal(await _link.wait_connected(5.0), [OK])


func test_a_receive_waits_for_the_next_connection() -> void:
	_link.reconnect = true
	await _join()
	var receiving := NetTask.from(_link.recv_text())
	server.disconnect_client(1, 1011)
	is_error(await receiving.wait(), ERR_FILE_EOF, "what was pending ends with the connection")
	receiving = NetTask.from(_link.recv_text(5.0))
	await told("connected", [2])
	server.send_text(2, "new")
	equal(await receiving.wait(), [OK, "new"])


func test_reconnect_switched_off_while_it_waits() -> void:
	await _lose_for_long()
	_link.reconnect = false
	await _tells("gave_up")
	equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)


func test_reconnect_switched_off_and_connected_anew() -> void:
	await _lose_for_long()
	_link.reconnect = false
	equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)
	_told.clear()
	is_ok(_link.connect_to_url(_url()))
	is_ok(await _link.wait_connected(5.0))
	await frames(10)
	equal(_told, [["gave_up", ERR_FILE_EOF], ["connected"]])


func test_reconnect_switched_off_and_on_while_it_waits() -> void:
	await _lose_for_long()
	_link.reconnect = false
	_link.reconnect = true
	await _tells("gave_up")
	equal(_told.back(), ["gave_up", ERR_FILE_EOF])
	not_equal(_link.get_last_error_message(), "")


func test_reconnect_switched_off_by_the_handler_of_the_end() -> void:
	_link.reconnect = true
	_link.disconnected.connect(func(_code: int, _reason: String, _clean: bool) -> void: _link.reconnect = false)
	await _join()
	server.disconnect_client(1, 1011, "x")
	await _tells("gave_up")
	await frames(5)
	equal(_told, [["connected"], ["disconnected", 1011, "x", true], ["gave_up", ERR_FILE_EOF]])


## Delivered at most once: what was queued is not sent again, and counted.
func test_what_is_queued_when_the_connection_is_lost() -> void:
	_link.reconnect = true
	_link.max_offline_bytes = 10_000_000
	await _join_fake()
	_fake.is_deaf = true
	# More than the buffers of the system take.
	var message := PackedByteArray()
	message.resize(600_000)
	for _i in 25:
		is_ok(_link.send_binary(message))
	await frames(3)
	at_least(_link.get_pending_bytes(), 1_300_000)
	equal(_link.get_unsent_bytes(), 0)
	_fake.drop()
	_fake.is_deaf = false
	await _tells("reconnecting")
	equal(_link.get_pending_bytes(), 0)
	at_least(_link.get_unsent_bytes(), 1_300_000)
	at_most(_link.get_unsent_bytes(), 25 * 600_100)
	is_ok(_link.send_text("kept"))
	check(await wait_for(func() -> bool: return _fake.is_joined() and not _fake.received.is_empty()))
	equal(_fake.received.size(), 10, "a masked frame of four bytes")
	equal(_link.get_unsent_bytes(), 0)


func test_the_delays() -> void:
	_link.reconnect = true
	_link.reconnect_min_delay = 0.02
	_link.reconnect_max_delay = 0.06
	_link.reconnect_max_attempts = 6
	var delays: Array[float] = []
	_link.reconnecting.connect(func(_attempt: int, delay: float) -> void: delays.append(delay))
	_link.connect_to_url("ws://127.0.0.1:%d" % free_port())
	await _tells("gave_up")
	equal(delays.size(), 6)
	for index in delays.size():
		at_least(delays[index], 0.02)
		at_most(delays[index], 0.04 if index == 0 else 0.06)


## As one that crashes while it starts.
func test_a_server_that_accepts_and_drops() -> void:
	_link.reconnect = true
	_link.reconnect_max_attempts = 2
	_fake = WebSocketFakeServer.new()
	_fake.first_bytes = frame(FIN | CLOSE, close_payload(1011, "crash"), false)
	_link.connect_to_url(_fake.start())
	var drop_each := func() -> bool:
		if _fake.is_joined() and _fake.stream != null and _fake.is_ended():
			_fake.drop()
		return _has_told("gave_up")
	check(await wait_for(drop_each))
	var lost := ["disconnected", 1011, "crash", true]
	var expected := [["connected"], lost, ["reconnecting", 1], ["connected"], lost, ["reconnecting", 2]]
	equal(_told, expected + [["connected"], lost, ["gave_up", ERR_FILE_EOF]])


func _reconnects_after(codes: Dictionary) -> void:
	for code: int in codes:
		_told.clear()
		_fake = WebSocketFakeServer.new()
		is_ok(_link.connect_to_url(_fake.start()))
		is_ok(await _link.wait_connected(5.0))
		_fake.send(frame(FIN | CLOSE, close_payload(code), false))
		await _tells("disconnected")
		await frames(2)
		equal(_has_told("reconnecting"), codes[code], "after %d" % code)
		_fake.stop()
		_link.abort()
		check(await wait_for(_is_closed))


## Loses the connection, and is far from the next attempt.
func _lose_for_long() -> void:
	_link.reconnect = true
	_link.reconnect_min_delay = 1000.0
	_link.reconnect_max_delay = 1000.0
	await _join()
	server.disconnect_client(1, 1011)
	await _tells("reconnecting")
