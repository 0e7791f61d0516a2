extends WebSocketReconnectTest
## What a script may do while a WebSocketClient is away, while an attempt to reconnect is in flight, and inside the
## handlers of its signals.

const LOST: Array = ["disconnected", 1006, GIVEN_UP, false]


func time_limit(_test_name: String) -> float:
	return 20.0


#region While the client is away


func test_close_while_away() -> void:
	await lose_server(LONG)
	equal([ws.get_ready_state(), ws.is_reconnecting()], [WebSocketClient.STATE_CONNECTING, true])
	ws.close(4000, "bye")
	await _is_over()


func test_abort_while_away() -> void:
	await lose_server(LONG)
	ws.abort()
	await _is_over()


func test_close_async_while_away() -> void:
	await lose_server(LONG)
	equal(await ws.close_async(1000, "", 5.0), [ERR_CONNECTION_ERROR, 1006, GIVEN_UP])
	await _is_over()


func test_switched_off_while_away() -> void:
	await lose_server(LONG.merged({"max_offline_bytes": 100}))
	is_ok(ws.send_text("x"))
	var waiting := NetTask.from(ws.wait_connected())
	ws.reconnect = false
	equal([ws.get_ready_state(), ws.is_reconnecting()], [WebSocketClient.STATE_CLOSED, false])
	await signals_are(_after_loss([["reconnecting", 1], ["gave_up", ERR_CONNECTION_ERROR]]))
	is_error(waiting.get_result(), ERR_CONNECTION_ERROR)
	equal(ws.get_unsent_bytes(), 1)
	ws.reconnect = true
	await frames(5)
	equal(count_of("connected"), 1, "switching it on again begins nothing")


func test_a_new_session_is_refused_while_away() -> void:
	var port := await lose_server(LONG)
	is_error(ws.connect_to_url(url(port)), ERR_ALREADY_IN_USE)
	ws.close()
	await serve_again(port)
	# The signal of the old session is still to be emitted.
	is_ok(ws.connect_to_url(url(port)))
	is_ok(await ws.wait_connected(5.0))
	await signals_are(_after_loss([["reconnecting", 1], LOST, ["connected"]]))


func test_freed_while_away() -> void:
	var port := await lose_server({"reconnect_min_delay": 0.05, "reconnect_max_delay": 0.05})
	var waiting := NetTask.from(ws.wait_connected())
	var gone: WeakRef = weakref(ws)
	ws = null
	check(gone.get_ref() == null, "nothing keeps it alive")
	check(await wait_for(waiting.is_completed))
	is_error(waiting.get_result(), ERR_UNAVAILABLE)
	await serve_again(port)
	await seconds(0.2)
	equal(events.all, [] as Array[Array], "and nobody comes")


#endregion
#region While an attempt to reconnect is in flight


func test_close_in_flight() -> void:
	var fake := await _in_flight()
	ws.close()
	await _is_over()
	await _is_left_alone(fake)


func test_abort_in_flight() -> void:
	var fake := await _in_flight()
	ws.abort()
	await _is_over()
	await _is_left_alone(fake)


## A close with messages that wait for the attempt: they are sent first.
func test_close_in_flight_with_messages() -> void:
	var fake := await _in_flight({"max_offline_bytes": 100})
	is_ok(ws.send_text("kept"))
	ws.close(4000, "bye")
	equal(ws.get_ready_state(), WebSocketClient.STATE_CLOSING)
	is_error(ws.send_text("x"), ERR_UNAVAILABLE)
	_fakes.append(fake)
	check(await wait_for(func() -> bool: return fake.received.size() >= 10 + 6 + 5))
	fake.send(frame(FIN | CLOSE, close_payload(4000), false))
	await signals_are(_after_loss([["reconnecting", 1], ["disconnected", 4000, "bye", true]]))
	equal(ws.get_unsent_bytes(), 0)


func test_switched_off_in_flight() -> void:
	var fake := await _in_flight()
	ws.reconnect = false
	equal(ws.get_ready_state(), WebSocketClient.STATE_CONNECTING, "the attempt goes on")
	_fakes.append(fake)
	is_ok(await ws.wait_connected(5.0))
	await wait_for(fake.is_joined)
	fake.drop()
	await signalled("disconnected", 2)
	await frames(3)
	equal([count_of("reconnecting"), count_of("gave_up")], [1, 0])
	equal(ws.get_ready_state(), WebSocketClient.STATE_CLOSED)


