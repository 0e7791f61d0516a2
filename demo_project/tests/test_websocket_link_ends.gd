extends WebSocketLinkTest
## WebSocketLink: how a connection ends.


func test_the_server_closes() -> void:
	await _join()
	var receiving := NetTask.from(_link.recv_text())
	server.disconnect_client(1, 4001, "go")
	equal(await receiving.wait(), [ERR_FILE_EOF, ""])
	equal([_link.get_ready_state(), _link.get_close_code(), _link.get_close_reason()], [3, 4001, "go"])
	await _tells("disconnected")
	equal(_told, [["connected"], ["disconnected", 4001, "go", true]])
	is_error(_link.send_text("x"), ERR_FILE_EOF)
	equal(await _link.recv_binary(), [ERR_FILE_EOF, PackedByteArray()])
	is_error(await _link.flush(), ERR_FILE_EOF)


func test_this_side_closes() -> void:
	await _join()
	var receiving := NetTask.from(_link.recv_text())
	is_ok(_link.send_text("last"))
	_link.close(4002, "bye")
	equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSING)
	is_error(_link.send_text("too late"), ERR_UNAVAILABLE)
	await told("disconnected", [1, 4002, "bye"])
	equal(events.all.slice(1), [["message", 1, "last"], ["disconnected", 1, 4002, "bye"]])
	equal(await receiving.wait(), [ERR_UNAVAILABLE, ""])
	await _tells("disconnected")
	equal(_told, [["connected"], ["disconnected", 4002, "bye", true]])


func test_awaiting_a_close() -> void:
	await _join()
	equal(await _link.close_async(4003, "why", 5.0), [OK, 4003, "why"])
	equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)
	equal(await _link.close_async(), [OK, 4003, "why"], "closed already")


func test_messages_before_a_close_are_received_before_it() -> void:
	await _join()
	server.send_text(1, "one")
	server.send_text(1, "two")
	await let_messages_arrive()
	server.disconnect_client(1, 1000)
	await _tells("disconnected")
	equal(await _link.recv(), [OK, "one"])
	equal(await _link.recv(), [OK, "two"])
	is_error(await _link.recv(), ERR_FILE_EOF)


func test_messages_before_a_close_are_emitted_before_it() -> void:
	_link.emit_messages = true
	# All of them together take longer than one frame has.
	_link.message_received.connect(func(_message: String) -> void: OS.delay_usec(200))
	await _join()
	for index in 100:
		server.send_text(1, str(index))
	await let_messages_arrive()
	server.disconnect_client(1, 1000)
	await _tells("disconnected")
	equal(_told.size(), 102)
	equal(_told.slice(-2), [["message", "99"], ["disconnected", 1000, "", true]])


func test_what_was_sent_before_a_close_is_sent() -> void:
	serve()
	_link.connect_to_url(_url())
	# More than the buffers of the system take.
	var large := pattern(5_000_000)
	for _i in 3:
		is_ok(_link.send_binary(large))
	_link.send_text("last")
	equal(await _link.close_async(1000, "", 8.0), [OK, 1000, ""])
	await told("disconnected", [1, 1000, ""])
	equal(events.of("data").size(), 3)
	equal(events.of("message"), [[1, "last"]])


func test_a_connection_that_is_cut() -> void:
	await _join_fake()
	var receiving := NetTask.from(_link.recv_text())
	_fake.drop()
	equal(await receiving.wait(), [ERR_CONNECTION_ERROR, ""])
	await _tells("disconnected")
	equal([_told.back()[1], _told.back()[3]], [1006, false])
	equal(_link.get_close_code(), 1006)


func test_a_peer_that_does_not_answer_a_close() -> void:
	_link.close_timeout = 0.3
	await _join_fake()
	equal(await _link.close_async(4002, "bye", 0.05), [ERR_TIMEOUT, -1, ""])
	equal(await _link.close_async(1000, "", 2.0), [ERR_CONNECTION_ERROR, 4002, "bye"])
	await _tells("disconnected")
	equal(_told, [["connected"], ["disconnected", 4002, "bye", false]])


