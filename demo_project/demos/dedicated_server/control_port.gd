extends RefCounted
## The control port of the dedicated server: commands in lines of text, from this machine only.
##
## Everybody who may log in to the machine may use it: `nc localhost 7804`. There is no password, so it must never
## listen on another address than that of the machine itself. `log` shows the last lines and follows the log from then
## on.

const MAX_LINE := 200
## Of the log, in lines, to be told to those who ask for it.
const MAX_LINES := 100

var _listener := TcpListener.new()
## By name: a Callable that takes the rest of the line and returns the answer.
var _commands := {}
var _lines := PackedStringArray()
## The connections that follow the log.
var _followers: Array[TcpClient] = []


func _init() -> void:
	_listener.max_clients = 10
	# Methods, not lambdas: a lambda would hold a reference to this object, which holds the listener.
	var _error := _listener.client_connected.connect(_serve)
	_error = _listener.client_disconnected.connect(_on_client_disconnected)


## `action` takes the rest of the line, a String, and returns the answer, a String.
func add_command(command: String, action: Callable) -> void:
	_commands[command] = action


func start(port: int) -> Error:
	_listener.host = "127.0.0.1"
	_listener.port = port
	return _listener.start()


func get_port() -> int:
	return _listener.get_local_port()


func get_last_error_message() -> String:
	return _listener.get_last_error_message()


func add_line(line: String) -> void:
	var _is_full := _lines.append(line)
	if _lines.size() > MAX_LINES:
		_lines.remove_at(0)
	for client in _followers:
		_tell(client, line)


func _serve(client: TcpClient) -> void:
	while true:
		var received: Array = await client.recv_line(MAX_LINE)
		if received[0] != OK:
			break
		var line: String = received[1]
		var command := line.strip_edges().get_slice(" ", 0)
		if command == "log":
			_follow(client)
		elif _commands.has(command):
			var action: Callable = _commands[command]
			var answer: String = action.call(line.strip_edges().trim_prefix(command).strip_edges())
			_tell(client, answer)
		else:
			_tell(client, "commands: log, %s" % ", ".join(PackedStringArray(_commands.keys())))
	client.disconnect_from_host()


func _follow(client: TcpClient) -> void:
	for line in _lines:
		_tell(client, line)
	if not _followers.has(client):
		_followers.append(client)


func _tell(client: TcpClient, line: String) -> void:
	var _error := client.send((line + "\n").to_utf8_buffer())


func _on_client_disconnected(client: TcpClient) -> void:
	_followers.erase(client)
