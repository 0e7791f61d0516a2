extends WebSocketTest
## Which side closes, with which code and reason, and what the other side learns.

## The longest reason that a close frame can hold: 123 bytes of UTF-8.
const LONGEST_REASON := "éééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééx"


func time_limit(_test_name: String) -> float:
	return 20.0


func test_the_server_closes() -> void:
	serve()
	equal(LONGEST_REASON.to_utf8_buffer().size(), 123)
	var reasons := {1000: "", 1001: "bye", 1008: "Regelverstoß 🚫", 1011: LONGEST_REASON, 3000: "a", 4999: "last"}
	for code: int in reasons:
		var peer := await join()
		is_ok(server.disconnect_client(peer.id, code, reasons[code]))
		await told("disconnected", [peer.id, code, reasons[code]])
		await is_out(peer, code, reasons[code])
	equal(server.get_client_count(), 0)


func test_the_defaults_of_disconnect_client() -> void:
	serve()
	var peer := await join()
	is_ok(server.disconnect_client(1))
	await is_out(peer, 1000, "")
	await told("disconnected", [1, 1000, ""])


func test_every_code_that_may_be_sent() -> void:
	serve()
	for code: int in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]:
		var peer := await raw_join()
		is_ok(server.disconnect_client(peer.id, code, "x"), str(code))
		await got_frames(peer, [[FIN | CLOSE, close_payload(code, "x")]])
		peer.send(frame(FIN | CLOSE, close_payload(code)))
		await told("disconnected", [peer.id, code, "x"])
		check(await wait_for(peer.is_ended), "the server ends the connection")


func test_the_client_closes() -> void:
	serve()
	var reasons := {1000: "", 1001: "leaving", 3000: "🌍", 4999: LONGEST_REASON}
	for code: int in reasons:
		var peer := await join()
		peer.socket.close(code, reasons[code])
		await told("disconnected", [peer.id, code, reasons[code]])
		await is_out(peer, code)


func test_codes_that_a_client_may_send() -> void:
	serve()
	for code: int in [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999]:
		var peer := await raw_join()
		peer.send(frame(FIN | CLOSE, close_payload(code, "why")))
		await raw_is_out(peer, code)
		await told("disconnected", [peer.id, code, "why"])


func test_codes_that_nobody_may_send() -> void:
	serve()
	for code: int in [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535]:
		var peer := await raw_join()
		peer.send(frame(FIN | CLOSE, close_payload(code, "why")))
		await raw_is_out(peer, 1002)
		check(await wait_for(func() -> bool: return events.of("disconnected").size() == peer.id))
		var told: Array = events.of("disconnected").back()
		equal(told.slice(0, 2), [peer.id, 1002], "for the code %d" % code)
		var reason: String = told[2]
		check(reason.contains(str(code)), "the reason says what came: %s" % reason)


func test_close_frames_that_are_none() -> void:
	serve()
	var too_long := PackedByteArray()
	too_long.resize(126)
	too_long.encode_u16(0, 0xe803)
	for payload: PackedByteArray in [PackedByteArray([3]), too_long]:
		var peer := await raw_join()
		peer.send(frame(FIN | CLOSE, payload))
		await raw_is_out(peer, 1002)
	var peer := await raw_join()
	peer.send(frame(FIN | CLOSE, PackedByteArray([0x03, 0xE8, 0xff])))
	await wait_for(peer.is_ended)
	# The reason is not UTF-8: 1007 says so (RFC 6455 section 8.1), and 1002 is correct too.
	check([1002, 1007].has(code_of(peer.frames().back()[1])))


func test_no_code_is_1005() -> void:
	serve()
	var peer := await raw_join()
	peer.send(frame(FIN | CLOSE))
	await told("disconnected", [1, 1005, ""])
	await got_frames(peer, [[FIN | CLOSE, PackedByteArray()]])
	check(await wait_for(peer.is_ended))


func test_vanished_is_1006() -> void:
	serve()
	var peer := await raw_join()
	peer.drop()
	check(await wait_for(func() -> bool: return events.of("disconnected").size() == 1))
	equal(events.of("disconnected")[0].slice(0, 2), [1, 1006])
	not_equal(events.of("disconnected")[0][2], "", "the system's words")
	var other := await join()
	other.socket.close(-1)
	forget(other)
	other.socket = null
	check(await wait_for(func() -> bool: return events.of("disconnected").size() == 2))
	equal(events.of("disconnected")[1].slice(0, 2), [2, 1006])


