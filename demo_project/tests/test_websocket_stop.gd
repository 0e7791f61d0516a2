extends WebSocketTest
## `stop()`, and starting again.


func time_limit(_test_name: String) -> float:
	return 20.0


func test_everybody_gets_1001() -> void:
	serve()
	var peers: Array[Peer] = []
	for _index in 5:
		peers.append(await join())
	server.stop()
	check(not server.is_listening())
	equal(server.get_local_port(), 0)
	is_error(server.send_text(1, "too late"), ERR_UNCONFIGURED)
	for peer in peers:
		await told("disconnected", [peer.id, 1001, ""])
		await is_out(peer, 1001)
	equal(server.get_client_count(), 0)
	equal(server.get_client_ids(), [] as Array[int])
	equal(events.of("disconnected").size(), 5)


## As docs/recipes/dedicated-server.md does it.
func test_waiting_until_all_have_left() -> void:
	serve()
	# The engine's clients would lose a text that comes together with the close frame.
	var peers: Array[Raw] = [await raw_join(), await raw_join(), await raw_join()]
	is_ok(server.broadcast_text("the server stops"))
	server.stop()
	while server.get_client_count() > 0:
		await server.client_disconnected
	equal(server.get_statistics()["connected"], 3)
	for peer in peers:
		await got_frames(peer, [[FIN | TEXT, utf8("the server stops")], [FIN | CLOSE, close_payload(1001)]])


func test_the_port_is_free_at_once() -> void:
	serve()
	var port := server.get_local_port()
	for round_number in 20:
		var peer := await join()
		equal(peer.id, round_number + 1, "ids are never used again")
		server.stop()
		check(server.start(port, LOOPBACK), "start in the same moment")
		check(server.is_listening())
		await told("disconnected", [round_number + 1, 1001, ""])
	equal(events.of("error"), [])
	equal(server.get_local_port(), port)


func test_the_port_is_free_for_others_at_once() -> void:
	serve()
	var first := server
	await join()
	var port := first.get_local_port()
	first.stop()
	make_server()
	check(server.start(port, LOOPBACK))
	await join()


## Clients of the previous run are still there while the next run admits new ones.
func test_old_and_new_clients_side_by_side() -> void:
	serve()
	var port := server.get_local_port()
	var slow := await raw_join()
	server.stop()
	check(server.start(port, LOOPBACK))
	var fresh := await join()
	equal(fresh.id, 2)
	equal(server.get_client_ids(), [2] as Array[int])
	equal(events.of("disconnected"), [], "the old one has not answered yet")
	is_error(server.send_text(1, "x"), ERR_DOES_NOT_EXIST)
	not_equal(server.get_client_port(1), 0, "but it is still known")
	is_ok(server.broadcast_text("to the new one"))
	await received(fresh, ["to the new one"])
	await told("disconnected", [1, 1001, ""], 3.0)
	equal(slow.frames(), [[FIN | CLOSE, close_payload(1001)]])


func test_clients_that_do_not_answer_are_waited_for_in_bounds() -> void:
	serve({"close_timeout": 60.0})
	await raw_join()
	await raw_join()
	is_ok(server.disconnect_client(2, 4000, "before"))
	var started := Time.get_ticks_msec()
	server.stop()
	await told("disconnected", [1, 1001, ""])
	await told("disconnected", [2, 4000, "before"])
	at_most(Time.get_ticks_msec() - started, 2500)


func test_a_client_that_takes_nothing_does_not_hold_stop_up() -> void:
	serve({"max_pending_bytes": 64 * 1024 * 1024})
	var deaf := await raw_join()
	deaf.deaf = true
	for _index in 30:
		is_ok(server.send_binary(1, pattern(1024 * 1024)))
	var started := Time.get_ticks_msec()
	server.stop()
	await told("disconnected", [1, 1001, ""])
	at_most(Time.get_ticks_msec() - started, 2500)


