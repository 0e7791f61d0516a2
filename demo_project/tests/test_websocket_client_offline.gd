extends WebSocketReconnectTest
## What a WebSocketClient does with messages that are sent while its connection is lost.


func test_refused_by_default() -> void:
	await lose_server(LONG)
	equal(ws.max_offline_bytes, 0)
	is_error(ws.send_text("x"), ERR_UNAVAILABLE)
	check(ws.get_last_error_message().contains("max_offline_bytes"), ws.get_last_error_message())
	is_error(ws.send_binary(PackedByteArray()), ERR_UNAVAILABLE, "even an empty one")
	is_error(ws.ping(), ERR_UNAVAILABLE)
	equal([ws.get_pending_bytes(), ws.get_unsent_bytes()], [0, 0])


func test_order_and_once() -> void:
	var port := await lose_server(LONG.merged({"max_offline_bytes": 10_000}))
	var expected: Array[Array] = []
	for number in 200:
		if number % 3 == 0:
			is_ok(ws.send_binary(utf8(str(number))))
			expected.append(["data", 1, utf8(str(number))])
		else:
			is_ok(ws.send_text(str(number)))
			expected.append(["message", 1, str(number)])
	var bytes := ws.get_pending_bytes()
	equal(bytes, 10 + 180 + 300)
	await serve_again(port)
	is_ok(ws.reconnect_now())
	# Sent while the attempt is in flight, and after the others.
	await frames(1)
	is_ok(ws.send_text("last"))
	expected.append(["message", 1, "last"])
	is_ok(await ws.wait_connected(5.0))
	is_ok(await ws.flush(5.0))
	equal(ws.get_pending_bytes(), 0)
	await told("message", [1, "last"])
	equal(events.all.slice(1), expected)
	# Not sent again after the next loss.
	server.stop()
	await signalled("reconnecting", 2)
	await serve_again(port)
	is_ok(ws.reconnect_now())
	is_ok(await ws.wait_connected(5.0))
	is_ok(ws.send_text("marker"))
	await told("message", [1, "marker"])
	equal(events.all, [["connected", 1], ["message", 1, "marker"]] as Array[Array])


func test_the_limit() -> void:
	await lose_server(LONG.merged({"max_offline_bytes": 10}))
	is_ok(ws.send_text("1234567"))
	is_error(ws.send_text("8901"), ERR_OUT_OF_MEMORY)
	check(ws.get_last_error_message().contains("10 bytes"), ws.get_last_error_message())
	is_ok(ws.send_text("890"), "as many as there is room for")
	is_error(ws.send_text("1"), ERR_OUT_OF_MEMORY)
	ws.max_offline_bytes = 11
	is_ok(ws.send_text("1"), "it takes effect at once")
	ws.max_offline_bytes = 0
	is_error(ws.send_text("1"), ERR_UNAVAILABLE)
	equal(ws.get_pending_bytes(), 11)


## Before the first connection, the limit is that of pending bytes.
func test_failed_attempts_before_the_first_connection() -> void:
	var port := free_port()
	make_client({"max_pending_bytes": 10})
	is_ok(ws.connect_to_url(url(port)))
	is_ok(ws.send_text("early"))
	await signalled("reconnecting", 3)
	is_ok(ws.send_text("later"))
	is_error(ws.send_text("x"), ERR_OUT_OF_MEMORY)
	await serve_again(port)
	await told("message", [1, "early"])
	await told("message", [1, "later"])
	equal(events.of("message").size(), 2)


func test_a_flush_while_away() -> void:
	var port := await lose_server(SOON.merged({"max_offline_bytes": 100}))
	is_ok(ws.send_text("kept"))
	var flushed := NetTask.from(ws.flush(5.0))
	is_error(await ws.flush(0.01), ERR_TIMEOUT)
	check(not flushed.is_completed())
	await serve_again(port)
	is_ok(await flushed.wait())
	await told("message", [1, "kept"])


func test_what_is_given_up_is_told() -> void:
	await lose_server(LONG.merged({"max_offline_bytes": 100}))
	is_ok(ws.send_text("12345"))
	var flushed := NetTask.from(ws.flush())
	equal([ws.get_pending_bytes(), ws.get_unsent_bytes()], [5, 0], "kept, not lost")
	ws.close()
	is_error(await flushed.wait(), ERR_UNAVAILABLE)
	equal([ws.get_pending_bytes(), ws.get_unsent_bytes()], [0, 5])
	is_error(ws.send_text("x"), ERR_UNAVAILABLE)


