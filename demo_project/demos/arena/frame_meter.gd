extends Control
## The time from one frame to the next: a bar for each of the last frames, their average and their 99th percentile; and
## what multiplayer takes of it.

const Colors := preload("res://demos/shared/colors.gd")

const FRAMES := 240
## Height of the picture, in milliseconds.
const TOP := 40.0
const LINE := Color("3a4150")

## The last frames in milliseconds, the newest last.
var _times: Array[float] = []
var _last := 0
## Time of multiplayer in a frame, in milliseconds, averaged.
var _poll := 0.0


func add_poll(usec: int) -> void:
	_poll = lerpf(_poll, usec / 1000.0, 0.02)


## The time of multiplayer in a frame, in milliseconds: the average of about the last 50 frames.
func get_poll() -> float:
	return _poll


## The average, in milliseconds.
func get_average() -> float:
	if _times.is_empty():
		return 0.0
	var sum := 0.0
	for time in _times:
		sum += time
	return sum / _times.size()


## The time that 99 of 100 frames do not exceed, in milliseconds.
func get_p99() -> float:
	if _times.is_empty():
		return 0.0
	var sorted := _times.duplicate()
	sorted.sort()
	return sorted[ceili(sorted.size() * 0.99) - 1]


func _process(_delta: float) -> void:
	var now := Time.get_ticks_usec()
	if _last > 0:
		_times.append((now - _last) / 1000.0)
	_last = now
	if _times.size() > FRAMES:
		_times.pop_front()
	queue_redraw()


func _draw() -> void:
	var width := size.x / FRAMES
	for index in _times.size():
		var time := _times[index]
		var height := minf(time / TOP, 1.0) * size.y
		var x := size.x - (_times.size() - index) * width
		var color := Colors.GOOD if time < 18.0 else Colors.WAITING if time < 34.0 else Colors.BAD
		draw_rect(Rect2(x, size.y - height, width, height), color)
	# 60 frames a second.
	var y := size.y - 1000.0 / 60.0 / TOP * size.y
	draw_line(Vector2(0, y), Vector2(size.x, y), LINE)