func test_what_was_sent_before_stop_arrives() -> void:
	serve()
	var peer := await raw_join()
	is_ok(server.send_text(1, "goodbye"))
	server.stop()
	await got_frames(peer, [[FIN | TEXT, utf8("goodbye")], [FIN | CLOSE, close_payload(1001)]])


func test_messages_before_stop_come_first() -> void:
	serve({"auto_process": false})
	var peer := await raw_join_by_process()
	for index in 50:
		peer.send(frame(FIN | TEXT, utf8(str(index))))
	check(await wait_for(func() -> bool: return server.get_statistics()["messages_in"] == 50))
	server.stop()
	check(await wait_for(_is_told_by_process))
	equal(events.of("message").size(), 50)
	equal(events.all.back(), ["disconnected", 1, 1001, ""])


func test_stop_inside_every_handler() -> void:
	for kind: String in ["connected", "message", "data", "disconnected"]:
		serve()
		var stop := func(_a: Variant = null, _b: Variant = null) -> void: _servers.back().stop()
		_signal(kind).connect(stop)
		var peer := open()
		check(await wait_for(func() -> bool: return peer.is_open() or kind == "connected"))
		match kind:
			"message":
				peer.socket.send_text("x")
			"data":
				peer.socket.send(utf8("x"))
			"disconnected":
				peer.socket.close()
		check(await wait_for(func() -> bool: return not events.of("disconnected").is_empty()), kind)
		equal(events.of("disconnected")[0][1], 1000 if kind == "disconnected" else 1001, kind)
		check(not server.is_listening(), kind)
		equal(events.of("disconnected").size(), 1, kind)


func test_stop_and_start_inside_every_handler() -> void:
	for kind: String in ["connected", "message", "data", "disconnected"]:
		serve()
		var port := server.get_local_port()
		var restart := func(_a: Variant = null, _b: Variant = null) -> void:
			_servers.back().stop()
			check(_servers.back().start(port, LOOPBACK), "start inside %s" % kind)
		_signal(kind).connect(restart, CONNECT_ONE_SHOT)
		var peer := open()
		check(await wait_for(func() -> bool: return peer.is_open() or kind == "connected"))
		match kind:
			"message":
				peer.socket.send_text("x")
			"data":
				peer.socket.send(utf8("x"))
			"disconnected":
				peer.socket.close()
		check(await wait_for(func() -> bool: return not events.of("disconnected").is_empty()), kind)
		var next := await join()
		equal(next.id, 2, kind)
		next.socket.send_text("still works")
		await told("message", [2, "still works"])


func test_starting_again_when_the_last_client_has_gone() -> void:
	serve()
	var port := server.get_local_port()
	var again := func(_id: int, _code: int) -> void: check(_servers[0].start(port, LOOPBACK))
	server.client_disconnected.connect(again, CONNECT_ONE_SHOT)
	await join()
	server.stop()
	await told("disconnected", [1, 1001, ""])
	check(server.is_listening())
	equal((await join()).id, 2)


## For the log of a shutdown.
func test_the_statistics_last_until_the_next_start() -> void:
	serve()
	var peer := await join()
	peer.socket.send_text("five!")
	await told("message", [peer.id, "five!"])
	server.stop()
	equal(server.get_statistics()["bytes_in"], 5, "while it stops")
	await told("disconnected", [1, 1001, ""])
	check(await wait_for(func() -> bool: return server.get_id() == 0), "it is over")
	var figures := server.get_statistics()
	equal([figures["connected"], figures["messages_in"], figures["bytes_in"]], [1, 1, 5])
	equal([figures["clients"], figures["memory"]], [0, 0])
	check(server.start(0, LOOPBACK))
	equal(server.get_statistics()["connected"], 0)


func test_stop_is_harmless() -> void:
	make_server()
	server.stop()
	server.stop()
	equal(server.process(), 0)
	check(server.start(0, LOOPBACK))
	server.stop()
	server.stop()
	equal(server.process(), 0)
	check(server.start(0, LOOPBACK))
	await join()


