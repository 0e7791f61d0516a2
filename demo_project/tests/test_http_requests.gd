extends HttpTest
# time_limit: 180
## Requests by plain HTTP that the script answers.


func time_limit(_test_name: String) -> float:
	return 30.0


func test_what_was_asked() -> void:
	_serve()
	server.http_requested.connect(func(request: HttpServerRequest) -> void: request.respond(200, "ok"))
	var lines: PackedStringArray = ["X-A: b", "X-a: c", "Content-Type: application/json"]
	var answer := await post("/a%20b/c?x=1&y=%C3%A9+z&x=2", '{"n": [1, "ü"]}', lines)
	equal([answer.status, answer.text()], [200, "ok"])
	equal(answer.headers["content-type"], "text/plain; charset=utf-8")
	var request := _requests[0]
	equal([request.method, request.path, request.raw_path], ["POST", "/a b/c", "/a%20b/c"])
	equal(request.query, {"x": "2", "y": "é z"})
	equal([request.get_query_param("y"), request.get_query_param("Y")], ["é z", ""])
	equal([request.get_header("HOST"), request.get_header("none")], [request.headers["host"], ""])
	equal(request.raw_query, "x=1&y=%C3%A9+z&x=2")
	equal([request.headers["x-a"], request.headers["content-type"]], ["b, c", "application/json"])
	equal(request.get_body_text(), '{"n": [1, "ü"]}')
	equal(request.get_body_json(), {"n": [1.0, "ü"]})
	equal(request.body, utf8('{"n": [1, "ü"]}'))
	equal([request.address, request.secure], [LOOPBACK, false])
	check(request.port > 0)
	check(not request.is_pending() and not request.has_client_left())
	is_error(request.respond(200, "again"), ERR_DOES_NOT_EXIST)
	equal((await fetch("/")).status, 200)
	equal(_requests[1].get_body_json(), null)


func test_every_answer() -> void:
	var folder := folder_with({"page.html": "<p>page</p>"})
	_serve()
	server.http_requested.connect(
		func(request: HttpServerRequest) -> void:
			match request.path:
				"/bytes":
					is_ok(request.respond(201, PackedByteArray([0, 255]), "", ["X-A: b"]))
				"/typed":
					is_ok(request.respond(200, "<svg/>", "image/svg+xml"))
				"/json":
					is_ok(request.respond_json({"players": 3, "name": "ü"}))
				"/user":
					is_ok(request.respond_file(folder.path_join("page.html"), ["Cache-Control: no-store"]))
				"/res":
					is_ok(request.respond_file("res://tests/runner/run.tscn"))
				"/redirect":
					is_ok(request.redirect("/json"))
				"/empty":
					is_ok(request.respond(204, null))
	)
	var bytes := await fetch("/bytes")
	equal([bytes.status, bytes.body], [201, PackedByteArray([0, 255])])
	equal([bytes.headers["content-type"], bytes.headers["x-a"]], ["application/octet-stream", "b"])
	equal((await fetch("/typed")).headers["content-type"], "image/svg+xml")
	var json := await fetch("/json")
	equal(json.headers["content-type"], "application/json")
	equal(JSON.parse_string(json.text()), {"players": 3.0, "name": "ü"})
	var page := await answers("/user", 200, "<p>page</p>")
	equal(page.headers["content-type"], "text/html; charset=utf-8")
	equal(page.headers["cache-control"], "no-store")
	equal((await fetch("/user", ["Range: bytes=3-6"])).text(), "page")
	equal((await fetch("/res")).text(), FileAccess.get_file_as_string("res://tests/runner/run.tscn"))
	var redirect := await fetch("/redirect")
	equal([redirect.status, redirect.headers["location"]], [302, "/json"])
	equal((await fetch("/empty")).status, 204)


## Where no folder has the path, every method reaches the script; of an answer to HEAD, the body is not sent.
func test_every_method() -> void:
	_serve()
	is_ok(server.serve_folder("/", folder_with({"index.html": "page"})))
	server.http_requested.connect(func(request: HttpServerRequest) -> void: is_ok(request.respond(200, "five!")))
	var head_answer := await fetch("/nothing?n=1&flag", [], HTTPClient.METHOD_HEAD)
	equal([head_answer.status, head_answer.headers["content-length"], head_answer.text()], [200, "5", ""])
	equal([_requests[0].method, _requests[0].query], ["HEAD", {"n": "1", "flag": ""}])
	equal((await fetch("/", [], HTTPClient.METHOD_HEAD)).headers["content-length"], "4", "the folder answers")
	for method: int in [HTTPClient.METHOD_DELETE, HTTPClient.METHOD_PUT, HTTPClient.METHOD_OPTIONS]:
		equal((await fetch("/", [], method, "")).text(), "five!")
	var methods := _requests.map(func(request: HttpServerRequest) -> String: return request.method)
	equal(methods, ["HEAD", "DELETE", "PUT", "OPTIONS"])


