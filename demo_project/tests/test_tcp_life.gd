extends TcpTest
# time_limit: 300
## Lifetimes: from the first reference to the last, in any thread, and from loading the library to unloading it.

const MEBIBYTE := 1024 * 1024


func time_limit(_test_name: String) -> float:
	return 100.0


#region The last reference


func test_dropping_a_client_closes_it_and_loses_nothing() -> void:
	var ends := await connect_pair()
	ends[0].send(pattern(5 * MEBIBYTE))
	ends[0] = null
	same_bytes((await ends[1].recv(5 * MEBIBYTE) as Array)[1], pattern(5 * MEBIBYTE), "what was sent before")
	equal(await ends[1].recv(1), [ERR_FILE_EOF, PackedByteArray()], "and then the end")


func test_dropping_a_client_while_it_connects() -> void:
	var listener := listen()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	client = null
	var accepted := await listener.accept(1.0) as Array
	if accepted[0] == OK:
		is_error(await (accepted[1] as TcpClient).recv(1), ERR_FILE_EOF)
	else:
		is_error(accepted, ERR_TIMEOUT, "it never stood")


func test_dropping_a_listener_frees_the_port() -> void:
	var port := free_port()
	for _i in 10:
		var listener := TcpListener.create(port, LOOPBACK)
		is_ok(listener.start())
		listener = null


func test_dropping_a_listener_closes_what_nobody_has_taken() -> void:
	var listener := listen()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	equal(await client.wait_connected(), [OK])
	while _count_clients(listener) == 0:
		await frames(1)
	listener = null
	var result := await client.recv(1, 10.0) as Array
	check(result[0] in [ERR_FILE_EOF, ERR_CONNECTION_ERROR], str(result))


func test_clients_outlive_their_listener() -> void:
	var listener := listen()
	var ends := await connect_to(listener)
	listener.stop()
	listener = null
	ends[0].send(utf8("x"))
	equal(await ends[1].recv(1), [OK, utf8("x")])


func test_freeing_a_scene_in_the_middle_of_traffic() -> void:
	var server := listen()
	for _round in 5:
		var scene := Chatter.new()
		scene.port = server.get_local_port()
		add_child(scene)
		var peer := (await server.accept() as Array)[1] as TcpClient
		is_ok(await peer.recv(100_000))
		scene.queue_free()
		scene = null
		var result: Array = [OK]
		while result[0] == OK:
			result = await peer.recv_some(65536, 10.0) as Array
		is_error(result, ERR_FILE_EOF, "the scene's client is closed")
	await frames(2)
	equal(AsyncSockets.get_sockets(), [server] as Array[RefCounted], "nothing is left behind")


func test_many_lives() -> void:
	var listener := listen()
	for _i in 500:
		var client := TcpClient.new()
		client.connect_to_host(LOOPBACK, listener.get_local_port())
		client.recv(1)
		client.send(utf8("x"))
	# Connections that the listener has accepted by then end with it.
	listener.stop()
	var all_gone := func() -> bool: return AsyncSockets.get_sockets().is_empty()
	check(await wait_for(all_gone), "nothing is left behind")


#endregion
#region Other threads


## Each call is refused with a clear message, and none crashes.
func test_calls_from_another_thread_are_refused() -> void:
	var ends := await connect_pair()
	var listener := listen()
	var calls: Array[Callable] = [
		func() -> void: ends[0].recv(1),
		func() -> void: ends[0].send(PackedByteArray([1])),
		func() -> void: ends[0].send_async(PackedByteArray([1])),
		func() -> void: ends[0].wait_connected(),
		func() -> void: ends[0].connect_to_host(LOOPBACK, 1),
		func() -> void: ends[0].process(),
		func() -> void: ends[0].disconnect_from_host(),
		func() -> void: ends[0].get_status(),
		func() -> void: ends[0].get_available_bytes(),
		func() -> void: ends[0].get_pending_bytes(),
		func() -> void: listener.accept(),
		func() -> void: listener.start(),
		func() -> void: listener.stop(),
		func() -> void: listener.process(1000),
		func() -> void: NetTask.all([1, 2]),
		func() -> void: NetTask.from(1),
		func() -> void: AsyncSockets.get_sockets(),
		func() -> void: AsyncSockets.stop_all(),
	]
	for call in calls:
		await _in_a_thread(call)
	check(listener.is_listening(), "nothing has happened")
	ends[1].send(utf8("x"))
	equal(await ends[0].recv(1), [OK, utf8("x")], "the connection is as good as before")


