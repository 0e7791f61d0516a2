extends WebSocketTest
## Pages in a real browser: headless Chromium, if there is one.


func time_limit(_test_name: String) -> float:
	return 60.0


func before_each() -> void:
	skip_without_browser()


func test_messages() -> void:
	serve({"supported_protocols": PackedStringArray(["chat"])})
	server.message_received.connect(_on_message)
	server.data_received.connect(func(id: int, data: PackedByteArray) -> void: server.send_binary(id, data))
	server.client_connected.connect(func(id: int) -> void: server.ping(id))
	var page := open_page("messages", server.get_local_port())
	check(await wait_for(func() -> bool: return server.get_client_count() == 1 or page.is_over(), 40.0))
	equal([server.get_client_path(1), server.get_client_query_param(1, "name")], ["/room", "é"])
	equal(server.get_client_protocol(1), "chat")
	check(server.get_client_headers(1).get("origin", "").begins_with("http://127.0.0.1:"))
	check(await wait_for(func() -> bool: return server.get_client_latency(1) >= 0.0), "a ping is answered")
	server.send_text(1, "start")
	var expected := {
		"protocol": "chat",
		"extensions": "",
		"same": [true, true, true, true, true, true],
		"code": 4321.0,
		"reason": "bye 👋",
		"clean": true,
	}
	equal(await returned(page), expected)
	await told("disconnected", [1, 4321, "bye 👋"])


func _on_message(id: int, message: String) -> void:
	if message == "bye":
		server.disconnect_client(id, 4321, "bye 👋")
	else:
		server.send_text(id, message)


func test_a_page_from_elsewhere() -> void:
	serve({"allowed_origins": PackedStringArray(["https://game.example"])})
	var page := open_page("refused", server.get_local_port())
	equal(await returned(page), {"events": ["error"], "code": 1006.0, "clean": false})
	equal(events.of("connected"), [])
