extends Node
## A WebSocketServer on the port given as the second argument. The text "quit" makes it answer and quit the engine.

var _server := WebSocketServer.new()


func _ready() -> void:
	_server.message_received.connect(_on_message_received)
	_server.start(OS.get_cmdline_user_args()[1].to_int(), "127.0.0.1")


func _on_message_received(client_id: int, message: String) -> void:
	if message == "quit":
		_server.send_text(client_id, "goodbye")
		get_tree().quit()
