extends Node
## Runs one test scene and quits: `godot --headless --path demo_project res://tests/runner/run.tscn -- NAME`, where NAME
## is short for `res://tests/test_NAME.gd` (a full path works too). `--only=TEST` runs one test of it.

const CLEAN_UP_LIMIT := 5.0

var _passed := 0
var _failed := 0


func _ready() -> void:
	# During its first frame the tree is still being set up.
	await get_tree().process_frame
	await _run_scene()
	print("%d passed, %d failed" % [_passed, _failed])
	get_tree().quit(0 if _failed == 0 else 1)


func _run_scene() -> void:
	var path := ""
	var only := ""
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("--only="):
			only = argument.trim_prefix("--only=")
		elif argument.begins_with("res://"):
			path = argument
		else:
			path = "res://tests/test_%s.gd" % argument.trim_prefix("test_").trim_suffix(".gd")
	var script := load(path) as GDScript if FileAccess.file_exists(path) else null
	if script == null or not script.can_instantiate():
		_report("load", PackedStringArray(["%s cannot be loaded" % path]))
		return
	var names := NetTest.names_of(script)
	if not only.is_empty():
		names = PackedStringArray([only]) if names.has(only) else PackedStringArray()
	if names.is_empty():
		_report("load", PackedStringArray(["%s has no such test" % path]))
	for test_name in names:
		await _run_test(script, test_name)


func _run_test(script: GDScript, test_name: String) -> void:
	var test: Object = script.new()
	if not test is NetTest:
		_report(test_name, PackedStringArray(["%s does not extend NetTest" % script.resource_path]))
		return
	var node := test as NetTest
	node.name = test_name
	add_child(node)
	var settings := _engine_settings()

	var limit := node.time_limit(test_name)
	var failures := PackedStringArray()
	if not await _ends(node, &"before_each", limit):
		failures.append("before_each is not over after %s s" % limit)
	elif node.get_skip_reason().is_empty() and not await _ends(node, test_name, limit):
		failures.append("time is over: the test still waits after %s s" % limit)
	if not await _ends(node, &"after_each", CLEAN_UP_LIMIT):
		failures.append("after_each is not over after %s s" % CLEAN_UP_LIMIT)

	failures.append_array(node.get_failures())
	if failures.is_empty() and node.asserts_nothing():
		failures.append("the test asserts nothing")
	node.clean_up()
	_restore_engine_settings(settings)
	if failures.is_empty() and not node.get_skip_reason().is_empty():
		print("skip %s: %s" % [test_name, node.get_skip_reason()])
	else:
		_report(test_name, failures)
	# A test that is still waiting ends here: freeing the node ends its coroutine.
	node.queue_free()
	await get_tree().process_frame


func _report(test_name: String, failures: PackedStringArray) -> void:
	if failures.is_empty():
		_passed += 1
		print("ok %s" % test_name)
		return
	_failed += 1
	print("FAIL %s: %s" % [test_name, failures[0]])
	for failure in failures.slice(1):
		print("     and: %s" % failure)


## Calls the method and waits until it has returned. False if that takes longer than the time limit.
func _ends(test: NetTest, method: StringName, seconds: float) -> bool:
	var deadline := Time.get_ticks_msec() + int(seconds * 1000)
	var progress := {"done": false}
	_call_and_note(test, method, progress)
	while not progress["done"]:
		if Time.get_ticks_msec() >= deadline:
			return false
		await get_tree().process_frame
	return true


func _call_and_note(test: NetTest, method: StringName, progress: Dictionary) -> void:
	await test.call(method)
	progress["done"] = true


func _engine_settings() -> Array:
	return [
		Engine.max_fps,
		Engine.time_scale,
		OS.low_processor_usage_mode_sleep_usec,
		get_tree().paused,
	]


func _restore_engine_settings(settings: Array) -> void:
	Engine.max_fps = settings[0]
	Engine.time_scale = settings[1]
	OS.low_processor_usage_mode_sleep_usec = settings[2]
	get_tree().paused = settings[3]
