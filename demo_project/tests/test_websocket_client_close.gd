extends WebSocketClientTest
## How a WebSocketClient's connections end: close codes and reasons both ways, and broken connections.


func test_codes_of_this_side() -> void:
	for code: int in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]:
		await join_client()
		ws.close(code, "why %d" % code)
		state_is(WebSocketClient.STATE_CLOSING)
		await told("disconnected", [1, code, "why %d" % code])
		await heard_only([["connected"], ["disconnected", code, "why %d" % code, true]])
		equal([ws.get_close_code(), ws.get_close_reason()], [code, "why %d" % code])


func test_codes_of_the_server() -> void:
	for code: int in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 4999]:
		await join_client()
		server.disconnect_client(1, code, "grün 🌍")
		await heard_only([["connected"], ["disconnected", code, "grün 🌍", true]])
		equal([ws.get_close_code(), ws.get_close_reason()], [code, "grün 🌍"])
		is_error(ws.send_text("x"), ERR_FILE_EOF)
		is_error(await ws.recv(), ERR_FILE_EOF)
		is_error(await ws.flush(), ERR_FILE_EOF)
		is_error(await ws.wait_connected(), ERR_FILE_EOF)


func test_invalid_codes_and_reasons_close_nothing() -> void:
	await join_client()
	for code: int in [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 66536, 1 << 40]:
		ws.close(code)
		check(ws.get_last_error_message().contains(str(code)), ws.get_last_error_message())
		is_error(await ws.close_async(code), ERR_INVALID_PARAMETER, str(code))
	for reason: String in ["x".repeat(124), "é".repeat(62), "🌍".repeat(31)]:
		ws.close(1000, reason)
		check(ws.get_last_error_message().contains("123"), ws.get_last_error_message())
		equal(await ws.close_async(1000, reason), [ERR_INVALID_PARAMETER, -1, ""])
	state_is(WebSocketClient.STATE_OPEN)
	ws.send_text("still here")
	await told("message", [1, "still here"])
	var longest := "é".repeat(61) + "x"
	equal(await ws.close_async(1000, longest, 5.0), [OK, 1000, longest])
	await told("disconnected", [1, 1000, longest])


func test_codes_that_must_not_be_sent() -> void:
	for code: int in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]:
		await join_fake()
		fake.send(frame(FIN | CLOSE, close_payload(code), false))
		await hears("disconnected")
		equal(ws.get_close_code(), 1002, str(code))
		equal(how_often("disconnected"), 1)
		fake.stop()


func test_a_reason_that_is_not_utf8() -> void:
	await join_fake()
	fake.send(frame(FIN | CLOSE, PackedByteArray([0x03, 0xe8, 0xff]), false))
	await hears("disconnected")
	equal(ws.get_close_code(), 1007)


func test_a_close_frame_without_a_code() -> void:
	await join_fake()
	fake.send(frame(FIN | CLOSE, PackedByteArray(), false))
	await heard_only([["connected"], ["disconnected", 1005, "", true]])


func test_violations_of_the_protocol() -> void:
	var violations := {
		"a masked frame": frame(FIN | TEXT, utf8("x")),
		"an unknown opcode": frame(FIN | 0x3, PackedByteArray(), false),
		"a reserved bit": frame(FIN | 0x40 | TEXT, utf8("x"), false),
		"a continuation of nothing": frame(FIN | CONTINUATION, utf8("x"), false),
		"a ping that is too long": frame(FIN | PING, pattern(126), false),
		"a fragmented ping": frame(PING, utf8("x"), false),
	}
	for name_of_it: String in violations:
		await join_fake()
		var receiving := NetTask.from(ws.recv())
		fake.send(violations[name_of_it])
		is_error(await receiving.wait(), ERR_CONNECTION_ERROR, name_of_it)
		await hears("disconnected")
		equal([ws.get_close_code(), heard.back()[3]], [1002, false], name_of_it)
		not_equal(ws.get_close_reason(), "", name_of_it)
		fake.stop()


func test_text_that_is_not_utf8() -> void:
	await join_fake()
	fake.send(frame(FIN | TEXT, PackedByteArray([0xff]), false))
	await hears("disconnected")
	equal(ws.get_close_code(), 1007)


func test_a_connection_that_is_cut() -> void:
	await join_fake()
	var receiving := NetTask.from(ws.recv_binary())
	fake.drop()
	equal(await receiving.wait(), [ERR_CONNECTION_ERROR, PackedByteArray()])
	await hears("disconnected")
	equal([ws.get_close_code(), heard.back()[3]], [1006, false])
	is_error(ws.send_text("x"), ERR_CONNECTION_ERROR)
	not_equal(ws.get_last_error_message(), "")


func test_the_close_timeout() -> void:
	await join_fake({"close_timeout": 0.1})
	var closing := NetTask.from(ws.close_async(4000, "unanswered"))
	var result := await closing.wait() as Array
	is_error(result, ERR_CONNECTION_ERROR)
	equal(result.slice(1), [ws.get_close_code(), ws.get_close_reason()])
	await hears("disconnected")
	equal(heard.back(), ["disconnected", ws.get_close_code(), ws.get_close_reason(), false])


func test_several_closes() -> void:
	await join_client()
	var first := NetTask.from(ws.close_async(4001, "first"))
	var second := NetTask.from(ws.close_async(4002, "second"))
	ws.close(4003, "third")
	equal(await first.wait(), [OK, 4001, "first"])
	equal(await second.wait(), [OK, 4001, "first"])
	equal(await ws.close_async(4004), [OK, 4001, "first"], "over already")
	await told("disconnected", [1, 4001, "first"])
	await heard_only([["connected"], ["disconnected", 4001, "first", true]])


