extends Node
## Quits while nodes in several places of the tree are waiting. The second argument selects how.

const Retrying := preload("res://tests/children/retrying_node.gd")
const FRAMES := 5

static var _scenes := 0

var _frames := 0
var _how := OS.get_cmdline_user_args()[1]


func _ready() -> void:
	_scenes += 1
	_add(self, "below")
	_add.call_deferred(get_tree().root, "beside")
	if _how == "change_scene" and _scenes == 1:
		get_tree().change_scene_to_file.call_deferred("res://tests/children/child.tscn")


func _process(_delta: float) -> void:
	_frames += 1
	if _frames != FRAMES:
		return
	match _how:
		"close_request":
			get_tree().root.propagate_notification(NOTIFICATION_WM_CLOSE_REQUEST)
		"last_moment":
			_add(get_tree().root, "at_last")
			get_tree().quit()
		_:
			get_tree().quit()


func _notification(what: int) -> void:
	if what == NOTIFICATION_WM_CLOSE_REQUEST:
		get_tree().quit()


func _add(parent: Node, name_of_it: String) -> void:
	var node := Retrying.new()
	node.name = name_of_it
	parent.add_child(node)
