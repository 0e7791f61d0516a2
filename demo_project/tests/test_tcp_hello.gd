extends TcpTest
## A listener and a client: every way of sending and receiving.

const MEBIBYTE := 1024 * 1024


func time_limit(_test_name: String) -> float:
	return 20.0


func test_hello_world() -> void:
	var port := 5000
	if TCPServer.new().listen(port) != OK:
		port = free_port()

	var server := TcpListener.create(port)
	server.start()
	var client := TcpClient.new()
	client.timeout = 1
	client.connect_to_host("127.0.0.1", port)
	await client.connected
	var accepted := await server.accept() as Array
	(accepted[1] as TcpClient).send("hello world".to_ascii_buffer())
	var result := await client.recv(11) as Array
	equal(result, [OK, "hello world".to_ascii_buffer()])
	(accepted[1] as TcpClient).disconnect_from_host()
	await client.disconnected
	equal(client.get_status(), TcpClient.STATUS_NONE)


func test_both_ways() -> void:
	var ends := await connect_pair()
	for number in 10:
		is_ok(ends[0].send(utf8("ping %d" % number)))
		equal(await ends[1].recv(6), [OK, utf8("ping %d" % number)])
		is_ok(ends[1].send(utf8("pong %d" % number)))
		equal(await ends[0].recv(6), [OK, utf8("pong %d" % number)])


func test_who_is_connected() -> void:
	var listener := listen()
	var ends := await connect_to(listener)
	equal(ends[0].get_status(), TcpClient.STATUS_CONNECTED)
	equal(ends[0].get_connected_host(), LOOPBACK)
	equal(ends[0].get_connected_port(), listener.get_local_port())
	equal(ends[1].get_connected_port(), ends[0].get_local_port())
	equal(ends[1].get_local_port(), listener.get_local_port())
	not_equal(ends[0].get_id(), ends[1].get_id())
	equal(AsyncSockets.get_socket(ends[0].get_id()), ends[0])
	check(AsyncSockets.get_sockets().has(listener), "the listener is among the open sockets")
	equal(listener.get_clients(), [ends[1]] as Array[TcpClient])


func test_recv_takes_exactly_what_it_asks_for() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("one"))
	ends[1].send(utf8("two"))
	equal(await ends[0].recv(2), [OK, utf8("on")])
	equal(await ends[0].recv(4), [OK, utf8("etwo")])
	ends[1].send(utf8("x"))
	equal(await ends[0].wait_readable(), [OK, 1])
	equal(await ends[0].recv(0), [OK, PackedByteArray()])
	equal(await ends[0].recv(1), [OK, utf8("x")])


func test_recv_some_takes_what_is_there() -> void:
	var ends := await connect_pair()
	var pending := NetTask.from(ends[0].recv_some())
	ends[1].send(utf8("abcdef"))
	equal(await pending.wait(), [OK, utf8("abcdef")])
	ends[1].send(utf8("abcdef"))
	await ends[0].wait_readable()
	equal(await ends[0].recv_some(4), [OK, utf8("abcd")])
	equal(await ends[0].recv_some(4), [OK, utf8("ef")])


func test_recv_line() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("first\nsecond\r\n\n\r\nwith\rin\nfünf ☃ 𝄞\n"))
	for line: String in ["first", "second", "", "", "with\rin", "fünf ☃ 𝄞"]:
		equal(await ends[0].recv_line(), [OK, line])
	var pending := NetTask.from(ends[0].recv_line())
	ends[1].send(utf8("in two"))
	await frames(3)
	check(not pending.is_completed(), "half a line is none")
	ends[1].send(utf8(" parts\r"))
	ends[1].send(utf8("\n"))
	equal(await pending.wait(), [OK, "in two parts"])


func test_recv_line_over_its_limit_keeps_the_bytes() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("0123456789\n"))
	equal(await ends[0].recv_line(10), [ERR_OUT_OF_MEMORY, ""])
	equal(await ends[0].recv_line(11), [OK, "0123456789"])


