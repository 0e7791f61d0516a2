extends TcpTest
# time_limit: 240
## Every queue is bounded: data that a peer does not read, data that the script does not read, and new connections.

const MEBIBYTE := 1024 * 1024
## The most that one read of a connection takes, in bytes.
const READ_SIZE := 64 * 1024
## Bytes by which the process may grow beyond what a test counts.
const SLACK := 24 * MEBIBYTE
const BLOCK := 16


func time_limit(_test_name: String) -> float:
	return 60.0


func test_a_peer_that_never_reads() -> void:
	var server := TCPServer.new()
	server.listen(0, LOOPBACK)
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, server.get_local_port())
	await client.wait_connected()
	await wait_for(server.is_connection_available)
	var peer := server.take_connection()

	var block := pattern(100_000)
	var memory := _resident_bytes()
	var sent := 0
	var error := OK
	for _i in 10_000:
		error = client.send(block)
		if error != OK:
			break
		sent += block.size()
		if sent % (10 * block.size()) == 0:
			await frames(1)
	is_error(error, ERR_OUT_OF_MEMORY)
	at_most(client.get_pending_bytes(), client.max_pending_bytes)
	at_most(_resident_bytes() - memory, client.max_pending_bytes + SLACK, "the process grew")
	await frames(10)
	var pending := client.get_pending_bytes()
	is_error(client.send(pattern(client.max_pending_bytes)), ERR_OUT_OF_MEMORY)
	equal(client.get_pending_bytes(), pending, "nothing of a refused block is queued")
	equal(client.get_status(), TcpClient.STATUS_CONNECTED)

	var received := 0
	while received < sent:
		peer.poll()
		var available := peer.get_available_bytes()
		if available == 0:
			await frames(1)
			continue
		var part := peer.get_data(available)[1] as PackedByteArray
		for index: int in [0, part.size() - 1]:
			if part[index] != block[(received + index) % block.size()]:
				fail("byte %d" % (received + index))
				return
		received += part.size()
	equal(received, sent, "everything that was taken arrives")
	check(await wait_for(func() -> bool: return client.get_pending_bytes() == 0))
	is_ok(client.send(block), "and there is room again")


func test_a_small_limit_of_what_waits_to_be_sent() -> void:
	var client := TcpClient.new()
	client.max_pending_bytes = 10
	var listener := listen()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	is_ok(client.send(utf8("0123456789")), "before the connection stands")
	is_error(client.send(utf8("0123456789a")), ERR_OUT_OF_MEMORY)
	await client.wait_connected()
	check(await wait_for(func() -> bool: return client.get_pending_bytes() == 0))
	is_error(client.send(utf8("0123456789a")), ERR_OUT_OF_MEMORY, "never more than the limit at once")
	is_ok(client.send(utf8("abcdefghij")))
	var peer := (await listener.accept() as Array)[1] as TcpClient
	equal(await peer.recv(20), [OK, utf8("0123456789abcdefghij")])


func test_a_flood_that_nobody_reads() -> void:
	var blocks := 600_000
	var listener := listen()
	start_python("res://tests/peers/flood.py", [str(listener.get_local_port()), str(blocks)])
	var client := (await listener.accept(30.0) as Array)[1] as TcpClient
	var limit := 200_000
	client.max_buffered_bytes = limit
	var memory := _resident_bytes()
	check(await wait_for(func() -> bool: return client.get_available_bytes() >= limit), "the buffer is full")
	for _i in 60:
		await frames(1)
		at_most(client.get_available_bytes(), TcpClient.new().max_buffered_bytes + READ_SIZE, "buffered")
	at_most(_resident_bytes() - memory, SLACK, "the process grew")

	var number := 0
	while true:
		var result := await client.recv(BLOCK * 1000, 30.0) as Array
		var bytes := result[1] as PackedByteArray
		for at in range(0, bytes.size(), BLOCK):
			if bytes.decode_u64(at) != number:
				fail("block %d" % number)
				return
			number += 1
		if result[0] != OK:
			is_error(result, ERR_FILE_EOF)
			break
	equal(number, blocks, "every block arrives, in its order")


func test_a_limit_set_before_the_flood() -> void:
	var listener := listen()
	var client := TcpClient.new()
	client.max_buffered_bytes = 1000
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	var peer := (await listener.accept() as Array)[1] as TcpClient
	var sent := NetTask.from(peer.send_async(pattern(20 * MEBIBYTE)))
	check(await wait_for(func() -> bool: return client.get_available_bytes() >= 1000), "the buffer is full")
	await frames(20)
	at_most(client.get_available_bytes(), 1999, "one read more, which is no larger than the limit")
	check(not sent.is_completed(), "TCP slows the peer")
	same_bytes((await client.recv(20 * MEBIBYTE) as Array)[1], pattern(20 * MEBIBYTE))
	is_ok(await sent.wait())


