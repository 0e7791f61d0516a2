extends MultiplayerTest
## What only AsyncMultiplayerPeer has.

var _requests: Array[WebSocketHandshakeRequest] = []


func time_limit(_test_name: String) -> float:
	return 30.0


func after_each() -> void:
	_requests.clear()
	await super()


func test_who_is_who() -> void:
	var server := open_server(true)
	var peer := server.peer as AsyncMultiplayerPeer
	var client := await join(true)
	var id := client.id()
	check(id >= 2)
	equal(peer.get_unique_id(), 1)
	equal(peer.get_client_id(id), 1)
	equal(peer.get_peer_id(1), id)
	equal(peer.get_peer_address(id), LOOPBACK)
	equal(peer.get_peer_port(1), 0)
	not_equal(peer.get_peer_port(id), 0)
	equal(peer.get_peer_latency(id), -1.0)
	is_ok(peer.get_server().ping(1))
	check(await wait_for(func() -> bool: return peer.get_peer_latency(id) >= 0.0))
	var joined := client.peer as AsyncMultiplayerPeer
	equal(joined.get_peer_address(1), LOOPBACK)
	equal(joined.get_peer_port(1), port)
	equal(joined.get_peer_address(id), "")
	var part := peer.get_server()
	check(peer.get_server() == part, "always the same object")
	equal(peer.get_server().get_client_count(), 1)
	peer.close()
	equal(peer.get_client_id(id), 0)
	equal(peer.get_peer_id(1), 0)
	equal(peer.get_peer_address(id), "")


func test_defaults_and_wrong_values() -> void:
	var peer := AsyncMultiplayerPeer.new()
	var stock := WebSocketMultiplayerPeer.new()
	equal(peer.max_queued_packets, stock.max_queued_packets)
	equal(peer.handshake_timeout, stock.handshake_timeout)
	equal(peer.inbound_buffer_size, 262144)
	equal(peer.outbound_buffer_size, 16777216)
	equal(peer.frame_budget_usec, 4000)
	equal(peer.get_connection_status(), MultiplayerPeer.CONNECTION_DISCONNECTED)
	is_error(peer.put_packet(PackedByteArray([1])), ERR_UNCONFIGURED)
	equal(peer.get_available_packet_count(), 0)
	peer.supported_protocols = ["chat"]
	equal(peer.supported_protocols, PackedStringArray(["chat"]))
	equal(peer.get_server().supported_protocols, PackedStringArray(["chat"]))
	equal(peer.get_client().supported_protocols, PackedStringArray(["chat"]))
	peer.handshake_headers = ["X-One: 1"]
	equal(peer.handshake_headers, PackedStringArray(["X-One: 1"]))
	peer.outbound_buffer_size = 1000
	equal(peer.get_server().max_pending_bytes, 1000)
	equal(peer.get_client().max_pending_bytes, 1000)
	peer.poll()
	peer.close()
	equal(peer.process(), 0)


func test_a_bad_url_is_told_once_under_its_own_name() -> void:
	if not engine_log.start():
		skip("the engine has no loggers before 4.5")
		return
	var peer := AsyncMultiplayerPeer.new()
	is_error(peer.create_client("nope"), ERR_INVALID_PARAMETER)
	equal(engine_log.lines_with("AsyncMultiplayerPeer.create_client: ").size(), 1)
	equal(engine_log.take_count(), 1)
	check(peer.get_last_error_message().contains("ws://"), peer.get_last_error_message())


func test_wrong_options_are_told_once() -> void:
	if not engine_log.start():
		skip("the engine has no loggers before 4.5")
		return
	var peer := AsyncMultiplayerPeer.new()
	is_error(peer.create_server(0, LOOPBACK, TLSOptions.client()), ERR_INVALID_PARAMETER)
	equal(engine_log.lines_with("AsyncMultiplayerPeer.create_server: ").size(), 1)
	equal(engine_log.take_count(), 1)
	is_ok(peer.create_server(0, LOOPBACK, null))
	peer.close()


func test_unknown_ids() -> void:
	var server := open_server(true)
	var client := await join(true)
	for peer: MultiplayerPeer in [server.peer, client.peer]:
		peer.set_target_peer(999)
		# Everything that a client sends goes to the server.
		var error := peer.put_packet(PackedByteArray([3, 1]))
		equal(error, ERR_INVALID_PARAMETER if peer == server.peer else OK)
		peer.disconnect_peer(999)
	equal(server.peer.get_client_id(999), 0)
	equal(server.peer.get_peer_id(999), 0)
	await frames(3)
	equal(log_of(server), ["+ c1"] as Array[String])
	check(client.is_connected_to_server())


func test_a_port_that_is_taken() -> void:
	var server := open_server(true)
	var second := AsyncMultiplayerPeer.new()
	is_error(second.create_server(port, LOOPBACK), ERR_ALREADY_IN_USE)
	not_equal(second.get_last_error_message(), "")
	server.peer.close()
	is_ok(second.create_server(port, LOOPBACK), "free at once")
	second.close()
	is_ok(second.create_server(port, LOOPBACK), "again")
	second.close()


