extends MultiplayerTest
## MultiplayerSpawner and MultiplayerSynchronizer in the four worlds.

const THING := preload("res://tests/children/multiplayer_thing.tscn")


func time_limit(_test_name: String) -> float:
	return 40.0


func after_each() -> void:
	await super()
	await frames(2)


func test_spawned_nodes_and_a_late_joiner() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		_add_spawner(server)
		var early := open_client(world[1], {}, _add_spawner)
		check(await wait_for(early.is_connected_to_server))
		_spawn(server, "one", 1)
		check(await wait_for(func() -> bool: return _seen(early) == ["one 1"]), str(_seen(early)))
		_spawn(server, "two", 2)
		var late := open_client(world[1], {}, _add_spawner)
		check(await wait_for(func() -> bool: return _seen(late) == ["one 1", "two 2"]), str(_seen(late)))
		equal(_seen(early), ["one 1", "two 2"])
		server.get_node("Things/one").queue_free()
		check(await wait_for(func() -> bool: return _seen(early) == ["two 2"] and _seen(late) == ["two 2"]))
		equal(_spawned(early), ["spawned one", "spawned two", "despawned one"])
		equal(_spawned(late), ["spawned one", "spawned two", "despawned one"])
		close_world()


func test_a_synchronised_property() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		_add_spawner(server)
		var one := open_client(world[1], {}, _add_spawner)
		var two := open_client(world[1], {}, _add_spawner)
		check(await wait_for(one.is_connected_to_server) and await wait_for(two.is_connected_to_server))
		var thing := _spawn(server, "one", 1)
		check(await wait_for(func() -> bool: return _seen(one) == ["one 1"] and _seen(two) == ["one 1"]))
		for value in [5, 9, 12]:
			thing.set("value", value)
			var expected := ["one %d" % value]
			check(await wait_for(func() -> bool: return _seen(one) == expected and _seen(two) == expected))
		close_world()


func test_visibility_filters() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		_add_spawner(server)
		var one := open_client(world[1], {}, _add_spawner)
		var two := open_client(world[1], {}, _add_spawner)
		check(await wait_for(one.is_connected_to_server) and await wait_for(two.is_connected_to_server))
		check(await wait_for(func() -> bool: return server.api.get_peers().size() == 2))
		var allowed: Array[int] = [one.id()]
		var hidden := _thing("hidden", 3)
		_sync(hidden).add_visibility_filter(func(id: int) -> bool: return id in allowed)
		server.get_node("Things").add_child(hidden, true)
		_spawn(server, "open", 4)
		check(await wait_for(func() -> bool: return _seen(one) == ["hidden 3", "open 4"]), str(_seen(one)))
		check(await wait_for(func() -> bool: return _seen(two) == ["open 4"]), str(_seen(two)))
		allowed.assign([two.id()])
		_sync(hidden).update_visibility()
		check(await wait_for(func() -> bool: return _seen(one) == ["open 4"]), str(_seen(one)))
		check(await wait_for(func() -> bool: return _seen(two) == ["hidden 3", "open 4"]), str(_seen(two)))
		hidden.set("value", 30)
		check(await wait_for(func() -> bool: return _seen(two) == ["hidden 30", "open 4"]), str(_seen(two)))
		close_world()


## Clients own nodes too: what one sets, the server and the others see.
func test_a_node_of_a_client() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		_add_spawner(server)
		var one := open_client(world[1], {}, _add_spawner)
		var two := open_client(world[1], {}, _add_spawner)
		check(await wait_for(one.is_connected_to_server) and await wait_for(two.is_connected_to_server))
		check(await wait_for(func() -> bool: return server.api.get_peers().size() == 2))
		var thing := _spawn(server, "mine", 1)
		check(await wait_for(func() -> bool: return _seen(one) == ["mine 1"] and _seen(two) == ["mine 1"]))
		for place in places:
			_sync(place.get_node("Things/mine")).set_multiplayer_authority(one.id())
		one.get_node("Things/mine").set("value", 77)
		check(await wait_for(func() -> bool: return thing.get("value") == 77), "at the server")
		check(await wait_for(func() -> bool: return _seen(two) == ["mine 77"]), "at the other client")
		close_world()


func _add_spawner(place: Place) -> void:
	var things := Node.new()
	things.name = "Things"
	place.add_child(things)
	var spawner := MultiplayerSpawner.new()
	spawner.name = "Spawner"
	place.add_child(spawner)
	spawner.spawn_path = ^"../Things"
	var events: Array[String] = []
	place.set_meta(&"spawned", events)
	spawner.spawned.connect(func(node: Node) -> void: events.append("spawned %s" % node.name))
	spawner.despawned.connect(func(node: Node) -> void: events.append("despawned %s" % node.name))
	spawner.add_spawnable_scene(THING.resource_path)


func _thing(thing_name: String, value: int) -> Node:
	var thing := THING.instantiate()
	thing.name = thing_name
	thing.set("value", value)
	return thing


func _spawn(server: Place, thing_name: String, value: int) -> Node:
	var thing := _thing(thing_name, value)
	server.get_node("Things").add_child(thing, true)
	return thing


func _sync(thing: Node) -> MultiplayerSynchronizer:
	return thing.get_node("Sync")


func _seen(place: Place) -> Array:
	var seen := place.get_node("Things").get_children().map(
		func(node: Node) -> String: return "%s %d" % [node.name, node.get("value")]
	)
	seen.sort()
	return seen


func _spawned(place: Place) -> Array:
	return place.get_meta(&"spawned")
