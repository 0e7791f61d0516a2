extends MultiplayerTest
## Packets from client to client, relayed in the background or not: the clients notice no difference.

## Each way: whether the clients are ours, and whether the server relays in the background.
const WAYS: Array[Array] = [[true, true], [true, false], [false, true], [false, false]]

const RELAY := [7, 3]
const RAW := 3


func time_limit(_test_name: String) -> float:
	return 40.0


func after_each() -> void:
	get_tree().multiplayer_poll = true
	await super()


func test_to_one_to_all_and_to_all_but_one() -> void:
	for way in WAYS:
		var server := _open(way[1])
		var clients := await _join(way[0], 3)
		_clear()
		clients[0].actor.say.rpc_id(clients[1].id(), "to c2")
		clients[1].actor.say.rpc("to all")
		await happens(clients[0], ["say c2 to all"])
		await happens(clients[1], ["say c1 to c2"])
		await happens(clients[2], ["say c2 to all"])
		await happens(server, ["say c2 to all"])
		_clear()
		_record_packets()
		clients[0].api.send_bytes("not c2".to_utf8_buffer(), -clients[1].id())
		clients[0].api.send_bytes("not the server".to_utf8_buffer(), -1)
		clients[0].api.send_bytes("all".to_utf8_buffer(), 0)
		await happens(server, ["got c1 not c2", "got c1 all"])
		await happens(clients[1], ["got c1 not the server", "got c1 all"])
		await happens(clients[2], ["got c1 not c2", "got c1 not the server", "got c1 all"])
		await happens(clients[0], [])
		_check_relayed(way[1])
		close_world()


## Everything from one client to another stays in order, from the first moment, however it is addressed.
func test_the_order_stays() -> void:
	for way in WAYS:
		var server := _open(way[1])
		var listener := await join(way[0])
		var places_of_senders: Array[Place] = []
		for _index in 2:
			var sender := open_client(way[0])
			sender.api.peer_connected.connect(_talk.bind(sender, listener, server))
			places_of_senders.append(sender)
		for sender in places_of_senders:
			await _hears_numbers(listener, sender, range(600), 15.0)
			var expected := range(600).filter(func(number: int) -> bool: return number % 2 == 0)
			await _hears_numbers(server, sender, expected, 15.0)
		_check_relayed(way[1])
		close_world()


func test_large_packets() -> void:
	var large := PackedByteArray()
	large.resize(50_000)
	for index in large.size():
		large[index] = (index * 7) % 251
	for way in WAYS:
		var server := _open(way[1])
		var clients := await _join(way[0], 3)
		_clear()
		for number in 5:
			clients[0].actor.say.rpc_id(clients[1].id(), large)
			clients[0].actor.say.rpc(large)
		for place: Place in [clients[1], clients[2], server]:
			var count := 10 if place == clients[1] else 5
			check(await wait_for(func() -> bool: return place.events.size() >= count), place.label)
			equal(place.events.size(), count, place.label)
			check(place.events.all(func(event: Array) -> bool: return event == ["say", clients[0].id(), large]))
		_check_relayed(way[1])
		close_world()


## Packets go round while the server does nothing.
func test_the_main_thread_is_not_needed() -> void:
	for ours: bool in [true, false]:
		var server := _open(true)
		var clients := await _join(ours, 2)
		clients[0].actor.say.rpc_id(clients[1].id(), "known")
		await eventually(clients[1], "say c1 known")
		await frames(3)
		_clear()
		get_tree().multiplayer_poll = false
		clients[0].actor.say.rpc_id(clients[1].id(), "hello")
		clients[0].actor.say.rpc("all")
		var has_heard := func() -> bool:
			clients[0].api.poll()
			clients[1].api.poll()
			return clients[1].events.size() == 2
		check(await wait_for(has_heard))
		equal(log_of(clients[1]), ["say c1 hello", "say c1 all"] as Array[String])
		equal(server.events.size(), 0)
		get_tree().multiplayer_poll = true
		await happens(server, ["say c1 all"])
		close_world()


