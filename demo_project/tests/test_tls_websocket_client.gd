extends TlsTest
## WebSocketClient over TLS (wss): certificates that are trusted and others, redirects, and the ends of connections.

const LARGE := 1_000_000

var _servers: Array[WebSocketServer] = []
## Recorded events of the servers: kind, client, and further arguments.
var _told: Array[Array] = []
var _ws: WebSocketClient


func before_each() -> void:
	_ws = WebSocketClient.new()


func after_each() -> void:
	_ws = null
	for server in _servers:
		server.stop()
	_servers.clear()
	await super()


func test_there_and_back() -> void:
	is_ok(_ws.connect_to_url(_serve() + "/chat", trusting()))
	equal(_ws.is_tls(), false, "not yet")
	is_ok(await _ws.wait_connected(5.0))
	check(_ws.is_tls())
	check(_ws.get_requested_url().begins_with("wss://localhost:"), _ws.get_requested_url())
	_ws.send_text("größer 🌍")
	equal(await _ws.recv_text(5.0), [OK, "größer 🌍"])
	_ws.send_binary(pattern(LARGE))
	same_bytes((await _ws.recv_binary(5.0) as Array)[1], pattern(LARGE))
	for index in 1000:
		_ws.send_text(str(index))
	for index in 1000:
		equal(await _ws.recv(5.0), [OK, str(index)])
	equal(await _ws.close_async(4002, "bye", 5.0), [OK, 4002, "bye"])
	check(await wait_for(func() -> bool: return _told.has(["disconnected", 1, 4002])), str(_told))


func test_the_server_closes() -> void:
	_ws.connect_to_url(_serve(), trusting())
	is_ok(await _ws.wait_connected(5.0))
	check(await wait_for(func() -> bool: return _told.has(["connected", 1])))
	_servers[0].send_text(1, "last")
	_servers[0].disconnect_client(1, 4321, "bye")
	equal(await _ws.recv(5.0), [OK, "last"])
	is_error(await _ws.recv(5.0), ERR_FILE_EOF)
	equal([_ws.get_close_code(), _ws.get_close_reason()], [4321, "bye"])


func test_certificates_that_are_refused() -> void:
	var cases := {
		"not trusted": ["good", trusting("stranger")],
		"of a stranger": ["stranger", trusting()],
		"of another name": ["wrong_name", trusting()],
		"expired": ["expired", trusting()],
		"not known to the system": ["good", null],
	}
	for what: String in cases:
		var url := _serve(cases[what][0])
		var failed: Array[int] = []
		var note := func(error: int) -> void: failed.append(error)
		_ws.connect_failed.connect(note)
		is_ok(_ws.connect_to_url(url, cases[what][1]), what)
		equal(await _ws.wait_connected(5.0), [ERR_UNAUTHORIZED], what)
		check(_ws.get_last_error_message().contains("certificate"), _ws.get_last_error_message())
		equal(_ws.get_ready_state(), WebSocketClient.STATE_CLOSED)
		await frames(2)
		equal(failed, [ERR_UNAUTHORIZED] as Array[int], what)
		_ws.connect_failed.disconnect(note)
		equal(_servers.back().get_client_count(), 0)


func test_certificates_that_are_accepted() -> void:
	var cases := {
		"without checks": ["stranger", TLSOptions.client_unsafe()],
		"by its other name": ["wrong_name", trusting("authority", "other.example")],
	}
	for what: String in cases:
		is_ok(_ws.connect_to_url(_serve(cases[what][0]), cases[what][1]), what)
		var result := await _ws.wait_connected(5.0) as Array
		is_ok(result, "%s: %s" % [what, _ws.get_last_error_message()])
		_ws.abort()
		check(await wait_for(func() -> bool: return _ws.get_ready_state() == WebSocketClient.STATE_CLOSED))


