extends MultiplayerTest
# time_limit: 180
## What a handler may do with its peer: poll it, let it wait, and end it, by all of its parts.

const EVENTS: Array[String] = ["+", "-", "say"]

var _acted := 0


func time_limit(_test_name: String) -> float:
	return 60.0


func test_drains_inside_handlers() -> void:
	for event in EVENTS:
		for of_server: bool in [true, false]:
			for action: Callable in [_poll_the_peer, _poll_the_api, _wait, _process_the_part, _look_at_everything]:
				await _act_inside(event, of_server, action)
				var server := places[0]
				var client := places[1]
				client.actor.say.rpc_id(1, "still")
				await eventually(server, "say c1 still")
				server.actor.say.rpc_id(client.id(), "here")
				await eventually(client, "say server here")
				equal(client.events.count(["say", 1, "here"]), 1, "%s in %s" % [action, event])
				close_world()


func test_ends_inside_handlers() -> void:
	for event in EVENTS:
		for of_server: bool in [true, false]:
			for action: Callable in [_stop_the_part, _stop_all]:
				await _act_inside(event, of_server, action)
				await eventually(places[1], "server gone")
				if of_server or action == _stop_all:
					await eventually(places[0], "server gone")
				else:
					await eventually(places[0], "- c1")
				equal(log_of(places[1]).count("server gone"), 1)
				close_world()


## A server that starts anew inside a handler has none of the old clients, and takes new ones.
func test_a_restart_inside_handlers() -> void:
	for event in EVENTS:
		await _act_inside(event, true, _restart)
		await eventually(places[1], "server gone")
		var late := open_client(true)
		check(await wait_for(late.is_connected_to_server), "a new client after a restart in %s" % event)
		late.actor.say.rpc_id(1, "new")
		check(await wait_for(func() -> bool: return places[0].events.back() == ["say", late.id(), "new"]), event)
		close_world()


## Has a server, or its client c1, do something once inside a handler.
func _act_inside(event: String, of_server: bool, action: Callable) -> void:
	var server := open_server(true)
	var client := await join(true)
	var other := await join(true)
	var acting := server if of_server else client
	_acted = 0
	var act := func(_a: Variant = null, _b: Variant = null, _c: Variant = null) -> void:
		_acted += 1
		if _acted == 1:
			action.call(acting)
	acting.actor.also = act if event == "say" else Callable()
	match event:
		"+":
			acting.api.peer_connected.connect(act)
			open_client(true)
		"-":
			acting.api.peer_disconnected.connect(act)
			other.peer.close()
		"say":
			for number in 3:
				other.actor.say.rpc(number)
	check(await wait_for(func() -> bool: return _acted > 0), "%s at the %s" % [event, acting.label])
	await frames(2)
	acting.actor.also = Callable()
	if event == "+":
		acting.api.peer_connected.disconnect(act)
	elif event == "-":
		acting.api.peer_disconnected.disconnect(act)


func _poll_the_peer(place: Place) -> void:
	place.peer.poll()


func _poll_the_api(place: Place) -> void:
	place.api.poll()
	place.api.poll()


func _wait(place: Place) -> void:
	place.peer.process()
	place.peer.process(2000)


func _process_the_part(place: Place) -> void:
	place.peer.get_server().process(2000)
	place.peer.get_client().process(2000)


func _look_at_everything(place: Place) -> void:
	var peer := place.peer as AsyncMultiplayerPeer
	for id in place.api.get_peers():
		peer.get_peer_address(id)
		peer.get_peer_latency(id)
		peer.get_client_id(id)
	peer.refuse_new_connections = true
	peer.refuse_new_connections = false
	peer.frame_budget_usec = 100
	peer.frame_budget_usec = 4000
	AsyncSockets.get_statistics()
	AsyncSockets.get_sockets()


func _stop_the_part(place: Place) -> void:
	if place == places[0]:
		place.peer.get_server().stop()
	else:
		place.peer.get_client().close()


func _stop_all(_place: Place) -> void:
	AsyncSockets.stop_all()


func _restart(place: Place) -> void:
	place.peer.close()
	port = free_port()
	check(place.peer.create_server(port, LOOPBACK) == OK)
