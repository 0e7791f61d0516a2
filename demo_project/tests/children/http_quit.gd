extends Node
## A server of plain HTTP on the port given as the second argument, in a paused tree. It keeps its requests without an
## answer; the one for `/quit` makes it answer and quit the engine.

var _server := WebSocketServer.new()
var _requests: Array[HttpServerRequest] = []
var _left := 0


func _ready() -> void:
	get_tree().paused = true
	_server.http_requested.connect(_on_http_requested)
	_server.start(OS.get_cmdline_user_args()[1].to_int(), "127.0.0.1")


func _on_http_requested(request: HttpServerRequest) -> void:
	_requests.append(request)
	request.client_left.connect(_on_client_left)
	if request.path == "/quit":
		request.respond(200, "quitting")
		get_tree().quit()


func _on_client_left() -> void:
	_left += 1
