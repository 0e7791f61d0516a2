@tool
extends EditorPlugin
## Uses the add-on's classes in the editor, looks a class up in its help, then quits it. `scripts/smoke.sh` enables this
## plugin in an empty project and checks what the editor prints.

const LOOPBACK := "127.0.0.1"
const SECONDS := 10.0
## What the help (F1) of TcpClient shows: its texts, and the default values of its properties.
const HELP: PackedStringArray = [
	"A TCP connection whose operations can be awaited",
	"var client := TcpClient.new()\nvar _error := client.",
	"Time limit of",
	"[default: 30.0]",
]


func _enter_tree() -> void:
	if await _tcp() and await _udp() and _websocket() and await _websocket_link():
		print("every class works in the editor")
	if await _help():
		print("the help has the classes")
	# The editor warns if it is quit during its first scan.
	while EditorInterface.get_resource_filesystem().is_scanning():
		await get_tree().process_frame
	get_tree().quit.call_deferred()


func _tcp() -> bool:
	var listener := TcpListener.create(0, LOOPBACK)
	var client := TcpClient.new()
	if listener.start() != OK or client.connect_to_host(LOOPBACK, listener.get_local_port()) != OK:
		return false
	var accepted: Array = await listener.accept(SECONDS)
	if accepted[0] != OK:
		return false
	var peer: TcpClient = accepted[1]
	peer.send("hello\n".to_utf8_buffer())
	return await client.recv_line(100, SECONDS) == [OK, "hello"]


func _udp() -> bool:
	var socket := UdpSocket.new()
	if socket.bind(0, LOOPBACK) != OK:
		return false
	socket.send_to("hello".to_utf8_buffer(), LOOPBACK, socket.get_local_port())
	var received: Array = await socket.recv_from(SECONDS)
	return received[0] == OK


func _websocket() -> bool:
	var server := WebSocketServer.new()
	var is_listening := server.start(0, LOOPBACK) and server.is_listening()
	server.stop()
	return is_listening


## By its path: the first scan, which finds the names of scripts, may not be over.
func _websocket_link() -> bool:
	var server := WebSocketServer.new()
	server.start(0, LOOPBACK)
	var script: GDScript = load("res://addons/async_sockets/websocket_link.gd")
	var link: RefCounted = script.new()
	if link.call(&"connect_to_url", "ws://%s:%d" % [LOOPBACK, server.get_local_port()]) != OK:
		return false
	return await link.call(&"wait_connected", SECONDS) == [OK]


func _help() -> bool:
	var main := EditorInterface.get_script_editor()
	main.goto_help("class_name:TcpClient")
	var end := Time.get_ticks_msec() + SECONDS * 1000.0
	var shown := ""
	while Time.get_ticks_msec() < end:
		shown = ""
		for page: Node in main.find_children("*", "EditorHelp", true, false):
			for label: RichTextLabel in page.find_children("*", "RichTextLabel", true, false):
				shown += label.get_parsed_text()
		if Array(HELP).all(func(text: String) -> bool: return shown.contains(text)):
			return true
		await get_tree().process_frame
	print("the help of TcpClient is\n", shown)
	return false
