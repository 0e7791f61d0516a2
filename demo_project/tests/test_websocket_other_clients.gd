extends WebSocketTest
# time_limit: 180
## Foreign WebSocket implementations: Python's `websockets` and Node's `ws`, which scripts/test.sh installs.


func time_limit(_test_name: String) -> float:
	return 80.0


func test_python_websockets() -> void:
	var python := OS.get_environment("PEERS_PYTHON")
	if python.is_empty():
		skip("the Python package websockets could not be installed")
		return
	await _drive([python, ProjectSettings.globalize_path("res://tests/peers/websocket_clients.py")])


func test_node_ws() -> void:
	var node := OS.get_environment("PEERS_NODE")
	if node.is_empty():
		skip("Node, or its package ws, is not there")
		return
	await _drive([node, ProjectSettings.globalize_path("res://tests/peers/node/websocket_clients.cjs")])


func _drive(command: Array[String]) -> void:
	serve(
		{
			"supported_protocols": PackedStringArray(["first", "second"]),
			"handshake_headers": PackedStringArray(["X-Server: tests"]),
			"allowed_paths": PackedStringArray(["/"]),
			"max_message_size": 4_000_000,
		}
	)
	server.client_connected.connect(_on_connected)
	server.message_received.connect(_on_message)
	server.data_received.connect(_on_data)
	command.append(str(server.get_local_port()))
	var run := await run_program(PackedStringArray(command), 60.0)
	equal(run[0], 0, run[1])
	check((run[1] as String).contains(" work\n"), run[1])
	var all_gone := func() -> bool: return events.of("disconnected").size() == events.of("connected").size()
	check(await wait_for(all_gone))
	for event: Array in events.of("disconnected"):
		check([1000, 1005, 1006, 1009, 4000, 4321].has(event[1]), str(event))
	check(events.of("disconnected").any(func(event: Array) -> bool: return event.slice(1) == [4321, "bye 👋"]))


func _on_connected(id: int) -> void:
	server.send_text(id, "welcome %d" % id)


func _on_message(id: int, message: String) -> void:
	if message.begins_with("/close "):
		is_ok(server.disconnect_client(id, message.get_slice(" ", 1).to_int(), message.get_slice(" ", 2)))
	elif message.begins_with("/shout "):
		is_ok(server.broadcast_text(message.trim_prefix("/shout "), [id]))
	elif message.begins_with("/ping "):
		is_ok(server.ping(id, utf8(message.trim_prefix("/ping "))))
	elif message == "/path":
		is_ok(server.send_text(id, server.get_client_path(id) + "?" + server.get_client_raw_query(id)))
	else:
		is_ok(server.send_text(id, message))


func _on_data(id: int, data: PackedByteArray) -> void:
	is_ok(server.send_binary(id, data))
