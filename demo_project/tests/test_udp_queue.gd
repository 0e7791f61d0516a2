extends UdpTest
## The queues: datagrams waiting for receives, receives waiting for datagrams, and datagrams dropped and counted.

const MANY := 10_000
const KEPT := 4000


func time_limit(_test_name: String) -> float:
	return 30.0


func test_ten_thousand_are_received_or_counted() -> void:
	var ours := bound()
	ours.max_datagrams = KEPT
	var sender := bound()
	await _send_many(sender, ours)
	equal(ours.get_available_datagram_count(), KEPT)
	equal(ours.dropped_datagrams, MANY - KEPT, "the loss is explained")
	# The oldest were dropped; the others arrive in order.
	for number in range(MANY - KEPT, MANY):
		var received := await ours.recv_from(5.0) as Array
		if not equal((received[1] as PackedByteArray).decode_u32(0), number):
			return
	equal(ours.get_available_datagram_count(), 0)


func test_ten_thousand_are_received_as_they_come() -> void:
	var ours := bound()
	var sender := bound()
	var count := [0]
	ours.datagram_received.connect(func(_data: PackedByteArray, _address: String, _port: int) -> void: count[0] += 1)
	var started := Time.get_ticks_usec()
	await _send_many(sender, ours)
	check(await wait_for(func() -> bool: return count[0] + ours.dropped_datagrams == MANY))
	print("  %d datagrams in %d ms" % [MANY, (Time.get_ticks_usec() - started) / 1000])
	equal(ours.dropped_datagrams, 0)


func test_a_burst_from_the_engine() -> void:
	var ours := bound()
	var sender := PacketPeerUDP.new()
	sender.set_dest_address(LOOPBACK, ours.get_local_port())
	for number in MANY:
		sender.put_packet(pattern(16, number))
	# A burst may overrun the system's own buffer, whose drops are not counted; ours drops nothing.
	var seen := func() -> int: return ours.get_available_datagram_count() + ours.dropped_datagrams
	var before := -1
	while seen.call() != before:
		before = seen.call()
		await seconds(0.1)
	print("  of %d sent without a pause %d arrived, %d of them dropped" % [MANY, before, ours.dropped_datagrams])
	equal(ours.dropped_datagrams, 0)
	at_least(before, 100.0)


func test_bytes_are_limited_too() -> void:
	var ours := bound()
	ours.max_buffered_bytes = 10_000
	var sender := bound()
	for number in 20:
		is_ok(await sender.send_to_async(pattern(1000, number), LOOPBACK, ours.get_local_port()))
	check(await wait_for(func() -> bool: return ours.dropped_datagrams == 10))
	equal(ours.get_available_datagram_count(), 10)
	equal((await ours.recv_from() as Array)[1], pattern(1000, 10), "the oldest were dropped")
	# The newest datagram is kept, whatever its size.
	is_ok(await sender.send_to_async(pattern(20_000), LOOPBACK, ours.get_local_port()))
	check(await wait_for(func() -> bool: return ours.get_available_datagram_count() == 1))
	equal((await ours.recv_from() as Array)[1], pattern(20_000))


func test_bytes_to_be_sent_are_limited() -> void:
	var ours := UdpSocket.new()
	equal(ours.max_pending_bytes, 16 * 1024 * 1024)
	ours.max_pending_bytes = 1000
	is_ok(ours.bind(0, LOOPBACK))
	var peer := bound()
	is_error(ours.send_to(pattern(2000), LOOPBACK, peer.get_local_port()), ERR_OUT_OF_MEMORY)
	check(not ours.get_last_error_message().is_empty(), "the refusal has words")
	is_ok(ours.send_to(pattern(500), LOOPBACK, peer.get_local_port()))
	equal((await peer.recv_from(5.0) as Array)[1], pattern(500))
	ours.max_pending_bytes = 0
	equal(ours.max_pending_bytes, 1000, "0 is refused")
	ours.max_pending_bytes = 3000
	is_ok(ours.send_to(pattern(2000), LOOPBACK, peer.get_local_port()))
	equal((await peer.recv_from(5.0) as Array)[1], pattern(2000))


func test_the_count_begins_with_the_bind() -> void:
	var ours := bound()
	ours.max_datagrams = 1
	var sender := bound()
	for _time in 3:
		is_ok(await sender.send_to_async(utf8("x"), LOOPBACK, ours.get_local_port()))
	check(await wait_for(func() -> bool: return ours.dropped_datagrams == 2))
	ours.close()
	equal(ours.dropped_datagrams, 0)
	is_ok(ours.bind(0, LOOPBACK))
	equal(ours.dropped_datagrams, 0)


