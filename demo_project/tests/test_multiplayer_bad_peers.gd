extends MultiplayerTest
## Peers that do not keep to the rules: each is logged once and cut, and the others are unharmed.


func time_limit(_test_name: String) -> float:
	return 30.0


func test_text_is_no_packet() -> void:
	await _is_cut(RawPeer.TEXT, "hello".to_utf8_buffer(), 1003)


func test_an_empty_message_is_no_packet() -> void:
	await _is_cut(RawPeer.BINARY, PackedByteArray(), 1002)


func test_a_giant_packet() -> void:
	var giant := PackedByteArray()
	giant.resize(70_000)
	await _is_cut(RawPeer.BINARY, giant, 1009, {"max_message_size": 65536})


## It claims a length that nobody has memory for, and sends nothing of it.
func test_the_head_of_a_giant_packet() -> void:
	var server := open_server(true)
	var good := await join(false)
	var bad := await raw_peer()
	check(await wait_for(func() -> bool: return server.events.size() == 2))
	var has_log := engine_log.start()
	bad.send(PackedByteArray([0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]))
	await _is_told_once(server, good, bad, 1009, has_log)


## RPCs to nodes that do not exist, unknown commands and rubbish are for SceneMultiplayer to refuse; the others go on.
func test_rubbish() -> void:
	var server := open_server(true)
	var good := await join(true)
	var raw := await raw_peer()
	check(await wait_for(raw.has_head))
	check(await wait_for(func() -> bool: return server.api.get_peers().size() == 2))
	for packet: PackedByteArray in [
		[0], [7], [7, 1, 9, 9, 9, 9], [7, 3, 1, 0, 0, 0], [0, 0xff, 0xff, 0xff, 0xff, 3], [255, 255, 255]
	]:
		raw.send(raw.frame(RawPeer.BINARY, packet))
	# The last one is good, so that all before it are handled.
	var got: Array[PackedByteArray] = []
	server.api.peer_packet.connect(func(_id: int, data: PackedByteArray) -> void: got.append(data))
	raw.send_packet(PackedByteArray([3, 7]))
	check(await wait_for(func() -> bool: return got.size() == 1 and got[0] == PackedByteArray([7])))
	good.actor.say.rpc_id(1, "unharmed")
	check(await wait_for(func() -> bool: return server.events.back() == ["say", good.id(), "unharmed"]))
	equal(server.api.get_peers().size(), 2)


## The id is the first message, also for one that calls before it has it.
func test_a_packet_before_the_id() -> void:
	var server := open_server(true)
	var got: Array[Array] = []
	server.api.peer_packet.connect(func(id: int, data: PackedByteArray) -> void: got.append([id, data]))
	var raw := await raw_peer([[3, 1, 2, 3]])
	check(await wait_for(func() -> bool: return got.size() == 1))
	check(await wait_for(func() -> bool: return raw.body.size() >= 6))
	equal(raw.body.slice(0, 2), PackedByteArray([0x82, 4]))
	equal(raw.body.slice(2, 6).decode_s32(0), got[0][0])
	equal(got[0][1], PackedByteArray([1, 2, 3]))


## One that never reads: an error each time, one line in the log, and the others go on.
func test_one_that_never_reads() -> void:
	var server := open_server(true, {"outbound_buffer_size": 100_000})
	var good := await join(false)
	var deaf := await raw_peer()
	check(await wait_for(func() -> bool: return deaf.id() > 0))
	var id := deaf.id()
	deaf.deaf = true
	var has_log := engine_log.start()
	var block := PackedByteArray([3])
	block.resize(50_000)
	var errors: Array[Error] = []
	var fill := func() -> bool:
		server.peer.set_target_peer(id)
		errors.append(server.peer.put_packet(block))
		return errors.count(ERR_OUT_OF_MEMORY) > 3
	check(await wait_for(fill, 15.0))
	equal(errors.count(OK) + errors.count(ERR_OUT_OF_MEMORY), errors.size())
	server.actor.say.rpc_id(good.id(), "unharmed")
	await eventually(good, "say server unharmed")
	await frames(3)
	equal(engine_log.lines_with("takes too little").size(), 1 if has_log else 0)
	equal(server.api.get_peers().size(), 2, "it stays")


