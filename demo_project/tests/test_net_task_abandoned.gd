extends TlsTest
## Abandoned operations consume nothing: the awaiter is gone before the result arrives.

signal never


func test_every_receive_leaves_its_bytes() -> void:
	var packet := StreamPeerBuffer.new()
	packet.put_u32(3)
	packet.put_data(utf8("abc"))
	var blocks := {
		&"recv": [[3], utf8("abc"), utf8("abc")],
		&"recv_some": [[], utf8("abc"), utf8("abc")],
		&"recv_until": [[utf8("c")], utf8("abc"), utf8("abc")],
		&"recv_line": [[], utf8("abc\n"), "abc"],
		&"recv_packet": [[], packet.data_array, utf8("abc")],
	}
	for method: StringName in blocks:
		var ends := await connect_pair()
		var receive := Callable(ends[0], method).bindv(blocks[method][0])
		for end: StringName in [&"free", &"queue_free"]:
			var awaiter := _awaiter(receive)
			awaiter.call(end)
			await frames(2)
			ends[1].send(blocks[method][1])
			equal(await receive.call(), [OK, blocks[method][2]], "%s, %s" % [method, end])


func test_wait_readable_takes_nothing_anyway() -> void:
	var ends := await connect_pair()
	_awaiter(ends[0].wait_readable).free()
	ends[1].send(utf8("abc"))
	equal(await ends[0].wait_readable(), [OK, 3])
	equal(await ends[0].recv(3), [OK, utf8("abc")])


