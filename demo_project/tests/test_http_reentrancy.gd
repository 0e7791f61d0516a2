extends HttpTest
# time_limit: 180
## Handlers of requests may do anything with their request and its server, and a request may end in any thread.


func time_limit(_test_name: String) -> float:
	return 30.0


func test_every_action_inside_http_requested() -> void:
	for action: Callable in _actions():
		var running := make_server()
		var errors: Array[int] = []
		var handler := func(request: HttpServerRequest) -> void:
			if errors.is_empty():
				errors.append(ERR_BUG)
				action.call(running)
				errors[0] = request.respond(200, "once")
			else:
				errors.append(request.respond(200, "works"))
		running.http_requested.connect(handler)
		check(running.start(0, LOOPBACK))
		var answer := await fetch("/")
		check([OK, ERR_DOES_NOT_EXIST].has(errors[0]), "%s: %s" % [action, errors])
		if [_stop, _restart, _stop_all].has(action):
			check([200, 503].has(answer.status), "%s: %d" % [action, answer.status])
		else:
			equal([errors[0], answer.status, answer.text()], [OK, 200, "once"], str(action))
		if not running.is_listening():
			check(running.start(0, LOOPBACK), str(action))
		await answers("/", 200, "works")
		equal(errors.size(), 2, str(action))
		running.stop()
		running.http_requested.disconnect(handler)


func test_every_action_inside_client_left() -> void:
	for action: Callable in _actions():
		var running := make_server()
		var handler := func(request: HttpServerRequest) -> void: _requests.append(request)
		running.http_requested.connect(handler)
		check(running.start(0, LOOPBACK))
		var request := await _pending_request()
		if request[0] == null:
			return
		var left: Array[int] = [0]
		var leave := func() -> void:
			left[0] += 1
			action.call(running)
			_requests.clear()
		_requests[0].client_left.connect(leave)
		var reference := weakref(_requests[0]) as WeakRef
		(request[1] as Raw).drop()
		request.clear()
		check(await wait_for(func() -> bool: return left[0] == 1), str(action))
		await frames(2)
		equal([left[0], reference.get_ref()], [1, null], "%s: its last reference was dropped there" % action)
		if not running.is_listening():
			check(running.start(0, LOOPBACK), str(action))
		running.http_requested.disconnect(handler)
		running.http_requested.connect(_answer)
		await frames(2)
		await answers("/", 200, "works")
		running.stop()


