extends UdpTest
## Foreign peers: the engine's PacketPeerUDP and UDPServer, and Python's sockets.


func time_limit(_test_name: String) -> float:
	return 40.0


func test_the_engines_socket() -> void:
	for address: String in [LOOPBACK, "::1"]:
		var peer := engine_socket(address)
		var ours := bound(address)
		is_ok(ours.send_to(utf8("hello engine"), address, peer.get_local_port()))
		equal(await taken(peer), utf8("hello engine"))
		equal([_short(peer.get_packet_ip()), peer.get_packet_port()], [address, ours.get_local_port()])

		peer.set_dest_address(address, ours.get_local_port())
		is_ok(peer.put_packet(utf8("hello socket")))
		equal(await ours.recv_from(5.0), [OK, utf8("hello socket"), address, peer.get_local_port()])


func test_all_sizes_with_the_engine() -> void:
	var peer := engine_socket()
	var ours := bound()
	peer.set_dest_address(LOOPBACK, ours.get_local_port())
	# The engine does not send empty ones.
	for size: int in [1, 512, 65000, LARGEST]:
		is_ok(peer.put_packet(pattern(size)))
		equal(await ours.recv_from(5.0), [OK, pattern(size), LOOPBACK, peer.get_local_port()])
		# The engine's own packet buffer holds 65,535 bytes including its header.
		if size <= 65000:
			is_ok(ours.send_to(pattern(size), LOOPBACK, peer.get_local_port()))
			equal(await taken(peer), pattern(size))


func test_the_engines_server() -> void:
	var server := UDPServer.new()
	is_ok(server.listen(0, LOOPBACK))
	var ours := UdpSocket.new()
	is_ok(ours.connect_to_host(LOOPBACK, server.get_local_port()))
	is_ok(ours.send(utf8("knock")))
	var has_peer := func() -> bool:
		server.poll()
		return server.is_connection_available()
	check(await wait_for(has_peer))
	var peer := server.take_connection()
	equal(await taken(peer), utf8("knock"))
	peer.put_packet(utf8("come in"))
	equal(await ours.recv_from(5.0), [OK, utf8("come in"), LOOPBACK, server.get_local_port()])


func test_python() -> void:
	var ours := bound("*")
	var addresses := PackedStringArray([LOOPBACK, "::1"])
	start_python("res://tests/peers/udp_echo.py", [str(ours.get_local_port())])
	# The script sends a greeting from one socket per family, and from then on echoes everything.
	var peers := {}
	for _peer in addresses:
		var hello := await ours.recv_from(20.0) as Array
		if not is_ok(hello, "Python says hello"):
			return
		equal(hello[1], utf8("hello"))
		peers[hello[2]] = hello[3]
	equal(peers.keys().size(), addresses.size())
	for address: String in peers:
		var port := peers[address] as int
		for size: int in [0, 1, 1000, 60000]:
			is_ok(ours.send_to(pattern(size), address, port))
			equal(await ours.recv_from(5.0), [OK, pattern(size), address, port])
		for number in 1000:
			is_ok(ours.send_to(utf8(str(number)), address, port))
			equal(await ours.recv_from(5.0), [OK, utf8(str(number)), address, port])
		is_ok(ours.send_to(utf8("end"), address, port))


## The engine writes IPv6 addresses in full.
func _short(address: String) -> String:
	return "::1" if address == "0:0:0:0:0:0:0:1" else address
