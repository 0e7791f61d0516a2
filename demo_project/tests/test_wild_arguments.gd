extends HttpTest
# time_limit: 180
## Every method and property of every class takes any value: nothing panics, and one call prints one message at most.

const CLASSES: Array[StringName] = [
	&"TcpClient",
	&"TcpListener",
	&"UdpSocket",
	&"WebSocketServer",
	&"WebSocketClient",
	&"AsyncMultiplayerPeer",
	&"NetTask"
]

## `process()` sleeps for as long as it is told.
const BUDGETS: Array[int] = [-1, 0, 100]

## What is passed, by type.
const VALUES := {
	TYPE_BOOL: [true, false],
	TYPE_INT: [0, -1, 1, 2, 200, 65535, 65536, 2147483647, 2147483648, -9223372036854775807, 9223372036854775807],
	TYPE_FLOAT: [-1.0, -0.5, 0.0, 1e-9, NAN, INF, -INF, 1e300],
	TYPE_STRING: TEXTS,
	TYPE_STRING_NAME: TEXTS,
	TYPE_PACKED_BYTE_ARRAY: [[], [0xff], [0, 1, 2, 3, 4, 5, 6, 7]],
	TYPE_PACKED_STRING_ARRAY: [[], [""], ["a\r\nb"], ["*", "é"]],
	TYPE_PACKED_INT32_ARRAY: [[], [-1], [1006, 1006]],
	TYPE_PACKED_INT64_ARRAY: [[], [-1, 9223372036854775807]],
	TYPE_ARRAY: [[], [null], [1, [2]], [NAN, {}]],
	TYPE_DICTIONARY: [{}, {1: 2}, {"index": 5}, {"index": ""}, {"headers": [1]}, {"max_bytes": -1}, {"reload": null}],
	TYPE_OBJECT: [null],
}
const TEXTS: Array[String] = [
	"", " ", "x", "a\r\nb", "ws://", "ws://127.0.0.1:1", "res://nothing", "/", "ü", "127.0.0.1"
]

var _anything: Array = [null, 1, NAN, "x", [], {}, Callable(), Signal(), RefCounted.new()]
var _log := EngineLog.new()
var _calls := 0


func time_limit(_test_name: String) -> float:
	return 120.0


func after_each() -> void:
	_log.stop()
	AsyncSockets.stop_all()
	super()


func before_each() -> void:
	if not _log.start():
		skip("the engine has no loggers before 4.5")


func test_objects_that_were_never_started() -> void:
	for name in CLASSES:
		await _call_everything(name, func() -> Object: return ClassDB.instantiate(name))


func test_objects_at_work() -> void:
	await _call_everything(&"TcpListener", _listening)
	await _call_everything(&"TcpClient", _connected_tcp)
	await _call_everything(&"UdpSocket", _bound)
	await _call_everything(&"WebSocketServer", _serving)
	await _call_everything(&"WebSocketClient", _connected_websocket)
	await _call_everything(&"AsyncMultiplayerPeer", _hosting)


func test_requests() -> void:
	var requests: Array[HttpServerRequest] = []
	serve()
	server.http_requested.connect(requests.append)
	await frames(2)
	var raws: Array[Raw] = []
	var asks := func() -> Object:
		var connection := Raw.new()
		connection.stream.connect_to_host(LOOPBACK, server.get_local_port())
		var is_open := func() -> bool:
			connection.poll()
			return connection.is_connected_to_host()
		while not is_open.call():
			OS.delay_usec(100)
		connection.send(utf8("GET /a?b=c HTTP/1.1\r\nHost: a\r\n\r\n"))
		raws = [connection]
		requests.clear()
		while requests.is_empty():
			server.process(1000)
		return requests[0]
	await _call_everything(&"HttpServerRequest", asks)
	await _call_everything(&"HttpServerRequest", func() -> Object: return HttpServerRequest.new())
	await _call_everything(&"WebSocketHandshakeRequest", func() -> Object: return WebSocketHandshakeRequest.new())


