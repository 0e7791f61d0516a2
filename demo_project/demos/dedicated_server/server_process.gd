extends RefCounted
## The dedicated server in a second process, as seen from here: it is started, followed by its control port, and
## stopped. Call [method poll] in every frame.

signal line_received(line: String)
signal started
signal ended(exit_code: int)

const Demo := preload("res://demos/shared/demo.gd")

const SCENE := "res://demos/dedicated_server/server.tscn"
const HOST := "127.0.0.1"
## Time for the engine to start, in seconds, and between two attempts to reach it.
const PATIENCE := 15.0
const PAUSE := 0.1

var port := 0
var control_port := 0

var _pid := -1
var _control: TcpClient


## Starts the server and follows its log to the end.
func run() -> void:
	port = _find_free_port()
	control_port = _find_free_port()
	var options: PackedStringArray = ["--port=%d" % port, "--control-port=%d" % control_port]
	var pid := OS.create_process(Demo.get_engine(), Demo.get_engine_arguments(SCENE, options))
	if pid == -1:
		ended.emit(-1)
		return
	_pid = pid
	if not await _connect():
		# Unless poll() has noticed its end.
		if is_running():
			kill()
			ended.emit(-1)
		return
	started.emit()
	send("log")
	while _control != null:
		var received: Array = await _control.recv_line()
		if received[0] != OK:
			break
		var line: String = received[1]
		line_received.emit(line)


## Notices the end of the process.
func poll() -> void:
	if _pid != -1 and not OS.is_process_running(_pid):
		var code := OS.get_process_exit_code(_pid)
		kill()
		ended.emit(code)


func is_running() -> bool:
	return _pid != -1


## Sends a command to the control port.
func send(command: String) -> void:
	if _control != null:
		var _error := _control.send((command + "\n").to_utf8_buffer())


## Ends what is left, without a goodbye.
func kill() -> void:
	if _pid != -1 and OS.is_process_running(_pid):
		var _error := OS.kill(_pid)
	_pid = -1
	var control := _control
	_control = null
	if control != null:
		control.abort()


## Awaitable: tries until the server listens.
func _connect() -> bool:
	var end := Time.get_ticks_msec() + int(PATIENCE * 1000.0)
	var tree: SceneTree = Engine.get_main_loop()
	while Time.get_ticks_msec() < end and is_running() and OS.is_process_running(_pid):
		var control := TcpClient.new()
		var _error := control.connect_to_host(HOST, control_port)
		var connected: Array = await control.wait_connected(1.0)
		if connected[0] == OK:
			_control = control
			return true
		await tree.create_timer(PAUSE).timeout
	return false


## A port that was free a moment ago. The engine's class gives it back at once; a listener of this library, a moment
## later.
func _find_free_port() -> int:
	var listener := TCPServer.new()
	var _error := listener.listen(0, HOST)
	var free := listener.get_local_port()
	listener.stop()
	return free
