extends UdpTest
## A handler receives what it asked for and no more: events before it is connected, or after a one-shot connection has
## fired, stay pending.

const MANY := 50


func test_await_takes_one_datagram() -> void:
	var socket := bound()
	await _send(socket, 3)
	for number in 3:
		var received: Array = await socket.datagram_received
		equal(received[0], utf8(str(number)))
		equal(socket.get_available_datagram_count(), 2 - number, "the others wait")
		await frames(1)
	equal(socket.dropped_datagrams, 0)


func test_a_handler_for_one_datagram() -> void:
	var socket := bound()
	var told: Array[String] = []
	var handler := func(data: PackedByteArray, _address: String, _port: int) -> void:
		told.append(data.get_string_from_ascii())
	socket.datagram_received.connect(handler, CONNECT_ONE_SHOT)
	await _send(socket, 3)
	await frames(3)
	equal(told, ["0"] as Array[String])
	equal(socket.get_available_datagram_count(), 2)
	equal((await socket.recv_from() as Array)[1], utf8("1"))


func test_a_handler_that_disconnects_itself() -> void:
	var socket := bound()
	var told: Array[String] = []
	var handler: Array[Callable] = []
	handler.append(
		func(data: PackedByteArray, _address: String, _port: int) -> void:
			told.append(data.get_string_from_ascii())
			if told.size() == 2:
				socket.datagram_received.disconnect(handler[0])
	)
	socket.datagram_received.connect(handler[0])
	await _send(socket, 5)
	await frames(3)
	equal(told, ["0", "1"] as Array[String])
	equal(socket.get_available_datagram_count(), 3)
	handler.clear()


func test_a_late_handler_gets_what_waits() -> void:
	var socket := bound()
	await _send(socket, MANY)
	await frames(3)
	equal(socket.get_available_datagram_count(), MANY)
	var told: Array[String] = []
	socket.datagram_received.connect(
		func(data: PackedByteArray, _address: String, _port: int) -> void: told.append(data.get_string_from_ascii())
	)
	await frames(2)
	if equal(told.size(), MANY, "nothing new has come"):
		equal(told[0] + " " + told[-1], "0 %d" % (MANY - 1))


func test_a_late_handler_of_a_socket_that_is_processed_by_hand() -> void:
	var socket := bound()
	socket.auto_process = false
	await _send(socket, 2)
	socket.process()
	var told: Array[String] = []
	socket.datagram_received.connect(
		func(data: PackedByteArray, _address: String, _port: int) -> void: told.append(data.get_string_from_ascii())
	)
	await frames(2)
	equal(told, [] as Array[String])
	socket.process()
	equal(told, ["0", "1"] as Array[String])


func test_await_takes_one_client() -> void:
	var listener := TcpListener.create(0, LOOPBACK)
	is_ok(listener.start())
	var clients := await _connect(listener, 3)
	for number in 3:
		var client: TcpClient = await listener.client_connected
		equal(client.get_connected_port(), clients[number].get_local_port())
	equal(listener.get_clients().size(), 3)


func test_a_late_handler_is_told_of_the_clients_that_wait() -> void:
	var listener := TcpListener.create(0, LOOPBACK)
	is_ok(listener.start())
	var clients := await _connect(listener, 3)
	await frames(3)
	var first := await listener.accept() as Array
	equal((first[1] as TcpClient).get_connected_port(), clients[0].get_local_port())
	var told: Array[int] = []
	listener.client_connected.connect(func(client: TcpClient) -> void: told.append(client.get_connected_port()))
	await frames(2)
	equal(told, [clients[1].get_local_port(), clients[2].get_local_port()] as Array[int], "those that nobody has taken")


## The client that was reported uses up the backlog of one, and the next handler is connected without a new event.
func test_a_late_handler_of_a_full_listener() -> void:
	var listener := TcpListener.create(0, LOOPBACK, 1)
	is_ok(listener.start())
	var clients: Array[TcpClient] = []
	for _i in 2:
		clients.append(TcpClient.new())
		clients[-1].connect_to_host(LOOPBACK, listener.get_local_port())
		is_ok(await clients[-1].wait_connected())
		await frames(3)
		if clients.size() == 1:
			check(await listener.client_connected is TcpClient)
	var told := []
	listener.client_connected.connect(func(client: TcpClient) -> void: told.append(client.get_connected_port()))
	check(await wait_for(func() -> bool: return not told.is_empty()), "told of the second one")
	equal(told, [clients[1].get_local_port()])


## Sends numbers as texts, and waits without a frame until all have arrived.
func _send(to: UdpSocket, count: int) -> void:
	var sender := bound()
	# Outside of any drain, data is sent at once.
	await frames(1)
	for number in count:
		is_ok(sender.send_to(utf8(str(number)), LOOPBACK, to.get_local_port()))
	var deadline := Time.get_ticks_msec() + 5000
	while to.get_available_datagram_count() < count and Time.get_ticks_msec() < deadline:
		OS.delay_msec(1)
	equal(to.get_available_datagram_count(), count)


func _connect(listener: TcpListener, count: int) -> Array[TcpClient]:
	var clients: Array[TcpClient] = []
	for _i in count:
		var client := TcpClient.new()
		client.connect_to_host(LOOPBACK, listener.get_local_port())
		is_ok(await client.wait_connected())
		clients.append(client)
	return clients
