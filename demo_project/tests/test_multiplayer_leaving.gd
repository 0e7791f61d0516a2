extends MultiplayerTest
## The end of connections in the four worlds: who is told what, in which order.

var _died := 0
var _longest_frame := 0.0


func _process(delta: float) -> void:
	super(delta)
	_longest_frame = maxf(_longest_frame, delta)


func time_limit(_test_name: String) -> float:
	return 40.0


func test_a_client_closes() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var one := await join(world[1])
		var two := await join(world[1])
		(one.peer as MultiplayerPeer).close()
		await happens(server, ["+ c1", "+ c2", "- c1"])
		await happens(one, ["connected", "+ server", "+ c2", "server gone"])
		await happens(two, ["connected", "+ server", "+ c1", "- c1"])
		close_world()


func test_the_server_closes() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var one := await join(world[1])
		(server.peer as MultiplayerPeer).close()
		await happens(one, ["connected", "+ server", "- server", "server gone"])
		await happens(server, ["+ c1", "server gone"])
		close_world()


## The engine's server loses what was sent right before.
func test_what_a_client_sent_before_it_closes_arrives() -> void:
	var server := open_server(true)
	var one := await join(true)
	for number in 3:
		one.actor.say.rpc_id(1, number)
	(one.peer as MultiplayerPeer).close()
	await happens(server, ["+ c1", "say c1 0", "say c1 1", "say c1 2", "- c1"])


## The engine's client drops what it reads together with a close frame, which therefore comes 100 ms later.
func test_the_last_words_of_a_server() -> void:
	for fps: int in [60, 30]:
		for ours: bool in [true, false]:
			for way: String in ["close", "kick", "disconnect_client", "stop", "null"]:
				await _is_steady(_hear_the_last_words.bind(fps, ours, way))


func _hear_the_last_words(fps: int, ours: bool, way: String) -> Array:
	Engine.max_fps = fps
	var server := open_server(true)
	var one := await join(ours)
	one.events.clear()
	for number in 3:
		server.actor.say.rpc(number)
	var peer := server.peer as AsyncMultiplayerPeer
	match way:
		"close":
			peer.close()
		"kick":
			peer.disconnect_peer(one.id())
		"disconnect_client":
			peer.get_server().disconnect_client(peer.get_client_id(one.id()), 4000, "bye")
		"stop":
			peer.get_server().stop()
		"null":
			peer = null
			server.peer = null
			server.use(null)
	await wait_for(func() -> bool: return one.events.has(["server gone"]))
	var heard := log_of(one)
	close_world()
	return [heard, ["say server 0", "say server 1", "say server 2", "- server", "server gone"]]


## What a server says to a newcomer that it turns away arrives; without a word, he has never joined.
func test_the_last_words_to_a_newcomer() -> void:
	for ours: bool in [true, false]:
		for words: String in ["", "full"]:
			await _is_steady(_turn_away.bind(ours, words))


func _turn_away(ours: bool, words: String) -> Array:
	var server := open_server(true)
	await join(ours)
	server.api.peer_connected.connect(
		func(id: int) -> void:
			if not words.is_empty():
				server.actor.say.rpc_id(id, words)
			(server.peer as AsyncMultiplayerPeer).disconnect_peer(id)
	)
	var two := open_client(ours)
	await wait_for(func() -> bool: return two.events.has(["server gone"]) or two.events.has(["failed"]))
	var heard := log_of(two)
	close_world()
	if words.is_empty():
		return [heard, ["failed"]]
	heard.erase("+ c1")
	heard.erase("- c1")
	return [heard, ["connected", "+ server", "say server full", "- server", "server gone"]]


## Checks that a round goes as it should. One in which a frame took too long for what the engine's client hears is
## repeated.
func _is_steady(play: Callable) -> void:
	for _attempt in 20:
		_longest_frame = 0.0
		var result: Array = await play.call()
		if result[0] == result[1] or _longest_frame < 0.09:
			equal(result[0], result[1], str(play.get_bound_arguments()))
			return
	fail("the machine is too busy: a frame took %f s" % _longest_frame)


## A peer set to null is gone with all it has.
func test_the_last_reference_closes() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var one := await join(world[1])
		var two := await join(world[1])
		one.peer = null
		one.api.multiplayer_peer = null
		await happens(server, ["+ c1", "+ c2", "- c1"])
		server.peer = null
		server.api.multiplayer_peer = null
		await happens(two, ["connected", "+ server", "+ c1", "- c1", "- server", "server gone"])
		close_world()


