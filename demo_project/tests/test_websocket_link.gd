extends WebSocketTest
## WebSocketLink with the library's client. test_websocket_link_engine.gd runs the same tests with the engine's.

var _link: WebSocketLink
## The link's signals in order: each is an array of its name and its arguments.
var _told: Array[Array] = []
var _fake: WebSocketFakeServer


func before_each() -> void:
	_link = make_link()
	if not _link.is_native():
		skip("the library has no class WebSocketClient")


func after_each() -> void:
	if _link != null:
		_link.abort()
	_link = null
	if _fake != null:
		_fake.stop()
	_fake = null
	super()


func _process(delta: float) -> void:
	super(delta)
	if _fake != null:
		_fake.poll()


#region For the scene of the other backend


func make_link() -> WebSocketLink:
	var link := WebSocketLink.new()
	# So that a test waits for signals or receives, not for seconds.
	link.reconnect_min_delay = 0.02
	link.reconnect_max_delay = 0.1
	link.connected.connect(func() -> void: _told.append(["connected"]))
	link.connect_failed.connect(func(error: Error) -> void: _told.append(["connect_failed", error]))
	link.disconnected.connect(
		func(code: int, reason: String, clean: bool) -> void: _told.append(["disconnected", code, reason, clean])
	)
	link.message_received.connect(func(message: String) -> void: _told.append(["message", message]))
	link.data_received.connect(func(data: PackedByteArray) -> void: _told.append(["data", data]))
	link.reconnecting.connect(func(attempt: int, _delay: float) -> void: _told.append(["reconnecting", attempt]))
	link.gave_up.connect(func(error: Error) -> void: _told.append(["gave_up", error]))
	return link


## Called between messages and the close behind them.
func let_messages_arrive() -> void:
	pass


#endregion
#region Connecting


func test_the_defaults() -> void:
	var link := WebSocketLink.new()
	equal(link.timeout, 0.0)
	equal(link.handshake_timeout, 10.0)
	equal(link.heartbeat_interval, 0.0)
	equal(link.reconnect, false)
	equal(link.reconnect_min_delay, 0.5)
	equal(link.reconnect_max_delay, 30.0)
	equal(link.max_offline_bytes, 0)
	equal(link.emit_messages, false)
	equal(link.auto_process, true)
	equal(link.get_ready_state(), WebSocketLink.STATE_CLOSED)
	equal(link.get_close_code(), -1)
	equal(link.get_pending_bytes(), 0)
	is_error(link.send_text("x"), ERR_UNCONFIGURED)
	is_error(await link.wait_connected(), ERR_UNCONFIGURED)
	equal(await link.recv_text(), [ERR_UNCONFIGURED, ""])
	equal(await link.recv_binary(), [ERR_UNCONFIGURED, PackedByteArray()])
	is_error(await link.flush(), ERR_UNCONFIGURED)
	is_error(await link.close_async(), ERR_UNCONFIGURED)
	link.close()
	link.abort()
	link.reconnect_now()
	equal(link.get_ready_state(), WebSocketLink.STATE_CLOSED)


func test_there_and_back() -> void:
	serve()
	is_ok(_link.connect_to_url(_url() + "/chat"))
	equal(_link.get_ready_state(), WebSocketLink.STATE_CONNECTING)
	equal(_told, [], "no signal inside the call")
	equal(await _link.wait_connected(5.0), [OK])
	equal(_link.get_ready_state(), WebSocketLink.STATE_OPEN)
	equal(await _link.wait_connected(), [OK], "at once")
	equal(_link.get_requested_url(), _url() + "/chat")
	await told("connected", [1])
	is_ok(_link.send_text("wörld 🌍"))
	is_ok(_link.send_binary(PackedByteArray([0, 255])))
	await told("data", [1, PackedByteArray([0, 255])])
	equal(events.all, [["connected", 1], ["message", 1, "wörld 🌍"], ["data", 1, PackedByteArray([0, 255])]])
	server.send_text(1, "hello")
	server.send_binary(1, PackedByteArray([1, 0]))
	equal(await _link.recv_text(5.0), [OK, "hello"])
	equal(await _link.recv_binary(5.0), [OK, PackedByteArray([1, 0])])
	equal(_told, [["connected"]])


