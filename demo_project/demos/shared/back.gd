extends Button
## Leads from a demo back to the menu, and so does Escape. Changing the scene frees the demo and the sockets it holds.

const Demo := preload("res://demos/shared/demo.gd")


func _ready() -> void:
	var _error := pressed.connect(go_back)


func _input(event: InputEvent) -> void:
	if event.is_action_pressed(&"ui_cancel") and is_visible_in_tree():
		get_viewport().set_input_as_handled()
		go_back()


func go_back() -> void:
	var _error := get_tree().change_scene_to_file(Demo.MENU)