func test_recv_until() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("head: 1\r\n\r\nbody"))
	equal(await ends[0].recv_until(utf8("\r\n\r\n")), [OK, utf8("head: 1\r\n\r\n")])
	equal(await ends[0].recv_until(utf8("dy")), [OK, utf8("body")])
	var pending := NetTask.from(ends[0].recv_until(utf8("aab")))
	for part: String in ["a", "a", "a", "b", "c"]:
		ends[1].send(utf8(part))
		await frames(2)
	equal(await pending.wait(), [OK, utf8("aaab")])
	equal(await ends[0].recv_until(utf8("x"), 1), [ERR_OUT_OF_MEMORY, PackedByteArray()])
	equal(await ends[0].recv(1), [OK, utf8("c")])


func test_packets() -> void:
	var ends := await connect_pair()
	var blocks: Array[PackedByteArray] = [PackedByteArray(), utf8("a"), pattern(300_000)]
	for order: bool in [false, true]:
		ends[0].big_endian = order
		ends[1].big_endian = order
		for block in blocks:
			is_ok(ends[0].send_packet(block))
		for block in blocks:
			var result := await ends[1].recv_packet() as Array
			is_ok(result)
			same_bytes(result[1], block, "packet")
	ends[0].send(PackedByteArray([0, 0, 0, 2, 7, 8]))
	equal(await ends[1].recv_packet(), [OK, PackedByteArray([7, 8])], "big endian on the wire")


func test_a_packet_over_the_limit() -> void:
	var ends := await connect_pair()
	ends[0].max_packet_size = 10
	ends[1].max_packet_size = 9
	is_error(ends[0].send_packet(pattern(11)), ERR_INVALID_PARAMETER)
	is_ok(ends[0].send_packet(pattern(10)))
	equal(await ends[1].recv_packet(), [ERR_OUT_OF_MEMORY, PackedByteArray()])
	ends[1].max_packet_size = 10
	equal(await ends[1].recv_packet(), [OK, pattern(10)], "the bytes are kept")


func test_wait_readable_takes_nothing() -> void:
	var ends := await connect_pair()
	var pending := NetTask.from(ends[0].wait_readable())
	ends[1].send(utf8("abc"))
	equal(await pending.wait(), [OK, 3])
	equal(ends[0].get_available_bytes(), 3)
	equal(await ends[0].wait_readable(), [OK, 3])
	equal(await ends[0].recv(3), [OK, utf8("abc")])
	equal(ends[0].get_available_bytes(), 0)


func test_send_async_tells_that_the_bytes_are_out() -> void:
	var ends := await connect_pair()
	equal(await ends[0].send_async(utf8("abc")), [OK, 3])
	equal(ends[0].get_pending_bytes(), 0)
	equal(await ends[0].send_async(PackedByteArray()), [OK, 0])
	var large := NetTask.from(ends[0].send_async(pattern(40 * MEBIBYTE)))
	var small := NetTask.from(ends[0].send_async(utf8("x")))
	equal(await small.wait(), [ERR_OUT_OF_MEMORY, 0], "behind one over the limit nothing more is taken")
	check(not large.is_completed(), "the peer reads nothing yet")
	equal(await ends[1].recv(3), [OK, utf8("abc")])
	var received := await ends[1].recv(40 * MEBIBYTE) as Array
	equal(await large.wait(), [OK, 40 * MEBIBYTE])
	is_ok(received)


func test_fifty_mebibytes_at_once() -> void:
	var ends := await connect_pair()
	var expected := pattern(50 * MEBIBYTE)
	at_most(ends[0].max_buffered_bytes, expected.size() / 10.0, "the default limit")
	var sent := NetTask.from(ends[1].send_async(expected))
	var received := await ends[0].recv(expected.size()) as Array
	is_ok(received)
	same_bytes(received[1], expected, "received")
	equal(await sent.wait(), [OK, expected.size()])


