class_name WebSocketClientTest
extends WebSocketTest
## Base class of the WebSocketClient scenes: a client whose signals are recorded, and a server that sends whatever bytes
## a test needs.

## The client that [method client] made last.
var ws: WebSocketClient
## Its signals in order: each is an array of its short name and its arguments.
var heard: Array[Array] = []
var fake: WebSocketFakeServer

var _log := EngineLog.new()
var _is_counting := false


func _process(delta: float) -> void:
	super(delta)
	if fake != null:
		fake.poll()


func after_each() -> void:
	if ws != null:
		ws.abort()
	ws = null
	if fake != null:
		fake.stop()
	fake = null
	_log.stop()
	await super()


## Makes a client with these properties. Its signals are recorded from now on.
func client(properties := {}) -> WebSocketClient:
	ws = WebSocketClient.new()
	for property: String in properties:
		ws.set(property, properties[property])
	heard = []
	# Captured, so that signals of an earlier client are not recorded with those of this one.
	var all := heard
	ws.connected.connect(func() -> void: all.append(["connected"]))
	ws.connect_failed.connect(func(error: int) -> void: all.append(["connect_failed", error]))
	ws.disconnected.connect(
		func(code: int, reason: String, clean: bool) -> void: all.append(["disconnected", code, reason, clean])
	)
	ws.message_received.connect(func(message: String) -> void: all.append(["message", message]))
	ws.data_received.connect(func(data: PackedByteArray) -> void: all.append(["data", data]))
	ws.text_data_received.connect(func(data: PackedByteArray) -> void: all.append(["text_data", data]))
	ws.reconnecting.connect(func(attempt: int, _delay: float) -> void: all.append(["reconnecting", attempt]))
	ws.gave_up.connect(func(error: int) -> void: all.append(["gave_up", error]))
	return ws


func url(path := "") -> String:
	return "ws://%s:%d%s" % [LOOPBACK, server.get_local_port(), path]


## Starts a server, connects a new client to it and waits until both sides have reported it.
func join_client(properties := {}, server_properties := {}) -> WebSocketClient:
	serve(server_properties)
	client(properties)
	is_ok(ws.connect_to_url(url()))
	is_ok(await ws.wait_connected(5.0), "wait_connected")
	await told("connected", [1])
	await hears("connected")
	return ws


## Connects a new client to a server of raw bytes.
func join_fake(properties := {}) -> WebSocketClient:
	fake = WebSocketFakeServer.new()
	client(properties)
	is_ok(ws.connect_to_url(fake.start()))
	is_ok(await ws.wait_connected(5.0), "wait_connected")
	await hears("connected")
	return ws


## Waits until the client has emitted this signal (once, or more often).
func hears(signal_name: String, times := 1, time := 5.0) -> bool:
	var enough := func() -> bool: return how_often(signal_name) >= times
	return check(await wait_for(enough, time), "%s is not often enough in %s" % [signal_name, heard])


func how_often(signal_name: String) -> int:
	return heard.filter(func(event: Array) -> bool: return event[0] == signal_name).size()


## Waits for a few frames more, and compares all signals of the client.
func heard_only(expected: Array[Array]) -> bool:
	await wait_for(func() -> bool: return heard.size() >= expected.size())
	await frames(3)
	return equal(heard, expected, "the client's signals")


## Asserts the client's state, one of the constants.
func state_is(state: int, message := "state") -> bool:
	return equal(ws.get_ready_state(), state, message)


func is_closed() -> bool:
	return ws.get_ready_state() == WebSocketClient.STATE_CLOSED


## A TCP server that accepts connections and never answers. Returns the URL.
func silent_url() -> String:
	var silent := TCPServer.new()
	silent.listen(0, LOOPBACK)
	set_meta("silent", silent)
	return "ws://%s:%d" % [LOOPBACK, silent.get_local_port()]


## Starts to count the engine's errors. False before Godot 4.5, which cannot be watched.
func can_count_errors() -> bool:
	_is_counting = _log.start()
	return _is_counting


## Number of the engine's errors since the last call; -1 if they are not counted.
func errors_printed() -> int:
	return _log.take_count() if _is_counting else -1
