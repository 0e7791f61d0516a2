extends WebSocketTest
## What happens at each limit. A client that exceeds one affects only itself.

const KIB := 1024
const MIB := 1024 * 1024

## More than the system buffers for one connection.
const MOST_MESSAGES := 1000


func time_limit(_test_name: String) -> float:
	return 30.0


func test_max_clients() -> void:
	serve({"max_clients": 2})
	var first := await join()
	await join()
	var third := open()
	check(await wait_for(third.is_closed))
	var plain := await raw()
	plain.send(head())
	await refused(plain, 503)
	equal(server.get_statistics()["refused_full"], 2)
	equal(server.get_client_count(), 2)
	first.socket.close()
	await told("disconnected", [1, 1000, ""])
	await join()
	equal(server.get_client_ids(), [2, 3] as Array[int])


func test_no_limit_of_clients_is_zero() -> void:
	serve({"max_clients": 0})
	equal(server.max_clients, 0)
	await join()


func test_max_message_size() -> void:
	serve({"max_message_size": 1000})
	var peer := await join()
	var other := await join()
	peer.socket.send(pattern(1000))
	peer.socket.send_text("x".repeat(1000))
	await told("message", [1, "x".repeat(1000)])
	equal(events.of("data"), [[1, pattern(1000)]])
	peer.socket.send(pattern(1001))
	check(await wait_for(func() -> bool: return not events.of("disconnected").is_empty()))
	equal(events.of("disconnected")[0].slice(0, 2), [1, 1009])
	await is_out(peer, 1009)
	other.socket.send_text("still here")
	await told("message", [2, "still here"])


func test_max_message_size_counts_all_fragments() -> void:
	serve({"max_message_size": 1000})
	var peer := await raw_join()
	peer.send(frame(TEXT, utf8("x".repeat(600))))
	peer.send(frame(CONTINUATION, utf8("x".repeat(400))))
	peer.send(frame(FIN | CONTINUATION))
	await told("message", [1, "x".repeat(1000)])
	peer.send(frame(TEXT, utf8("x".repeat(600))))
	peer.send(frame(FIN | CONTINUATION, utf8("x".repeat(401))))
	await raw_is_out(peer, 1009)


## The length that a frame claims is enough to refuse it; no memory is reserved for it.
func test_oversize_claims() -> void:
	serve({"max_message_size": MIB})
	for claim: int in [MIB + 1, 0x7fffffff, 1 << 32, (1 << 62) + 1, 0x7fffffffffffffff]:
		var peer := await raw_join()
		var before := OS.get_static_memory_usage()
		peer.send(frame(FIN | BINARY, PackedByteArray(), true, claim))
		await raw_is_out(peer, 1009)
		at_most(OS.get_static_memory_usage() - before, 64.0 * MIB)


## A length with its highest bit set is invalid (RFC 6455 section 5.2).
func test_a_claim_that_is_no_length() -> void:
	serve()
	var peer := await raw_join()
	peer.send(PackedByteArray([FIN | BINARY, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4]))
	check(await wait_for(peer.is_ended))
	check([1002, 1009].has(code_of(peer.frames().back()[1])))


func test_pending_bytes_over_the_limit_are_refused() -> void:
	serve({"max_pending_bytes": 200 * KIB})
	equal(server.backpressure_policy, WebSocketServer.BACKPRESSURE_ERROR)
	var slow := await raw_join()
	slow.deaf = true
	var other := await join({"inbound_buffer_size": MIB})
	var taken := await _fill(slow)
	var pending := server.get_client_pending_bytes(1)
	at_least(pending, 100.0 * KIB)
	at_most(pending, 200.0 * KIB)
	is_error(server.broadcast_binary(pattern(64 * KIB)), ERR_OUT_OF_MEMORY, "one of them was over its limit")
	equal(server.get_client_count(), 2)

	# Only the slow client is affected.
	is_ok(server.send_text(2, "hello"))
	await received(other, [pattern(64 * KIB), "hello"])
	other.socket.send_text("hello yourself")
	await told("message", [2, "hello yourself"])

	# Messages that were accepted arrive whole and in order, and then there is room again.
	slow.deaf = false
	check(await wait_for(func() -> bool: return server.get_client_pending_bytes(1) == 0, 20.0))
	is_ok(server.send_text(1, "end"))
	var last := frame(FIN | TEXT, utf8("end"), false)
	var is_whole := func() -> bool: return slow.received.slice(-last.size()) == last
	check(await wait_for(is_whole, 20.0))
	var got := slow.frames()
	equal(got.size(), taken + 1)
	for index in taken:
		if not equal(got[index][1].decode_u32(0), index, "the order"):
			break


