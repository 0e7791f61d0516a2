extends Control
## A WebSocketClient that keeps its connection: stop its server, start it again, and watch.
##
## `reconnect = true` is all that it takes. The rest of this scene shows what happens meanwhile:
## [br]- The client waits before every attempt, longer after each failure and never as long as other clients, so that a
## restarted server is not met by all of them at once. `reconnecting` tells how long; `reconnect_now()` ends the wait.
## [br]- Messages sent meanwhile are refused, unless `max_offline_bytes` makes room for them. Those that are kept go out
## in order once the client is back. A message is delivered at most once: it may be lost, but never comes twice.
## [br]- `close()` ends it for good, and so does a server that closes with 1000, 1008 or a code of the application.
##
## Headless, it goes through this by itself, prints what happens, and quits. `-- --url=wss://example.org/echo` after the
## engine's own arguments connects to another server than the one in this scene.

const Colors := preload("res://demos/shared/colors.gd")
const Demo := preload("res://demos/shared/demo.gd")

const HOST := "127.0.0.1"
## Room for about ten of the messages that this scene sends.
const OFFLINE_BYTES := 120

var _ws := WebSocketClient.new()
var _server := WebSocketServer.new()
var _url := ""
## Of the server, so that it comes back where it was.
var _port := 0

var _sent := 0
var _refused := 0
var _answered := 0
## The announced attempt, and when it is due, in milliseconds of the engine's clock.
var _attempt := 0
var _delay := 0.0
var _due := 0

@onready var _address: Label = %Address
@onready var _server_panel: Control = %ServerPanel
@onready var _server_state: Label = %ServerState
@onready var _server_button: Button = %ServerButton
@onready var _state: Label = %State
@onready var _detail: Label = %Detail
@onready var _countdown: ProgressBar = %Countdown
@onready var _connect_button: Button = %ConnectButton
@onready var _close_button: Button = %CloseButton
@onready var _counts: Label = %Counts
@onready var _queue: ProgressBar = %Queue
@onready var _queue_text: Label = %QueueText
@onready var _log: RichTextLabel = %Log


func _ready() -> void:
	_ws.reconnect = true
	_ws.reconnect_max_delay = 8.0
	_ws.max_offline_bytes = OFFLINE_BYTES
	# Messages come by `message_received`. Without this, they are awaited: `await _ws.recv()`.
	_ws.emit_messages = true

	# This is the order in which they come: `connected` or `connect_failed` for each attempt, `disconnected` at the end
	# of a connection, and after an end either `reconnecting` or `gave_up`.
	var _error := _ws.connected.connect(_on_connected)
	_error = _ws.connect_failed.connect(_on_connect_failed)
	_error = _ws.disconnected.connect(_on_disconnected)
	_error = _ws.reconnecting.connect(_on_reconnecting)
	_error = _ws.gave_up.connect(_on_gave_up)
	_error = _ws.message_received.connect(_on_message_received)

	_error = _server.message_received.connect(_on_server_received)
	_error = _server_button.pressed.connect(_on_server_button_pressed)
	_error = _connect_button.pressed.connect(_on_connect_button_pressed)
	_error = _close_button.pressed.connect(_on_close_button_pressed)
	_url = Demo.get_option("url", "")
	if _url.is_empty():
		_start_server()
		_url = "ws://%s:%d" % [HOST, _port]
	else:
		_server_panel.hide()
	_address.text = _url
	_connect()
	if Demo.runs_by_itself():
		await _play()
	else:
		var timer: Timer = %Timer
		_error = timer.timeout.connect(_send)
		timer.start()


func _connect() -> void:
	if _ws.connect_to_url(_url) != OK:
		_note(_ws.get_last_error_message(), Colors.BAD)


## Sends a numbered message, which the server sends back.
func _send() -> void:
	if _ws.get_ready_state() == WebSocketClient.STATE_CLOSED:
		return
	_sent += 1
	var error := _ws.send_text("message %d" % _sent)
	if error != OK:
		# ERR_OUT_OF_MEMORY: there is no more room.
		_refused += 1
		_note("message %d is refused: %s" % [_sent, error_string(error)], Colors.BAD)
	elif _ws.is_reconnecting():
		_note("message %d is kept" % _sent, Colors.DIM)


#region What the client tells


func _on_connected() -> void:
	_note("connected", Colors.GOOD)


func _on_connect_failed(error: Error) -> void:
	_note("connect_failed: %s" % error_string(error), Colors.BAD)


func _on_disconnected(code: int, reason: String, clean: bool) -> void:
	var how := "in good order" if clean else "broken off"
	_note("disconnected: %d, %s%s" % [code, how, "" if reason.is_empty() else ", '%s'" % reason], Colors.BAD)
	if _ws.get_unsent_bytes() > 0:
		_note("%d bytes were not sent" % _ws.get_unsent_bytes(), Colors.BAD)


