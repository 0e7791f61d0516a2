extends WebSocketTest
## `manual_handshake`: the script decides which clients are admitted.

var _requests: Array[WebSocketHandshakeRequest] = []
## Recorded emissions of handshake_failed: ids and reasons.
var _failed: Array[Array] = []


func after_each() -> void:
	_requests.clear()
	_failed.clear()
	super()


func test_accept_inside_the_handler() -> void:
	serve({"manual_handshake": true})
	server.handshake_requested.connect(func(request: WebSocketHandshakeRequest) -> void: is_ok(request.accept()))
	var peer := await join()
	peer.socket.send_text("in")
	await told("message", [peer.id, "in"])


func test_what_a_request_says() -> void:
	_ask_later()
	var lines: Array[String] = ["X-Token: secret", "Sec-WebSocket-Protocol: b, a", "Origin: https://a.example"]
	var peer := await raw()
	peer.send(head("/my%20room?key=1%202&x&name=%C3%A9+z", lines))
	var request := await _request()
	equal([request.path, request.raw_path], ["/my room", "/my%20room"])
	equal(request.query, {"key": "1 2", "x": "", "name": "é z"})
	equal(request.raw_query, "key=1%202&x&name=%C3%A9+z")
	equal([request.get_query_param("name"), request.get_query_param("x")], ["é z", ""])
	equal([request.get_query_param("NAME"), request.get_query_param("none")], ["", ""])
	equal(request.headers["x-token"], "secret")
	equal([request.get_header("X-Token"), request.get_header("x-TOKEN")], ["secret", "secret"])
	equal(request.get_header("X-None"), "")
	check(request.is_pending())
	equal(request.headers["origin"], "https://a.example")
	equal(request.protocols, PackedStringArray(["b", "a"]))
	equal(request.address, LOOPBACK)
	equal(request.port, peer.stream.get_local_port())
	equal(request.get_client_id(), 1)
	equal(server.get_client_count(), 0, "it is not in yet")
	is_error(server.send_text(1, "x"), ERR_DOES_NOT_EXIST)
	is_ok(request.accept())
	await told("connected", [1])
	check(not request.is_pending())
	equal([server.get_client_path(1), server.get_client_raw_path(1)], [request.path, request.raw_path])
	equal([server.get_client_query(1), server.get_client_raw_query(1)], [request.query, request.raw_query])
	equal(server.get_client_query_param(1, "name"), "é z")
	equal([server.get_client_header(1, "X-TOKEN"), server.get_client_header(1, "none")], ["secret", ""])


func test_accept_later() -> void:
	_ask_later()
	var peer := open()
	var request := await _request()
	await frames(10)
	check(not peer.is_open())
	is_ok(request.accept())
	check(await wait_for(peer.is_open))
	await told("connected", [1])
	is_error(request.accept(), ERR_DOES_NOT_EXIST, "a second time")
	is_error(request.reject(), ERR_DOES_NOT_EXIST)


func test_reject() -> void:
	_ask_later()
	var peer := await raw()
	peer.send(head())
	is_ok((await _request()).reject(401, "no tøken"))
	var answer := await refused(peer, 401)
	check(answer.begins_with("HTTP/1.1 401 Unauthorized\r\n"), answer)
	check(answer.ends_with("\r\n\r\nno tøken"), answer)
	equal(events.all, [] as Array[Array])
	await frames(5)
	equal(_failed, [] as Array[Array], "the script knows")


func test_reject_with_headers() -> void:
	_ask_later()
	var peer := await raw()
	peer.send(head())
	var request := await _request()
	var wrong: Array[String] = [
		"no header",
		"X-A: b\r\nSet-Cookie: c",
		"X-A: b\u0001",
		"X A: b",
		": b",
		"Content-Length: 7",
		"connection: keep-alive",
		"Transfer-Encoding: chunked",
		"Upgrade: h2c"
	]
	for line in wrong:
		is_error(request.reject(401, "", PackedStringArray(["X-Good: 1", line])), ERR_INVALID_PARAMETER, line)
	var headers := PackedStringArray(['WWW-Authenticate: Bearer realm="game"', "Content-Type: application/json"])
	is_ok(request.reject(401, "{}", headers))
	var answer := await refused(peer, 401)
	check(answer.contains('\r\nWWW-Authenticate: Bearer realm="game"\r\n'), answer)
	check(answer.contains("\r\nContent-Type: application/json\r\n"), answer)
	equal(answer.to_lower().count("content-type"), 1)
	check(answer.ends_with("\r\n\r\n{}"), answer)
	check(not answer.contains("X-Good"), "of the refused lines")


