extends TcpTest
## Tasks: starting now and awaiting later, combining several, and cancelling.

signal two_things(first: int, second: String)


func test_of_a_result_that_is_there() -> void:
	var task := NetTask.from([OK, utf8("x")])
	check(task.is_completed())
	check(not task.is_cancelled())
	equal(task.get_result(), [OK, utf8("x")])
	equal(await task.wait(), [OK, utf8("x")])
	equal(await NetTask.from(null).wait(), null)


func test_of_an_operation_under_way() -> void:
	var ends := await connect_pair()
	var task := NetTask.from(ends[0].recv(1))
	check(not task.is_completed())
	equal(task.get_result(), null)
	var fired: Array[Variant] = []
	task.completed.connect(func(result: Variant) -> void: fired.append(result))
	ends[1].send(utf8("x"))
	equal(await task.wait(), [OK, utf8("x")])
	check(task.is_completed())
	equal(task.get_result(), [OK, utf8("x")])
	await frames(3)
	equal(fired, [[OK, utf8("x")]] as Array[Variant], "exactly once")
	equal(await task.wait(), [OK, utf8("x")], "awaited once more")


func test_of_any_signal() -> void:
	var later := NetTask.from(two_things)
	var timer := NetTask.from(get_tree().create_timer(0.01).timeout)
	two_things.emit(1, "b")
	equal(await later.wait(), [1, "b"])
	equal(await timer.wait(), null)


func test_of_a_task() -> void:
	var ends := await connect_pair()
	var task := NetTask.from(ends[0].recv(1))
	equal(NetTask.from(task), task)
	equal(NetTask.from(task.completed), task)
	ends[1].send(utf8("x"))
	await task.wait()
	equal(NetTask.from(task), task, "also a finished one")
	equal(NetTask.from(task.completed), task)


func test_of_what_has_been_freed() -> void:
	var node := Node.new()
	var renamed := node.renamed
	node.free()
	check(NetTask.from(node).is_completed())
	var task := NetTask.from(renamed)
	await frames(2)
	task.cancel()
	is_error(task.get_result(), ERR_SKIP)


func test_all() -> void:
	var ends := await connect_pair()
	var waiting := NetTask.from(NetTask.all([ends[0].recv(1), 5, ends[0].recv(2), two_things]))
	ends[1].send(utf8("abc"))
	await frames(3)
	check(not waiting.is_completed(), "one is missing")
	two_things.emit(1, "b")
	equal(await waiting.wait(), [[OK, utf8("a")], 5, [OK, utf8("bc")], [1, "b"]])
	equal(await NetTask.all([]), [])
	equal(await NetTask.all([1, 2]), [1, 2])


func test_all_of_typed_arrays() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("abcd"))
	var tasks: Array[NetTask] = [NetTask.from(ends[0].recv(1)), NetTask.from(ends[0].recv(1))]
	equal(await NetTask.all(tasks), [[OK, utf8("a")], [OK, utf8("b")]])
	equal(await NetTask.all(tasks), [[OK, utf8("a")], [OK, utf8("b")]], "finished ones")
	var signals: Array[Signal] = [two_things]
	var waiting := NetTask.from(NetTask.any(signals))
	two_things.emit(1, "b")
	equal(await waiting.wait(), [0, [1, "b"]])


func test_any() -> void:
	var ends := await connect_pair()
	var others := await connect_pair()
	var slow := NetTask.from(ends[0].recv(1))
	var waiting := NetTask.from(NetTask.any([slow, others[0].recv(1)]))
	others[1].send(utf8("x"))
	equal(await waiting.wait(), [1, [OK, utf8("x")]])
	check(not slow.is_completed(), "the others go on")
	ends[1].send(utf8("y"))
	equal(await slow.wait(), [OK, utf8("y")])
	equal(await NetTask.any([slow, 1]), [0, [OK, utf8("y")]], "the first that is there")


func test_any_needs_one() -> void:
	equal(await NetTask.any([]), [-1, null])


func test_a_timeout_made_of_any() -> void:
	var ends := await connect_pair()
	var receive := NetTask.from(ends[0].recv(1))
	var result := await NetTask.any([receive, get_tree().create_timer(0.05).timeout]) as Array
	equal(result[0], 1)
	receive.cancel()
	ends[1].send(utf8("x"))
	equal(await ends[0].recv(1), [OK, utf8("x")], "the cancelled receive takes nothing")


