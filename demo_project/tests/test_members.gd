extends TcpTest
## The same members exist in every class where they make sense, with the same types and defaults.

const CLASSES: Array[StringName] = [&"TcpClient", &"TcpListener", &"UdpSocket", &"WebSocketServer", &"WebSocketClient"]

## Those with awaitable methods.
const AWAITABLE: Array[StringName] = [&"TcpClient", &"TcpListener", &"UdpSocket", &"WebSocketClient"]

const ENUMS := {
	"TcpClient.Status": ["STATUS_NONE", "STATUS_CONNECTING", "STATUS_CONNECTED", "STATUS_ERROR"],
	"TcpClient.CloseReason": ["CLOSE_NONE", "CLOSE_ERROR", "CLOSE_BY_HOST", "CLOSE_BY_PEER", "CLOSE_TIMEOUT"],
	"WebSocketClient.State": ["STATE_CONNECTING", "STATE_OPEN", "STATE_CLOSING", "STATE_CLOSED"],
	"WebSocketServer.BackpressurePolicy": ["BACKPRESSURE_ERROR", "BACKPRESSURE_DISCONNECT"],
}


func test_common_members() -> void:
	for label in CLASSES:
		for method: StringName in [&"process", &"poll", &"get_id", &"get_last_error_message"]:
			check(ClassDB.class_has_method(label, method, true), "%s.%s" % [label, method])
		equal(ClassDB.class_get_property_default_value(label, &"auto_process"), true, label)
		var object: RefCounted = ClassDB.instantiate(label)
		equal([object.call(&"get_id"), object.call(&"get_last_error_message")], [0, ""], label)
		equal(object.call(&"process"), 0, label)
		object.call(&"poll")


func test_timeouts() -> void:
	for label in AWAITABLE:
		equal(ClassDB.class_get_property_default_value(label, &"timeout"), 0.0, label)
		for method in ClassDB.class_get_method_list(label, true):
			var arguments: Array = method["args"]
			var names := arguments.map(func(argument: Dictionary) -> String: return argument["name"])
			if names.has("timeout"):
				var defaults: Array = method["default_args"]
				equal([names[-1], defaults[-1]], ["timeout", -1.0], "%s.%s" % [label, method["name"]])


func test_errors_are_declared_as_such() -> void:
	for path: String in [
		"TcpClient.connect_failed", "UdpSocket.send_failed", "WebSocketClient.connect_failed", "WebSocketClient.gave_up"
	]:
		var native_signal := ClassDB.class_get_signal(path.get_slice(".", 0), path.get_slice(".", 1))
		var arguments: Array = native_signal["args"]
		var first: Dictionary = arguments[0]
		equal([first["name"], first["type"], first["class_name"]], ["error", TYPE_INT, &"Error"], path)
	# Handlers may have that type.
	var client := TcpClient.new()
	var failed: Array[Error] = []
	client.connect_failed.connect(func(error: Error) -> void: failed.append(error))
	var ended: Array[TcpClient.CloseReason] = []
	client.closed.connect(func(reason: TcpClient.CloseReason) -> void: ended.append(reason))
	is_ok(client.connect_to_host(LOOPBACK, free_port()))
	is_error(await client.wait_connected(5.0), ERR_CANT_CONNECT)
	check(await wait_for(func() -> bool: return not ended.is_empty()))
	equal(failed, [ERR_CANT_CONNECT] as Array[Error])
	equal(ended, [TcpClient.CLOSE_ERROR] as Array[TcpClient.CloseReason])


func test_enums() -> void:
	var found := {}
	for label in CLASSES:
		for name_of_enum in ClassDB.class_get_enum_list(label, true):
			found["%s.%s" % [label, name_of_enum]] = Array(ClassDB.class_get_enum_constants(label, name_of_enum, true))
	equal(found, ENUMS)
	var client := TcpClient.new()
	var status: TcpClient.Status = client.get_status()
	equal(status, TcpClient.STATUS_NONE)
	var reason: TcpClient.CloseReason = client.get_close_reason()
	equal([reason, TcpClient.CLOSE_NONE], [-1, -1])
	var state: WebSocketClient.State = WebSocketClient.new().get_ready_state()
	equal(state, WebSocketClient.STATE_CLOSED)
	var server := WebSocketServer.new()
	var policy: WebSocketServer.BackpressurePolicy = server.backpressure_policy
	equal(policy, WebSocketServer.BACKPRESSURE_ERROR)
	server.backpressure_policy = WebSocketServer.BACKPRESSURE_DISCONNECT
	equal(server.backpressure_policy, 1)
	for property in server.get_property_list():
		if property["name"] == "backpressure_policy":
			equal(property["class_name"], &"WebSocketServer.BackpressurePolicy")


