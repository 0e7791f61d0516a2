extends TcpTest
## How a connection ends, what is reported about it, and by which signals.


func time_limit(_test_name: String) -> float:
	return 20.0


func test_peer_closes() -> void:
	var ends := await connect_pair()
	var told := _told_by(ends[0])
	ends[1].disconnect_from_host()
	await _both_end(ends)
	equal(told, ["disconnected", "closed 2"])
	equal(ends[0].get_close_reason(), TcpClient.CLOSE_BY_PEER)
	equal(ends[1].get_close_reason(), TcpClient.CLOSE_BY_HOST)
	equal(ends[0].get_status(), TcpClient.STATUS_NONE)


func test_this_side_closes() -> void:
	var ends := await connect_pair()
	var told := _told_by(ends[0])
	equal(ends[0].get_close_reason(), -1, "not ended")
	ends[0].disconnect_from_host()
	equal(told, [], "never inside the call")
	equal(ends[0].get_status(), TcpClient.STATUS_NONE)
	await _both_end(ends)
	equal(told, ["disconnected", "closed 1"])
	ends[0].disconnect_from_host()
	await frames(3)
	equal(told, ["disconnected", "closed 1"], "once")


func test_peer_resets() -> void:
	var ends := await connect_pair()
	var told := _told_by(ends[0])
	ends[1].abort()
	await _both_end(ends)
	equal(told, ["disconnected", "closed 0"])
	equal(ends[0].get_status(), TcpClient.STATUS_ERROR)
	not_equal(ends[0].get_last_error_message(), "")
	equal(ends[1].get_close_reason(), TcpClient.CLOSE_BY_HOST)


func test_the_attempt_fails() -> void:
	var client := TcpClient.new()
	var told := _told_by(client)
	client.connect_to_host(LOOPBACK, free_port())
	equal(told, [], "never inside the call")
	check(await wait_for(func() -> bool: return told.size() == 2))
	equal(told, ["connect_failed %d" % ERR_CANT_CONNECT, "closed 0"])
	equal(client.get_connected_host(), "")
	equal(client.get_connected_port(), 0)


func test_a_client_can_be_used_again_after_every_end() -> void:
	var listener := listen()
	var client := TcpClient.new()
	var told := _told_by(client)
	for ending: String in ["peer", "host", "abort", "reset", "refused"]:
		told.clear()
		if ending == "refused":
			client.connect_to_host(LOOPBACK, free_port())
			check(await wait_for(func() -> bool: return told.has("closed 0")), ending)
		else:
			client.connect_to_host(LOOPBACK, listener.get_local_port())
			var accepted := (await listener.accept() as Array)[1] as TcpClient
			await client.wait_connected()
			accepted.send(utf8("old"))
			await client.wait_readable()
			match ending:
				"peer":
					accepted.disconnect_from_host()
				"host":
					client.disconnect_from_host()
				"abort":
					client.abort()
				"reset":
					accepted.abort()
			check(await wait_for(func() -> bool: return told.has("disconnected")), ending)
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	var last := (await listener.accept() as Array)[1] as TcpClient
	await client.wait_connected()
	equal(client.get_close_reason(), -1)
	last.send(utf8("new"))
	equal(await client.recv_some(), [OK, utf8("new")], "nothing of the old connections is left")


func test_what_came_before_the_end_can_be_taken_after_it() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("line\nrest"))
	ends[1].disconnect_from_host()
	await ends[0].disconnected
	equal(ends[0].get_available_bytes(), 9)
	equal(await ends[0].recv_line(), [OK, "line"])
	equal(await ends[0].recv_line(), [ERR_FILE_EOF, "rest"])
	equal(await ends[0].recv(1), [ERR_FILE_EOF, PackedByteArray()])
	is_error(ends[0].send(utf8("x")), ERR_FILE_EOF)


func test_what_was_sent_before_a_close_goes_out() -> void:
	var ends := await connect_pair()
	var expected := pattern(8 * 1024 * 1024)
	is_ok(ends[0].send(expected))
	ends[0].disconnect_from_host()
	is_error(ends[0].send(utf8("x")), ERR_UNAVAILABLE)
	same_bytes((await ends[1].recv(expected.size()) as Array)[1], expected)
	equal(await ends[1].recv(1), [ERR_FILE_EOF, PackedByteArray()])


