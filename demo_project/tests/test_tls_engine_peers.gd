extends TlsTest
## TLS with the engine's own StreamPeerTLS, as server and as client.

const LARGE := 1024 * 1024

## Engine streams that are polled once a frame.
var _polled: Array[StreamPeerTLS] = []


func time_limit(_test_name: String) -> float:
	return 40.0


func _process(_delta: float) -> void:
	for stream in _polled:
		_poll(stream)


#region The engine's client, our listener


func test_listener_against_the_engines_client() -> void:
	var listener := listen_tls()
	var stream := await _engine_client(listener, trusting())
	if not await _is_connected(stream):
		return
	var peer := (await listener.accept(5.0) as Array)[1] as TcpClient
	check(peer.is_tls())
	equal(peer.get_tls_server_name(), HOST)
	stream.put_data(utf8("hello listener\n"))
	equal(await peer.recv_line(), [OK, "hello listener"])
	peer.send(utf8("hello stream"))
	equal(await _take(stream, 12), utf8("hello stream"))

	peer.send(utf8("the last"))
	peer.disconnect_from_host()
	equal(await _take(stream, 8), utf8("the last"))
	check(await wait_for(func() -> bool: return stream.get_status() == StreamPeerTLS.STATUS_DISCONNECTED))


func test_the_engines_client_disconnects() -> void:
	var listener := listen_tls()
	var stream := await _engine_client(listener, trusting())
	if not await _is_connected(stream):
		return
	var peer := (await listener.accept(5.0) as Array)[1] as TcpClient
	# Until the engine has read the data before this point (session tickets), its close is a reset.
	peer.send(utf8("hello"))
	equal(await _take(stream, 5), utf8("hello"))
	stream.put_data(utf8("the last"))
	stream.disconnect_from_stream()
	equal(await peer.recv(9), [ERR_FILE_EOF, utf8("the last")])
	await closes_with(peer, TcpClient.CLOSE_BY_PEER)


func test_large_blocks_with_the_engines_client() -> void:
	var listener := listen_tls()
	var stream := await _engine_client(listener, trusting())
	if not await _is_connected(stream):
		return
	var peer := (await listener.accept(5.0) as Array)[1] as TcpClient
	var sent := NetTask.from(peer.send_async(pattern(LARGE)))
	same_bytes(await _take(stream, LARGE), pattern(LARGE), "to the engine")
	equal(await sent.wait(), [OK, LARGE])
	var receiving := NetTask.from(peer.recv(LARGE))
	await _put(stream, pattern(LARGE, 2))
	same_bytes((await receiving.wait() as Array)[1], pattern(LARGE, 2), "from the engine")


func test_the_engines_client_refuses_bad_certificates() -> void:
	for identity: String in ["expired", "wrong_name", "stranger"]:
		var listener := listen_tls(serving(identity))
		var stream := await _engine_client(listener, trusting())
		var is_over := func() -> bool:
			return stream.get_status() in [StreamPeerTLS.STATUS_ERROR, StreamPeerTLS.STATUS_ERROR_HOSTNAME_MISMATCH]
		check(await wait_for(is_over), identity)
		check(await wait_for(func() -> bool: return listener.get_failed_handshakes() == 1), identity)
		var careless := await _engine_client(listener, TLSOptions.client_unsafe())
		check(await _is_connected(careless), identity)


func test_upgrade_for_the_engines_client() -> void:
	var listener := listen()
	var tcp := await _engine_tcp(listener)
	var peer := (await listener.accept(5.0) as Array)[1] as TcpClient
	tcp.put_data(utf8("STARTTLS\n"))
	equal(await peer.recv_line(), [OK, "STARTTLS"])
	peer.send(utf8("ok\n"))
	await wait_for(func() -> bool: return tcp.poll() == OK and tcp.get_available_bytes() == 3)
	equal(tcp.get_data(3), [OK, utf8("ok\n")])
	var upgraded := NetTask.from(peer.start_tls(serving()))
	var stream := _secured(tcp, trusting())
	if await _is_connected(stream):
		equal(await upgraded.wait(), [OK])
		stream.put_data(utf8("secret"))
		equal(await peer.recv(6), [OK, utf8("secret")])


#endregion
#region The engine's server, our client


func test_client_against_the_engines_server() -> void:
	var server := TCPServer.new()
	is_ok(server.listen(0, LOOPBACK))
	var client := start_tls_client(server.get_local_port())
	var stream := await _engine_server(server, "good")
	equal(await client.wait_connected(10.0), [OK])
	if not await _is_connected(stream):
		return
	equal(client.get_tls_peer_subject(), "CN=a server")
	client.send(utf8("hello engine"))
	equal(await _take(stream, 12), utf8("hello engine"))
	stream.put_data(utf8("hello client\n"))
	equal(await client.recv_line(), [OK, "hello client"])

	var receiving := NetTask.from(client.recv(LARGE))
	await _put(stream, pattern(LARGE))
	same_bytes((await receiving.wait() as Array)[1], pattern(LARGE), "from the engine")
	client.send(pattern(LARGE, 2))
	same_bytes(await _take(stream, LARGE), pattern(LARGE, 2), "to the engine")

	stream.disconnect_from_stream()
	is_error(await client.recv(1), ERR_FILE_EOF)
	await closes_with(client, TcpClient.CLOSE_BY_PEER)


