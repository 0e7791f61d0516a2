extends WebSocketLinkTest
## WebSocketLink: the same happens with both backends. Each test makes something happen with the one and with the
## other, and compares what the link told: its signals with their arguments, the state and the close code at that
## moment, and the results of what was awaited.

## What stands for words that are the backend's own.
const ANY_REASON := "*"
const EARLY := ["disconnected", 1006, "closed before the connection was established", false]
const LOST := ["disconnected", 1006, ANY_REASON, false]
const REFUSED := ["connect_failed", ERR_CANT_CONNECT]

# What is behind the arguments of a signal.
const CONNECTING := [WebSocketLink.STATE_CONNECTING]
const OPEN := [WebSocketLink.STATE_OPEN]
const CLOSED := [WebSocketLink.STATE_CLOSED]

var _is_native := true
## Kept until the end of a test.
var _silent := TCPServer.new()


func time_limit(_test_name: String) -> float:
	return 30.0


func is_with_library() -> bool:
	return _is_native


#region Attempts that fail


func test_a_connection_that_is_refused() -> void:
	var act := func() -> void:
		_link.connect_to_url("ws://127.0.0.1:%d" % free_port())
		_await_all()
		is_ok(_link.send_text("x"))
		await _tells("connect_failed")
		is_error(_link.send_text("x"), ERR_CANT_CONNECT)
		is_error(await _link.close_async(), ERR_CONNECTION_ERROR)
		equal(_link.get_unsent_bytes(), 1)
	var resolved := [["recv", [ERR_CANT_CONNECT, ""]], ["wait", [ERR_CANT_CONNECT]], ["flush", [ERR_CANT_CONNECT]]]
	await _compare(act, resolved + [REFUSED + CLOSED + [-1]])


func test_a_refusal_of_the_server() -> void:
	var act := func() -> void:
		_fake = WebSocketFakeServer.new()
		_fake.response = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\nX-A: b\r\n\r\n"
		_link.connect_to_url(_fake.start())
		await _tells("connect_failed")
		equal(_link.get_response_status(), 401 if _is_native else 0)
	# The engine does not tell the status.
	await _compare(act, [["connect_failed", ERR_UNAUTHORIZED, 3, -1]], [REFUSED + CLOSED + [-1]])


func test_a_refusal_of_the_server_with_reconnect() -> void:
	var act := func() -> void:
		_fake = WebSocketFakeServer.new()
		_fake.response = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\nX-A: b\r\n\r\n"
		_link.reconnect = true
		_link.reconnect_max_attempts = 1
		_link.connect_to_url(_fake.start())
		await _tells("connect_failed")
		_fake.drop()
		await _tells("gave_up")
	var native := [["connect_failed", ERR_UNAUTHORIZED, 3, -1], ["gave_up", ERR_UNAUTHORIZED, 3, -1]]
	# The engine does not tell that another attempt is in vain.
	var engine := [REFUSED + CONNECTING + [-1], ["reconnecting", 1, 0, -1], REFUSED + CLOSED + [-1]]
	await _compare(act, native, engine + [["gave_up", ERR_CANT_CONNECT, 3, -1]])


func test_an_attempt_that_times_out() -> void:
	var act := func() -> void:
		_link.handshake_timeout = 0.1
		_link.connect_to_url(_silent_url())
		_await_all()
		await _tells("connect_failed")
	var resolved := [["recv", [ERR_TIMEOUT, ""]], ["wait", [ERR_TIMEOUT]], ["flush", [ERR_TIMEOUT]]]
	await _compare(act, resolved + [["connect_failed", ERR_TIMEOUT, 3, -1]])


func test_attempts_until_it_gives_up() -> void:
	var act := func() -> void:
		_link.reconnect = true
		_link.reconnect_max_attempts = 2
		_link.connect_to_url("ws://127.0.0.1:%d" % free_port())
		_await_all()
		await _tells("gave_up")
	var lost := REFUSED + CONNECTING + [-1]
	var expected := [lost, ["reconnecting", 1, 0, -1], lost, ["reconnecting", 2, 0, -1]]
	expected.append_array([["recv", [ERR_CANT_CONNECT, ""]], ["wait", [ERR_CANT_CONNECT]]])
	expected.append_array([["flush", [ERR_CANT_CONNECT]], REFUSED + CLOSED + [-1]])
	await _compare(act, expected + [["gave_up", ERR_CANT_CONNECT, 3, -1]])


#endregion
#region Ends by the server