func test_what_is_sent_before_the_connection_is_open_arrives_in_order() -> void:
	serve()
	_link.connect_to_url(_url())
	var expected: Array[Array] = [["connected", 1]]
	for index in 100:
		is_ok(_link.send_text(str(index)))
		expected.append(["message", 1, str(index)])
	at_least(_link.get_pending_bytes(), 190)
	equal(await _link.flush(5.0), [OK])
	equal(_link.get_pending_bytes(), 0)
	await told("message", [1, "99"])
	equal(events.all, expected)


func test_a_port_on_which_nothing_listens() -> void:
	_link.connect_to_url("ws://127.0.0.1:%d" % free_port())
	equal(await _link.wait_connected(5.0), [ERR_CANT_CONNECT])
	equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)
	not_equal(_link.get_last_error_message(), "")
	await frames(3)
	equal(_told, [["connect_failed", ERR_CANT_CONNECT]])
	is_error(await _link.wait_connected(), ERR_CANT_CONNECT)
	is_error(_link.send_text("x"), ERR_CANT_CONNECT)


func test_a_server_that_does_not_answer() -> void:
	var silent := TCPServer.new()
	silent.listen(0, LOOPBACK)
	_link.handshake_timeout = 0.1
	_link.connect_to_url("ws://127.0.0.1:%d" % silent.get_local_port())
	equal(await _link.wait_connected(5.0), [ERR_TIMEOUT])
	await frames(3)
	equal(_told, [["connect_failed", ERR_TIMEOUT]])


func test_a_server_that_refuses() -> void:
	_fake = WebSocketFakeServer.new()
	_fake.response = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	_link.connect_to_url(_fake.start())
	var result := await _link.wait_connected(5.0) as Array
	not_equal(result[0], OK)
	await frames(3)
	equal(_told, [["connect_failed", result[0]]])


func test_wrong_arguments() -> void:
	for url: String in ["", "http://127.0.0.1", "127.0.0.1", "ws:/x"]:
		is_error(_link.connect_to_url(url), ERR_INVALID_PARAMETER, url)
	is_error(await _link.wait_connected(-2.0), ERR_INVALID_PARAMETER)
	is_error(await _link.recv(NAN), ERR_INVALID_PARAMETER)
	is_error(await _link.close_async(1001), ERR_INVALID_PARAMETER)
	is_error(await _link.close_async(1000, "x".repeat(124)), ERR_INVALID_PARAMETER)
	check(_link.get_last_error_message().contains("123"), _link.get_last_error_message())
	for property: StringName in [&"timeout", &"handshake_timeout", &"reconnect_min_delay", &"heartbeat_interval"]:
		var before: float = _link.get(property)
		_link.set(property, -1.0)
		equal(_link.get(property), before, property)
	_link.max_message_size = 0
	equal(_link.max_message_size, 16 * 1024 * 1024)
	serve()
	_link.connect_to_url(_url())
	is_error(_link.connect_to_url(_url()), ERR_ALREADY_IN_USE)


func test_subprotocols_and_headers() -> void:
	serve({"supported_protocols": PackedStringArray(["two", "one"])})
	_link.supported_protocols = PackedStringArray(["one", "two"])
	_link.handshake_headers = PackedStringArray(["X-Token: abc"])
	_link.connect_to_url(_url() + "/there?a=b")
	is_ok(await _link.wait_connected(5.0))
	equal(_link.get_selected_protocol(), "two")
	await told("connected", [1])
	equal(server.get_client_path(1).begins_with("/there"), true)
	check(str(server.get_client_headers(1)).contains("abc"))


#endregion
#region Receiving


func test_a_receive_of_the_other_kind_leaves_the_message() -> void:
	await _join()
	server.send_text(1, "text")
	server.send_binary(1, PackedByteArray([7]))
	equal(await _link.recv_binary(5.0), [ERR_INVALID_DATA, PackedByteArray()])
	equal(await _link.recv_text(5.0), [OK, "text"])
	equal(await _link.recv_text(5.0), [ERR_INVALID_DATA, ""])
	equal(await _link.recv(5.0), [OK, PackedByteArray([7])])