func test_bad_certificates_of_the_engines_server() -> void:
	for identity: String in ["expired", "wrong_name", "stranger"]:
		var server := TCPServer.new()
		is_ok(server.listen(0, LOOPBACK))
		var client := start_tls_client(server.get_local_port())
		await _engine_server(server, identity)
		is_error(await client.wait_connected(10.0), ERR_UNAUTHORIZED, identity)
		var careless := start_tls_client(server.get_local_port(), TLSOptions.client_unsafe())
		await _engine_server(server, identity)
		is_ok(await careless.wait_connected(10.0), identity)


func test_upgrade_with_the_engines_server() -> void:
	var server := TCPServer.new()
	is_ok(server.listen(0, LOOPBACK))
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, server.get_local_port())
	is_ok(await client.wait_connected())
	check(await wait_for(server.is_connection_available))
	var tcp := server.take_connection()
	client.send(utf8("STARTTLS\n"))
	await wait_for(func() -> bool: return tcp.poll() == OK and tcp.get_available_bytes() == 9)
	tcp.get_data(9)
	var stream := StreamPeerTLS.new()
	is_ok(stream.accept_stream(tcp, serving()))
	_polled.append(stream)
	equal(await client.start_tls(trusting(), HOST), [OK])
	if await _is_connected(stream):
		client.send(utf8("secret"))
		equal(await _take(stream, 6), utf8("secret"))


#endregion


func _engine_client(listener: TcpListener, options: TLSOptions) -> StreamPeerTLS:
	return _secured(await _engine_tcp(listener), options)


func _engine_tcp(listener: TcpListener) -> StreamPeerTCP:
	var tcp := StreamPeerTCP.new()
	is_ok(tcp.connect_to_host(LOOPBACK, listener.get_local_port()))
	var is_up := func() -> bool:
		tcp.poll()
		return tcp.get_status() == StreamPeerTCP.STATUS_CONNECTED
	check(await wait_for(is_up), "the engine's stream is connected")
	return tcp


func _secured(tcp: StreamPeerTCP, options: TLSOptions) -> StreamPeerTLS:
	var stream := StreamPeerTLS.new()
	# This returns an error if the handshake fails at once; the status shows it.
	stream.connect_to_stream(tcp, HOST, options)
	_polled.append(stream)
	return stream


func _engine_server(server: TCPServer, identity: String) -> StreamPeerTLS:
	check(await wait_for(server.is_connection_available), "a connection has come")
	var stream := StreamPeerTLS.new()
	# As above: the client may already have refused it.
	stream.accept_stream(server.take_connection(), serving(identity))
	_polled.append(stream)
	return stream


func _poll(stream: StreamPeerTLS) -> void:
	if stream.get_status() in [StreamPeerTLS.STATUS_HANDSHAKING, StreamPeerTLS.STATUS_CONNECTED]:
		stream.poll()


func _is_connected(stream: StreamPeerTLS) -> bool:
	var is_up := func() -> bool: return stream.get_status() == StreamPeerTLS.STATUS_CONNECTED
	return check(await wait_for(is_up, 10.0), "the engine's handshake, status %d" % stream.get_status())


## Reads this many bytes of the stream.
func _take(stream: StreamPeerTLS, size: int) -> PackedByteArray:
	var taken := PackedByteArray()
	var is_all := func() -> bool:
		_poll(stream)
		while stream.get_status() == StreamPeerTLS.STATUS_CONNECTED and taken.size() < size:
			var part := stream.get_partial_data(mini(size - taken.size(), 65536))
			if part[0] != OK or (part[1] as PackedByteArray).is_empty():
				break
			taken.append_array(part[1])
		return taken.size() >= size
	check(await wait_for(is_all, 20.0), "%d of %d bytes" % [taken.size(), size])
	return taken


## Sends everything, in parts for which the peer has room.
func _put(stream: StreamPeerTLS, bytes: PackedByteArray) -> void:
	var progress := {"sent": 0}
	var is_all := func() -> bool:
		var sent := progress["sent"] as int
		var result := stream.put_partial_data(bytes.slice(sent, sent + 16384))
		progress["sent"] = sent + (result[1] if result[0] == OK else 0)
		return progress["sent"] >= bytes.size()
	check(await wait_for(is_all, 20.0), "everything is sent")
