extends WebSocketLinkTest
## WebSocketLink: connecting, sending and receiving.


func test_the_defaults() -> void:
	var link := WebSocketLink.new()
	equal(link.timeout, 0.0)
	equal(link.handshake_timeout, 10.0)
	equal(link.heartbeat_interval, 15.0)
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
	is_error(link.ping(), ERR_UNCONFIGURED)
	is_error(link.reconnect_now(), ERR_UNCONFIGURED)
	link.close()
	link.abort()
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
	is_error(await _link.close_async(1005), ERR_INVALID_PARAMETER)
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


func test_what_the_link_tells_of_its_connection() -> void:
	equal([_link.get_id(), _link.get_connected_host(), _link.get_connected_port()], [0, "", 0])
	equal([_link.get_response_status(), _link.is_tls(), _link.is_reconnecting()], [0, false, false])
	serve()
	_link.connect_to_url("ws://somebody:secret@%s:%d?a=ä" % [LOOPBACK, server.get_local_port()])
	equal(_link.get_requested_url(), _url() + "/?a=%C3%A4")
	equal([_link.get_response_status(), _link.get_latency()], [0, -1.0])
	is_ok(await _link.wait_connected(5.0))
	equal([_link.get_connected_host(), _link.get_connected_port()], [LOOPBACK, server.get_local_port()])
	equal([_link.get_response_status(), _link.is_tls(), _link.is_reconnecting()], [101, false, false])
	equal(_link.get_requested_url(), _url() + "/?a=%C3%A4")
	await told("connected", [1])
	var headers: Dictionary = server.get_client_headers(1)
	equal(headers.get("authorization"), "Basic " + Marshalls.utf8_to_base64("somebody:secret"))
	var id := _link.get_id()
	is_ok(await _link.close_async())
	_link.connect_to_url(_url())
	is_ok(await _link.wait_connected(5.0))
	not_equal(_link.get_id(), id)


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
	await _tells("disconnected")
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


func test_text_that_a_string_cannot_hold() -> void:
	var texts: Array[PackedByteArray] = [
		utf8("größer 🌍"),
		PackedByteArray([97, 0, 98, 0, 0, 99]),
		PackedByteArray([0xef, 0xbb, 0xbf, 97]),
		PackedByteArray([0]),
		PackedByteArray([97, 0, 0xef, 0xbb, 0xbf, 98]),
		PackedByteArray(),
	]
	await _join()
	server.text_as_data = true
	for text in texts:
		is_ok(_link.send_text_data(text))
		await told("text_data", [1, text])
		server.send_text_data(1, text)
		server.send_text_data(1, text)
	for text in texts:
		_link.text_as_data = true
		equal(await _link.recv_text(5.0), [OK, text])
		_link.text_as_data = false
		var result := await _link.recv_text(5.0) as Array
		var expected := PackedByteArray()
		for byte in text:
			expected.append_array(PackedByteArray([byte]) if byte != 0 else utf8("\uFFFD"))
		equal((result[1] as String).to_utf8_buffer(), expected)
	_link.text_as_data = true
	_link.emit_messages = true
	server.send_text_data(1, texts[1])
	await _tells("text_data")
	equal(_told, [["connected"], ["text_data", texts[1]]])


func test_bytes_that_are_not_utf8() -> void:
	await _join()
	var wrong := ["80", "c3", "c328", "c0af", "e08080", "eda080", "f4908080", "f8888080", "6161616161616161ff", "e282"]
	for digits: String in wrong:
		is_error(_link.send_text_data(digits.hex_decode()), ERR_INVALID_DATA, digits)
	for digits: String in ["", "00", "efbfbf", "ed9fbf", "ee8080", "f48fbfbf", "6161616161616161c3a4", "f09f8c8d"]:
		is_ok(_link.send_text_data(digits.hex_decode()), digits)
	equal(_link.get_ready_state(), WebSocketLink.STATE_OPEN)


func test_the_number_of_available_messages() -> void:
	await _join()
	equal(_link.get_available_message_count(), 0)
	for index in 3:
		server.send_text(1, str(index))
	check(await wait_for(func() -> bool: return _link.get_available_message_count() == 3))
	equal(await _link.recv_text(), [OK, "0"])
	equal(_link.get_available_message_count(), 2)


func test_a_full_buffer_slows_the_server_down() -> void:
	_link.max_buffered_bytes = 100_000
	_link.max_message_size = 100_000
	await _join()
	var message := pattern(100_000)
	# More than the buffers of the system take.
	for index in 150:
		server.send_binary(1, message)
	await frames(30)
	at_least(server.get_client_pending_bytes(1), 1_000_000)
	at_most(_link.get_available_message_count(), 5)
	for index in 150:
		if not is_ok(await _link.recv_binary(5.0)):
			return
	equal(server.get_client_pending_bytes(1), 0)


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
	await _tells("message")
	equal(_told.back(), ["message", "two"])


func test_a_handler_that_closes() -> void:
	_link.emit_messages = true
	_link.message_received.connect(func(_message: String) -> void: _link.close(4000, "enough"))
	await _join()
	server.send_text(1, "one")
	await told("disconnected", [1, 4000, "enough"])
	await _tells("disconnected")
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


class Awaiter:
	extends Node
	var receive: Callable

	func run() -> void:
		await receive.call()
