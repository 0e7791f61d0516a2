extends TlsTest
## Peers that do not speak TLS, or stop in the middle of it. Each affects only itself.

## Seconds that a listener allows for a handshake.
const HANDSHAKE_SECONDS := 10.0

## The beginning of a 512-byte ClientHello, of which no more follows.
const HALF_A_HELLO: PackedByteArray = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]


func time_limit(_test_name: String) -> float:
	return 30.0


func test_plain_http_to_a_tls_port() -> void:
	var listener := listen_tls()
	var plain := TcpClient.new()
	plain.connect_to_host(LOOPBACK, listener.get_local_port())
	plain.send(utf8("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"))
	var answer := await plain.recv(1000, 5.0) as Array
	check(answer[0] in [ERR_FILE_EOF, ERR_CONNECTION_ERROR], "it ends: %s" % [answer])
	check(await wait_for(func() -> bool: return listener.get_failed_handshakes() == 1))
	equal(listener.get_last_handshake_error(), "the peer does not speak TLS")
	var ends := await tls_pair(listener)
	await is_alive(ends[0], ends[1], "the listener goes on")
	equal(listener.get_clients().size(), 1)


func test_tls_to_a_plain_port() -> void:
	var listener := listen()
	var client := start_tls_client(listener.get_local_port())
	var peer := (await listener.accept(5.0) as Array)[1] as TcpClient
	var hello := await peer.recv(1) as Array
	equal(hello, [OK, PackedByteArray([0x16])], "a handshake begins so")
	peer.send(utf8("HTTP/1.1 400 Bad Request\r\n\r\n"))
	is_error(await client.wait_connected(5.0), ERR_CANT_CONNECT)
	check(client.get_last_error_message().ends_with("the peer does not speak TLS"), client.get_last_error_message())
	is_error(await peer.recv(100_000, 5.0), ERR_FILE_EOF if peer.get_close_reason() != 0 else ERR_CONNECTION_ERROR)


func test_tls_to_a_port_that_hangs_up() -> void:
	var listener := listen()
	var client := start_tls_client(listener.get_local_port())
	((await listener.accept(5.0) as Array)[1] as TcpClient).disconnect_from_host()
	is_error(await client.wait_connected(5.0), ERR_CANT_CONNECT)
	check(client.get_last_error_message().contains("ended during the TLS handshake"), client.get_last_error_message())


func test_tls_to_a_silent_port() -> void:
	var listener := listen()
	var client := TcpClient.new()
	client.tls_options = trusting()
	client.connect_timeout = 0.3
	client.connect_to_host(HOST, listener.get_local_port())
	is_error(await client.wait_connected(5.0), ERR_TIMEOUT)
	await closes_with(client, TcpClient.CLOSE_TIMEOUT)


func test_rubbish_to_a_tls_port() -> void:
	var listener := listen_tls()
	var random := RandomNumberGenerator.new()
	random.seed = 4
	var count := 20
	for number in count:
		var rubbish := PackedByteArray([0x16, 3, 1, 0, 100, 1, 0, 0, 96] if number % 2 else [])
		while rubbish.size() < 200:
			rubbish.append(random.randi() & 0xff)
		var client := TcpClient.new()
		client.connect_to_host(LOOPBACK, listener.get_local_port())
		client.send(rubbish)
		client.shutdown_send()
		await client.recv(1000, 5.0)
	check(await wait_for(func() -> bool: return listener.get_failed_handshakes() == count))
	var ends := await tls_pair(listener)
	await is_alive(ends[0], ends[1], "the listener goes on")


func test_a_peer_that_stops_in_the_middle() -> void:
	var listener := listen_tls()
	var stopped: Array[TcpClient] = []
	var started := Time.get_ticks_msec()
	for number in 20:
		var client := TcpClient.new()
		client.connect_to_host(LOOPBACK, listener.get_local_port())
		# Some send nothing at all.
		if number % 2:
			client.send(HALF_A_HELLO)
		stopped.append(client)
	for client in stopped:
		is_ok(await client.wait_connected())
	for _round in 3:
		var ends := await tls_pair(listener)
		await is_alive(ends[0], ends[1], "others go on")
	at_most(Time.get_ticks_msec() - started, 8000.0, "they do not wait for those that stopped")
	equal(listener.get_failed_handshakes(), 0)
	for client in stopped:
		var end := await client.recv(1, HANDSHAKE_SECONDS + 5.0) as Array
		check(end[0] in [ERR_FILE_EOF, ERR_CONNECTION_ERROR], "their time is over: %s" % [end])
	at_least(Time.get_ticks_msec() - started, HANDSHAKE_SECONDS * 1000 - 100)
	check(await wait_for(func() -> bool: return listener.get_failed_handshakes() == stopped.size()))
	equal(listener.get_last_handshake_error(), "no TLS handshake within 10 s")
