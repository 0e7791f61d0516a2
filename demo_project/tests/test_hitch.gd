extends TcpTest
## The main thread was busy for longer than a pending operation may take: what arrived meanwhile counts as in time.

const LIMIT := 0.1
const HITCH_MSEC := 300
const BLOCKS := 30


func test_a_connect() -> void:
	var listener := listen()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	var connecting := NetTask.from(client.wait_connected(LIMIT))
	OS.delay_msec(HITCH_MSEC)
	is_ok(await connecting.wait())


func test_an_accept() -> void:
	var listener := listen()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	var accepting := NetTask.from(listener.accept(LIMIT))
	OS.delay_msec(HITCH_MSEC)
	is_ok(await accepting.wait())


func test_a_receive_of_each_kind() -> void:
	var kinds: Array[Callable] = [
		func(client: TcpClient) -> Variant: return client.recv(2, LIMIT),
		func(client: TcpClient) -> Variant: return client.recv_some(10, LIMIT),
		func(client: TcpClient) -> Variant: return client.recv_line(10, LIMIT),
		func(client: TcpClient) -> Variant: return client.wait_readable(LIMIT),
	]
	for kind in kinds:
		var ends := await _connect_pair()
		var receiving := NetTask.from(kind.call(ends[0]))
		ends[1].send(utf8("x\n"))
		OS.delay_msec(HITCH_MSEC)
		is_ok(await receiving.wait(), "receive %d" % kinds.find(kind))


func test_a_datagram() -> void:
	var socket := UdpSocket.new()
	socket.bind(0, LOOPBACK)
	var receiving := NetTask.from(socket.recv_from(LIMIT))
	var sender := UdpSocket.new()
	sender.send_to(utf8("x"), LOOPBACK, socket.get_local_port())
	OS.delay_msec(HITCH_MSEC)
	is_ok(await receiving.wait())


func test_a_send() -> void:
	var ends := await _connect_pair()
	var sending := NetTask.from(ends[0].send_async(utf8("x"), LIMIT))
	OS.delay_msec(HITCH_MSEC)
	equal(await sending.wait(), [OK, 1])


func test_in_its_own_process() -> void:
	var listener := listen()
	listener.auto_process = false
	var client := TcpClient.new()
	client.auto_process = false
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	var connecting := NetTask.from(client.wait_connected(LIMIT))
	var accepting := NetTask.from(listener.accept(LIMIT))
	OS.delay_msec(HITCH_MSEC)
	# Their time also runs out in frames in which nothing processes them.
	await frames(3)
	client.process()
	is_ok(connecting.get_result())
	listener.process(1000)
	is_ok(accepting.get_result())


func test_in_the_process_of_a_listener() -> void:
	var listener := listen()
	listener.auto_process = false
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	var accepting := NetTask.from(listener.accept())
	while not accepting.is_completed():
		listener.process(1000)
	var accepted := (accepting.get_result() as Array)[1] as TcpClient
	var sending := NetTask.from(accepted.send_async(utf8("x"), LIMIT))
	OS.delay_msec(HITCH_MSEC)
	await frames(3)
	listener.process()
	equal(sending.get_result(), [OK, 1])


## The turns spent on a slow handler end before everything queued is handled; what is queued behind that is in time as
## well.
func test_behind_what_takes_several_turns() -> void:
	var ends := await _connect_pair()
	ends[0].emit_data = true
	var told := [0]
	ends[0].data_received.connect(
		func(_data: PackedByteArray) -> void:
			told[0] += 1
			OS.delay_msec(2)
	)
	for _block in BLOCKS:
		ends[1].send(utf8("x"))
		OS.delay_msec(3)
	var sending := NetTask.from(ends[0].send_async(utf8("y"), LIMIT))
	OS.delay_msec(HITCH_MSEC)
	equal(await sending.wait(), [OK, 1])
	at_least(told[0], 2, "there were several blocks before")


func test_what_has_not_come_is_too_late() -> void:
	var ends := await _connect_pair()
	var receiving := NetTask.from(ends[0].recv(1, LIMIT))
	var listener := listen()
	var accepting := NetTask.from(listener.accept(LIMIT))
	OS.delay_msec(HITCH_MSEC)
	await frames(2)
	is_error(receiving.get_result(), ERR_TIMEOUT)
	is_error(accepting.get_result(), ERR_TIMEOUT)


## A peer that never stops sending does not postpone the timeout.
func test_a_flood_does_not_stop_the_clock() -> void:
	var ends := await _connect_pair()
	ends[0].emit_data = true
	ends[0].data_received.connect(func(_data: PackedByteArray) -> void: OS.delay_usec(100))
	var feeding := [true]
	start(_feed.bind(ends[1], feeding))
	var large := PackedByteArray()
	large.resize(64 * 1024 * 1024)
	# Nothing reads at the other end.
	var sending := NetTask.from(ends[0].send_async(large, LIMIT))
	check(await wait_for(sending.is_completed))
	is_error(sending.get_result(), ERR_TIMEOUT)
	feeding[0] = false


## Both ends of a connection, outside of any drain, where data is sent at once.
func _connect_pair() -> Array[TcpClient]:
	var ends := await connect_pair()
	await frames(1)
	return ends


func _feed(client: TcpClient, feeding: Array) -> void:
	while feeding[0]:
		client.send(pattern(100_000))
		await get_tree().process_frame