## What the server told two clients comes before the answer of one to the other.
func test_an_answer_comes_after_what_it_answers() -> void:
	for way in WAYS:
		var server := _open(way[1])
		var clients := await _join(way[0], 3)
		clients[0].actor.also = func(what: String, id: int, value: Variant) -> void:
			if what == "say" and id == 1:
				clients[0].actor.say_everywhere.rpc(value)
		_clear()
		for number in 200:
			server.actor.say.rpc(number)
			if number % 20 == 0:
				await frames(1)
		for place: Place in [clients[1], clients[2]]:
			check(await wait_for(func() -> bool: return place.events.size() >= 400, 10.0), place.label)
			for number in 200:
				var question := place.events.find(["say", 1, number])
				var answer := place.events.find(["say_everywhere", clients[0].id(), number])
				if question < 0 or answer < question:
					fail("%s: %d is answered at %d and asked at %d" % [place.label, number, answer, question])
					break
		clients[0].actor.also = Callable()
		_check_relayed(way[1])
		close_world()


func test_a_target_leaves_in_the_middle() -> void:
	for way in WAYS:
		var server := _open(way[1])
		var clients := await _join(way[0], 3)
		_clear()
		var gone := clients[1].id()
		for number in 300:
			# It is known to the sender until that hears of its end.
			if clients[0].api.get_peers().has(gone):
				clients[0].actor.say.rpc_id(gone, number)
			clients[0].actor.say.rpc(number)
			if number == 100:
				clients[1].peer.close()
			if number % 25 == 0:
				await frames(1)
		await _hears_numbers(clients[2], clients[0], range(300))
		await _hears_numbers(server, clients[0], range(300))
		await eventually(clients[2], "- c2")
		_check_relayed(way[1])
		close_world()


## Whoever is told that a peer is gone gets nothing more from it.
func test_nothing_comes_from_one_that_was_kicked() -> void:
	for by_api: bool in [true, false]:
		for way in WAYS:
			var server := _open(way[1])
			var clients := await _join(way[0], 3)
			_clear()
			var id := clients[0].id()
			for number in 400:
				if clients[0].api.get_peers().has(clients[1].id()):
					clients[0].actor.say.rpc(number)
				if number == 200 and by_api:
					server.api.disconnect_peer(id)
				elif number == 200:
					(server.peer as MultiplayerPeer).disconnect_peer(id)
				if number % 20 == 0:
					await frames(1)
			for place: Place in [clients[1], clients[2]]:
				check(await wait_for(func() -> bool: return place.events.has(["-", id])), place.label)
				await frames(5)
				equal(place.events.back(), ["-", id], place.label)
			close_world()


## A peer whose authentication is not complete neither reaches the others nor is reached.
func test_without_authentication() -> void:
	for way in WAYS:
		var server := _open(way[1])
		var clients := await _join(way[0], 2)
		_record_packets()
		var answers: Array[Array] = []
		server.api.auth_callback = func(id: int, data: PackedByteArray) -> void: answers.append([id, data])
		var raw := await raw_peer()
		check(await wait_for(func() -> bool: return server.api.get_authenticating_peers().size() == 1))
		check(await wait_for(func() -> bool: return raw.id() > 0))
		_clear()
		raw.send_packet(_relayed(clients[0].id(), "from outside"))
		raw.send_packet(_relayed(0, "from outside"))
		clients[0].api.send_bytes("inside".to_utf8_buffer(), 0)
		await eventually(clients[1], "got c1 inside")
		# Its packets are all handled, as this one is.
		raw.send_packet(PackedByteArray([7, 0, 99]))
		check(await wait_for(func() -> bool: return answers.size() == 1))
		equal(answers[0], [raw.id(), PackedByteArray([99])])
		await frames(3)
		equal(log_of(clients[1]), ["got c1 inside"] as Array[String])
		equal(log_of(clients[0]), [] as Array[String])
		equal(raw.packets().size(), 1, "its id alone")
		# Once it is complete, it takes part.
		server.api.complete_auth(raw.id())
		raw.send_packet(PackedByteArray([7, 0]))
		check(await wait_for(func() -> bool: return clients[0].api.get_peers().has(raw.id())))
		raw.send_packet(_relayed(clients[0].id(), "from inside"))
		check(await wait_for(func() -> bool: return clients[0].events.size() == 2))
		equal(clients[0].events.back(), ["got", raw.id(), "from inside"])
		clients[0].api.send_bytes("welcome".to_utf8_buffer(), raw.id())
		var welcome := _relayed(clients[0].id(), "welcome")
		check(await wait_for(func() -> bool: return raw.packets().has(welcome)))
		close_world()


