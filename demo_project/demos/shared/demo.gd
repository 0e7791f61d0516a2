extends RefCounted
## What the demos share: how each one runs, its arguments, and a second process of the engine.

const MENU := "res://demos/menu/menu.tscn"

## Whether the menu has opened the demo.
static var is_from_menu := false


## Without a window, a demo goes through its steps by itself, prints what happens, and quits the engine with 0 if
## everything happened as it should.
static func runs_by_itself() -> bool:
	return DisplayServer.get_name() == "headless" and not is_from_menu


## Whether the argument `--name` is on the command line, after the `--` that ends the engine's own arguments.
static func has_flag(flag: String) -> bool:
	return OS.get_cmdline_user_args().has("--" + flag)


## The value of the argument `--name=value`.
static func get_option(option: String, otherwise: String) -> String:
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("--%s=" % option):
			return argument.trim_prefix("--%s=" % option)
	return otherwise


## The command that starts this engine again.
static func get_engine() -> String:
	# Set by scripts/godot.sh: an engine that was started through a loader does not know its own path.
	var engine := OS.get_environment("GODOT")
	return OS.get_executable_path() if engine.is_empty() else engine


## The arguments with which the engine opens a scene of this project without a window.
static func get_engine_arguments(scene: String, user_arguments: PackedStringArray) -> PackedStringArray:
	var arguments: PackedStringArray = ["--headless"]
	# An exported game finds its project by itself.
	if OS.has_feature("editor"):
		arguments.append_array(["--path", ProjectSettings.globalize_path("res://")])
	arguments.append_array([scene, "--"])
	arguments.append_array(user_arguments)
	return arguments


## Awaitable: whether the condition holds within this time, in seconds. It is asked once a frame.
static func until(condition: Callable, seconds := 5.0) -> bool:
	var tree: SceneTree = Engine.get_main_loop()
	var end := Time.get_ticks_msec() + int(seconds * 1000.0)
	while not condition.call():
		if Time.get_ticks_msec() >= end:
			return false
		await tree.process_frame
	return true


## Ends a demo that runs by itself.
static func finish(has_succeeded: bool) -> void:
	print("demo: ", "done" if has_succeeded else "FAILED")
	var tree: SceneTree = Engine.get_main_loop()
	tree.quit(0 if has_succeeded else 1)
