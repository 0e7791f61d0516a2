extends UdpTest
## Connected sockets: whose datagrams are received, and what is reported if the peer is unreachable.


func time_limit(_test_name: String) -> float:
	return 20.0


func test_only_the_peer_is_heard() -> void:
	var peer := bound()
	var stranger := bound()
	var ours := bound()
	is_ok(ours.connect_to_host(LOOPBACK, peer.get_local_port()))
	is_ok(ours.send(utf8("hello")))
	equal(await peer.recv_from(5.0), [OK, utf8("hello"), LOOPBACK, ours.get_local_port()])
	is_ok(await stranger.send_to_async(utf8("listen to me"), LOOPBACK, ours.get_local_port()))
	is_ok(peer.send_to(utf8("back"), LOOPBACK, ours.get_local_port()))
	equal(await ours.recv_from(5.0), [OK, utf8("back"), LOOPBACK, peer.get_local_port()])
	equal(ours.get_available_datagram_count(), 0)


func test_recv_and_send_async() -> void:
	var peer := engine_socket()
	var ours := UdpSocket.new()
	for _phase in 2:
		# Not bound, then bound and not connected.
		equal(await ours.recv(), [ERR_UNCONFIGURED, PackedByteArray()])
		check(ours.get_last_error_message().contains("recv_from"), ours.get_last_error_message())
		equal(await ours.send_async(utf8("x")), [ERR_UNCONFIGURED, 0])
		is_ok(ours.send_to(utf8("hello"), LOOPBACK, peer.get_local_port()))
	equal(await taken(peer), utf8("hello"))
	equal(await taken(peer), utf8("hello"))
	is_ok(ours.connect_to_host(LOOPBACK, peer.get_local_port()))
	equal(await ours.send_async(utf8("to you"), 5.0), [OK, 6])
	equal(await taken(peer), utf8("to you"))
	var waiting := [NetTask.from(ours.recv(5.0)), NetTask.from(ours.recv_from()), NetTask.from(ours.recv())]
	peer.set_dest_address(LOOPBACK, ours.get_local_port())
	for text: String in ["one", "two"]:
		is_ok(peer.put_packet(utf8(text)))
	equal(
		await NetTask.all(waiting.slice(0, 2)), [[OK, utf8("one")], [OK, utf8("two"), LOOPBACK, peer.get_local_port()]]
	)
	ours.timeout = 0.05
	equal(await ours.recv(), [ERR_TIMEOUT, PackedByteArray()])
	equal(await ours.recv_from(), [ERR_TIMEOUT, PackedByteArray(), "", 0])
	equal(await ours.recv(-2.0), [ERR_INVALID_PARAMETER, PackedByteArray()])
	equal(await ours.send_async(utf8("x"), NAN), [ERR_INVALID_PARAMETER, 0])
	equal(await ours.send_to_async(utf8("x"), LOOPBACK, peer.get_local_port(), -2.0), [ERR_INVALID_PARAMETER, 0])
	var third: NetTask = waiting[2]
	check(not third.is_completed(), "its limit was the one of its start")
	ours.close()
	equal(await third.wait(), [ERR_UNAVAILABLE, PackedByteArray()])


func test_connecting_binds() -> void:
	var peer := bound()
	var ours := UdpSocket.new()
	check(not ours.is_bound())
	is_ok(ours.connect_to_host(LOOPBACK, peer.get_local_port()))
	check(ours.is_bound())
	at_least(ours.get_local_port(), 1.0)
	is_ok(ours.send(utf8("x")))
	equal((await peer.recv_from(5.0) as Array)[3], ours.get_local_port())


func test_connecting_anew() -> void:
	var peers: Array[UdpSocket] = [bound(), bound()]
	var ours := bound()
	for peer in peers:
		is_ok(ours.connect_to_host(LOOPBACK, peer.get_local_port()))
		is_ok(ours.send(utf8("to you")))
		equal(await peer.recv_from(5.0), [OK, utf8("to you"), LOOPBACK, ours.get_local_port()])


func test_a_connected_socket_sends_elsewhere_too() -> void:
	var peer := bound()
	var other := bound()
	var ours := bound()
	is_ok(ours.connect_to_host(LOOPBACK, peer.get_local_port()))
	is_ok(ours.send_to(utf8("x"), LOOPBACK, other.get_local_port()))
	equal((await other.recv_from(5.0) as Array)[1], utf8("x"))


func test_nobody_is_there() -> void:
	var port := free_udp_port()
	var ours := bound()
	var failures := failures_of(ours)
	is_ok(ours.connect_to_host(LOOPBACK, port))
	var waiting := NetTask.from(ours.recv_from())
	is_ok(ours.send(utf8("anybody?")))
	check(await wait_for(func() -> bool: return not failures.is_empty()))
	equal(failures[0], [ERR_CONNECTION_ERROR, PackedByteArray(), LOOPBACK, port])
	check(not ours.get_last_error_message().is_empty())
	check(not waiting.is_completed(), "the receive goes on")

	# The socket survives this any number of times, and once a peer is there, its datagrams are received.
	for _time in 20:
		is_ok(ours.send(utf8("anybody?")))
	var late := PacketPeerUDP.new()
	if not is_ok(late.bind(port, LOOPBACK), "the port is still free"):
		return
	is_ok(late.connect_to_host(LOOPBACK, ours.get_local_port()))
	late.put_packet(utf8("here I am"))
	equal(await waiting.wait(), [OK, utf8("here I am"), LOOPBACK, port])
	while late.get_available_packet_count() > 0:
		late.get_packet()
	is_ok(ours.send(utf8("at last")))
	equal(await taken(late), utf8("at last"))


func test_a_socket_that_is_not_connected_hears_no_refusal() -> void:
	var port := free_udp_port()
	var ours := bound()
	var failures := failures_of(ours)
	var peer := bound()
	for _time in 20:
		is_ok(await ours.send_to_async(utf8("anybody?"), LOOPBACK, port))
		is_ok(ours.send_to(utf8("x"), LOOPBACK, peer.get_local_port()))
		is_ok(await peer.recv_from(5.0))
	equal(failures, [] as Array[Array])


func test_sending_without_a_host() -> void:
	is_error(UdpSocket.new().send(utf8("x")), ERR_UNCONFIGURED)
	var ours := bound()
	is_error(ours.send(utf8("x")), ERR_UNCONFIGURED)
	equal(ours.get_last_error_message(), "the socket is not connected to a host")
