extends Node
## Opens each demo from the menu and leaves it again, without a window.
##
## A scene that is left is freed, with the sockets that its nodes hold. What would keep one open is a reference from
## elsewhere: a static variable, an autoload, or a lambda in the signal of an object that stays.

const Demo := preload("res://demos/shared/demo.gd")
const Menu := preload("res://demos/menu/menu.gd")

## Frames that a demo runs.
const FRAMES := 20

var _visits := 0


func _ready() -> void:
	var failures := PackedStringArray()
	for demo: Array in Menu.DEMOS:
		var folder: String = demo[0]
		if not await _visit(folder):
			var _is_full := failures.append(folder)
	if not failures.is_empty():
		print("failed: ", ", ".join(failures))
	Demo.finish(failures.is_empty())


func _visit(demo: String) -> bool:
	var is_open: bool = await Demo.until(func() -> bool: return _get_scene() == Demo.MENU)
	if not is_open:
		return false
	var menu: Menu = get_tree().current_scene
	menu.open(demo)
	var is_there: bool = await Demo.until(func() -> bool: return _get_scene() == Menu.get_scene(demo))
	if not is_there:
		return false
	for _frame in FRAMES:
		await get_tree().process_frame
	var sockets := AsyncSockets.get_sockets().size()
	print("%s: %d sockets" % [demo, sockets])
	var back: Button = get_tree().current_scene.find_child("Back")
	if back == null:
		return false
	# The two ways back, in turn.
	_visits += 1
	if _visits % 2 == 0:
		back.pressed.emit()
	else:
		_press_escape()
	return await Demo.until(func() -> bool: return _get_scene() == Demo.MENU and AsyncSockets.get_sockets().is_empty())


func _press_escape() -> void:
	for is_pressed: bool in [true, false]:
		var event := InputEventKey.new()
		event.keycode = KEY_ESCAPE
		event.physical_keycode = KEY_ESCAPE
		event.pressed = is_pressed
		Input.parse_input_event(event)


func _get_scene() -> String:
	var scene := get_tree().current_scene
	return scene.scene_file_path if scene != null else ""