func test_stop_while_a_handshake_is_under_way() -> void:
	serve()
	var half := await raw()
	half.send(head().slice(0, 40))
	await frames(2)
	server.stop()
	await refused(half, 503)
	equal(events.all, [] as Array[Array])


func test_ids_go_on_after_refused_and_gone_clients() -> void:
	serve()
	var seen: Array[int] = []
	for round_number in 3:
		for _index in 3:
			seen.append((await join()).id)
		server.stop()
		check(server.start(0, LOOPBACK))
	equal(seen, range(1, 10) as Array[int])


## Many clients connect while the server stops and starts: no id is used twice, and every admitted client is reported as
## disconnected.
func test_ids_under_load() -> void:
	serve()
	var port := server.get_local_port()
	for _round in 15:
		for _index in 20:
			open()
		await frames(1)
		server.stop()
		check(server.start(port, LOOPBACK))
	var connected := func() -> Array: return events.of("connected").map(func(event: Array) -> int: return event[0])
	var all_open_or_closed := func() -> bool:
		return _peers.all(func(peer: Peer) -> bool: return peer.is_open() or peer.is_closed())
	check(await wait_for(all_open_or_closed))
	server.stop()
	check(await wait_for(func() -> bool: return events.of("disconnected").size() == connected.call().size()))
	var ids := {}
	for id: int in connected.call():
		ids[id] = true
	equal(ids.size(), connected.call().size(), "no id came twice")
	at_least(ids.size(), 1)


func test_losing_the_last_reference_closes() -> void:
	serve()
	var peer := await join()
	var port := server.get_local_port()
	_servers.clear()
	server = null
	await is_out(peer, 1001)
	check(await wait_for(func() -> bool: return TCPServer.new().listen(port, LOOPBACK) == OK))


func test_stop_all_stops_servers_too() -> void:
	serve()
	var peer := await join()
	AsyncSockets.stop_all()
	check(not server.is_listening())
	await told("disconnected", [1, 1001, ""])
	await is_out(peer, 1001)


## The engine quits cleanly: connected clients receive what was sent before, and 1001.
func test_quitting_the_engine() -> void:
	var port := free_port()
	var command := PackedStringArray([_engine(), "--headless", "--path", ProjectSettings.globalize_path("res://")])
	command.append_array(["res://tests/children/child.tscn", "--", "websocket_quit", str(port)])
	var engine := run_in_background(command, 15.0)
	var peer := await _reach(port)
	if not check(peer.is_open(), "the second engine listens"):
		return
	peer.socket.send_text("quit")
	await is_out(peer, 1001)
	check(await wait_for(engine.is_over, 10.0))
	equal(engine.code, 0, engine.output)
	for trouble: String in ["SCRIPT ERROR", "ObjectDB instances leaked", "resources still in use", "panicked at"]:
		check(not engine.output.contains(trouble), engine.output)


## A client of a server that may take a moment to start.
func _reach(port: int) -> Peer:
	var peer := Peer.new()
	for _attempt in 50:
		peer.socket = WebSocketPeer.new()
		peer.socket.connect_to_url("ws://%s:%d" % [LOOPBACK, port])
		_peers.assign([peer])
		await wait_for(func() -> bool: return peer.is_open() or peer.is_closed())
		if peer.is_open():
			break
		await seconds(0.1)
	return peer


func raw_join_by_process() -> Raw:
	var peer := await raw()
	peer.send(head())
	check(await wait_for(peer.has_head))
	peer.take_head()
	return peer


func _is_told_by_process() -> bool:
	server.process()
	return not events.of("disconnected").is_empty()


func _signal(kind: String) -> Signal:
	return {
		"connected": server.client_connected,
		"message": server.message_received,
		"data": server.data_received,
		"disconnected": server.client_disconnected,
	}[kind]