## Each operation is refused, and says so once. (What only reads or sets a value is refused by gdext, at more length.)
func test_another_thread() -> void:
	var objects: Array[Object] = [
		_listening(), _connected_tcp(), _bound(), _serving(), _connected_websocket(), _hosting()
	]
	for object in objects:
		var told := {}
		var thread := Thread.new()
		thread.start(_call_in_a_thread.bind(object, told))
		check(await wait_for(func() -> bool: return not thread.is_alive(), 30.0))
		thread.wait_to_finish()
		for method_name: String in told:
			at_most(told[method_name], 1, "%s.%s" % [object.get_class(), method_name])
		at_least(told.size(), 3, object.get_class())


func _call_in_a_thread(object: Object, told: Dictionary) -> void:
	for method in ClassDB.class_get_method_list(object.get_class(), true):
		var method_name := method["name"] as String
		var is_value := ["get_", "set_", "is_", "_"].any(
			func(start: String) -> bool: return method_name.begins_with(start)
		)
		if is_value or method["flags"] & METHOD_FLAG_VIRTUAL:
			continue
		var arguments := (method["args"] as Array).map(
			func(parameter: Dictionary) -> Variant: return _values(parameter)[0]
		)
		_log.take_count()
		object.callv(method_name, arguments)
		told[method_name] = _log.take_count()


## Calls every method with wild arguments, one at a time, and sets every property to wild values.
func _call_everything(name: StringName, make: Callable) -> void:
	var object := make.call() as Object
	for method in ClassDB.class_get_method_list(name, true):
		var method_name := method["name"] as String
		if method_name.begins_with("_") or method["flags"] & METHOD_FLAG_VIRTUAL:
			continue
		var parameters := method["args"] as Array
		for index in maxi(parameters.size(), 1):
			var arguments := parameters.map(func(parameter: Dictionary) -> Variant: return _values(parameter)[0])
			var defaults := method["default_args"] as Array
			for number in defaults.size():
				arguments[arguments.size() - defaults.size() + number] = defaults[number]
			var wild := _values(parameters[index]) if not parameters.is_empty() else [null]
			for value: Variant in wild:
				if not parameters.is_empty():
					arguments[index] = value
				_log.take_count()
				object.callv(method_name, arguments)
				_calls += 1
				at_most(_log.take_count(), 1, "%s.%s%s" % [name, method_name, arguments])
		# What the calls have done may be undone.
		await frames(1)
		object = make.call()
	for property in ClassDB.class_get_property_list(name, true):
		for value: Variant in _values(property):
			_log.take_count()
			object.set(property["name"] as String, value)
			_calls += 1
			at_most(_log.take_count(), 1, "%s.%s = %s" % [name, property["name"], value])
	check(_calls > 0)


func _values(parameter: Dictionary) -> Array:
	if (parameter["name"] as String).begins_with("budget"):
		return BUDGETS
	return VALUES.get(parameter["type"], _anything)


func _listening() -> Object:
	var listener := TcpListener.create(0, LOOPBACK)
	is_ok(listener.start())
	return listener


func _connected_tcp() -> Object:
	var listener := TcpListener.create(0, LOOPBACK)
	is_ok(listener.start())
	var client := TcpClient.new()
	client.set_meta("listener", listener)
	is_ok(client.connect_to_host(LOOPBACK, listener.get_local_port()))
	while client.get_status() == TcpClient.STATUS_CONNECTING:
		client.process(1000)
	return client


func _bound() -> Object:
	var socket := UdpSocket.new()
	is_ok(socket.bind(0, LOOPBACK))
	return socket


func _serving() -> Object:
	var running := WebSocketServer.new()
	check(running.start(0, LOOPBACK))
	return running


func _connected_websocket() -> Object:
	var running := _serving() as WebSocketServer
	var client := WebSocketClient.new()
	client.set_meta("server", running)
	is_ok(client.connect_to_url("ws://%s:%d" % [LOOPBACK, running.get_local_port()]))
	while client.get_ready_state() == WebSocketClient.STATE_CONNECTING:
		client.process(1000)
	return client


func _hosting() -> Object:
	var peer := AsyncMultiplayerPeer.new()
	is_ok(peer.create_server(0, LOOPBACK))
	return peer
