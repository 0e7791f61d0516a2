extends PanelContainer
## A live plot of one or two figures: the newest value is at the right, and the scale follows the largest.

const Colors := preload("res://demos/shared/colors.gd")

## Number of values, each as wide as the next.
const VALUES := 150
const GRID := Color("2b313d")
## The scale ends at one of these, times a power of ten.
const TOPS: PackedFloat64Array = [1.0, 1.2, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
const SMALL := 13

@export var title := ""
## Put behind the newest value. With `is_scaled`, 12300 becomes "12.3 k".
@export var unit := ""
@export var is_scaled := true
@export var color := Color("7cc4ff")
@export var has_second := false
## Of the second figure.
@export var second_color := Color("f0b866")
## The scale reaches at least this value.
@export var least_top := 10.0
## A horizontal line, with a word. None if 0.
@export var mark := 0.0
@export var mark_name := ""

var _values := PackedFloat64Array()
var _second_values := PackedFloat64Array()
var _title := Label.new()
var _value := Label.new()
var _canvas := Control.new()


func _ready() -> void:
	var rows := VBoxContainer.new()
	rows.add_theme_constant_override(&"separation", 8)
	add_child(rows)
	var head := HBoxContainer.new()
	rows.add_child(head)
	_title.text = title
	_title.theme_type_variation = &"DimLabel"
	_title.size_flags_horizontal = SIZE_EXPAND_FILL
	head.add_child(_title)
	_value.add_theme_font_size_override(&"font_size", 20)
	_value.add_theme_color_override(&"font_color", color)
	head.add_child(_value)
	_canvas.size_flags_vertical = SIZE_EXPAND_FILL
	_canvas.clip_contents = true
	var _error := _canvas.draw.connect(_draw_canvas)
	rows.add_child(_canvas)


## Adds a value of each figure, and optionally the text for them.
func add(value: float, second := 0.0, text := "") -> void:
	_push(_values, value)
	_push(_second_values, second)
	_value.text = text if text else get_text(value)
	_canvas.queue_redraw()


func get_text(value: float) -> String:
	if not is_scaled:
		return ("%d %s" % [roundi(value), unit]).strip_edges()
	for step: Array in [[1e9, "G"], [1e6, "M"], [1e3, "k"]]:
		var size_of_step: float = step[0]
		if value >= size_of_step:
			return "%.1f %s%s" % [value / size_of_step, step[1], unit]
	return ("%d %s" % [roundi(value), unit]).strip_edges()


## The array is changed in place: packed arrays are passed by reference.
func _push(values: PackedFloat64Array, value: float) -> void:
	var _is_full := values.append(value)
	if values.size() > VALUES:
		values.remove_at(0)


func _draw_canvas() -> void:
	var top := least_top
	for value in _values:
		top = maxf(top, value)
	top = _round_up(top)
	for part: float in [0.0, 0.5, 1.0]:
		var y := 1.0 + (_canvas.size.y - 2.0) * part
		_canvas.draw_line(Vector2(0, y), Vector2(_canvas.size.x, y), GRID)
	_draw_figure(_values, color, top)
	if has_second:
		_draw_figure(_second_values, second_color, top)
	var font := get_theme_default_font()
	_canvas.draw_string(font, Vector2(4, 17), get_text(top), HORIZONTAL_ALIGNMENT_LEFT, -1, SMALL, Colors.DIM)
	if mark > 0.0:
		var y := _canvas.size.y * (1.0 - mark / top)
		_canvas.draw_line(Vector2(0, y), Vector2(_canvas.size.x, y), Color(Colors.DIM, 0.6))
		_canvas.draw_string(font, Vector2(4, y - 5), mark_name, HORIZONTAL_ALIGNMENT_LEFT, -1, SMALL, Colors.DIM)


func _round_up(value: float) -> float:
	var power := pow(10.0, floorf(log(value) / log(10.0)))
	for top in TOPS:
		if top * power >= value:
			return top * power
	return 10.0 * power


func _draw_figure(values: PackedFloat64Array, line_color: Color, top: float) -> void:
	var points := PackedVector2Array()
	var width := _canvas.size.x / (VALUES - 1)
	for index in values.size():
		var x := _canvas.size.x - (values.size() - 1 - index) * width
		var y := (_canvas.size.y - 2.0) * (1.0 - values[index] / top) + 1.0
		var _is_full := points.append(Vector2(x, y))
	if points.size() < 2:
		return
	for index in points.size() - 1:
		var under := Rect2(points[index], Vector2(width, _canvas.size.y - points[index].y))
		_canvas.draw_rect(under, Color(line_color, 0.12))
	_canvas.draw_polyline(points, line_color, 1.5, true)
