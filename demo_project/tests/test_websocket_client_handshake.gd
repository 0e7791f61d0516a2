extends WebSocketClientTest
## The opening handshake of a WebSocketClient: what it asks for, refusals and wrong answers.


func time_limit(_test_name: String) -> float:
	return 20.0


func test_headers_are_seen_by_the_server() -> void:
	var lines := PackedStringArray(["X-Token: abc: d", "Authorization: Bearer xyz", "origin: https://a.example"])
	await join_client({"handshake_headers": lines})
	var headers := server.get_client_headers(1)
	equal(headers["x-token"], "abc: d")
	equal(headers["authorization"], "Bearer xyz")
	equal(headers["origin"], "https://a.example")
	equal(headers["host"], "%s:%d" % [LOOPBACK, server.get_local_port()])


func test_headers_are_read_by_every_attempt() -> void:
	await join_client({"handshake_headers": PackedStringArray(["X-Token: one"])})
	ws.handshake_headers = PackedStringArray(["X-Token: two"])
	await ws.close_async()
	is_ok(ws.connect_to_url(url()))
	is_ok(await ws.wait_connected(5.0))
	await told("connected", [2])
	equal(server.get_client_headers(2)["x-token"], "two")


func test_a_header_replaces_the_authorization_of_the_url() -> void:
	serve()
	client({"handshake_headers": PackedStringArray(["Authorization: Bearer xyz"])})
	ws.connect_to_url("ws://us%40er:p%3Ass@" + url().trim_prefix("ws://"))
	is_ok(await ws.wait_connected(5.0))
	await told("connected", [1])
	equal(server.get_client_headers(1)["authorization"], "Bearer xyz")


func test_paths_and_queries() -> void:
	serve()
	client()
	var paths := {
		"": "/",
		"?a=b&c": "/?a=b&c",
		"/a%20b//c;d?e=ü": "/a%20b//c;d?e=%C3%BC",
		"/日本": "/%E6%97%A5%E6%9C%AC",
		"/a?b?c/d": "/a?b?c/d",
	}
	var id := 0
	for path: String in paths:
		id += 1
		is_ok(ws.connect_to_url(url(path)), path)
		is_ok(await ws.wait_connected(5.0), path)
		await told("connected", [id])
		var query := server.get_client_raw_query(id)
		equal(server.get_client_raw_path(id) + ("" if query.is_empty() else "?" + query), paths[path])
		await ws.close_async()


func test_other_names_of_the_server() -> void:
	serve()
	client()
	for host: String in ["localhost", "LOCALHOST", "127.0.0.1"]:
		is_ok(ws.connect_to_url("WS://%s:%d" % [host, server.get_local_port()]), host)
		is_ok(await ws.wait_connected(5.0), host)
		equal(ws.get_connected_host(), LOOPBACK)
		await ws.close_async()


func test_subprotocols() -> void:
	# The client's own, the server's, and the one that the server selects.
	var cases := [
		[[], [], ""],
		[["a"], [], ""],
		[[], ["a"], ""],
		[["a", "b"], ["b"], "b"],
		[["one", "two"], ["two", "one"], "two"],
		[["a"], ["c"], ""],
	]
	for case: Array in cases:
		var server_properties := {"supported_protocols": PackedStringArray(case[1])}
		await join_client({"supported_protocols": PackedStringArray(case[0])}, server_properties)
		equal(ws.get_selected_protocol(), case[2], str(case))
		equal(server.get_client_protocol(1), case[2], str(case))


func test_401_by_the_script_of_the_server() -> void:
	serve({"manual_handshake": true})
	var challenge := PackedStringArray(['WWW-Authenticate: Bearer realm="game"'])
	server.handshake_requested.connect(
		func(request: WebSocketHandshakeRequest) -> void: request.reject(401, "no token", challenge)
	)
	client()
	ws.connect_to_url(url())
	equal(await ws.wait_connected(5.0), [ERR_UNAUTHORIZED])
	equal(ws.get_response_status(), 401)
	equal(ws.get_response_headers()["www-authenticate"], 'Bearer realm="game"')
	equal([ws.get_response_header("WWW-Authenticate"), ws.get_response_header("x")], ['Bearer realm="game"', ""])
	check(ws.get_last_error_message().contains("401"), ws.get_last_error_message())
	await heard_only([["connect_failed", ERR_UNAUTHORIZED]])


func test_404_by_allowed_paths() -> void:
	serve({"allowed_paths": PackedStringArray(["/game"])})
	client()
	ws.connect_to_url(url("/other"))
	equal(await ws.wait_connected(5.0), [ERR_DOES_NOT_EXIST])
	equal(ws.get_response_status(), 404)
	is_ok(ws.connect_to_url(url("/game?x")))
	is_ok(await ws.wait_connected(5.0))
	equal(ws.get_response_status(), 101)


func test_403_by_allowed_origins() -> void:
	serve({"allowed_origins": PackedStringArray(["https://a.example"])})
	client()
	ws.connect_to_url(url())
	equal(await ws.wait_connected(5.0), [ERR_UNAUTHORIZED])
	equal(ws.get_response_status(), 403)
	ws.handshake_headers = PackedStringArray(["Origin: https://a.example"])
	is_ok(ws.connect_to_url(url()))
	is_ok(await ws.wait_connected(5.0))


