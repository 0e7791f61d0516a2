extends Node
## A WebSocketClient and its server, in two network namespaces with one cable between them, which is cut and mended. The
## second argument is Python. To be run as `unshare -rnm`: the rights to do this are those over namespaces of its own.

const NAME := "moving.test"
const PORT := 9001
const NET := "10.77.0.%d/24"

var _ws := WebSocketClient.new()
var _far := -1
var _hosts := ""
var _failed: Array[int] = []
var _echoes: Array[String] = []


func _ready() -> void:
	_lay_cable()
	_resolve_to(2)
	_ws.reconnect = true
	_ws.reconnect_min_delay = 0.05
	_ws.reconnect_max_delay = 0.2
	_ws.heartbeat_interval = 0.3
	_ws.handshake_timeout = 0.5
	_ws.max_offline_bytes = 100
	_ws.emit_messages = true
	_ws.connected.connect(func() -> void: print("connected to %s" % _ws.get_connected_host()))
	_ws.connect_failed.connect(func(error: int) -> void: _failed.append(error))
	_ws.disconnected.connect(
		func(code: int, reason: String, clean: bool) -> void: print("disconnected %d %s: %s" % [code, clean, reason])
	)
	_ws.message_received.connect(_on_message_received)
	_ws.connect_to_url("ws://%s:%d" % [NAME, PORT])
	await _ws.wait_connected()
	_ws.send_text("before")
	await _until(func() -> bool: return _echoes.has("before"))

	_at_far("ip link set far down")
	print("the link is cut")
	# The system takes these, and nobody gets them.
	while _ws.get_ready_state() == WebSocketClient.STATE_OPEN:
		_ws.send_text("lost")
		await get_tree().process_frame
	_ws.send_text("kept")
	_failed.clear()
	await _until(func() -> bool: return _failed.has(ERR_TIMEOUT))
	print("an attempt failed: %d" % ERR_TIMEOUT)

	# The server has moved meanwhile.
	_at_far("ip addr del %s dev far; ip addr add %s dev far; ip link set far up" % [NET % 2, NET % 3])
	_resolve_to(3)
	print("the link is back")
	await _ws.wait_connected()
	_ws.send_text("after")
	await _until(func() -> bool: return _echoes.has("after"))
	# Of what was sent into the cut link, nothing arrives, and nothing is sent again.
	print("in order: %s" % (_echoes == (["before", "kept", "after"] as Array[String])))
	OS.kill(_far)
	DirAccess.remove_absolute(_hosts)
	_ws.abort()
	get_tree().quit()


func _on_message_received(message: String) -> void:
	if not message.begins_with("e "):
		return
	_echoes.append(message.trim_prefix("e "))
	print("echo %s" % _echoes[-1])


## Puts the server into a namespace of its own, with an end of the cable.
func _lay_cable() -> void:
	_run("ip link set lo up; ip link add near type veth peer name far")
	_run("ip addr add %s dev near; ip link set near up" % (NET % 1))
	var server := ProjectSettings.globalize_path("res://tests/peers/websocket_numbers.py")
	var python := OS.get_cmdline_user_args()[1]
	var wait := "until ip link set far up 2>/dev/null; do sleep 0.02; done; ip addr add %s dev far" % (NET % 2)
	var command := "%s; exec %s '%s' %d 0 0.0.0.0" % [wait, python, server, PORT]
	_far = OS.create_process("unshare", ["-n", "sh", "-c", command])
	# Until the other namespace exists, this end is given to our own.
	_run("while ip link show far >/dev/null 2>&1; do ip link set far netns %d; sleep 0.02; done" % _far)


## Lets the name resolve to this address, for this process and its children alone.
func _resolve_to(last: int) -> void:
	if _hosts.is_empty():
		_hosts = ProjectSettings.globalize_path("user://hosts_%d" % OS.get_process_id())
		FileAccess.open(_hosts, FileAccess.WRITE).close()
		_run("mount --bind '%s' /etc/hosts" % _hosts)
	var file := FileAccess.open("/etc/hosts", FileAccess.WRITE)
	file.store_string("%s %s\n" % [(NET % last).get_slice("/", 0), NAME])
	file.close()


func _at_far(command: String) -> void:
	_run("nsenter -t %d -n sh -c '%s'" % [_far, command])


func _run(command: String) -> void:
	var output := []
	if OS.execute("sh", ["-c", command], output, true) != 0:
		print("%s: %s" % [command, output])


func _until(condition: Callable) -> void:
	while not condition.call():
		await get_tree().process_frame
