extends TlsTest
## A hundred megabytes through TLS and back, with every byte checked.
# time_limit: 300

const BLOCK := 1024 * 1024
const BLOCKS := 100

## Each block is a different part of it.
var _bytes: PackedByteArray


func time_limit(_test_name: String) -> float:
	return 240.0


func test_echo_of_a_hundred_megabytes() -> void:
	var ends := await tls_pair()
	_bytes = pattern(2 * BLOCK)
	start(_echo.bind(ends[1]))
	var sent := start(_send_all.bind(ends[0]))
	var started := Time.get_ticks_usec()
	for number in BLOCKS:
		var received := await ends[0].recv(BLOCK, 60.0) as Array
		if not is_ok(received, "block %d" % number):
			return
		if not same_bytes(received[1], _block(number), "block %d" % number):
			return
	var seconds_taken := (Time.get_ticks_usec() - started) / 1e6
	print("  100 MiB there and back: %.1f s, %.0f MiB/s each way" % [seconds_taken, BLOCKS / seconds_taken])
	await sent.wait()
	ends[0].disconnect_from_host()
	await closes_with(ends[1], TcpClient.CLOSE_BY_PEER)


func _echo(peer: TcpClient) -> void:
	while true:
		var received := await peer.recv_some(BLOCK) as Array
		if received[0] != OK:
			return
		await peer.send_async(received[1])


func _send_all(client: TcpClient) -> void:
	for number in BLOCKS:
		equal(await client.send_async(_block(number)), [OK, BLOCK])


func _block(number: int) -> PackedByteArray:
	var begin := number * 7919
	return _bytes.slice(begin, begin + BLOCK)