func test_freed_in_flight() -> void:
	var fake := await _in_flight()
	var gone: WeakRef = weakref(ws)
	ws = null
	check(gone.get_ref() == null)
	await _is_left_alone(fake)


func test_reconnect_now_in_flight() -> void:
	var fake := await _in_flight()
	is_ok(ws.reconnect_now())
	_fakes.append(fake)
	await signalled("connected", 2)
	equal(count_of("reconnecting"), 1)


#endregion
#region Inside the handlers


func test_close_inside_disconnected() -> void:
	await _lose_with("disconnected", func(it: WebSocketClient) -> void: it.close())
	await signals_are(_after_loss([LOST]))
	await _stays_closed()


func test_close_inside_reconnecting() -> void:
	await _lose_with("reconnecting", func(it: WebSocketClient) -> void: it.close())
	await signals_are(_after_loss([["reconnecting", 1], LOST]))
	await _stays_closed()


func test_abort_inside_reconnecting() -> void:
	await _lose_with("reconnecting", func(it: WebSocketClient) -> void: it.abort())
	await signals_are(_after_loss([["reconnecting", 1], LOST]))
	await _stays_closed()


func test_switched_off_inside_disconnected() -> void:
	await _lose_with("disconnected", func(it: WebSocketClient) -> void: it.reconnect = false)
	await signals_are(_after_loss([["gave_up", ERR_CONNECTION_ERROR]]))
	await _stays_closed()


func test_switched_off_inside_reconnecting() -> void:
	await _lose_with("reconnecting", func(it: WebSocketClient) -> void: it.reconnect = false)
	await signals_are(_after_loss([["reconnecting", 1], ["gave_up", ERR_CONNECTION_ERROR]]))
	await _stays_closed()


func test_close_inside_connect_failed() -> void:
	make_client()
	_once("connect_failed", func(it: WebSocketClient) -> void: it.close())
	is_ok(ws.connect_to_url(url(free_port())))
	await signals_are([["connect_failed", ERR_CANT_CONNECT], LOST])
	await _stays_closed()


func test_switched_off_inside_connect_failed() -> void:
	make_client()
	_once("connect_failed", func(it: WebSocketClient) -> void: it.reconnect = false)
	is_ok(ws.connect_to_url(url(free_port())))
	await signals_are([["connect_failed", ERR_CANT_CONNECT], ["gave_up", ERR_CANT_CONNECT]])
	await _stays_closed()


func test_reconnect_now_inside_reconnecting() -> void:
	serve()
	var port := server.get_local_port()
	server.stop()
	make_client(LONG)
	_once("reconnecting", func(it: WebSocketClient) -> void: it.reconnect_now())
	is_ok(ws.connect_to_url(url(port)))
	await signalled("reconnecting", 2)
	equal(signals[2], ["connect_failed", ERR_CANT_CONNECT])


## Inside `disconnected` the next attempt is announced already.
func test_reconnect_now_inside_disconnected() -> void:
	await _lose_with("disconnected", func(it: WebSocketClient) -> void: it.reconnect_now())
	await signals_are(_after_loss([["reconnecting", 1], ["connect_failed", ERR_CANT_CONNECT], ["reconnecting", 2]]))


func test_process_inside_the_handlers() -> void:
	for signal_name: String in ["connected", "disconnected", "reconnecting", "connect_failed"]:
		await _lose_with(
			signal_name, func(it: WebSocketClient) -> void: it.process(2000), {"reconnect_max_attempts": 2}.merged(SOON)
		)
		await signalled("gave_up")
		equal([count_of("connected"), count_of("disconnected"), count_of("gave_up")], [1, 1, 1], signal_name)
		equal([count_of("reconnecting"), count_of("connect_failed")], [2, 2], signal_name)