func test_pending_bytes_over_the_limit_disconnect() -> void:
	serve(
		{
			"max_pending_bytes": 200 * KIB,
			"backpressure_policy": WebSocketServer.BACKPRESSURE_DISCONNECT,
			"close_timeout": 0.3
		}
	)
	var slow := await raw_join()
	slow.deaf = true
	var other := await join()
	await _fill(slow)
	check([ERR_UNAVAILABLE, ERR_DOES_NOT_EXIST].has(server.send_text(1, "x")))
	await told("disconnected", [1, 1008, "too many bytes waiting to be sent"])
	is_ok(server.send_text(2, "hello"))
	await received(other, ["hello"])


## With the same policy, a client that resumes reading in time learns why.
func test_a_slow_client_is_told_1008() -> void:
	serve({"max_pending_bytes": 200 * KIB, "backpressure_policy": WebSocketServer.BACKPRESSURE_DISCONNECT})
	var slow := await raw_join()
	slow.deaf = true
	await _fill(slow)
	slow.deaf = false
	check(
		await wait_for(func() -> bool: return not slow.frames().is_empty() and slow.frames().back()[0] == FIN | CLOSE)
	)
	equal(code_of(slow.frames().back()[1]), 1008)
	slow.send(frame(FIN | CLOSE, close_payload(1008)))
	await told("disconnected", [1, 1008, "too many bytes waiting to be sent"])


func test_one_message_over_the_limit() -> void:
	serve({"max_pending_bytes": 1000})
	var peer := await join()
	is_error(server.send_binary(1, pattern(1001)), ERR_OUT_OF_MEMORY)
	is_error(server.send_binary(1, pattern(1000)), ERR_OUT_OF_MEMORY, "with its head it is over")
	is_ok(server.send_binary(1, pattern(900)))
	await received(peer, [pattern(900)])


## Reading pauses while nothing is handled; no data is lost.
func test_a_flood_waits_in_its_own_connection() -> void:
	serve({"auto_process": false})
	var flood := await _join_by_hand(1)
	var message := pattern(64 * KIB)
	var count := 400
	var bytes := PackedByteArray()
	for _index in count:
		bytes.append_array(_masked(message))
	flood.send(bytes)
	await frames(30)
	check(not flood.is_all_sent(), "the rest waits on the client's side")
	equal(server.get_statistics()["clients"], 1)
	at_most(server.get_statistics()["bytes_in"], 3.0 * MIB)
	server.auto_process = true
	check(await wait_for(func() -> bool: return events.of("data").size() == count, 20.0))
	check(events.of("data").back() == [1, message])


func test_half_open_connections_do_not_keep_others_out() -> void:
	serve({"handshake_timeout": 1.0})
	var silent: Array[Raw] = []
	for _index in 100:
		silent.append(await raw())
	await join()
	var all_ended := func() -> bool: return silent.all(func(peer: Raw) -> bool: return peer.is_ended())
	check(await wait_for(all_ended))
	equal(silent[0].status(), 408)
	equal(server.get_client_count(), 1)


## Sends to a client that does not read until the server refuses. Returns how many messages were accepted.
func _fill(slow: Raw) -> int:
	var message := pattern(64 * KIB)
	var sent := 0
	var error := OK
	while error == OK and sent < MOST_MESSAGES:
		message.encode_u32(0, sent)
		error = server.send_binary(slow.id, message)
		if error == OK:
			sent += 1
		elif server.backpressure_policy == WebSocketServer.BACKPRESSURE_ERROR:
			# The system may still take some and make room: the queue is full for good once nothing moves.
			var before := server.get_client_pending_bytes(slow.id)
			await seconds(0.05)
			if before < message.size() or server.get_client_pending_bytes(slow.id) != before:
				error = OK
	is_error(error, ERR_OUT_OF_MEMORY)
	at_most(sent, MOST_MESSAGES - 1.0, "the limit is reached")
	return sent


func _join_by_hand(id: int) -> Raw:
	var connection := await raw()
	connection.send(head())
	check(await wait_for(connection.has_head))
	connection.take_head()
	connection.id = id
	return connection


## A complete binary frame.
func _masked(message: PackedByteArray) -> PackedByteArray:
	# Masked with zeros, which is allowed and avoids a loop over every byte.
	var bytes := PackedByteArray([FIN | BINARY, 0xff])
	for shift in range(56, -8, -8):
		bytes.append((message.size() >> shift) & 0xff)
	bytes.append_array([0, 0, 0, 0])
	bytes.append_array(message)
	return bytes