func test_503_by_max_clients() -> void:
	await join_client({}, {"max_clients": 1})
	var first := ws
	client()
	ws.connect_to_url(url())
	equal(await ws.wait_connected(5.0), [ERR_BUSY])
	equal(ws.get_response_status(), 503)
	equal(first.get_ready_state(), WebSocketClient.STATE_OPEN)
	await first.close_async()
	await told_times("disconnected", 1)
	is_ok(ws.connect_to_url(url()))
	is_ok(await ws.wait_connected(5.0))


func test_other_statuses() -> void:
	var statuses := {
		200: ERR_CONNECTION_ERROR,
		302: ERR_CONNECTION_ERROR,
		400: ERR_CONNECTION_ERROR,
		403: ERR_UNAUTHORIZED,
		407: ERR_UNAUTHORIZED,
		410: ERR_DOES_NOT_EXIST,
		426: ERR_CONNECTION_ERROR,
		429: ERR_BUSY,
		500: ERR_CONNECTION_ERROR,
		503: ERR_BUSY,
	}
	for status: int in statuses:
		await _fails_with("HTTP/1.1 %d Why\r\nX-A: b\r\nContent-Length: 0\r\n\r\n" % status, statuses[status])
		equal(ws.get_response_status(), status)
		equal(ws.get_response_headers()["x-a"], "b")
		check(ws.get_last_error_message().contains(str(status)), ws.get_last_error_message())


func test_answers_that_are_not_valid() -> void:
	var upgrade := "Upgrade: websocket\r\nConnection: Upgrade\r\n"
	var answers: Array[String] = [
		"SSH-2.0-OpenSSH_9.6\r\n\r\n",
		"HTTP/2 101\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\n%s\r\n" % upgrade,
		"HTTP/1.1 101 Switching Protocols\r\n%sSec-WebSocket-Accept: %s\r\n\r\n" % [upgrade, ACCEPT],
		"HTTP/1.1 abc\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nX-Long: %s\r\n\r\n" % "x".repeat(300_000),
	]
	for answer in answers:
		await _fails_with(answer, ERR_INVALID_DATA)


func test_right_answers_with_wrong_additions() -> void:
	for line: String in ["Sec-WebSocket-Protocol: unasked", "Sec-WebSocket-Extensions: permessage-deflate"]:
		serve()
		fake = ExactServer.new()
		(fake as ExactServer).lines = line + "\r\n"
		client()
		ws.connect_to_url(fake.start())
		equal(await ws.wait_connected(5.0), [ERR_INVALID_DATA], line)
		fake.stop()


func test_frames_that_come_with_the_answer() -> void:
	fake = WebSocketFakeServer.new()
	fake.first_bytes = frame(FIN | TEXT, utf8("early"), false) + frame(FIN | CLOSE, close_payload(4005, "full"), false)
	client({"emit_messages": true})
	ws.connect_to_url(fake.start())
	await heard_only([["connected"], ["message", "early"], ["disconnected", 4005, "full", true]])


func test_a_server_that_hangs_up_instead() -> void:
	fake = SilentServer.new()
	client()
	ws.connect_to_url(fake.start())
	check(await wait_for(func() -> bool: return fake.stream != null))
	fake.drop()
	equal(await ws.wait_connected(5.0), [ERR_CANT_CONNECT])
	equal([ws.get_response_status(), ws.get_response_headers()], [0, {}])
	await heard_only([["connect_failed", ERR_CANT_CONNECT]])


func test_the_handshake_timeout() -> void:
	client({"handshake_timeout": 0.1})
	ws.connect_to_url(silent_url())
	equal(await ws.wait_connected(5.0), [ERR_TIMEOUT])
	await heard_only([["connect_failed", ERR_TIMEOUT]])
	check(is_closed())


func test_a_port_on_which_nothing_listens() -> void:
	client()
	ws.connect_to_url("ws://%s:%d" % [LOOPBACK, free_port()])
	equal(await ws.wait_connected(5.0), [ERR_CANT_CONNECT])
	await heard_only([["connect_failed", ERR_CANT_CONNECT]])


func test_a_name_that_does_not_exist() -> void:
	client()
	ws.connect_to_url("ws://nowhere.invalid")
	equal(await ws.wait_connected(15.0), [ERR_CANT_RESOLVE])
	check(ws.get_last_error_message().contains("nowhere.invalid"), ws.get_last_error_message())


func _fails_with(answer: String, error: Error) -> void:
	fake = WebSocketFakeServer.new()
	fake.response = answer
	client()
	ws.connect_to_url(fake.start())
	equal(await ws.wait_connected(5.0), [error], answer.left(60))
	not_equal(ws.get_last_error_message(), "")
	await heard_only([["connect_failed", error]])
	fake.stop()


## Accepts a connection and answers nothing.
class SilentServer:
	extends WebSocketFakeServer

	func _answer() -> void:
		pass


## Answers rightly, with additional header lines.
class ExactServer:
	extends WebSocketFakeServer
	var lines := ""

	func _answer() -> void:
		var key := received.get_string_from_ascii().get_slice("Sec-WebSocket-Key: ", 1).get_slice("\r\n", 0)
		var accept := Marshalls.raw_to_base64((key + _GUID).sha1_buffer())
		response = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		response += "Sec-WebSocket-Accept: %s\r\n%s\r\n" % [accept, lines]
		super()
