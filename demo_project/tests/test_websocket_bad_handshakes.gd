extends WebSocketTest
## Invalid opening handshakes get a proper HTTP response, and leave no trace.


func after_each() -> void:
	if server:
		equal(events.of("connected"), [], "nobody came in")
		equal(server.get_client_count(), 0)
	super()


func test_400() -> void:
	serve()
	var wrong: Dictionary = {
		"no host": head("/", ["Host:"]),
		"two hosts": head("/", ["Host: a", "Host: b"]),
		"no key": head("/", ["Sec-WebSocket-Key:"]),
		"a key of 15 bytes": head("/", ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j"]),
		"a key that is no base64": head("/", ["Sec-WebSocket-Key: !!!!IHNhbXBsZSBub25jZQ=="]),
		"two keys": head("/", ["Sec-WebSocket-Key: %s" % KEY, "Sec-WebSocket-Key: %s" % KEY]),
		"HTTP/1.0": head("/", [], "GET / HTTP/1.0"),
		"no path": head("/", [], "GET nowhere HTTP/1.1"),
		"a fragment": head("/a#b"),
		"a body": head("/", ["Content-Length: 5"]),
		"a folded line": head("/", ["X-Folded: a\r\n b"]),
		"a space before the colon": head("/", ["X-Space : a"]),
		"no HTTP": utf8("hello\r\n\r\n"),
		"TLS": PackedByteArray([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03]),
		"a NUL": head("/", ["X: a%c" % 1]),
	}
	for what: String in wrong:
		await _is_refused(what, wrong[what], 400)


func test_403() -> void:
	serve({"allowed_origins": PackedStringArray(["https://a.example"])})
	await _is_refused("none", head(), 403)
	await _is_refused("another", head("/", ["Origin: https://a.example.evil"]), 403)
	await _is_refused("two", head("/", ["Origin: https://a.example", "Origin: https://a.example"]), 403)


func test_404() -> void:
	serve({"allowed_paths": PackedStringArray(["/chat", "/"])})
	await _is_refused("another", head("/other"), 404)
	await _is_refused("longer", head("/chat/"), 404)
	await _is_refused("with a query", head("/cha?t"), 404)


func test_405() -> void:
	serve()
	for method: String in ["POST", "PUT", "HEAD", "OPTIONS", "CONNECT"]:
		var answer := await _is_refused(method, head("/", [], "%s / HTTP/1.1" % method), 405)
		check(answer.contains("\r\nAllow: GET\r\n"), answer)


func test_426() -> void:
	serve()
	var wrong: Dictionary = {
		"a plain GET": utf8("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
		"no upgrade": head("/", ["Upgrade:"]),
		"another upgrade": head("/", ["Upgrade: h2c"]),
		"no connection": head("/", ["Connection:"]),
		"another connection": head("/", ["Connection: keep-alive"]),
		"no version": head("/", ["Sec-WebSocket-Version:"]),
		"version 8": head("/", ["Sec-WebSocket-Version: 8"]),
		"version 130": head("/", ["Sec-WebSocket-Version: 130"]),
	}
	for what: String in wrong:
		var answer := await _is_refused(what, wrong[what], 426)
		check(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"), answer)
		check(answer.contains("\r\nUpgrade: websocket\r\n"), answer)


func test_431() -> void:
	serve()
	await _is_refused("a long line", head("/", ["X: " + "x".repeat(9000)]), 431)
	var lines: Array[String] = []
	for number in 70:
		lines.append("X-%d: x" % number)
	await _is_refused("many lines", head("/", lines), 431)
	await _is_refused("a long path", utf8("GET /" + "x".repeat(9000)), 431)
	await _is_refused("no end", utf8("GET / HTTP/1.1\r\nX: " + "x".repeat(100_000)), 431)


func test_408() -> void:
	serve({"handshake_timeout": 0.2})
	await _is_refused("nothing", PackedByteArray(), 408)
	await _is_refused("half a head", head().slice(0, 30), 408)


## Bytes that arrive one by one do not extend the time.
func test_408_for_a_slow_one() -> void:
	serve({"handshake_timeout": 0.3})
	var peer := await raw()
	var started := Time.get_ticks_msec()
	for byte in head("/" + "x".repeat(2000)):
		peer.send(PackedByteArray([byte]))
		await frames(1)
		if peer.is_ended():
			break
	equal(peer.status(), 408)
	at_most(Time.get_ticks_msec() - started, 2000)


## A client that sends a whole frame behind a bad request also gets the response, and no reset.
func test_an_answer_survives_data_behind_the_request() -> void:
	serve()
	var bytes := head("/", ["Sec-WebSocket-Version: 7"])
	bytes.append_array(frame(FIN | BINARY, pattern(200_000)))
	var answer := await _is_refused("with data", bytes, 426)
	check(answer.ends_with("\n"), answer)


func test_refusals_are_counted() -> void:
	serve()
	for _index in 3:
		await _is_refused("", head("/", ["Host:"]), 400)
	equal(server.get_statistics()["refused"], 3)


func _is_refused(what: String, bytes: PackedByteArray, status: int) -> String:
	var peer := await raw()
	peer.send(bytes)
	var answer := await refused(peer, status)
	var body := answer.get_slice("\r\n\r\n", 1)
	check(answer.contains("\r\nContent-Length: %d\r\n" % body.to_utf8_buffer().size()), "%s: %s" % [what, answer])
	check(answer.contains("\r\nConnection: close"), "%s: %s" % [what, answer])
	return answer
