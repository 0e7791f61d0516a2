extends Node
## Quits while a WebSocketClient of the URL given as the second argument is in the state that the third one names.

const BYTES := 500_000
const BLOCKS := 10

var _ws := WebSocketClient.new()
# Connects nowhere.
var _lost := WebSocketClient.new()
var _silent := TCPServer.new()


func _ready() -> void:
	var mode := OS.get_cmdline_user_args()[2]
	_ws.connect_to_url(OS.get_cmdline_user_args()[1])
	if mode == "connecting":
		# So that it is still connecting when the engine quits.
		_ws.auto_process = false
	else:
		await _ws.wait_connected()
	if mode == "waiting":
		_wait_for_all()
		return
	var block := PackedByteArray()
	block.resize(BYTES)
	for _index in BLOCKS:
		_ws.send_binary(block)
	_ws.send_text("last")
	if mode == "closing":
		_ws.close(4000, "bye")
	get_tree().quit()


func _wait_for_all() -> void:
	_silent.listen(0, "127.0.0.1")
	_lost.connect_to_url("ws://127.0.0.1:%d" % _silent.get_local_port())
	_receive()
	_connect()
	await get_tree().process_frame
	get_tree().quit()


func _receive() -> void:
	await _ws.recv()
	_tell("recv")


func _connect() -> void:
	await _lost.wait_connected()
	_tell("wait_connected")


func _tell(operation: String) -> void:
	print(operation, " inside the tree" if is_inside_tree() else " outside the tree")
