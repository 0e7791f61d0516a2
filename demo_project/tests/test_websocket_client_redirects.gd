extends WebSocketClientTest
## How many redirects a WebSocketClient follows, and what it tells the next server.

var _fakes: Array[WebSocketFakeServer] = []


func _process(delta: float) -> void:
	super(delta)
	for each in _fakes:
		each.poll()


func after_each() -> void:
	for each in _fakes:
		each.stop()
	_fakes.clear()
	await super()


func test_none_is_followed_by_default() -> void:
	serve()
	client()
	ws.connect_to_url(_redirect_to(url("/there")))
	equal(await ws.wait_connected(5.0), [ERR_CONNECTION_ERROR])
	check(ws.get_last_error_message().ends_with("but max_redirects is 0"), ws.get_last_error_message())
	equal(ws.get_response_status(), 302)
	equal(ws.get_response_headers()["location"], url("/there"))
	equal(events.all, [] as Array[Array])


func test_every_status_that_redirects() -> void:
	serve()
	client({"max_redirects": 1})
	for status: int in [301, 302, 303, 307, 308]:
		is_ok(ws.connect_to_url(_redirect_to(url("/there?a=b"), status)))
		is_ok(await ws.wait_connected(5.0), str(status))
		equal(ws.get_requested_url(), url("/there?a=b"))
		equal(ws.get_connected_port(), server.get_local_port())
		equal(ws.get_response_status(), 101)
		await ws.close_async()
	check(await wait_for(func() -> bool: return events.of("connected").size() == 5))


func test_statuses_that_do_not_redirect() -> void:
	serve()
	client({"max_redirects": 5})
	for status: int in [200, 300, 304, 305]:
		is_ok(ws.connect_to_url(_redirect_to(url(), status)))
		equal(await ws.wait_connected(5.0), [ERR_CONNECTION_ERROR], str(status))
		equal(ws.get_response_status(), status)


func test_more_than_are_allowed() -> void:
	serve()
	client({"max_redirects": 1})
	ws.connect_to_url(_redirect_to(_redirect_to(url())))
	equal(await ws.wait_connected(5.0), [ERR_CONNECTION_ERROR])
	check(ws.get_last_error_message().ends_with("which is max_redirects"), ws.get_last_error_message())
	equal(ws.get_response_status(), 302)
	ws.max_redirects = 2
	ws.connect_to_url(_redirect_to(_redirect_to(url())))
	is_ok(await ws.wait_connected(5.0))


func test_secrets_stay_with_their_host() -> void:
	serve()
	var lines := PackedStringArray(["Cookie: secret=1", "X-Other: kept"])
	client({"max_redirects": 1, "handshake_headers": lines})
	var from := _redirect_to(url())
	ws.connect_to_url("ws://user:secret@" + from.trim_prefix("ws://"))
	is_ok(await ws.wait_connected(5.0))
	await told("connected", [1])
	check(_fakes[0].request.contains("Authorization: Basic "), _fakes[0].request)
	check(_fakes[0].request.contains("Cookie: secret=1"), _fakes[0].request)
	var headers := server.get_client_headers(1)
	equal([headers.has("authorization"), headers.has("cookie"), headers["x-other"]], [false, false, "kept"])
	equal(headers["host"], url().trim_prefix("ws://"))


func test_locations_without_a_server() -> void:
	client({"max_redirects": 1})
	for location: String in ["", "ftp://127.0.0.1", "ws://", "ws://127.0.0.1:99999", "mailto:a@b"]:
		ws.connect_to_url(_redirect_to(location))
		var result := await ws.wait_connected(5.0) as Array
		check(result[0] in [ERR_CONNECTION_ERROR, ERR_INVALID_DATA], "%s: %s" % [location, result])
		equal(ws.get_response_status(), 302, location)


func test_http_means_ws() -> void:
	serve()
	client({"max_redirects": 1})
	ws.connect_to_url(_redirect_to(url("/x").replace("ws://", "http://")))
	is_ok(await ws.wait_connected(5.0))
	equal(ws.get_requested_url(), url("/x"))


func test_reconnecting_starts_at_the_first_server() -> void:
	serve()
	client({"max_redirects": 1, "reconnect": true, "reconnect_min_delay": 0.02, "reconnect_max_delay": 0.05})
	var from := _redirect_to(url())
	ws.connect_to_url(from)
	is_ok(await ws.wait_connected(5.0))
	await told("connected", [1])
	_fakes[0].drop()
	server.disconnect_client(1, 1011)
	await told("connected", [2])
	check(_fakes[0].is_joined())


## The URL of a server that redirects to this location.
func _redirect_to(location: String, status := 302) -> String:
	var next := WebSocketFakeServer.new()
	next.response = "HTTP/1.1 %d Look There\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % [status, location]
	_fakes.append(next)
	return next.start()
