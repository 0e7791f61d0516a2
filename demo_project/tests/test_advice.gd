extends TcpTest
# time_limit: 240
## Warnings that teach: each comes once, and none comes where it would be wrong.


func time_limit(_test_name: String) -> float:
	return 60.0


func test_a_server_in_a_local_variable() -> void:
	var output := await run_child("advice", ["dropped"])
	equal(output.count("WARNING"), 2, output)
	for own: String in ["WebSocketServer", "TcpListener"]:
		equal(output.count("WARNING: %s: its last reference was dropped right after start()" % own), 1, output)
	check(output.contains("member variable"), output)


func test_a_server_that_is_dropped_on_purpose() -> void:
	await _does_not_warn("dropped_on_purpose")
	await _does_not_warn("quits_at_once")


func test_a_call_before_the_start() -> void:
	var output := await run_child("advice", ["not_started"])
	equal(output.count("WARNING"), 5, output)
	for told: String in [
		"TcpClient: it is not connected; call connect_to_host() first",
		"TcpListener: it does not listen; call start() first",
		"UdpSocket: the socket is not bound; call bind() first",
		"WebSocketServer: the server is not running; call start() first",
		"WebSocketClient: it is not connected; call connect_to_url() first",
	]:
		equal(output.count("WARNING: " + told), 1, output)


func test_calls_that_are_meant_without_a_start() -> void:
	await _does_not_warn("not_started_on_purpose")


func test_handshakes_that_nobody_decides() -> void:
	var output := await run_child("advice", ["undecided"])
	equal(output.count("WARNING"), 1, output)
	equal(output.count("WARNING: WebSocketServer: manual_handshake is on, but handshake_requested"), 1, output)
	output = await _does_not_warn("decided_later")
	check(output.contains("it is in"), output)


func test_overload() -> void:
	for how: String in ["overload", "overload_of_process", "overload_of_one_server"]:
		var output := await run_child("advice", [how])
		equal(output.count("WARNING"), 1, output)
		equal(output.count("the main thread does not keep up"), 1, output)
		check(output.contains("async_sockets/process/frame_budget_usec"), output)
		check(output.contains("of a WebSocketServer (id "), output)


func test_busy_is_not_overload() -> void:
	await _does_not_warn("busy")


func test_back_pressure_is_not_overload() -> void:
	var output := await _does_not_warn("slowed_on_purpose")
	check(output.contains("it was slowed down"), output)


func test_nobody_calls_process_after_the_end() -> void:
	await _does_not_warn("processed_until_closed")


func test_nobody_calls_process() -> void:
	var output := await run_child("advice", ["never_processed"])
	equal(output.count("WARNING"), 1, output)
	equal(output.count("for 5 seconds, events have waited for process(), which nobody called"), 1, output)


func test_process_is_called_now_and_then() -> void:
	await _does_not_warn("seldom_processed")


func test_process_of_more_than_a_frame() -> void:
	var output := await run_child("advice", ["long_process"])
	equal(output.count("WARNING"), 1, output)
	equal(output.count("WARNING: WebSocketServer.process: 30000 microseconds in every frame"), 1, output)
	check(output.contains("60 frames per second (16667)"), output)


func test_process_that_leaves_time() -> void:
	for how: String in ["short_process", "long_process_of_a_server", "long_process_once"]:
		await _does_not_warn(how)


## This one is an error, as the call fails.
func test_receiving_what_comes_by_a_signal() -> void:
	var output := await run_child("advice", ["receives_with_emit_data"])
	equal(output.count("ERROR: TcpClient.recv_line: no receive while emit_data is on"), 1, output)
	equal(output.count("WARNING"), 0, output)


func _does_not_warn(how: String) -> String:
	var output := await run_child("advice", [how])
	check(not output.contains("WARNING") and not output.contains("ERROR"), "%s: %s" % [how, output])
	return output
