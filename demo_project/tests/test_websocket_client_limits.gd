extends WebSocketClientTest
## Large messages, many messages, and the limits of a WebSocketClient.

const LARGE := 5 * 1024 * 1024
const MANY := 10_000


func time_limit(_test_name: String) -> float:
	return 30.0


func test_large_messages_both_ways() -> void:
	await join_client()
	var bytes := pattern(LARGE)
	is_ok(ws.send_binary(bytes))
	is_ok(ws.send_text("ü".repeat(LARGE / 2)))
	is_ok(await ws.flush(10.0))
	check(await wait_for(func() -> bool: return events.all.size() == 3, 10.0))
	check(events.of("data") == [[1, bytes]], "the bytes that the server received")
	check(events.of("message") == [[1, "ü".repeat(LARGE / 2)]], "the text that the server received")
	server.send_binary(1, bytes)
	server.send_text(1, "ü".repeat(LARGE / 2))
	check(await ws.recv(10.0) == [OK, bytes], "the bytes that came back")
	check(await ws.recv(10.0) == [OK, "ü".repeat(LARGE / 2)], "the text that came back")


func test_large_messages_by_signals() -> void:
	await join_client({"emit_messages": true})
	var bytes := pattern(LARGE)
	server.send_binary(1, bytes)
	await hears("data", 1, 10.0)
	check(heard.back() == ["data", bytes])


func test_ten_thousand_messages_are_received_in_order() -> void:
	await join_client()
	for index in MANY:
		is_ok(server.send_text(1, str(index)))
	for index in MANY:
		if not equal(await ws.recv_text(10.0), [OK, str(index)]):
			return


func test_ten_thousand_messages_are_emitted_in_order() -> void:
	await join_client({"emit_messages": true})
	for index in MANY:
		is_ok(server.send_text(1, str(index)))
	await hears("message", MANY, 20.0)
	for index in MANY:
		if not equal(heard[index + 1], ["message", str(index)]):
			return


func test_ten_thousand_messages_are_sent_in_order() -> void:
	serve()
	client()
	ws.connect_to_url(url())
	# Some of them wait for the connection.
	for index in MANY:
		if index == MANY / 2:
			is_ok(await ws.wait_connected(5.0))
		is_ok(ws.send_text(str(index)))
	check(await wait_for(func() -> bool: return events.all.size() > MANY, 20.0))
	for index in MANY:
		if not equal(events.all[index + 1], ["message", 1, str(index)]):
			return


func test_a_message_that_is_too_large() -> void:
	await join_client({"max_message_size": 1000})
	server.send_text(1, "a".repeat(1000))
	equal(await ws.recv_text(5.0), [OK, "a".repeat(1000)])
	var receiving := NetTask.from(ws.recv())
	server.send_binary(1, pattern(1001))
	is_error(await receiving.wait(), ERR_CONNECTION_ERROR)
	await hears("disconnected")
	equal(ws.get_close_code(), 1009)
	await told_times("disconnected", 1)
	equal(events.of("disconnected")[0][1], 1009, "the server is told")


func test_a_message_that_is_too_large_in_fragments() -> void:
	await join_fake({"max_message_size": 1000})
	fake.send(frame(BINARY, pattern(600), false) + frame(FIN | CONTINUATION, pattern(600), false))
	await hears("disconnected")
	equal(ws.get_close_code(), 1009)


func test_max_pending_bytes() -> void:
	await join_fake({"max_pending_bytes": 100_000})
	fake.is_deaf = true
	var accepted := 0
	# The buffers of the system take some megabytes first.
	var error := ws.send_binary(pattern(90_000))
	while error == OK and accepted < 1000:
		accepted += 1
		await frames(1)
		error = ws.send_binary(pattern(90_000))
	is_error(error, ERR_OUT_OF_MEMORY, "after %d messages" % accepted)
	check(ws.get_last_error_message().contains("max_pending_bytes"), ws.get_last_error_message())
	at_most(ws.get_pending_bytes(), 100_000)
	ws.max_pending_bytes = 1_000_000
	is_ok(ws.send_binary(pattern(900_000)), "takes effect at once")
	is_ok(ws.send_text("x"))
	fake.is_deaf = false
	is_ok(await ws.flush(10.0))
	equal(ws.get_pending_bytes(), 0)


func test_max_pending_bytes_before_the_connection() -> void:
	client({"max_pending_bytes": 10})
	ws.connect_to_url(silent_url())
	is_ok(ws.send_text("a".repeat(6)))
	is_error(ws.send_text("b".repeat(6)), ERR_OUT_OF_MEMORY)
	is_ok(ws.send_text("c".repeat(4)))
	equal(ws.get_pending_bytes(), 10)
	ws.max_pending_bytes = 11
	is_ok(ws.send_text("d"))
	ws.abort()
	equal([ws.get_pending_bytes(), ws.get_unsent_bytes()], [0, 11])


func test_a_full_buffer_slows_the_server_down() -> void:
	await join_client({"max_buffered_bytes": 100_000}, {"max_pending_bytes": 100_000_000})
	var bytes := pattern(100_000)
	for _index in 300:
		is_ok(server.send_binary(1, bytes))
	for _frame in 30:
		# Asking takes nothing out of the buffer.
		at_most(ws.get_available_message_count(), 5)
		await frames(1)
	at_least(server.get_client_pending_bytes(1), 1_000_000)
	for index in 300:
		if not check(await ws.recv_binary(10.0) == [OK, bytes], "message %d" % index):
			return
	equal(server.get_client_pending_bytes(1), 0)


func test_a_message_larger_than_the_buffer() -> void:
	await join_client({"max_buffered_bytes": 1})
	for size: int in [1_000_000, 1, 0, 100_000]:
		server.send_binary(1, pattern(size))
	for size: int in [1_000_000, 1, 0, 100_000]:
		check(await ws.recv_binary(10.0) == [OK, pattern(size)], str(size))


func test_flushes_are_answered_in_order() -> void:
	await join_client()
	var done: Array[int] = []
	for index in 5:
		ws.send_binary(pattern(3_000_000))
		_note_flush(done, index)
	check(await wait_for(func() -> bool: return done.size() == 5, 10.0))
	equal(done, [0, 1, 2, 3, 4] as Array[int])


func test_flushes_that_time_out_while_there_is_no_connection() -> void:
	client({"max_pending_bytes": 10})
	ws.connect_to_url(silent_url())
	for _index in 40_000:
		NetTask.from(ws.flush()).cancel()
	is_ok(ws.send_text("there is room still".left(10)))
	ws.abort()


func _note_flush(done: Array[int], index: int) -> void:
	is_ok(await ws.flush(10.0))
	done.append(index)