func test_receives_are_served_first_in_first_out() -> void:
	await _join()
	var tasks: Array[NetTask] = []
	for index in 5:
		tasks.append(NetTask.from(_link.recv(5.0) if index % 2 else _link.recv_text(5.0)))
	for index in 5:
		server.send_text(1, str(index))
	for index in 5:
		equal(await tasks[index].wait(), [OK, str(index)])


func test_many_messages_keep_their_order() -> void:
	await _join()
	for index in 5000:
		server.send_text(1, str(index))
	for index in 5000:
		if not equal(await _link.recv_text(5.0), [OK, str(index)]):
			return


func test_a_large_message_both_ways() -> void:
	await _join()
	var large := pattern(1_000_000)
	is_ok(_link.send_binary(large))
	await told("data", [1, large])
	server.send_binary(1, large)
	var received := await _link.recv_binary(5.0) as Array
	check(received == [OK, large])


func test_a_message_that_is_too_large() -> void:
	_link.max_message_size = 1000
	await _join()
	server.send_text(1, "a".repeat(1000))
	equal(await _link.recv_text(5.0), [OK, "a".repeat(1000)])
	server.send_text(1, "a".repeat(1001))
	not_equal((await _link.recv_text(5.0) as Array)[0], OK)
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
	equal(_link.get_close_code(), 1009)
	equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)


func test_timeouts() -> void:
	await _join()
	equal(await _link.recv_text(0.02), [ERR_TIMEOUT, ""])
	_link.timeout = 0.02
	equal(await _link.recv_binary(), [ERR_TIMEOUT, PackedByteArray()])
	var unlimited := NetTask.from(_link.recv(0))
	await seconds(0.05)
	check(not unlimited.is_completed(), "0 sets no limit")
	server.send_text(1, "late")
	equal(await unlimited.wait(), [OK, "late"])
	equal(_link.get_ready_state(), WebSocketLink.STATE_OPEN)


func test_an_abandoned_receive_takes_nothing() -> void:
	await _join()
	var awaiter := Awaiter.new()
	awaiter.receive = _link.recv_text
	awaiter.run()
	await frames(2)
	awaiter.free()
	server.send_text(1, "for the next one")
	equal(await _link.recv_text(5.0), [OK, "for the next one"])


func test_emitted_messages() -> void:
	_link.emit_messages = true
	await _join()
	server.send_text(1, "one")
	server.send_binary(1, PackedByteArray([2]))
	server.send_text(1, "three")
	check(await wait_for(func() -> bool: return _told.size() == 4))
	equal(_told, [["connected"], ["message", "one"], ["data", PackedByteArray([2])], ["message", "three"]])
	equal(await _link.recv(), [ERR_UNAVAILABLE, ""])
	equal(await _link.recv_binary(), [ERR_UNAVAILABLE, PackedByteArray()])
	_link.emit_messages = false
	server.send_text(1, "four")
	equal(await _link.recv(5.0), [OK, "four"])


func test_what_came_before_emitting_was_switched_on() -> void:
	await _join()
	server.send_text(1, "one")
	server.send_text(1, "two")
	equal(await _link.recv(5.0), [OK, "one"])
	_link.emit_messages = true
	check(await wait_for(func() -> bool: return _has_told("message")))
	equal(_told.back(), ["message", "two"])


func test_a_handler_that_closes() -> void:
	_link.emit_messages = true
	_link.message_received.connect(func(_message: String) -> void: _link.close(4000, "enough"))
	await _join()
	server.send_text(1, "one")
	await told("disconnected", [1, 4000, "enough"])
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
	equal(_told, [["connected"], ["message", "one"], ["disconnected", 4000, "enough", true]])


func test_process_alone() -> void:
	serve()
	_link.auto_process = false
	_link.connect_to_url(_url())
	await frames(10)
	equal(_told, [])
	check(await wait_for(func() -> bool: return _link.process() + 1 and _has_told("connected")))
	server.send_text(1, "x")
	var receiving := NetTask.from(_link.recv())
	await frames(10)
	check(not receiving.is_completed())
	check(await wait_for(func() -> bool: return _link.process(1000) + 1 and receiving.is_completed()))
	equal(receiving.get_result(), [OK, "x"])
	_link.auto_process = true
	server.send_text(1, "y")
	equal(await _link.recv(5.0), [OK, "y"])


