extends Node
## A WebSocketServer that echoes, on the port given as the second argument, for a process that sends signals to this
## one. The third argument selects what the script makes of them.

const LIFE := 30.0

var _server := WebSocketServer.new()
var _is_over := false
var _requests := 0


func _ready() -> void:
	var arguments := OS.get_cmdline_user_args()
	_server.message_received.connect(_on_message_received)
	_server.start(arguments[1].to_int(), "127.0.0.1")
	get_tree().create_timer(LIFE).timeout.connect(get_tree().quit.bind(99))
	AsyncSockets.handle_termination = arguments[2] != "untouched"
	match arguments[2]:
		"off":
			AsyncSockets.handle_termination = false
		"paused":
			get_tree().paused = true
		"saves":
			AsyncSockets.terminate_requested.connect(_save_and_quit)
		"goes_on":
			AsyncSockets.terminate_requested.connect(print.bind("asked to end"))
		"again":
			AsyncSockets.terminate_requested.connect(_ask_again)
		"loop":
			AsyncSockets.terminate_requested.connect(func() -> void: _is_over = true)
			_loop.call_deferred()


func _on_message_received(client_id: int, message: String) -> void:
	_server.send_text(client_id, message)


func _save_and_quit() -> void:
	print("saved the game of %d clients" % _server.get_client_count())
	await get_tree().create_timer(0.1).timeout
	get_tree().quit(3)


func _ask_again() -> void:
	_requests += 1
	AsyncSockets.handle_termination = true
	if _requests == 2:
		get_tree().quit(2)


## Never returns to the engine until it is asked to end.
func _loop() -> void:
	while not _is_over:
		_server.process(60_000_000)
	get_tree().quit(5)
