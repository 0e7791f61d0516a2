extends TcpTest
## Times mean the same everywhere: 0 and infinity set no limit, and invalid times are refused with a message.


func test_no_time_is_refused_and_the_property_keeps_its_value() -> void:
	var client := TcpClient.new()
	var server := WebSocketServer.new()
	var properties: Array[Array] = [
		[client, "timeout"],
		[client, "connect_timeout"],
		[server, "handshake_timeout"],
		[server, "close_timeout"],
		[server, "heartbeat_interval"],
	]
	for pair in properties:
		var object := pair[0] as RefCounted
		var property := pair[1] as String
		object.set(property, 2.5)
		for wrong: float in [-1.0, -0.5, NAN, -INF]:
			object.set(property, wrong)
			equal(object.get(property), 2.5, "%s = %s" % [property, wrong])
			check((object.call("get_last_error_message") as String).contains("is not a time"), property)
		object.set(property, 0.0)
		equal(object.get(property), 0.0, property)


func test_no_time_is_refused_as_an_argument() -> void:
	var listener := listen()
	var ends := await connect_to(listener)
	var udp := UdpSocket.new()
	udp.bind(0, LOOPBACK)
	var client := ends[0]
	for wrong: float in [-2.0, -0.5, NAN]:
		equal(await client.recv(1, wrong), [ERR_INVALID_PARAMETER, PackedByteArray()])
		equal(await client.recv_line(10, wrong), [ERR_INVALID_PARAMETER, ""])
		equal(await client.wait_readable(wrong), [ERR_INVALID_PARAMETER, 0])
		equal(await client.send_async(utf8("x"), wrong), [ERR_INVALID_PARAMETER, 0])
		equal(await client.wait_connected(wrong), [ERR_INVALID_PARAMETER])
		check(client.get_last_error_message().contains("is not a time"), client.get_last_error_message())
		equal(await listener.accept(wrong), [ERR_INVALID_PARAMETER, null])
		check(listener.get_last_error_message().contains("is not a time"), listener.get_last_error_message())
		equal(await udp.recv_from(wrong), [ERR_INVALID_PARAMETER, PackedByteArray(), "", 0])
		check(udp.get_last_error_message().contains("is not a time"), udp.get_last_error_message())
	ends[1].send(utf8("y"))
	equal(await client.recv(1, 0.0), [OK, utf8("y")], "nothing was taken or sent meanwhile")
	equal(ends[1].get_available_bytes(), 0)


func test_minus_one_and_infinity() -> void:
	var listener := listen()
	var accepting := NetTask.from(listener.accept(-1.0))
	var udp := UdpSocket.new()
	udp.bind(0, LOOPBACK)
	var receiving := NetTask.from(udp.recv_from(INF))
	await frames(3)
	check(not accepting.is_completed() and not receiving.is_completed())
	var client := TcpClient.new()
	client.timeout = 0.05
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	is_ok(await accepting.wait())
	is_ok(await client.wait_connected())
	is_error(await client.recv(1), ERR_TIMEOUT, "-1 is the property")
	not_equal(client.get_last_error_message(), "")
	var endless := NetTask.from(client.recv(1, 0.0))
	await seconds(0.2)
	check(not endless.is_completed(), "0 sets no limit, whatever the property")


func test_no_handshake_timeout_lets_clients_in() -> void:
	var server := WebSocketServer.new()
	server.handshake_timeout = 0
	server.close_timeout = 0
	check(server.start(0, LOOPBACK))
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, server.get_local_port())
	is_ok(await client.wait_connected())
	# A slow client.
	await seconds(0.1)
	var lines: Array[String] = [
		"GET / HTTP/1.1",
		"Host: %s" % LOOPBACK,
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	]
	client.send(utf8("\r\n".join(lines) + "\r\n\r\n"))
	equal(await client.recv_line(1000, 5.0), [OK, "HTTP/1.1 101 Switching Protocols"])
	server.stop()