func test_another_server_inside_gave_up() -> void:
	serve()
	var other := url()
	make_client({"reconnect_max_attempts": 1})
	_once("gave_up", func(it: WebSocketClient) -> void: check(it.connect_to_url(other) == OK))
	is_ok(ws.connect_to_url(url(free_port())))
	var failed: Array = ["connect_failed", ERR_CANT_CONNECT]
	await signals_are([failed, ["reconnecting", 1], failed, ["gave_up", ERR_CANT_CONNECT], ["connected"]])


func test_another_server_inside_disconnected() -> void:
	var next := make_server()
	check(next.start(0, LOOPBACK))
	var other := url()
	var move := func(it: WebSocketClient) -> void:
		check(it.connect_to_url(other) == ERR_ALREADY_IN_USE)
		it.close()
		check(it.connect_to_url(other) == OK)
	await _lose_with("disconnected", move)
	# The announced attempt has ended before the new session begins.
	await signals_are(_after_loss([LOST, ["connected"]]))
	equal(next.get_client_count(), 1)


func test_freed_inside_the_handlers() -> void:
	for signal_name: String in ["connected", "disconnected", "reconnecting", "connect_failed", "gave_up"]:
		var fake := fake_server()
		var address := fake.start()
		var holder: Array[WebSocketClient] = [make_client({"reconnect_max_attempts": 1})]
		ws.connect(signal_name, _without_arguments(holder.clear, signal_name))
		var gone: WeakRef = weakref(ws)
		is_ok(ws.connect_to_url(address))
		var waiting := NetTask.from(ws.wait_connected())
		ws = null
		check(await wait_for(func() -> bool: return waiting.is_completed() or gone.get_ref() == null))
		fake.stop()
		check(await wait_for(func() -> bool: return gone.get_ref() == null), signal_name)
		check(await wait_for(waiting.is_completed), signal_name)


## An answer that a coroutine sends when it resumes goes out in order, before what the handler of `connected` sends.
func test_what_handlers_send_while_reconnecting() -> void:
	var port := await lose_server(LONG.merged({"max_offline_bytes": 1000}))
	is_ok(ws.send_text("1"))
	_once("connected", func(it: WebSocketClient) -> void: it.send_text("3"))
	_send_when_connected(ws, "2")
	await serve_again(port)
	is_ok(ws.reconnect_now())
	await told_times("message", 3)
	equal(events.of("message"), [[1, "1"], [1, "2"], [1, "3"]])


func _send_when_connected(it: WebSocketClient, text: String) -> void:
	await it.wait_connected(5.0)
	it.send_text(text)


#endregion
#region Pending operations


func test_pending_operations_across_a_loss() -> void:
	var fake := fake_server()
	var port := await join_fake(fake, LONG)
	await wait_for(fake.is_joined)
	fake.send(frame(FIN | TEXT, utf8("last"), false))
	var receives: Array[NetTask] = []
	for _number in 3:
		receives.append(NetTask.from(ws.recv()))
	fake.stop()
	await signalled("reconnecting")
	equal(receives[0].get_result(), [OK, "last"])
	for receive: NetTask in receives.slice(1):
		equal(receive.get_result(), [ERR_CONNECTION_ERROR, ""], "the answer that it waits for may never come")
	# Those that begin now wait for the next connection.
	var later := NetTask.from(ws.recv_text())
	var waiting := NetTask.from(ws.wait_connected())
	is_error(await ws.recv(0.01), ERR_TIMEOUT)
	is_error(await ws.wait_connected(0.01), ERR_TIMEOUT)
	check(not later.is_completed() and not waiting.is_completed())
	await serve_again(port)
	is_ok(ws.reconnect_now())
	is_ok(await waiting.wait())
	await told_times("connected", 1)
	server.send_text(1, "hello again")
	equal(await later.wait(), [OK, "hello again"])


## What was received before the loss can be taken after it, and comes before what the next connection brings.
func test_messages_of_two_connections() -> void:
	var fake := fake_server()
	var port := await join_fake(fake, LONG)
	await wait_for(fake.is_joined)
	for number in 5:
		fake.send(frame(FIN | TEXT, utf8(str(number)), false))
	fake.stop()
	await signalled("reconnecting")
	equal(ws.get_available_message_count(), 5)
	equal(await ws.recv(5.0), [OK, "0"])
	await serve_again(port)
	is_ok(ws.reconnect_now())
	is_ok(await ws.wait_connected(5.0))
	await told_times("connected", 1)
	server.send_text(1, "5")
	for number: int in [1, 2, 3, 4, 5]:
		equal(await ws.recv(5.0), [OK, str(number)])


