extends Node
## A dedicated server: no window, a log, a health check, a port to control it, and an end that says goodbye.
##
## From the folder of the repository:
## [codeblock lang=text]
## scripts/godot.sh --headless --path demo_project res://demos/dedicated_server/server.tscn -- --port=7803
## curl http://localhost:7803/healthz
## nc localhost 7804     # then: help, status, log, kick ID, stop
## [/codeblock]
## `--control-port=7804` selects the other port, `--max-clients=500` the size, and `--log-every=60` the seconds between
## two lines of figures. It is a hall in which everybody hears everybody: what a client sends goes to all others.
##
## The recipe "A dedicated server" in the documents has the export, a systemd unit and a container file.

const ControlPort := preload("res://demos/dedicated_server/control_port.gd")
const Demo := preload("res://demos/shared/demo.gd")

## Time of a tick, in microseconds. What the game's own step needs is taken off.
const TICK := 33_000
const MAX_MESSAGE := 4096
## What waits for a client that does not read, in bytes.
const MAX_PENDING := 256 * 1024
## Time for the goodbyes, in seconds.
const GOODBYE := 3.0

var _server := WebSocketServer.new()
var _control := ControlPort.new()
var _is_stopping := false


func _ready() -> void:
	_server.max_clients = Demo.get_option("max-clients", "500").to_int()
	_server.max_clients_per_address = 100
	_server.max_message_size = MAX_MESSAGE
	_server.max_pending_bytes = MAX_PENDING
	# A client that does not read is disconnected, and one that is silently gone is noticed by pings.
	_server.backpressure_policy = WebSocketServer.BACKPRESSURE_DISCONNECT
	_server.heartbeat_interval = 10.0
	# Answers 200 by plain HTTP on the same port, in the background, while the server runs.
	_server.health_path = "/healthz"
	var _error := _server.client_connected.connect(_on_client_connected)
	_error = _server.client_disconnected.connect(_on_client_disconnected)
	_error = _server.message_received.connect(_on_message_received)
	_error = _server.server_error.connect(write)
	_control.add_command("status", func(_rest: String) -> String: return get_status())
	_control.add_command("kick", _kick)
	_control.add_command("stop", _stop)

	var port := Demo.get_option("port", "7803").to_int()
	var control_port := Demo.get_option("control-port", "7804").to_int()
	if not _server.start(port, "*"):
		# The signal server_error has told why.
		get_tree().quit(1)
		return
	if _control.start(control_port) != OK:
		write(_control.get_last_error_message())
		get_tree().quit(1)
		return
	write("listening on port %d, for %d clients" % [_server.get_local_port(), _server.max_clients])
	write("control on port %d of this machine" % _control.get_port())
	# Without this, a headless loop sleeps 7 ms in every frame.
	OS.low_processor_usage_mode_sleep_usec = 1
	_listen_for_termination()
	# A node, which is freed with this one. A coroutine that awaits a SceneTreeTimer would be left over when it quits.
	var timer := Timer.new()
	_error = timer.timeout.connect(func() -> void: write(get_status()))
	add_child(timer)
	timer.start(maxf(1.0, Demo.get_option("log-every", "60").to_float()))


## The network gets the whole tick and sleeps while nothing happens, so that a message is answered at once, and an idle
## server needs next to no processor time.
func _process(_delta: float) -> void:
	var _events := _server.process(TICK)
	# ... the game's own step ...


## Writes a line of the log: to the output, from where it reaches the journal or the log of the container, and to those
## who follow it on the control port.
func write(text: String) -> void:
	var line := "[%s] %s" % [Time.get_datetime_string_from_system(false, true), text]
	print(line)
	_control.add_line(line)


func get_status() -> String:
	var figures := _server.get_statistics()
	var memory: int = figures["memory"]
	return (
		"%d clients, %d messages in, %d out, %s held"
		% [
			_server.get_client_count(),
			figures["messages_in"],
			figures["messages_out"],
			String.humanize_size(memory),
		]
	)


## Ends the server in order: nobody gets in, every client gets what was sent to it and then 1001 ("going away"), and the
## engine quits. To just call `get_tree().quit()` is fine, too: the library says the goodbyes. Here, they are logged.
func shut_down(why: String) -> void:
	if _is_stopping:
		return
	_is_stopping = true
	write("stopping (%s): goodbye to %d clients" % [why, _server.get_client_count()])
	_server.stop()
	var _is_empty: bool = await Demo.until(func() -> bool: return _server.get_client_count() == 0, GOODBYE)
	write("stopped")
	get_tree().quit()


## A program is asked to end by SIGTERM (`kill`, `systemctl stop`, `docker stop`) or Ctrl-C. The engine does not handle
## them: without this, it would end on the spot, and the clients see 1006.
func _listen_for_termination() -> void:
	AsyncSockets.handle_termination = true
	var _error := AsyncSockets.terminate_requested.connect(shut_down.bind("asked by the system"))
	# A window that is closed, if there is one, is a request of the same kind.
	get_tree().auto_accept_quit = false


func _notification(what: int) -> void:
	if what == NOTIFICATION_WM_CLOSE_REQUEST:
		shut_down.call("closed")


func _kick(rest: String) -> String:
	var error := _server.disconnect_client(rest.to_int(), 4000, "kicked")
	return "client %d is kicked" % rest.to_int() if error == OK else "there is no client '%s'" % rest


func _stop(_rest: String) -> String:
	shut_down.call("asked to")
	return "goodbye"


func _on_client_connected(client_id: int) -> void:
	write("client %d is in, from %s" % [client_id, _server.get_client_address(client_id)])
	var _error := _server.send_text(client_id, "welcome, client %d" % client_id)


func _on_client_disconnected(client_id: int, code: int) -> void:
	var reason := _server.get_close_reason(client_id)
	write("client %d is out: %d%s" % [client_id, code, "" if reason.is_empty() else ", '%s'" % reason])


func _on_message_received(client_id: int, message: String) -> void:
	var _error := _server.broadcast_text("client %d: %s" % [client_id, message], [client_id])
