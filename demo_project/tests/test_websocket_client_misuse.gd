extends WebSocketClientTest
## Misuse of the class gives an error in words, prints it once, and breaks nothing.

const BAD_URLS := {
	"": "ws://",
	"127.0.0.1": "ws://",
	"ws:/127.0.0.1": "ws://",
	"ws:127.0.0.1": "ws://",
	"http://127.0.0.1": "http",
	"wss ://127.0.0.1": "' '",
	"tcp://127.0.0.1": "tcp",
	"ws://": "host",
	"ws:///path": "host",
	"ws://:80": "host",
	"ws://user@:80": "host",
	"ws://a b": "' '",
	"ws://a\nb": "\\n",
	"ws://127.0.0.1/\r\nX: y": "\\r",
	"ws://127.0.0.1:0": "65535",
	"ws://127.0.0.1:65536": "65535",
	"ws://127.0.0.1:-1": "65535",
	"ws://127.0.0.1:http": "65535",
	"ws://::1": "brackets",
	"ws://[::1": "brackets",
	"ws://[127.0.0.1]": "brackets",
	"ws://[::1]x": "brackets",
	"ws://bücher.example": "xn--",
	"ws://127.0.0.1/#part": "%23",
	"ws://a%20b": "host",
	"ws://us%0aer@127.0.0.1": "user",
	"ws://us%er@127.0.0.1": "user",
}

var _counts := false


func before_each() -> void:
	_counts = can_count_errors()


func test_bad_urls() -> void:
	client()
	for bad: String in BAD_URLS:
		is_error(ws.connect_to_url(bad), ERR_INVALID_PARAMETER, bad)
		var words := ws.get_last_error_message()
		check(words.contains(BAD_URLS[bad]), "%s: %s" % [bad, words])
		_is_told_once(bad)
	state_is(WebSocketClient.STATE_CLOSED)
	equal(ws.get_requested_url(), "")
	await heard_only([])


func test_the_password_is_not_in_the_message() -> void:
	client()
	for bad: String in ["ws://user:s3cret@host:99999", "ws://user:s3cret%@host", "x://user:s3cret@host"]:
		is_error(ws.connect_to_url(bad), ERR_INVALID_PARAMETER)
		check(not ws.get_last_error_message().contains("s3cret"), ws.get_last_error_message())


func test_a_bad_url_while_connected() -> void:
	await join_client()
	is_error(ws.connect_to_url("nonsense"), ERR_INVALID_PARAMETER)
	equal(ws.get_requested_url(), url("/"))
	ws.send_text("still here")
	await told("message", [1, "still here"])


func test_null() -> void:
	serve()
	client()
	is_ok(ws.connect_to_url(url(), null), "no TLS options")
	is_ok(await ws.wait_connected(5.0))


func test_connecting_twice() -> void:
	serve()
	client()
	ws.connect_to_url(url())
	is_error(ws.connect_to_url(url()), ERR_ALREADY_IN_USE)
	_is_told_once("connect_to_url")


func test_the_options_of_a_server() -> void:
	client()
	var key := CryptoKey.new()
	key.load(ProjectSettings.globalize_path("res://tests/certificates/good.key"))
	var certificate := load("res://tests/certificates/good.crt") as X509Certificate
	is_error(ws.connect_to_url("wss://localhost", TLSOptions.server(key, certificate)), ERR_INVALID_PARAMETER)
	check(ws.get_last_error_message().contains("client"), ws.get_last_error_message())
	_is_told_once("TLSOptions.server")


func test_bad_timeouts() -> void:
	await join_client()
	for bad: float in [-2.0, -0.5, NAN, -INF]:
		is_error(await ws.wait_connected(bad), ERR_INVALID_PARAMETER, str(bad))
		_is_told_once("wait_connected")
		is_error(await ws.flush(bad), ERR_INVALID_PARAMETER, str(bad))
		_is_told_once("flush")
		equal(await ws.recv(bad), [ERR_INVALID_PARAMETER, ""])
		_is_told_once("recv")
		equal(await ws.recv_text(bad), [ERR_INVALID_PARAMETER, ""])
		_is_told_once("recv_text")
		equal(await ws.recv_binary(bad), [ERR_INVALID_PARAMETER, PackedByteArray()])
		_is_told_once("recv_binary")
		equal(await ws.close_async(1000, "", bad), [ERR_INVALID_PARAMETER, -1, ""])
		_is_told_once("close_async")
	check(ws.get_last_error_message().contains("-1 for the default"), ws.get_last_error_message())
	state_is(WebSocketClient.STATE_OPEN, "nothing was closed")


func test_bad_closes() -> void:
	await join_client()
	ws.close(1005)
	_is_told_once("close")
	is_error(await ws.close_async(1005), ERR_INVALID_PARAMETER)
	_is_told_once("close_async")
	ws.close(1000, "x".repeat(124))
	_is_told_once("close")


