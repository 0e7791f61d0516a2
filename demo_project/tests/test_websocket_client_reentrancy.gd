extends WebSocketClientTest
## Handlers and coroutines that call back into the client that has called them.

## What a handler does.
const ACTIONS: Array[String] = [
	"send", "receive", "close", "close_async", "abort", "process", "connect", "close and connect", "release", "stop_all"
]
## The signals, each with what makes the client emit it.
const SIGNALS: Array[String] = [
	"connected",
	"message_received",
	"data_received",
	"text_data_received",
	"disconnected",
	"connect_failed",
	"reconnecting",
	"gave_up"
]

## The client, held by nothing else.
var _held: Array[WebSocketClient] = []
var _calls := 0
var _connect_result := -1


func time_limit(_test_name: String) -> float:
	return 60.0


func after_each() -> void:
	_held.clear()
	await super()


func test_every_action_inside_every_signal() -> void:
	for signal_name in SIGNALS:
		for action in ACTIONS:
			await _try(signal_name, action)


func test_every_action_where_an_awaited_result_arrives() -> void:
	for method: String in ["wait_connected", "recv", "flush", "close_async"]:
		for action in ACTIONS:
			await _try_after(method, action)


func test_connecting_to_a_bad_url_inside_a_handler() -> void:
	await join_client()
	var again := func(_code: int, _reason: String, _clean: bool) -> void:
		is_error(ws.connect_to_url("nonsense"), ERR_INVALID_PARAMETER)
		is_ok(ws.connect_to_url(url()))
	ws.disconnected.connect(again, CONNECT_ONE_SHOT)
	server.disconnect_client(1, 4000)
	await told("connected", [2])
	await heard_only([["connected"], ["disconnected", 4000, "", true], ["connected"]])
	server.send_text(2, "x")
	equal(await ws.recv(5.0), [OK, "x"])


func test_a_client_for_each_attempt_inside_connect_failed() -> void:
	client()
	var attempts: Array[int] = []
	var nowhere := "ws://%s:%d" % [LOOPBACK, free_port()]
	ws.connect_failed.connect(
		func(error: int) -> void:
			attempts.append(error)
			if attempts.size() < 20:
				is_ok(ws.connect_to_url(nowhere))
	)
	ws.connect_to_url(nowhere)
	check(await wait_for(func() -> bool: return attempts.size() == 20))
	await frames(3)
	equal(attempts.size(), 20)


## The end of a connection is told after its beginning, even if both are handled inside one call.
func test_the_order_of_signals_in_a_nested_process() -> void:
	serve()
	client()
	ws.connect_to_url(url())
	is_ok(await ws.wait_connected(5.0))
	# Inside the drain that resolved the wait; "connected" is not emitted yet.
	ws.close(4000)
	var deadline := Time.get_ticks_msec() + 2000
	while not is_closed() and Time.get_ticks_msec() < deadline:
		ws.process(10_000)
		server.process()
		if heard.is_empty():
			break
	await hears("disconnected")
	equal(heard[0], ["connected"])
	await heard_only([["connected"], ["disconnected", 4000, "", true]])


func test_a_nested_process_inside_message_received() -> void:
	await join_client({"emit_messages": true})
	ws.message_received.connect(func(_message: String) -> void: ws.process(500))
	var expected: Array[Array] = [["connected"]]
	for index in 100:
		server.send_text(1, str(index))
		expected.append(["message", str(index)])
	await heard_only(expected)


func test_a_close_inside_message_received() -> void:
	await join_client({"emit_messages": true})
	ws.message_received.connect(func(_message: String) -> void: ws.close(4000, "enough"))
	for index in 5:
		server.send_text(1, str(index))
	await told("disconnected", [1, 4000, "enough"])
	await hears("disconnected")
	await frames(3)
	equal(heard.back(), ["disconnected", 4000, "enough", true], "after the messages, and once")
	equal(how_often("disconnected"), 1)


func test_a_handler_that_replaces_the_client() -> void:
	serve()
	client()
	var first: WeakRef = weakref(ws)
	ws.disconnected.connect(
		func(_code: int, _reason: String, _clean: bool) -> void:
			client()
			ws.connect_to_url(url())
	)
	ws.connect_to_url(url())
	is_ok(await ws.wait_connected(5.0))
	await told("connected", [1])
	server.disconnect_client(1, 4000)
	await told("connected", [2])
	await heard_only([["connected"]])
	equal(first.get_ref(), null)


func test_a_sender_inside_flush() -> void:
	await join_client()
	for index in 50:
		ws.send_text(str(index))
		is_ok(await ws.flush(5.0))
	await told("message", [1, "49"])
	equal(events.of("message").size(), 50)


func test_properties_are_changed_inside_handlers() -> void:
	await join_client({"emit_messages": true})
	ws.message_received.connect(
		func(_message: String) -> void:
			for property: String in ["emit_messages", "auto_process", "reconnect", "text_as_data", "no_delay"]:
				ws.set(property, not ws.get(property))
				ws.set(property, not ws.get(property))
			ws.max_pending_bytes += 1
			ws.max_message_size += 1
			ws.handshake_headers = PackedStringArray(["X-A: b"])
	)
	for index in 5:
		server.send_text(1, str(index))
	await hears("message", 5)
	state_is(WebSocketClient.STATE_OPEN)