#endregion
#region Ends


func test_the_server_closes() -> void:
	await _join()
	var receiving := NetTask.from(_link.recv_text())
	server.disconnect_client(1, 4001, "go")
	equal(await receiving.wait(), [ERR_FILE_EOF, ""])
	equal([_link.get_ready_state(), _link.get_close_code(), _link.get_close_reason()], [3, 4001, "go"])
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
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
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
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
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
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
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
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
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
	equal([_told.back()[1], _told.back()[3]], [1006, false])
	equal(_link.get_close_code(), 1006)


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
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
	equal(_told.back(), ["disconnected", 1005, "", true])


func test_a_close_that_comes_with_the_response() -> void:
	_fake = WebSocketFakeServer.new()
	_fake.first_bytes = frame(FIN | CLOSE, close_payload(4005, "full"), false)
	_link.connect_to_url(_fake.start())
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
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
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
	equal(_told.back()[1], 1006)


func test_a_link_that_is_freed() -> void:
	await _join()
	var receiving := NetTask.from(_link.recv_text())
	var closed: WeakRef = weakref(_link)
	_link = null
	equal(closed.get_ref(), null, "nothing else holds it")
	not_equal((await receiving.wait() as Array)[0], OK)
	await told_times("disconnected", 1)


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


func test_limits_of_sending() -> void:
	_link.max_pending_bytes = 10
	_fake = WebSocketFakeServer.new()
	_link.connect_to_url(_fake.start())
	is_ok(_link.send_text("a".repeat(6)))
	is_error(_link.send_text("b".repeat(6)), ERR_OUT_OF_MEMORY)
	is_ok(_link.send_text("c".repeat(4)))
	equal(_link.get_pending_bytes(), 10)


#endregion
#region Reconnecting


func test_a_server_that_is_restarted() -> void:
	_link.reconnect = true
	await _join()
	var port := server.get_local_port()
	server.stop()
	check(await wait_for(func() -> bool: return _has_told("reconnecting")))
	equal(_told.slice(1, 3), [["disconnected", 1001, _told[1][2], true], ["reconnecting", 1]])
	equal(_link.get_ready_state(), WebSocketLink.STATE_CONNECTING)
	check(server.start(port, LOOPBACK))
	equal(await _link.wait_connected(5.0), [OK])
	await told("connected", [2])
	_link.send_text("back")
	await told("message", [2, "back"])


func test_what_is_sent_while_the_connection_is_away() -> void:
	_link.reconnect = true
	await _join()
	var port := server.get_local_port()
	server.stop()
	check(await wait_for(func() -> bool: return _has_told("reconnecting")))
	is_error(_link.send_text("x"), ERR_UNAVAILABLE, "max_offline_bytes is 0")
	_link.max_offline_bytes = 10
	is_ok(_link.send_text("a".repeat(6)))
	is_error(_link.send_text("b".repeat(6)), ERR_OUT_OF_MEMORY)
	is_ok(_link.send_text("c".repeat(4)))
	check(server.start(port, LOOPBACK))
	equal(await _link.wait_connected(5.0), [OK])
	await told("message", [2, "cccc"])
	equal(events.of("message"), [[2, "aaaaaa"], [2, "cccc"]])


func test_what_was_sent_before_a_first_connection_that_needs_more_than_one_attempt() -> void:
	_link.reconnect = true
	var port := free_port()
	_link.connect_to_url("ws://127.0.0.1:%d" % port)
	is_ok(_link.send_text("patient"))
	check(await wait_for(func() -> bool: return _has_told("reconnecting")))
	equal(_told.slice(0, 2), [["connect_failed", ERR_CANT_CONNECT], ["reconnecting", 1]])
	make_server()
	check(server.start(port, LOOPBACK))
	await told("message", [1, "patient"])


func test_giving_up() -> void:
	_link.reconnect = true
	_link.reconnect_max_attempts = 2
	_link.connect_to_url("ws://127.0.0.1:%d" % free_port())
	equal(await _link.wait_connected(5.0), [ERR_CANT_CONNECT])
	equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)
	await frames(3)
	var failed := ["connect_failed", ERR_CANT_CONNECT]
	var expected := [failed, ["reconnecting", 1], failed, ["reconnecting", 2], failed, ["gave_up", ERR_CANT_CONNECT]]
	equal(_told, expected)


