extends TcpTest
## Whatever ends a socket ends all its pending operations with an error: nothing awaited hangs.

## Frames within which an action of this side must reach every pending operation.
const FEW_FRAMES := 3

const LARGE := 64 * 1024 * 1024

## The backlog of the engine's TCPServer.
const ENGINE_BACKLOG := 8

## Kept until the end of the test.
var _held: Array[RefCounted] = []


func time_limit(_test_name: String) -> float:
	return 20.0


func test_peer_closes() -> void:
	var ends := await connect_pair()
	var waiting := _receives(ends[0])
	ends[1].disconnect_from_host()
	await _all_end(waiting, ERR_FILE_EOF)


func test_peer_closes_with_some_bytes_on_the_way() -> void:
	var ends := await connect_pair()
	var waiting := NetTask.from(ends[0].recv(100))
	ends[1].send(utf8("abc"))
	ends[1].disconnect_from_host()
	equal(await waiting.wait(), [ERR_FILE_EOF, utf8("abc")], "the bytes that did arrive")
	equal(await ends[0].recv_some(), [ERR_FILE_EOF, PackedByteArray()])


func test_peer_aborts() -> void:
	var ends := await connect_pair()
	var waiting := _receives(ends[0])
	waiting["send_async"] = NetTask.from(ends[0].send_async(pattern(LARGE)))
	ends[1].abort()
	await _all_end(waiting, ERR_CONNECTION_ERROR)
	equal(ends[0].get_close_reason(), TcpClient.CLOSE_ERROR)


func test_local_close() -> void:
	var ends := await connect_pair()
	var waiting := _receives(ends[0])
	waiting["send_async"] = NetTask.from(ends[0].send_async(pattern(LARGE)))
	ends[0].disconnect_from_host()
	_none_has_ended(waiting)
	await _all_end(waiting, ERR_UNAVAILABLE, FEW_FRAMES)


func test_local_abort() -> void:
	var ends := await connect_pair()
	var waiting := _receives(ends[0])
	waiting["send_async"] = NetTask.from(ends[0].send_async(pattern(LARGE)))
	ends[0].abort()
	_none_has_ended(waiting)
	await _all_end(waiting, ERR_UNAVAILABLE, FEW_FRAMES)


func test_stop_all() -> void:
	var listener := listen()
	var ends := await connect_to(listener)
	var waiting := _receives(ends[0])
	waiting["send_async"] = NetTask.from(ends[0].send_async(pattern(LARGE)))
	var connecting := _connecting_for_ever()
	waiting["wait_connected"] = NetTask.from(connecting.wait_connected())
	waiting["accept"] = NetTask.from(listener.accept())
	AsyncSockets.stop_all()
	await _all_end(waiting, ERR_UNAVAILABLE, FEW_FRAMES)
	check(not listener.is_listening())
	equal(ends[0].get_status(), TcpClient.STATUS_NONE)


func test_last_reference_goes() -> void:
	var ends := await connect_pair()
	var waiting := _receives(ends[0])
	waiting["send_async"] = NetTask.from(ends[0].send_async(pattern(LARGE)))
	ends[0] = null
	await _all_end(waiting, ERR_UNAVAILABLE, FEW_FRAMES)


func test_last_reference_goes_while_connecting() -> void:
	var client := _connecting_for_ever()
	var waiting := _receives(client)
	waiting["wait_connected"] = NetTask.from(client.wait_connected())
	client = null
	await _all_end(waiting, ERR_UNAVAILABLE, FEW_FRAMES)


func test_close_while_connecting() -> void:
	for abort: bool in [false, true]:
		var client := _connecting_for_ever()
		var waiting := _receives(client)
		waiting["wait_connected"] = NetTask.from(client.wait_connected())
		if abort:
			waiting["send_async"] = NetTask.from(client.send_async(utf8("x")))
			client.abort()
		else:
			client.disconnect_from_host()
		await _all_end(waiting, ERR_UNAVAILABLE, FEW_FRAMES)