func test_the_server_closes() -> void:
	# Code, with reconnect: whether the link reconnects.
	for row: Array in [[1000, false], [1001, true], [1005, true], [1008, false], [1011, true], [4001, false]]:
		for with_reconnect: bool in [false, true]:
			await _the_server_closes(row[0], with_reconnect, row[1])


func _the_server_closes(code: int, with_reconnect: bool, comes_back: bool) -> void:
	var reason := "" if code == 1005 else "why"
	var act := func() -> void:
		_link.reconnect = with_reconnect
		_link.reconnect_max_attempts = 1
		await _join_fake()
		_await_all()
		_fake.send(frame(FIN | CLOSE, PackedByteArray() if code == 1005 else close_payload(code, reason), false))
		await _tells("disconnected")
		_fake.stop()
		if with_reconnect:
			await _tells("gave_up")
	var goes_on := with_reconnect and comes_back
	var expected := [["connected", 1, -1], ["wait", [OK]], ["flush", [OK]], ["recv", [ERR_FILE_EOF, ""]]]
	expected.append(["disconnected", code, reason, true, 0 if goes_on else 3, code])
	if goes_on:
		expected.append_array([["reconnecting", 1, 0, code], REFUSED + CLOSED + [code]])
		expected.append(["gave_up", ERR_CANT_CONNECT, 3, code])
	elif with_reconnect:
		expected.append(["gave_up", ERR_FILE_EOF, 3, code])
	await _compare(act, expected)


func test_messages_before_a_close() -> void:
	for emit: bool in [false, true]:
		var act := func() -> void:
			_link.emit_messages = emit
			await _join_fake()
			_fake.send(frame(FIN | TEXT, utf8("one"), false) + frame(FIN | BINARY, utf8("two"), false))
			await let_messages_arrive()
			_fake.send(frame(FIN | CLOSE, close_payload(1000), false))
			await _tells("disconnected")
			if not emit:
				equal(await _link.recv(), [OK, "one"])
				equal(await _link.recv(), [OK, utf8("two")])
				is_error(await _link.recv(), ERR_FILE_EOF)
		var emitted := [["message", "one", 1, -1], ["data", utf8("two"), 1, -1]] if emit else []
		await _compare(act, [["connected", 1, -1]] + emitted + [["disconnected", 1000, "", true, 3, 1000]])


func test_the_process_of_the_server_is_killed() -> void:
	var act := func() -> void:
		var port := free_port()
		var process := start_python("res://tests/peers/websocket_numbers.py", [str(port), "0"])
		var listens := func() -> bool:
			var probe := StreamPeerTCP.new()
			probe.connect_to_host(LOOPBACK, port)
			while probe.get_status() == StreamPeerTCP.STATUS_CONNECTING:
				probe.poll()
			return probe.get_status() == StreamPeerTCP.STATUS_CONNECTED
		check(await wait_for(listens))
		_link.reconnect = true
		_link.reconnect_max_attempts = 2
		_link.connect_to_url("ws://127.0.0.1:%d" % port)
		await _tells("connected")
		is_ok(await _link.recv_text(5.0))
		OS.kill(process)
		await _tells("gave_up")
	var expected := [["connected", 1, -1], LOST + CONNECTING + [1006], ["reconnecting", 1, 0, 1006]]
	expected.append_array([REFUSED + CONNECTING + [1006], ["reconnecting", 2, 0, 1006]])
	await _compare(act, expected + [REFUSED + CLOSED + [1006], ["gave_up", ERR_CANT_CONNECT, 3, 1006]])


func test_a_connection_that_is_lost_without_reconnect() -> void:
	var act := func() -> void:
		await _join_fake()
		_note("recv", _link.recv())
		_fake.drop()
		await _tells("disconnected")
		is_error(_link.send_text("x"), ERR_CONNECTION_ERROR)
		is_error(await _link.close_async(), ERR_CONNECTION_ERROR)
	await _compare(act, [["connected", 1, -1], ["recv", [ERR_CONNECTION_ERROR, ""]], LOST + CLOSED + [1006]])


func test_a_server_that_is_silent() -> void:
	var act := func() -> void:
		_link.heartbeat_interval = 0.05
		await _join_fake()
		await _tells("disconnected")
	if "heartbeat_interval" in WebSocketPeer.new():
		await _compare(act, [["connected", 1, -1], LOST + CLOSED + [1006]])
	else:
		skip("this engine has no pings")