func test_a_wrong_answer_leaves_the_request_pending() -> void:
	_serve()
	server.http_requested.connect(
		func(request: HttpServerRequest) -> void:
			var header := PackedStringArray(["X: a\r\nSet-Cookie: b"])
			is_error(request.respond(199, "x"), ERR_INVALID_PARAMETER)
			is_error(request.respond(600, "x"), ERR_INVALID_PARAMETER)
			is_error(request.respond(200, 5), ERR_INVALID_PARAMETER)
			is_error(request.respond(200, "x", "text/plain\r\nX: y"), ERR_INVALID_PARAMETER)
			is_error(request.respond(200, "x", "", header), ERR_INVALID_PARAMETER)
			is_error(request.respond_json({}, 200, ["Content-Length: 3"]), ERR_INVALID_PARAMETER)
			is_error(request.redirect("/a\r\nX: y"), ERR_INVALID_PARAMETER)
			is_error(request.redirect("/ä"), ERR_INVALID_PARAMETER)
			check(request.get_last_error_message().contains("uri_encode()"), request.get_last_error_message())
			is_error(request.redirect(""), ERR_INVALID_PARAMETER)
			equal(request.get_last_error_message(), "the location is empty")
			is_error(request.redirect("/a", 200), ERR_INVALID_PARAMETER)
			is_error(request.respond_file("page.html"), ERR_INVALID_PARAMETER)
			is_error(request.respond_file("user://nothing"), ERR_FILE_NOT_FOUND)
			is_error(request.respond_file("res://nothing"), ERR_FILE_NOT_FOUND)
			is_error(request.respond_file("res://tests"), ERR_FILE_NOT_FOUND)
			check(request.is_pending())
			is_ok(request.respond(200, "right"))
	)
	await answers("/", 200, "right")


func test_a_later_answer() -> void:
	_serve()
	var connection := await raw()
	connection.send(utf8("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n"))
	check(await wait_for(func() -> bool: return _requests.size() == 1))
	await seconds(0.2)
	equal(_requests.size(), 1, "the second one waits")
	equal(connection.received.size(), 0)
	is_ok(_requests[0].respond(200, "first"))
	check(await wait_for(func() -> bool: return _requests.size() == 2))
	is_ok(_requests[1].respond(200, "second"))
	check(await wait_for(func() -> bool: return connection.received.get_string_from_utf8().ends_with("second")))


func test_no_answer_in_time() -> void:
	_serve({"http_timeout": 0.2})
	equal((await fetch("/")).status, 504)
	check(not _requests[0].is_pending())
	is_error(_requests[0].respond(200, "too late"), ERR_DOES_NOT_EXIST)
	# One that nobody keeps cannot be answered any more.
	server.http_timeout = 0
	server.http_requested.disconnect(_requests.append)
	server.http_requested.connect(func(_request: HttpServerRequest) -> void: pass)
	equal((await fetch("/")).status, 504)