func test_protocols() -> void:
	for ours: bool in [true, false]:
		open_server(true, {"supported_protocols": PackedStringArray(["game"])})
		var client := open_client(ours, {"supported_protocols": PackedStringArray(["other", "game"])})
		check(await wait_for(client.is_connected_to_server))
		close_world()


func test_refused_in_the_handshake() -> void:
	var server := open_server(true)
	var known := await join(true)
	(server.peer as MultiplayerPeer).refuse_new_connections = true
	check((server.peer as MultiplayerPeer).refuse_new_connections)
	var raw := await raw_peer()
	check(await wait_for(raw.has_head))
	check(raw.head.begins_with("HTTP/1.1 503 "), raw.head)
	for ours: bool in [true, false]:
		var client := open_client(ours)
		await happens(client, ["failed"])
	equal(log_of(server), ["+ c1"] as Array[String])
	server.actor.say.rpc("still there")
	await eventually(known, "say server still there")
	(server.peer as MultiplayerPeer).refuse_new_connections = false
	var late := open_client(false)
	check(await wait_for(late.is_connected_to_server))


func test_a_chosen_id() -> void:
	for ours: bool in [true, false]:
		var server := open_server(true, {})
		var peer := server.peer as AsyncMultiplayerPeer
		peer.close()
		peer.get_server().manual_handshake = true
		_requests.clear()
		var note := func(request: WebSocketHandshakeRequest) -> void: _requests.append(request)
		peer.get_server().handshake_requested.connect(note)
		check(peer.create_server(port, LOOPBACK) == OK)
		server.events.clear()
		server.use(null)
		server.use(peer)
		var one := open_client(ours)
		check(await wait_for(func() -> bool: return _requests.size() == 1))
		is_error(_requests[0].accept("", 1), ERR_INVALID_PARAMETER)
		is_ok(_requests[0].accept("", 77))
		check(await wait_for(one.is_connected_to_server))
		equal(one.id(), 77)
		equal(peer.get_peer_id(1), 77)
		var two := open_client(ours)
		check(await wait_for(func() -> bool: return _requests.size() == 2))
		is_error(_requests[1].accept("", 77), ERR_ALREADY_IN_USE)
		is_ok(_requests[1].accept())
		check(await wait_for(two.is_connected_to_server))
		one.peer.close()
		check(await wait_for(func() -> bool: return not server.api.get_peers().has(77)))
		var three := open_client(ours)
		check(await wait_for(func() -> bool: return _requests.size() == 3))
		is_ok(_requests[2].accept("", 77))
		check(await wait_for(three.is_connected_to_server))
		equal(three.id(), 77)
		peer.get_server().handshake_requested.disconnect(note)
		close_world()


## A second decision about the same request changes nothing.
func test_a_chosen_id_stays_chosen() -> void:
	var server := open_server(true, {})
	var peer := server.peer as AsyncMultiplayerPeer
	peer.close()
	peer.get_server().manual_handshake = true
	var errors: Array[int] = []
	var decide := func(request: WebSocketHandshakeRequest) -> void:
		errors.append(request.accept("", 77))
		errors.append(request.accept("", 88))
		errors.append(request.accept("", 77))
	peer.get_server().handshake_requested.connect(decide)
	check(peer.create_server(port, LOOPBACK) == OK)
	server.use(null)
	server.use(peer)
	var one := open_client(true)
	check(await wait_for(one.is_connected_to_server))
	equal(errors, [OK, ERR_DOES_NOT_EXIST, ERR_DOES_NOT_EXIST] as Array[int])
	equal(one.id(), 77)
	peer.get_server().handshake_requested.disconnect(decide)


func test_no_peer_ids_without_a_peer() -> void:
	var server := WebSocketServer.new()
	server.manual_handshake = true
	server.handshake_requested.connect(func(request: WebSocketHandshakeRequest) -> void: _requests.append(request))
	check(server.start(0, LOOPBACK))
	port = server.get_local_port()
	open_client(true)
	check(await wait_for(func() -> bool: return _requests.size() == 1))
	is_error(_requests[0].accept("", 77), ERR_INVALID_PARAMETER)
	server.stop()


## A loop without frames answers at once.
func test_process_waits_for_work() -> void:
	var server := open_server(true)
	var client := await join(true)
	get_tree().multiplayer_poll = false
	server.actor.also = func(_what: String, id: int, value: Variant) -> void: server.actor.say.rpc_id(id, value)
	for number in 50:
		client.actor.say.rpc_id(1, number)
		equal(client.peer.process(0), 0)
		var deadline := Time.get_ticks_usec() + 2_000_000
		while client.events.size() < 3 + number and Time.get_ticks_usec() < deadline:
			if server.peer.process(1000) > 0:
				server.api.poll()
			if client.peer.process(1000) > 0:
				client.api.poll()
		equal(client.events.back(), ["say", 1, number])
	get_tree().multiplayer_poll = true
	server.actor.also = Callable()


func test_the_server_object_stops() -> void:
	var server := open_server(true)
	var one := await join(true)
	server.peer.get_server().stop()
	await happens(one, ["connected", "+ server", "- server", "server gone"])
	await happens(server, ["+ c1", "- c1", "server gone"])


func test_stop_all() -> void:
	var server := open_server(true)
	var one := await join(true)
	AsyncSockets.stop_all()
	await eventually(server, "server gone")
	await eventually(one, "server gone")
