class_name WebSocketLinkTest
extends WebSocketTest
## Base class of the WebSocketLink scenes: a link whose signals are recorded. A scene runs with the library's client;
## the scene of the same name that ends in `_engine` runs the same tests with the engine's.

var _link: WebSocketLink
## The link's signals in order: each is an array of its name and its arguments, without the random delay.
var _told: Array[Array] = []
var _fake: WebSocketFakeServer


func before_each() -> void:
	_link = make_link()
	if is_with_library() and not _link.is_native():
		skip("the library has no class WebSocketClient")


func after_each() -> void:
	if _link != null:
		_link.abort()
	_link = null
	if _fake != null:
		_fake.stop()
	_fake = null
	super()


func _process(delta: float) -> void:
	super(delta)
	if _fake != null:
		_fake.poll()


## Whether the scene runs with the library's client.
func is_with_library() -> bool:
	return true


func make_link() -> WebSocketLink:
	var link := WebSocketLink.new()
	if not is_with_library():
		link.backend = WebSocketLink.Backend.ENGINE
	# So that a test waits for signals or receives, not for seconds.
	link.reconnect_min_delay = 0.02
	link.reconnect_max_delay = 0.1
	record(link, _told)
	return link


## Adds all signals of a link to an array.
func record(link: WebSocketLink, told: Array[Array]) -> void:
	link.connected.connect(func() -> void: told.append(["connected"]))
	link.connect_failed.connect(func(error: Error) -> void: told.append(["connect_failed", error]))
	link.disconnected.connect(
		func(code: int, reason: String, clean: bool) -> void: told.append(["disconnected", code, reason, clean])
	)
	link.message_received.connect(func(message: String) -> void: told.append(["message", message]))
	link.data_received.connect(func(data: PackedByteArray) -> void: told.append(["data", data]))
	link.text_data_received.connect(func(data: PackedByteArray) -> void: told.append(["text_data", data]))
	link.reconnecting.connect(func(attempt: int, _delay: float) -> void: told.append(["reconnecting", attempt]))
	link.gave_up.connect(func(error: Error) -> void: told.append(["gave_up", error]))


## Called between messages and the close behind them: outside of a browser, the engine drops messages that arrive
## together with the close frame.
func let_messages_arrive() -> void:
	if not is_with_library():
		await frames(20)


func _url() -> String:
	return "ws://%s:%d" % [LOOPBACK, server.get_local_port()]


## Starts a server, connects the link to it and waits until both sides know.
func _join() -> void:
	serve()
	is_ok(_link.connect_to_url(_url()))
	is_ok(await _link.wait_connected(5.0))
	await told("connected", [1])
	await _tells("connected")


func _join_fake() -> void:
	_fake = WebSocketFakeServer.new()
	is_ok(_link.connect_to_url(_fake.start()))
	is_ok(await _link.wait_connected(5.0))


func _has_told(signal_name: String) -> bool:
	return _told.any(func(event: Array) -> bool: return event[0] == signal_name)


## Waits until the link has emitted this signal.
func _tells(signal_name: String, time := 5.0) -> bool:
	var happened := await wait_for(_has_told.bind(signal_name), time)
	return check(happened, "%s is not in %s" % [signal_name, _told])


func _is_closed() -> bool:
	return _link.get_ready_state() == WebSocketLink.STATE_CLOSED
