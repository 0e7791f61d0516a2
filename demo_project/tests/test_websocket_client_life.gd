extends WebSocketClientTest
## What happens to the connection and to pending operations when a WebSocketClient is freed, and when the engine quits.

## Output of the engine that marks a run as failed.
const TROUBLE: Array[String] = ["ERROR", "ObjectDB instances leaked", "resources still in use", "panicked at"]


func time_limit(_test_name: String) -> float:
	return 40.0


func test_freed_while_operations_wait() -> void:
	await join_client()
	var tasks: Array[NetTask] = []
	for method: String in ["recv", "recv_text", "recv_binary"]:
		tasks.append(NetTask.from(ws.call(method)))
	var all := heard
	ws = null
	for task in tasks:
		is_error(await task.wait(), ERR_UNAVAILABLE)
	await told("disconnected", [1, 1001, ""])
	equal(all, [["connected"]] as Array[Array], "nobody is left to emit")


func test_freed_while_connecting() -> void:
	client()
	ws.connect_to_url(silent_url())
	var connecting := NetTask.from(ws.wait_connected())
	var flushing := NetTask.from(ws.flush())
	ws = null
	is_error(await connecting.wait(), ERR_UNAVAILABLE)
	is_error(await flushing.wait(), ERR_UNAVAILABLE)


func test_freed_while_it_waits_to_reconnect() -> void:
	await join_client({"reconnect": true, "reconnect_min_delay": 0.05, "reconnect_max_delay": 0.1})
	server.disconnect_client(1, 1011)
	await hears("reconnecting")
	var connecting := NetTask.from(ws.wait_connected())
	var receiving := NetTask.from(ws.recv())
	ws = null
	is_error(await connecting.wait(), ERR_UNAVAILABLE)
	is_error(await receiving.wait(), ERR_UNAVAILABLE)
	await seconds(0.3)
	equal(events.of("connected").size(), 1, "it does not come back")


func test_freed_while_closing() -> void:
	await join_client()
	var closing := NetTask.from(ws.close_async(4000, "bye"))
	ws = null
	not_equal((await closing.wait() as Array)[0], OK)
	await told("disconnected", [1, 4000, "bye"])


func test_what_was_sent_before_it_is_freed_arrives() -> void:
	await join_client()
	for index in 3:
		is_ok(ws.send_binary(pattern(3_000_000)))
	ws = null
	await told("disconnected", [1, 1001, ""])
	equal(events.of("data").size(), 3)


func test_what_was_sent_before_it_is_freed_while_connecting_arrives() -> void:
	serve()
	client()
	ws.connect_to_url(url())
	ws.send_text("one")
	ws.send_binary(pattern(3_000_000))
	ws = null
	await told("disconnected", [1, 1001, ""])
	equal([events.of("message").size(), events.of("data").size()], [1, 1])


## The usual end of a coroutine with a client of its own.
func test_freed_by_what_it_resolves() -> void:
	serve()
	var results := []
	_visit(results)
	await told("connected", [1])
	check(await wait_for(func() -> bool: return results.size() == 1))
	server.send_text(1, "hello")
	check(await wait_for(func() -> bool: return results.size() == 2))
	server.disconnect_client(1, 1000)
	check(await wait_for(func() -> bool: return results.size() == 3))
	equal(results, [[OK], [OK, "hello"], [ERR_FILE_EOF, ""]])


func test_many_come_and_go() -> void:
	serve()
	for index in 200:
		client()
		ws.connect_to_url(url())
		if index % 4 > 0:
			is_ok(await ws.wait_connected(5.0))
		if index % 4 == 1:
			ws.close()
		if index % 4 == 2:
			ws.abort()
	ws = null
	check(await wait_for(func() -> bool: return server.get_client_count() == 0))
	check(await wait_for(func() -> bool: return events.of("disconnected").size() == events.of("connected").size()))


func test_stop_all() -> void:
	await join_client({"reconnect": true})
	var receiving := NetTask.from(ws.recv())
	AsyncSockets.stop_all()
	is_error(await receiving.wait(), ERR_UNAVAILABLE)
	check(await wait_for(is_closed))
	await hears("disconnected")
	await frames(3)
	equal(how_often("reconnecting"), 0)
	check(server.start(0, LOOPBACK))
	is_ok(ws.connect_to_url(url()), "it can be used again")
	is_ok(await ws.wait_connected(5.0))


func test_quitting_with_messages_queued() -> void:
	await _quits("open")


func test_quitting_with_messages_that_wait_for_the_connection() -> void:
	await _quits("connecting")


func test_quitting_after_a_close() -> void:
	serve()
	await _run("closing")
	await told("disconnected", [1, 4000, "bye"])
	equal(events.of("data").size(), 10)


func test_quitting_while_operations_wait() -> void:
	serve()
	var output := await _run("waiting")
	for operation: String in ["recv", "wait_connected"]:
		check(output.contains("%s inside the tree" % operation), "%s in\n%s" % [operation, output])


func _quits(mode: String) -> void:
	serve()
	await _run(mode)
	await told("disconnected", [1, 1001, ""])
	equal(events.of("data").size(), 10)
	equal(events.of("message"), [[1, "last"]])


func _run(mode: String) -> String:
	var arguments := PackedStringArray(["res://tests/children/child.tscn", "--", "websocket_client_quit"])
	arguments.append_array([url(), mode])
	var run := await run_engine(arguments)
	var output := run[1] as String
	equal(run[0], 0, output)
	for trouble in TROUBLE:
		check(not output.contains(trouble), "%s in\n%s" % [trouble, output])
	return output


func _visit(results: Array) -> void:
	var visitor := WebSocketClient.new()
	visitor.connect_to_url(url())
	results.append(await visitor.wait_connected(5.0))
	results.append(await visitor.recv(5.0))
	results.append(await visitor.recv(5.0))