func test_many_small_messages_in_the_queue() -> void:
	var ends := await connect_pair()
	ends[0].auto_process = false
	for number in 20_000:
		ends[1].send(utf8("%07d\n" % number))
		if number % 100 == 0:
			await frames(1)
	ends[0].auto_process = true
	for number in 20_000:
		var line := await ends[0].recv_line() as Array
		if line[0] != OK or line[1] != "%07d" % number:
			fail("message %d: %s" % [number, line])
			return
	check(true)


func test_max_clients() -> void:
	var listener := TcpListener.create(0, LOOPBACK)
	listener.max_clients = 2
	is_ok(listener.start())
	var clients: Array[TcpClient] = []
	for _i in 4:
		clients.append(TcpClient.new())
		clients[-1].connect_to_host(LOOPBACK, listener.get_local_port())
	var first := (await listener.accept(5.0) as Array)[1] as TcpClient
	var second := (await listener.accept(5.0) as Array)[1] as TcpClient
	is_error(await listener.accept(0.2), ERR_TIMEOUT, "the third waits")
	equal(listener.get_clients().size(), 2)
	first.disconnect_from_host()
	var third := await listener.accept(10.0) as Array
	is_ok(third, "one goes, the next comes")
	is_error(await listener.accept(0.2), ERR_TIMEOUT)
	second.disconnect_from_host()
	is_ok(await listener.accept(10.0))


func test_nobody_accepts() -> void:
	var listener := TcpListener.create(0, LOOPBACK, 4)
	is_ok(listener.start())
	var clients: Array[TcpClient] = []
	for _i in 20:
		clients.append(TcpClient.new())
		clients[-1].connect_to_host(LOOPBACK, listener.get_local_port())
		# One after the other: a system drops connects of a burst longer than its backlog.
		is_ok(await clients[-1].wait_connected(5.0))
	at_most(listener.get_clients().size(), 4, "not more than the backlog are made into clients")
	for number in 20:
		if not is_ok(await listener.accept(10.0), "accept %d" % number):
			return


func test_two_hundred_at_the_same_instant() -> void:
	var listener := listen()
	var engines: Array[StreamPeerTCP] = []
	var started := Time.get_ticks_usec()
	for _i in 200:
		var stream := StreamPeerTCP.new()
		stream.connect_to_host(LOOPBACK, listener.get_local_port())
		engines.append(stream)
	var accepted: Array[TcpClient] = []
	while accepted.size() < 200:
		var result := await listener.accept(5.0) as Array
		if not is_ok(result, "accepted %d" % accepted.size()):
			return
		accepted.append(result[1])
	print("200 clients accepted in %.1f ms" % ((Time.get_ticks_usec() - started) / 1000.0))
	var all_connected := func() -> bool:
		return engines.all(
			func(stream: StreamPeerTCP) -> bool:
				stream.poll()
				return stream.get_status() == StreamPeerTCP.STATUS_CONNECTED
		)
	check(await wait_for(all_connected, 0.9), "nobody needed a second try, which takes a second")


func test_a_thousand_at_once() -> void:
	var count := mini(1000, (_file_limit() - 200) / 2)
	if count < 1000:
		print("only %d, as more files may not be open" % count)
	var listener := listen()
	listener.client_connected.connect(_echo)
	var clients: Array[TcpClient] = []
	var tasks: Array[NetTask] = []
	for number in count:
		var client := TcpClient.new()
		client.connect_to_host(LOOPBACK, listener.get_local_port())
		client.send(utf8("client %d\n" % number))
		tasks.append(NetTask.from(client.recv_line()))
		clients.append(client)
	var results := await NetTask.all(tasks) as Array
	for number in count:
		if results[number] != [OK, "client %d" % number]:
			fail("client %d: %s" % [number, results[number]])
			return
	equal(listener.get_clients().size(), count)
	clients.clear()
	check(await wait_for(func() -> bool: return listener.get_clients().is_empty(), 20.0), "all are gone")


func _echo(client: TcpClient) -> void:
	while true:
		var line := await client.recv_line() as Array
		if line[0] != OK:
			return
		client.send(utf8(line[1] + "\n"))


## The memory of this process in bytes; 0 if the system does not report it.
func _resident_bytes() -> int:
	for line in read_of_linux("/proc/self/status").split("\n"):
		if line.begins_with("VmRSS:"):
			return line.to_int() * 1024
	return 0


## The maximum number of open files and sockets of this process.
func _file_limit() -> int:
	for line in read_of_linux("/proc/self/limits").split("\n"):
		if line.begins_with("Max open files"):
			return line.trim_prefix("Max open files").strip_edges().get_slice(" ", 0).to_int()
	return 256 if OS.get_name() == "macOS" else 4096
