extends MultiplayerTest
## SceneMultiplayer's authentication, and other ways to use a MultiplayerAPI, in the four worlds.


func time_limit(_test_name: String) -> float:
	return 40.0


func test_accepted() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		_authenticate(server, "secret")
		var client := open_client(world[1], {}, func(place: Place) -> void: _authenticate(place, "secret"))
		check(await wait_for(client.is_connected_to_server))
		client.actor.say.rpc_id(1, "hello")
		await happens(server, ["authenticating c1", "asked c1 secret", "+ c1", "say c1 hello"])
		await happens(client, ["authenticating server", "asked server secret", "connected", "+ server"])
		close_world()


func test_refused() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		_authenticate(server, "secret")
		var client := open_client(world[1], {}, func(place: Place) -> void: _authenticate(place, "wrong"))
		await wait_for(func() -> bool: return client.status() == MultiplayerPeer.CONNECTION_CONNECTED)
		note_names()
		check(await wait_for(func() -> bool: return client.status() == MultiplayerPeer.CONNECTION_DISCONNECTED))
		await happens(server, ["authenticating c1", "asked c1 wrong"])
		equal(server.api.get_peers().size(), 0)
		equal(server.api.get_authenticating_peers().size(), 0)
		check(not log_of(client).has("connected"))
		equal(log_of(client).back(), "server gone")
		close_world()


func test_nobody_answers_in_time() -> void:
	for world in WORLDS:
		var server := open_server(world[0], {"auth_timeout": 0.3})
		server.api.auth_callback = func(_id: int, _data: PackedByteArray) -> void: pass
		var client := open_client(world[1], {"auth_timeout": 5.0}, _never)
		await wait_for(func() -> bool: return client.status() == MultiplayerPeer.CONNECTION_CONNECTED)
		note_names()
		await happens(server, ["authenticating c1", "not authenticated c1"])
		check(await wait_for(func() -> bool: return client.status() == MultiplayerPeer.CONNECTION_DISCONNECTED))
		close_world()


## A client and a server in one branch each, several of both in one process.
func test_several_servers_in_one_process() -> void:
	for world in WORLDS:
		var first := open_server(world[0])
		var of_first := await join(world[1])
		var second := open_server(world[0])
		var of_second := open_client(world[1])
		check(await wait_for(of_second.is_connected_to_server))
		first.actor.say.rpc("first")
		second.actor.say.rpc("second")
		await happens(of_first, ["connected", "+ server", "say server first"])
		await happens(of_second, ["connected", "+ server", "say server second"])
		close_world()


func test_poll_by_hand() -> void:
	get_tree().multiplayer_poll = false
	for world in WORLDS:
		var server := open_server(world[0])
		var client := open_client(world[1])
		await frames(10)
		equal(server.events.size() + client.events.size(), 0, "nobody polls")
		var is_there := func() -> bool:
			server.api.poll()
			client.api.poll()
			return client.is_connected_to_server()
		check(await wait_for(is_there))
		client.actor.say.rpc_id(1, "hello")
		var has_heard := func() -> bool:
			client.api.poll()
			server.api.poll()
			return server.events.size() == 2
		check(await wait_for(has_heard))
		equal(log_of(server), ["+ c1", "say c1 hello"] as Array[String])
		close_world()
	get_tree().multiplayer_poll = true


func after_each() -> void:
	get_tree().multiplayer_poll = true
	await super()


func _authenticate(place: Place, word: String) -> void:
	place.api.auth_callback = _answer.bind(place)
	if word.is_empty():
		return
	place.api.peer_authenticating.connect(func(id: int) -> void: place.api.send_auth(id, word.to_utf8_buffer()))


func _answer(id: int, data: PackedByteArray, place: Place) -> void:
	place.events.append(["asked", id, data.get_string_from_utf8()])
	if data.get_string_from_utf8() == "secret":
		place.api.complete_auth(id)
	elif place == places[0]:
		place.api.disconnect_peer(id)


func _never(place: Place) -> void:
	place.api.auth_callback = func(_id: int, _data: PackedByteArray) -> void: pass
