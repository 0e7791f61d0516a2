extends TcpTest
## process() inside a handler, on sockets that are not open, and on sockets whose drain has changed.

const CLIENTS := 5


## An outer drain keeps its work, whatever a handler drains meanwhile.
func test_a_nested_drain_leaves_the_others_where_they_were() -> void:
	var manual := (await connect_pair())[0]
	manual.auto_process = false
	var listener := listen()
	var told_in: Array[int] = []
	var held: Array[TcpClient] = []
	for _i in CLIENTS:
		var ends := await connect_to(listener)
		held.append_array(ends)
		ends[0].emit_data = true
		ends[0].data_received.connect(
			func(_data: PackedByteArray) -> void:
				told_in.append(Engine.get_process_frames())
				manual.poll()
		)
	await frames(3)
	for i in CLIENTS:
		held[2 * i + 1].send(utf8("x"))
	OS.delay_msec(100)
	check(await wait_for(func() -> bool: return told_in.size() == CLIENTS))
	equal(told_in.count(told_in[0]), CLIENTS, "all in one frame")


func test_clients_of_a_stopped_listener() -> void:
	var listener := listen()
	var ends := await connect_to(listener)
	await frames(1)
	ends[1].auto_process = false
	listener.stop()
	var receiving := NetTask.from(ends[1].recv(1))
	ends[0].send(utf8("x"))
	OS.delay_msec(50)
	await frames(2)
	check(not receiving.is_completed())
	listener.process()
	equal(receiving.get_result(), [OK, utf8("x")], "its process() handles them as before")
	receiving = NetTask.from(ends[1].recv(1))
	ends[0].send(utf8("y"))
	OS.delay_msec(50)
	ends[1].process()
	equal(receiving.get_result(), [OK, utf8("y")], "and so does their own")


func test_clients_that_came_by_themselves() -> void:
	var listener := listen()
	listener.auto_process = false
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	var accepting := NetTask.from(listener.accept())
	check(await wait_for(_processed(listener, accepting.is_completed)))
	var accepted := (accepting.get_result() as Array)[1] as TcpClient
	var receiving := NetTask.from(accepted.recv(1))
	listener.stop()
	client.send(utf8("x"))
	check(await wait_for(_processed(listener, receiving.is_completed)))
	equal(receiving.get_result(), [OK, utf8("x")])


## An automatic client also gets a turn in its listener's process().
func test_automatic_clients_in_the_process_of_their_listener() -> void:
	var listener := listen()
	var ends := await connect_to(listener)
	await frames(1)
	var receiving := NetTask.from(ends[1].recv(1))
	ends[0].send(utf8("x"))
	OS.delay_msec(50)
	listener.process()
	equal(receiving.get_result(), [OK, utf8("x")])


func test_what_is_not_open_waits_its_time_out() -> void:
	var stopped := listen()
	stopped.stop()
	var sockets: Array[RefCounted] = [
		stopped, TcpListener.new(), TcpClient.new(), UdpSocket.new(), WebSocketServer.new()
	]
	for socket in sockets:
		var started := Time.get_ticks_usec()
		socket.call("process", 30_000)
		at_least(Time.get_ticks_usec() - started, 30_000, socket.get_class())
		equal(socket.call("process"), 0, "and has nothing to do")


func test_and_serves_the_others_meanwhile() -> void:
	var ends := await connect_pair()
	var receiving := NetTask.from(ends[0].recv(1))
	ends[1].send(utf8("x"))
	TcpListener.new().process(200_000)
	equal(receiving.get_result(), [OK, utf8("x")])


## A handler that calls process() on its own socket: other sockets are served, and the next event of this one comes
## after the handler has returned.
func test_a_handler_processes_its_own_socket() -> void:
	var ends := await connect_pair()
	var others := await connect_pair()
	ends[0].emit_data = true
	var told: Array[String] = []
	ends[0].data_received.connect(_answer_slowly.bind(weakref(ends[0]), others, told))
	ends[1].send(utf8("a"))
	check(await wait_for(func() -> bool: return not told.is_empty()))
	ends[1].send(utf8("b"))
	check(await wait_for(func() -> bool: return told.size() == 6), str(told))
	equal(told, ["begins a", "hears x", "ends a", "begins b", "hears x", "ends b"] as Array[String])


func test_a_socket_that_waits_becomes_automatic_and_back() -> void:
	var ends := await connect_pair()
	await frames(1)
	ends[0].auto_process = false
	var receiving := NetTask.from(ends[0].recv(1))
	ends[1].send(utf8("x"))
	OS.delay_msec(50)
	# Now it is waiting for its turn.
	(await connect_pair())[0].process(1000)
	ends[0].auto_process = true
	ends[0].auto_process = false
	await frames(2)
	check(not receiving.is_completed())
	ends[0].auto_process = true
	await frames(2)
	equal(receiving.get_result(), [OK, utf8("x")])


## An accepted client that connects elsewhere no longer belongs to its listener.
func test_an_accepted_client_that_connects_anew() -> void:
	var listener := listen()
	listener.auto_process = false
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	var accepting := NetTask.from(listener.accept())
	check(await wait_for(_processed(listener, accepting.is_completed)))
	var accepted := (accepting.get_result() as Array)[1] as TcpClient
	accepted.abort()
	var other := listen()
	is_ok(accepted.connect_to_host(LOOPBACK, other.get_local_port()))
	var connecting := NetTask.from(accepted.wait_connected())
	is_ok(await other.accept(5.0))
	OS.delay_msec(50)
	listener.process(1000)
	check(not connecting.is_completed(), "not by the listener")
	accepted.process(1000)
	is_ok(connecting.get_result())


## A condition for `wait_for` that processes the socket first.
func _processed(socket: RefCounted, condition: Callable) -> Callable:
	return func() -> bool:
		socket.call("process", 1000)
		return condition.call()


func _answer_slowly(data: PackedByteArray, client: WeakRef, others: Array[TcpClient], told: Array[String]) -> void:
	var name_of_it := data.get_string_from_ascii()
	told.append("begins %s" % name_of_it)
	var receiving := NetTask.from(others[0].recv(1))
	others[1].send(utf8("x"))
	(client.get_ref() as TcpClient).process(200_000)
	if receiving.is_completed():
		told.append("hears x")
	told.append("ends %s" % name_of_it)
