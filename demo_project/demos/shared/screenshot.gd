extends Node
## Takes a picture of the window: `-- --screenshot=PATH` after the engine's own arguments saves a PNG file and quits.
## `--after=SECONDS` is how long it waits until then.

const Demo := preload("res://demos/shared/demo.gd")

## Time until everything is in place, in seconds.
const AFTER := "2"


func _ready() -> void:
	var path := Demo.get_option("screenshot", "")
	if path.is_empty() or DisplayServer.get_name() == "headless":
		return
	await get_tree().create_timer(Demo.get_option("after", AFTER).to_float()).timeout
	await RenderingServer.frame_post_draw
	var error := get_viewport().get_texture().get_image().save_png(path)
	if error != OK:
		push_error("Cannot save %s: %s" % [path, error_string(error)])
	get_tree().quit(0 if error == OK else 1)