func _try(signal_name: String, action: String) -> void:
	var what := "%s inside %s" % [action, signal_name]
	_begin()
	var subject := _held[0]
	subject.connect(signal_name, _handler_of(signal_name, action))
	match signal_name:
		"connect_failed":
			subject.connect_to_url("ws://%s:%d" % [LOOPBACK, free_port()])
		"reconnecting":
			subject.reconnect = true
			subject.connect_to_url("ws://%s:%d" % [LOOPBACK, free_port()])
		"gave_up":
			subject.reconnect = true
			subject.reconnect_max_attempts = 1
			subject.connect_to_url("ws://%s:%d" % [LOOPBACK, free_port()])
		_:
			subject.emit_messages = true
			subject.text_as_data = signal_name == "text_data_received"
			subject.connect_to_url(url())
			# Queued before the client knows that it is connected.
			server.client_connected.connect(_make_it_emit.bind(signal_name), CONNECT_ONE_SHOT)
	subject = null
	await _judge(what, action)
	var may_connect := signal_name in ["disconnected", "connect_failed", "gave_up"]
	if action == "connect":
		equal(_connect_result, OK if may_connect else ERR_ALREADY_IN_USE, what)
	if action == "close and connect":
		equal(_connect_result, OK, what)


func _try_after(method: String, action: String) -> void:
	var what := "%s after %s" % [action, method]
	_begin()
	var subject := _held[0]
	subject.connect_to_url(url())
	if method != "wait_connected":
		is_ok(await subject.wait_connected(5.0), what)
	if method == "flush":
		subject.send_binary(pattern(3_000_000))
	_await_and_act(Callable(subject, method), action)
	if method == "recv":
		check(await wait_for(func() -> bool: return not events.of("connected").is_empty()))
		server.send_text(events.of("connected").back()[0], "x")
	subject = null
	await _judge(what, action)


func _await_and_act(method: Callable, action: String) -> void:
	await method.call()
	_act(action)


func _begin() -> void:
	serve()
	_held = [WebSocketClient.new()]
	_held[0].reconnect_min_delay = 0.01
	_held[0].reconnect_max_delay = 0.02
	_calls = 0
	_connect_result = -1


func _handler_of(signal_name: String, action: String) -> Callable:
	match signal_name:
		"connected":
			return func() -> void: _act(action)
		"disconnected":
			return func(_code: int, _reason: String, _clean: bool) -> void: _act(action)
		"reconnecting":
			return func(_attempt: int, _delay: float) -> void: _act(action)
		_:
			return func(_argument: Variant) -> void: _act(action)


func _make_it_emit(id: int, signal_name: String) -> void:
	match signal_name:
		"data_received":
			server.send_binary(id, utf8("one"))
			server.send_binary(id, utf8("two"))
		"message_received", "text_data_received":
			server.send_text(id, "one")
			server.send_text(id, "two")
		"disconnected":
			server.disconnect_client(id, 4000)


func _act(action: String) -> void:
	_calls += 1
	if _calls > 1 or _held.is_empty():
		return
	match action:
		"send":
			_held[0].send_text("sent")
			_held[0].flush()
		"receive":
			_held[0].emit_messages = false
			_held[0].recv(5.0)
		"close":
			_held[0].close()
		"close_async":
			NetTask.from(_held[0].close_async())
		"abort":
			_held[0].abort()
		"process":
			_held[0].process()
			_held[0].process(1000)
			_held[0].poll()
			server.process(500)
		"connect":
			_connect_result = _held[0].connect_to_url(url())
		"close and connect":
			_held[0].close()
			_connect_result = _held[0].connect_to_url(url())
		"release":
			_held.clear()
		"stop_all":
			AsyncSockets.stop_all()


func _judge(what: String, action: String) -> void:
	check(await wait_for(func() -> bool: return _calls > 0), "%s: the handler was not called" % what)
	await frames(3)
	if action == "release":
		equal(_held.size(), 0, what)
		check(await wait_for(func() -> bool: return server.get_client_count() == 0), "%s: the client leaves" % what)
		return
	var subject := _held[0]
	if action in ["close", "close_async", "abort", "stop_all"]:
		var over := func() -> bool: return _held[0].get_ready_state() == WebSocketClient.STATE_CLOSED
		check(await wait_for(over), "%s: it is not over" % what)
		equal(subject.is_reconnecting(), false, what)
		if not server.is_listening():
			check(server.start(0, LOOPBACK))
		subject.reconnect = false
		is_ok(subject.connect_to_url(url()), what)
	if action in ["connect", "close and connect"] and _connect_result == OK:
		is_ok(await subject.wait_connected(5.0), what)
	# It still works.
	if subject.get_ready_state() == WebSocketClient.STATE_CLOSED:
		is_ok(subject.connect_to_url(url()), what)
	subject.abort()
	is_ok(subject.connect_to_url(url()), what)
	is_ok(await subject.wait_connected(5.0), what)
	subject.send_text("works")
	var arrives := func() -> bool: return events.of("message").any(func(m: Array) -> bool: return m[1] == "works")
	check(await wait_for(arrives), "%s: it still works" % what)
	server.stop()
