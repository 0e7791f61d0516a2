extends Node
## The main scene of a second engine that a test starts: adds a node with the script `res://tests/children/NAME.gd`,
## where NAME is the first user argument.


func _ready() -> void:
	var script := load("res://tests/children/%s.gd" % OS.get_cmdline_user_args()[0]) as GDScript
	var child := script.new() as Node
	add_child(child)