func test_both_sides_close_at_once() -> void:
	await join_client()
	ws.close(4001, "client")
	server.disconnect_client(1, 4002, "server")
	await hears("disconnected")
	await told_times("disconnected", 1)
	await frames(3)
	equal(how_often("disconnected"), 1)
	equal(heard.back()[3], true, str(heard))
	check(ws.get_close_code() in [4001, 4002], str(ws.get_close_code()))


func test_messages_before_a_close_of_the_server_are_kept() -> void:
	await join_client()
	server.send_text(1, "one")
	server.send_binary(1, PackedByteArray([2]))
	server.disconnect_client(1, 4000)
	await hears("disconnected")
	equal(ws.get_available_message_count(), 2)
	equal(await ws.recv(), [OK, "one"])
	equal(await ws.recv_text(), [ERR_INVALID_DATA, ""])
	equal(await ws.recv(), [OK, PackedByteArray([2])])
	equal(await ws.recv(), [ERR_FILE_EOF, ""])


func test_messages_for_pending_receives_at_the_end() -> void:
	await join_client()
	var tasks: Array[NetTask] = []
	for _i in 4:
		tasks.append(NetTask.from(ws.recv()))
	server.send_text(1, "one")
	server.send_text(1, "two")
	server.disconnect_client(1, 4000)
	var results: Array = await NetTask.all(tasks)
	equal(results, [[OK, "one"], [OK, "two"], [ERR_FILE_EOF, ""], [ERR_FILE_EOF, ""]])


## The turn has no time left when they begin to wait, and nothing more arrives.
func test_receives_that_wait_after_the_end() -> void:
	await join_client()
	var tasks: Array[NetTask] = []
	var receive := func(_code: int, _reason: String, _clean: bool) -> void:
		OS.delay_usec(20_000)
		for method: String in ["recv", "recv", "recv_binary"]:
			tasks.append(NetTask.from(ws.call(method)))
	ws.disconnected.connect(receive)
	server.send_text(1, "last")
	server.disconnect_client(1, 4000)
	check(await wait_for(func() -> bool: return tasks.size() == 3))
	check(not tasks[0].is_completed(), "the turn is over")
	check(await wait_for(func() -> bool: return tasks[2].is_completed()), "all are resolved")
	var results := tasks.map(func(task: NetTask) -> Array: return task.get_result())
	equal(results, [[OK, "last"], [ERR_FILE_EOF, ""], [ERR_FILE_EOF, PackedByteArray()]])


func test_what_was_sent_before_a_close_arrives() -> void:
	serve()
	client()
	ws.connect_to_url(url())
	# More than the buffers of the system take.
	var large := pattern(5_000_000)
	for _i in 3:
		is_ok(ws.send_binary(large))
	ws.send_text("last")
	ws.close(4000)
	state_is(WebSocketClient.STATE_CLOSING)
	is_error(ws.send_text("too late"), ERR_UNAVAILABLE)
	await told("disconnected", [1, 4000, ""])
	equal(events.of("data").size(), 3)
	equal(events.of("message"), [[1, "last"]])
	# It was never open for the script: there is no signal "connected".
	await heard_only([["disconnected", 4000, "", true]])


func test_a_close_resolves_what_is_pending() -> void:
	await join_client()
	var receiving := NetTask.from(ws.recv())
	ws.close()
	equal(await receiving.wait(), [ERR_UNAVAILABLE, ""])
	is_error(ws.send_text("x"), ERR_UNAVAILABLE)
	is_error(await ws.flush(), ERR_UNAVAILABLE)
	is_error(await ws.wait_connected(), ERR_UNAVAILABLE)
	is_error(ws.ping(), ERR_UNAVAILABLE)


func test_an_abort() -> void:
	await join_client()
	var receiving := NetTask.from(ws.recv())
	ws.abort()
	await told_times("disconnected", 1)
	equal((events.of("disconnected")[0] as Array).slice(0, 2), [1, 1006])
	is_error(await receiving.wait(), ERR_UNAVAILABLE)
	await hears("disconnected")
	equal([ws.get_close_code(), heard.back()[3]], [1006, false])


func test_an_abort_drops_what_is_not_sent() -> void:
	await join_fake()
	fake.is_deaf = true
	# More than the buffers of the system take.
	for _i in 3:
		is_ok(ws.send_binary(pattern(5_000_000)))
	var flushing := NetTask.from(ws.flush())
	await frames(3)
	check(not flushing.is_completed())
	at_least(ws.get_pending_bytes(), 1_000_000)
	equal(ws.get_unsent_bytes(), 0, "while established")
	ws.abort()
	is_error(await flushing.wait(), ERR_UNAVAILABLE)
	await hears("disconnected")
	at_least(ws.get_unsent_bytes(), 1_000_000)
	equal(ws.get_pending_bytes(), 0)


func test_an_abort_during_a_close() -> void:
	await join_fake({"close_timeout": 0.0})
	var closing := NetTask.from(ws.close_async(4000, "unanswered"))
	await frames(3)
	state_is(WebSocketClient.STATE_CLOSING)
	ws.abort()
	is_error(await closing.wait(), ERR_CONNECTION_ERROR)
	await hears("disconnected")
	equal([how_often("disconnected"), heard.back()[3]], [1, false])
