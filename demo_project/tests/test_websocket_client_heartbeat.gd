extends WebSocketClientTest
## Pings of a WebSocketClient: its own, those of the script, and those of the server.


func test_a_ping_sets_the_latency() -> void:
	await join_client({"heartbeat_interval": 0.0})
	equal(ws.get_latency(), -1.0)
	is_ok(ws.ping())
	check(await wait_for(func() -> bool: return ws.get_latency() >= 0.0))
	at_most(ws.get_latency(), 5000.0)
	is_ok(ws.ping(utf8("a payload")))
	server.disconnect_client(1)
	await hears("disconnected")
	is_error(ws.ping(), ERR_FILE_EOF)
	ws.connect_to_url(url())
	is_ok(await ws.wait_connected(5.0))
	equal(ws.get_latency(), -1.0, "of this connection")


func test_the_payload_of_a_ping() -> void:
	await join_fake()
	ws.ping(utf8("payload"))
	var ping := frame(FIN | PING, utf8("payload"))
	check(await wait_for(func() -> bool: return fake.received.size() == ping.size()))
	equal(fake.received[0], FIN | PING)
	equal(fake.received[1], 0x80 | 7, "masked")
	# A pong that answers nothing is ignored.
	fake.send(frame(FIN | PONG, utf8("unasked"), false))
	fake.send(frame(FIN | TEXT, utf8("behind"), false))
	equal(await ws.recv(5.0), [OK, "behind"])
	equal(ws.get_latency(), -1.0)
	fake.send(frame(FIN | PONG, utf8("payload"), false))
	check(await wait_for(func() -> bool: return ws.get_latency() >= 0.0))


func test_the_heartbeat_measures_the_latency() -> void:
	await join_client({"heartbeat_interval": 0.5})
	check(await wait_for(func() -> bool: return ws.get_latency() >= 0.0))
	await seconds(1.2)
	state_is(WebSocketClient.STATE_OPEN, "the server answers")


func test_a_server_that_is_gone() -> void:
	await join_fake({"heartbeat_interval": 0.1})
	var receiving := NetTask.from(ws.recv())
	is_error(await receiving.wait(), ERR_CONNECTION_ERROR)
	await hears("disconnected")
	equal([ws.get_close_code(), heard.back()[3]], [1006, false])
	not_equal(ws.get_close_reason(), "")


func test_a_server_that_only_sends() -> void:
	await join_fake({"heartbeat_interval": 1.0})
	for index in 10:
		await seconds(0.25)
		fake.send(frame(FIN | TEXT, utf8(str(index)), false))
	state_is(WebSocketClient.STATE_OPEN, "anything that it sends proves that it is there")
	for index in 10:
		equal(await ws.recv(5.0), [OK, str(index)])


func test_no_heartbeat() -> void:
	await join_fake({"heartbeat_interval": 0.0})
	await seconds(0.3)
	equal(fake.received, PackedByteArray())
	state_is(WebSocketClient.STATE_OPEN)


func test_pings_of_the_server_are_answered() -> void:
	await join_client({}, {"heartbeat_interval": 0.5})
	check(await wait_for(func() -> bool: return server.get_client_latency(1) >= 0.0))
	await seconds(1.2)
	equal(server.get_client_count(), 1)
	is_ok(server.ping(1, pattern(125)))


func test_a_client_whose_script_is_busy_answers() -> void:
	await join_client({}, {"heartbeat_interval": 0.5})
	# Nothing of the client runs on the main thread.
	ws.auto_process = false
	await seconds(1.6)
	equal(server.get_client_count(), 1)