func test_a_message_that_is_too_large() -> void:
	for size: int in [1001, 200_000]:
		var act := func() -> void:
			_link.max_message_size = 1000
			_link.reconnect = true
			_link.reconnect_max_attempts = 1
			await _join_fake()
			_note("recv", _link.recv())
			_fake.send(frame(FIN | TEXT, "a".repeat(size).to_utf8_buffer(), false))
			await _tells("disconnected")
			_fake.stop()
			await _tells("gave_up")
		var end := ["disconnected", 1009, "the message is longer than 1000 bytes", false, 0, 1009]
		var expected := [["connected", 1, -1], ["recv", [ERR_CONNECTION_ERROR, ""]], end, ["reconnecting", 1, 0, 1009]]
		await _compare(act, expected + [REFUSED + CLOSED + [1009], ["gave_up", ERR_CANT_CONNECT, 3, 1009]])


func test_violations_of_the_protocol() -> void:
	var rows := {
		frame(FIN | TEXT, PackedByteArray([0xc3, 0x28]), false): 1007,
		frame(FIN | 0x40 | TEXT, utf8("x"), false): 1002,
		frame(FIN | TEXT, utf8("x"), true): 1002,
		frame(FIN | 0x3, utf8("x"), false): 1002,
		frame(FIN | CLOSE, close_payload(1006), false): 1002,
		frame(FIN | CONTINUATION, utf8("x"), false): 1002,
	}
	for bytes: PackedByteArray in rows:
		var act := func() -> void:
			await _join_fake()
			_note("recv", _link.recv())
			_fake.send(bytes)
			await _tells("disconnected")
		var end := ["disconnected", rows[bytes], ANY_REASON, false, 3, rows[bytes]]
		await _compare(act, [["connected", 1, -1], ["recv", [ERR_CONNECTION_ERROR, ""]], end])


#endregion
#region Ends by this side


func test_this_side_closes() -> void:
	var act := func() -> void:
		await _join_server()
		server.send_text(1, "left")
		check(await wait_for(func() -> bool: return _link.get_available_message_count() == 1))
		_link.close(4002, "bye")
		_note("recv 1", _link.recv())
		_note("recv 2", _link.recv())
		_note("close", _link.close_async())
		is_error(await _link.flush(), ERR_UNAVAILABLE)
		is_error(await _link.wait_connected(), ERR_UNAVAILABLE)
		is_error(_link.send_text("x"), ERR_UNAVAILABLE)
		await _tells("disconnected")
		is_error(await _link.recv(), ERR_UNAVAILABLE)
		equal(await _link.close_async(), [OK, 4002, "bye"])
	var expected := [["connected", 1, -1], ["recv 1", [OK, "left"]], ["recv 2", [ERR_UNAVAILABLE, ""]]]
	expected.append(["close", [OK, 4002, "bye"]])
	await _compare(act, expected + [["disconnected", 4002, "bye", true, 3, 4002]])


func test_a_close_and_an_abort_in_a_handler() -> void:
	# What had arrived is emitted all the same.
	for abort: bool in [false, true]:
		var act := func() -> void:
			_link.emit_messages = true
			var end := func(_message: String) -> void:
				_link.callv("abort" if abort else "close", [] if abort else [4000, "enough"])
			_link.message_received.connect(end, CONNECT_ONE_SHOT)
			await _join_fake()
			_fake.send(frame(FIN | TEXT, utf8("1"), false) + frame(FIN | TEXT, utf8("2"), false))
			check(await wait_for(func() -> bool: return _link.get_ready_state() != WebSocketLink.STATE_OPEN))
			_fake.send(frame(FIN | CLOSE, close_payload(4000), false))
			await _tells("disconnected")
		var end := (
			["disconnected", 1006, "", false, 3, 1006] if abort else ["disconnected", 4000, "enough", true, 3, 4000]
		)
		await _compare(act, [["connected", 1, -1], ["message", "1", 1, -1], ["message", "2", 2, -1], end])


func test_a_close_that_is_not_answered() -> void:
	# What the server does: nothing, cut the connection, close by itself with another code.
	for answer: String in ["", "cut", "another"]:
		var act := func() -> void:
			_link.close_timeout = 0.2
			await _join_fake()
			_note("close", _link.close_async(4002, "bye"))
			# The close frame, masked.
			check(await wait_for(func() -> bool: return _fake.received.size() == 11))
			if answer == "cut":
				_fake.drop()
			elif answer == "another":
				_fake.send(frame(FIN | CLOSE, close_payload(4010, "mine"), false))
			await _tells("disconnected")
		var is_clean := answer == "another"
		var result := [OK if is_clean else ERR_CONNECTION_ERROR, 4002, "bye"]
		var end := ["disconnected", 4002, "bye", is_clean, 3, 4002]
		await _compare(act, [["connected", 1, -1], ["close", result], end])