## As when a thread that loads levels holds the old one to the end.
func test_the_last_reference_goes_in_another_thread() -> void:
	var holder: Array[AsyncMultiplayerPeer] = [AsyncMultiplayerPeer.new(), AsyncMultiplayerPeer.new()]
	port = free_port()
	check(holder[0].create_server(port, LOOPBACK) == OK)
	check(holder[1].create_client("ws://%s:%d" % [LOOPBACK, port]) == OK)
	var is_joined := func() -> bool:
		for peer: AsyncMultiplayerPeer in holder:
			peer.poll()
		return holder[1].get_connection_status() == MultiplayerPeer.CONNECTION_CONNECTED
	check(await wait_for(is_joined))
	var ends: Array[bool] = []
	var server := holder[0].get_server()
	for index: int in [1, 0]:
		var thread := Thread.new()
		thread.start(func() -> void: holder.remove_at(index))
		check(await wait_for(func() -> bool: return not thread.is_alive()))
		thread.wait_to_finish()
		if index == 1:
			var is_gone := func() -> bool:
				holder[0].poll()
				return server.get_client_count() == 0
			ends.append(await wait_for(is_gone))
	equal(ends, [true] as Array[bool], "the client has left")
	check(await wait_for(func() -> bool: return not server.is_listening()), "the port is free")


func test_kick() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var one := await join(world[1])
		var two := await join(world[1])
		(server.peer as MultiplayerPeer).disconnect_peer(one.id())
		await happens(server, ["+ c1", "+ c2", "- c1"])
		await happens(one, ["connected", "+ server", "+ c2", "- server", "server gone"])
		await happens(two, ["connected", "+ server", "+ c1", "- c1"])
		close_world()


func test_kick_by_force() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var one := await join(world[1])
		(server.peer as MultiplayerPeer).disconnect_peer(one.id(), true)
		await happens(one, ["connected", "+ server", "- server", "server gone"])
		await happens(server, ["+ c1"])
		close_world()


func test_kick_by_the_multiplayer_api() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var one := await join(world[1])
		var two := await join(world[1])
		server.api.disconnect_peer(one.id())
		await happens(one, ["connected", "+ server", "+ c2", "- server", "server gone"])
		await happens(server, ["+ c1", "+ c2"])
		await happens(two, ["connected", "+ server", "+ c1", "- c1"])
		close_world()


func test_a_client_disconnects_from_the_server() -> void:
	for force: bool in [false, true]:
		for world in WORLDS:
			var server := open_server(world[0])
			var one := await join(world[1])
			(one.peer as MultiplayerPeer).disconnect_peer(1, force)
			await happens(server, ["+ c1", "- c1"])
			var expected: Array[String] = ["connected", "+ server", "- server", "server gone"]
			if force:
				expected.erase("- server")
			await happens(one, expected)
			close_world()


## The handler of every event removes the peer, and with it the last reference.
func test_null_inside_a_handler() -> void:
	for world in WORLDS:
		for event: String in ["+", "-", "say"]:
			for who: String in ["server", "client"]:
				var server := open_server(world[0])
				var client := open_client(world[1])
				var other := open_client(world[1])
				check(await wait_for(other.is_connected_to_server) and await wait_for(client.is_connected_to_server))
				var all_know_all := func() -> bool:
					return places.all(func(place: Place) -> bool: return place.api.get_peers().size() == 2)
				check(await wait_for(all_know_all))
				var victim := server if who == "server" else client
				_died = 0
				var remove := func(_a: Variant = null, _b: Variant = null, _c: Variant = null) -> void:
					if victim.peer != null:
						_died += 1
						victim.peer = null
						victim.api.multiplayer_peer = null
				victim.actor.also = remove if event == "say" else Callable()
				match event:
					"+":
						victim.api.peer_connected.connect(remove)
						open_client(world[1])
					"-":
						victim.api.peer_disconnected.connect(remove)
						(other.peer as MultiplayerPeer).close()
					"say":
						for number in 3:
							other.actor.say.rpc(number)
				check(await wait_for(func() -> bool: return _died == 1), "%s at the %s" % [event, who])
				await frames(5)
				equal(_died, 1)
				victim.actor.also = Callable()
				close_world()
				await frames(2)


