extends WebSocketTest
## Misuse of the class gives a clear error and breaks nothing.


func test_unknown_ids() -> void:
	serve()
	await join()
	for id: int in [0, -1, 2, 99, 1 << 40]:
		is_error(server.send_text(id, "x"), ERR_DOES_NOT_EXIST)
		is_error(server.send_binary(id, utf8("x")), ERR_DOES_NOT_EXIST)
		is_error(server.send_text_data(id, utf8("x")), ERR_DOES_NOT_EXIST)
		is_error(server.disconnect_client(id), ERR_DOES_NOT_EXIST)
		is_error(server.ping(id), ERR_DOES_NOT_EXIST)
		is_error(server.add_to_group(id, "g"), ERR_DOES_NOT_EXIST)
		is_error(server.remove_from_group(id, "g"), ERR_DOES_NOT_EXIST)
		equal(server.get_client_address(id), "")
		equal(server.get_client_port(id), 0)
		equal([server.get_client_path(id), server.get_client_raw_path(id)], ["", ""])
		equal([server.get_client_query(id), server.get_client_raw_query(id)], [{}, ""])
		equal([server.get_client_query_param(id, "a"), server.get_client_header(id, "host")], ["", ""])
		equal(server.get_client_headers(id), {})
		equal(server.get_client_protocol(id), "")
		equal(server.get_client_latency(id), -1.0)
		equal(server.get_client_pending_bytes(id), 0)
		equal(server.get_close_reason(id), "")
	check(server.is_listening())


func test_not_listening() -> void:
	for was_started: bool in [false, true]:
		make_server()
		if was_started:
			check(server.start(0, LOOPBACK))
			server.stop()
		is_error(server.send_text(1, "x"), ERR_UNCONFIGURED)
		is_error(server.send_binary(1, utf8("x")), ERR_UNCONFIGURED)
		is_error(server.send_text_data(1, utf8("x")), ERR_UNCONFIGURED)
		is_error(server.broadcast_text("x"), ERR_UNCONFIGURED)
		is_error(server.broadcast_binary(utf8("x")), ERR_UNCONFIGURED)
		is_error(server.broadcast_text_to_group("g", "x"), ERR_UNCONFIGURED)
		is_error(server.broadcast_binary_to_group("g", utf8("x")), ERR_UNCONFIGURED)
		is_error(server.disconnect_client(1), ERR_UNCONFIGURED)
		is_error(server.ping(1), ERR_UNCONFIGURED)
		is_error(server.add_to_group(1, "g"), ERR_UNCONFIGURED)
		equal(server.process(), 0)
		equal(server.get_client_count(), 0)
		equal(server.get_client_ids(), [] as Array[int])
		check(not server.is_listening())


func test_second_start() -> void:
	serve()
	var port := server.get_local_port()
	check(not server.start(0, LOOPBACK))
	equal(events.of("error").size(), 1, "it is told inside the call")
	check(events.of("error")[0][0].contains("running already"), str(events.of("error")))
	equal(server.get_local_port(), port, "the first one goes on")
	await join()


func test_port_in_use() -> void:
	serve()
	var first := server
	make_server()
	check(not server.start(first.get_local_port(), LOOPBACK))
	equal(events.of("error").size(), 1)
	check(events.of("error")[0][0].contains(str(first.get_local_port())), str(events.of("error")))
	check(not server.is_listening())
	check(server.start(0, LOOPBACK), "another port will do")


func test_port_in_use_by_the_engine() -> void:
	var other := TCPServer.new()
	is_ok(other.listen(0, LOOPBACK))
	make_server()
	check(not server.start(other.get_local_port(), LOOPBACK))
	equal(events.of("error").size(), 1)


func test_no_such_address() -> void:
	for wrong: Array in [
		[-1, LOOPBACK], [65536, LOOPBACK], [0, ""], [0, "nowhere.invalid"], [0, "300.0.0.1"], [0, "192.0.2.1"]
	]:
		make_server()
		check(not server.start(wrong[0], wrong[1]), str(wrong))
		equal(events.of("error").size(), 1, str(wrong))
		not_equal(events.of("error")[0][0], "")


func test_start_again_inside_server_error() -> void:
	serve()
	var taken := server.get_local_port()
	make_server()
	server.server_error.connect(func(_error: String) -> void: check(_servers[1].start(0, LOOPBACK)), CONNECT_ONE_SHOT)
	check(not server.start(taken, LOOPBACK))
	check(server.is_listening())
	await join()