func test_half_close_from_this_side() -> void:
	var ends := await connect_pair()
	ends[1].allow_half_open = true
	ends[0].send(utf8("request"))
	ends[0].shutdown_send()
	is_error(ends[0].send(utf8("x")), ERR_UNAVAILABLE)
	equal(ends[0].get_status(), TcpClient.STATUS_CONNECTED)
	equal(await ends[1].recv(100), [ERR_FILE_EOF, utf8("request")])
	equal(ends[1].get_status(), TcpClient.STATUS_CONNECTED, "it may still answer")
	is_ok(ends[1].send(utf8("answer")))
	equal(await ends[0].recv(6), [OK, utf8("answer")])
	ends[1].shutdown_send()
	await _both_end(ends)
	equal(ends[0].get_close_reason(), TcpClient.CLOSE_BY_PEER)


func test_half_close_is_answered_by_a_close() -> void:
	var ends := await connect_pair()
	start(
		func() -> void:
			var request := await ends[1].recv(100) as Array
			# The coroutine that has just received the end of the stream can still answer.
			ends[1].send(request[1])
	)
	ends[0].send(utf8("echo me"))
	ends[0].shutdown_send()
	equal(await ends[0].recv(100), [ERR_FILE_EOF, utf8("echo me")])
	await _both_end(ends)


func test_both_sides_half_close() -> void:
	var ends := await connect_pair()
	for end in ends:
		end.allow_half_open = true
	for end in ends:
		end.send(utf8("last words"))
		end.shutdown_send()
	for end in ends:
		equal(await end.recv(100), [ERR_FILE_EOF, utf8("last words")])
	await _both_end(ends)


func test_data_by_signal() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("early"))
	await ends[0].wait_readable()
	var received := {"bytes": PackedByteArray()}
	ends[0].data_received.connect(func(data: PackedByteArray) -> void: received["bytes"] += data)
	ends[0].emit_data = true
	equal(await ends[0].recv(1), [ERR_UNAVAILABLE, PackedByteArray()], "no receive beside it")
	var expected := pattern(3 * 1024 * 1024)
	ends[1].send(expected)
	ends[1].disconnect_from_host()
	await ends[0].disconnected
	same_bytes(received["bytes"], utf8("early") + expected, "early bytes, then the others, all before the end")


func test_data_by_signal_and_back() -> void:
	var ends := await connect_pair()
	ends[0].emit_data = true
	ends[1].send(utf8("one"))
	equal(await ends[0].data_received, utf8("one"))
	ends[0].emit_data = false
	ends[1].send(utf8("two"))
	equal(await ends[0].recv(3), [OK, utf8("two")])


func test_the_listener_tells_the_end_of_its_clients() -> void:
	var listener := listen()
	var gone: Array[TcpClient] = []
	listener.client_disconnected.connect(func(client: TcpClient) -> void: gone.append(client))
	var by_peer := await connect_to(listener)
	var by_host := await connect_to(listener)
	var by_reset := await connect_to(listener)
	equal(listener.get_clients().size(), 3)
	by_peer[0].disconnect_from_host()
	check(await wait_for(func() -> bool: return gone.size() == 1))
	by_host[1].disconnect_from_host()
	check(await wait_for(func() -> bool: return gone.size() == 2))
	by_reset[0].abort()
	check(await wait_for(func() -> bool: return gone.size() == 3))
	equal(gone, [by_peer[1], by_host[1], by_reset[1]] as Array[TcpClient])
	equal(listener.get_clients().size(), 0)


func _told_by(client: TcpClient) -> Array:
	var told := []
	client.connect_failed.connect(func(error: int) -> void: told.append("connect_failed %d" % error))
	client.disconnected.connect(func() -> void: told.append("disconnected"))
	client.closed.connect(func(reason: int) -> void: told.append("closed %d" % reason))
	return told


func _both_end(ends: Array[TcpClient]) -> void:
	var over := func() -> bool: return ends.all(func(end: TcpClient) -> bool: return end.get_close_reason() != -1)
	check(await wait_for(over), "both sides end")
	await frames(3)