func test_our_own_close_ends_reconnecting() -> void:
	_link.reconnect = true
	for end: Callable in [_link.close, _link.abort, _link.close_async]:
		await _join()
		var url := _url()
		_link.reconnect_min_delay = 0.02
		await end.call()
		check(await wait_for(func() -> bool: return _has_told("disconnected")))
		equal(_told.size(), 2, str(_told))
		_told.clear()
		# While it waits for the next attempt.
		_link.connect_to_url(url)
		is_ok(await _link.wait_connected(5.0))
		_link.reconnect_min_delay = 20.0
		_link.reconnect_max_delay = 20.0
		server.stop()
		check(await wait_for(func() -> bool: return _has_told("reconnecting")))
		await end.call()
		check(await wait_for(func() -> bool: return _told.back()[0] == "disconnected"))
		equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)
		_told.clear()


func test_the_codes_after_which_it_reconnects() -> void:
	_link.reconnect = true
	await _reconnects_after({1000: false, 1008: false, 4000: false, 4999: false, 1001: true, 1011: true, 3000: true})
	_link.reconnect_on_codes = PackedInt32Array([4000, 1000])
	await _reconnects_after({4000: true, 1000: true, 1001: false, 1011: false})


func test_reconnecting_now() -> void:
	_link.reconnect = true
	_link.reconnect_min_delay = 1000.0
	_link.reconnect_max_delay = 1000.0
	await _join()
	server.disconnect_client(1, 1011)
	check(await wait_for(func() -> bool: return _has_told("reconnecting")))
	_link.reconnect_now()
	equal(await _link.wait_connected(5.0), [OK])


func test_a_receive_waits_for_the_next_connection() -> void:
	_link.reconnect = true
	await _join()
	var receiving := NetTask.from(_link.recv_text())
	server.disconnect_client(1, 1011)
	is_error(await receiving.wait(), ERR_FILE_EOF, "what was pending ends with the connection")
	receiving = NetTask.from(_link.recv_text(5.0))
	await told("connected", [2])
	server.send_text(2, "new")
	equal(await receiving.wait(), [OK, "new"])


func test_reconnect_switched_off_while_it_waits() -> void:
	_link.reconnect = true
	_link.reconnect_min_delay = 1000.0
	_link.reconnect_max_delay = 1000.0
	await _join()
	server.disconnect_client(1, 1011)
	check(await wait_for(func() -> bool: return _has_told("reconnecting")))
	_link.reconnect = false
	check(await wait_for(func() -> bool: return _has_told("gave_up")))
	equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)


#endregion


func _url() -> String:
	return "ws://%s:%d" % [LOOPBACK, server.get_local_port()]


## Starts a server, connects the link to it and waits until both sides know.
func _join() -> void:
	serve()
	is_ok(_link.connect_to_url(_url()))
	is_ok(await _link.wait_connected(5.0))
	await told("connected", [1])
	check(await wait_for(func() -> bool: return _has_told("connected")))


func _join_fake() -> void:
	_fake = WebSocketFakeServer.new()
	is_ok(_link.connect_to_url(_fake.start()))
	is_ok(await _link.wait_connected(5.0))


func _has_told(signal_name: String) -> bool:
	return _told.any(func(event: Array) -> bool: return event[0] == signal_name)


func _reconnects_after(codes: Dictionary) -> void:
	for code: int in codes:
		_told.clear()
		_fake = WebSocketFakeServer.new()
		is_ok(_link.connect_to_url(_fake.start()))
		is_ok(await _link.wait_connected(5.0))
		_fake.send(frame(FIN | CLOSE, close_payload(code), false))
		check(await wait_for(func() -> bool: return _has_told("disconnected")))
		await frames(2)
		equal(_has_told("reconnecting"), codes[code], "after %d" % code)
		_fake.stop()
		_link.abort()
		check(await wait_for(func() -> bool: return _link.get_ready_state() == WebSocketLink.STATE_CLOSED))


class Awaiter:
	extends Node
	var receive: Callable

	func run() -> void:
		await receive.call()
