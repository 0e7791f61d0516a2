extends WebSocketTest
## Text in all languages is echoed unchanged; text that the engine's String cannot hold is echoed as bytes.

const TEXTS: Array[String] = [
	"plain",
	"Zürich, naïve, Ærøskøbing",
	"日本語と中文",
	"שלום עולם, مرحبا بالعالم",
	"👩‍👩‍👧‍👦 🏳️‍🌈 🇨🇭",
	"\U01F30D\U010FFFF\U010000",
	"a\u0301 \u200f\u202e right to left \u202c",
	'line\r\nline\ttab "quote" \\ back',
	"\u0001\u007f\u0085\u2028",
	"a long line of nothing but ASCII, then one that is not: 日本語, and then plain text again, to the end of the line",
]

## A text of more than 4 KiB takes a different path to the main thread.
const LARGE := 5000


func test_texts_come_back() -> void:
	serve()
	server.message_received.connect(func(id: int, message: String) -> void: _servers[0].send_text(id, message))
	var peer := await join()
	var expected := []
	for text in TEXTS:
		is_ok(peer.socket.send_text(text))
		expected.append(text)
	await received(peer, expected)
	equal(events.of("message").map(func(event: Array) -> String: return event[1]), expected)


func test_nul_arrives_as_the_replacement_character() -> void:
	serve()
	var peer := await raw_join()
	peer.send(frame(FIN | TEXT, PackedByteArray([97, 0, 98])))
	peer.send(frame(FIN | TEXT, PackedByteArray([0])))
	await told("message", [1, "a\ufffdb"])
	await told("message", [1, "\ufffd"])


func test_a_leading_bom_stays() -> void:
	serve()
	server.message_received.connect(func(id: int, message: String) -> void: _servers[0].send_text(id, message))
	var bom := PackedByteArray([0xEF, 0xBB, 0xBF, 120])
	var peer := await raw_join()
	peer.send(frame(FIN | TEXT, bom))
	await got_frames(peer, [[FIN | TEXT, bom]])
	equal(events.of("message")[0][1].length(), 2)


func test_large_texts_come_back() -> void:
	serve()
	server.message_received.connect(func(id: int, message: String) -> void: _servers[0].send_text(id, message))
	var peer := await join()
	var expected := []
	for text in TEXTS:
		expected.append(text.repeat(LARGE / text.length()))
		expected.append(text)
		is_ok(peer.socket.send_text(expected[-2]))
		is_ok(peer.socket.send_text(text))
	await received(peer, expected)


func test_nul_and_a_leading_bom_in_a_large_text() -> void:
	serve()
	var peer := await raw_join()
	var plain := "x".repeat(LARGE)
	peer.send(frame(FIN | TEXT, PackedByteArray([0xEF, 0xBB, 0xBF]) + utf8(plain) + PackedByteArray([0, 97])))
	await told("message", [1, "\ufeff" + plain + "\ufffda"])


func test_text_as_data_is_byte_for_byte() -> void:
	serve({"text_as_data": true})
	server.text_data_received.connect(
		func(id: int, utf8: PackedByteArray) -> void: _servers[0].send_text_data(id, utf8)
	)
	var peer := await raw_join()
	var all: Array[PackedByteArray] = [
		PackedByteArray([97, 0, 98]),
		PackedByteArray([0xEF, 0xBB, 0xBF]),
		PackedByteArray([0, 0, 0]),
		PackedByteArray(),
		PackedByteArray([0xEF, 0xBB, 0xBF, 0]) + utf8("é".repeat(LARGE)),
		"🌍 שלום".to_utf8_buffer(),
		# U+10FFFF, and U+FFFE, which is a noncharacter but valid UTF-8.
		PackedByteArray([0xF4, 0x8F, 0xBF, 0xBF, 0xEF, 0xBF, 0xBE]),
	]
	var expected := []
	for bytes in all:
		peer.send(frame(FIN | TEXT, bytes))
		expected.append([FIN | TEXT, bytes])
	peer.send(frame(FIN | BINARY, PackedByteArray([0xff])))
	await got_frames(peer, expected)
	equal(events.of("text_data").map(func(event: Array) -> PackedByteArray: return event[1]), all.duplicate() as Array)
	await told("data", [1, PackedByteArray([0xff])])
	equal(events.of("message"), [], "a text comes once, as bytes")


func test_text_as_data_can_be_switched_while_running() -> void:
	serve()
	var peer := await join()
	peer.socket.send_text("one")
	await told("message", [1, "one"])
	server.text_as_data = true
	peer.socket.send_text("two")
	await told("text_data", [1, utf8("two")])
	server.text_as_data = false
	peer.socket.send_text("three")
	await told("message", [1, "three"])


func test_send_text_data_takes_only_utf8() -> void:
	serve()
	var peer := await join()
	peer.keeps_bytes = true
	for wrong: Array in [[0xff], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]]:
		is_error(server.send_text_data(1, PackedByteArray(wrong)), ERR_INVALID_DATA, str(wrong))
	is_ok(server.send_text_data(1, PackedByteArray([0xEF, 0xBB, 0xBF, 0, 120])))
	await received(peer, [[PackedByteArray([0xEF, 0xBB, 0xBF, 0, 120])]])
	is_error(server.send_text_data(2, utf8("x")), ERR_DOES_NOT_EXIST)


## The engine's String may hold invalid Unicode; the frame must be UTF-8 nevertheless, or a browser would disconnect.
func test_a_lone_surrogate_becomes_the_replacement_character() -> void:
	serve()
	var peer := await raw_join()
	var text := "a%sb" % char(0xD800)
	is_ok(server.send_text(1, text))
	is_ok(server.send_text(1, "end"))
	await got_frames(peer, [[FIN | TEXT, utf8("a\ufffdb")], [FIN | TEXT, utf8("end")]])
