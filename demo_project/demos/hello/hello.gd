extends Control
## The first example: a listener and a client in one program exchange a greeting, and neither blocks the program.
##
## An awaited operation gives an Array: an Error, and then values that always exist and have the right type. So they are
## put into typed variables, and no cast is needed.
##
## Headless, it prints the transcript and quits; in a window, it shows the transcript and stays open.

const Demo := preload("res://demos/shared/demo.gd")
const Transcript := preload("res://demos/shared/transcript.gd")

# As members, they live until they are closed or the scene is left. A socket that only a local variable holds is closed
# when the function returns.
var _listener := TcpListener.create(0, "127.0.0.1")
var _client := TcpClient.new()

@onready var _address: Label = %Address
@onready var _transcript: Transcript = %Transcript


func _ready() -> void:
	var has_succeeded: bool = await _exchange()
	if Demo.runs_by_itself():
		Demo.finish(has_succeeded)


func _exchange() -> bool:
	if _listener.start() != OK:
		_transcript.say("server", "cannot listen: %s" % _listener.get_last_error_message())
		return false
	# Port 0 asked the system for any port that is free.
	_address.text = "127.0.0.1:%d" % _listener.get_local_port()
	_transcript.say("server", "listening on port %d" % _listener.get_local_port())

	# In seconds, for each operation of this client. Without it, an operation waits as long as the connection lasts.
	_client.timeout = 1.0
	var _error := _client.connect_to_host("127.0.0.1", _listener.get_local_port())
	# Resolved in either case. `await _client.connected` would wait forever if there were no server.
	var connected: Array = await _client.wait_connected()
	if connected[0] != OK:
		_transcript.say("client", "cannot connect: %s" % _client.get_last_error_message())
		return false
	_transcript.say("client", "connected")

	var accepted: Array = await _listener.accept(1.0)
	if accepted[0] != OK:
		_transcript.say("server", "nobody came")
		return false
	var peer: TcpClient = accepted[1]
	_transcript.say("server", "accepted %s:%d" % [peer.get_connected_host(), peer.get_connected_port()])
	_error = peer.send("hello world".to_ascii_buffer())

	# Exactly 11 bytes, in however many pieces they arrive.
	var received: Array = await _client.recv(11)
	var error: Error = received[0]
	var bytes: PackedByteArray = received[1]
	var greeting := bytes.get_string_from_ascii()
	_transcript.say("client", "received '%s' (%s)" % [greeting, error_string(error)])
	_error = _client.send("thank you\n".to_ascii_buffer())

	# Up to the end of the line, without it.
	var answer: Array = await peer.recv_line(1024, 1.0)
	error = answer[0]
	var line: String = answer[1]
	_transcript.say("server", "received '%s' (%s)" % [line, error_string(error)])

	peer.disconnect_from_host()
	await _client.disconnected
	_transcript.say("client", "disconnected")
	_listener.stop()
	return greeting == "hello world" and line == "thank you"
