extends WebSocketTest
## All clients together take no more memory than allowed, and no message stays incomplete forever.

const KIB := 1024
const MIB := 1024 * 1024


## The clients that hold the most of unfinished messages are disconnected; the others are unaffected.
func test_unfinished_messages_have_a_limit_in_total() -> void:
	serve({"max_total_bytes": 512 * KIB, "close_timeout": 0.3})
	equal(server.max_total_bytes, 512 * KIB)
	var small := await raw_join()
	var message := frame(FIN | TEXT, utf8("x".repeat(20 * KIB)))
	small.send(message.slice(0, 10 * KIB))
	var hoarders: Array[Raw] = []
	for _index in 6:
		var hoarder := await raw_join()
		var beginning := frame(FIN | BINARY, PackedByteArray(), true, 16 * MIB)
		beginning.resize(beginning.size() + 120 * KIB)
		hoarder.send(beginning)
		hoarders.append(hoarder)
	check(await wait_for(func() -> bool: return not events.of("disconnected").is_empty()))
	for disconnected: Array in events.of("disconnected"):
		equal(disconnected[1], 1013)
		check(disconnected[0] > 1, "the small one stays")
	at_most(server.get_statistics()["memory"], 512.0 * KIB)
	small.send(message.slice(10 * KIB))
	await told("message", [1, "x".repeat(20 * KIB)])


func test_a_message_must_end_in_time() -> void:
	serve({"message_timeout": 0.2, "close_timeout": 0.2})
	var peer := await raw_join()
	var other := await join()
	peer.send(frame(TEXT, utf8("for ever")))
	var ended := func() -> bool:
		# Neither pings nor further fragments extend the time.
		peer.send(frame(FIN | PING))
		peer.send(frame(CONTINUATION, utf8(" and ever")))
		return not events.of("disconnected").is_empty()
	check(await wait_for(ended))
	equal(events.of("disconnected")[0].slice(0, 2), [1, 1008])
	other.socket.send_text("still here")
	await told("message", [2, "still here"])


func test_zero_sets_no_limit() -> void:
	serve({"max_total_bytes": 0, "message_timeout": 0.0})
	equal(server.max_total_bytes, 0)
	equal(server.message_timeout, 0.0)
	var peer := await raw_join()
	var message := frame(FIN | TEXT, utf8("x".repeat(100 * KIB)))
	peer.send(message.slice(0, 50 * KIB))
	await seconds(0.3)
	peer.send(message.slice(50 * KIB))
	await told("message", [1, "x".repeat(100 * KIB)])


func test_the_defaults() -> void:
	serve()
	equal(server.max_total_bytes, 256 * MIB)
	equal(server.message_timeout, 30.0)
