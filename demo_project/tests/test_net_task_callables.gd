# expects: cannot be called
extends TcpTest
## Coroutines passed as a Callable: typed GDScript cannot call them without `await`.

signal go(value: int)

var _called_with := []


func test_a_coroutine_under_way() -> void:
	var task := NetTask.from(_doubled.bind(go))
	check(not task.is_completed())
	go.emit(21)
	equal(await task.wait(), 42)


func test_a_coroutine_that_does_not_wait() -> void:
	var task := NetTask.from(_doubled.bind(21))
	check(task.is_completed())
	equal(task.get_result(), 42)


func test_a_coroutine_that_waits_twice() -> void:
	var task := NetTask.from(
		func() -> int:
			var first: int = await go
			var second: int = await go
			return first + second
	)
	go.emit(1)
	check(not task.is_completed())
	go.emit(2)
	equal(await task.wait(), 3)


func test_a_plain_function() -> void:
	equal(NetTask.from(func() -> int: return 7).get_result(), 7)


func test_an_awaitable_method() -> void:
	var ends := await connect_pair()
	var task := NetTask.from(ends[0].recv_line)
	ends[1].send(utf8("abc\n"))
	equal(await task.wait(), [OK, "abc"])


func test_any_of_coroutines() -> void:
	var ends := await connect_pair()
	var any := NetTask.from(NetTask.any([_line_of.bind(ends[0]), _doubled.bind(go)]))
	go.emit(21)
	equal(any.get_result(), [1, 42])
	# The losing coroutine continues with its own receive.
	ends[1].send(utf8("abc\ndef\n"))
	equal(await ends[0].recv_line(), [OK, "def"])


func test_all_of_coroutines() -> void:
	var ends := await connect_pair()
	var all := NetTask.from(NetTask.all([_line_of.bind(ends[0]), _doubled.bind(go), _doubled.bind(1)]))
	go.emit(21)
	check(not all.is_completed())
	ends[1].send(utf8("abc\n"))
	equal(await all.wait(), ["abc", 42, 2])


## The second one resumes the first one inside the call.
func test_one_that_completes_another() -> void:
	var all := NetTask.from(NetTask.all([_doubled.bind(go), func() -> void: go.emit(3)]))
	equal(all.get_result(), [6, null])
	var any := NetTask.from(
		NetTask.any([_doubled.bind(go), _line_of.bind(TcpClient.new()), func() -> void: go.emit(4)])
	)
	equal((any.get_result() as Array)[0], 0)
	equal((any.get_result() as Array)[1], 8)


## The drain inside the first one must not treat what the second one waits for as abandoned.
func test_one_that_drains() -> void:
	var ends := await connect_pair()
	var drain := func() -> void:
		ends[1].send(utf8("abc\n"))
		await wait_for(func() -> bool: return ends[0].process(10_000) > 0)
	var all := NetTask.from(NetTask.all([drain, ends[0].recv_line()]))
	if check(await wait_for(all.is_completed)):
		equal(all.get_result(), [null, [OK, "abc"]])


func test_the_state_of_a_coroutine() -> void:
	var all := NetTask.from(NetTask.all([call(&"_doubled", go), call(&"_doubled", 1)]))
	var task := NetTask.from(call(&"_doubled", go))
	go.emit(21)
	equal(all.get_result(), [42, 2])
	equal(task.get_result(), 42)


func test_what_cannot_be_called() -> void:
	var node := Node.new()
	var callable := node.get_child_count
	node.free()
	is_error(NetTask.from(callable).get_result(), ERR_INVALID_PARAMETER)
	is_error(NetTask.from(Callable()).get_result(), ERR_INVALID_PARAMETER)
	equal(await NetTask.any([callable]), [0, [ERR_INVALID_PARAMETER]])


func test_a_missing_argument() -> void:
	is_error(NetTask.from(_doubled).get_result(), ERR_INVALID_PARAMETER)
	var ends := await connect_pair()
	equal(await NetTask.all([ends[0].recv, 1]), [[ERR_INVALID_PARAMETER], 1])
	equal(await NetTask.any([_doubled]), [0, [ERR_INVALID_PARAMETER]])
	# Defaults are not missing, nor what is bound.
	equal(NetTask.from(_nothing).get_result(), null)
	equal(NetTask.from(_nothing.bind(1)).get_result(), null)
	equal(NetTask.from(_nothing.bind(1, 2)).get_result(), null)
	equal(_called_with, [[0, 0], [1, 0], [1, 2]])
	equal(NetTask.from(func(value := 1) -> int: return value - 1).get_result(), 0)


func test_what_is_its_own_result() -> void:
	var node := free_later(Node.new()) as Node
	var values := [null, 5, "text", [1], {"a": 1}, node]
	equal(await NetTask.all(values), values)


func _nothing(first := 0, second := 0) -> void:
	_called_with.append([first, second])


func _doubled(awaitable: Variant) -> int:
	var value: int = await awaitable
	return value * 2


func _line_of(client: TcpClient) -> String:
	return (await client.recv_line() as Array)[1]
