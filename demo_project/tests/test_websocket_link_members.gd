extends WebSocketLinkTest
## WebSocketLink has the members of WebSocketClient, with the same arguments, defaults, ranges and refusals, whichever
## backend makes the connection.

## Members of WebSocketClient that only the library can have; the documentation of the link lists them.
const NATIVE_ONLY: PackedStringArray = [
	"max_redirects",
	"get_local_port",
	"get_response_headers",
	"get_response_header",
]

## Values that are taken or refused: the property, and the values.
const VALUES := {
	"timeout": [0.0, 1.5, INF, -1.0, NAN],
	"handshake_timeout": [0.0, 1.5, -0.1],
	"close_timeout": [0.0, 1.5, -0.1],
	"heartbeat_interval": [0.0, 0.1, -1.0],
	"max_message_size": [1, 0x7fffffff, 0, -1, 0x80000000],
	"max_pending_bytes": [1, 0x7fffffff, 0, 0x80000000],
	"max_buffered_bytes": [1, 0x7fffffff, 0, 0x80000000],
	"max_offline_bytes": [0, 0x7fffffff, -1, 0x80000000],
	"reconnect_min_delay": [0.001, 86400.0, 0.0, 0.0009, 86400.1, NAN],
	"reconnect_max_delay": [0.001, 86400.0, 0.0, 86400.1],
	"reconnect_max_attempts": [0, 0x7fffffff, -1, 0x80000000],
	"reconnect_on_codes": [[1000, 4999], [], [999], [1006, 5000]],
	"supported_protocols": [["a", "v1.chat-json"], [], [""], ["a b"], ["a,b"], ["ü"], ["a", "b\r\n"]],
	"handshake_headers":
	[
		["X-A: b", "x: "],
		["X-A:b\tc"],
		["Cookie: a=ü"],
		["X"],
		[": x"],
		["X y: z"],
		["X: a\r\nSet-Cookie: b"],
		["X: a\u007f"],
		["Upgrade: h2c"],
		["HOST: x"],
		["Sec-WebSocket-Key: x"],
		["Content-Length: 3"],
		["Ü: x"],
	],
}

## URLs, good and bad.
const URLS: PackedStringArray = [
	"ws://127.0.0.1:9",
	"WS://127.0.0.1:9/a",
	"wss://127.0.0.1:9/a/../b?c=d&e",
	"ws://127.0.0.1:80/",
	"wss://127.0.0.1:443",
	"ws://127.0.0.1:443",
	"ws://127.0.0.1?q",
	"ws://127.0.0.1:",
	"ws://127.0.0.1:9/?x=ä<>|%20",
	"ws://u:p@127.0.0.1:9/a@b",
	"ws://u%3Aa:%00@127.0.0.1:9/",
	"ws://u%4:p@127.0.0.1:9/",
	"ws://u:@127.0.0.1:9",
	"ws://:p@127.0.0.1:9",
	"ws://[::1]:9/x",
	"ws://[::1]/x",
	"ws://[::1",
	"ws://[127.0.0.1]:9",
	"ws://[::1]9",
	"ws://::1:9",
	"ws://LOCALHOST:9/Q",
	"ws://a%20b",
	"ws://ä.de",
	"ws://a b",
	"ws://127.0.0.1:9/a b",
	"ws://127.0.0.1:9/\n",
	"ws://127.0.0.1:9/#f",
	"ws://127.0.0.1:b",
	"ws://127.0.0.1:-1",
	"ws://127.0.0.1:+9",
	"ws://127.0.0.1:0",
	"ws://127.0.0.1:70000",
	"ws://127.0.0.1:99999999999999999999",
	"ws://:80",
	"ws://",
	"ws:/127.0.0.1",
	"http://127.0.0.1",
	"127.0.0.1:9",
	"",
]


func time_limit(_test_name: String) -> float:
	return 30.0


func test_members() -> void:
	var properties := _property_names(_link.get_property_list())
	for property: String in _property_names(ClassDB.class_get_property_list(&"WebSocketClient", true)):
		equal(properties.has(property), not NATIVE_ONLY.has(property), property)
	var methods := _by_name(_link.get_method_list())
	for method in ClassDB.class_get_method_list(&"WebSocketClient", true):
		var label := str(method["name"])
		if properties.has(label.substr(4)) or NATIVE_ONLY.has(label.substr(4)):
			continue
		if equal(methods.has(label), not NATIVE_ONLY.has(label), label) and methods.has(label):
			equal(_argument_names(methods[label]), _argument_names(method), label)
			equal(_defaults(methods[label]), _defaults(method), label)
	var signals := _by_name(_link.get_signal_list())
	for native_signal in ClassDB.class_get_signal_list(&"WebSocketClient", true):
		var label := str(native_signal["name"])
		if check(signals.has(label), label):
			equal(_argument_names(signals[label]), _argument_names(native_signal), label)
	var constants: Dictionary = (_link.get_script() as Script).get_script_constant_map()
	for constant in ClassDB.class_get_integer_constant_list(&"WebSocketClient", true):
		equal(constants.get(constant), ClassDB.class_get_integer_constant(&"WebSocketClient", constant), constant)


