extends TcpTest
## Foreign peers: the engine's TCPServer and StreamPeerTCP, and Python's standard library.

const LARGE := 5 * 1024 * 1024

## Engine streams that are polled in every frame.
var _echoing: Array[StreamPeerTCP] = []


func time_limit(_test_name: String) -> float:
	return 40.0


func _process(_delta: float) -> void:
	for stream in _echoing:
		var available := _available(stream)
		if available > 0:
			stream.put_data(stream.get_data(mini(available, 65536))[1])


#region Our client, the engine's server


func test_client_against_the_engines_server() -> void:
	var server := TCPServer.new()
	is_ok(server.listen(0, LOOPBACK))
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, server.get_local_port())
	equal(await client.wait_connected(), [OK])
	var peer := await _take(server)

	client.send(utf8("hello engine"))
	await wait_for(func() -> bool: return peer.get_available_bytes() == 12)
	equal(peer.get_data(12), [OK, utf8("hello engine")])
	peer.put_data(utf8("hello client\n"))
	equal(await client.recv_line(), [OK, "hello client"])

	peer.disconnect_from_host()
	await client.disconnected
	equal(client.get_close_reason(), TcpClient.CLOSE_BY_PEER)


func test_packets_are_the_engines_strings() -> void:
	var server := TCPServer.new()
	is_ok(server.listen(0, LOOPBACK))
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, server.get_local_port())
	var peer := await _take(server)
	for big_endian: bool in [false, true]:
		client.big_endian = big_endian
		peer.big_endian = big_endian
		peer.put_utf8_string("größe")
		equal(await client.recv_packet(), [OK, utf8("größe")])
		client.send_packet(utf8("zurück"))
		await wait_for(func() -> bool: return peer.get_available_bytes() == 4 + utf8("zurück").size())
		equal(peer.get_utf8_string(), "zurück")


#endregion
#region Our listener, the engine's client


func test_listener_against_the_engines_client() -> void:
	var listener := listen()
	var stream := await _engine_stream(listener)
	var peer := (await listener.accept() as Array)[1] as TcpClient
	stream.put_data(utf8("hello listener\n"))
	equal(await peer.recv_line(), [OK, "hello listener"])
	peer.send(utf8("hello stream"))
	await wait_for(func() -> bool: return _available(stream) == 12)
	equal(stream.get_data(12), [OK, utf8("hello stream")])

	peer.disconnect_from_host()
	check(await wait_for(func() -> bool: return not _is_connected(stream)), "the engine sees the end")


func test_the_engine_echoes_a_large_block() -> void:
	var listener := listen()
	_echoing.append(await _engine_stream(listener))
	var peer := (await listener.accept() as Array)[1] as TcpClient
	var expected := pattern(LARGE)
	var sent := NetTask.from(peer.send_async(expected))
	var result := await peer.recv(LARGE) as Array
	is_ok(result)
	same_bytes(result[1], expected)
	equal(await sent.wait(), [OK, LARGE])


#endregion
#region A stream of the engine inside our client


func test_a_wrapped_stream_is_as_good_as_any() -> void:
	var ends := await _wrapped_pair()
	var wrapped := ends[0]
	var peer := ends[1]
	equal(wrapped.get_status(), TcpClient.STATUS_CONNECTED)
	equal(wrapped.get_connected_host(), LOOPBACK)
	equal(wrapped.get_connected_port(), peer.get_local_port())
	equal(wrapped.get_local_port(), peer.get_connected_port())
	equal(await wrapped.wait_connected(), [OK])

	var pending := NetTask.from(wrapped.recv(3))
	peer.send(utf8("abcline\nuntil;"))
	peer.send_packet(utf8("packet"))
	equal(await pending.wait(), [OK, utf8("abc")])
	equal(await wrapped.recv_line(), [OK, "line"])
	equal(await wrapped.recv_until(utf8(";")), [OK, utf8("until;")])
	equal(await wrapped.recv_packet(), [OK, utf8("packet")])
	equal(await wrapped.recv(1, 0.05), [ERR_TIMEOUT, PackedByteArray()])

	is_ok(wrapped.send(utf8("one")))
	equal(await wrapped.send_async(utf8("two")), [OK, 3])
	equal(await peer.recv(6), [OK, utf8("onetwo")])


func test_a_wrapped_stream_moves_large_blocks_both_ways() -> void:
	var ends := await _wrapped_pair()
	var there := pattern(LARGE, 1)
	var back := pattern(LARGE, 2)
	var sent := [NetTask.from(ends[0].send_async(there)), NetTask.from(ends[1].send_async(back))]
	var received := [NetTask.from(ends[1].recv(LARGE)), NetTask.from(ends[0].recv(LARGE))]
	for task: NetTask in sent:
		equal(await task.wait(), [OK, LARGE])
	same_bytes((await (received[0] as NetTask).wait() as Array)[1], there, "from the wrapped stream")
	same_bytes((await (received[1] as NetTask).wait() as Array)[1], back, "to the wrapped stream")


func test_a_wrapped_stream_slows_a_flood() -> void:
	var ends := await _wrapped_pair()
	ends[0].max_buffered_bytes = 100_000
	var sent := NetTask.from(ends[1].send_async(pattern(4 * LARGE)))
	await wait_for(func() -> bool: return ends[0].get_available_bytes() >= 100_000)
	await frames(20)
	at_most(ends[0].get_available_bytes(), 100_000 + 256 * 1024)
	check(not sent.is_completed())
	same_bytes((await ends[0].recv(4 * LARGE) as Array)[1], pattern(4 * LARGE))


