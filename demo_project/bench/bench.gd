extends Node
## Runs one server of the benchmark: `bench.tscn -- server=addon_websocket work=echo fps=60 budget=16000`.
##
## `server` is a script in `res://bench/servers`, and `work` is what it does with a message. `fps` is the frame rate; 0
## lets the main loop run as fast as it can. `budget` is the time in microseconds that each frame gives to the network;
## 0 leaves it to automatic processing. `lifetime` ends the program after this many seconds in any case.
##
## It prints a line of JSON with its ports when it is ready. On the control port, `reset` begins a new measurement,
## `stats` returns its figures and `quit` ends the program.

const BenchServer := preload("res://bench/bench_server.gd")
const ControlLine := preload("res://bench/control_line.gd")
const FrameTimes := preload("res://bench/frame_times.gd")

const DEFAULT_LIFETIME := 60.0

var _options := {}
var _server: BenchServer
var _control := ControlLine.new()
var _frames := FrameTimes.new()


func _ready() -> void:
	for argument in OS.get_cmdline_user_args():
		_options[argument.get_slice("=", 0)] = argument.get_slice("=", 1)
	_set_frame_rate(int(_option("fps", "60")))
	_server = (load("res://bench/servers/%s.gd" % _option("server", "")) as GDScript).new()
	_server.work = _option("work", "echo")
	_server.budget_usec = int(_option("budget", "0"))
	_server.message_size = int(_option("size", "64"))
	add_child(_server)
	var port := _server.start()
	_control.asked.connect(_on_asked)
	print(JSON.stringify({"event": "listening", "port": port, "control": _control.start()}))
	get_tree().create_timer(float(_option("lifetime", str(DEFAULT_LIFETIME)))).timeout.connect(get_tree().quit)


func _process(_delta: float) -> void:
	_frames.count()
	_control.poll()


func _option(option: String, default: String) -> String:
	return _options.get(option, default)


## A headless main loop sleeps 6.9 ms a frame even without a frame rate limit, unless told otherwise.
func _set_frame_rate(fps: int) -> void:
	Engine.max_fps = fps
	if fps == 0:
		OS.low_processor_usage_mode_sleep_usec = 1


func _on_asked(what: String) -> void:
	match what:
		"reset":
			_frames.reset()
			_server.reset()
			_control.answer({})
		"stats":
			var figures := _server.figures()
			figures.merge(_frames.figures())
			_control.answer(figures)
		"quit":
			_control.answer({})
			get_tree().quit()
