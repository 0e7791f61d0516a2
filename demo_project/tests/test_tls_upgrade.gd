extends TlsTest
## An established connection is upgraded to TLS, on either side.


func time_limit(_test_name: String) -> float:
	return 20.0


func test_both_sides_upgrade() -> void:
	var ends := await connect_pair()
	ends[0].send(utf8("STARTTLS\n"))
	equal(await ends[1].recv_line(), [OK, "STARTTLS"])
	ends[1].send(utf8("go ahead\n"))
	var server := NetTask.from(ends[1].start_tls(serving()))
	equal(await ends[0].recv_line(), [OK, "go ahead"])
	check(not ends[0].is_tls())
	equal(await ends[0].start_tls(trusting(), HOST), [OK])
	equal(await server.wait(), [OK])
	for end in ends:
		check(end.is_tls())
		equal(end.get_tls_version(), "TLSv1.3")
	equal(ends[0].get_tls_peer_subject(), "CN=a server")
	equal(ends[1].get_tls_server_name(), HOST)
	await is_alive(ends[0], ends[1])


func test_sides_are_no_matter_of_who_connected() -> void:
	var ends := await connect_pair()
	var results := await NetTask.all([ends[0].start_tls(serving()), ends[1].start_tls(trusting(), HOST)]) as Array
	equal(results, [[OK], [OK]])
	await is_alive(ends[0], ends[1])


func test_the_name_is_that_of_the_host() -> void:
	var listener := listen()
	var client := TcpClient.new()
	client.connect_to_host(HOST, listener.get_local_port())
	var peer := (await listener.accept(5.0) as Array)[1] as TcpClient
	var results := await NetTask.all([peer.start_tls(serving()), client.start_tls(trusting())]) as Array
	equal(results, [[OK], [OK]])
	equal(peer.get_tls_server_name(), HOST)


## The peer's first TLS bytes have arrived, unread or even unprocessed, when this side starts.
func test_the_peer_has_begun_already() -> void:
	for is_seen: bool in [false, true]:
		var ends := await connect_pair()
		ends[1].auto_process = is_seen
		var client := NetTask.from(ends[0].start_tls(trusting(), HOST))
		await _gives_bytes(ends[1])
		var server := NetTask.from(ends[1].start_tls(serving()))
		ends[1].auto_process = true
		equal(await server.wait(), [OK])
		equal(await client.wait(), [OK])
		equal(ends[1].get_available_bytes(), 0)
		await is_alive(ends[0], ends[1])


## As above, but queued behind an event that is not data: the report that an earlier block was sent.
func test_the_peer_has_begun_behind_another_event() -> void:
	var ends := await connect_pair()
	ends[1].auto_process = false
	var sent := NetTask.from(ends[1].send_async(utf8("go ahead\n")))
	equal(await ends[0].recv_line(), [OK, "go ahead"])
	var client := NetTask.from(ends[0].start_tls(trusting(), HOST))
	var statistics := func() -> bool: return (AsyncSockets.get_statistics()["queued_events"] as int) >= 2
	check(await wait_for(statistics), "both events wait")
	equal(ends[1].get_available_bytes(), 0, "the first event is no byte")
	ends[1].auto_process = true
	equal(await ends[1].start_tls(serving()), [OK])
	equal(await client.wait(), [OK])
	equal(await sent.wait(), [OK, 9])
	await is_alive(ends[0], ends[1])


func test_what_was_sent_before_goes_out_in_plain() -> void:
	var ends := await connect_pair()
	var large := pattern(1_000_000)
	ends[0].send(large)
	var client := NetTask.from(ends[0].start_tls(trusting(), HOST))
	ends[0].send(utf8("after"))
	same_bytes((await ends[1].recv(large.size()) as Array)[1], large, "in plain")
	equal(await ends[1].start_tls(serving()), [OK])
	equal(await client.wait(), [OK])
	equal(await ends[1].recv(5), [OK, utf8("after")])


func test_a_bad_certificate() -> void:
	var ends := await connect_pair()
	var server := NetTask.from(ends[1].start_tls(serving("expired")))
	equal(await ends[0].start_tls(trusting(), HOST), [ERR_UNAUTHORIZED])
	check(ends[0].get_last_error_message().contains("it has expired"), ends[0].get_last_error_message())
	is_error(await server.wait(), ERR_CANT_CONNECT)
	equal(ends[1].get_last_error_message(), "the peer refused the TLS handshake: certificate expired")
	for end in ends:
		await closes_with(end, TcpClient.CLOSE_ERROR)
		equal(end.get_status(), TcpClient.STATUS_ERROR)
		check(not end.is_tls())