func test_the_defaults_of_reject() -> void:
	_ask_later()
	var peer := await raw()
	peer.send(head())
	is_ok((await _request()).reject())
	check((await refused(peer, 403)).ends_with("\r\n\r\n"))


func test_wrong_answers_leave_the_request_open() -> void:
	_ask_later()
	var peer := open({"supported_protocols": PackedStringArray(["a"])})
	var request := await _request()
	for status: int in [0, 101, 200, 302, 399, 600, -1]:
		is_error(request.reject(status), ERR_INVALID_PARAMETER, str(status))
	is_error(request.accept("b"), ERR_INVALID_PARAMETER, "a protocol that was not offered")
	is_error(request.accept("a\r\nX: y"), ERR_INVALID_PARAMETER)
	is_ok(request.accept("a"))
	check(await wait_for(peer.is_open))
	equal(peer.socket.get_selected_protocol(), "a")
	equal(server.get_client_protocol(1), "a")


func test_an_empty_protocol_leaves_the_choice_to_the_server() -> void:
	_ask_later({"supported_protocols": PackedStringArray(["b", "a"])})
	var peer := open({"supported_protocols": PackedStringArray(["a", "b"])})
	is_ok((await _request()).accept())
	check(await wait_for(peer.is_open))
	equal(peer.socket.get_selected_protocol(), "b")


func test_no_answer_is_503() -> void:
	_ask_later({"handshake_timeout": 0.3})
	var peer := await raw()
	peer.send(head())
	var request := await _request()
	await refused(peer, 503)
	await frames(2)
	is_error(request.accept(), ERR_DOES_NOT_EXIST, "too late")
	equal(events.all, [] as Array[Array])
	await _fails_once(1, "in time")


func test_nobody_listens_to_the_signal() -> void:
	serve({"manual_handshake": true, "handshake_timeout": 0.2})
	var peer := await raw()
	peer.send(head())
	await refused(peer, 503)


## Nobody can decide about it any more, so it does not wait.
func test_a_request_that_nobody_keeps() -> void:
	_ask_later({"handshake_timeout": 0.0})
	var peer := await raw()
	peer.send(head())
	var id := (await _request()).get_client_id()
	_requests.clear()
	await refused(peer, 503)
	await _fails_once(id, "in time")


func test_the_client_leaves_first() -> void:
	_ask_later()
	var peer := await raw()
	peer.send(head())
	var request := await _request()
	peer.drop()
	check(await wait_for(func() -> bool: return server.get_statistics()["refused"] == 1))
	await frames(2)
	is_error(request.accept(), ERR_DOES_NOT_EXIST)
	equal(events.all, [] as Array[Array])
	await _fails_once(1, "left")


func test_what_follows_the_head_waits_for_the_decision() -> void:
	_ask_later()
	var peer := await raw()
	var bytes := head()
	bytes.append_array(frame(FIN | TEXT, utf8("early")))
	peer.send(bytes)
	var request := await _request()
	peer.send(frame(FIN | BINARY, pattern(100_000)))
	await frames(5)
	is_ok(request.accept())
	check(await wait_for(func() -> bool: return events.of("data").size() == 1))
	equal(events.all.slice(0, 2), [["connected", 1], ["message", 1, "early"]])
	check(events.of("data")[0][1] == pattern(100_000))


func test_a_bad_request_is_not_asked_about() -> void:
	_ask_later()
	var peer := await raw()
	peer.send(head("/", ["Sec-WebSocket-Version: 8"]))
	await refused(peer, 426)
	equal(_requests.size(), 0)


