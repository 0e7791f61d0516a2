extends TcpTest
## An awaited result and the object's state agree at that moment, and a new attempt starts from a clean state.


func test_the_end_of_the_stream() -> void:
	var ends := await connect_pair()
	var waiting := NetTask.from(ends[0].recv(1))
	var seen := []
	waiting.completed.connect(func(_result: Variant) -> void: seen.append(_state(ends[0])))
	ends[1].disconnect_from_host()
	is_error(await waiting.wait(), ERR_FILE_EOF)
	equal(seen, [[TcpClient.STATUS_NONE, TcpClient.CLOSE_BY_PEER, "the peer has closed the connection"]])
	is_error(await ends[0].recv(1), ERR_FILE_EOF)
	equal(_state(ends[0]), seen[0], "at once")


func test_what_is_sent_after_the_end_of_the_stream_still_goes_out() -> void:
	var ends := await connect_pair()
	var task := start(_answer_the_end.bind(ends[0]))
	ends[1].shutdown_send()
	equal(await ends[1].recv(3, 5.0), [OK, utf8("bye")])
	await task.wait()
	equal(ends[0].get_close_reason(), TcpClient.CLOSE_BY_PEER, "also when this side closes after it")


func test_half_open_counts_as_connected() -> void:
	var ends := await connect_pair()
	ends[0].allow_half_open = true
	ends[1].shutdown_send()
	is_error(await ends[0].recv(1), ERR_FILE_EOF)
	equal(ends[0].get_status(), TcpClient.STATUS_CONNECTED)
	equal(ends[0].get_close_reason(), TcpClient.CLOSE_NONE)


func test_a_reset_of_a_half_open_connection_is_noticed() -> void:
	var ends := await connect_pair()
	ends[0].allow_half_open = true
	ends[1].shutdown_send()
	is_error(await ends[0].recv(1), ERR_FILE_EOF)
	ends[1].abort()
	check(await wait_for(func() -> bool: return ends[0].get_status() == TcpClient.STATUS_ERROR))
	equal(ends[0].get_close_reason(), TcpClient.CLOSE_ERROR)


func test_a_reset() -> void:
	var ends := await connect_pair()
	var waiting := NetTask.from(ends[0].recv(1))
	var seen := []
	waiting.completed.connect(func(_result: Variant) -> void: seen.append(_state(ends[0])))
	ends[1].abort()
	is_error(await waiting.wait(), ERR_CONNECTION_ERROR)
	equal(seen[0].slice(0, 2), [TcpClient.STATUS_ERROR, TcpClient.CLOSE_ERROR])
	not_equal(seen[0][2], "")


func test_a_new_attempt_clears_the_old_words() -> void:
	var listener := listen()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, free_port())
	is_error(await client.wait_connected(), ERR_CANT_CONNECT)
	not_equal(client.get_last_error_message(), "")
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	equal(_state(client), [TcpClient.STATUS_CONNECTING, TcpClient.CLOSE_NONE, ""])
	is_ok(await client.wait_connected())
	equal(_state(client), [TcpClient.STATUS_CONNECTED, TcpClient.CLOSE_NONE, ""])


func test_closing_while_connecting_tells_only_of_the_close() -> void:
	var listener := listen()
	for abort: bool in [false, true]:
		var client := TcpClient.new()
		var told := []
		client.connected.connect(func() -> void: told.append("connected"))
		client.disconnected.connect(func() -> void: told.append("disconnected"))
		client.connect_failed.connect(func(_error: int) -> void: told.append("connect_failed"))
		client.closed.connect(func(reason: int) -> void: told.append(reason))
		client.connect_to_host(LOOPBACK, listener.get_local_port())
		var waiting := NetTask.from(client.wait_connected())
		if abort:
			client.abort()
		else:
			client.disconnect_from_host()
		is_error(await waiting.wait(), ERR_UNAVAILABLE)
		check(await wait_for(func() -> bool: return not told.is_empty()))
		await frames(3)
		equal(told, [TcpClient.CLOSE_BY_HOST])


func test_what_was_sent_before_a_close_while_connecting_goes_out() -> void:
	var listener := listen()
	for _i in 20:
		var client := TcpClient.new()
		# Looking up a name takes a moment.
		client.connect_to_host("localhost", listener.get_local_port())
		client.send(utf8("hello "))
		var sending := NetTask.from(client.send_async(utf8("world")))
		client.disconnect_from_host()
		var accepted := (await listener.accept(2.0) as Array)[1] as TcpClient
		if not check(accepted != null, "the connection is made"):
			return
		if not equal(await accepted.recv(100, 5.0), [ERR_FILE_EOF, utf8("hello world")]):
			return
		equal(await sending.wait(), [OK, 5])


func _answer_the_end(client: TcpClient) -> void:
	await client.recv(1)
	client.send(utf8("bye"))
	client.disconnect_from_host()


func _state(client: TcpClient) -> Array:
	return [client.get_status(), client.get_close_reason(), client.get_last_error_message()]