func test_the_name_must_be_right() -> void:
	var ends := await connect_pair()
	var server := NetTask.from(ends[1].start_tls(serving()))
	equal(await ends[0].start_tls(trusting(), "other.example"), [ERR_UNAUTHORIZED])
	check(ends[0].get_last_error_message().contains("another host: "), ends[0].get_last_error_message())
	is_error(await server.wait(), ERR_CANT_CONNECT)


func test_a_peer_that_speaks_plain() -> void:
	for options: TLSOptions in [trusting(), serving()]:
		var ends := await connect_pair()
		var upgraded := NetTask.from(ends[0].start_tls(options, HOST))
		ends[1].send(utf8("220 what is it that you want from me?\r\n"))
		equal(await upgraded.wait(), [ERR_CANT_CONNECT])
		equal(ends[0].get_last_error_message(), "the peer does not speak TLS")
		await closes_with(ends[0], TcpClient.CLOSE_ERROR)


func test_a_peer_that_goes() -> void:
	var ends := await connect_pair()
	var upgraded := NetTask.from(ends[0].start_tls(trusting(), HOST))
	ends[1].disconnect_from_host()
	equal(await upgraded.wait(), [ERR_CANT_CONNECT])
	check(ends[0].get_last_error_message().contains("during the TLS handshake"), ends[0].get_last_error_message())


func test_a_peer_that_keeps_silent() -> void:
	var ends := await connect_pair()
	ends[0].connect_timeout = 0.2
	equal(await ends[0].start_tls(trusting(), HOST), [ERR_TIMEOUT])
	await closes_with(ends[0], TcpClient.CLOSE_TIMEOUT)


func test_a_close_during_the_handshake() -> void:
	for aborts: bool in [false, true]:
		var ends := await connect_pair()
		var upgraded := NetTask.from(ends[0].start_tls(trusting(), HOST))
		if aborts:
			ends[0].abort()
		else:
			ends[0].disconnect_from_host()
		equal(await upgraded.wait(), [ERR_UNAVAILABLE])
		await closes_with(ends[0], TcpClient.CLOSE_BY_HOST)


func test_receives_that_wait_get_what_was_encrypted() -> void:
	var ends := await connect_pair()
	var waiting := NetTask.from(ends[0].recv(6))
	equal(await NetTask.all([ends[0].start_tls(trusting(), HOST), ends[1].start_tls(serving())]), [[OK], [OK]])
	ends[1].send(utf8("secret"))
	equal(await waiting.wait(), [OK, utf8("secret")])


func test_misuse() -> void:
	equal(await TcpClient.new().start_tls(trusting()), [ERR_UNCONFIGURED])
	var ends := await connect_pair()
	equal(await ends[0].start_tls(null), [ERR_INVALID_PARAMETER])
	var results := await NetTask.all([ends[0].start_tls(trusting(), HOST), ends[1].start_tls(serving())]) as Array
	equal(results, [[OK], [OK]])
	equal(await ends[0].start_tls(trusting(), HOST), [ERR_ALREADY_IN_USE])
	await is_alive(ends[0], ends[1], "the connection goes on")

	var plain := await connect_pair()
	plain[0].shutdown_send()
	equal(await plain[0].start_tls(trusting(), HOST), [ERR_UNAVAILABLE])

	var server := TCPServer.new()
	server.listen(0, LOOPBACK)
	var stream := StreamPeerTCP.new()
	stream.connect_to_host(LOOPBACK, server.get_local_port())
	await wait_for(func() -> bool: return stream.poll() == OK and stream.get_status() == StreamPeerTCP.STATUS_CONNECTED)
	var wrapped := TcpClient.new()
	is_ok(wrapped.wrap_stream(stream))
	equal(await wrapped.start_tls(trusting(), HOST), [ERR_UNAVAILABLE])


## Waits until bytes of the peer have arrived. A client without automatic processing is not asked for its available
## bytes, because that would take them from the queue.
func _gives_bytes(client: TcpClient) -> void:
	if client.auto_process:
		check(await wait_for(func() -> bool: return client.get_available_bytes() > 0))
	else:
		check(await wait_for(func() -> bool: return AsyncSockets.get_statistics()["queued_events"] > 0))