func test_objects_made_in_another_thread() -> void:
	await _in_a_thread(
		func() -> Variant:
			var client := TcpClient.new()
			client.connect_to_host(LOOPBACK, 80)
			client = null
			var listener := TcpListener.create(0)
			listener.start()
			return null
	)
	var holder: Array[TcpClient] = [null]
	await _in_a_thread(
		func() -> Variant:
			holder[0] = TcpClient.new()
			return null
	)
	if holder[0] == null:
		check(true, "construction was refused")
		return
	var listener := listen()
	is_ok(holder[0].connect_to_host(LOOPBACK, listener.get_local_port()))
	equal(await holder[0].wait_connected(), [OK], "it is as good as any")


## The last reference is dropped in another thread while the main thread is using the same connection.
func test_the_last_reference_goes_in_another_thread() -> void:
	var listener := listen()
	for _round in 20:
		var ends := await connect_to(listener)
		var waiting := NetTask.from(ends[0].recv(1000))
		ends[1].send(pattern(999))
		var holder: Array[RefCounted] = [ends[0]]
		ends[0] = null
		var thread := Thread.new()
		thread.start(func() -> void: holder.clear())
		await wait_for(func() -> bool: return not thread.is_alive())
		thread.wait_to_finish()
		check(await wait_for(waiting.is_completed), "what waits is resolved")
		is_error(waiting.get_result(), ERR_UNAVAILABLE)
		is_error(await ends[1].recv(1, 10.0), ERR_FILE_EOF, "the peer sees the end")
	var holder: Array[RefCounted] = [listener]
	var port := listener.get_local_port()
	var accepting := NetTask.from(listener.accept())
	listener = null
	await _in_a_thread(
		func() -> Variant:
			holder.clear()
			return null
	)
	check(await wait_for(accepting.is_completed), "what waits is resolved")
	var again := TcpListener.create(port, LOOPBACK)
	check(await wait_for(func() -> bool: return again.start() == OK), "the port is free")


#endregion
#region Other engines


func test_quitting_in_the_middle_of_traffic() -> void:
	var output := await run_child("quit_in_traffic")
	check(output.contains("quits"), output)


func test_what_was_sent_before_quitting_goes_out() -> void:
	var listener := listen()
	var child := start(run_child.bind("send_and_quit", PackedStringArray([str(listener.get_local_port())])))
	for kind: String in ["client", "wrapped stream"]:
		var peer := (await listener.accept(30.0) as Array)[1] as TcpClient
		if not check(peer != null, "the child's %s does not come" % kind):
			return
		same_bytes((await peer.recv(MEBIBYTE, 30.0) as Array)[1], pattern(MEBIBYTE), kind)
	await child.wait()


func test_sockets_of_a_script_without_a_scene() -> void:
	var run := await run_engine(["--script", "res://tests/children/script_alone.gd"], 30.0)
	equal(run[0], 0, run[1])
	check((run[1] as String).contains("got hello"), run[1])


func test_loading_and_unloading_twenty_times() -> void:
	var output := await run_child("reload_library", [], 90.0)
	check(output.contains("20 rounds"), output)


#endregion


# In a function of its own, because a temporary value (the array) lives as long as the function that made it.
func _count_clients(listener: TcpListener) -> int:
	return listener.get_clients().size()


## Runs the function in a thread, and waits without blocking the main thread.
func _in_a_thread(function: Callable) -> void:
	var thread := Thread.new()
	thread.start(function)
	check(await wait_for(func() -> bool: return not thread.is_alive(), 20.0), "the thread ends")
	thread.wait_to_finish()


## A scene that keeps sending, and waits for answers that never come.
class Chatter:
	extends Node
	var port: int
	var _client := TcpClient.new()

	func _ready() -> void:
		_client.connect_to_host("127.0.0.1", port)
		while true:
			await _client.recv(1, 0.001)

	func _process(_delta: float) -> void:
		var block := PackedByteArray()
		block.resize(100_000)
		_client.send(block)