func test_close_inside_a_handler() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		server.actor.also = func(_what: String, _id: int, _value: Variant) -> void: server.peer.close()
		var client := await join(world[1])
		for number in 3:
			client.actor.say.rpc_id(1, number)
		await happens(server, ["+ c1", "say c1 0", "server gone"])
		await happens(client, ["connected", "+ server", "- server", "server gone"])
		server.actor.also = Callable()
		close_world()


func test_kick_inside_a_handler() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		server.actor.also = func(_what: String, id: int, _value: Variant) -> void: server.peer.disconnect_peer(id)
		var client := await join(world[1])
		client.actor.say.rpc_id(1, "hello")
		await happens(server, ["+ c1", "say c1 hello", "- c1"])
		await happens(client, ["connected", "+ server", "- server", "server gone"])
		server.actor.also = Callable()
		close_world()


func test_no_server() -> void:
	port = free_port()
	for ours: bool in [true, false]:
		var client := open_client(ours)
		await happens(client, ["failed"])
		equal(client.status(), MultiplayerPeer.CONNECTION_DISCONNECTED)
		close_world()


## A server that gives no id. The engine's client waits for it without end.
func test_a_server_that_is_none() -> void:
	var silent := WebSocketServer.new()
	check(silent.start(0, LOOPBACK))
	port = silent.get_local_port()
	var client := open_client(true, {"handshake_timeout": 0.3})
	await happens(client, ["failed"])
	equal(
		(client.peer as AsyncMultiplayerPeer).get_last_error_message(), "there was no peer id within handshake_timeout"
	)
	close_world()
	silent.stop()


## The process of a client is killed.
func test_a_killed_client() -> void:
	for world in WORLDS:
		var server := open_server(world[0])
		var stays := await join(world[1])
		var process := start_process(_engine(), _command(world[1]))
		check(await wait_for(func() -> bool: return server.api.get_peers().size() == 2, 15.0), "it joins")
		OS.kill(process)
		_processes.erase(process)
		check(await wait_for(func() -> bool: return log_of(server).size() == 3, 10.0), "it leaves")
		equal(server.events[2][0], "-")
		equal(server.events[2][1], server.events[1][1])
		await wait_for(func() -> bool: return stays.events.size() == 4)
		equal(stays.events.map(func(event: Array) -> String: return event[0]), ["connected", "+", "+", "-"])
		close_world()


## The engine of the server quits: what was sent before arrives, and the end is told.
func test_the_engine_of_the_server_quits() -> void:
	for ours: bool in [true, false]:
		port = free_port()
		var command := PackedStringArray([_engine(), "--headless", "--path", ProjectSettings.globalize_path("res://")])
		command.append_array(["res://tests/children/child.tscn", "--", "multiplayer_quit", str(port)])
		var engine := run_in_background(command, 20.0)
		var client: Place = null
		for _attempt in 100:
			client = open_client(ours)
			if await wait_for(client.is_connected_to_server, 1.0):
				break
			close_world()
			await seconds(0.1)
		if not check(client.is_connected_to_server(), "the second engine listens"):
			return
		var packets: Array[String] = []
		client.api.peer_packet.connect(
			func(_id: int, data: PackedByteArray) -> void: packets.append(data.get_string_from_utf8())
		)
		_longest_frame = 0.0
		client.api.send_bytes("quit".to_utf8_buffer(), 1)
		await eventually(client, "server gone", 10.0)
		# Unless a frame took too long, see test_the_last_words_of_a_server.
		if ours or not packets.is_empty() or _longest_frame < 0.09:
			equal(packets, ["goodbye"] as Array[String])
		check(await wait_for(engine.is_over, 10.0))
		equal(engine.code, 0, engine.output)
		for trouble: String in ["SCRIPT ERROR", "ObjectDB instances leaked", "resources still in use", "panicked at"]:
			check(not engine.output.contains(trouble), engine.output)
		close_world()


func _command(ours: bool) -> PackedStringArray:
	var all := PackedStringArray(["--headless", "--path", ProjectSettings.globalize_path("res://")])
	all.append_array(
		["res://tests/children/child.tscn", "--", "multiplayer_client", str(port), "ours" if ours else "stock"]
	)
	return all
