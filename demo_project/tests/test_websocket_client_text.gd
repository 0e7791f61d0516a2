extends WebSocketClientTest
## Text in all languages is received unchanged; text that the engine's String cannot hold is received as bytes.

const TEXTS: Array[String] = [
	"plain",
	"Zürich, naïve, Ærøskøbing",
	"日本語と中文",
	"שלום עולם, مرحبا بالعالم",
	"👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇭",
	"\U01F30D\U010FFFF\U010000",
	'line\r\nline\ttab "quote" \\ back',
	"\u0001\u007f\u0085\u2028",
]

## A text of more than 4 KiB takes a different path to the main thread.
const LARGE := 5000

## What a String cannot hold, or holds differently.
var _hard: Array[PackedByteArray] = [
	PackedByteArray([97, 0, 98]),
	PackedByteArray([0, 0, 0]),
	PackedByteArray([0xEF, 0xBB, 0xBF]),
	PackedByteArray([0xEF, 0xBB, 0xBF, 0, 120]),
	PackedByteArray(),
	# U+10FFFF, and U+FFFE, which is a noncharacter but valid UTF-8.
	PackedByteArray([0xF4, 0x8F, 0xBF, 0xBF, 0xEF, 0xBF, 0xBE]),
]


func test_texts_come_back() -> void:
	await join_client()
	server.message_received.connect(func(id: int, message: String) -> void: server.send_text(id, message))
	for text in TEXTS:
		is_ok(ws.send_text(text))
		is_ok(ws.send_text(text.repeat(LARGE / text.length())))
	for text in TEXTS:
		equal(await ws.recv_text(5.0), [OK, text])
		equal(await ws.recv_text(5.0), [OK, text.repeat(LARGE / text.length())])


func test_texts_come_back_by_signals() -> void:
	await join_client({"emit_messages": true})
	server.message_received.connect(func(id: int, message: String) -> void: server.send_text(id, message))
	var expected: Array[Array] = [["connected"]]
	for text in TEXTS:
		is_ok(ws.send_text(text))
		expected.append(["message", text])
	await heard_only(expected)


func test_nul_and_a_leading_bom() -> void:
	await join_client()
	server.send_text_data(1, PackedByteArray([97, 0, 98]))
	server.send_text_data(1, PackedByteArray([0xEF, 0xBB, 0xBF, 120]))
	var plain := "x".repeat(LARGE)
	server.send_text_data(1, PackedByteArray([0xEF, 0xBB, 0xBF]) + utf8(plain) + PackedByteArray([0, 97]))
	equal(await ws.recv(5.0), [OK, "a\ufffdb"])
	equal(await ws.recv_text(5.0), [OK, "\ufeffx"])
	equal(await ws.recv_text(5.0), [OK, "\ufeff" + plain + "\ufffda"])


func test_text_as_data_is_byte_for_byte() -> void:
	await join_client({"text_as_data": true}, {"text_as_data": true})
	for bytes in _hard:
		is_ok(server.send_text_data(1, bytes))
		is_ok(ws.send_text_data(bytes))
	server.send_binary(1, PackedByteArray([1]))
	for index in _hard.size():
		equal(await (ws.recv_text(5.0) if index % 2 else ws.recv(5.0)), [OK, _hard[index]])
	equal(await ws.recv_text(5.0), [ERR_INVALID_DATA, ""], "binary is no text")
	equal(await ws.recv_binary(5.0), [OK, PackedByteArray([1])])
	await told_times("text_data", _hard.size())
	equal(
		events.of("text_data").map(func(event: Array) -> PackedByteArray: return event[1]), _hard.duplicate() as Array
	)


func test_text_as_data_by_signals() -> void:
	await join_client({"text_as_data": true, "emit_messages": true})
	var expected: Array[Array] = [["connected"]]
	for bytes in _hard:
		is_ok(server.send_text_data(1, bytes))
		expected.append(["text_data", bytes])
	server.send_binary(1, PackedByteArray([1]))
	expected.append(["data", PackedByteArray([1])])
	await heard_only(expected)


func test_text_as_data_is_switched_in_the_middle() -> void:
	await join_client({"emit_messages": true})
	ws.message_received.connect(func(_message: String) -> void: ws.text_as_data = true)
	ws.text_data_received.connect(func(_data: PackedByteArray) -> void: ws.text_as_data = false)
	for index in 4:
		server.send_text(1, str(index))
	await heard_only(
		[["connected"], ["message", "0"], ["text_data", utf8("1")], ["message", "2"], ["text_data", utf8("3")]]
	)
	ws.emit_messages = false
	ws.text_as_data = true
	server.send_text(1, "a")
	server.send_text(1, "b")
	equal(await ws.recv(5.0), [OK, utf8("a")])
	ws.text_as_data = false
	equal(await ws.recv(5.0), [OK, "b"])


func test_send_text_data_takes_only_utf8() -> void:
	await join_client()
	for wrong: Array in [[0xff], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]]:
		is_error(ws.send_text_data(PackedByteArray(wrong)), ERR_INVALID_DATA, str(wrong))
		check(ws.get_last_error_message().contains("utf-8"), ws.get_last_error_message())
	ws.send_text("end")
	await told("message", [1, "end"])
	equal(events.all.size(), 2)


## The engine's String may hold invalid Unicode; the frame must be UTF-8 nevertheless, or the server would disconnect.
func test_a_lone_surrogate_becomes_the_replacement_character() -> void:
	await join_client()
	ws.send_text("a%sb" % char(0xD800))
	await told("message", [1, "a\ufffdb"])