func test_stop_refuses_who_waits() -> void:
	_ask_later()
	var peer := await raw()
	peer.send(head())
	var request := await _request()
	server.stop()
	is_error(request.accept(), ERR_DOES_NOT_EXIST)
	await refused(peer, 503)
	await _fails_once(request.get_client_id(), "stopping")
	check(server.start(0, LOOPBACK))
	open()
	check(await wait_for(func() -> bool: return _requests.size() == 2))
	not_equal(_requests[1].get_client_id(), request.get_client_id(), "ids are never used again")
	is_error(request.accept(), ERR_DOES_NOT_EXIST, "the old request does not open the door for the new one")
	is_ok(_requests[1].accept())


func test_a_request_outlives_its_server() -> void:
	_ask_later()
	var peer := await raw()
	peer.send(head())
	var request := await _request()
	_servers.clear()
	server = null
	is_error(request.accept(), ERR_DOES_NOT_EXIST)
	is_error(request.reject(), ERR_DOES_NOT_EXIST)
	equal(request.path, "/")
	await refused(peer, 503)


func test_rejecting_and_stopping_inside_the_handler() -> void:
	serve({"manual_handshake": true})
	var handler := func(request: WebSocketHandshakeRequest) -> void:
		is_ok(request.reject(404, "first"))
		_servers[0].stop()
	server.handshake_requested.connect(handler)
	var peer := await raw()
	peer.send(head())
	await wait_for(peer.is_ended)
	check([404, 503].has(peer.status()))
	check(not server.is_listening())


## A pending request takes no client slot until it is accepted; the limit still holds.
func test_max_clients_holds() -> void:
	_ask_later({"max_clients": 1})
	open()
	open()
	check(await wait_for(func() -> bool: return _requests.size() == 2))
	is_ok(_requests[0].accept())
	await told("connected", [_requests[0].get_client_id()])
	is_ok(_requests[1].accept())
	check(await wait_for(func() -> bool: return _peers.any(func(peer: Peer) -> bool: return peer.is_closed())))
	equal(server.get_client_count(), 1)
	await _fails_once(_requests[1].get_client_id(), "full")


## A slot is reserved from the request on, and released whatever becomes of the request.
func test_a_reservation_is_released_once() -> void:
	_ask_later({"handshake_timeout": 0.5, "max_clients": 2})
	var reserved := {}
	server.handshake_requested.connect(
		func(request: WebSocketHandshakeRequest) -> void: reserved[request.get_client_id()] = true
	)
	var release := func(id: int, _how: Variant) -> void: check(reserved.erase(id), "client %d is released twice" % id)
	server.client_disconnected.connect(release)
	server.handshake_failed.connect(release)
	var clients: Array[Raw] = []
	for index in 8:
		clients.append(await raw())
		clients[index].send(head())
	check(await wait_for(func() -> bool: return reserved.size() == 8))
	clients[0].drop()
	clients[1].drop()
	for index in range(1, 6):
		_requests[index].accept()
	check(await wait_for(func() -> bool: return server.get_client_count() == reserved.size(), 5.0), str(reserved))
	server.stop()
	check(await wait_for(func() -> bool: return reserved.is_empty()), "kept: %s" % reserved)


func _ask_later(properties := {}) -> void:
	properties["manual_handshake"] = true
	serve(properties)
	server.handshake_requested.connect(_on_handshake_requested)
	server.handshake_failed.connect(_on_handshake_failed)


func _request() -> WebSocketHandshakeRequest:
	check(await wait_for(func() -> bool: return not _requests.is_empty()), "a request comes")
	return _requests.back()


func _on_handshake_requested(request: WebSocketHandshakeRequest) -> void:
	_requests.append(request)


func _on_handshake_failed(id: int, reason: String) -> void:
	_failed.append([id, reason])


## Waits until a handshake has failed with these words in its reason, and checks that no other has.
func _fails_once(id: int, words: String) -> void:
	await wait_for(func() -> bool: return not _failed.is_empty())
	await frames(3)
	if equal(_failed.size(), 1, "failures: %s" % [_failed]):
		equal(_failed[0][0], id)
		check(str(_failed[0][1]).contains(words), str(_failed[0][1]))