func test_receives_are_served_in_their_order() -> void:
	var ends := await connect_pair()
	var tasks: Array[NetTask] = [
		NetTask.from(ends[0].recv(3)),
		NetTask.from(ends[0].recv_line()),
		NetTask.from(ends[0].recv_packet()),
		NetTask.from(ends[0].recv_until(utf8("!"))),
		NetTask.from(ends[0].recv_some(2)),
		NetTask.from(ends[0].recv(1)),
	]
	ends[1].send(utf8("abcline\n"))
	ends[1].send_packet(utf8("packet"))
	ends[1].send(utf8("until!xyz"))
	var results: Array[Array] = []
	for task in tasks:
		results.append(await task.wait() as Array)
	equal(results[0], [OK, utf8("abc")])
	equal(results[1], [OK, "line"])
	equal(results[2], [OK, utf8("packet")])
	equal(results[3], [OK, utf8("until!")])
	equal(results[4], [OK, utf8("xy")])
	equal(results[5], [OK, utf8("z")])


func test_a_timeout_keeps_the_bytes() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("abc"))
	var before := Time.get_ticks_msec()
	equal(await ends[0].recv(10, 0.1), [ERR_TIMEOUT, PackedByteArray()])
	at_least(Time.get_ticks_msec() - before, 95)
	equal(await ends[0].recv_line(100, 0.05), [ERR_TIMEOUT, ""])
	equal(await ends[0].recv_until(utf8("x"), 100, 0.05), [ERR_TIMEOUT, PackedByteArray()])
	equal(await ends[0].recv_packet(0.05), [ERR_TIMEOUT, PackedByteArray()])
	equal(ends[0].get_status(), TcpClient.STATUS_CONNECTED)
	equal(await ends[0].recv(3), [OK, utf8("abc")])
	equal(await ends[0].wait_readable(0.05), [ERR_TIMEOUT, 0])
	equal(await ends[0].recv_some(1, 0.05), [ERR_TIMEOUT, PackedByteArray()])


func test_the_timeout_property() -> void:
	var ends := await connect_pair()
	ends[0].timeout = 0.05
	equal(await ends[0].recv(1), [ERR_TIMEOUT, PackedByteArray()])
	var never := NetTask.from(ends[0].recv(1, 0.0))
	await seconds(0.2)
	check(not never.is_completed(), "0 waits as long as it takes")
	ends[1].send(utf8("x"))
	equal(await never.wait(), [OK, utf8("x")])
	ends[0].timeout = 0.0
	var also_never := NetTask.from(ends[0].recv(1))
	await seconds(0.2)
	check(not also_never.is_completed(), "a property of 0 sets no limit")
	also_never.cancel()


func test_a_timeout_in_the_middle_lets_the_others_wait() -> void:
	var ends := await connect_pair()
	var first := NetTask.from(ends[0].recv(2))
	var second := NetTask.from(ends[0].recv(2, 0.05))
	var third := NetTask.from(ends[0].recv(2))
	equal(await second.wait(), [ERR_TIMEOUT, PackedByteArray()])
	ends[1].send(utf8("abcd"))
	equal(await first.wait(), [OK, utf8("ab")])
	equal(await third.wait(), [OK, utf8("cd")])


func test_accept_and_connect_have_their_time() -> void:
	var listener := listen()
	equal(await listener.accept(0.05), [ERR_TIMEOUT, null])
	check(listener.is_listening())
	# Nothing calls accept(); the connection is established nevertheless.
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	equal(await client.wait_connected(5.0), [OK])
	equal(await client.wait_connected(), [OK], "also when it stands already")


func test_bad_arguments_are_told_and_keep_the_shape() -> void:
	var ends := await connect_pair()
	var nothing := [ERR_INVALID_PARAMETER, PackedByteArray()]
	equal(await ends[0].recv(-1), nothing)
	equal(await ends[0].recv(1 << 40), nothing)
	equal(await ends[0].recv_some(0), nothing)
	equal(await ends[0].recv_some(-5), nothing)
	equal(await ends[0].recv_until(PackedByteArray()), nothing)
	equal(await ends[0].recv_until(utf8("x"), 0), nothing)
	equal(await ends[0].recv_line(0), [ERR_INVALID_PARAMETER, ""])
	equal(await ends[0].recv_line(-1), [ERR_INVALID_PARAMETER, ""])
	ends[0].max_buffered_bytes = 0
	equal(ends[0].max_buffered_bytes, TcpClient.new().max_buffered_bytes, "a bad limit is not taken")
	ends[1].send(utf8("x"))
	equal(await ends[0].recv(1), [OK, utf8("x")], "the connection is as good as before")