func test_a_loop_of_receives_across_losses() -> void:
	serve()
	var port := server.get_local_port()
	make_client()
	is_ok(ws.connect_to_url(url()))
	var heard: Array[String] = []
	var errors: Array[int] = []
	_listen(ws, heard, errors)
	for restart: int in [1, 2, 3]:
		await told_times("connected", 1)
		server.send_text(1, "from %d" % restart)
		check(await wait_for(func() -> bool: return heard.size() == restart))
		server.stop()
		await signalled("disconnected", restart)
		await serve_again(port)
	is_ok(await ws.wait_connected(5.0))
	ws.close()
	check(await wait_for(func() -> bool: return errors.size() == 4))
	equal(heard, ["from 1", "from 2", "from 3"] as Array[String])
	equal(errors, [ERR_FILE_EOF, ERR_FILE_EOF, ERR_FILE_EOF, ERR_UNAVAILABLE] as Array[int])


func _listen(it: WebSocketClient, heard: Array[String], errors: Array[int]) -> void:
	while true:
		var message := await it.recv() as Array
		if message[0] == OK:
			heard.append(message[1])
			continue
		errors.append(message[0])
		if message[0] == ERR_UNAVAILABLE:
			return


#endregion


## The signals of a client that had a connection and lost it.
func _after_loss(more: Array) -> Array:
	return [["connected"], ["disconnected", 1006, signals[1][2] if signals.size() > 1 else "", false]] + more


func _is_over() -> void:
	equal([ws.get_ready_state(), ws.is_reconnecting()], [WebSocketClient.STATE_CLOSED, false])
	await signals_are(_after_loss([["reconnecting", 1], LOST]))
	await _stays_closed()
	is_error(ws.send_text("x"), ERR_UNAVAILABLE)


func _stays_closed() -> void:
	var before := signals.size()
	await frames(10)
	equal(ws.get_ready_state(), WebSocketClient.STATE_CLOSED)
	equal(signals.size(), before, "no further signal in %s" % [signals])
	is_error(ws.reconnect_now(), ERR_UNCONFIGURED)
	is_error(await ws.wait_connected(5.0), ws.send_text("x"))


## A client that has lost its connection, and whose next attempt gets no answer until the server is polled.
func _in_flight(properties := {}) -> WebSocketFakeServer:
	var fake := fake_server()
	await join_fake(fake, properties)
	fall_silent(fake)
	await signalled("reconnecting")
	check(await wait_for(fake.is_called), "the next attempt")
	equal([ws.get_ready_state(), ws.is_reconnecting()], [WebSocketClient.STATE_CONNECTING, true])
	return fake


## Waits until the attempt in flight has ended, and asserts that there is no other.
func _is_left_alone(fake: WebSocketFakeServer) -> void:
	_fakes.append(fake)
	await frames(1)
	check(await wait_for(func() -> bool: return fake.stream == null or fake.is_ended()), "the attempt has ended")
	fake.drop()
	await seconds(0.1)
	check(fake.stream == null, "and there is no other")


## Makes a client lose its server, after its handler of this signal has been set.
func _lose_with(signal_name: String, action: Callable, properties := LONG) -> void:
	var fake := fake_server()
	var address := fake.start()
	make_client(properties)
	_once(signal_name, action)
	is_ok(ws.connect_to_url(address))
	await signalled("connected")
	fake.stop()
	await signalled("disconnected")


## Calls the action with the client when it emits this signal next.
func _once(signal_name: String, action: Callable) -> void:
	var it: WeakRef = weakref(ws)
	var handler := func() -> void: action.call(it.get_ref())
	ws.connect(signal_name, _without_arguments(handler, signal_name), CONNECT_ONE_SHOT)


func _without_arguments(handler: Callable, signal_name: String) -> Callable:
	var count: int = {"disconnected": 3, "reconnecting": 2, "connect_failed": 1, "gave_up": 1}.get(signal_name, 0)
	return handler.unbind(count) if count > 0 else handler