func test_bad_close_codes() -> void:
	serve()
	var peer := await join()
	for code: int in [-1, 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 66536]:
		is_error(server.disconnect_client(1, code), ERR_INVALID_PARAMETER, str(code))
	is_ok(server.send_text(1, "still here"))
	await received(peer, ["still here"])


func test_long_reason() -> void:
	serve()
	await join()
	is_error(server.disconnect_client(1, 1000, "x".repeat(124)), ERR_INVALID_PARAMETER)
	is_error(server.disconnect_client(1, 1000, "é".repeat(62)), ERR_INVALID_PARAMETER)
	is_ok(server.disconnect_client(1, 1000, "x".repeat(123)))


func test_wrong_properties_change_nothing() -> void:
	make_server()
	var wrong := {
		"max_clients": [-1, 1 << 40],
		"max_message_size": [0, -1, 1 << 40],
		"max_pending_bytes": [0, -1, 1 << 40],
		"backpressure_policy": [-1, 2],
		"backlog": [0, -1, 65536],
		"supported_protocols": [PackedStringArray(["a b"]), PackedStringArray([""])],
		# No browser sends these, so they would refuse everybody.
		"allowed_origins":
		[
			PackedStringArray(["https://a.example", "https://a.example/"]),
			PackedStringArray(["a.example"]),
			PackedStringArray(["https://*.a.example"]),
		],
		"allowed_paths": [PackedStringArray(["/", "chat"]), PackedStringArray(["/chat?a=b"]), PackedStringArray([""])],
		"handshake_headers":
		[
			PackedStringArray(["no colon"]),
			PackedStringArray(["X: a\r\nY: b"]),
			PackedStringArray(["Upgrade: h2c"]),
			PackedStringArray(["Sec-WebSocket-Accept: x"]),
		],
	}
	for property: String in wrong:
		var before: Variant = server.get(property)
		for value: Variant in wrong[property]:
			server.set(property, value)
			equal(server.get(property), before, property)


func test_properties_keep_their_values() -> void:
	make_server()
	equal(server.handshake_timeout, 3.0)
	var values := {
		"max_clients": 7,
		"max_message_size": 1234,
		"max_pending_bytes": 4321,
		"backpressure_policy": WebSocketServer.BACKPRESSURE_DISCONNECT,
		"handshake_timeout": 1.5,
		"close_timeout": 2.5,
		"heartbeat_interval": 0.5,
		"supported_protocols": PackedStringArray(["a", "b"]),
		"handshake_headers": PackedStringArray(["X-A: b: c"]),
		"allowed_origins": PackedStringArray(["https://a.example", ""]),
		"allowed_paths": PackedStringArray(["/a"]),
		"manual_handshake": true,
		"no_delay": false,
		"backlog": 5,
		"text_as_data": true,
		"auto_process": false,
	}
	for property: String in values:
		server.set(property, values[property])
		equal(server.get(property), values[property], property)


func test_properties_hold_from_the_next_start() -> void:
	serve()
	server.max_clients = 1
	await join()
	await join()
	server.stop()
	check(server.start(0, LOOPBACK))
	await join()
	var second := open()
	check(await wait_for(second.is_closed))


func test_the_defaults() -> void:
	make_server()
	var start_arguments := _method("start")
	equal(start_arguments["default_args"], [8080, "0.0.0.0"])
	equal(_method("disconnect_client")["default_args"], [1000, ""])
	equal(_method("process")["default_args"], [0])
	for method: String in [
		"broadcast_text", "broadcast_binary", "broadcast_text_to_group", "broadcast_binary_to_group"
	]:
		equal(_method(method)["default_args"].size(), 1, method)


func test_calls_from_another_thread_are_refused() -> void:
	serve()
	await join()
	var thread := Thread.new()
	thread.start(func() -> int: return _servers[0].send_text(1, "x"))
	is_error(thread.wait_to_finish(), ERR_UNAVAILABLE)
	is_ok(server.send_text(1, "x"))


## The scene fails if this is reported as a panic of the library.
func test_a_method_without_an_error_from_another_thread() -> void:
	serve()
	var id := (await join()).id
	var thread := Thread.new()
	thread.start(func() -> void: _servers[0].get_client_count())
	thread.wait_to_finish()
	is_ok(server.send_text(id, "x"))


func _method(method_name: String) -> Dictionary:
	for method in ClassDB.class_get_method_list("WebSocketServer", true):
		if method["name"] == method_name:
			return method
	fail("there is no method %s" % method_name)
	return {}