## Without SceneMultiplayer's relay, a client that sends such packets all the same reaches nobody.
func test_without_server_relay() -> void:
	for background: bool in [true, false]:
		var server := _open(background, {"server_relay": false})
		var client := open_client(false)
		check(await wait_for(client.is_connected_to_server))
		var raw := await raw_peer()
		check(await wait_for(func() -> bool: return server.api.get_peers().size() == 2 and raw.id() > 0))
		_record_packets()
		_clear()
		raw.send_packet(_relayed(client.id(), "to c1"))
		raw.send_packet(_relayed(0, "to all"))
		raw.send_packet(PackedByteArray([RAW, 33]))
		check(await wait_for(func() -> bool: return server.events.size() == 1))
		equal(server.events, [["got", raw.id(), "!"]] as Array[Array])
		await frames(3)
		equal(client.events.size(), 0)
		_check_relayed(false)
		close_world()


## The sender is the connection, whatever a packet says. Packets that make no sense reach nobody.
func test_forged_packets() -> void:
	for background: bool in [true, false]:
		var server := _open(background)
		var clients := await _join(true, 2)
		var raw := await raw_peer()
		check(await wait_for(func() -> bool: return raw.id() > 0 and clients[1].api.get_peers().has(raw.id())))
		await frames(3)
		_record_packets()
		_clear()
		raw.send_packet(_relayed(0x7ffffff0, "to nobody"))
		raw.send_packet(_relayed(1, "to the server by relay"))
		raw.send_packet(PackedByteArray([7, 3]))
		raw.send_packet(PackedByteArray([7, 3, 0, 0, 0, 0]))
		# An order to add a peer, which only the server gives.
		var order := PackedByteArray([7, 1, 9, 0, 0, 0])
		raw.send_packet(order)
		raw.send_packet(_relayed(clients[0].id(), "end"))
		check(await wait_for(func() -> bool: return clients[0].events.size() == 1))
		equal(clients[0].events, [["got", raw.id(), "end"]] as Array[Array])
		await frames(3)
		equal(clients[1].events.size() + server.events.size(), 0)
		close_world()


## One that never reads loses what exceeds its limit. That is logged once, and the others are unharmed.
func test_a_slow_recipient() -> void:
	for background: bool in [true, false]:
		var server := _open(background, {"outbound_buffer_size": 200_000})
		var clients := await _join(false, 2)
		var deaf := await raw_peer()
		check(await wait_for(func() -> bool: return deaf.id() > 0 and clients[1].api.get_peers().has(deaf.id())))
		deaf.deaf = true
		_record_packets()
		_clear()
		var has_log := engine_log.start()
		var block := "x".repeat(20_000).to_utf8_buffer()
		for number in 400:
			clients[0].api.send_bytes(block, deaf.id())
			clients[0].api.send_bytes(str(number).to_utf8_buffer(), clients[1].id())
			if number % 2 == 0:
				await frames(1)
		check(await wait_for(func() -> bool: return clients[1].events.size() == 400))
		var numbers := clients[1].events.map(func(event: Array) -> int: return int(event[2] as String))
		equal(numbers, range(400))
		equal(server.api.get_peers().size(), 3, "it stays")
		if has_log:
			check(await wait_for(func() -> bool: return engine_log.lines_with("takes too little").size() > 0))
			await frames(3)
			equal(engine_log.lines_with("takes too little").size(), 1)
		_check_relayed(background)
		engine_log.stop()
		close_world()


## Its end is told at once, although its closing handshake would take a minute.
func test_a_slow_recipient_is_cut_by_policy() -> void:
	var properties := {"outbound_buffer_size": 200_000}
	var server := _open(true, properties, WebSocketServer.BACKPRESSURE_DISCONNECT, 60.0)
	var clients := await _join(false, 2)
	var deaf := await raw_peer()
	check(await wait_for(func() -> bool: return deaf.id() > 0 and clients[1].api.get_peers().has(deaf.id())))
	var id := deaf.id()
	deaf.deaf = true
	var block := "x".repeat(20_000).to_utf8_buffer()
	var fill := func() -> bool:
		if clients[0].api.get_peers().has(id):
			clients[0].api.send_bytes(block, id)
		return server.events.has(["-", id])
	check(await wait_for(fill, 20.0))
	clients[0].actor.say.rpc_id(clients[1].id(), "unharmed")
	await eventually(clients[1], "say c1 unharmed")