func test_what_was_there_in_part() -> void:
	var ends := await connect_pair()
	var awaiter := _awaiter(ends[0].recv_line)
	ends[1].send(utf8("ab"))
	await wait_for(func() -> bool: return ends[0].get_available_bytes() == 2)
	awaiter.free()
	ends[1].send(utf8("c\nd\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])
	equal(await ends[0].recv_line(), [OK, "d"])


func test_the_next_in_line_is_served() -> void:
	var ends := await connect_pair()
	var awaiters: Array[Awaiter] = []
	for _i in 5:
		awaiters.append(_awaiter(ends[0].recv_line))
	for index in [0, 1, 3]:
		awaiters[index].free()
	ends[1].send(utf8("first\nsecond\nthird\n"))
	equal(await ends[0].recv_line(), [OK, "third"])
	equal(awaiters[2].results, [[OK, "first"]])
	equal(awaiters[4].results, [[OK, "second"]])
	free_later(awaiters[2])
	free_later(awaiters[4])


## Nothing more arrives: the bytes for the second operation are already there when the first one's awaiter is freed.
func test_what_stands_behind_goes_on_without_an_event() -> void:
	var ends := await connect_pair()
	var awaiter := _awaiter(ends[0].recv.bind(1000))
	var small := NetTask.from(ends[0].recv(3))
	ends[1].send(utf8("abc"))
	await wait_for(func() -> bool: return ends[0].get_available_bytes() == 3)
	check(not small.is_completed())
	awaiter.free()
	equal(await small.wait(), [OK, utf8("abc")])


func test_a_ref_counted_awaiter() -> void:
	var ends := await connect_pair()
	var awaiter := CountedAwaiter.new()
	awaiter.awaitable = ends[0].recv_line
	awaiter.run()
	awaiter = null
	await frames(2)
	ends[1].send(utf8("abc\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])


func test_a_lambda_of_a_node_that_is_gone() -> void:
	var ends := await connect_pair()
	var awaiter := Awaiter.new()
	awaiter.task = NetTask.from(ends[0].recv_line())
	awaiter.connect_task()
	awaiter.free()
	ends[1].send(utf8("abc\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])


func test_a_task_that_goes_with_its_node() -> void:
	var ends := await connect_pair()
	var awaiter := Awaiter.new()
	awaiter.task = NetTask.from(ends[0].recv_line())
	awaiter.free()
	ends[1].send(utf8("abc\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])


func test_a_task_that_is_held_goes_on() -> void:
	var ends := await connect_pair()
	var task := NetTask.from(ends[0].recv_line())
	_awaiter(task.wait).free()
	ends[1].send(utf8("abc\ndef\n"))
	equal(await ends[0].recv_line(), [OK, "def"])
	equal(task.get_result(), [OK, "abc"])


func test_an_accept_leaves_its_client() -> void:
	var listener := listen()
	for end: StringName in [&"free", &"queue_free"]:
		_awaiter(listener.accept).call(end)
		await frames(2)
		var client := TcpClient.new()
		client.connect_to_host(LOOPBACK, listener.get_local_port())
		await client.wait_connected(5.0)
		await frames(3)
		equal(client.get_status(), TcpClient.STATUS_CONNECTED)
		var accepted := await listener.accept(5.0) as Array
		if not is_ok(accepted):
			return
		(accepted[1] as TcpClient).send(utf8("x"))
		equal(await client.recv(1, 5.0), [OK, utf8("x")])


func test_a_receive_of_udp_leaves_its_datagram() -> void:
	var socket := UdpSocket.new()
	is_ok(socket.bind(0, LOOPBACK))
	var sender := UdpSocket.new()
	for end: StringName in [&"free", &"queue_free"]:
		_awaiter(socket.recv_from).call(end)
		await frames(2)
		sender.send_to(utf8(end), LOOPBACK, socket.get_local_port())
		var received := await socket.recv_from(5.0) as Array
		equal(received.slice(0, 2), [OK, utf8(end)])


func test_a_connection_is_made_all_the_same() -> void:
	var listener := listen()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	_awaiter(client.wait_connected).free()
	equal(await client.wait_connected(5.0), [OK])


func test_a_send_is_sent_all_the_same() -> void:
	var ends := await connect_pair()
	var expected := pattern(4 * 1024 * 1024)
	_awaiter(ends[0].send_async.bind(expected)).free()
	same_bytes((await ends[1].recv(expected.size()) as Array)[1], expected)


func test_tls_starts_all_the_same() -> void:
	var ends := await connect_pair()
	_awaiter(ends[0].start_tls.bind(trusting(), HOST)).free()
	_awaiter(ends[1].start_tls.bind(serving())).queue_free()
	check(await wait_for(func() -> bool: return ends[0].is_tls() and ends[1].is_tls()))
	ends[1].send(utf8("x"))
	equal(await ends[0].recv(1, 5.0), [OK, utf8("x")])


func test_a_timeout_of_what_nobody_awaits() -> void:
	var ends := await connect_pair()
	_awaiter(ends[0].recv.bind(1, 0.05)).free()
	equal(await ends[0].recv(1, 0.1), [ERR_TIMEOUT, PackedByteArray()])
	ends[1].send(utf8("x"))
	equal(await ends[0].recv(1), [OK, utf8("x")])


func test_the_awaiter_of_several() -> void:
	var ends := await connect_pair()
	var others := await connect_pair()
	for method: StringName in [&"run_any", &"run_all"]:
		var awaiter := Awaiter.new()
		awaiter.awaitables = [ends[0].recv_line(), others[0].recv(1), never]
		awaiter.call(method)
		awaiter.free()
		await frames(2)
		ends[1].send(utf8("abc\n"))
		equal(await ends[0].recv_line(), [OK, "abc"], method)
		others[1].send(utf8("x"))
		equal(await others[0].recv(1), [OK, utf8("x")], method)
		equal(never.get_connections().size(), 0, "what it waited for besides")


func test_the_awaiter_of_the_same_one_twice() -> void:
	var ends := await connect_pair()
	var line: Signal = ends[0].recv_line()
	var awaiter := Awaiter.new()
	awaiter.awaitables = [line, line]
	awaiter.run_any()
	awaiter.awaitables = [NetTask.any([line, never]), line]
	awaiter.run_any()
	awaiter.free()
	await frames(2)
	ends[1].send(utf8("abc\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])


func test_several_that_are_held_go_on() -> void:
	var ends := await connect_pair()
	var task := NetTask.from(NetTask.all([ends[0].recv_line(), never]))
	_awaiter(task.wait).free()
	ends[1].send(utf8("abc\ndef\n"))
	equal(await ends[0].recv_line(), [OK, "def"])
	never.emit()
	equal(task.get_result(), [[OK, "abc"], null])


## Other calls happen between a call and its `await`.
func test_what_is_not_awaited_yet() -> void:
	var ends := await connect_pair()
	var large := 4 * 1024 * 1024
	var both := NetTask.from(NetTask.all([ends[0].recv(1), ends[0].recv(large), ends[0].recv(1)]))
	ends[1].send_async(pattern(large + 2))
	var results := await both.wait() as Array
	equal(results.map(func(result: Array) -> int: return (result[1] as PackedByteArray).size()), [1, large, 1])


## Many scenes come and go while a shared client is silent.
func test_they_do_not_pile_up() -> void:
	var ends := await connect_pair()
	var before := Performance.get_monitor(Performance.OBJECT_COUNT)
	for _i in 100:
		for _j in 20:
			_awaiter(ends[0].recv_line).free()
		await get_tree().process_frame
	at_most(Performance.get_monitor(Performance.OBJECT_COUNT) - before, 600.0)
	ends[1].send(utf8("abc\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])


func test_a_scene_that_was_changed() -> void:
	var output := await run_child("scene_changed")
	check(output.contains("the next one has abc"), output)


func _awaiter(awaitable: Callable) -> Awaiter:
	var awaiter := Awaiter.new()
	awaiter.awaitable = awaitable
	awaiter.run()
	equal(awaiter.results, [])
	return awaiter


## Its coroutines have no local variables, because the engine never releases those if the node is freed meanwhile.
class Awaiter:
	extends Node
	var awaitable: Callable
	var awaitables := []
	var task: NetTask
	var results := []

	func run() -> void:
		results.append(await awaitable.call())

	func run_any() -> void:
		results.append(await NetTask.any(awaitables))

	func run_all() -> void:
		results.append(await NetTask.all(awaitables))

	func connect_task() -> void:
		task.completed.connect(func(result: Variant) -> void: results.append(result))
		task = null


class CountedAwaiter:
	extends RefCounted
	var awaitable: Callable
	var results := []

	func run() -> void:
		results.append(await awaitable.call())
