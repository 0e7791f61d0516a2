extends MultiplayerTest
## How much of what has arrived one poll reads, and in which order.


func time_limit(_test_name: String) -> float:
	return 30.0


func after_each() -> void:
	get_tree().multiplayer_poll = true
	await super()


## A budget so small that a flood takes many frames: everything arrives, in order.
func test_a_flood_over_many_frames() -> void:
	var server := open_server(true, {"frame_budget_usec": 1000})
	var one := await join(true)
	var two := await join(true)
	var calls := 3000
	for number in calls:
		one.actor.say.rpc_id(1, number)
		two.actor.say.rpc_id(1, number)
	check(await wait_for(func() -> bool: return server.events.size() == 2 + 2 * calls, 20.0))
	for place: Place in [one, two]:
		var numbers := server.events.filter(
			func(event: Array) -> bool: return event[1] == place.id() and event[0] == "say"
		)
		equal(numbers.map(func(event: Array) -> int: return event[2]), range(calls), place.label)


func test_the_first_packet_is_always_read() -> void:
	var server := open_server(true, {"frame_budget_usec": 100})
	server.api.peer_connected.connect(func(_id: int) -> void: OS.delay_msec(2))
	server.actor.also = func(_what: String, _id: int, _value: Variant) -> void: OS.delay_msec(2)
	var one := await join(true)
	for number in 10:
		one.actor.say.rpc_id(1, number)
	check(await wait_for(func() -> bool: return server.events.size() == 11))
	server.actor.also = Callable()


## A client that left is announced as gone after its packets, even if these take many frames.
func test_the_end_comes_after_the_packets() -> void:
	var server := open_server(true, {"frame_budget_usec": 1000})
	var one := await join(true)
	for number in 2000:
		one.actor.say.rpc_id(1, number)
	one.peer.close()
	check(await wait_for(func() -> bool: return server.events.size() == 2002, 20.0))
	equal(server.events.back()[0], "-")
	equal(server.events[2000][2], 1999)


## A poll reads everything that has arrived while its time lasts.
func test_one_poll_reads_all() -> void:
	var server := open_server(true, {"frame_budget_usec": 1_000_000})
	var clients: Array[Place] = []
	for _index in 3:
		clients.append(await join(true))
	await _pile_up(server, clients, 1000)
	server.api.poll()
	equal(_count_calls(server), 3000)
	for client in clients:
		equal(_numbers_from(server, client), range(1000), client.label)


func test_one_that_floods_delays_others_little() -> void:
	var server := open_server(true, {"frame_budget_usec": 1_000_000})
	var floods: Array[Place] = []
	for _index in 3:
		floods.append(await join(true))
	var quiet := await join(true)
	await _pile_up(server, floods, 1000)
	await _pile_up(server, [quiet] as Array[Place], 5)
	server.api.poll()
	equal(_count_calls(server), 3005)
	# Three turns of others at most come before it.
	var calls := server.events.filter(_is_call)
	var first := calls.find_custom(func(event: Array) -> bool: return event[1] == quiet.id())
	check(first >= 0 and first <= 3 * 32, "it is read as number %d" % first)
	equal(_numbers_from(server, quiet), range(5))
	for client in floods:
		equal(_numbers_from(server, client), range(1000), client.label)


## Also if each poll has time for one packet alone.
func test_turns_go_on_from_poll_to_poll() -> void:
	var server := open_server(true, {"frame_budget_usec": 100})
	var flood := await join(true)
	var quiet := await join(true)
	server.actor.also = func(_what: String, _id: int, _value: Variant) -> void: OS.delay_usec(200)
	await _pile_up(server, [flood] as Array[Place], 200)
	await _pile_up(server, [quiet] as Array[Place], 3)
	for _index in 10:
		server.api.poll()
	equal(_numbers_from(server, quiet), range(3))
	check(_numbers_from(server, flood).size() < 10, "the others wait")
	for _index in 200:
		server.api.poll()
	equal(_numbers_from(server, flood), range(200))
	server.actor.also = Callable()


## Has the calls of each client arrive at a server that does not poll.
func _pile_up(server: Place, clients: Array[Place], count: int) -> void:
	get_tree().multiplayer_poll = false
	var part := (server.peer as AsyncMultiplayerPeer).get_server()
	var before: int = part.get_statistics()["messages_in"]
	for client in clients:
		for number in count:
			client.actor.say.rpc_id(1, number)
		client.peer.process(0)
	var all := before + clients.size() * count
	# The first call announces its node.
	check(await wait_for(func() -> bool: return part.get_statistics()["messages_in"] >= all + clients.size()))


func _is_call(event: Array) -> bool:
	return event[0] == "say"


func _count_calls(server: Place) -> int:
	return server.events.filter(_is_call).size()


func _numbers_from(server: Place, client: Place) -> Array:
	var calls := server.events.filter(func(event: Array) -> bool: return event[0] == "say" and event[1] == client.id())
	return calls.map(func(event: Array) -> int: return event[2])
