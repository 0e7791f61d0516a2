extends TcpTest
## Start now and await later; all, any; cancellation.

signal nothing
signal one(value: Variant)
signal two(first: int, second: String)


func test_a_result_that_is_there() -> void:
	var task := NetTask.from([OK, 1])
	check(task.is_completed())
	equal(task.get_result(), [OK, 1])
	equal(await task.wait(), [OK, 1])
	equal(await task.wait(), [OK, 1], "as often as one likes")
	equal(NetTask.from(null).get_result(), null)


func test_a_result_that_comes() -> void:
	var ends := await connect_pair()
	var task := NetTask.from(ends[0].recv(3))
	check(not task.is_completed())
	equal(task.get_result(), null)
	ends[1].send(utf8("abc"))
	equal(await task.wait(), [OK, utf8("abc")])
	check(task.is_completed() and not task.is_cancelled())
	equal(await task.wait(), [OK, utf8("abc")])


func test_a_task_of_a_task() -> void:
	var ends := await connect_pair()
	var task := NetTask.from(ends[0].recv(1))
	check(NetTask.from(task) == task)
	check(NetTask.from(task.wait()) == task)
	ends[1].send(utf8("x"))
	await task.wait()
	equal(NetTask.from(task.wait()).get_result(), [OK, utf8("x")])


func test_any_signal_will_do() -> void:
	var tasks: Array[NetTask] = [NetTask.from(nothing), NetTask.from(one), NetTask.from(two)]
	nothing.emit()
	one.emit([1])
	two.emit(1, "a")
	equal(tasks.map(func(task: NetTask) -> Variant: return task.get_result()), [null, [1], [1, "a"]])
	one.emit([2])
	equal(tasks[1].get_result(), [1], "the first counts")


func test_it_fires_exactly_once() -> void:
	var ends := await connect_pair()
	var task := NetTask.from(ends[0].recv(1))
	var fired := []
	task.completed.connect(func(result: Variant) -> void: fired.append(result))
	ends[1].send(utf8("xyz"))
	await task.wait()
	task.cancel()
	ends[0].disconnect_from_host()
	await ends[0].disconnected
	equal(fired, [[OK, utf8("x")]])
	check(not task.is_cancelled())


func test_the_library_keeps_a_task() -> void:
	var ends := await connect_pair()
	var results := []
	(ends[0].recv(1) as Signal).connect(func(result: Variant) -> void: results.append(result))
	ends[1].send(utf8("x"))
	check(await wait_for(func() -> bool: return not results.is_empty()))
	equal(results, [[OK, utf8("x")]])


#region All and any


func test_all() -> void:
	var ends := await connect_pair()
	var all := NetTask.from(NetTask.all([ends[0].recv(1), "at once", ends[0].recv(2), ends[1].recv(1)]))
	ends[1].send(utf8("abc"))
	await wait_for(func() -> bool: return ends[0].get_available_bytes() == 0)
	check(not all.is_completed(), "not before the last one")
	ends[0].send(utf8("x"))
	equal(await all.wait(), [[OK, utf8("a")], "at once", [OK, utf8("bc")], [OK, utf8("x")]])


func test_all_of_what_is_there() -> void:
	equal(NetTask.all([]), [])
	equal(NetTask.all([1, [OK], null]), [1, [OK], null])
	equal(NetTask.all([NetTask.from(1), NetTask.from([OK])]), [1, [OK]])


func test_all_with_errors() -> void:
	var ends := await connect_pair()
	var all := NetTask.from(NetTask.all([ends[0].recv(1, 0.1), ends[0].recv(1), ends[1].recv(9)]))
	await seconds(0.2)
	ends[0].abort()
	var results := await all.wait() as Array
	equal(
		results.map(func(result: Array) -> int: return result[0]), [ERR_TIMEOUT, ERR_UNAVAILABLE, ERR_CONNECTION_ERROR]
	)


func test_any() -> void:
	var ends := await connect_pair()
	var slow := NetTask.from(ends[0].recv(1))
	var any := NetTask.from(NetTask.any([slow, ends[1].recv(1), ends[0].recv(1)]))
	check(not any.is_completed())
	ends[0].send(utf8("x"))
	equal(await any.wait(), [1, [OK, utf8("x")]])
	check(not slow.is_completed(), "the others go on")
	ends[1].send(utf8("y"))
	equal(await slow.wait(), [OK, utf8("y")])
	equal(any.get_result(), [1, [OK, utf8("x")]])


