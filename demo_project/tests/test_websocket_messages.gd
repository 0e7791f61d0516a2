extends WebSocketTest
## Messages of every size and type arrive whole and in order, both ways.

const MIB := 1024 * 1024

## Every encoding of a frame's length (RFC 6455 section 5.2), and sizes around block boundaries.
const SIZES: Array[int] = [0, 1, 2, 125, 126, 127, 4095, 4096, 4097, 65535, 65536, 65537, 1024 * 1024 + 1]

const LARGE_BUFFERS := {"inbound_buffer_size": 32 * MIB, "outbound_buffer_size": 32 * MIB}


func time_limit(_test_name: String) -> float:
	return 30.0


func test_text_and_binary_both_ways() -> void:
	serve()
	var peer := await join()
	is_ok(peer.socket.send_text("text"))
	is_ok(peer.socket.send(PackedByteArray([0, 255, 10, 13])))
	await told("message", [1, "text"])
	await told("data", [1, PackedByteArray([0, 255, 10, 13])])
	is_ok(server.send_text(1, "back"))
	is_ok(server.send_binary(1, PackedByteArray([0, 1, 2])))
	await received(peer, ["back", PackedByteArray([0, 1, 2])])


func test_empty_messages() -> void:
	serve()
	var peer := await join()
	peer.socket.send_text("")
	peer.socket.send(PackedByteArray())
	peer.socket.send_text("end")
	await told("message", [1, "end"])
	equal(events.all.slice(1), [["message", 1, ""], ["data", 1, PackedByteArray()], ["message", 1, "end"]])
	is_ok(server.send_text(1, ""))
	is_ok(server.send_binary(1, PackedByteArray()))
	is_ok(server.send_text(1, "end"))
	await received(peer, ["", PackedByteArray(), "end"])


func test_every_size_comes_back() -> void:
	serve()
	server.data_received.connect(_echo_binary)
	server.message_received.connect(_echo_text)
	var peer := await join(LARGE_BUFFERS)
	var expected := []
	for size in SIZES:
		var bytes := pattern(size)
		var text := "é".repeat(size / 2) + "x".repeat(size % 2)
		peer.socket.send(bytes)
		peer.socket.send_text(text)
		expected.append_array([bytes, text])
	await received(peer, expected, 20.0)


func test_many_mebibytes() -> void:
	serve({"max_message_size": 20 * MIB, "max_pending_bytes": 30 * MIB})
	server.data_received.connect(_echo_binary)
	var peer := await join(LARGE_BUFFERS)
	var bytes := pattern(17 * MIB + 3)
	is_ok(peer.socket.send(bytes))
	await wait_for(func() -> bool: return not peer.received.is_empty(), 20.0)
	check(peer.received == [bytes], "it came back as it was sent")
	equal(server.get_client_pending_bytes(1), 0)


func test_order_of_many() -> void:
	serve()
	var peers: Array[Peer] = []
	for _index in 4:
		peers.append(await join(LARGE_BUFFERS))
	server.data_received.connect(_echo_binary)
	server.message_received.connect(_echo_text)
	var expected := []
	for number in 2000:
		var message: Variant = "message %d" % number if number % 3 else utf8("bytes %d" % number)
		expected.append(message)
		for peer in peers:
			if message is String:
				peer.socket.send_text(message)
			else:
				peer.socket.send(message)
		if number % 500 == 499:
			await frames(1)
	for peer in peers:
		await received(peer, expected, 20.0)


func test_broadcasts_and_exclusion() -> void:
	serve()
	is_ok(server.broadcast_text("nobody is here"))
	var peers: Array[Peer] = []
	for _index in 12:
		peers.append(await join())
	is_ok(server.broadcast_text("all"))
	is_ok(server.broadcast_binary(utf8("all")))
	is_ok(server.broadcast_text("not 2", [2]))
	is_ok(server.broadcast_binary(utf8("only 2"), [1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]))
	is_ok(server.broadcast_text("nobody", server.get_client_ids()))
	is_ok(server.broadcast_text("unknown ids do no harm", [77, -1, 0]))
	for peer in peers:
		var expected := ["all", utf8("all"), "not 2", "unknown ids do no harm"]
		if peer.id == 2:
			expected = ["all", utf8("all"), utf8("only 2"), "unknown ids do no harm"]
		await received(peer, expected)


func test_a_large_broadcast_to_some() -> void:
	serve()
	var peers: Array[Peer] = []
	for _index in 3:
		peers.append(await join(LARGE_BUFFERS))
	var bytes := pattern(3 * MIB)
	is_ok(server.broadcast_binary(bytes))
	is_ok(server.broadcast_text("then"))
	for peer in peers:
		await wait_for(func() -> bool: return peer.received.size() >= 2)
		check(peer.received == [bytes, "then"], "client %d got it all" % peer.id)


func test_statistics() -> void:
	serve()
	server.message_received.connect(_echo_text)
	var peer := await join()
	var other := await join()
	peer.socket.send_text("12345")
	await received(peer, ["12345"])
	server.broadcast_text("1234567")
	await received(other, ["1234567"])
	other.socket.close()
	await told_times("disconnected", 1)
	var figures := server.get_statistics()
	equal([figures["clients"], figures["connected"], figures["refused"]], [1, 2, 0])
	equal([figures["messages_in"], figures["bytes_in"]], [1, 5])
	equal([figures["messages_out"], figures["bytes_out"]], [3, 7 + 9 + 9], "frames have two bytes more")


func _echo_text(id: int, message: String) -> void:
	is_ok(server.send_text(id, message))


func _echo_binary(id: int, data: PackedByteArray) -> void:
	is_ok(server.send_binary(id, data))