## The last reference to the server goes while its own signal is emitted: the answer no longer has a way.
func test_the_server_is_dropped_inside_its_handler() -> void:
	var holder := Holder.new()
	check(holder.server.start(0, LOOPBACK))
	server = holder.server
	var connection := await raw()
	server = null
	connection.send(utf8("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	check(await wait_for(func() -> bool: return holder.request != null))
	await frames(1)
	equal(holder.reference.get_ref(), null, "the server is gone")
	check(await wait_for(connection.is_ended))
	check(await wait_for(func() -> bool: return not holder.request.is_pending()))
	is_error(holder.request.respond(200, "x"), ERR_DOES_NOT_EXIST)


## Requests that wait when the server is dropped end with it.
func test_the_server_is_dropped_while_requests_wait() -> void:
	make_server()
	server.http_requested.connect(_requests.append)
	check(server.start(0, LOOPBACK))
	var connections: Array[Raw] = []
	for index in 3:
		connections.append((await _pending_request())[1])
	_servers.clear()
	events = null
	server = null
	for connection in connections:
		check(await wait_for(connection.is_ended))
		equal(connection.status(), 503)
	for request in _requests:
		check(await wait_for(func() -> bool: return not request.is_pending()))
		is_error(request.respond(200, "x"), ERR_DOES_NOT_EXIST)


## Without an answer, as anywhere else.
func test_the_last_reference_goes_in_another_thread() -> void:
	make_server()
	server.http_requested.connect(_requests.append)
	check(server.start(0, LOOPBACK))
	var waiting := await _pending_request()
	var connection: Raw = waiting[1]
	waiting.clear()
	var thread := Thread.new()
	thread.start(func() -> void: _requests.clear())
	check(await wait_for(func() -> bool: return not thread.is_alive()))
	thread.wait_to_finish()
	check(await wait_for(func() -> bool: return connection.has_head()))
	equal(connection.status(), 504)
	server.http_requested.disconnect(_requests.append)
	server.http_requested.connect(_answer)
	await answers("/", 200, "works")


func test_a_scene_is_left_while_a_request_waits() -> void:
	var site := Site.new()
	add_child(site)
	server = site.server
	var connection := await raw()
	connection.send(utf8("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	check(await wait_for(func() -> bool: return site.request != null))
	site.queue_free()
	site = null
	server = null
	check(await wait_for(connection.is_ended))
	check([503, 504].has(connection.status()), str(connection.status()))


func test_the_engine_quits_while_requests_wait() -> void:
	var port := free_port()
	var command: PackedStringArray = [_engine(), "--headless", "--path", ProjectSettings.globalize_path("res://")]
	command.append_array(["res://tests/children/child.tscn", "--", "http_quit", str(port)])
	var program := run_in_background(command, 30.0)
	var waiting := await _raw_at(port)
	waiting.send(utf8("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"))
	var leaving := await _raw_at(port)
	leaving.send(utf8("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n"))
	leaving.drop()
	var quitting := await _raw_at(port)
	quitting.send(utf8("GET /quit HTTP/1.1\r\nHost: a\r\n\r\n"))
	check(await wait_for(program.is_over, 30.0))
	equal(program.code, 0, program.output)
	for trouble: String in ["ERROR", "WARNING", "leaked", "panicked"]:
		check(not program.output.contains(trouble), program.output)
	check(await wait_for(func() -> bool: return waiting.is_ended() and quitting.is_ended()))
	equal([quitting.status(), waiting.status()], [200, 503])


func _actions() -> Array[Callable]:
	return [_stop, _restart, _process_all, _stop_all, _change_everything]


func _stop(running: WebSocketServer) -> void:
	running.stop()
	running.stop()


func _restart(running: WebSocketServer) -> void:
	running.stop()
	check(running.start(0, LOOPBACK))


func _process_all(running: WebSocketServer) -> void:
	running.process()
	running.process(2000)
	for other in _servers:
		other.process()


func _stop_all(_running: WebSocketServer) -> void:
	AsyncSockets.stop_all()


func _change_everything(running: WebSocketServer) -> void:
	running.auto_process = false
	running.auto_process = true
	running.health_path = "/healthz"
	running.health_path = ""
	is_ok(running.serve_folder("/files", folder_with({"a.txt": "a"})))
	is_ok(running.stop_serving("/files"))
	running.trusted_proxies = PackedStringArray(["10.0.0.0/8"])
	running.get_statistics()
	AsyncSockets.get_statistics()


func _answer(request: HttpServerRequest) -> void:
	is_ok(request.respond(200, "works"))


## Sends a request on a connection of its own: the request, as the handler has appended it, and the connection.
func _pending_request() -> Array:
	var known := _requests.size()
	var connection := await raw()
	connection.send(utf8("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	if not check(await wait_for(func() -> bool: return _requests.size() > known), "a request"):
		return [null, connection]
	return [_requests.back(), connection]


## A connection to another engine, once that listens.
func _raw_at(port: int) -> Raw:
	var connection := Raw.new()
	_raws.append(connection)
	var is_connected_now := func() -> bool:
		match connection.stream.get_status():
			StreamPeerTCP.STATUS_CONNECTED:
				return true
			StreamPeerTCP.STATUS_CONNECTING:
				return false
		connection.stream = StreamPeerTCP.new()
		connection.stream.connect_to_host(LOOPBACK, port)
		return false
	check(await wait_for(is_connected_now, 20.0), "the other engine listens")
	return connection


class Holder:
	extends RefCounted

	var server := WebSocketServer.new()
	var reference: WeakRef = weakref(server)
	var request: HttpServerRequest

	func _init() -> void:
		var _error := server.http_requested.connect(_drop)

	func _drop(asked: HttpServerRequest) -> void:
		server = null
		request = asked


class Site:
	extends Node

	var server := WebSocketServer.new()
	var request: HttpServerRequest

	func _init() -> void:
		var _error := server.http_requested.connect(_keep)
		var _is_started := server.start(0, "127.0.0.1")

	func _keep(asked: HttpServerRequest) -> void:
		request = asked