func test_the_reason_is_known_inside_the_handler_only() -> void:
	serve()
	var reasons := []
	var handler := func(id: int, _code: int) -> void:
		reasons.append_array([_servers[0].get_close_reason(id), _servers[0].get_close_reason(id + 1)])
	server.client_disconnected.connect(handler)
	var peer := await join()
	equal(server.get_close_reason(1), "")
	peer.socket.close(1000, "done")
	await told("disconnected", [1, 1000, "done"])
	equal(reasons, ["done", ""])
	equal(server.get_close_reason(1), "")


func test_messages_before_a_close_come_before_it() -> void:
	serve()
	for number in 10:
		var peer := await raw_join()
		var all := PackedByteArray()
		var expected: Array[Array] = []
		for index in 100:
			all.append_array(frame(FIN | TEXT, utf8(str(index))))
			expected.append(["message", peer.id, str(index)])
		all.append_array(frame(FIN | CLOSE, close_payload(1000)))
		events.all.clear()
		peer.send(all)
		if number % 2:
			await told("disconnected", [peer.id, 1000, ""])
			expected.append(["disconnected", peer.id, 1000, ""])
		else:
			# Even if the client does not wait for the answer.
			await wait_for(peer.is_all_sent)
			peer.stream.disconnect_from_host()
			await wait_for(func() -> bool: return not events.of("disconnected").is_empty())
			expected.append(["disconnected", peer.id, 1000, ""])
		equal(events.all, expected)
		events.all.assign([["connected", 0]])


func test_messages_before_a_cut_come_before_it() -> void:
	serve()
	var peer := await raw_join()
	for index in 100:
		peer.send(frame(FIN | TEXT, utf8(str(index))))
	await wait_for(peer.is_all_sent)
	peer.drop()
	check(await wait_for(func() -> bool: return not events.of("disconnected").is_empty()))
	equal(events.of("message").size(), 100)
	equal(events.all.back().slice(0, 3), ["disconnected", 1, 1006])


func test_what_was_sent_before_a_close_arrives() -> void:
	serve()
	# Not the engine's client: once closed, it no longer hands out packets.
	var peer := await raw_join()
	var large := pattern(1_000_000)
	is_ok(server.send_text(1, "first"))
	is_ok(server.send_binary(1, large))
	is_ok(server.disconnect_client(1, 1000, "enough"))
	is_error(server.send_text(1, "too late"), ERR_UNAVAILABLE)
	is_error(server.disconnect_client(1), ERR_UNAVAILABLE, "the second time")
	check(await wait_for(func() -> bool: return peer.frames().size() == 3))
	check(
		(
			peer.frames()
			== [[FIN | TEXT, utf8("first")], [FIN | BINARY, large], [FIN | CLOSE, close_payload(1000, "enough")]]
		)
	)
	peer.send(frame(FIN | CLOSE, close_payload(1000)))
	await told("disconnected", [1, 1000, "enough"])
	is_error(server.send_text(1, "gone"), ERR_DOES_NOT_EXIST)


func test_both_close_at_once() -> void:
	serve()
	var peer := await raw_join()
	is_ok(server.disconnect_client(1, 4001, "server"))
	peer.send(frame(FIN | CLOSE, close_payload(4002, "client")))
	check(await wait_for(func() -> bool: return not events.of("disconnected").is_empty()))
	# Whichever close the server saw first; there is one event either way.
	check([[1, 4001, "server"], [1, 4002, "client"]].has(events.of("disconnected")[0]))
	check(await wait_for(peer.is_ended))
	equal(events.of("disconnected").size(), 1)


func test_a_client_that_never_answers_a_close() -> void:
	serve({"close_timeout": 0.2})
	var peer := await raw_join()
	is_ok(server.disconnect_client(1, 4000, "go"))
	await told("disconnected", [1, 4000, "go"], 2.0)
	check(await wait_for(peer.is_ended), "the connection is cut")


func test_a_client_that_does_not_hang_up_after_the_handshake() -> void:
	serve()
	var peer := await raw_join()
	peer.send(frame(FIN | CLOSE, close_payload(1000)))
	await told("disconnected", [1, 1000, ""], 1.0)
	check(await wait_for(peer.is_ended), "the server hangs up first (RFC 6455 section 7.1.1)")


func test_bytes_behind_a_close_are_not_looked_at() -> void:
	serve()
	var peer := await raw_join()
	var bytes := frame(FIN | CLOSE, close_payload(1000))
	bytes.append_array(frame(FIN | TEXT, utf8("too late")))
	bytes.append_array(PackedByteArray([0xff, 0xff, 0xff]))
	peer.send(bytes)
	await raw_is_out(peer, 1000)
	await told("disconnected", [1, 1000, ""])
	equal(events.of("message"), [])