func _on_reconnecting(attempt: int, delay: float) -> void:
	_attempt = attempt
	_delay = delay
	_due = Time.get_ticks_msec() + int(delay * 1000)
	_note("reconnecting: attempt %d in %.1f s" % [attempt, delay], Colors.WAITING)


func _on_gave_up(error: Error) -> void:
	_note("gave_up: %s" % error_string(error), Colors.BAD)


func _on_message_received(message: String) -> void:
	_answered += 1
	_note("received '%s'" % message, Colors.DIM)


#endregion
#region The server


func _start_server() -> void:
	if not _server.start(_port, HOST):
		_note("the server cannot listen on port %d" % _port, Colors.BAD)
		return
	_port = _server.get_local_port()
	_note("the server is listening", Colors.DIM)


func _stop_server() -> void:
	# Its clients are told 1001, "going away".
	_server.stop()
	_note("the server is gone", Colors.DIM)


func _on_server_received(client_id: int, message: String) -> void:
	var _error := _server.send_text(client_id, message)


#endregion
#region The window


func _process(_delta: float) -> void:
	_show_server()
	_show_state()
	_counts.text = "%d sent, %d answered, %d refused" % [_sent, _answered, _refused]
	var kept := _ws.get_pending_bytes()
	_queue.value = kept
	_queue_text.text = "%d of %d bytes are waiting" % [kept, OFFLINE_BYTES]


func _show_server() -> void:
	var runs := _server.is_listening()
	_server_state.text = "listening" if runs else "stopped"
	_server_state.modulate = Colors.GOOD if runs else Colors.BAD
	_server_button.text = "Stop it" if runs else "Start it again"


func _show_state() -> void:
	var is_away := false
	var left := maxf(_due - Time.get_ticks_msec(), 0.0) / 1000.0
	match _ws.get_ready_state():
		WebSocketClient.STATE_OPEN:
			_show("connected", Colors.GOOD, "to %s:%d" % [_ws.get_connected_host(), _ws.get_connected_port()])
		WebSocketClient.STATE_CONNECTING:
			is_away = _ws.is_reconnecting() and left > 0.0
			if is_away:
				_show("away", Colors.WAITING, "attempt %d in %.1f s" % [_attempt, left])
			else:
				_show(
					"connecting",
					Colors.WAITING,
					"attempt %d" % _attempt if _ws.is_reconnecting() else "the first attempt"
				)
		WebSocketClient.STATE_CLOSING:
			_show("closing", Colors.WAITING, "")
		_:
			_show("closed", Colors.BAD, "code %d" % _ws.get_close_code() if _ws.get_close_code() >= 0 else "")
	_countdown.value = left / _delay if is_away else 0.0
	var is_closed := _ws.get_ready_state() == WebSocketClient.STATE_CLOSED
	_connect_button.text = "Connect" if is_closed else "Connect now"
	_connect_button.disabled = not (is_closed or is_away)
	_close_button.disabled = is_closed


func _show(state: String, color: Color, detail: String) -> void:
	_state.text = state
	_state.modulate = color
	_detail.text = detail


func _on_server_button_pressed() -> void:
	if _server.is_listening():
		_stop_server()
	else:
		_start_server()


func _on_connect_button_pressed() -> void:
	if _ws.get_ready_state() == WebSocketClient.STATE_CLOSED:
		_connect()
	else:
		var _error := _ws.reconnect_now()


func _on_close_button_pressed() -> void:
	_ws.close()


func _note(text: String, color: Color) -> void:
	print(text)
	if _log.get_parsed_text().length() > 0:
		_log.newline()
	_log.push_color(Colors.DIM)
	# Filled up with spaces as wide as a digit.
	_log.add_text(("%.1f  " % (Time.get_ticks_msec() / 1000.0)).lpad(6, "\u2007"))
	_log.pop()
	_log.push_color(color)
	_log.add_text(text)
	_log.pop()


#endregion
#region By itself


## Pulls the plug and puts it back in, without a window.
func _play() -> void:
	var _connected: Array = await _ws.wait_connected(5.0)
	_send()
	var _is_answered: bool = await Demo.until(func() -> bool: return _answered == 1)
	_stop_server()
	await _ws.reconnecting
	# There is room for two of these three.
	_ws.max_offline_bytes = 20
	for _number in 3:
		_send()
	_start_server()
	var _error := _ws.reconnect_now()
	_is_answered = await Demo.until(func() -> bool: return _answered == 3)
	# A code of the application's own: the server does not want it back.
	for client_id in _server.get_client_ids():
		_error = _server.disconnect_client(client_id, 4000, "enough")
	await _ws.gave_up
	_server.stop()
	Demo.finish(_answered == 3 and _refused == 1 and _ws.get_close_code() == 4000)

#endregion
