class_name NetTest
extends Node
## Base class of the test scenes in `res://tests`.
##
## Every method whose name starts with `test_` is a test. Tests run in source order, each in a node of its own, so state
## that one leaves in a variable does not reach the next. A test may await. It fails if an assertion fails, if it makes
## none, or if it takes longer than [method time_limit].
##
## A line `# time_limit: 300` in the script gives the whole scene more seconds (`scripts/test.sh` reads it); a line `#
## expects: panicked at` allows a text in the output that would otherwise fail the scene.

const _SHOWN_BYTES := 32
const _SHOWN_CHARACTERS := 200

var _assertions := 0
var _failures := PackedStringArray()
var _skipped := ""
var _processes: Array[int] = []
var _freed_later: Array[Object] = []


## Runs before each test; may await.
func before_each() -> void:
	pass


## Runs after each test, even a failed one; may await.
func after_each() -> void:
	pass


## Seconds that this test may take.
func time_limit(_test_name: String) -> float:
	return 10.0


#region Assertions. Each returns whether it held, so that a test can stop: `if not equal(...): return`.


## Fails the test unless [param condition] holds.
func check(condition: bool, message := "the condition does not hold") -> bool:
	_assertions += 1
	if not condition:
		_failures.append(message + _caller())
	return condition


## Fails the test.
func fail(message: String) -> void:
	check(false, message)


## Asserts equal type and value. Arrays and dictionaries are compared by their contents.
func equal(actual: Variant, expected: Variant, message := "") -> bool:
	return check(_same(actual, expected), _worded(message, "got %s, expected %s" % [_shown(actual), _shown(expected)]))


func not_equal(actual: Variant, unexpected: Variant, message := "") -> bool:
	return check(not _same(actual, unexpected), _worded(message, "got %s" % _shown(actual)))


func at_least(actual: float, limit: float, message := "") -> bool:
	return check(actual >= limit, _worded(message, "got %s, expected at least %s" % [actual, limit]))


func at_most(actual: float, limit: float, message := "") -> bool:
	return check(actual <= limit, _worded(message, "got %s, expected at most %s" % [actual, limit]))


## [param result] is an [enum Error], or an [Array] whose first element is one.
func is_error(result: Variant, expected: Error, message := "") -> bool:
	var code: Variant = result
	if result is Array:
		code = (result as Array)[0] if (result as Array).size() > 0 else null
	if not code is int:
		return check(false, _worded(message, "%s holds no Error" % _shown(result)))
	return check(code == expected, _worded(message, "got %s, expected %s" % [_error_name(code), _error_name(expected)]))


func is_ok(result: Variant, message := "") -> bool:
	return is_error(result, OK, message)


## Skips this test: it counts neither as passed nor as failed. Return right after calling this. Called in [method
## before_each], it keeps the test from running.
func skip(reason: String) -> void:
	_skipped = reason


#endregion
#region Waiting


## Waits until [param condition] returns true, checking once a frame. False if the time runs out.
func wait_for(condition: Callable, time := 5.0) -> bool:
	var deadline := Time.get_ticks_msec() + int(time * 1000)
	while not condition.call():
		if Time.get_ticks_msec() >= deadline:
			return false
		await get_tree().process_frame
	return true


func frames(count: int) -> void:
	for _i in count:
		await get_tree().process_frame


func seconds(time: float) -> void:
	await get_tree().create_timer(time, true, false, true).timeout


#endregion
#region Help


## A loopback TCP port on which nothing listens.
func free_port() -> int:
	var server := TCPServer.new()
	server.listen(0, "127.0.0.1")
	var port := server.get_local_port()
	server.stop()
	return port


## Frees the object at the end of the test. Returns it.
func free_later(object: Object) -> Object:
	_freed_later.append(object)
	return object


## Starts a process that is killed at the end of the test. Returns its id, or -1 on failure.
func start_process(path: String, arguments := PackedStringArray()) -> int:
	var id := OS.create_process(path, arguments)
	if check(id > 0, "%s does not start" % path):
		_processes.append(id)
	return id


## Like [method start_process], for a Python script of the project. The script should end by itself after a while,
## because nothing else ends it if the engine is killed.
func start_python(script: String, arguments := PackedStringArray()) -> int:
	var all := PackedStringArray([ProjectSettings.globalize_path(script)])
	all.append_array(arguments)
	return start_process(_python(), all)


## Runs this project in a second engine, like [method run_program]. The engine's last argument should be a scene or
## script.
func run_engine(arguments: PackedStringArray, time := 30.0) -> Array:
	var all := PackedStringArray([_engine(), "--headless", "--path", ProjectSettings.globalize_path("res://")])
	all.append_array(arguments)
	return await run_program(all, time)


