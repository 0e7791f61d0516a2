extends TcpTest
## IPv4, IPv6 and names; ports that are free, in use, and invalid.


func time_limit(_test_name: String) -> float:
	return 20.0


func test_ipv6() -> void:
	if not _has_ipv6():
		skip("no IPv6 here")
		return
	for host: String in ["::1", "[::1]"]:
		var listener := TcpListener.create(0, host)
		is_ok(listener.start())
		var ends := await _connect(listener, host)
		equal(ends[0].get_connected_host(), "::1")
		equal(ends[1].get_connected_host(), "::1")
		await _talk(ends)


func test_everything() -> void:
	var listener := TcpListener.create(0)
	equal(listener.host, "*")
	is_ok(listener.start())
	var hosts: Array[String] = ["127.0.0.1", "localhost"]
	if _has_ipv6():
		hosts.append("::1")
	for host in hosts:
		var ends := await _connect(listener, host)
		if host != "localhost":
			equal(ends[1].get_connected_host(), host, "an IPv4 peer is shown as IPv4")
			equal(ends[0].get_connected_host(), host)
		await _talk(ends)


## The name resolves to both families, but only one of them has a listener.
func test_localhost_with_one_dead_family() -> void:
	var hosts: Array[String] = ["127.0.0.1"]
	if _has_ipv6():
		hosts.append("::1")
	for host in hosts:
		if host == "::1" and not IP.resolve_hostname_addresses("localhost").has("0:0:0:0:0:0:0:1"):
			print("localhost has no IPv6 address here")
			continue
		var listener := TcpListener.create(0, host)
		is_ok(listener.start())
		var started := Time.get_ticks_msec()
		var ends := await _connect(listener, "localhost")
		at_most(Time.get_ticks_msec() - started, 2000, "a dead family does not stall")
		equal(ends[0].get_connected_host(), host)
		await _talk(ends)


func test_a_named_address_is_only_that_one() -> void:
	var listener := TcpListener.create(0, "localhost")
	is_ok(listener.start())
	await _talk(await _connect(listener, "127.0.0.1"))
	if _has_ipv6():
		var client := TcpClient.new()
		client.connect_to_host("::1", listener.get_local_port())
		is_error(await client.wait_connected(), ERR_CANT_CONNECT)


func test_port_0_picks_one() -> void:
	var first := TcpListener.create(0, LOOPBACK)
	var second := TcpListener.create(0, LOOPBACK)
	equal(first.get_local_port(), 0, "not before it listens")
	is_ok(first.start())
	is_ok(second.start())
	at_least(first.get_local_port(), 1024)
	not_equal(first.get_local_port(), second.get_local_port())
	equal(first.port, 0, "what was asked for stays")
	first.stop()
	equal(first.get_local_port(), 0)
	check(not first.is_listening())


func test_a_port_that_is_taken() -> void:
	var first := listen()
	for host: String in [LOOPBACK, "*"]:
		var second := TcpListener.create(first.get_local_port(), host)
		is_error(second.start(), ERR_ALREADY_IN_USE, host)
		check(not second.is_listening())
		check(second.get_last_error_message().contains(str(first.get_local_port())), second.get_last_error_message())
	is_error(first.start(), ERR_ALREADY_IN_USE, "it listens already")
	var engine := TCPServer.new()
	is_ok(engine.listen(0, LOOPBACK))
	is_error(TcpListener.create(engine.get_local_port(), LOOPBACK).start(), ERR_ALREADY_IN_USE, "the engine's")


func test_bad_ports_and_hosts() -> void:
	for port: int in [-1, 65536, 1 << 40]:
		is_error(TcpListener.create(port, LOOPBACK).start(), ERR_INVALID_PARAMETER, "listen on %d" % port)
	for port: int in [-1, 0, 65536]:
		is_error(TcpClient.new().connect_to_host(LOOPBACK, port), ERR_INVALID_PARAMETER, "connect to %d" % port)
	for host: String in ["", " ", "a b", "http://127.0.0.1", "127.0.0.1:80", "[::1"]:
		is_error(TcpClient.new().connect_to_host(host, 80), ERR_INVALID_PARAMETER, "connect to '%s'" % host)
	for host: String in ["", "example.org", "1.2.3", "256.0.0.1"]:
		is_error(TcpListener.create(0, host).start(), ERR_INVALID_PARAMETER, "listen on '%s'" % host)
	# TEST-NET-1 (RFC 5737): not assigned to any host.
	is_error(TcpListener.create(0, "192.0.2.1").start(), ERR_INVALID_PARAMETER, "not this machine's")


func test_restart_on_the_same_port() -> void:
	var listener := listen()
	var port := listener.get_local_port()
	listener.port = port
	for number in 20:
		# This side closes first, so that the port has connections in TIME_WAIT.
		var ends := await connect_to(listener)
		ends[1].disconnect_from_host()
		await ends[0].disconnected
		listener.stop()
		if not is_ok(listener.start(), "restart %d" % number):
			return
		equal(listener.get_local_port(), port)
	var another := TcpListener.create(port, LOOPBACK)
	listener.stop()
	is_ok(another.start(), "another object")


func test_a_bad_setting_is_told_and_not_taken() -> void:
	var listener := TcpListener.create(0, LOOPBACK, 0)
	equal(listener.backlog, 1024)
	listener.max_clients = -1
	equal(listener.max_clients, 0)
	is_ok(listener.start())


func _connect(listener: TcpListener, host: String) -> Array[TcpClient]:
	var client := TcpClient.new()
	is_ok(client.connect_to_host(host, listener.get_local_port()), host)
	equal(await client.wait_connected(10.0), [OK], host)
	return [client, (await listener.accept(10.0) as Array)[1]]


func _talk(ends: Array[TcpClient]) -> void:
	if not check(ends[1] != null, "nobody was accepted"):
		return
	ends[0].send(utf8("ping"))
	equal(await ends[1].recv(4, 5.0), [OK, utf8("ping")])
	ends[1].send(utf8("pong"))
	equal(await ends[0].recv(4, 5.0), [OK, utf8("pong")])


func _has_ipv6() -> bool:
	return TCPServer.new().listen(0, "::1") == OK