func test_every_close_code() -> void:
	for code: int in [1000, 1001, 1003, 1007, 1011, 1014, 3000, 4999]:
		serve()
		_link.connect_to_url(_url())
		is_ok(await _link.wait_connected(5.0))
		equal(await _link.close_async(code, "why", 5.0), [OK, code, "why"])
		await told("disconnected", [1, code, "why"])
	for code: int in [-1, 0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 66536]:
		is_error(await _link.close_async(code), ERR_INVALID_PARAMETER, str(code))
		_link.close(code)


func test_a_flush_of_what_the_peer_does_not_read() -> void:
	await _join_fake()
	_fake.is_deaf = true
	# More than the buffers of the system take.
	for _i in 3:
		is_ok(_link.send_binary(pattern(5_000_000)))
	equal(await _link.flush(0.05), [ERR_TIMEOUT])
	var flushing := NetTask.from(_link.flush())
	_fake.drop()
	equal(await flushing.wait(), [ERR_CONNECTION_ERROR])


func test_a_close_frame_without_a_code() -> void:
	await _join_fake()
	_fake.send(frame(FIN | CLOSE, PackedByteArray(), false))
	await _tells("disconnected")
	equal(_told.back(), ["disconnected", 1005, "", true])


func test_a_close_that_comes_with_the_response() -> void:
	_fake = WebSocketFakeServer.new()
	_fake.first_bytes = frame(FIN | CLOSE, close_payload(4005, "full"), false)
	_link.connect_to_url(_fake.start())
	await _tells("disconnected")
	equal(_told, [["connected"], ["disconnected", 4005, "full", true]])


func test_closing_while_connecting() -> void:
	var silent := TCPServer.new()
	silent.listen(0, LOOPBACK)
	for abort: bool in [false, true]:
		_told.clear()
		_link.connect_to_url("ws://127.0.0.1:%d" % silent.get_local_port())
		var connecting := NetTask.from(_link.wait_connected())
		await frames(2)
		if abort:
			_link.abort()
		else:
			_link.close()
		equal(_told, [], "no signal inside the call")
		equal(await connecting.wait(), [ERR_UNAVAILABLE])
		check(await wait_for(func() -> bool: return not _told.is_empty()))
		await frames(3)
		equal(_told, [["disconnected", 1006, "closed before the connection was established", false]])
		equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)


func test_an_abort() -> void:
	await _join()
	_link.abort()
	await told_times("disconnected", 1)
	equal(events.of("disconnected")[0].slice(0, 2), [1, 1006])
	await _tells("disconnected")
	equal(_told.back()[1], 1006)


func test_a_link_that_is_freed() -> void:
	await _join()
	var receiving := NetTask.from(_link.recv_text())
	var closed: WeakRef = weakref(_link)
	_link = null
	equal(closed.get_ref(), null, "nothing else holds it")
	not_equal((await receiving.wait() as Array)[0], OK)
	await told_times("disconnected", 1)


func test_no_code_runs_inside_the_end_of_a_link() -> void:
	await _join()
	var results := []
	var pending: Variant = _link.recv_text()
	var completed: Signal = pending if pending is Signal else (pending as NetTask).completed
	completed.connect(func(result: Variant) -> void: results.append(result))
	_link = null
	equal(results, [])
	check(await wait_for(func() -> bool: return results.size() == 1))
	equal(results, [[ERR_UNAVAILABLE, ""]])


## The usual end of a coroutine with a link of its own.
func test_a_link_that_is_freed_by_what_it_resolves() -> void:
	serve()
	var results := []
	var ended := {"done": false}
	var visit := func() -> void:
		var link := make_link()
		link.connect_to_url(_url())
		results.append(await link.wait_connected(5.0))
		results.append(await link.recv(5.0))
		ended["done"] = true
	visit.call()
	await told("connected", [1])
	check(await wait_for(func() -> bool: return results.size() == 1))
	await frames(2)
	server.disconnect_client(1, 1000)
	check(await wait_for(func() -> bool: return ended["done"]))
	equal(results, [[OK], [ERR_FILE_EOF, ""]])
	await frames(3)


func test_a_handler_that_frees_the_link() -> void:
	serve()
	var held: Array[WebSocketLink] = [make_link()]
	held[0].emit_messages = true
	held[0].message_received.connect(func(_message: String) -> void: held.clear())
	held[0].connect_to_url(_url())
	await told("connected", [1])
	server.send_text(1, "one")
	server.send_text(1, "two")
	await told_times("disconnected", 1)
	equal(held.size(), 0)
	equal(_told, [["connected"], ["message", "one"]])


