extends Node
## The clients that flood the dashboard. They run in a process of their own, so that the frame time which the dashboard
## shows is that of a server, and not that of its clients, too.
##
## Each client keeps a number of messages on the way: it begins with all of them, and sends one for each that comes
## back. So it always sends as much as the server takes, and memory stays bounded. It reaches this machine only, and
## ends by itself after `--seconds`, at the latest when the server is gone. It quits with 0 if every message came back.

const Demo := preload("res://demos/shared/demo.gd")

const MAX_CLIENTS := 200
const MAX_SIZE := 16384
const MAX_SECONDS := 60.0
## On the way for each client.
const MESSAGES := 200
## The same, in bytes. Large messages are fewer.
const MAX_BYTES := 256 * 1024
## Time for what is on its way at the end, in seconds.
const PATIENCE := 5.0
## Time of a frame that goes to the network, in microseconds. It sleeps while there is nothing to do.
const BUDGET := 10_000

var _clients: Array[WebSocketClient] = []
var _message := ""
var _at_once := 0
var _sent := 0
var _answered := 0
var _lost := 0
var _is_over := false


func _ready() -> void:
	var url := "ws://127.0.0.1:%d" % Demo.get_option("port", "0").to_int()
	var count := clampi(Demo.get_option("clients", "100").to_int(), 1, MAX_CLIENTS)
	var size := clampi(Demo.get_option("size", "32").to_int(), 1, MAX_SIZE)
	_message = "x".repeat(size)
	_at_once = clampi(roundi(float(MAX_BYTES) / size), 1, MESSAGES)
	for index in count:
		var client := WebSocketClient.new()
		client.emit_messages = true
		# The number is bound, not the client: it would hold a reference to itself.
		var _error := client.connected.connect(_on_connected.bind(index))
		_error = client.message_received.connect(_on_message_received.bind(index))
		_error = client.connect_failed.connect(func(_failure: Error) -> void: _lost += 1)
		_error = client.disconnected.connect(_on_disconnected)
		_error = client.connect_to_url(url)
		_clients.append(client)
	var seconds := clampf(Demo.get_option("seconds", "10").to_float(), 0.1, MAX_SECONDS)
	var _is_gone: bool = await Demo.until(_is_everybody_gone, seconds)
	_is_over = true
	var is_back: bool = await Demo.until(func() -> bool: return _answered == _sent or _is_everybody_gone(), PATIENCE)
	for client in _clients:
		client.close()
	print("flood: %d messages, %d came back; %d of %d clients were lost" % [_sent, _answered, _lost, count])
	get_tree().quit(0 if is_back and _lost == 0 and _answered == _sent else 1)


func _process(_delta: float) -> void:
	# The other clients are served, too.
	var _events := _clients[0].process(BUDGET)


func _on_connected(index: int) -> void:
	for _number in _at_once:
		_send(index)


func _on_message_received(_text: String, index: int) -> void:
	_answered += 1
	if not _is_over:
		_send(index)


func _on_disconnected(_code: int, _reason: String, _is_clean: bool) -> void:
	if not _is_over:
		_lost += 1


func _send(index: int) -> void:
	if _clients[index].send_text(_message) == OK:
		_sent += 1


func _is_everybody_gone() -> bool:
	return _lost == _clients.size()
