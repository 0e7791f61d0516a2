extends TlsTest
## https on the port of a WebSocketServer with tls_options.

var _server: WebSocketServer


func time_limit(_test_name: String) -> float:
	return 30.0


func after_each() -> void:
	_server.stop()
	_server = null
	await super()


func test_curl_and_a_websocket() -> void:
	_server = WebSocketServer.new()
	_server.tls_options = serving()
	_server.health_path = "/healthz"
	var requests: Array[HttpServerRequest] = []
	_server.http_requested.connect(
		func(request: HttpServerRequest) -> void:
			requests.append(request)
			request.respond(200, "x".repeat(1_000_000))
	)
	check(_server.start(0, LOOPBACK))
	if OS.execute("curl", ["--version"]) != 0:
		skip("curl is not there")
		return
	var url := "https://%s:%d" % [HOST, _server.get_local_port()]
	var curl: PackedStringArray = ["curl", "--silent", "--show-error", "--max-time", "20", "--ipv4"]
	curl.append_array(["--cacert", certificate_path("authority")])
	var health := await run_program(curl + PackedStringArray([url + "/healthz"]))
	check((health[1] as String).begins_with('{"status":"ok"'), health[1])
	# Two requests on one connection.
	var large := await run_program(curl + PackedStringArray([url + "/a", url + "/b"]))
	equal([large[0], (large[1] as String).count("x")], [0, 2_000_001], "with the x of the last line")
	equal(requests.size(), 2)
	check(requests[0].secure)
	equal(requests[0].port, requests[1].port, "one connection")
	var socket := WebSocketPeer.new()
	socket.connect_to_url("wss://%s:%d" % [HOST, _server.get_local_port()], trusting())
	var is_open := func() -> bool:
		socket.poll()
		return socket.get_ready_state() == WebSocketPeer.STATE_OPEN
	check(await wait_for(is_open), "a WebSocket beside it")
	socket.close()
