extends WebSocketTest
## RFC 6455 frame by frame, with clients that send what no library would.


func time_limit(_test_name: String) -> float:
	return 30.0


func test_fragments() -> void:
	serve()
	var peer := await raw_join()
	peer.send(frame(TEXT, utf8("one, ")))
	peer.send(frame(CONTINUATION, utf8("two, ")))
	peer.send(frame(CONTINUATION))
	peer.send(frame(FIN | CONTINUATION, utf8("three")))
	peer.send(frame(BINARY))
	peer.send(frame(FIN | CONTINUATION))
	await told("data", [1, PackedByteArray()])
	equal(events.of("message"), [[1, "one, two, three"]])


func test_many_small_fragments() -> void:
	serve()
	var peer := await raw_join()
	var bytes := pattern(20_000)
	var wire := frame(BINARY, bytes.slice(0, 1))
	for index in range(1, bytes.size()):
		wire.append_array(frame(CONTINUATION, bytes.slice(index, index + 1)))
	wire.append_array(frame(FIN | CONTINUATION))
	peer.send(wire)
	check(await wait_for(func() -> bool: return not events.of("data").is_empty(), 20.0))
	check(events.of("data")[0][1] == bytes)


func test_control_frames_between_fragments() -> void:
	serve()
	var peer := await raw_join()
	peer.send(frame(TEXT, utf8("a")))
	peer.send(frame(FIN | PING, utf8("1")))
	peer.send(frame(CONTINUATION, utf8("b")))
	peer.send(frame(FIN | PONG, utf8("unasked")))
	peer.send(frame(FIN | PING, utf8("2")))
	peer.send(frame(FIN | CONTINUATION, utf8("c")))
	await told("message", [1, "abc"])
	await got_frames(peer, [[FIN | PONG, utf8("1")], [FIN | PONG, utf8("2")]])


func test_a_close_between_fragments() -> void:
	serve()
	var peer := await raw_join()
	peer.send(frame(TEXT, utf8("never whole")))
	peer.send(frame(FIN | CLOSE, close_payload(1000)))
	await told("disconnected", [1, 1000, ""])
	equal(events.of("message"), [])
	await raw_is_out(peer, 1000)


func test_single_byte_segments() -> void:
	serve()
	var peer := await raw_join()
	var wire := frame(TEXT, utf8("müll"))
	wire.append_array(frame(FIN | PING, utf8("p")))
	wire.append_array(frame(FIN | CONTINUATION, utf8("🌍")))
	wire.append_array(frame(FIN | BINARY, pattern(300)))
	for byte in wire:
		peer.send(PackedByteArray([byte]))
		await frames(1)
	check(await wait_for(func() -> bool: return not events.of("data").is_empty()))
	equal(events.of("message"), [[1, "müll🌍"]])
	equal(events.of("data"), [[1, pattern(300)]])


func test_every_length_form_is_read() -> void:
	serve()
	var peer := await raw_join()
	for size: int in [0, 125, 126, 127, 65535, 65536]:
		peer.send(frame(FIN | BINARY, pattern(size)))
	check(await wait_for(func() -> bool: return events.of("data").size() == 6))
	var sizes := events.of("data").map(func(event: Array) -> int: return event[1].size())
	equal(sizes, [0, 125, 126, 127, 65535, 65536])


func test_every_length_form_is_written() -> void:
	serve()
	var peer := await raw_join()
	var expected := PackedByteArray()
	for size: int in [0, 125, 126, 65535, 65536]:
		is_ok(server.send_binary(1, pattern(size)))
		expected.append_array(frame(FIN | BINARY, pattern(size), false))
	check(await wait_for(func() -> bool: return peer.received.size() >= expected.size()))
	check(peer.received == expected, "shortest form, unmasked")


func test_unmasked_frames() -> void:
	serve()
	for first: int in [FIN | TEXT, FIN | BINARY, TEXT, FIN | PING]:
		await _breaks(frame(first, utf8("x"), false), 1002)


func test_reserved_bits() -> void:
	serve()
	for bits: int in [0x40, 0x20, 0x10, 0x70]:
		await _breaks(frame(FIN | TEXT | bits, utf8("x")), 1002)
		await _breaks(frame(FIN | PING | bits, utf8("x")), 1002)


func test_reserved_opcodes() -> void:
	serve()
	for opcode: int in [0x3, 0x4, 0x5, 0x6, 0x7, 0xB, 0xC, 0xD, 0xE, 0xF]:
		await _breaks(frame(FIN | opcode, utf8("x")), 1002)


func test_control_frames_that_are_none() -> void:
	serve()
	await _breaks(frame(PING, utf8("not final")), 1002)
	await _breaks(frame(CLOSE, close_payload(1000)), 1002)
	await _breaks(frame(FIN | PING, pattern(126)), 1002)
	await _breaks(frame(FIN | PONG, pattern(126)), 1002)