func test_a_cancelled_receive_leaves_its_bytes() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("abc"))
	await ends[0].wait_readable()
	var shapes := {
		ends[0].recv.bind(10): [ERR_SKIP, PackedByteArray()],
		ends[0].recv_line: [ERR_SKIP, ""],
		ends[0].recv_until.bind(utf8("x")): [ERR_SKIP, PackedByteArray()],
		ends[0].recv_packet: [ERR_SKIP, PackedByteArray()],
	}
	for method: Callable in shapes:
		var task := NetTask.from(method.call())
		task.cancel()
		check(task.is_completed())
		check(task.is_cancelled())
		equal(await task.wait(), shapes[method])
	equal(await ends[0].recv(3), [OK, utf8("abc")])


func test_cancelled_in_the_middle_of_the_queue() -> void:
	var ends := await connect_pair()
	var tasks: Array[NetTask] = []
	for _i in 3:
		tasks.append(NetTask.from(ends[0].recv(2)))
	ends[1].send(utf8("a"))
	await frames(3)
	tasks[0].cancel()
	tasks[1].cancel()
	ends[1].send(utf8("b"))
	equal(await tasks[2].wait(), [OK, utf8("ab")])


## The data for the receive behind a large one has already arrived; it completes when the large one is cancelled.
func test_a_cancelled_first_lets_the_next_go_on() -> void:
	var ends := await connect_pair()
	var large := NetTask.from(ends[0].recv(1000))
	var small := NetTask.from(ends[0].recv(3))
	ends[1].send(utf8("abc"))
	await wait_for(func() -> bool: return ends[0].get_available_bytes() == 3)
	check(not small.is_completed())
	large.cancel()
	equal(await small.wait(), [OK, utf8("abc")])


func test_cancelling_what_is_over_has_no_effect() -> void:
	var ends := await connect_pair()
	var task := NetTask.from(ends[0].recv(1))
	ends[1].send(utf8("x"))
	await task.wait()
	task.cancel()
	check(not task.is_cancelled())
	equal(task.get_result(), [OK, utf8("x")])
	var twice := NetTask.from(ends[0].recv(1))
	twice.cancel()
	twice.cancel()
	is_error(twice.get_result(), ERR_SKIP)


func test_a_cancelled_accept_leaves_its_client() -> void:
	var listener := listen()
	var first := NetTask.from(listener.accept())
	var second := NetTask.from(listener.accept())
	first.cancel()
	equal(first.get_result(), [ERR_SKIP, null])
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	is_ok(await second.wait())


func test_a_cancelled_connect_wait_leaves_the_attempt() -> void:
	var listener := listen()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	var waiting := NetTask.from(client.wait_connected())
	waiting.cancel()
	equal(waiting.get_result(), [ERR_SKIP])
	equal(await client.wait_connected(), [OK])


func test_a_cancelled_send_is_still_sent() -> void:
	var ends := await connect_pair()
	var expected := pattern(20 * 1024 * 1024)
	var sending := NetTask.from(ends[0].send_async(expected))
	sending.cancel()
	equal(sending.get_result(), [ERR_SKIP, 0])
	same_bytes((await ends[1].recv(expected.size()) as Array)[1], expected)


func test_a_cancelled_task_of_another_signal() -> void:
	var task := NetTask.from(two_things)
	task.cancel()
	is_error(task.get_result(), ERR_SKIP)
	two_things.emit(1, "b")
	is_error(task.get_result(), ERR_SKIP)
	check(task.is_cancelled())


func test_nothing_needs_to_hold_a_task() -> void:
	var ends := await connect_pair()
	var results: Array[Variant] = []
	NetTask.from(ends[0].recv(1)).completed.connect(func(result: Variant) -> void: results.append(result))
	await frames(3)
	ends[1].send(utf8("x"))
	check(await wait_for(func() -> bool: return results.size() == 1))
	ends[0].recv(1)
	ends[1].send(utf8("yz"))
	equal(await ends[0].recv(2), [OK, utf8("yz")], "a receive that nobody awaits takes nothing")
