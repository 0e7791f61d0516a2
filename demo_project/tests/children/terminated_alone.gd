extends SceneTree
## Like terminated.gd, without a scene: everything begins before the main loop runs.

const LIFE := 30.0

var _server := WebSocketServer.new()


func _init() -> void:
	AsyncSockets.handle_termination = true
	_server.message_received.connect(_on_message_received)
	_server.start(OS.get_cmdline_user_args()[0].to_int(), "127.0.0.1")
	create_timer(LIFE).timeout.connect(quit.bind(99))


func _on_message_received(client_id: int, message: String) -> void:
	_server.send_text(client_id, message)