func test_an_abort() -> void:
	for with_reconnect: bool in [false, true]:
		var act := func() -> void:
			_link.reconnect = with_reconnect
			await _join_fake()
			_fake.send(frame(FIN | TEXT, utf8("left"), false))
			check(await wait_for(func() -> bool: return _link.get_available_message_count() == 1))
			_link.abort()
			equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSING)
			_note("recv 1", _link.recv())
			_note("recv 2", _link.recv())
			await _tells("disconnected")
		var expected := [["connected", 1, -1], ["recv 1", [OK, "left"]], ["recv 2", [ERR_UNAVAILABLE, ""]]]
		await _compare(act, expected + [["disconnected", 1006, "", false, 3, 1006]])


func test_an_abort_of_a_close() -> void:
	var act := func() -> void:
		await _join_fake()
		_link.close(4002, "bye")
		await frames(3)
		_link.abort()
		await _tells("disconnected")
	await _compare(act, [["connected", 1, -1], ["disconnected", 4002, "bye", false, 3, 4002]])


func test_an_end_while_connecting() -> void:
	for abort: bool in [false, true]:
		for with_reconnect: bool in [false, true]:
			var act := func() -> void:
				_link.reconnect = with_reconnect
				_link.connect_to_url(_silent_url())
				_note("recv", _link.recv())
				_note("wait", _link.wait_connected())
				await frames(2)
				if abort:
					_link.abort()
				else:
					_link.close(4000, "never mind")
				equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)
				_note("close", _link.close_async())
				await _tells("disconnected")
			var expected := [["recv", [ERR_UNAVAILABLE, ""]], ["wait", [ERR_UNAVAILABLE]]]
			expected.append(["close", [ERR_CONNECTION_ERROR, 1006, EARLY[2]]])
			await _compare(act, expected + [EARLY + CLOSED + [1006]])


func test_a_close_while_connecting_with_a_message() -> void:
	var act := func() -> void:
		_link.handshake_timeout = 0.2
		_link.connect_to_url(_silent_url())
		is_ok(_link.send_text("hello"))
		_note("flush", _link.flush())
		_link.close()
		equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSING)
		await _tells("disconnected")
		equal(_link.get_unsent_bytes(), 5)
	await _compare(act, [["flush", [ERR_UNAVAILABLE]], EARLY + CLOSED + [1006]])


func test_an_end_while_waiting_to_reconnect() -> void:
	for how: String in ["close", "abort", "reconnect"]:
		var act := func() -> void:
			_link.reconnect = true
			_link.reconnect_min_delay = 1000.0
			_link.reconnect_max_delay = 1000.0
			_link.connect_to_url("ws://127.0.0.1:%d" % free_port())
			await _tells("reconnecting")
			_note("recv", _link.recv())
			_note("wait", _link.wait_connected())
			if how == "reconnect":
				_link.reconnect = false
			else:
				_link.call(how)
			equal(_link.get_ready_state(), WebSocketLink.STATE_CLOSED)
			await _tells("gave_up" if how == "reconnect" else "disconnected")
		var error := ERR_CANT_CONNECT if how == "reconnect" else ERR_UNAVAILABLE
		var expected := [REFUSED + CONNECTING + [-1], ["reconnecting", 1, 0, -1]]
		expected.append_array([["recv", [error, ""]], ["wait", [error]]])
		expected.append(["gave_up", error, 3, -1] if how == "reconnect" else EARLY + CLOSED + [1006])
		await _compare(act, expected)


func test_an_end_in_the_handler_of_an_end() -> void:
	for how: String in ["close", "abort"]:
		var act := func() -> void:
			_link.reconnect = true
			var end := func(_code: int, _reason: String, _clean: bool) -> void: _link.call(how)
			_link.disconnected.connect(end, CONNECT_ONE_SHOT)
			await _join_fake()
			_fake.drop()
			check(await wait_for(func() -> bool: return _count("disconnected") == 2))
		await _compare(act, [["connected", 1, -1], LOST + CONNECTING + [1006], EARLY + CLOSED + [1006]])


#endregion
#region Sending


func test_messages_before_the_connection() -> void:
	var act := func() -> void:
		serve()
		_link.connect_to_url(_url())
		is_ok(_link.send_text("one"))
		is_ok(_link.send_binary(utf8("two")))
		equal(_link.get_pending_bytes(), 6)
		_note("flush", _link.flush())
		await told("data", [1, utf8("two")])
		equal(events.all, [["connected", 1], ["message", 1, "one"], ["data", 1, utf8("two")]])
		check(await wait_for(func() -> bool: return _count("flush") == 1))
	await _compare(act, [["connected", 1, -1], ["flush", [OK]]])


