extends WebSocketTest
## `process()`, with and without a budget, and automatic processing.


func time_limit(_test_name: String) -> float:
	return 20.0


func test_signals_come_by_themselves() -> void:
	serve()
	check(server.auto_process)
	await join()


func test_without_auto_process_nothing_comes_by_itself() -> void:
	serve({"auto_process": false})
	var peer := open()
	check(await wait_for(peer.is_open), "the handshake needs no main thread")
	peer.socket.send_text("a")
	peer.socket.send_text("b")
	check(await wait_for(func() -> bool: return server.get_statistics()["messages_in"] == 2))
	await frames(5)
	equal(events.all, [] as Array[Array])
	equal(server.process(), 3, "how many events it handled")
	equal(events.all, [["connected", 1], ["message", 1, "a"], ["message", 1, "b"]] as Array[Array])
	equal(server.process(), 0)


func test_a_budget_waits_for_what_comes() -> void:
	serve({"auto_process": false})
	var peer := await raw()
	peer.send(head())
	var started := Time.get_ticks_usec()
	var handled := server.process(100_000)
	at_least(Time.get_ticks_usec() - started, 99_000.0, "it takes the whole budget")
	at_most(Time.get_ticks_usec() - started, 500_000.0)
	equal(handled, 1)
	equal(events.all, [["connected", 1]] as Array[Array])


## Many round trips in one call, which a loop bound to frames cannot do.
func test_round_trips_within_one_call() -> void:
	serve({"auto_process": false})
	server.message_received.connect(func(id: int, message: String) -> void: _servers[0].send_text(id, message))
	start_python("res://tests/peers/websocket_ping_pong.py", PackedStringArray([str(server.get_local_port()), "500"]))
	var begun := func() -> bool:
		server.process()
		return not events.of("message").is_empty()
	check(await wait_for(begun))
	var before := events.of("message").size()
	var frame_before := Engine.get_process_frames()
	server.process(400_000)
	equal(Engine.get_process_frames(), frame_before)
	at_least(events.of("message").size() - before, 50.0)


func test_a_budget_serves_the_others_too() -> void:
	serve()
	var automatic := server
	var first_events := events
	make_server({"auto_process": false})
	check(server.start(0, LOOPBACK))
	var peer := Raw.new()
	peer.stream.connect_to_host(LOOPBACK, automatic.get_local_port())
	_raws.append(peer)
	check(await wait_for(peer.is_connected_to_host))
	peer.send(head())
	server.process(100_000)
	equal(first_events.all, [["connected", 1]] as Array[Array])


func test_process_handles_only_its_own() -> void:
	serve({"auto_process": false})
	var first := server
	var first_events := events
	var peer := await raw()
	peer.send(head())
	check(await wait_for(peer.has_head))
	make_server({"auto_process": false})
	check(server.start(0, LOOPBACK))
	equal(server.process(), 0)
	equal(first_events.all, [] as Array[Array])
	equal(first.process(), 1)


func test_auto_process_can_be_switched() -> void:
	serve({"auto_process": false})
	var peer := open()
	check(await wait_for(peer.is_open))
	await frames(2)
	equal(events.all, [] as Array[Array])
	server.auto_process = true
	await told("connected", [1])


func test_a_flood_leaves_the_frames_going() -> void:
	serve()
	var peer := await raw_join()
	var wire := PackedByteArray()
	for _index in 10_000:
		wire.append_array(PackedByteArray([FIN | TEXT, 0x81, 0, 0, 0, 0, 65]))
	# A slow handler.
	server.message_received.connect(func(_id: int, _message: String) -> void: OS.delay_usec(20))
	peer.send(wire)
	var longest := 0
	var last := Time.get_ticks_usec()
	while events.all.size() <= 10_000 and Time.get_ticks_usec() - last < 5_000_000:
		await frames(1)
		longest = maxi(longest, Time.get_ticks_usec() - last)
		last = Time.get_ticks_usec()
	equal(events.of("message").size(), 10_000)
	at_most(longest, 150_000.0, "the longest frame, in microseconds, with a budget of 4,000 for the network")


func test_a_subclass() -> void:
	var echo := Echo.new()
	server = echo
	events = Events.new()
	events.watch(server)
	_servers.append(server)
	check(server.start(0, LOOPBACK))
	var peer := await join()
	peer.socket.send_text("sub")
	await received(peer, ["class says sub"])


class Echo:
	extends WebSocketServer

	func _init() -> void:
		message_received.connect(_on_message)

	func _on_message(id: int, message: String) -> void:
		send_text(id, "class says " + message)
