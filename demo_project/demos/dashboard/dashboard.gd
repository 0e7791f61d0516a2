extends Control
## A dashboard: an echo server and its figures, live, and a flood of messages against it.
##
## The server answers every message in GDScript. The network has a budget of 4 ms in each frame (the project setting
## `async_sockets/process/frame_budget_usec`); what does not fit waits for the next frame. When too much waits, the
## library stops reading, and TCP slows the clients down. So the queue has an end, nothing is lost, and the frame rate
## holds, whatever arrives.
##
## The flood comes from a second process (see `flood.gd`). `figures.gd` shows where the figures come from, and `plot.gd`
## draws them. Other WebSocket clients may connect to the address, too.
##
## Headless, it floods itself for some seconds and prints the figures. `-- --port=9000` selects another port; `--flood`
## begins after some seconds.

const Colors := preload("res://demos/shared/colors.gd")
const Demo := preload("res://demos/shared/demo.gd")
const Figures := preload("res://demos/dashboard/figures.gd")
const Plot := preload("res://demos/dashboard/plot.gd")

const FLOOD_SCENE := "res://demos/dashboard/flood.tscn"
## In seconds.
const FLOOD := 20
const FLOOD_BY_ITSELF := 3
const FLOOD_AFTER := 7.0
## Time between two samples, in seconds.
const PAUSE := 0.2
## As many as a game has.
const FPS := 60

@export var port := 7802

var _server := WebSocketServer.new()
var _figures := Figures.new(_server)
## The second process; -1 if there is none.
var _flood := -1
var _flood_end := 0
var _since_sample := 0.0

@onready var _address: Label = %Address
@onready var _frame_plot: Plot = %Frame
@onready var _clients_plot: Plot = %Clients
@onready var _messages_plot: Plot = %Messages
@onready var _bytes_plot: Plot = %Bytes
@onready var _queue_plot: Plot = %Queue
@onready var _button: Button = %Flood
@onready var _count: HSlider = %Count
@onready var _count_text: Label = %CountText
@onready var _size: HSlider = %Size
@onready var _size_text: Label = %SizeText


func _ready() -> void:
	Engine.max_fps = FPS
	var _error := _server.message_received.connect(_on_message_received)
	_error = _server.data_received.connect(_on_data_received)
	_error = _button.pressed.connect(_on_button_pressed)
	_error = _count.value_changed.connect(func(_value: float) -> void: _show_settings())
	_error = _size.value_changed.connect(func(_value: float) -> void: _show_settings())
	_show_settings()
	port = 0 if Demo.runs_by_itself() else Demo.get_option("port", str(port)).to_int()
	if not _server.start(port, "127.0.0.1"):
		_address.text = "not listening"
		_button.disabled = true
		if Demo.runs_by_itself():
			Demo.finish(false)
		return
	_address.text = "ws://127.0.0.1:%d" % _server.get_local_port()
	if Demo.runs_by_itself():
		var has_succeeded: bool = await _play()
		Demo.finish(has_succeeded)
	elif Demo.has_flag("flood"):
		await get_tree().create_timer(FLOOD_AFTER).timeout
		_start_flood(FLOOD)


func _exit_tree() -> void:
	Engine.max_fps = 0
	_stop_flood()


func _process(delta: float) -> void:
	_figures.count_frame()
	_since_sample += delta
	if _since_sample >= PAUSE:
		_since_sample = 0.0
		_figures.sample()
		_show_figures()
	if _flood != -1:
		_button.text = "Stop the flood (%d s)" % maxi(0, ceili((_flood_end - Time.get_ticks_msec()) / 1000.0))
		if not OS.is_process_running(_flood):
			_stop_flood()


# The work of this server.
func _on_message_received(client_id: int, message: String) -> void:
	var _error := _server.send_text(client_id, message)


func _on_data_received(client_id: int, data: PackedByteArray) -> void:
	var _error := _server.send_binary(client_id, data)


#region The flood


func _start_flood(seconds: int) -> void:
	var options: PackedStringArray = [
		"--port=%d" % _server.get_local_port(),
		"--clients=%d" % int(_count.value),
		"--size=%d" % _get_size(),
		"--seconds=%d" % seconds,
	]
	_flood = OS.create_process(Demo.get_engine(), Demo.get_engine_arguments(FLOOD_SCENE, options))
	_flood_end = Time.get_ticks_msec() + seconds * 1000
	if _flood == -1:
		push_error("The second process does not start: %s" % Demo.get_engine())


func _stop_flood() -> void:
	if _flood != -1 and OS.is_process_running(_flood):
		var _error := OS.kill(_flood)
	_flood = -1
	_button.text = "Start a flood"


func _on_button_pressed() -> void:
	if _flood == -1:
		_start_flood(FLOOD)
	else:
		_stop_flood()


## The slider counts in powers of two.
func _get_size() -> int:
	return 1 << int(_size.value)


#endregion
#region The window


func _show_settings() -> void:
	_count_text.text = "%d clients" % int(_count.value)
	_size_text.text = "messages of %s" % String.humanize_size(_get_size())


func _show_figures() -> void:
	var fps := Engine.get_frames_per_second()
	_frame_plot.add(_figures.frame, _figures.network, "%d FPS   p99 %.1f ms" % [roundi(fps), _figures.get_frame_p99()])
	_clients_plot.add(_figures.clients)
	_messages_plot.add(_figures.messages)
	var both := _figures.bytes_in + _figures.bytes_out
	_bytes_plot.add(both, _figures.bytes_in)
	_queue_plot.add(_figures.queued)


#endregion
#region By itself


func _play() -> bool:
	print("server: listening at %s" % _address.text)
	var clients := int(_count.value)
	_start_flood(FLOOD_BY_ITSELF)
	var flood := _flood
	if flood == -1:
		return false
	var has_come: bool = await Demo.until(func() -> bool: return _server.get_client_count() == clients, 10.0)
	print("flood: %d clients are here" % _server.get_client_count())
	for _second in FLOOD_BY_ITSELF:
		await get_tree().create_timer(1.0).timeout
		var words := "%s/s, %sB/s, %d events in the queue; frame p99 %.1f ms, the network took at most %.1f ms of one"
		var figures := [
			_messages_plot.get_text(_figures.messages),
			_messages_plot.get_text(_figures.bytes_in + _figures.bytes_out),
			_figures.queued,
			_figures.get_frame_p99(),
			_figures.network,
		]
		print("server: ", words % figures)
	var has_left: bool = await Demo.until(func() -> bool: return not OS.is_process_running(flood), 10.0)
	if not has_left:
		return false
	var code := OS.get_process_exit_code(flood)
	print("flood: ended with %d" % code)
	var is_empty: bool = await Demo.until(func() -> bool: return _server.get_client_count() == 0)
	var received: int = _server.get_statistics()["messages_in"]
	var sent: int = _server.get_statistics()["messages_out"]
	print("server: %d messages in, %d out" % [received, sent])
	_server.stop()
	# 0 means that every message has come back.
	return has_come and code == 0 and is_empty and received > clients and received == sent

#endregion
