extends WebSocketTest
## Valid opening handshakes, and what the server knows about its clients afterwards.


func test_what_is_known_of_a_client() -> void:
	serve({"handshake_headers": PackedStringArray(["X-Server: tests", "Set-Cookie: a=b"])})
	var headers := PackedStringArray(["X-Token: s3cret", "X-List: a", "x-list: b", "User-Agent: ünïcode"])
	var peer := await join({"handshake_headers": headers}, "/room/one?name=%C3%A9&x=1")
	equal(peer.id, 1)
	equal(server.get_client_count(), 1)
	equal(server.get_client_ids(), [1] as Array[int])
	equal(server.get_client_address(1), LOOPBACK)
	check(server.get_client_port(1) > 1023)
	equal(server.get_client_path(1), "/room/one")
	equal(server.get_client_query(1), {"name": "é", "x": "1"})
	equal(server.get_client_header(1, "X-List"), "a, b")
	equal(server.get_client_protocol(1), "")
	var got := server.get_client_headers(1)
	equal([got["x-token"], got["x-list"], got["user-agent"]], ["s3cret", "a, b", "ünïcode"])
	equal(got["sec-websocket-version"], "13")


func test_the_port_is_the_clients_own() -> void:
	serve()
	var peer := await raw_join()
	equal(server.get_client_port(1), peer.stream.get_local_port())


func test_the_answer() -> void:
	serve({"handshake_headers": PackedStringArray(["X-Server: tests", "Set-Cookie: a=b"])})
	var peer := await raw()
	peer.send(head())
	check(await wait_for(peer.has_head))
	var lines := peer.take_head().split("\r\n")
	equal(lines[0], "HTTP/1.1 101 Switching Protocols")
	for line: String in [
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Accept: " + ACCEPT,
		"X-Server: tests",
		"Set-Cookie: a=b"
	]:
		check(lines.has(line), "%s is not in %s" % [line, lines])
	check(not "\n".join(lines).contains("Sec-WebSocket-Protocol"))


func test_the_servers_order_chooses_the_subprotocol() -> void:
	serve({"supported_protocols": PackedStringArray(["v3", "v2", "v1"])})
	var peer := await join({"supported_protocols": PackedStringArray(["v1", "v2"])})
	equal(peer.socket.get_selected_protocol(), "v2")
	equal(server.get_client_protocol(1), "v2")


func test_no_common_subprotocol() -> void:
	serve({"supported_protocols": PackedStringArray(["v3"])})
	var peer := await raw_join(["Sec-WebSocket-Protocol: v1, v2"])
	equal(peer.status(), NO_HANDSHAKE, "the head was taken")
	equal(server.get_client_protocol(1), "", "none is agreed on, and the client decides what it does then")
	await raw_join()
	equal(server.get_client_protocol(2), "")


func test_tokens_in_any_case_and_in_lists() -> void:
	serve()
	var spelling: Array[String] = ["Upgrade: h2c, WebSocket", "Connection: keep-alive, uPGRADE"]
	await raw_join(spelling)
	var several: Array[String] = ["Connection: keep-alive", "Connection: Upgrade"]
	await raw_join(several)
	var lower: Array[String] = ["Host:", "host: x", "Sec-WebSocket-Key:", "sec-websocket-key:%s" % KEY]
	await raw_join(lower)


func test_extensions_are_declined() -> void:
	serve()
	var peer := await raw()
	peer.send(head("/", ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"]))
	check(await wait_for(peer.has_head))
	equal(peer.status(), 101)
	check(not peer.take_head().to_lower().contains("extensions"))


## One byte per segment, with a frame right behind the request head.
func test_a_head_in_single_bytes() -> void:
	serve()
	var peer := await raw()
	var bytes := head()
	bytes.append_array(frame(FIN | TEXT, utf8("hi")))
	for byte in bytes:
		peer.send(PackedByteArray([byte]))
		if byte == 13:
			await frames(1)
	await told("message", [1, "hi"])


func test_data_in_the_segment_of_the_head() -> void:
	serve()
	var whole := head()
	var first := frame(FIN | TEXT, utf8("first"))
	var large := frame(FIN | BINARY, pattern(100_000))
	whole.append_array(first)
	whole.append_array(large)
	var cuts: Array[int] = [whole.size(), head().size() - 1, head().size() + 1, head().size() + first.size() + 5]
	for index in cuts.size():
		var peer := await raw()
		peer.send(whole.slice(0, cuts[index]))
		await frames(2)
		peer.send(whole.slice(cuts[index]))
		await told("message", [index + 1, "first"])
		await wait_for(func() -> bool: return events.of("data").size() > index)
		check(events.of("data").back() == [index + 1, pattern(100_000)], "cut at %d" % cuts[index])


## The server may send before the client has learnt that it is admitted.
func test_welcome_from_the_handler() -> void:
	serve()
	server.client_connected.connect(func(id: int) -> void: _servers[0].send_text(id, "welcome %d" % id))
	for number in 5:
		var peer := await join()
		await received(peer, ["welcome %d" % (number + 1)])


func test_origins() -> void:
	serve({"allowed_origins": PackedStringArray(["https://a.example"])})
	await join({"handshake_headers": PackedStringArray(["Origin: https://a.example"])})
	var other := open({"handshake_headers": PackedStringArray(["Origin: https://b.example"])})
	check(await wait_for(other.is_closed))
	server.stop()
	server.allowed_origins = PackedStringArray(["https://a.example", ""])
	check(server.start(0, LOOPBACK))
	await join()


func test_paths() -> void:
	serve({"allowed_paths": PackedStringArray(["/chat"])})
	await join({}, "/chat?room=1")
	var other := open({}, "/other")
	check(await wait_for(other.is_closed))
	equal(server.get_client_count(), 1)


func test_all_ways_to_listen() -> void:
	for host: String in ["0.0.0.0", "*", "127.0.0.1", "localhost"]:
		make_server()
		check(server.start(0, host), host)
		check(server.get_local_port() > 0)
		await join()
		equal(server.get_client_address(1), LOOPBACK, host)
	make_server()
	if server.start(0, "::1"):
		var peer := Peer.new()
		_peers.append(peer)
		peer.socket.connect_to_url("ws://[::1]:%d" % server.get_local_port())
		check(await wait_for(peer.is_open), "over IPv6")
		await told("connected", [1])
		equal(server.get_client_address(1), "::1")


func test_a_client_that_leaves_during_the_handshake_is_never_heard_of() -> void:
	serve()
	for length: int in [0, 5, head().size() - 1]:
		var peer := await raw()
		peer.send(head().slice(0, length))
		await frames(2)
		peer.drop()
	await join()
	equal(events.all, [["connected", 1]] as Array[Array])
