extends UdpTest
## Datagrams between our own sockets: sizes, address families, names.


func test_there_and_back() -> void:
	var here := bound()
	var there := bound()
	is_ok(here.send_to(utf8("hello"), LOOPBACK, there.get_local_port()))
	equal(await there.recv_from(5.0), [OK, utf8("hello"), LOOPBACK, here.get_local_port()])
	is_ok(there.send_to(utf8("back"), LOOPBACK, here.get_local_port()))
	equal(await here.recv_from(5.0), [OK, utf8("back"), LOOPBACK, there.get_local_port()])


func test_every_size() -> void:
	var here := bound()
	var there := bound()
	for size: int in [0, 1, 2, 1472, 1473, 8192, 65506, LARGEST]:
		equal(await here.send_to_async(pattern(size), LOOPBACK, there.get_local_port()), [OK, size])
		equal(await there.recv_from(5.0), [OK, pattern(size), LOOPBACK, here.get_local_port()])


func test_too_large() -> void:
	var here := bound()
	var there := bound()
	var too_large := PackedByteArray()
	too_large.resize(LARGEST + 1)
	var engine_log := EngineLog.new()
	var is_logged := engine_log.start()
	is_error(here.send_to(too_large, LOOPBACK, there.get_local_port()), ERR_INVALID_PARAMETER)
	equal(here.get_last_error_message(), "a datagram of 65508 bytes is too large: 65507 is the most")
	equal(await here.send_to_async(too_large, LOOPBACK, there.get_local_port()), [ERR_INVALID_PARAMETER, 0])
	is_ok(here.connect_to_host(LOOPBACK, there.get_local_port()))
	is_error(here.send(too_large), ERR_INVALID_PARAMETER)
	for method: String in ["send_to", "send_to_async", "send"]:
		var lines := engine_log.lines_with("UdpSocket.%s: a datagram of 65508 bytes" % method)
		equal(lines.size(), 1 if is_logged else 0, method)
	engine_log.stop()
	is_ok(here.send(utf8("fits")))
	equal((await there.recv_from(5.0) as Array)[1], utf8("fits"), "nothing of the others went out")


func test_ipv6() -> void:
	var here := bound("::1")
	var there := bound("::1")
	for host: String in ["::1", "[::1]"]:
		is_ok(here.send_to(utf8(host), host, there.get_local_port()))
		equal(await there.recv_from(5.0), [OK, utf8(host), "::1", here.get_local_port()])
	is_ok(there.connect_to_host("::1", here.get_local_port()))
	is_ok(there.send(utf8("back")))
	equal(await here.recv_from(5.0), [OK, utf8("back"), "::1", there.get_local_port()])


func test_both_families_on_one_socket() -> void:
	var both := UdpSocket.new()
	is_ok(both.bind())
	for address: String in [LOOPBACK, "::1"]:
		var peer := bound(address)
		is_ok(peer.send_to(utf8(address), address, both.get_local_port()))
		equal(await both.recv_from(5.0), [OK, utf8(address), address, peer.get_local_port()])
		is_ok(both.send_to(utf8("back"), address, peer.get_local_port()))
		equal(await peer.recv_from(5.0), [OK, utf8("back"), address, both.get_local_port()])


func test_the_other_family() -> void:
	var here := bound()
	var failures := failures_of(here)
	is_ok(here.send_to(utf8("x"), "::1", 9))
	check(await wait_for(func() -> bool: return not failures.is_empty()))
	equal(failures, [[ERR_CONNECTION_ERROR, utf8("x"), "::1", 9]] as Array[Array])
	equal(await here.send_to_async(utf8("x"), "::1", 9), [ERR_CONNECTION_ERROR, 0])


func test_names() -> void:
	var there := bound()
	var here := UdpSocket.new()
	is_ok(here.send_to(utf8("by name"), "localhost", there.get_local_port()))
	equal((await there.recv_from(5.0) as Array).slice(0, 3), [OK, utf8("by name"), LOOPBACK])
	equal(await here.send_to_async(utf8("awaited"), "localhost", there.get_local_port()), [OK, 7])
	is_ok(here.connect_to_host("localhost", there.get_local_port()))
	is_ok(here.send(utf8("connected")))
	await there.recv_from(5.0)
	equal((await there.recv_from(5.0) as Array)[1], utf8("connected"))


func test_names_without_an_address() -> void:
	var here := bound()
	var there := bound()
	var failures := failures_of(here)
	is_ok(here.send_to(utf8("nowhere"), "no.such.host.invalid", 9))
	is_ok(here.send_to(utf8("somewhere"), LOOPBACK, there.get_local_port()), "nobody waits for the name")
	equal((await there.recv_from(5.0) as Array)[1], utf8("somewhere"))
	check(await wait_for(func() -> bool: return not failures.is_empty(), 20.0))
	equal(failures, [[ERR_CANT_RESOLVE, utf8("nowhere"), "no.such.host.invalid", 9]] as Array[Array])
	check(here.get_last_error_message().begins_with("cannot resolve 'no.such.host.invalid'"))

	equal(await here.send_to_async(utf8("x"), "no.such.host.invalid", 9), [ERR_CANT_RESOLVE, 0])
	is_ok(here.connect_to_host("no.such.host.invalid", 9))
	check(await wait_for(func() -> bool: return failures.size() >= 3, 20.0))
	equal(failures[-1], [ERR_CANT_RESOLVE, PackedByteArray(), "", 0])
	is_ok(here.send_to(utf8("still"), LOOPBACK, there.get_local_port()))
	equal((await there.recv_from(5.0) as Array)[1], utf8("still"), "the socket lives on")


func time_limit(_test_name: String) -> float:
	return 40.0