func test_a_refused_certificate_is_not_tried_again() -> void:
	_ws.reconnect = true
	_ws.reconnect_min_delay = 0.01
	var gave_up: Array[int] = []
	_ws.gave_up.connect(func(error: int) -> void: gave_up.append(error))
	_ws.connect_to_url(_serve("stranger"), trusting())
	equal(await _ws.wait_connected(5.0), [ERR_UNAUTHORIZED])
	await frames(2)
	equal(gave_up, [ERR_UNAUTHORIZED] as Array[int])


func test_a_server_without_tls() -> void:
	var server := WebSocketServer.new()
	_servers.append(server)
	check(server.start(0, LOOPBACK))
	_ws.connect_to_url("wss://%s:%d" % [HOST, server.get_local_port()], trusting())
	equal(await _ws.wait_connected(5.0), [ERR_CANT_CONNECT])
	not_equal(_ws.get_last_error_message(), "")


func test_without_tls_at_a_server_with_it() -> void:
	_ws.connect_to_url(_serve().replace("wss://", "ws://"))
	not_equal((await _ws.wait_connected(5.0) as Array)[0], OK)


func test_the_options_of_a_server() -> void:
	is_error(_ws.connect_to_url("wss://%s" % HOST, serving()), ERR_INVALID_PARAMETER)
	is_ok(_ws.connect_to_url(_serve(), trusting()), "it can be used nevertheless")
	is_ok(await _ws.wait_connected(5.0))


func test_reconnecting() -> void:
	_ws.reconnect = true
	_ws.reconnect_min_delay = 0.02
	_ws.connect_to_url(_serve(), trusting())
	is_ok(await _ws.wait_connected(5.0))
	check(await wait_for(func() -> bool: return _told.has(["connected", 1])))
	_servers[0].disconnect_client(1, 1011)
	check(await wait_for(func() -> bool: return _told.has(["connected", 2])))
	is_ok(await _ws.wait_connected(5.0))
	check(_ws.is_tls())


func test_a_redirect_from_wss_to_ws_is_not_followed() -> void:
	var plain := WebSocketServer.new()
	_servers.append(plain)
	check(plain.start(0, LOOPBACK))
	_ws.max_redirects = 3
	var from := _redirect_to("ws://%s:%d" % [LOOPBACK, plain.get_local_port()])
	_ws.connect_to_url(from, trusting())
	equal(await _ws.wait_connected(5.0), [ERR_CONNECTION_ERROR])
	equal(_ws.get_response_status(), 302)
	equal(plain.get_client_count(), 0)


func test_redirects_to_wss_are_followed() -> void:
	_ws.max_redirects = 3
	var to := _serve()
	_ws.connect_to_url(_redirect_to(to), trusting())
	is_ok(await _ws.wait_connected(5.0))
	check(_ws.is_tls())
	equal(_ws.get_requested_url(), to + "/")


## A server that answers one request, over TLS.
func _redirect_to(location: String) -> String:
	var listener := listen_tls()
	_redirect(listener, location)
	return "wss://%s:%d" % [HOST, listener.get_local_port()]


func _redirect(listener: TcpListener, location: String) -> void:
	var accepted := await listener.accept(5.0) as Array
	var peer := accepted[1] as TcpClient
	if not is_ok(accepted):
		return
	is_ok(await peer.recv_until(utf8("\r\n\r\n"), 65536, 5.0))
	await peer.send_async(utf8("HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % location))


## Starts an echo server with this identity. Returns its URL.
func _serve(identity := "good") -> String:
	var server := WebSocketServer.new()
	server.tls_options = serving(identity)
	var index := _servers.size()
	_servers.append(server)
	server.client_connected.connect(func(id: int) -> void: _told.append(["connected", id]))
	server.client_disconnected.connect(func(id: int, code: int) -> void: _told.append(["disconnected", id, code]))
	server.message_received.connect(func(id: int, message: String) -> void: _servers[index].send_text(id, message))
	server.data_received.connect(func(id: int, data: PackedByteArray) -> void: _servers[index].send_binary(id, data))
	check(server.start(0, LOOPBACK))
	return "wss://%s:%d" % [HOST, server.get_local_port()]
