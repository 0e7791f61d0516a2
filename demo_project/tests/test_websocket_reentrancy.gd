extends WebSocketTest
## A handler may call anything: every signal against every call that could interfere with it.

const SIGNALS: Array[String] = ["connected", "message", "data", "text_data", "disconnected", "error", "requested"]

var _asked: Array[WebSocketHandshakeRequest] = []


func after_each() -> void:
	_asked.clear()
	super()


func time_limit(_test_name: String) -> float:
	return 30.0


func test_send() -> void:
	for kind in SIGNALS:
		await _in_handler(kind, _send)


func test_disconnect_client() -> void:
	for kind in SIGNALS:
		await _in_handler(kind, _disconnect)


func test_stop() -> void:
	for kind in SIGNALS:
		await _in_handler(kind, _stop)


func test_restart() -> void:
	for kind in SIGNALS:
		await _in_handler(kind, _restart)


func test_process() -> void:
	for kind in SIGNALS:
		await _in_handler(kind, _process_all)


func test_groups_and_getters() -> void:
	for kind in SIGNALS:
		await _in_handler(kind, _look_at_everything)


func test_change_properties() -> void:
	for kind in SIGNALS:
		await _in_handler(kind, _change_properties)


func test_stop_all() -> void:
	for kind in SIGNALS:
		await _in_handler(kind, func(_running: WebSocketServer) -> void: AsyncSockets.stop_all())


func test_another_server_starts_and_ends() -> void:
	for kind in SIGNALS:
		await _in_handler(kind, _start_another)


func test_drop_the_last_reference() -> void:
	for kind in SIGNALS:
		var holder := Holder.new(kind)
		var peer := await _provoke(kind, holder.server)
		check(await wait_for(func() -> bool: return holder.dropped), kind)
		await frames(2)
		equal(holder.reference.get_ref(), null, "the server is gone after %s" % kind)
		if peer:
			check(await wait_for(peer.is_closed), "and its client with it after %s" % kind)


func test_await_in_a_handler() -> void:
	serve()
	var order: Array[String] = []
	var slow := func(_id: int, message: String) -> void:
		order.append("begin " + message)
		await get_tree().process_frame
		await get_tree().process_frame
		order.append("end " + message)
		_servers[0].send_text(1, message)
	server.message_received.connect(slow)
	var peer := await join()
	peer.socket.send_text("a")
	peer.socket.send_text("b")
	await wait_for(func() -> bool: return peer.received.size() == 2)
	equal(peer.received, ["a", "b"])
	equal(order.size(), 4)


## The results of a call inside a handler come after it.
func test_messages_of_a_client_that_is_disconnected_in_its_handler() -> void:
	serve()
	server.message_received.connect(_disconnect_at_once)
	var peer := await raw_join()
	var wire := PackedByteArray()
	for index in 50:
		wire.append_array(frame(FIN | TEXT, utf8(str(index))))
	peer.send(wire)
	await got_frames(peer, [[FIN | CLOSE, close_payload(4000, "first")]])
	peer.send(frame(FIN | CLOSE, close_payload(4000)))
	await told("disconnected", [1, 4000, "first"])
	equal(events.all.back()[0], "disconnected", "nothing comes after it")


func _disconnect_at_once(id: int, _message: String) -> void:
	server.disconnect_client(id, 4000, "first")


## Provokes a signal whose handler performs an action, and checks that the server still works.
func _in_handler(kind: String, action: Callable) -> void:
	make_server({"manual_handshake": kind == "requested", "text_as_data": kind == "text_data"})
	var running := server
	var calls: Array[int] = [0]
	var handler := func(_a: Variant = null, _b: Variant = null) -> void:
		calls[0] += 1
		if calls[0] == 1:
			action.call(running)
	_signal_of(running, kind).connect(handler)
	await _provoke(kind, running)
	check(await wait_for(func() -> bool: return calls[0] > 0), "%s is emitted" % kind)
	await frames(2)
	running.stop()
	var all_gone := func() -> bool: return events.of("disconnected").size() == events.of("connected").size()
	check(await wait_for(all_gone), "who came in leaves, after %s" % kind)
	# The server works as before.
	running.manual_handshake = false
	running.text_as_data = false
	running.auto_process = true
	check(running.start(0, LOOPBACK), "start after %s" % kind)
	server = running
	var peer := await join()
	peer.socket.send_text("works")
	await told("message", [peer.id, "works"])
	running.stop()
	check(await wait_for(all_gone))
	# The handler holds the server, and the server holds its handler.
	_signal_of(running, kind).disconnect(handler)