func test_sends_before_a_close_while_connecting_end_with_the_attempt() -> void:
	var client := _connecting_for_ever(0.2)
	var waiting := {"send_async": NetTask.from(client.send_async(utf8("x")))}
	client.disconnect_from_host()
	await frames(FEW_FRAMES)
	_none_has_ended(waiting)
	await _all_end(waiting, ERR_TIMEOUT)


func test_connection_refused() -> void:
	var client := TcpClient.new()
	is_ok(client.connect_to_host(LOOPBACK, free_port()))
	var waiting := _receives(client)
	waiting["wait_connected"] = NetTask.from(client.wait_connected())
	var sending := NetTask.from(client.send_async(utf8("x")))
	await _all_end(waiting, ERR_CANT_CONNECT)
	# It may have been refused at once, because the attempt had already failed.
	check(sending.is_completed() and (sending.get_result() as Array)[0] != OK, "send_async")
	equal(client.get_status(), TcpClient.STATUS_ERROR)
	equal(await client.wait_connected(), [ERR_CANT_CONNECT], "also when asked afterwards")
	equal(await client.recv(1), [ERR_CANT_CONNECT, PackedByteArray()])
	not_equal(client.get_last_error_message(), "")


func test_unknown_host() -> void:
	var client := TcpClient.new()
	is_ok(client.connect_to_host("nobody.invalid", 80))
	var waiting := _receives(client)
	waiting["wait_connected"] = NetTask.from(client.wait_connected())
	var sending := NetTask.from(client.send_async(utf8("x")))
	await _all_end(waiting, ERR_CANT_RESOLVE)
	# It may have been refused at once, because the attempt had already failed.
	check(sending.is_completed() and (sending.get_result() as Array)[0] != OK, "send_async")
	check(client.get_last_error_message().contains("nobody.invalid"), client.get_last_error_message())


func test_connect_timeout() -> void:
	var client := _connecting_for_ever(0.1)
	var waiting := _receives(client)
	waiting["wait_connected"] = NetTask.from(client.wait_connected())
	await _all_end(waiting, ERR_TIMEOUT)
	equal(client.get_close_reason(), TcpClient.CLOSE_TIMEOUT)


func test_never_connected() -> void:
	var client := TcpClient.new()
	var waiting := _receives(client)
	waiting["wait_connected"] = NetTask.from(client.wait_connected())
	waiting["send_async"] = NetTask.from(client.send_async(utf8("x")))
	await _all_end(waiting, ERR_UNCONFIGURED, 0)
	equal(await client.recv(1), [ERR_UNCONFIGURED, PackedByteArray()])
	equal(await client.send_async(utf8("x")), [ERR_UNCONFIGURED, 0])
	is_error(client.send(utf8("x")), ERR_UNCONFIGURED)
	equal(await TcpListener.new().accept(), [ERR_UNCONFIGURED, null])


func test_listener_stops() -> void:
	var listener := listen()
	var waiting := _accepts(listener)
	listener.stop()
	_none_has_ended(waiting)
	await _all_end(waiting, ERR_UNAVAILABLE, FEW_FRAMES)
	equal(await listener.accept(), [ERR_UNCONFIGURED, null], "it does not listen any more")


func test_listener_loses_its_last_reference() -> void:
	var listener := listen()
	var waiting := _accepts(listener)
	listener = null
	await _all_end(waiting, ERR_UNAVAILABLE, FEW_FRAMES)


func test_new_connection_ends_what_waits_for_the_old_one() -> void:
	var listener := listen()
	var ends := await connect_to(listener)
	var waiting := _receives(ends[0])
	ends[0].disconnect_from_host()
	is_ok(ends[0].connect_to_host(LOOPBACK, listener.get_local_port()))
	await _all_end(waiting, ERR_UNAVAILABLE, FEW_FRAMES)
	equal(await ends[0].wait_connected(), [OK])


