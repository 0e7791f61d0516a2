extends NetTest
## Signals that ask a server's process to end: its clients are told, and its exit code is right.
##
## A Python script starts the server, is its client, and sends the signals.

## The system has ended the process by this signal.
const BY_SIGTERM := -15
const BY_SIGINT := -2

const GOING_AWAY := 1001


func before_each() -> void:
	if OS.get_name() == "Windows":
		skip("there are no signals on Windows")


func time_limit(_test_name: String) -> float:
	return 60.0


func test_off_by_default() -> void:
	equal(AsyncSockets.handle_termination, false)
	var end := await _end_of("untouched", "TERM")
	equal([end["exit"], end["close"]], [BY_SIGTERM, null])


func test_the_property() -> void:
	AsyncSockets.handle_termination = true
	equal(AsyncSockets.handle_termination, true)
	AsyncSockets.handle_termination = false
	equal(AsyncSockets.handle_termination, false)


func test_without_a_handler() -> void:
	for by: String in ["TERM", "INT"]:
		var end := await _end_of("on", by)
		equal([end["exit"], end["close"]], [0, GOING_AWAY], by)
		_prints_no_trouble(end)


func test_a_handler_saves_and_quits() -> void:
	for by: String in ["TERM", "INT"]:
		var end := await _end_of("saves", by)
		equal([end["exit"], end["close"]], [3, GOING_AWAY], by)
		check(end["output"].contains("saved the game of 1 clients"), end["output"])
		_prints_no_trouble(end)


func test_while_the_tree_is_paused() -> void:
	var end := await _end_of("paused", "TERM")
	equal([end["exit"], end["close"]], [0, GOING_AWAY])


func test_without_a_scene() -> void:
	var port := free_port()
	var end := await _end(port, "TERM", ["--script", "res://tests/children/terminated_alone.gd", "--", str(port)])
	equal([end["exit"], end["close"]], [0, GOING_AWAY])


func test_a_loop_that_never_returns_to_the_engine() -> void:
	var end := await _end_of("loop", "TERM")
	equal([end["exit"], end["close"]], [5, GOING_AWAY])


func test_off_again() -> void:
	var end := await _end_of("off", "INT")
	equal([end["exit"], end["close"]], [BY_SIGINT, null])


func test_a_second_signal_ends_a_process_that_hangs() -> void:
	var end := await _end_of("goes_on", "TERM,1.0,INT")
	equal([end["exit"], end["close"]], [BY_SIGINT, null])
	equal(end["output"].count("asked to end"), 1)


## As a terminal and a wrapper in it may both pass on one Ctrl-C.
func test_signals_in_a_row_are_one_request() -> void:
	var end := await _end_of("saves", "INT,0.05,INT,TERM")
	equal([end["exit"], end["close"]], [3, GOING_AWAY])
	equal(end["output"].count("saved the game"), 1)


func test_the_next_request_after_it_was_set_again() -> void:
	var end := await _end_of("again", "TERM,1.0,TERM")
	equal([end["exit"], end["close"]], [2, GOING_AWAY])


## Sends signals to the child `terminated`, and returns how it ended.
func _end_of(how: String, signals: String) -> Dictionary:
	var port := free_port()
	return await _end(port, signals, ["res://tests/children/child.tscn", "--", "terminated", str(port), how])


func _end(port: int, signals: String, arguments: PackedStringArray) -> Dictionary:
	var script := ProjectSettings.globalize_path("res://tests/peers/terminate.py")
	var command: PackedStringArray = [_python(), script, str(port), signals, _engine(), "--headless"]
	command.append_array(["--path", ProjectSettings.globalize_path("res://")])
	command.append_array(arguments)
	var run := await run_program(command, 50.0)
	if not equal(run[0], 0, run[1]):
		return {"exit": 0, "close": 0, "output": run[1]}
	var end := JSON.parse_string((run[1] as String).get_slice("\n", 0)) as Dictionary
	# JSON has floats only.
	end["exit"] = int(end["exit"] as float)
	end["close"] = int(end["close"] as float) if end["close"] is float else end["close"]
	return end


func _prints_no_trouble(end: Dictionary) -> void:
	for trouble: String in ["ERROR", "WARNING", "ObjectDB instances leaked", "panicked at"]:
		check(not end["output"].contains(trouble), end["output"])
