extends TlsTest
## What the two sides have negotiated, and how scripts can query it.


func test_what_is_known_of_a_connection() -> void:
	var ends := await tls_pair()
	for end in ends:
		check(end.is_tls())
		equal(end.get_tls_version(), "TLSv1.3")
		equal(end.get_tls_protocol(), "")
	equal(ends[0].get_tls_peer_subject(), "CN=a server")
	equal(ends[1].get_tls_peer_subject(), "", "clients show no certificate")
	equal(ends[0].get_tls_server_name(), "")
	equal(ends[1].get_tls_server_name(), HOST)


func test_nothing_is_known_without_tls() -> void:
	var ends := await connect_pair()
	ends.append(TcpClient.new())
	for end in ends:
		check(not end.is_tls())
		equal(end.get_tls_version(), "")
		equal(end.get_tls_protocol(), "")
		equal(end.get_tls_peer_subject(), "")
		equal(end.get_tls_server_name(), "")


func test_nothing_is_known_before_the_handshake() -> void:
	var listener := listen_tls()
	var client := start_tls_client(listener.get_local_port())
	check(not client.is_tls())
	is_ok(await client.wait_connected(5.0))
	check(client.is_tls())


func test_an_address_is_no_server_name() -> void:
	var listener := listen_tls()
	var client := TcpClient.new()
	client.tls_options = trusting()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	var peer := (await listener.accept(5.0) as Array)[1] as TcpClient
	equal(peer.get_tls_server_name(), "")


func test_the_servers_best_protocol_wins() -> void:
	var listener := listen_tls(serving(), ["game/2", "game/1"])
	for offered: Array in [[["game/1", "game/2"], "game/2"], [["other", "game/1"], "game/1"], [[], ""]]:
		var ends := await tls_pair(listener, trusting(), PackedStringArray(offered[0]))
		equal(ends[0].get_tls_protocol(), offered[1])
		equal(ends[1].get_tls_protocol(), offered[1])


func test_no_protocol_in_common() -> void:
	var listener := listen_tls(serving(), ["game/1"])
	var client := start_tls_client(listener.get_local_port(), trusting(), ["game/2"])
	is_error(await client.wait_connected(5.0), ERR_CANT_CONNECT)
	check(client.get_last_error_message().contains("no application protocol"), client.get_last_error_message())


func test_a_protocol_without_a_name() -> void:
	var client := TcpClient.new()
	var listener := TcpListener.new()
	for socket: Object in [client, listener]:
		socket.set("alpn_protocols", PackedStringArray(["game/1"]))
		for names: Array in [["game/1", ""], ["a".repeat(256)]]:
			socket.set("alpn_protocols", PackedStringArray(names))
			equal(socket.get("alpn_protocols"), PackedStringArray(["game/1"]), "it keeps its value")
	check(client.get_last_error_message().ends_with("is not a protocol name of 1 to 255 bytes"))
	equal(client.get_last_error_message(), listener.get_last_error_message())


func test_a_client_connects_anew() -> void:
	var listener := listen_tls()
	var ends := await tls_pair(listener)
	ends[1].disconnect_from_host()
	await ends[0].disconnected
	is_ok(ends[0].connect_to_host(HOST, listener.get_local_port()))
	is_ok(await ends[0].wait_connected(5.0))
	check(ends[0].is_tls())
	await is_alive(ends[0], (await listener.accept(5.0) as Array)[1])
	# The next connection does without.
	var plain := listen()
	ends[0].disconnect_from_host()
	ends[0].tls_options = null
	is_ok(ends[0].connect_to_host(LOOPBACK, plain.get_local_port()))
	is_ok(await ends[0].wait_connected(5.0))
	check(not ends[0].is_tls())