func test_receives_are_served_in_their_order() -> void:
	var ours := bound()
	var sender := bound()
	var tasks: Array[NetTask] = []
	for _number in 5:
		tasks.append(NetTask.from(ours.recv_from(10.0)))
	tasks[1].cancel()
	for number in 4:
		is_ok(sender.send_to(PackedByteArray([number]), LOOPBACK, ours.get_local_port()))
	var got: Array[int] = []
	for task in tasks:
		var result := await task.wait() as Array
		got.append((result[1] as PackedByteArray)[0] if result[0] == OK else -result[0])
	equal(got, [0, -ERR_SKIP, 1, 2, 3] as Array[int])


func test_a_cancelled_receive_takes_nothing() -> void:
	var ours := bound()
	var task := NetTask.from(ours.recv_from())
	task.cancel()
	equal(task.get_result(), [ERR_SKIP, PackedByteArray(), "", 0])
	is_ok(await bound().send_to_async(utf8("kept"), LOOPBACK, ours.get_local_port()))
	equal((await ours.recv_from(5.0) as Array)[1], utf8("kept"))


func test_a_timeout() -> void:
	var ours := bound()
	var started := Time.get_ticks_msec()
	equal(await ours.recv_from(0.2), [ERR_TIMEOUT, PackedByteArray(), "", 0])
	at_least(Time.get_ticks_msec() - started, 190.0)
	is_ok(await bound().send_to_async(utf8("later"), LOOPBACK, ours.get_local_port()))
	equal((await ours.recv_from(5.0) as Array)[1], utf8("later"))


func test_the_signal_gets_what_no_receive_waits_for() -> void:
	var ours := bound()
	var sender := bound()
	var signalled: Array[Array] = []
	ours.datagram_received.connect(
		func(data: PackedByteArray, address: String, port: int) -> void: signalled.append([data, address, port])
	)
	var waiting := NetTask.from(ours.recv_from())
	for number in 3:
		is_ok(sender.send_to(PackedByteArray([number]), LOOPBACK, ours.get_local_port()))
	check(await wait_for(func() -> bool: return signalled.size() == 2))
	equal(await waiting.wait(), [OK, PackedByteArray([0]), LOOPBACK, sender.get_local_port()])
	for number: int in [1, 2]:
		equal(signalled[number - 1], [PackedByteArray([number]), LOOPBACK, sender.get_local_port()])


func test_a_listener_that_comes_late_gets_what_waits() -> void:
	var ours := bound()
	is_ok(await bound().send_to_async(utf8("early"), LOOPBACK, ours.get_local_port()))
	check(await wait_for(func() -> bool: return ours.get_available_datagram_count() == 1))
	var signalled: Array[PackedByteArray] = []
	ours.datagram_received.connect(
		func(data: PackedByteArray, _address: String, _port: int) -> void: signalled.append(data)
	)
	is_ok(await bound().send_to_async(utf8("late"), LOOPBACK, ours.get_local_port()))
	check(await wait_for(func() -> bool: return signalled.size() == 2))
	equal(signalled, [utf8("early"), utf8("late")] as Array[PackedByteArray])


func test_processing_by_hand() -> void:
	var ours := bound()
	ours.auto_process = false
	var waiting := NetTask.from(ours.recv_from())
	is_ok(await bound().send_to_async(utf8("x"), LOOPBACK, ours.get_local_port()))
	check(await wait_for(func() -> bool: return ours.get_available_datagram_count() == 1))
	await frames(3)
	check(not waiting.is_completed(), "not without its process()")
	at_least(ours.process(), 1.0)
	equal((waiting.get_result() as Array)[1], utf8("x"))


func test_time_given_to_the_network_answers_at_once() -> void:
	var ours := bound()
	var peer := bound()
	var rounds := [0]
	ours.datagram_received.connect(
		func(data: PackedByteArray, address: String, port: int) -> void: ours.send_to(data, address, port)
	)
	peer.datagram_received.connect(
		func(data: PackedByteArray, address: String, port: int) -> void:
			rounds[0] += 1
			peer.send_to(data, address, port)
	)
	peer.send_to(utf8("ping"), LOOPBACK, ours.get_local_port())
	ours.process(200_000)
	print("  %d round trips in one frame of 0.2 s" % rounds[0])
	at_least(rounds[0], 50.0)
	for socket: UdpSocket in [ours, peer]:
		for connection in socket.datagram_received.get_connections():
			socket.datagram_received.disconnect(connection["callable"])


## Sends numbers. A sender that never pauses overruns the system's own buffer, whose drops are not counted.
func _send_many(sender: UdpSocket, to: UdpSocket) -> void:
	var port := to.get_local_port()
	var data := PackedByteArray()
	data.resize(4)
	var taken_before := AsyncSockets.get_statistics()["bytes_received"] as int
	for number in MANY:
		data.encode_u32(0, number)
		is_ok(sender.send_to(data, LOOPBACK, port))
		if number % 64 == 63:
			var all := 4 * (number + 1) + taken_before
			check(await wait_for(func() -> bool: return AsyncSockets.get_statistics()["bytes_received"] >= all))
	var everything := 4 * MANY + taken_before
	check(await wait_for(func() -> bool: return AsyncSockets.get_statistics()["bytes_received"] >= everything))
