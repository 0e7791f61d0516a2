extends Node
## Runs one server or client of the benchmark: `bench.tscn -- server=addon_websocket work=echo fps=60 budget=16000`.
##
## `server` is a script in `res://bench/servers`, `client` one in `res://bench/clients`, and `work` is what it does with
## a message. `fps` is the frame rate; 0 lets the main loop run as fast as it can. `budget` is the time in microseconds
## that each frame gives to the network; 0 leaves it to automatic processing. `certificate` is the path of a certificate
## and its key, without `.crt` and `.key`, for TLS. `lifetime` ends the program after this many seconds in any case.
## A client has `to`, the server's port, `count`, the number of its connections, and `in_flight`.
##
## It prints a line of JSON with its ports when it is ready. On the control port, `reset` begins a new measurement,
## `stats` returns its figures and `quit` ends the program. `connect` has a client open its first connection, `fill` the
## others, and `begin` has it put messages in flight, or tells a server that all clients are there.

const BenchClient := preload("res://bench/bench_client.gd")
const BenchPeer := preload("res://bench/bench_peer.gd")
const BenchServer := preload("res://bench/bench_server.gd")
const ControlLine := preload("res://bench/control_line.gd")
const FrameTimes := preload("res://bench/frame_times.gd")

const DEFAULT_LIFETIME := 60.0

var _options := {}
var _peer: BenchPeer
var _control := ControlLine.new()
var _frames := FrameTimes.new()


func _ready() -> void:
	for argument in OS.get_cmdline_user_args():
		_options[argument.get_slice("=", 0)] = argument.get_slice("=", 1)
	_set_frame_rate(int(_option("fps", "60")))
	var folder := "clients" if _options.has("client") else "servers"
	var peer := _option("client", _option("server", ""))
	_peer = (load("res://bench/%s/%s.gd" % [folder, peer]) as GDScript).new()
	_peer.work = _option("work", "echo")
	_peer.budget_usec = int(_option("budget", "0"))
	_peer.message_size = int(_option("size", "64"))
	_peer.tls_options = _tls_options(_option("certificate", ""))
	add_child(_peer)
	var port := 0
	var server := _peer as BenchServer
	if server != null:
		port = server.start()
	var client := _peer as BenchClient
	if client != null:
		client.server_port = int(_option("to", "0"))
		client.count = int(_option("count", "1"))
		client.in_flight = int(_option("in_flight", "1"))
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


func _tls_options(path: String) -> TLSOptions:
	if path.is_empty():
		return null
	var certificate := X509Certificate.new()
	var key := CryptoKey.new()
	certificate.load(path + ".crt")
	key.load(path + ".key")
	return TLSOptions.server(key, certificate)


func _on_asked(what: String) -> void:
	match what:
		"reset":
			_frames.reset()
			_peer.reset()
			_control.answer({})
		"stats":
			var figures := _peer.figures()
			figures.merge(_frames.figures())
			_control.answer(figures)
		"connect":
			(_peer as BenchClient).open()
			_control.answer({})
		"fill":
			var client := _peer as BenchClient
			for index in client.count - 1:
				client.open()
			_control.answer({})
		"begin":
			_peer.begin()
			_control.answer({})
		"quit":
			_control.answer({})
			get_tree().quit()