func test_a_client_that_leaves() -> void:
	_serve()
	var connection := await raw()
	connection.send(utf8("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	check(await wait_for(func() -> bool: return _requests.size() == 1))
	var left: Array[bool] = []
	_requests[0].client_left.connect(func() -> void: left.append(true))
	check(_requests[0].is_pending() and not _requests[0].has_client_left())
	connection.drop()
	check(await wait_for(func() -> bool: return left.size() == 1))
	check(_requests[0].has_client_left())
	_requests[0].respond(200, "for nobody")
	await frames(3)
	equal(left.size(), 1)


func test_a_stop_answers_what_waits() -> void:
	_serve()
	var connection := await raw()
	connection.send(utf8("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	check(await wait_for(func() -> bool: return _requests.size() == 1))
	server.stop()
	check(await wait_for(connection.is_ended))
	equal(connection.status(), 503)
	check(await wait_for(func() -> bool: return not _requests[0].is_pending()))
	is_error(_requests[0].respond(200, "x"), ERR_DOES_NOT_EXIST)


## A request of the stopped server is not taken for one of the next.
func test_a_client_that_leaves_after_a_restart() -> void:
	_serve()
	var before := await raw()
	before.send(utf8("GET /before HTTP/1.1\r\nHost: a\r\n\r\n"))
	check(await wait_for(func() -> bool: return _requests.size() == 1))
	server.stop()
	check(server.start(0, LOOPBACK))
	var after := await raw()
	after.send(utf8("GET /after HTTP/1.1\r\nHost: a\r\n\r\n"))
	check(await wait_for(func() -> bool: return _requests.size() == 2))
	_requests[0].respond(200, "too late")
	after.drop()
	check(await wait_for(_requests[1].has_client_left), "the one that left is told")
	check(not _requests[0].has_client_left(), "the other one has not left")
	_requests[1].respond(200, "for nobody")


func test_another_thread_is_refused() -> void:
	_serve()
	var connection := await raw()
	connection.send(utf8("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	check(await wait_for(func() -> bool: return _requests.size() == 1))
	var request := _requests[0]
	is_error(request.respond(600, "x"), ERR_INVALID_PARAMETER)
	var thread := Thread.new()
	thread.start(
		func() -> Array:
			var got := [request.is_pending(), request.has_client_left(), request.get_last_error_message()]
			return got + [request.respond(200, "x"), request.respond(200, 5), request.redirect("/")]
	)
	equal(thread.wait_to_finish(), [false, false, "", ERR_UNAVAILABLE, ERR_UNAVAILABLE, ERR_UNAVAILABLE])
	check(request.is_pending())
	is_ok(request.respond(200, "right"))
	check(await wait_for(func() -> bool: return connection.received.get_string_from_utf8().ends_with("right")))


func test_handlers_that_come_and_go() -> void:
	serve({"allowed_paths": PackedStringArray(["/chat"])})
	equal((await fetch("/")).status, 426, "there is no HTTP")
	var handler := func(request: HttpServerRequest) -> void: request.respond(200, request.path)
	server.http_requested.connect(handler)
	await frames(2)
	await answers("/api", 200, "/api")
	await answers("/chat", 200, "/chat")
	server.http_requested.disconnect(handler)
	equal((await fetch("/api")).status, 404, "the request that was on its way")
	await frames(2)
	equal((await fetch("/api")).status, 426, "there is no HTTP any more")
	server.health_path = "/healthz"
	equal((await fetch("/api")).status, 404)
	equal((await fetch("/chat")).status, 426)
	server.http_requested.connect(handler)
	await frames(2)
	await answers("/api", 200, "/api")


func test_limits() -> void:
	_serve({"max_http_body_size": 10, "max_http_requests_per_second_per_address": 3})
	server.http_requested.connect(func(request: HttpServerRequest) -> void: request.respond(200, "ok"))
	equal((await post("/", "0123456789")).status, 200)
	equal((await post("/", "01234567890")).status, 413)
	equal((await post("/", "0123456789")).status, 200)
	equal((await post("/", "0123456789")).status, 429)
	equal(_requests.size(), 2)
	equal(server.get_statistics()["http_requests"], 4)
	equal(server.get_statistics()["http_refused_rate"], 1)
	for property: String in ["max_http_body_size", "http_timeout", "max_http_connections"]:
		not_equal(server.get(property), null, property)


func test_a_trusted_proxy() -> void:
	_serve({"trusted_proxies": PackedStringArray(["127.0.0.0/8"])})
	server.http_requested.connect(func(request: HttpServerRequest) -> void: request.respond(200, request.address))
	var lines: PackedStringArray = ["X-Forwarded-For: 6.6.6.6, 192.0.2.1", "X-Forwarded-Proto: https"]
	equal((await fetch("/", lines)).text(), "192.0.2.1")
	check(_requests[0].secure)
	equal((await fetch("/")).text(), LOOPBACK)
	var peer := await raw_join(["X-Forwarded-For: 192.0.2.9"])
	equal(server.get_client_address(peer.id), "192.0.2.9")
	server.blocked_addresses = PackedStringArray(["192.0.2.1"])
	equal((await fetch("/", lines)).status, 403)
	equal(server.get_statistics()["refused_blocked"], 1)


## The handler of a request may do anything with its server.
func test_the_handler_stops_the_server() -> void:
	_serve()
	server.http_requested.connect(
		func(request: HttpServerRequest) -> void:
			request.respond(200, "bye")
			server.stop()
	)
	var answer := await fetch("/")
	check([200, 503].has(answer.status), str(answer.status))


func _serve(properties := {}) -> void:
	make_server(properties)
	server.http_requested.connect(_requests.append)
	check(server.start(0, LOOPBACK))