## The script has moved on: what ended before must not look like the end of the new connection.
func test_the_end_of_the_last_session_is_told_before_anything_of_the_next() -> void:
	for end: Callable in [_link.close, _link.abort]:
		for is_connected: bool in [false, true]:
			if is_connected:
				await _join()
			else:
				serve()
				_link.connect_to_url(_url())
			var pending := [NetTask.from(_link.recv()), NetTask.from(_link.flush())]
			end.call()
			_told.clear()
			is_ok(_link.connect_to_url(_url() + "/next"))
			equal([_link.get_close_code(), _link.get_last_error_message()], [-1, ""])
			is_ok(await _link.wait_connected(5.0))
			await frames(10)
			var names := _told.map(func(entry: Array) -> String: return entry[0])
			equal(names, ["disconnected", "connected"], "%s, connected: %s" % [end.get_method(), is_connected])
			var code := 1000 if is_connected and end == _link.close else 1006
			equal([_told[0][1], _told[0][3]], [code, false])
			is_error(await (pending[0] as NetTask).wait(), ERR_UNAVAILABLE)
			check((pending[1] as NetTask).is_completed())
			is_ok(await _link.close_async())
			await frames(2)
			_told.clear()


func test_what_was_sent_leaves_after_the_next_session_has_begun() -> void:
	await _join()
	var large := pattern(3_000_000)
	_link.send_binary(large)
	_link.send_text("last")
	_link.close(4003, "next")
	is_ok(_link.connect_to_url(_url()))
	await told("disconnected", [1, 4003, "next"])
	equal(events.of("data"), [[1, large]])
	equal(events.of("message"), [[1, "last"]])


func test_what_was_sent_leaves_after_the_link_was_freed() -> void:
	await _join()
	var large := pattern(3_000_000)
	_link.send_binary(large)
	_link.send_text("last")
	_link = null
	await told("disconnected", [1, 1001, ""])
	equal(events.of("data"), [[1, large]])
	equal(events.of("message"), [[1, "last"]])


func test_connecting_again_from_a_handler() -> void:
	var again := func(_code: int, _reason: String, _clean: bool) -> void: _link.connect_to_url(_url())
	_link.disconnected.connect(again, CONNECT_ONE_SHOT)
	await _join()
	server.disconnect_client(1, 4001)
	await told("connected", [2])
	check(await wait_for(func() -> bool: return _told.size() == 3))
	equal(_told, [["connected"], ["disconnected", 4001, "", true], ["connected"]])
	server.send_text(2, "again")
	equal(await _link.recv(5.0), [OK, "again"])


## Whatever a resumed coroutine does, the end is told.
func test_connecting_again_from_a_coroutine() -> void:
	await _join()
	var results := []
	var again := func() -> void:
		results.append(await _link.recv())
		_link.connect_to_url(_url())
	again.call()
	server.disconnect_client(1, 4001)
	await told("connected", [2])
	check(await wait_for(func() -> bool: return _told.size() == 3))
	equal(_told, [["connected"], ["disconnected", 4001, "", true], ["connected"]])
	equal(results, [[ERR_FILE_EOF, ""]])


func test_connecting_again_after_a_failed_attempt_from_a_coroutine() -> void:
	serve()
	var again := func() -> void:
		await _link.wait_connected()
		_link.connect_to_url(_url())
	_link.connect_to_url("ws://127.0.0.1:%d" % free_port())
	again.call()
	await told("connected", [1])
	check(await wait_for(func() -> bool: return _told.size() == 2))
	equal(_told, [["connect_failed", ERR_CANT_CONNECT], ["connected"]])


func test_limits_of_sending() -> void:
	_link.max_pending_bytes = 10
	_fake = WebSocketFakeServer.new()
	_link.connect_to_url(_fake.start())
	is_ok(_link.send_text("a".repeat(6)))
	is_error(_link.send_text("b".repeat(6)), ERR_OUT_OF_MEMORY)
	is_ok(_link.send_text("c".repeat(4)))
	equal(_link.get_pending_bytes(), 10)
