extends MultiplayerTest
## RPCs in the four worlds: the same calls arrive, in the same order.


func time_limit(_test_name: String) -> float:
	return 40.0


func test_one_call_each_way() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var client := await join(world[1])
		client.actor.say.rpc_id(1, "hello")
		await eventually(server, "say c1 hello")
		server.actor.say.rpc_id(client.id(), "welcome")
		await happens(server, ["+ c1", "say c1 hello"])
		await happens(client, ["connected", "+ server", "say server welcome"])
		close_world()


func test_every_mode_and_channel_both_ways() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var client := await join(world[1])
		for round_number in 3:
			_say_in_every_mode(client.actor, 1, round_number)
			_say_in_every_mode(server.actor, client.id(), round_number)
		var modes := ["say", "say_unreliable", "say_ordered", "say_on_channel"]
		var at_server: Array[String] = ["+ c1"]
		var at_client: Array[String] = ["connected", "+ server"]
		for round_number in 3:
			for mode: String in modes:
				at_server.append("%s c1 %d" % [mode, round_number])
				at_client.append("%s server %d" % [mode, round_number])
		await happens(server, at_server)
		await happens(client, at_client)
		close_world()


func _say_in_every_mode(actor: Actor, to: int, value: int) -> void:
	actor.say.rpc_id(to, value)
	actor.say_unreliable.rpc_id(to, value)
	actor.say_ordered.rpc_id(to, value)
	actor.say_on_channel.rpc_id(to, value)


func test_call_local_and_authority() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var client := await join(world[1])
		server.actor.say_everywhere.rpc("all")
		server.actor.command.rpc("obey")
		client.actor.say_everywhere.rpc_id(1, "back")
		await happens(server, ["+ c1", "say_everywhere server all", "say_everywhere c1 back"])
		await happens(client, ["connected", "+ server", "say_everywhere server all", "command server obey"])
		close_world()


func test_the_same_call_twice_arrives_twice() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var one := await join(world[1])
		var two := await join(world[1])
		server.actor.say.rpc_id(one.id(), "x")
		server.actor.say.rpc_id(two.id(), "x")
		server.actor.say.rpc_id(two.id(), "x")
		server.actor.say.rpc_id(one.id(), "x")
		server.actor.say.rpc("x")
		server.actor.say.rpc("x")
		await happens(one, _lines(["connected", "+ server", "+ c2"], "say server x", 4))
		await happens(two, _lines(["connected", "+ server", "+ c1"], "say server x", 4))
		close_world()


func test_large_packets_both_ways() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var client := await join(world[1])
		var large := PackedByteArray()
		large.resize(50_000)
		for index in large.size():
			large[index] = (index * 7) % 251
		client.actor.say.rpc_id(1, large)
		server.actor.say.rpc_id(client.id(), large)
		check(await wait_for(func() -> bool: return server.events.size() == 2 and client.events.size() == 3))
		equal(server.events.back(), ["say", client.id(), large])
		equal(client.events.back(), ["say", 1, large])
		close_world()


func test_to_all_and_to_all_but_one() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var clients: Array[Place] = []
		for _index in 3:
			clients.append(await join(world[1]))
		check(await wait_for(_all_know.bind(3)))
		for place in places:
			place.events.clear()
		server.actor.say.rpc("everybody")
		for place in clients:
			if place != clients[1]:
				server.actor.say.rpc_id(place.id(), "not c2")
		server.actor.say.rpc("end")
		await happens(clients[0], ["say server everybody", "say server not c2", "say server end"])
		await happens(clients[1], ["say server everybody", "say server end"])
		await happens(clients[2], ["say server everybody", "say server not c2", "say server end"])
		close_world()


## More clients than a message is queued for one by one.
func test_to_a_crowd() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		for _index in 12:
			open_client(world[1])
		check(await wait_for(func() -> bool: return server.api.get_peers().size() == 12))
		var know_all := func() -> bool:
			return places.slice(1).all(func(place: Place) -> bool: return place.api.get_peers().size() == 12)
		check(await wait_for(know_all))
		note_names()
		for place in places:
			place.events.clear()
		for number in 20:
			server.actor.say.rpc(number)
			server.actor.say.rpc_id(places[1 + number % 12].id(), "you")
		for index in range(1, 13):
			var expected: Array[String] = []
			for number in 20:
				expected.append("say server %d" % number)
				if number % 12 == index - 1:
					expected.append("say server you")
			await happens(places[index], expected)
		close_world()


func test_clients_reach_each_other_by_relay() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var one := await join(world[1])
		var two := await join(world[1])
		var three := await join(world[1])
		check(await wait_for(_all_know.bind(3)))
		for place in places:
			place.events.clear()
		one.actor.say.rpc_id(two.id(), "to two")
		two.actor.say.rpc("to all")
		await happens(two, ["say c1 to two"])
		await happens(one, ["say c2 to all"])
		await happens(three, ["say c2 to all"])
		await happens(server, ["say c2 to all"])
		close_world()


func test_without_relay() -> void:
	for world in WORLDS:
		var server := open_server(world[0], {"server_relay": false})
		var one := await join(world[1])
		await join(world[1])
		one.actor.say.rpc_id(1, "to the server")
		await happens(server, ["+ c1", "+ c2", "say c1 to the server"])
		await happens(one, ["connected", "+ server"])
		close_world()


## Raw packets of SceneMultiplayer.
func test_send_bytes() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var client := await join(world[1])
		var got: Array[Array] = []
		for place in places:
			place.api.peer_packet.connect(func(id: int, data: PackedByteArray) -> void: got.append([id, data]))
		server.api.send_bytes("down".to_utf8_buffer(), client.id())
		check(await wait_for(func() -> bool: return got.size() == 1))
		client.api.send_bytes("up".to_utf8_buffer(), 1)
		check(await wait_for(func() -> bool: return got.size() == 2))
		equal(got, [[1, "down".to_utf8_buffer()], [client.id(), "up".to_utf8_buffer()]] as Array[Array])
		close_world()


## Calls inside of every handler of what the peer reports.
func test_calls_inside_handlers() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		server.api.peer_connected.connect(func(id: int) -> void: server.actor.say.rpc_id(id, "at once"))
		server.actor.also = func(_what: String, id: int, value: Variant) -> void:
			if value is int and value < 5:
				server.actor.say.rpc_id(id, value + 1)
		var client := open_client(world[1])
		client.actor.also = func(_what: String, id: int, value: Variant) -> void:
			client.actor.say.rpc_id(id, value if value is int else 1)
		await happens(
			client,
			[
				"connected",
				"+ server",
				"say server at once",
				"say server 2",
				"say server 3",
				"say server 4",
				"say server 5"
			]
		)
		await happens(server, ["+ c1", "say c1 1", "say c1 2", "say c1 3", "say c1 4", "say c1 5"])
		client.actor.also = Callable()
		server.actor.also = Callable()
		close_world()


func _lines(before: Array[String], line: String, count: int) -> Array[String]:
	var lines: Array[String] = before.duplicate()
	for _index in count:
		lines.append(line)
	return lines


## Whether each place knows this number of others: the news of a client that joined reach them at different times.
func _all_know(others: int) -> bool:
	return places.all(func(place: Place) -> bool: return place.api.get_peers().size() == others)
