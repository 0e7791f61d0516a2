extends TlsTest
## How TLS connections end: half-closed, cleanly, by a reset, and truncated without close_notify.

const LARGE := 2 * 1024 * 1024

## The connections of proxies: one to the client and one to the server each.
var _proxy: Array[TcpClient] = []


func time_limit(_test_name: String) -> float:
	return 20.0


func test_either_side_closes() -> void:
	for closing: int in [0, 1]:
		var ends := await tls_pair()
		var peer := ends[1 - closing]
		ends[closing].send(pattern(LARGE))
		ends[closing].disconnect_from_host()
		same_bytes((await peer.recv(LARGE) as Array)[1], pattern(LARGE), "what was sent before")
		is_error(await peer.recv(1), ERR_FILE_EOF)
		await closes_with(peer, TcpClient.CLOSE_BY_PEER)
		await closes_with(ends[closing], TcpClient.CLOSE_BY_HOST)
		equal(peer.get_status(), TcpClient.STATUS_NONE)


func test_half_close_in_both_directions() -> void:
	for closing: int in [0, 1]:
		var ends := await tls_pair()
		var first := ends[closing]
		var second := ends[1 - closing]
		second.allow_half_open = true
		first.send(utf8("question"))
		first.shutdown_send()
		is_error(first.send(utf8("too late")), ERR_UNAVAILABLE)
		equal(await second.recv(100), [ERR_FILE_EOF, utf8("question")])
		equal(second.get_status(), TcpClient.STATUS_CONNECTED)

		equal(await second.send_async(pattern(LARGE)), [OK, LARGE])
		same_bytes((await first.recv(LARGE) as Array)[1], pattern(LARGE), "the answer")
		second.shutdown_send()
		is_error(await first.recv(1), ERR_FILE_EOF)
		await closes_with(first, TcpClient.CLOSE_BY_PEER)
		second.disconnect_from_host()
		await closes_with(second, TcpClient.CLOSE_BY_HOST)


func test_an_abort_is_an_error_for_the_peer() -> void:
	for aborting: int in [0, 1]:
		var ends := await tls_pair()
		var waiting := NetTask.from(ends[1 - aborting].recv(1))
		ends[aborting].abort()
		is_error(await waiting.wait(), ERR_CONNECTION_ERROR)
		await closes_with(ends[1 - aborting], TcpClient.CLOSE_ERROR)
		await closes_with(ends[aborting], TcpClient.CLOSE_BY_HOST)


## A proxy that ends its TCP connections cleanly, but does not pass on close_notify.
func test_a_cut_is_no_end() -> void:
	for cut: int in [0, 1]:
		var ends := await _pair_through_proxy()
		ends[1 - cut].send(utf8("half of"))
		equal(await ends[cut].recv(7), [OK, utf8("half of")])
		var waiting := NetTask.from(ends[cut].recv(100))
		ends[2 + cut].disconnect_from_host()
		equal(await waiting.wait(), [ERR_CONNECTION_ERROR, PackedByteArray()])
		await closes_with(ends[cut], TcpClient.CLOSE_ERROR)
		equal(ends[cut].get_status(), TcpClient.STATUS_ERROR)
		check(ends[cut].get_last_error_message().contains("close_notify"), ends[cut].get_last_error_message())


func test_a_changed_byte_is_an_error() -> void:
	for attacked: int in [0, 1]:
		var ends := await _pair_through_proxy()
		# An application data record with a valid length, but encrypted by neither side.
		var record := PackedByteArray([0x17, 3, 3, 0, 40])
		record.append_array(pattern(40))
		ends[2 + attacked].send(record)
		is_error(await ends[attacked].recv(1), ERR_CONNECTION_ERROR)
		await closes_with(ends[attacked], TcpClient.CLOSE_ERROR)
		check(not ends[attacked].get_last_error_message().is_empty())


func test_a_client_is_dropped() -> void:
	var ends := await tls_pair()
	ends[0].send(pattern(LARGE))
	ends[0] = null
	same_bytes((await ends[1].recv(LARGE) as Array)[1], pattern(LARGE), "what was sent before")
	is_error(await ends[1].recv(1), ERR_FILE_EOF)


func test_the_listener_stops() -> void:
	var listener := listen_tls()
	var ends := await tls_pair(listener)
	listener.stop()
	await is_alive(ends[0], ends[1], "connections live on")


## A TLS client and server, and the proxy's connections to each of them.
func _pair_through_proxy() -> Array[TcpClient]:
	var server := listen_tls()
	var proxy := listen()
	var client := start_tls_client(proxy.get_local_port())
	var to_client := (await proxy.accept(5.0) as Array)[1] as TcpClient
	var to_server := TcpClient.new()
	to_server.connect_to_host(LOOPBACK, server.get_local_port())
	var first := _proxy.size()
	_proxy.append_array([to_client, to_server])
	for side: int in [0, 1]:
		var other := first + 1 - side
		_proxy[first + side].data_received.connect(func(data: PackedByteArray) -> void: _proxy[other].send(data))
		_proxy[first + side].emit_data = true
	is_ok(await client.wait_connected(5.0))
	var accepted := await server.accept(5.0) as Array
	is_ok(accepted)
	return [client, accepted[1], to_client, to_server]