## Runs a command and waits for it: awaitable [code][exit_code: int, output: String][/code]. The exit code is 124 if the
## time ran out, and -1 if the command did not start.
func run_program(command: PackedStringArray, time := 30.0) -> Array:
	var program := run_in_background(command, time)
	await wait_for(program.is_over, time + 5.0)
	return [program.code, program.output]


## The same, without waiting for the end.
func run_in_background(command: PackedStringArray, time := 60.0) -> Program:
	var report := "user://report_%d_%d.txt" % [OS.get_process_id(), Time.get_ticks_usec()]
	var program := Program.new(ProjectSettings.globalize_path(report))
	var all := PackedStringArray([str(time), program.report])
	all.append_array(command)
	start_python("res://tests/runner/run_limited.py", all)
	return program


## Skips the test if there is no Chromium.
func skip_without_browser() -> void:
	if OS.get_environment("PEERS_CHROMIUM").is_empty():
		skip("Chromium is not there")


## Runs `res://tests/peers/browser/NAME.mjs` in headless Chromium, for a WebSocket server on this port.
func open_page(module: String, port: int) -> Program:
	var script := ProjectSettings.globalize_path("res://tests/peers/browser.py")
	var path := ProjectSettings.globalize_path("res://tests/peers/browser/%s.mjs" % module)
	return run_in_background([_python(), script, OS.get_environment("PEERS_CHROMIUM"), path, str(port)])


## Waits for what the module's function returns. Its numbers are floats.
func returned(page: Program, time := 45.0) -> Variant:
	await wait_for(page.is_over, time)
	equal(page.code, 0, page.output)
	return JSON.parse_string(page.output.get_slice("\n", 0)) if page.code == 0 else null


#endregion
#region For the runner


## The names of a scene's test methods.
static func names_of(script: Script) -> PackedStringArray:
	var names := PackedStringArray()
	for method in script.get_script_method_list():
		var method_name := method["name"] as String
		if method_name.begins_with("test_") and not names.has(method_name):
			names.append(method_name)
	return names


## The reason why the test was skipped, or an empty string.
func get_skip_reason() -> String:
	return _skipped


## Failures, one line each.
func get_failures() -> PackedStringArray:
	return _failures


func asserts_nothing() -> bool:
	return _assertions == 0 and _skipped.is_empty()


## Ends what the test started.
func clean_up() -> void:
	for id in _processes:
		if OS.is_process_running(id):
			OS.kill(id)
	_processes.clear()
	for object in _freed_later:
		if is_instance_valid(object) and not object is RefCounted:
			object.free()
	_freed_later.clear()


#endregion


func _same(a: Variant, b: Variant) -> bool:
	# Wrapped, because `==` on two values of different types is a script error.
	return typeof(a) == typeof(b) and [a] == [b]


func _worded(message: String, detail: String) -> String:
	return detail if message.is_empty() else "%s: %s" % [message, detail]


func _shown(value: Variant) -> String:
	if value is PackedByteArray and (value as PackedByteArray).size() > _SHOWN_BYTES:
		var bytes := value as PackedByteArray
		return "%d bytes starting %s" % [bytes.size(), bytes.slice(0, _SHOWN_BYTES).hex_encode()]
	if value is Array:
		var parts := PackedStringArray()
		for element: Variant in (value as Array).slice(0, _SHOWN_BYTES):
			parts.append(_shown(element))
		return "[%s]" % ", ".join(parts)
	if value is Object:
		return str(value)
	return var_to_str(value).left(_SHOWN_CHARACTERS)


func _error_name(code: int) -> String:
	return "%d (%s)" % [code, error_string(code)]


## The position of an assertion in the test. Empty before Godot 4.5, which reports it only to a debugger.
func _caller() -> String:
	var here := (get_script() as Script).resource_path
	for entry: Dictionary in get_stack():
		if entry["source"] == here:
			return " (line %d)" % entry["line"]
	return ""


func _python() -> String:
	var from_environment := OS.get_environment("PYTHON")
	if not from_environment.is_empty():
		return from_environment
	return "python" if OS.get_name() == "Windows" else "python3"


func _engine() -> String:
	# Set by scripts/godot.sh. When started through a loader, the engine does not know its own path.
	var from_environment := OS.get_environment("GODOT")
	return OS.get_executable_path() if from_environment.is_empty() else from_environment


## A running command and its result.
class Program:
	extends RefCounted

	## The file that receives its output at the end.
	var report: String
	var code := -1
	var output := ""

	func _init(report_path: String) -> void:
		report = report_path

	func is_over() -> bool:
		if not FileAccess.file_exists(report):
			return code >= 0
		output = FileAccess.get_file_as_string(report)
		DirAccess.remove_absolute(report)
		var last_line := output.strip_edges().get_slice("\n", output.strip_edges().count("\n"))
		code = last_line.trim_prefix("exit code ").to_int() if last_line.begins_with("exit code ") else -1
		return true