## Makes the server emit a signal; returns the client, if one is needed.
func _provoke(kind: String, running: WebSocketServer) -> Peer:
	server = running
	if kind == "error":
		running.start(-1)
		server = null
		return null
	check(running.start(0, LOOPBACK))
	var peer := open()
	await wait_for(func() -> bool: return peer.is_open() or kind == "requested" or kind == "connected")
	match kind:
		"message", "text_data":
			peer.socket.send_text("x")
		"data":
			peer.socket.send(utf8("x"))
		"disconnected":
			peer.socket.close()
	server = null
	return peer


func _send(running: WebSocketServer) -> void:
	for id in running.get_client_ids():
		running.send_text(id, "x")
		running.send_binary(id, utf8("x"))
		running.ping(id)
	running.broadcast_text("x")
	running.broadcast_binary(utf8("x"))


func _disconnect(running: WebSocketServer) -> void:
	for id in running.get_client_ids():
		is_ok(running.disconnect_client(id, 4000, "x"))
		is_error(running.disconnect_client(id), ERR_UNAVAILABLE)


func _stop(running: WebSocketServer) -> void:
	running.stop()
	running.stop()


func _restart(running: WebSocketServer) -> void:
	for _index in 3:
		running.stop()
		check(running.start(0, LOOPBACK))


func _process_all(running: WebSocketServer) -> void:
	running.process()
	running.process(1000)
	for other in _servers:
		other.process()


func _look_at_everything(running: WebSocketServer) -> void:
	for id in running.get_client_ids():
		is_ok(running.add_to_group(id, "g"))
		equal(running.get_client_address(id), LOOPBACK)
		check(running.get_client_headers(id).has("host"))
	equal(running.get_group_clients("g"), running.get_client_ids())
	running.broadcast_text_to_group("g", "x")
	running.get_statistics()
	AsyncSockets.get_statistics()
	check(AsyncSockets.get_sockets().size() >= 0)


func _change_properties(running: WebSocketServer) -> void:
	running.auto_process = false
	running.auto_process = true
	running.text_as_data = true
	running.max_clients = 0
	running.supported_protocols = PackedStringArray(["a"])


func _start_another(_running: WebSocketServer) -> void:
	var other := WebSocketServer.new()
	check(other.start(0, LOOPBACK))
	other.process()
	other.process(2000)


static func _signal_of(running: WebSocketServer, kind: String) -> Signal:
	return {
		"connected": running.client_connected,
		"disconnected": running.client_disconnected,
		"message": running.message_received,
		"data": running.data_received,
		"text_data": running.text_data_received,
		"error": running.server_error,
		"requested": running.handshake_requested,
	}[kind]


## Holds the only reference to a server, and drops it when the server emits a signal.
class Holder:
	extends RefCounted

	var server := WebSocketServer.new()
	var reference: WeakRef
	var dropped := false

	func _init(kind: String) -> void:
		reference = weakref(server)
		server.manual_handshake = kind == "requested"
		server.text_as_data = kind == "text_data"
		var signals := {
			"connected": server.client_connected,
			"disconnected": server.client_disconnected,
			"message": server.message_received,
			"data": server.data_received,
			"text_data": server.text_data_received,
			"error": server.server_error,
			"requested": server.handshake_requested,
		}
		(signals[kind] as Signal).connect(_drop)

	func _drop(_a: Variant = null, _b: Variant = null) -> void:
		server = null
		dropped = true