func test_ids() -> void:
	var listener := listen()
	var server := WebSocketServer.new()
	check(server.start(0, LOOPBACK))
	var udp := UdpSocket.new()
	is_ok(udp.bind(0, LOOPBACK))
	var seen: Array[int] = [0]
	for socket: RefCounted in [listener, server, udp]:
		var id: int = socket.call(&"get_id")
		check(not seen.has(id))
		seen.append(id)
		check(AsyncSockets.get_socket(id) == socket, "it is found by its id")
	listener.stop()
	equal(listener.get_id(), 0)


func test_the_timeout_of_a_listener() -> void:
	var listener := listen()
	listener.timeout = 0.05
	equal(await listener.accept(), [ERR_TIMEOUT, null])
	listener.timeout = -1.0
	equal(listener.timeout, 0.05, "a bad time is not taken")
	var without := NetTask.from(listener.accept(0.0))
	await seconds(0.2)
	check(not without.is_completed(), "0 sets no limit")
	without.cancel()


func test_lines_and_texts() -> void:
	var ends := await connect_pair()
	is_ok(ends[0].send_line("größer 🌍"))
	is_ok(ends[0].send_line(""))
	equal(await ends[1].recv_line(65536, 5.0), [OK, "größer 🌍"])
	equal(await ends[1].recv_line(65536, 5.0), [OK, ""])
	is_error(ends[0].send_line("two\nlines"), ERR_INVALID_PARAMETER)
	check(ends[0].get_last_error_message().contains("send_text"), ends[0].get_last_error_message())
	is_ok(ends[0].send_text("two\nlines"))
	ends[0].disconnect_from_host()
	equal(await ends[1].recv(100, 5.0), [ERR_FILE_EOF, utf8("two\nlines")], "nothing of the refused line was sent")
	is_error(ends[0].send_line("late"), ERR_UNAVAILABLE)
	is_error(ends[0].send_text("late"), ERR_UNAVAILABLE)


func test_a_line_for_the_engine() -> void:
	var listener := listen()
	var engine_peer := StreamPeerTCP.new()
	is_ok(engine_peer.connect_to_host(LOOPBACK, listener.get_local_port()))
	var accepted: Array = await listener.accept(5.0)
	var client: TcpClient = accepted[1]
	is_ok(client.send_line("ä"))
	is_ok(client.send_text("b"))
	var has_all := func() -> bool:
		engine_peer.poll()
		return engine_peer.get_available_bytes() == 4
	check(await wait_for(has_all))
	equal(engine_peer.get_data(4), [OK, utf8("ä\nb")])


func test_poll() -> void:
	var udp := UdpSocket.new()
	udp.auto_process = false
	is_ok(udp.bind(0, LOOPBACK))
	var heard: Array[String] = []
	udp.datagram_received.connect(
		func(data: PackedByteArray, _address: String, _port: int) -> void: heard.append(data.get_string_from_utf8())
	)
	var engine_udp := PacketPeerUDP.new()
	is_ok(engine_udp.connect_to_host(LOOPBACK, udp.get_local_port()))
	is_ok(engine_udp.put_packet(utf8("datagram")))
	var server := WebSocketServer.new()
	server.auto_process = false
	server.message_received.connect(func(_id: int, message: String) -> void: heard.append(message))
	check(server.start(0, LOOPBACK))
	var engine_socket := WebSocketPeer.new()
	is_ok(engine_socket.connect_to_url("ws://%s:%d" % [LOOPBACK, server.get_local_port()]))
	var is_open := func() -> bool:
		engine_socket.poll()
		return engine_socket.get_ready_state() == WebSocketPeer.STATE_OPEN
	check(await wait_for(is_open))
	is_ok(engine_socket.send_text("message"))
	engine_socket.poll()
	await seconds(0.2)
	equal(heard, [] as Array[String], "nobody has polled")
	udp.poll()
	equal(heard, ["datagram"] as Array[String])
	check(await wait_for(_polls_until.bind(server, heard)))
	equal(heard, ["datagram", "message"] as Array[String])


func _polls_until(server: WebSocketServer, heard: Array[String]) -> bool:
	server.poll()
	return heard.size() == 2