func test_any_of_what_is_there() -> void:
	equal(NetTask.any([nothing, "b", "c"]), [1, "b"])
	equal(NetTask.any([]), [-1, null], "with an error for the author")


func test_any_with_a_clock() -> void:
	var ends := await connect_pair()
	var timer := get_tree().create_timer(0.05)
	equal(await NetTask.any([ends[0].recv(1), timer.timeout]), [1, null])


func test_all_within_any() -> void:
	var ends := await connect_pair()
	var both := NetTask.from(NetTask.all([ends[0].recv(1), ends[1].recv(1)]))
	var any := NetTask.from(NetTask.any([both, nothing]))
	ends[0].send(utf8("x"))
	ends[1].send(utf8("y"))
	equal(await any.wait(), [0, [[OK, utf8("y")], [OK, utf8("x")]]])


#endregion
#region Cancellation


func test_a_cancelled_receive_leaves_its_bytes() -> void:
	var ends := await connect_pair()
	var shapes := {
		ends[0].recv(10): [ERR_SKIP, PackedByteArray()],
		ends[0].recv_some(10): [ERR_SKIP, PackedByteArray()],
		ends[0].recv_line(): [ERR_SKIP, ""],
		ends[0].recv_packet(): [ERR_SKIP, PackedByteArray()],
		ends[0].recv_until(utf8(";")): [ERR_SKIP, PackedByteArray()],
		ends[0].wait_readable(): [ERR_SKIP, 0],
	}
	var last := NetTask.from(ends[0].recv(5))
	ends[1].send(utf8("abcde"))
	for waiting: Signal in shapes:
		var task := NetTask.from(waiting)
		task.cancel()
		check(task.is_completed() and task.is_cancelled())
		equal(task.get_result(), shapes[waiting])
		equal(await task.wait(), shapes[waiting])
	equal(await last.wait(), [OK, utf8("abcde")], "who stands behind them gets everything")


func test_who_stands_behind_is_served_at_once() -> void:
	var ends := await connect_pair()
	var first := NetTask.from(ends[0].recv(100))
	var second := NetTask.from(ends[0].recv(3))
	ends[1].send(utf8("abcdef"))
	check(await wait_for(func() -> bool: return ends[0].get_available_bytes() == 6))
	check(not second.is_completed())
	first.cancel()
	equal(await second.wait(), [OK, utf8("abc")])
	equal(await ends[0].recv(3), [OK, utf8("def")])


func test_a_cancelled_send_is_sent() -> void:
	var ends := await connect_pair()
	var task := NetTask.from(ends[0].send_async(utf8("sent")))
	task.cancel()
	equal(task.get_result(), [ERR_SKIP, 0])
	equal(await ends[1].recv(4), [OK, utf8("sent")])


func test_a_cancelled_accept_takes_nobody() -> void:
	var listener := listen()
	var task := NetTask.from(listener.accept())
	task.cancel()
	equal(task.get_result(), [ERR_SKIP, null])
	await connect_to(listener)


func test_cancelling_by_a_handler() -> void:
	var ends := await connect_pair()
	var tasks: Array[NetTask] = []
	for _number in 3:
		tasks.append(NetTask.from(ends[0].recv(1)))
	tasks[0].completed.connect(func(_result: Variant) -> void: tasks[1].cancel())
	ends[1].send(utf8("abc"))
	equal(await tasks[2].wait(), [OK, utf8("b")])
	equal(tasks[1].get_result(), [ERR_SKIP, PackedByteArray()])
	equal(await ends[0].recv(1), [OK, utf8("c")])
	tasks.clear()


func test_cancelling_all() -> void:
	var ends := await connect_pair()
	var part := NetTask.from(ends[0].recv(1))
	var all := NetTask.from(NetTask.all([part, ends[1].recv(1)]))
	all.cancel()
	equal(await all.wait(), [ERR_SKIP])
	check(not part.is_completed(), "its parts go on")
	ends[1].send(utf8("x"))
	equal(await part.wait(), [OK, utf8("x")])


func test_cancelling_what_is_over() -> void:
	var task := NetTask.from(1)
	task.cancel()
	equal([task.get_result(), task.is_cancelled()], [1, false])

#endregion
