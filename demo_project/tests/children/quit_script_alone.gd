extends SceneTree
## Run by `godot --script`: a tree of its own, which quits while a node is waiting.

const Retrying := preload("res://tests/children/retrying_node.gd")
const FRAMES := 5

var _frames := 0


func _initialize() -> void:
	var node := Retrying.new()
	node.name = "alone"
	root.add_child(node)


func _process(_delta: float) -> bool:
	_frames += 1
	return _frames == FRAMES
