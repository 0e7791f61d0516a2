extends TlsTest
## TLS with Python's ssl, as server and as client.

const LARGE := 3 * 1024 * 1024


func time_limit(_test_name: String) -> float:
	return 60.0


#region Python serves


func test_client_against_python() -> void:
	var python := await _python_server("echo", ["game/9", "game/1"])
	var client := start_tls_client(await _port_of(python), trusting(), ["game/1"])
	is_ok(await client.wait_connected(10.0))
	equal(await told_by(python), "TLSv1.3 game/1")
	equal(client.get_tls_version(), "TLSv1.3")
	equal(client.get_tls_protocol(), "game/1")
	equal(client.get_tls_peer_subject(), "CN=a server")

	var expected := pattern(LARGE)
	client.send(expected)
	same_bytes((await client.recv(LARGE, 30.0) as Array)[1], expected, "the echo")
	# Half-close: Python sees our close_notify, and still answers.
	client.shutdown_send()
	equal(await client.recv_line(), [OK, "goodbye"])
	is_error(await client.recv(1), ERR_FILE_EOF)
	equal(await told_by(python), "%d bytes, a good end" % LARGE)
	await closes_with(client, TcpClient.CLOSE_BY_PEER)


func test_python_cuts_the_connection() -> void:
	var python := await _python_server("cut")
	var client := start_tls_client(await _port_of(python))
	is_ok(await client.wait_connected(10.0))
	equal(await client.recv_line(), [OK, "cut after this"])
	is_error(await client.recv(1), ERR_CONNECTION_ERROR, "no close_notify is no end")
	await closes_with(client, TcpClient.CLOSE_ERROR)
	equal(client.get_status(), TcpClient.STATUS_ERROR)
	check(client.get_last_error_message().contains("close_notify"), client.get_last_error_message())


func test_a_bad_certificate_of_python() -> void:
	var python := await _python_server("echo", [], "stranger")
	var client := start_tls_client(await _port_of(python))
	is_error(await client.wait_connected(10.0), ERR_UNAUTHORIZED)
	var seen := await told_by(python)
	check(seen.begins_with("failed") and seen.to_upper().contains("UNKNOWN_CA"), seen)


func test_upgrade_with_python() -> void:
	var python := await _python_server("starttls")
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, await _port_of(python))
	is_ok(await client.wait_connected())
	client.send(utf8("STARTTLS\n"))
	equal(await client.recv_line(), [OK, "go ahead"])
	equal(await client.start_tls(trusting(), HOST), [OK])
	equal(await told_by(python), "TLSv1.3 None")
	check(client.is_tls())
	client.send(utf8("secret"))
	equal(await client.recv(6), [OK, utf8("secret")])
	client.shutdown_send()
	equal(await client.recv_line(), [OK, "goodbye"])
	equal(await told_by(python), "6 bytes, a good end")


#endregion
#region We serve


func test_listener_against_python() -> void:
	for version: String in ["1.2", "1.3"]:
		var listener := listen_tls(serving(), ["game/2", "game/1"])
		var python := await _python_client(listener, version, "lines", ["game/1", "game/2"])
		equal(await told_by(python), "TLSv%s game/2 a server" % version)
		var peer := (await listener.accept(10.0) as Array)[1] as TcpClient
		equal(peer.get_tls_version(), "TLSv" + version)
		equal(peer.get_tls_protocol(), "game/2")
		equal(peer.get_tls_server_name(), HOST)
		equal(peer.get_tls_peer_subject(), "")
		is_error(await _echo(peer), ERR_FILE_EOF)
		equal(await told_by(python), "a good end", "close_notify is answered")
		await closes_with(peer, TcpClient.CLOSE_BY_PEER)


func test_our_end_is_a_good_end() -> void:
	for version: String in ["1.2", "1.3"]:
		var listener := listen_tls()
		var python := await _python_client(listener, version, "eof")
		await told_by(python)
		var peer := (await listener.accept(10.0) as Array)[1] as TcpClient
		equal(await peer.recv_line(), [OK, "one line"])
		peer.send(utf8("last words"))
		peer.disconnect_from_host()
		equal(await told_by(python), "the end after b'last words'", "close_notify is sent")


func test_a_client_of_python_cuts_the_connection() -> void:
	for version: String in ["1.2", "1.3"]:
		var listener := listen_tls()
		var python := await _python_client(listener, version, "cut")
		await told_by(python)
		var peer := (await listener.accept(10.0) as Array)[1] as TcpClient
		equal(await peer.recv_line(), [OK, "one line"])
		peer.send(utf8("!"))
		is_error(await peer.recv(1), ERR_CONNECTION_ERROR)
		await closes_with(peer, TcpClient.CLOSE_ERROR)


func test_python_refuses_bad_certificates() -> void:
	for identity: String in ["expired", "wrong_name", "stranger", "self_signed"]:
		var listener := listen_tls(serving(identity))
		var python := await _python_client(listener, "1.3", "lines")
		var seen := await told_by(python)
		check(seen.contains("CERTIFICATE_VERIFY_FAILED"), seen)
		await wait_for(func() -> bool: return listener.get_failed_handshakes() == 1)
		equal(listener.get_failed_handshakes(), 1, identity)
		check(listener.get_last_handshake_error().begins_with("the peer refused"), listener.get_last_handshake_error())


func test_upgrade_for_python() -> void:
	var listener := listen()
	var python := await _python_client(listener, "1.3", "starttls")
	var peer := (await listener.accept(10.0) as Array)[1] as TcpClient
	equal(await peer.recv_line(10.0), [OK, "STARTTLS"])
	# It has started TLS already, or will in a moment.
	equal(await peer.start_tls(serving()), [OK])
	equal(await told_by(python), "TLSv1.3 None a server")
	is_error(await _echo(peer), ERR_FILE_EOF)
	equal(await told_by(python), "a good end")


#endregion


func _python_server(mode: String, protocols := PackedStringArray(), identity := "good") -> TcpClient:
	var arguments := PackedStringArray([certificate_path(identity), key_path(identity), mode])
	arguments.append_array(protocols)
	return await start_peer("tls_server", arguments)


func _python_client(
	listener: TcpListener, version: String, mode: String, protocols := PackedStringArray()
) -> TcpClient:
	var port := str(listener.get_local_port())
	var arguments := PackedStringArray([port, certificate_path("authority"), version, mode])
	arguments.append_array(protocols)
	return await start_peer("tls_client", arguments)


func _port_of(python: TcpClient) -> int:
	return (await told_by(python)).to_int()


## Echoes everything until the end of the stream, and returns the final result.
func _echo(peer: TcpClient) -> Array:
	while true:
		var received := await peer.recv_some(65536, 20.0) as Array
		if received[0] != OK:
			return received
		peer.send(received[1])
	return []
