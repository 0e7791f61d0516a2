extends NetTest
## The test runner itself: it must detect every failure in a test, and go on.

const ENGINE_SECONDS := 30.0


func time_limit(_test_name: String) -> float:
	return ENGINE_SECONDS + 10.0


func test_assertions_judge() -> void:
	check(true)
	equal([OK, "abc".to_utf8_buffer()], [OK, "abc".to_utf8_buffer()])
	not_equal(1, 1.0, "types count")
	not_equal("1", 1)
	not_equal(null, [])
	is_ok(OK)
	is_error([ERR_TIMEOUT, PackedByteArray()], ERR_TIMEOUT)
	at_least(2.0, 1.0)
	at_most(1.0, 1.0)


func test_waiting() -> void:
	var before := Engine.get_process_frames()
	await frames(3)
	equal(Engine.get_process_frames() - before, 3)
	var late := get_tree().create_timer(0.05)
	check(await wait_for(func() -> bool: return late.time_left == 0.0))
	check(not await wait_for(func() -> bool: return false, 0.05), "gives up")


func test_free_port_is_free() -> void:
	var server := TCPServer.new()
	is_ok(server.listen(free_port(), "127.0.0.1"))


func test_a_process_is_ended_with_its_test() -> void:
	var id := start_python("res://tests/runner/run_limited.py", ["1", "nowhere/report", "true"])
	at_least(id, 1)
	clean_up()
	check(await wait_for(func() -> bool: return not OS.is_process_running(id)))


## `runner/wrong_tests.gd` has one test for each way in which a test can fail.
func test_sees_what_goes_wrong() -> void:
	var run := await _run("res://tests/runner/wrong_tests.gd")
	var output := run[1] as String
	equal(run[0], 1, output)
	for line: String in [
		"FAIL test_fails: two is not one: got 2, expected 1",
		"     and: the second reason",
		"FAIL test_asserts_nothing: the test asserts nothing",
		"FAIL test_never_ends: time is over",
		"FAIL test_stops_at_a_script_error: ",
		"skip test_skips: not here",
		"ok test_passes_after_all_of_them",
		"1 passed, 4 failed",
	]:
		check(output.contains(line), "%s: not in\n%s" % [line, output])


func test_reports_a_scene_that_does_not_load() -> void:
	var run := await _run("nowhere")
	var output := run[1] as String
	equal(run[0], 1, output)
	check(output.contains("FAIL load: res://tests/test_nowhere.gd cannot be loaded"), output)
	check(output.contains("0 passed, 1 failed"), output)


func test_only_runs_one() -> void:
	var run := await _run("res://tests/runner/wrong_tests.gd", "--only=test_fails")
	check((run[1] as String).contains("0 passed, 1 failed"), run[1])


func _run(scene: String, option := "--only=") -> Array:
	return await run_engine(["res://tests/runner/run.tscn", "--", scene, option], ENGINE_SECONDS)