func test_what_may_be_sent_when() -> void:
	var act := func() -> void:
		_link.reconnect = true
		_link.max_pending_bytes = 10
		var port := free_port()
		_link.connect_to_url("ws://127.0.0.1:%d" % port)
		is_ok(_link.send_text("before"))
		is_error(_link.send_text("beyond"), ERR_OUT_OF_MEMORY)
		is_error(_link.ping(), ERR_UNAVAILABLE)
		await _tells("reconnecting")
		is_ok(_link.send_text("more"))
		_fake = WebSocketFakeServer.new()
		_fake.start(port)
		await _tells("connected")
		_fake.drop()
		await _tells("disconnected")
		is_error(_link.send_text("x"), ERR_UNAVAILABLE)
		_link.max_offline_bytes = 5
		is_ok(_link.send_text("away"))
		is_error(_link.send_text("too"), ERR_OUT_OF_MEMORY)
		equal(_link.get_pending_bytes(), 4)
		check(await wait_for(func() -> bool: return _count("connected") == 2))
		_link.close()
		is_error(_link.send_text("x"), ERR_UNAVAILABLE)
		_fake.drop()
		check(await wait_for(_is_closed))
	await _compare(act)


#endregion
#region Comparing


## Makes the same happen with both backends, and compares what is told with what is expected. Without an expectation,
## only with each other, however often an attempt failed.
func _compare(act: Callable, expected: Variant = null, expected_of_engine: Variant = expected) -> void:
	var native: Array = []
	for is_native: bool in [true, false]:
		_is_native = is_native
		await _leave()
		_link = make_link()
		if not check(_link.is_native() == is_native, "which backend it is"):
			return
		await act.call()
		# Nothing may come behind it.
		await frames(5)
		if is_native:
			native = _told.duplicate()
		if expected != null:
			var of_this: Array = expected if is_native else expected_of_engine
			equal(_told, of_this, "the library" if is_native else "the engine")
	if expected == null:
		equal(_steps(_told), _steps(native), "the engine and the library")


func _steps(told: Array) -> Array:
	var passing := ["connect_failed", "reconnecting"]
	return told.filter(func(event: Array) -> bool: return not passing.has(event[0]))


## Ends the link and the server of the last run.
func _leave() -> void:
	if _link != null:
		_link.reconnect = false
		_link.abort()
	await frames(3)
	_link = null
	if _fake != null:
		_fake.stop()
	_fake = null
	_silent.stop()
	_told = []


func record(link: WebSocketLink, told: Array[Array]) -> void:
	super(link, told)
	# Runs after the handlers that add the events. Not captured, so that the link can be freed.
	var seen: WeakRef = weakref(link)
	var add_state := func() -> void:
		var now: WebSocketLink = seen.get_ref()
		var event: Array = told.back()
		if event[0] == "disconnected" and event[2] != EARLY[2] and _is_own_reason(event):
			event[2] = ANY_REASON
		if ["connect_failed", "gave_up"].has(event[0]):
			not_equal(now.get_last_error_message(), "", event[0])
		event.append_array([int(now.get_ready_state()), now.get_close_code()])
	for link_signal: Signal in [link.connected]:
		link_signal.connect(add_state)
	for link_signal: Signal in [link.connect_failed, link.message_received, link.data_received, link.gave_up]:
		link_signal.connect(add_state.unbind(1))
	link.reconnecting.connect(add_state.unbind(2))
	link.disconnected.connect(add_state.unbind(3))


## Whether the reason is the words of the backend for what it has found.
func _is_own_reason(event: Array) -> bool:
	var code: int = event[1]
	return [1002, 1007].has(code) or (code == 1006 and event[2] != "")


func _await_all() -> void:
	_note("recv", _link.recv())
	_note("wait", _link.wait_connected())
	_note("flush", _link.flush())


## Adds the result to what was told.
func _note(what: String, task: Variant) -> void:
	var told := _told
	told.append([what, await task])


func _count(event_name: String) -> int:
	return _told.filter(func(event: Array) -> bool: return event[0] == event_name).size()


func _join_fake() -> void:
	await super()
	await _tells("connected")


func _join_server() -> void:
	serve()
	_link.connect_to_url(_url())
	await told("connected", [1])
	await _tells("connected")


func _silent_url() -> String:
	_silent.stop()
	_silent.listen(0, LOOPBACK)
	return "ws://127.0.0.1:%d" % _silent.get_local_port()

#endregion
