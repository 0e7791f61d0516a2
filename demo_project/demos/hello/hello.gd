extends Control
## The first example: a listener and a client in one program exchange a greeting, and neither blocks the program.
##
## Headless, it prints the transcript and quits; in a window, it shows the transcript and stays open.

var _succeeded := false

@onready var _transcript := $Transcript as Label


func _ready() -> void:
	await _exchange()
	_say("demo", "done" if _succeeded else "FAILED")
	if DisplayServer.get_name() == "headless":
		get_tree().quit(0 if _succeeded else 1)


func _exchange() -> void:
	var server := TcpListener.create(0, "127.0.0.1")
	if server.start() != OK:
		_say("server", "cannot listen")
		return
	_say("server", "listening on port %d" % server.get_local_port())

	var client := TcpClient.new()
	client.timeout = 1
	client.connect_to_host("127.0.0.1", server.get_local_port())
	await client.connected
	_say("client", "connected")

	var accepted := await server.accept() as Array
	var peer := accepted[1] as TcpClient
	_say("server", "accepted %s:%d" % [peer.get_connected_host(), peer.get_connected_port()])
	peer.send("hello world".to_ascii_buffer())

	var result := await client.recv(11) as Array
	var greeting := (result[1] as PackedByteArray).get_string_from_ascii()
	_say("client", "received '%s' (%s)" % [greeting, error_string(result[0])])
	client.send("thank you\n".to_ascii_buffer())

	var answer := await peer.recv_line() as Array
	_say("server", "received '%s' (%s)" % [answer[1], error_string(answer[0])])

	peer.disconnect_from_host()
	await client.disconnected
	_say("client", "disconnected")
	server.stop()
	_succeeded = greeting == "hello world" and answer[1] == "thank you"


func _say(who: String, what: String) -> void:
	var line := "%s: %s" % [who, what]
	print(line)
	_transcript.text += line + "\n"
