extends TcpTest
## Every refusal has a message that says what to do.


func test_bad_addresses() -> void:
	var client := TcpClient.new()
	is_error(client.connect_to_host(LOOPBACK, 70000), ERR_INVALID_PARAMETER)
	_says(client, ["70000", "65535"])
	is_error(client.connect_to_host("a b", 80), ERR_INVALID_PARAMETER)
	_says(client, ["a b"])
	var listener := TcpListener.create(-1)
	is_error(listener.start(), ERR_INVALID_PARAMETER)
	_says(listener, ["-1", "65535"])
	var udp := UdpSocket.new()
	is_error(udp.bind(70000), ERR_INVALID_PARAMETER)
	_says(udp, ["70000"])
	is_error(udp.send_to(utf8("x"), LOOPBACK, 0), ERR_INVALID_PARAMETER)
	_says(udp, ["0", "65535"])
	var server := WebSocketServer.new()
	check(not server.start(70000))
	_says(server, ["70000"])


func test_receives() -> void:
	var ends := await connect_pair()
	equal(await ends[0].recv(-1), [ERR_INVALID_PARAMETER, PackedByteArray()])
	_says(ends[0], ["length", "-1", "0..2147483647"])
	equal(await ends[0].recv_line(0), [ERR_INVALID_PARAMETER, ""])
	_says(ends[0], ["max_bytes", "1..2147483647"])
	is_error(await ends[0].recv_until(PackedByteArray()), ERR_INVALID_PARAMETER)
	_says(ends[0], ["delimiter"])
	ends[1].send(utf8("much too long\n"))
	equal(await ends[0].recv_line(4), [ERR_OUT_OF_MEMORY, ""])
	_says(ends[0], ["line", "4", "max_bytes", "recv_some"])
	equal(await ends[0].recv_line(), [OK, "much too long"])


func test_wrong_types_where_the_library_calls_back() -> void:
	var run := await run_engine(["res://tests/children/child.tscn", "--", "wrong_types"], 30.0)
	equal(run[0], 0)
	var output: String = run[1]
	for method: String in ["WebSocketServer::send_text", "WebSocketClient::send_text"]:
		equal(output.count("function call failed: %s()" % method), 1, output)
	check(output.contains("cannot convert from DICTIONARY to STRING"), output)


func test_not_connected() -> void:
	var client := TcpClient.new()
	is_error(client.send(utf8("x")), ERR_UNCONFIGURED)
	_says(client, ["not connected"])
	var tls := TcpClient.new()
	is_error(await tls.start_tls(TLSOptions.client()), ERR_UNCONFIGURED)
	_says(tls, ["not connected"])
	is_ok(tls.connect_to_host(LOOPBACK, listen().get_local_port()))
	is_error(await tls.start_tls(TLSOptions.client()), ERR_UNCONFIGURED)
	_says(tls, ["wait_connected"])
	is_error(tls.connect_to_host(LOOPBACK, 1), ERR_ALREADY_IN_USE)
	_says(tls, ["connecting or connected already"])
	var ends := await connect_pair()
	ends[0].disconnect_from_host()
	is_error(ends[0].send(utf8("x")), ERR_UNAVAILABLE)
	_says(ends[0], ["this side has closed"])
	ends[1].max_pending_bytes = 1
	is_error(ends[1].send(utf8("xx")), ERR_OUT_OF_MEMORY)
	_says(ends[1], ["max_pending_bytes"])


func test_a_broadcast_that_was_not_asked_for() -> void:
	var udp := UdpSocket.new()
	udp.bind(0, "0.0.0.0")
	is_error(await udp.send_to_async(utf8("x"), "255.255.255.255", 9), ERR_CONNECTION_ERROR)
	_says(udp, ["broadcast = true"])


func test_a_taken_port() -> void:
	var listener := listen()
	var server := WebSocketServer.new()
	check(not server.start(listener.get_local_port(), LOOPBACK))
	_says(server, [str(listener.get_local_port()), "in use"])
	var told: Array[String] = []
	server.server_error.connect(func(error: String) -> void: told.append(error))
	check(not server.start(listener.get_local_port(), LOOPBACK))
	equal(told, [server.get_last_error_message()] as Array[String])
	is_error(server.send_text(1, "x"), ERR_UNCONFIGURED)
	_says(server, ["not running"])
	check(server.start(0, LOOPBACK))
	equal(server.get_last_error_message(), "", "a new start clears the words")
	is_error(server.send_text(77, "x"), ERR_DOES_NOT_EXIST)
	_says(server, ["77"])
	is_error(server.send_text_data(77, PackedByteArray([0xff])), ERR_INVALID_DATA)
	_says(server, ["utf-8"])
	is_error(server.disconnect_client(1, 5), ERR_INVALID_PARAMETER)
	_says(server, ["5"])
	server.stop()


## A script that looks at the reason prints it itself, if it wants to; any other is told.
func test_a_failed_start_is_told_once() -> void:
	var engine_log := EngineLog.new()
	if not engine_log.start():
		skip("the engine has no loggers before 4.5")
		return
	var listener := listen()
	var taken := listener.get_local_port()
	var server := WebSocketServer.new()
	server.start(taken, LOOPBACK)
	_start_a_server_that_nobody_keeps(-1)
	equal(engine_log.take_count(), 0, "it may still look")
	await frames(2)
	equal(engine_log.lines_with("WebSocketServer.start: ").size(), 2)
	equal(engine_log.lines_with("already in use").size(), 1)
	equal(engine_log.lines_with("0..65535").size(), 1)
	equal(engine_log.take_count(), 2)

	if not server.start(taken, LOOPBACK):
		push_error(server.get_last_error_message())
	await frames(2)
	equal(engine_log.take_count(), 1, "by the script alone")

	for port: int in [taken, taken, 0]:
		if server.start(port, LOOPBACK):
			break
	check(server.is_listening())
	server.stop()
	await frames(2)
	equal(engine_log.take_count(), 0, "the next port was free")

	var told: Array[String] = []
	server.server_error.connect(told.append)
	server.start(taken, LOOPBACK)
	await frames(2)
	equal([told.size(), engine_log.take_count()], [1, 0])
	engine_log.stop()


func _start_a_server_that_nobody_keeps(port: int) -> void:
	WebSocketServer.new().start(port, LOOPBACK)


func _says(object: RefCounted, words: Array[String]) -> void:
	var message := object.call("get_last_error_message") as String
	for word in words:
		check(message.contains(word), "'%s' is not in '%s'" % [word, message])