func test_the_peer_of_a_wrapped_stream_closes() -> void:
	var ends := await _wrapped_pair()
	var reasons: Array[int] = []
	ends[0].closed.connect(func(reason: int) -> void: reasons.append(reason))
	var waiting := NetTask.from(ends[0].recv(10))
	ends[1].send(utf8("abc"))
	ends[1].disconnect_from_host()
	equal(await waiting.wait(), [ERR_FILE_EOF, utf8("abc")])
	check(await wait_for(func() -> bool: return not reasons.is_empty()))
	equal(reasons, [TcpClient.CLOSE_BY_PEER] as Array[int])
	equal(ends[0].get_status(), TcpClient.STATUS_NONE)


func test_a_wrapped_stream_closes() -> void:
	var ends := await _wrapped_pair()
	var waiting := NetTask.from(ends[0].recv(10))
	ends[0].send(pattern(LARGE))
	ends[0].disconnect_from_host()
	equal(await waiting.wait(), [ERR_UNAVAILABLE, PackedByteArray()])
	same_bytes((await ends[1].recv(LARGE) as Array)[1], pattern(LARGE), "what was sent before")
	is_error(await ends[1].recv(1), ERR_FILE_EOF)
	equal(ends[0].get_close_reason(), TcpClient.CLOSE_BY_HOST)


func test_a_wrapped_stream_aborts() -> void:
	var ends := await _wrapped_pair()
	var sending := NetTask.from(ends[0].send_async(pattern(4 * LARGE)))
	ends[0].abort()
	is_error(await sending.wait(), ERR_UNAVAILABLE)
	# The engine's streams cannot report a reset.
	var result := await ends[1].recv(4 * LARGE) as Array
	check(result[0] in [ERR_FILE_EOF, ERR_CONNECTION_ERROR], str(result[0]))


func test_a_wrapped_stream_is_dropped() -> void:
	var ends := await _wrapped_pair()
	ends[0].send(pattern(LARGE))
	ends[0] = null
	same_bytes((await ends[1].recv(LARGE) as Array)[1], pattern(LARGE), "what was sent before")
	is_error(await ends[1].recv(1), ERR_FILE_EOF)


func test_a_wrapped_stream_inside_process() -> void:
	var ends := await _wrapped_pair()
	ends[0].auto_process = false
	var pending := NetTask.from(ends[0].recv(1))
	ends[1].send(utf8("x"))
	await frames(5)
	check(not pending.is_completed(), "not without its process()")
	await wait_for(
		func() -> bool:
			ends[0].process(2000)
			return pending.is_completed()
	)
	equal(pending.get_result(), [OK, utf8("x")])


func test_what_cannot_be_wrapped() -> void:
	var client := TcpClient.new()
	is_error(client.wrap_stream(null), ERR_INVALID_PARAMETER)
	var engine_log := EngineLog.new()
	var is_logged := engine_log.start()
	is_error(client.wrap_stream(StreamPeerTCP.new()), ERR_UNCONFIGURED)
	equal(engine_log.take_count(), 1 if is_logged else 0)
	engine_log.stop()
	var ends := await connect_pair()
	var listener := listen()
	is_error(ends[0].wrap_stream(await _engine_stream(listener)), ERR_ALREADY_IN_USE)


#endregion
#region Python


func test_client_against_python() -> void:
	var report := listen()
	start_python("res://tests/peers/echo_server.py", [str(report.get_local_port())])
	var reporter := (await report.accept(20.0) as Array)[1] as TcpClient
	if not check(reporter != null, "the echo server does not report"):
		return
	var port := ((await reporter.recv_line() as Array)[1] as String).to_int()

	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, port)
	equal(await client.wait_connected(), [OK])
	for number in 100:
		client.send(utf8("line %d\n" % number))
		equal(await client.recv_line(), [OK, "line %d" % number])
	var expected := pattern(LARGE)
	client.send(expected)
	same_bytes((await client.recv(LARGE) as Array)[1], expected)
	client.shutdown_send()
	is_error(await client.recv(1), ERR_FILE_EOF, "Python closes after our end")


func test_listener_against_python() -> void:
	var listener := listen()
	start_python("res://tests/peers/echo_client.py", [str(listener.get_local_port())])
	var peer := (await listener.accept(20.0) as Array)[1] as TcpClient
	if not check(peer != null, "the echo client does not come"):
		return
	var last := PackedByteArray()
	while true:
		var result := await peer.recv_some(65536, 20.0) as Array
		if result[0] != OK:
			is_error(result, ERR_FILE_EOF)
			break
		last = result[1]
		peer.send(last)
	equal(last.slice(-3), utf8("ok\n"))


#endregion


## A wrapped engine stream, and our listener's end of its connection.
func _wrapped_pair() -> Array[TcpClient]:
	var listener := listen()
	var stream := await _engine_stream(listener)
	var wrapped := TcpClient.new()
	is_ok(wrapped.wrap_stream(stream), "wrap_stream")
	return [wrapped, (await listener.accept() as Array)[1]]


func _engine_stream(listener: TcpListener) -> StreamPeerTCP:
	var stream := StreamPeerTCP.new()
	is_ok(stream.connect_to_host(LOOPBACK, listener.get_local_port()))
	check(await wait_for(func() -> bool: return _is_connected(stream)), "the engine's stream is connected")
	return stream


func _take(server: TCPServer) -> StreamPeerTCP:
	check(await wait_for(server.is_connection_available), "a connection has come")
	return server.take_connection()


func _is_connected(stream: StreamPeerTCP) -> bool:
	stream.poll()
	return stream.get_status() == StreamPeerTCP.STATUS_CONNECTED


func _available(stream: StreamPeerTCP) -> int:
	return stream.get_available_bytes() if _is_connected(stream) else 0