## Messages that the system has not taken when the connection breaks are lost, and counted.
func test_what_was_not_sent_is_told() -> void:
	var fake := fake_server()
	await join_fake(fake, LONG.merged({"max_pending_bytes": 64 << 20, "max_offline_bytes": 100}))
	await wait_for(fake.is_joined)
	fake.is_deaf = true
	is_ok(ws.send_binary(pattern(32 << 20)))
	is_ok(ws.send_text("also lost"))
	var flushed := NetTask.from(ws.flush())
	await frames(3)
	fake.stop()
	is_error(await flushed.wait(), ERR_CONNECTION_ERROR)
	at_least(ws.get_unsent_bytes(), "also lost".length())
	equal(ws.get_pending_bytes(), 0)
	await signals_are([["connected"], ["disconnected", 1006, ws.get_close_reason(), false], ["reconnecting", 1]])


## The connection is over, but the frame in which the client notices has not come.
func test_a_loss_that_is_not_noticed_yet() -> void:
	var fake := fake_server()
	await join_fake(fake, LONG.merged({"max_offline_bytes": 100}))
	ws.auto_process = false
	fake.stop()
	# Once the background thread has noticed, a message is kept instead of being sent.
	check(await wait_for(_is_kept), "the loss is noticed in the background")
	equal(ws.get_ready_state(), WebSocketClient.STATE_OPEN)
	var flushed := NetTask.from(ws.flush(5.0))
	check(not flushed.is_completed(), "nothing says that it was sent")
	var connected := NetTask.from(ws.wait_connected(5.0))
	check(not connected.is_completed(), "nothing says that it is established")
	check(await wait_for(_processed))
	check(not connected.is_completed(), "it waits for the next connection")
	is_error(flushed.get_result(), ERR_CONNECTION_ERROR)
	equal(signals.slice(1), [["disconnected", 1006, ws.get_close_reason(), false], ["reconnecting", 1]])
	at_least(ws.get_pending_bytes(), 1)
	ws.max_offline_bytes = 0
	is_error(ws.send_text("x"), ERR_UNAVAILABLE)


func _is_kept() -> bool:
	var before := ws.get_pending_bytes()
	ws.send_text("x")
	OS.delay_msec(2)
	return ws.get_pending_bytes() == before + 1


## The server accepts the client and is gone before the client has handled either.
func test_a_connection_that_ends_before_it_is_handled() -> void:
	for limit: int in [0, 5, 100]:
		var fake := fake_server()
		make_client(LONG.merged({"auto_process": false, "max_offline_bytes": limit}))
		is_ok(ws.connect_to_url(fake.start()))
		is_ok(ws.send_text("12345"))
		is_ok(ws.send_text("67890"))
		check(await wait_for(fake.is_joined))
		fake.stop()
		# Long enough for both events to be queued; if not, the messages are sent and lost like others.
		await seconds(0.2)
		check(await wait_for(_processed))
		equal(count_of("connected"), 1)
		equal(count_of("disconnected"), 1)
		equal(ws.get_pending_bytes(), mini(limit, 10), "what is kept for the next connection")
		equal(ws.get_unsent_bytes(), 10 - mini(limit, 10), "what is lost")


func _processed() -> bool:
	ws.process()
	return count_of("reconnecting") == 1


## A close that waits for an attempt to send something, and the attempt fails.
func test_a_close_whose_attempt_fails() -> void:
	var fake := fake_server()
	fake.response = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
	make_client(LONG)
	is_ok(ws.connect_to_url(fake.start()))
	is_ok(ws.send_text("12345"))
	var flushed := NetTask.from(ws.flush())
	ws.close()
	equal(ws.get_ready_state(), WebSocketClient.STATE_CLOSING)
	await signals_are([["disconnected", 1006, GIVEN_UP, false]])
	is_error(flushed.get_result(), ERR_UNAVAILABLE)
	equal(ws.get_unsent_bytes(), 5)


func test_many_flushes_while_away_take_no_room() -> void:
	await lose_server(LONG.merged({"max_offline_bytes": 10}))
	for _number in 50_000:
		var task := NetTask.from(ws.flush())
		task.cancel()
	is_ok(ws.send_text("x"))
