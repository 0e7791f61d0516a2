extends UdpTest
## A socket's life from bind to close, and misuse by scripts.


func test_a_close_resolves_what_waits() -> void:
	var ours := bound()
	var tasks: Array[NetTask] = []
	for timeout: float in [0.0, 100.0]:
		tasks.append(NetTask.from(ours.recv_from(timeout)))
	ours.close()
	for task in tasks:
		equal(await task.wait(), [ERR_UNAVAILABLE, PackedByteArray(), "", 0])
	check(not ours.is_bound())
	equal(ours.get_local_port(), 0)
	equal(ours.get_id(), 0)
	ours.close()


func test_stop_all_and_a_last_reference_resolve_too() -> void:
	var ours := bound()
	var waiting := NetTask.from(ours.recv_from())
	AsyncSockets.stop_all()
	is_error(await waiting.wait(), ERR_UNAVAILABLE)
	ours = bound()
	waiting = NetTask.from(ours.recv_from())
	ours = null
	is_error(await waiting.wait(), ERR_UNAVAILABLE)


func test_the_port_is_free_at_once() -> void:
	var ours := bound()
	var port := ours.get_local_port()
	for _time in 50:
		ours.close()
		if not is_ok(ours.bind(port, LOOPBACK), "bind again"):
			return
	ours = null
	var next := UdpSocket.new()
	is_ok(next.bind(port, LOOPBACK))
	equal(next.get_local_port(), port)


func test_what_was_sent_before_a_close_goes_out() -> void:
	var there := bound()
	var ours := bound()
	for number in 100:
		ours.send_to(PackedByteArray([number]), LOOPBACK, there.get_local_port())
	ours.close()
	for number in 100:
		equal((await there.recv_from(5.0) as Array)[1], PackedByteArray([number]))


func test_a_port_in_use() -> void:
	var first := bound()
	var second := UdpSocket.new()
	is_error(second.bind(first.get_local_port(), LOOPBACK), ERR_ALREADY_IN_USE)
	equal(second.get_last_error_message(), "port %d is already in use" % first.get_local_port())
	check(not second.is_bound())
	is_error(first.bind(0, LOOPBACK), ERR_ALREADY_IN_USE, "it is bound already")
	is_ok(second.bind(0, LOOPBACK))


func test_bad_addresses_and_ports() -> void:
	var ours := UdpSocket.new()
	for address: String in ["", "no address", "999.1.1.1", "example.org"]:
		is_error(ours.bind(0, address), ERR_INVALID_PARAMETER, address)
	for port: int in [-1, 65536, 1 << 40]:
		is_error(ours.bind(port), ERR_INVALID_PARAMETER, str(port))
		is_error(ours.send_to(utf8("x"), LOOPBACK, port), ERR_INVALID_PARAMETER, str(port))
	is_error(ours.bind(0, "192.0.2.1"), ERR_INVALID_PARAMETER, "an address of no interface here")
	is_error(ours.send_to(utf8("x"), "a b", 1), ERR_INVALID_PARAMETER)
	is_error(ours.send_to(utf8("x"), LOOPBACK, 0), ERR_INVALID_PARAMETER)
	is_error(ours.connect_to_host("", 1), ERR_INVALID_PARAMETER)
	equal(await ours.send_to_async(utf8("x"), "", 1), [ERR_INVALID_PARAMETER, 0])
	check(not ours.is_bound(), "nothing of this has bound it")


func test_bad_limits() -> void:
	var ours := UdpSocket.new()
	var before := [ours.max_datagrams, ours.max_buffered_bytes]
	for wrong: int in [0, -1, 1 << 31]:
		ours.max_datagrams = wrong
		ours.max_buffered_bytes = wrong
	equal([ours.max_datagrams, ours.max_buffered_bytes], before)


func test_receiving_without_a_bind() -> void:
	equal(await UdpSocket.new().recv_from(), [ERR_UNCONFIGURED, PackedByteArray(), "", 0])


func test_closing_inside_a_handler() -> void:
	var ours := bound()
	var count := [0]
	ours.datagram_received.connect(
		func(_data: PackedByteArray, _address: String, _port: int) -> void:
			count[0] += 1
			ours.close()
	)
	var sender := bound()
	var port := ours.get_local_port()
	for _time in 10:
		is_ok(await sender.send_to_async(utf8("x"), LOOPBACK, port))
	check(await wait_for(func() -> bool: return count[0] > 0))
	await frames(3)
	equal(count[0], 1)
	check(not ours.is_bound())
	ours.datagram_received.disconnect(ours.datagram_received.get_connections()[0]["callable"])


func test_a_loop_that_looks_at_no_error_leaves_the_frames_going() -> void:
	var ours := bound()
	var turns := [0]
	var loop := func() -> void:
		while turns[0] >= 0:
			turns[0] += 1
			await ours.recv_from()
	loop.call()
	ours.close()
	await frames(5)
	at_least(turns[0], 2.0)
	turns[0] = -1_000_000_000
	await frames(5)
