extends TlsTest
## WebSocketLink over TLS (wss), with both backends.

const LARGE := 300_000

var _server: WebSocketServer
var _links: Array[WebSocketLink] = []


func after_each() -> void:
	for link in _links:
		link.abort()
	_links.clear()
	if _server != null:
		_server.stop()
	_server = null
	await super()


func test_there_and_back() -> void:
	_serve()
	for link in _make_links():
		link.connect_to_url(_url(), trusting())
		if not is_ok(await link.wait_connected(5.0), _name_of(link)):
			continue
		link.send_text("größer 🌍")
		equal(await link.recv_text(5.0), [OK, "größer 🌍"])
		link.send_binary(pattern(LARGE))
		same_bytes((await link.recv_binary(5.0) as Array)[1], pattern(LARGE))
		_server.disconnect_client(_server.get_client_ids()[0], 4321, "bye")
		var end := await link.recv_text(5.0) as Array
		equal([end[0], link.get_close_code(), link.get_close_reason()], [ERR_FILE_EOF, 4321, "bye"], _name_of(link))


func test_this_side_closes() -> void:
	_serve()
	var codes: Array[int] = []
	_server.client_disconnected.connect(func(_id: int, code: int) -> void: codes.append(code))
	for link in _make_links():
		link.connect_to_url(_url(), trusting())
		is_ok(await link.wait_connected(5.0))
		equal(await link.close_async(4002, "bye", 5.0), [OK, 4002, "bye"], _name_of(link))
		check(await wait_for(func() -> bool: return codes == [4002]), str(codes))
		codes.clear()


func test_a_certificate_that_is_not_trusted() -> void:
	_serve()
	for link in _make_links():
		link.connect_to_url(_url(), trusting("stranger"))
		# The engine does not tell the cause.
		is_error(await link.wait_connected(5.0), ERR_UNAUTHORIZED if link.is_native() else ERR_CANT_CONNECT)
		equal(link.get_ready_state(), WebSocketLink.STATE_CLOSED)


func test_the_options_of_a_server() -> void:
	for link in _make_links():
		is_error(link.connect_to_url("wss://%s" % HOST, serving()), ERR_INVALID_PARAMETER)


func _serve() -> void:
	_server = WebSocketServer.new()
	_server.tls_options = serving()
	_server.message_received.connect(func(id: int, message: String) -> void: _server.send_text(id, message))
	_server.data_received.connect(func(id: int, data: PackedByteArray) -> void: _server.send_binary(id, data))
	check(_server.start(0, LOOPBACK))


func _url() -> String:
	return "wss://%s:%d" % [HOST, _server.get_local_port()]


## A link with the engine's client, and one with the library's if it has one.
func _make_links() -> Array[WebSocketLink]:
	for backend: WebSocketLink.Backend in [WebSocketLink.Backend.ENGINE, WebSocketLink.Backend.AUTO]:
		var link := WebSocketLink.new()
		link.backend = backend
		if link.is_native() == (backend == WebSocketLink.Backend.AUTO):
			_links.append(link)
	return _links


func _name_of(link: WebSocketLink) -> String:
	return "the library's client" if link.is_native() else "the engine's client"