func test_bad_messages() -> void:
	await join_client()
	is_error(ws.send_text_data(PackedByteArray([0xff])), ERR_INVALID_DATA)
	_is_told_once("send_text_data")
	is_error(ws.ping(pattern(126)), ERR_INVALID_PARAMETER)
	check(ws.get_last_error_message().contains("125"), ws.get_last_error_message())
	_is_told_once("ping")
	is_ok(ws.ping(pattern(125)))
	ws.emit_messages = true
	is_error(await ws.recv(), ERR_UNAVAILABLE)
	_is_told_once("recv")


func test_wrong_properties_change_nothing() -> void:
	client()
	var wrong := {
		"timeout": [-1.0, NAN, -INF],
		"handshake_timeout": [-1.0, NAN, -INF],
		"close_timeout": [-0.1, NAN],
		"heartbeat_interval": [-1.0, NAN],
		"max_message_size": [0, -1, 1 << 31],
		"max_pending_bytes": [0, -1, 1 << 31],
		"max_buffered_bytes": [0, -1, 1 << 31],
		"max_redirects": [-1, 21],
		"reconnect_min_delay": [0.0, -1.0, 86401.0, NAN],
		"reconnect_max_delay": [0.0, -1.0, 86401.0, NAN],
		"reconnect_max_attempts": [-1, 1 << 31],
		"reconnect_on_codes": [PackedInt32Array([999]), PackedInt32Array([1000, 5000]), PackedInt32Array([-1])],
		"max_offline_bytes": [-1, 1 << 31],
		"supported_protocols": [PackedStringArray(["a b"]), PackedStringArray(["a", ""])],
		"handshake_headers":
		[
			PackedStringArray(["no colon"]),
			PackedStringArray([": no name"]),
			PackedStringArray(["X-A: fine", "X: a\r\nY: b"]),
			PackedStringArray(["X: a\u0001"]),
			PackedStringArray(["Host: x"]),
			PackedStringArray(["upgrade: h2c"]),
			PackedStringArray(["Connection: close"]),
			PackedStringArray(["Content-Length: 7"]),
			PackedStringArray(["Sec-WebSocket-Key: x"]),
			PackedStringArray(["Sec-WebSocket-Protocol: x"]),
		],
	}
	for property: String in wrong:
		var before: Variant = ws.get(property)
		for value: Variant in wrong[property]:
			ws.set(property, value)
			equal(ws.get(property), before, "%s = %s" % [property, value])
			not_equal(ws.get_last_error_message(), "", property)
			_is_told_once("%s = %s" % [property, value])


func test_failures_of_the_network_print_nothing() -> void:
	client()
	ws.connect_to_url("ws://%s:%d" % [LOOPBACK, free_port()])
	is_error(await ws.wait_connected(5.0), ERR_CANT_CONNECT)
	is_error(ws.send_text("x"), ERR_CANT_CONNECT)
	is_error(await ws.recv(), ERR_CANT_CONNECT)
	await join_client()
	is_error(await ws.recv(0.01), ERR_TIMEOUT)
	server.disconnect_client(1)
	is_error(await ws.recv(), ERR_FILE_EOF)
	is_error(ws.send_text("x"), ERR_FILE_EOF)
	equal(errors_printed(), 0 if _counts else -1)
	client()
	is_error(ws.send_text("x"), ERR_UNCONFIGURED)


func test_calls_from_another_thread_are_refused() -> void:
	await join_client()
	var thread := Thread.new()
	thread.start(_call_everything.bind(url()))
	check(await wait_for(func() -> bool: return not thread.is_alive()))
	var results: Array = thread.wait_to_finish()
	equal(
		results,
		[
			ERR_UNAVAILABLE,
			ERR_UNAVAILABLE,
			ERR_UNAVAILABLE,
			ERR_UNAVAILABLE,
			ERR_UNAVAILABLE,
			ERR_UNAVAILABLE,
			0,
			[ERR_UNAVAILABLE],
			[ERR_UNAVAILABLE],
			[ERR_UNAVAILABLE, ""],
			[ERR_UNAVAILABLE, ""],
			[ERR_UNAVAILABLE, PackedByteArray()],
			[ERR_UNAVAILABLE, -1, ""],
		]
	)
	state_is(WebSocketClient.STATE_OPEN)
	ws.send_text("still here")
	await told("message", [1, "still here"])
	if _counts:
		equal(errors_printed(), results.size() + 3)


func test_an_object_that_another_thread_frees() -> void:
	await join_client()
	var held: Array[WebSocketClient] = [ws]
	ws = null
	var thread := Thread.new()
	thread.start(held.clear)
	check(await wait_for(func() -> bool: return not thread.is_alive()))
	thread.wait_to_finish()
	await told_times("disconnected", 1)


func _call_everything(where: String) -> Array:
	ws.close()
	ws.abort()
	ws.poll()
	return [
		ws.connect_to_url(where),
		ws.send_text("x"),
		ws.send_binary(utf8("x")),
		ws.send_text_data(utf8("x")),
		ws.ping(),
		ws.reconnect_now(),
		ws.process(),
		ws.wait_connected(),
		ws.flush(),
		ws.recv(),
		ws.recv_text(),
		ws.recv_binary(),
		ws.close_async(),
	]


func _is_told_once(message: String) -> void:
	if _counts:
		equal(errors_printed(), 1, "errors printed for %s" % message)