## One that was logged for a full buffer is logged again for what it does wrong.
func test_a_full_buffer_and_a_fault() -> void:
	var server := open_server(true, {"outbound_buffer_size": 2000})
	var good := await join(false)
	var bad := await raw_peer()
	check(await wait_for(func() -> bool: return bad.id() > 0))
	var has_log := engine_log.start()
	var block := PackedByteArray([3])
	block.resize(5000)
	server.peer.set_target_peer(bad.id())
	is_error(server.peer.put_packet(block), ERR_OUT_OF_MEMORY)
	var words := "a packet of 5000 bytes is larger than outbound_buffer_size, 2000 bytes, allows"
	equal(server.peer.get_last_error_message(), words)
	check(await wait_for(func() -> bool: return engine_log.lines_with(words).size() == 1 or not has_log))
	# A frame that is not masked.
	bad.send(PackedByteArray([0x82, 1, 1]))
	check(await wait_for(func() -> bool: return server.events.size() == 3), "it is told as gone")
	await frames(3)
	equal(engine_log.lines_with("disconnected with 1002").size(), 1 if has_log else 0)
	server.actor.say.rpc("unharmed")
	await eventually(good, "say server unharmed")


## It is lost, and nothing else.
func test_a_packet_to_the_server_that_is_too_large() -> void:
	var server := open_server(true)
	var client := await join(true, {"outbound_buffer_size": 2000})
	var has_log := engine_log.start()
	var block := PackedByteArray([3])
	block.resize(5000)
	client.peer.set_target_peer(1)
	is_error(client.peer.put_packet(block), ERR_OUT_OF_MEMORY)
	var words := "a packet of 5000 bytes is larger than outbound_buffer_size, 2000 bytes, allows"
	equal(client.peer.get_last_error_message(), words)
	client.actor.say.rpc_id(1, "unharmed")
	await eventually(server, "say c1 unharmed")
	equal(engine_log.lines_with("packets to the server are lost: " + words).size(), 1 if has_log else 0)


## Its end is told at once, although its closing handshake would take a minute.
func test_one_that_never_reads_is_cut_by_policy() -> void:
	var server := open_server(true, {})
	server.peer.close()
	server.peer.outbound_buffer_size = 100_000
	server.peer.get_server().close_timeout = 60.0
	server.peer.get_server().backpressure_policy = WebSocketServer.BACKPRESSURE_DISCONNECT
	server.use(null)
	is_ok(server.peer.create_server(port, LOOPBACK))
	server.use(server.peer)
	server.events.clear()
	var deaf := await raw_peer()
	check(await wait_for(func() -> bool: return deaf.id() > 0))
	var id := deaf.id()
	deaf.deaf = true
	var good := await join(false)
	var has_log := engine_log.start()
	var block := PackedByteArray()
	block.resize(50_000)
	var fill := func() -> bool:
		if server.api.get_peers().has(id):
			server.actor.say.rpc_id(id, block)
		return server.events.has(["-", id])
	check(await wait_for(fill, 15.0))
	equal(server.api.get_peers(), PackedInt32Array([good.id()]))
	await frames(3)
	equal(engine_log.lines_with("disconnected with 1008").size(), 1 if has_log else 0)
	server.actor.say.rpc("unharmed")
	await eventually(good, "say server unharmed")