## The timeouts of an old connection must not affect the new one.
func test_timeouts_of_a_new_connection() -> void:
	var listener := listen()
	var ends := await connect_to(listener)
	NetTask.from(ends[0].recv(1, 0.3))
	ends[0].disconnect_from_host()
	is_ok(ends[0].connect_to_host(LOOPBACK, listener.get_local_port()))
	equal(await ends[0].wait_connected(), [OK])
	equal(await ends[0].recv(1, 0.5), [ERR_TIMEOUT, PackedByteArray()])
	NetTask.from(listener.accept(0.3))
	listener.stop()
	listener.start()
	equal(await listener.accept(0.5), [ERR_TIMEOUT, null])


func test_a_loop_that_looks_at_no_error_leaves_the_frames_going() -> void:
	var ends := await connect_pair()
	var counter := {"results": 0, "stop": false}
	start(_receive_in_a_loop.bind(ends[0], counter))
	ends[1].disconnect_from_host()
	await ends[0].disconnected
	await frames(20)
	at_least(counter["results"], 20)
	counter["stop"] = true
	await frames(2)


## Quitting also resolves pending operations: a second engine's coroutines print their results.
func test_quitting_the_engine() -> void:
	var output := await run_child("quit_while_waiting")
	for operation: String in ["recv", "recv_line", "recv_some", "accept", "wait_connected", "send_async"]:
		check(output.contains("%s: %d" % [operation, ERR_UNAVAILABLE]), "%s is not in\n%s" % [operation, output])


func _receive_in_a_loop(client: TcpClient, counter: Dictionary) -> void:
	while not counter["stop"]:
		await client.recv(1)
		counter["results"] += 1


func _receives(client: TcpClient) -> Dictionary:
	return {
		"recv": NetTask.from(client.recv(100)),
		"recv_some": NetTask.from(client.recv_some()),
		"recv_line": NetTask.from(client.recv_line()),
		"recv_until": NetTask.from(client.recv_until(utf8("x"))),
		"recv_packet": NetTask.from(client.recv_packet()),
		"wait_readable": NetTask.from(client.wait_readable()),
	}


func _accepts(listener: TcpListener) -> Dictionary:
	return {"first": NetTask.from(listener.accept()), "second": NetTask.from(listener.accept(100.0))}


## An attempt that stays pending until something ends it: the other side's backlog is full.
func _connecting_for_ever(connect_timeout := 30.0) -> TcpClient:
	var client := TcpClient.new()
	client.connect_timeout = connect_timeout
	is_ok(client.connect_to_host(LOOPBACK, _silent_port()))
	return client


## A port whose connections are neither accepted nor refused (on Windows, refused only after seconds).
func _silent_port() -> int:
	var server := TCPServer.new()
	server.listen(0, LOOPBACK)
	_held.append(server)
	for _i in 2 * ENGINE_BACKLOG:
		var stream := StreamPeerTCP.new()
		stream.connect_to_host(LOOPBACK, server.get_local_port())
		_held.append(stream)
	return server.get_local_port()


func _none_has_ended(waiting: Dictionary) -> void:
	for operation: String in waiting:
		check(not (waiting[operation] as NetTask).is_completed(), "%s ended inside the call" % operation)


## Waits this many frames, or for some seconds if it depends on the other side.
func _all_end(waiting: Dictionary, error: Error, within_frames := -1) -> void:
	if within_frames >= 0:
		await frames(within_frames)
	else:
		var all_done := func() -> bool:
			return waiting.values().all(func(task: NetTask) -> bool: return task.is_completed())
		await wait_for(all_done)
	for operation: String in waiting:
		var task := waiting[operation] as NetTask
		if check(task.is_completed(), "%s still waits" % operation):
			is_error(task.get_result(), error, operation)
