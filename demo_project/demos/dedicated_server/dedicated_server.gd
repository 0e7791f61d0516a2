extends Control
## A dedicated server, seen from outside: this window starts it in a second process, without a window, shows its log,
## and sends clients to it.
##
## `server.gd` is what there is to learn here, and says how to run the server alone. `server_process.gd` starts and
## controls it.
##
## Headless, all this happens by itself: clients come, talk, and get a goodbye when the server is told to stop. In a
## window, `-- --start` begins with a server and two clients.

const Colors := preload("res://demos/shared/colors.gd")
const Demo := preload("res://demos/shared/demo.gd")
const ServerProcess := preload("res://demos/dedicated_server/server_process.gd")
const Transcript := preload("res://demos/shared/transcript.gd")

const MAX_CLIENTS := 50

var _process_of_server := ServerProcess.new()
var _clients: Array[WebSocketClient] = []
## What the clients have received, and the codes with which their connections have ended.
var _received := PackedStringArray()
var _codes := PackedInt32Array()
## Lines of the server's log.
var _lines := PackedStringArray()
var _exit_code := -1
var _health := -1

@onready var _address: Label = %Address
@onready var _state: Label = %State
@onready var _start: Button = %Start
@onready var _status: Button = %Status
@onready var _check: Button = %Check
@onready var _count: Label = %Count
@onready var _add: Button = %Add
@onready var _talk: Button = %Talk
@onready var _request: HTTPRequest = %Request
@onready var _transcript: Transcript = %Transcript


func _ready() -> void:
	var _error := _process_of_server.started.connect(_on_started)
	_error = _process_of_server.line_received.connect(_on_line_received)
	_error = _process_of_server.ended.connect(_on_ended)
	_error = _start.pressed.connect(_on_start_pressed)
	_error = _status.pressed.connect(func() -> void: _process_of_server.send("status"))
	_error = _check.pressed.connect(_ask_for_health)
	_error = _add.pressed.connect(_add_client)
	_error = _talk.pressed.connect(_talk_to_all)
	_error = _request.request_completed.connect(_on_request_completed)
	_show()
	if Demo.runs_by_itself():
		var has_succeeded: bool = await _play()
		Demo.finish(has_succeeded)
	else:
		_transcript.note("The server runs in a second process, without a window. Its log comes here.")
		if Demo.has_flag("start"):
			_on_start_pressed()
			await _process_of_server.line_received
			_add_client()
			_add_client()


func _process(_delta: float) -> void:
	_process_of_server.poll()


func _exit_tree() -> void:
	_process_of_server.kill()


#region The server


func _on_start_pressed() -> void:
	if _process_of_server.is_running():
		_process_of_server.send("stop")
	else:
		_process_of_server.run.call()
	_show()


func _on_started() -> void:
	_address.text = "ws://127.0.0.1:%d" % _process_of_server.port
	_show()


func _on_line_received(line: String) -> void:
	var _is_full := _lines.append(line)
	# In a transcript without a window, the line is there already: the second process prints to the same output.
	if not Demo.runs_by_itself():
		_transcript.note(line, Colors.TEXT if line.begins_with("[") else Colors.WAITING)


func _on_ended(exit_code: int) -> void:
	_exit_code = exit_code
	_clients.clear()
	_address.text = ""
	_transcript.note("the process has ended with %d" % exit_code, Colors.GOOD if exit_code == 0 else Colors.BAD)
	_show()


func _ask_for_health() -> void:
	var _error := _request.request("http://127.0.0.1:%d/healthz" % _process_of_server.port)


func _on_request_completed(_result: int, code: int, _headers: PackedStringArray, _body: PackedByteArray) -> void:
	_health = code
	_transcript.note("health check: %d" % code, Colors.GOOD if code == 200 else Colors.BAD)


#endregion
#region The clients


func _add_client() -> void:
	var client := WebSocketClient.new()
	client.emit_messages = true
	var _error := client.message_received.connect(_on_message_received)
	_error = client.disconnected.connect(_on_disconnected)
	_error = client.connect_to_url("ws://127.0.0.1:%d" % _process_of_server.port)
	_clients.append(client)
	_show()


## The first client speaks, and the others hear it.
func _talk_to_all() -> void:
	if not _clients.is_empty():
		var _error := _clients[0].send_text("hello, everybody")


func _on_message_received(message: String) -> void:
	var _is_full := _received.append(message)
	_transcript.note("a client received '%s'" % message, Colors.BLUE)


func _on_disconnected(code: int, _reason: String, is_clean: bool) -> void:
	var _is_full := _codes.append(code)
	_transcript.note("a client is out: %d, %s" % [code, "clean" if is_clean else "cut off"], Colors.BLUE)


#endregion


func _show() -> void:
	var is_running := _process_of_server.is_running()
	var is_there := not _address.text.is_empty()
	_state.text = "serves" if is_there else "starts" if is_running else "stopped"
	_state.modulate = Colors.GOOD if is_there else Colors.WAITING if is_running else Colors.DIM
	_start.text = "Stop" if is_there else "Start"
	_start.disabled = is_running and not is_there
	_status.disabled = not is_there
	_check.disabled = not is_there
	_count.text = str(_clients.size())
	_add.disabled = not is_there or _clients.size() >= MAX_CLIENTS
	_talk.disabled = not is_there or _clients.size() < 2


#region By itself


func _play() -> bool:
	_process_of_server.run.call()
	if not await Demo.until(func() -> bool: return _has_line("control on port"), 15.0):
		return _fails("the server does not start")
	_add_client()
	_add_client()
	if not await Demo.until(func() -> bool: return _received.size() == 2):
		return _fails("there is no welcome")
	_talk_to_all()
	if not await Demo.until(func() -> bool: return _received.size() == 3):
		return _fails("the second client hears nothing")
	var has_succeeded: bool = await _inspect() and await _end()
	return has_succeeded


func _inspect() -> bool:
	_ask_for_health()
	if not await Demo.until(func() -> bool: return _health == 200):
		return _fails("the health check says %d" % _health)
	_process_of_server.send("status")
	if not await Demo.until(func() -> bool: return _has_line("2 clients, 1 messages in, 3 out")):
		return _fails("the status is wrong: %s" % _lines[-1])
	_transcript.note("status: %s" % _lines[-1])
	return true


func _end() -> bool:
	_process_of_server.send("stop")
	if not await Demo.until(func() -> bool: return _exit_code != -1, 8.0):
		return _fails("the server does not end")
	if not await Demo.until(func() -> bool: return _codes.size() == 2):
		return _fails("the clients are still in")
	# 1001: going away (RFC 6455 section 7.4.1). Without a goodbye, it would be 1006.
	return _exit_code == 0 and _codes == PackedInt32Array([1001, 1001]) and _has_line("stopped")


func _has_line(text: String) -> bool:
	for line in _lines:
		if line.contains(text):
			return true
	return false


func _fails(why: String) -> bool:
	print("FAILED: ", why)
	return false

#endregion