func test_fragments_out_of_order() -> void:
	serve()
	await _breaks(frame(FIN | CONTINUATION, utf8("of nothing")), 1002)
	await _breaks(frame(CONTINUATION, utf8("of nothing")), 1002)
	var new_one := frame(TEXT, utf8("a"))
	new_one.append_array(frame(FIN | TEXT, utf8("another before the end")))
	await _breaks(new_one, 1002)
	var twice := frame(TEXT, utf8("a"))
	twice.append_array(frame(FIN | CONTINUATION, utf8("b")))
	twice.append_array(frame(FIN | CONTINUATION, utf8("c")))
	await _breaks(twice, 1002, [["message", "ab"]])


func test_text_that_is_no_utf8() -> void:
	serve()
	for bytes: Array in [
		[0xff],
		[0xC0, 0xAF],
		[0xED, 0xA0, 0x80],
		[0xF4, 0x90, 0x80, 0x80],
		[0x61, 0x80],
		[0xE2, 0x82],
	]:
		await _breaks(frame(FIN | TEXT, PackedByteArray(bytes)), 1007)


## A character may be split across frames, but must be complete at the end of the last one.
func test_utf8_over_frames() -> void:
	serve()
	var peer := await raw_join()
	var globe := utf8("🌍")
	peer.send(frame(TEXT, globe.slice(0, 1)))
	peer.send(frame(CONTINUATION, globe.slice(1, 3)))
	peer.send(frame(FIN | CONTINUATION, globe.slice(3)))
	await told("message", [1, "🌍"])

	var open_end := frame(TEXT, globe.slice(0, 2))
	open_end.append_array(frame(FIN | CONTINUATION, globe.slice(2, 3)))
	await _breaks(open_end, 1007)
	var wrong := frame(TEXT, utf8("κόσμε"))
	wrong.append_array(frame(CONTINUATION, PackedByteArray([0xED, 0xA0])))
	wrong.append_array(frame(FIN | CONTINUATION, PackedByteArray([0x80, 0x65])))
	await _breaks(wrong, 1007)


func test_no_utf8_is_looked_for_in_binary() -> void:
	serve()
	var peer := await raw_join()
	peer.send(frame(FIN | BINARY, PackedByteArray([0xff, 0xC0])))
	await told("data", [1, PackedByteArray([0xff, 0xC0])])


func test_messages_before_a_broken_frame_arrive() -> void:
	serve()
	var wire := frame(FIN | TEXT, utf8("good"))
	wire.append_array(frame(FIN | BINARY, utf8("good too")))
	wire.append_array(frame(FIN | 0x3, utf8("bad")))
	await _breaks(wire, 1002, [["message", "good"], ["data", utf8("good too")]])


## A misbehaving client affects no other client.
func test_others_go_on() -> void:
	serve()
	var other := await join()
	var ones := PackedByteArray()
	ones.resize(100)
	ones.fill(0xff)
	await _breaks(ones, 1002)
	await _breaks(head(), 1002)
	other.socket.send_text("still here")
	await told("message", [1, "still here"])


func test_a_flood_of_pings() -> void:
	serve()
	var peer := await raw_join()
	var wire := PackedByteArray()
	for index in 5000:
		wire.append_array(frame(FIN | PING, utf8("%04d" % index)))
	wire.append_array(frame(FIN | TEXT, utf8("end")))
	peer.send(wire)
	await told("message", [1, "end"])
	check(await wait_for(func() -> bool: return peer.received.size() == 5000 * 6))
	equal(peer.frames().back(), [FIN | PONG, utf8("4999")])


## The memory for a client that sends pings and reads no pongs stays bounded, and no other client is affected.
func test_pings_of_a_client_that_never_reads() -> void:
	serve()
	var other := await join()
	var flood := await raw_join()
	flood.deaf = true
	var wire := PackedByteArray()
	for _index in 2000:
		wire.append_array(frame(FIN | PING, pattern(125)))
	var before := OS.get_static_memory_usage()
	for _index in 60:
		if flood.is_all_sent():
			flood.send(wire)
		await frames(1)
	other.socket.send_text("hello")
	await told("message", [1, "hello"])
	at_most(OS.get_static_memory_usage() - before, 32.0 * 1024 * 1024)
	equal(server.get_client_count(), 2)


## Sends bytes that violate the protocol, and checks that the server reports the error and disconnects; `before` is what
## it accepted first.
func _breaks(wire: PackedByteArray, code: int, before := []) -> void:
	var peer := await raw_join()
	events.all.clear()
	peer.send(wire)
	await raw_is_out(peer, code)
	check(await wait_for(func() -> bool: return not events.of("disconnected").is_empty()))
	var told_before := events.all.slice(0, -1).map(func(event: Array) -> Array: return [event[0], event[2]])
	equal(told_before, before)
	equal(events.all.back().slice(0, 3), ["disconnected", peer.id, code], "of %s" % wire.slice(0, 16).hex_encode())
	not_equal(events.all.back()[3], "", "it says what is wrong")
	check(not server.get_client_ids().has(peer.id))