## A player who returns with his old id takes part as before.
func test_a_returning_player() -> void:
	var server := _open(true)
	var peer := server.peer as AsyncMultiplayerPeer
	peer.close()
	peer.get_server().manual_handshake = true
	var ids: Array[int] = [11, 22, 22]
	peer.get_server().handshake_requested.connect(
		func(request: WebSocketHandshakeRequest) -> void: request.accept("", ids.pop_front() as int)
	)
	check(peer.create_server(port, LOOPBACK) == OK)
	server.use(null)
	server.use(peer)
	var stays := await join(false)
	for _round in 2:
		var returns := await join(false)
		equal(returns.id(), 22)
		stays.events.clear()
		stays.actor.say.rpc_id(22, "hello")
		await eventually(returns, "say c1 hello")
		returns.actor.say.rpc_id(11, "back")
		check(await wait_for(func() -> bool: return stays.events.has(["say", 22, "back"])))
		returns.peer.close()
		check(await wait_for(func() -> bool: return not stays.api.get_peers().has(22)))
		places.erase(returns)
		returns.leave()
	_check_relayed(true)


func _open(
	background: bool, properties := {}, policy := WebSocketServer.BACKPRESSURE_ERROR, close_timeout := 3.0
) -> Place:
	var place := open_server(true, properties)
	# Read by create_server().
	place.peer.close()
	place.peer.relay_in_background = background
	place.peer.get_server().backpressure_policy = policy
	place.peer.get_server().close_timeout = close_timeout
	place.use(null)
	check(place.peer.create_server(port, LOOPBACK) == OK)
	place.use(place.peer)
	place.events.clear()
	return place


func _join(ours: bool, count: int) -> Array[Place]:
	var clients: Array[Place] = []
	for _index in count:
		clients.append(await join(ours))
	var know_all := func() -> bool:
		return clients.all(func(place: Place) -> bool: return place.api.get_peers().size() == count)
	check(await wait_for(know_all))
	# Until then, what they send goes through the main thread.
	await frames(4)
	return clients


func _clear() -> void:
	for place in places:
		place.events.clear()


func _record_packets() -> void:
	for place in places:
		place.api.peer_packet.connect(
			func(id: int, data: PackedByteArray) -> void: place.events.append(["got", id, data.get_string_from_utf8()])
		)


## A packet for another client, as SceneMultiplayer sends it.
func _relayed(target: int, text: String) -> PackedByteArray:
	var packet := PackedByteArray(RELAY)
	packet.resize(6)
	packet.encode_s32(2, target)
	packet.append(RAW)
	packet.append_array(text.to_utf8_buffer())
	return packet


func _check_relayed(background: bool) -> void:
	var server := places[0].peer as AsyncMultiplayerPeer
	var relayed: int = server.get_server().get_statistics()["relayed"]
	check((relayed > 0) == background, "%d were relayed in the background" % relayed)


## Once it knows the listener: to it alone and to all, in turn, some at once and the rest over several frames.
func _talk(id: int, sender: Place, listener: Place, server: Place) -> void:
	if id != listener.id():
		return
	for number in 600:
		if number % 2 == 0:
			sender.actor.say.rpc(number)
		else:
			sender.actor.say.rpc_id(id, number)
		if number % 50 == 49:
			await server.get_tree().process_frame


func _hears_numbers(place: Place, sender: Place, expected: Array, time := 5.0) -> void:
	check(await wait_for(func() -> bool: return _numbers_from(place, sender).size() >= expected.size(), time))
	equal(_numbers_from(place, sender), expected, "%s at %s" % [sender.label, place.label])


func _numbers_from(place: Place, sender: Place) -> Array:
	var calls := place.events.filter(
		func(event: Array) -> bool: return event[0] == "say" and event[1] == sender.id() and event[2] is int
	)
	return calls.map(func(event: Array) -> int: return event[2])