## Each breaks another rule, all at once.
func test_a_crowd_of_them() -> void:
	var server := open_server(true)
	var good: Array[Place] = []
	for _index in 3:
		good.append(await join(false))
	var bad: Array[RawPeer] = []
	for _index in 15:
		bad.append(await raw_peer())
	check(await wait_for(func() -> bool: return server.api.get_peers().size() == 18))
	for index in bad.size():
		match index % 5:
			0:
				bad[index].send(bad[index].frame(RawPeer.TEXT, "hello".to_utf8_buffer()))
			1:
				bad[index].send(bad[index].frame(RawPeer.BINARY, PackedByteArray()))
			2:
				# Reserved bits, a frame that is not masked, and a fragment of nothing.
				bad[index].send(PackedByteArray([0xf2, 0x81, 0, 0, 0, 0, 1]))
			3:
				bad[index].send(PackedByteArray([0x82, 1, 1]))
			4:
				bad[index].send(PackedByteArray([0x80, 0x80, 0, 0, 0, 0]))
		good[index % 3].actor.say.rpc(index)
	check(await wait_for(func() -> bool: return server.api.get_peers().size() == 3), "they are cut")
	for index in bad.size():
		var code: int = [1003, 1002, 1002, 1002, 1002][index % 5]
		check(await wait_for(func() -> bool: return bad[index].has_closed_with(code)), "number %d" % index)
	for place in good:
		var calls := func() -> Array: return place.events.filter(func(event: Array) -> bool: return event[0] == "say")
		check(await wait_for(func() -> bool: return (calls.call() as Array).size() == 10), place.label)


## Servers whose first message is no peer id: the client leaves with 1002, and says why.
func test_a_server_that_gives_no_id() -> void:
	for first: Variant in [
		"hello", [], [1, 2, 3], [1, 0, 0, 0], [0, 0, 0, 0], [255, 255, 255, 255], [7, 1, 9, 0, 0, 0]
	]:
		var fake := WebSocketServer.new()
		var codes: Array[int] = []
		var greet := func(id: int) -> void:
			if first is String:
				fake.send_text(id, first as String)
			else:
				fake.send_binary(id, PackedByteArray(first as Array))
		fake.client_connected.connect(greet)
		fake.client_disconnected.connect(func(_id: int, code: int) -> void: codes.append(code))
		check(fake.start(0, LOOPBACK))
		port = fake.get_local_port()
		var has_log := engine_log.start()
		var client := open_client(true)
		await happens(client, ["failed"])
		equal(
			(client.peer as AsyncMultiplayerPeer).get_last_error_message(),
			"the first message of the server is no peer id"
		)
		check(await wait_for(func() -> bool: return codes.size() == 1 and codes[0] == 1002), str(codes))
		equal(engine_log.lines_with("is no peer id").size(), 1 if has_log else 0)
		engine_log.stop()
		close_world()
		# It holds the server that holds it.
		fake.client_connected.disconnect(greet)
		fake.stop()


func _is_cut(opcode: int, payload: PackedByteArray, code: int, limits := {}) -> void:
	var server := open_server(true)
	if not limits.is_empty():
		server.peer.close()
		for property: String in limits:
			server.peer.get_server().set(property, limits[property])
		server.use(null)
		is_ok(server.peer.create_server(port, LOOPBACK))
		server.use(server.peer)
		server.events.clear()
	var good := await join(false)
	var bad := await raw_peer()
	check(await wait_for(bad.has_head))
	check(await wait_for(func() -> bool: return server.events.size() == 2))
	bad.send(bad.frame(RawPeer.BINARY, PackedByteArray([0])))
	var has_log := engine_log.start()
	for _index in 3:
		bad.send(bad.frame(opcode, payload))
	bad.send(bad.frame(RawPeer.BINARY, PackedByteArray([0])))
	await _is_told_once(server, good, bad, code, has_log)


## It is disconnected, and that is logged once.
func _is_told_once(server: Place, good: Place, bad: RawPeer, code: int, has_log: bool) -> void:
	check(await wait_for(func() -> bool: return server.events.size() == 3), "it is told as gone")
	var id: int = server.events[1][1]
	equal(server.events[2], ["-", id])
	check(await wait_for(func() -> bool: return bad.close_code() == code), "got %d" % bad.close_code())
	server.actor.say.rpc("unharmed")
	await eventually(good, "say server unharmed")
	equal(engine_log.lines_with("peer %d at" % id).size(), 1 if has_log else 0)
	equal(engine_log.lines_with("disconnected with %d" % code).size(), 1 if has_log else 0)
