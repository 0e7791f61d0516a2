extends WebSocketTest
## Pings, the latency they measure, and the heartbeat that detects a dead client.


func test_ping_and_latency() -> void:
	serve()
	var peer := await join()
	equal(server.get_client_latency(1), -1.0)
	is_ok(server.ping(1))
	check(await wait_for(func() -> bool: return server.get_client_latency(1) >= 0.0))
	at_most(server.get_client_latency(1), 1000.0)
	check(peer.is_open())
	equal(peer.received, [], "a ping is no message")
	equal(server.get_client_latency(99), -1.0)


func test_the_payload_of_a_ping() -> void:
	serve()
	var peer := await raw_join()
	is_ok(server.ping(1, utf8("payload")))
	is_ok(server.ping(1, pattern(125)))
	await got_frames(peer, [[FIN | PING, utf8("payload")], [FIN | PING, pattern(125)]])
	is_error(server.ping(1, pattern(126)), ERR_INVALID_PARAMETER)
	is_error(server.ping(2), ERR_DOES_NOT_EXIST)
	# An unsolicited pong has no effect (RFC 6455 section 5.5.3).
	peer.send(frame(FIN | PONG, utf8("other")))
	peer.send(frame(FIN | TEXT, utf8("barrier")))
	await told("message", [1, "barrier"])
	equal(server.get_client_latency(1), -1.0)
	peer.send(frame(FIN | PONG, pattern(125)))
	check(await wait_for(func() -> bool: return server.get_client_latency(1) >= 0.0))


func test_the_latency_is_that_of_the_way() -> void:
	serve()
	var peer := await raw_join()
	is_ok(server.ping(1, utf8("x")))
	await got_frames(peer, [[FIN | PING, utf8("x")]])
	var waited := Time.get_ticks_usec()
	await seconds(0.1)
	peer.send(frame(FIN | PONG, utf8("x")))
	var least := (Time.get_ticks_usec() - waited) / 1000.0
	check(await wait_for(func() -> bool: return server.get_client_latency(1) >= 0.0))
	at_least(server.get_client_latency(1), minf(least, 95.0))


func test_a_clients_pings_are_answered() -> void:
	serve()
	var peer := await raw_join()
	peer.send(frame(FIN | PING, utf8("are you there?")))
	peer.send(frame(FIN | PING))
	await got_frames(peer, [[FIN | PONG, utf8("are you there?")], [FIN | PONG, PackedByteArray()]])


func test_the_heartbeat_finds_a_dead_client() -> void:
	serve({"heartbeat_interval": 0.1})
	var alive := await join()
	var dead := await raw_join()
	await wait_for(func() -> bool: return not events.of("disconnected").is_empty())
	var event: Array = events.of("disconnected").front()
	equal(event.slice(0, 2), [2, 1006])
	equal(event[2], "the client did not answer a ping")
	equal(dead.frames()[0][0], FIN | PING)
	check(await wait_for(dead.is_ended))
	at_least(server.get_client_latency(1), 0.0, "the heartbeat measures the latency too")
	check(alive.is_open())
	equal(server.get_client_ids(), [1] as Array[int])


## A client that sends data is alive, even if it answers no ping.
func test_any_bytes_are_a_sign_of_life() -> void:
	serve({"heartbeat_interval": 0.2})
	var peer := await raw_join()
	var until := Time.get_ticks_msec() + 1000
	while Time.get_ticks_msec() < until:
		peer.send(frame(FIN | PONG))
		await seconds(0.02)
	equal(events.of("disconnected"), [])


func test_no_heartbeat_by_default() -> void:
	serve()
	equal(server.heartbeat_interval, 0.0)
	var peer := await raw_join()
	await seconds(0.3)
	equal(peer.frames(), [])
	equal(server.get_client_count(), 1)