func test_defaults() -> void:
	for link in _both_links():
		var client := WebSocketClient.new()
		for property: String in _property_names(ClassDB.class_get_property_list(&"WebSocketClient", true)):
			if not NATIVE_ONLY.has(property):
				equal(link.get(property), client.get(property), property)


func test_values() -> void:
	for link in _both_links():
		for property: String in VALUES:
			var type := typeof(link.get(property))
			for value: Variant in VALUES[property]:
				# A client of its own for each value shows what the class of the library does with it.
				var client := WebSocketClient.new()
				var fresh := WebSocketLink.new()
				fresh.backend = link.backend
				client.set(property, type_convert(value, type))
				fresh.set(property, type_convert(value, type))
				var label := "%s = %s" % [property, value]
				if property != "handshake_headers":
					equal(fresh.get(property), client.get(property), label)
				else:
					# The library gives them back in a form of its own.
					equal(fresh.handshake_headers.size(), client.handshake_headers.size(), label)
				var is_refused := not client.get_last_error_message().is_empty()
				equal(not fresh.get_last_error_message().is_empty(), is_refused, label)


func test_an_array_is_no_way_around_the_rules() -> void:
	for link in _both_links():
		var names := PackedStringArray(["a"])
		link.supported_protocols = names
		names.append("b c")
		equal(link.supported_protocols, PackedStringArray(["a"]))
		var headers := link.handshake_headers
		headers.append("Host: x")
		equal(link.handshake_headers, PackedStringArray())
		var codes := PackedInt32Array([1006])
		link.reconnect_on_codes = codes
		codes.append(1)
		equal(link.reconnect_on_codes, PackedInt32Array([1006]))


func test_a_backend_that_was_replaced_tells_nothing() -> void:
	var link := WebSocketLink.new()
	var client: RefCounted = (link.get(&"_backend") as RefCounted).get(&"_client")
	equal(client.get_signal_connection_list(&"connected").size(), 1)
	link.backend = WebSocketLink.Backend.ENGINE
	equal(client.get_signal_connection_list(&"connected").size(), 0)


func test_urls() -> void:
	for url in URLS:
		var client := WebSocketClient.new()
		var expected := client.connect_to_url(url)
		for link in _both_links():
			equal(link.connect_to_url(url), expected, url)
			equal(link.get_requested_url(), client.get_requested_url(), url)
			equal(link.get_last_error_message().is_empty(), expected == OK, link.get_last_error_message())
			link.abort()
		client.abort()


func test_a_property_that_was_set_before_and_after_connecting() -> void:
	serve()
	_link.text_as_data = true
	_link.connect_to_url(_url())
	is_ok(await _link.wait_connected(5.0))
	await told("connected", [1])
	server.send_text(1, "a")
	equal(await _link.recv(5.0), [OK, utf8("a")])
	is_ok(await _link.close_async())
	# The next session has it too.
	_link.connect_to_url(_url())
	is_ok(await _link.wait_connected(5.0))
	await told("connected", [2])
	server.send_text(2, "b")
	equal(await _link.recv(5.0), [OK, utf8("b")])


func test_the_documentation_lists_what_is_missing() -> void:
	var source := FileAccess.get_file_as_string("res://addons/async_sockets/websocket_link.gd")
	for member in NATIVE_ONLY:
		check(source.contains("[code]%s" % member), member)


func _both_links() -> Array[WebSocketLink]:
	var native := WebSocketLink.new()
	var engine := WebSocketLink.new()
	engine.backend = WebSocketLink.Backend.ENGINE
	check(native.is_native() and not engine.is_native())
	return [native, engine]


func _property_names(list: Array[Dictionary]) -> PackedStringArray:
	var names := PackedStringArray()
	for property in list:
		var usage: int = property["usage"]
		if usage & (PROPERTY_USAGE_GROUP | PROPERTY_USAGE_CATEGORY | PROPERTY_USAGE_SUBGROUP) == 0:
			names.append(str(property["name"]))
	return names


func _by_name(list: Array[Dictionary]) -> Dictionary:
	var found := {}
	for member in list:
		found[str(member["name"])] = member
	return found


func _argument_names(member: Dictionary) -> PackedStringArray:
	var names := PackedStringArray()
	for argument: Dictionary in member["args"]:
		names.append(str(argument["name"]))
	return names


## The default arguments; those of a script that are no constant show as null.
func _defaults(method: Dictionary) -> Array:
	var defaults := []
	for value: Variant in method["default_args"]:
		var is_constant := not [TYPE_NIL, TYPE_OBJECT, TYPE_PACKED_BYTE_ARRAY].has(typeof(value))
		defaults.append(value if is_constant else null)
	return defaults
