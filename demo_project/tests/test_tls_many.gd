extends TlsTest
## Hundreds of simultaneous handshakes, while frames keep running.

const CLIENTS := 200
const LONGEST_FRAME_MSEC := 500.0

## Microseconds between frames, recorded while measuring.
var _frames := PackedInt64Array()
var _last := 0


func time_limit(_test_name: String) -> float:
	return 60.0


func _process(_delta: float) -> void:
	var now := Time.get_ticks_usec()
	if _last > 0:
		_frames.append(now - _last)
		_last = now


func test_two_hundred_handshakes() -> void:
	Engine.max_fps = 60
	var listener := listen_tls()
	await frames(30)
	var clients: Array[TcpClient] = []
	var options := trusting()
	var started := Time.get_ticks_usec()
	_last = started
	for _number in CLIENTS:
		clients.append(start_tls_client(listener.get_local_port(), options))
	var peers: Array[TcpClient] = []
	for _number in CLIENTS:
		var accepted := await listener.accept(30.0) as Array
		if not is_ok(accepted, "client %d" % peers.size()):
			return
		peers.append(accepted[1])
	for client in clients:
		is_ok(await client.wait_connected(30.0))
	var took := (Time.get_ticks_usec() - started) / 1000.0
	await frames(3)
	_last = 0
	equal(listener.get_failed_handshakes(), 0)
	equal(listener.get_clients().size(), CLIENTS)
	_judge_frames("%d handshakes, both sides, in %.0f ms" % [CLIENTS, took])

	for number in CLIENTS:
		clients[number].send(utf8("I am number %d\n" % number))
	var seen := {}
	for peer in peers:
		var line := await peer.recv_line(100, 10.0) as Array
		is_ok(line)
		seen[line[1]] = true
	equal(seen.size(), CLIENTS, "each has its own connection")


func test_two_hundred_that_fail() -> void:
	var listener := listen_tls(serving("expired"))
	var clients: Array[TcpClient] = []
	var options := trusting()
	_last = Time.get_ticks_usec()
	for _number in CLIENTS:
		clients.append(start_tls_client(listener.get_local_port(), options))
	for client in clients:
		is_error(await client.wait_connected(30.0), ERR_UNAUTHORIZED)
	check(await wait_for(func() -> bool: return listener.get_failed_handshakes() == CLIENTS))
	await frames(3)
	_last = 0
	_judge_frames("%d handshakes that fail" % CLIENTS)


func _judge_frames(what: String) -> void:
	_frames.sort()
	var at := func(part: float) -> float: return _frames[mini(int(_frames.size() * part), _frames.size() - 1)] / 1000.0
	print(
		(
			"  %s: %d frames meanwhile, p50 %.1f ms, p99 %.1f ms, longest %.1f ms"
			% [what, _frames.size(), at.call(0.5), at.call(0.99), at.call(1.0)]
		)
	)
	at_most(at.call(1.0), LONGEST_FRAME_MSEC, "the longest frame, in ms")
