extends UdpTest
## Multicast, broadcast and the time to live.

const GROUP := "239.255.77.12"


func test_multicast_on_the_loopback_interface() -> void:
	for interface: String in [LOOPBACK, "lo"]:
		var ours := UdpSocket.new()
		is_ok(ours.bind(0, "0.0.0.0"))
		var joined := ours.join_multicast_group(GROUP, interface)
		if joined != OK and interface != LOOPBACK:
			is_error(joined, ERR_DOES_NOT_EXIST, "interfaces have other names here")
			continue
		is_ok(joined, interface)
		if not await _python_sends(ours, "here") or not get_skip_reason().is_empty():
			return
		equal(ours.get_available_datagram_count(), 0)
		is_ok(ours.leave_multicast_group(GROUP, interface))
		is_error(ours.leave_multicast_group(GROUP, interface), FAILED, "left already")


func test_several_receivers_on_one_machine() -> void:
	var first := UdpSocket.new()
	first.reuse_address = true
	is_ok(first.bind(0, "0.0.0.0"))
	var second := UdpSocket.new()
	second.reuse_address = true
	is_ok(second.bind(first.get_local_port(), "0.0.0.0"))
	for socket: UdpSocket in [first, second]:
		is_ok(socket.join_multicast_group(GROUP, LOOPBACK))
	if not await _python_sends(first, "to both") or not get_skip_reason().is_empty():
		return
	equal((await second.recv_from(5.0) as Array)[1], utf8("to both"))


func test_multicast_on_a_socket_of_both_families() -> void:
	var ours := UdpSocket.new()
	is_ok(ours.bind())
	is_ok(ours.join_multicast_group(GROUP, LOOPBACK))
	await _python_sends(ours, "on both")


func test_what_is_no_group() -> void:
	var ours := UdpSocket.new()
	var engine_log := EngineLog.new()
	var is_logged := engine_log.start()
	for address: String in ["", "127.0.0.1", "::1", "group", "256.1.1.1"]:
		is_error(ours.join_multicast_group(address), ERR_INVALID_PARAMETER, address)
		equal(engine_log.take_count(), 1 if is_logged else 0, address)
	engine_log.stop()
	equal(ours.get_last_error_message(), "'256.1.1.1' is not a multicast address")
	is_error(ours.join_multicast_group(GROUP, "no such interface"), ERR_DOES_NOT_EXIST)
	is_error(ours.join_multicast_group(GROUP, "192.0.2.77"), ERR_DOES_NOT_EXIST)
	is_error(ours.join_multicast_group("ff02::4d0c", "987654"), ERR_DOES_NOT_EXIST)
	is_error(ours.leave_multicast_group(GROUP, LOOPBACK), FAILED, "never joined")


func test_broadcast_has_to_be_allowed() -> void:
	var there := UdpSocket.new()
	is_ok(there.bind(0, "0.0.0.0"))
	var ours := UdpSocket.new()
	is_ok(ours.bind(0, "0.0.0.0"))
	check(not ours.broadcast)
	var refused := await ours.send_to_async(utf8("x"), "127.255.255.255", there.get_local_port()) as Array
	equal(refused, [ERR_CONNECTION_ERROR, 0])
	check(ours.get_last_error_message().begins_with("cannot send: "), ours.get_last_error_message())
	ours.broadcast = true
	var sent := await ours.send_to_async(utf8("to all"), "127.255.255.255", there.get_local_port()) as Array
	if sent[0] != OK:
		skip("this machine cannot broadcast on its loopback interface: %s" % ours.get_last_error_message())
		return
	equal((await there.recv_from(5.0) as Array)[1], utf8("to all"))
	ours.broadcast = false
	is_error(await ours.send_to_async(utf8("x"), "127.255.255.255", there.get_local_port()), ERR_CONNECTION_ERROR)


func test_broadcast_before_the_bind() -> void:
	var there := UdpSocket.new()
	is_ok(there.bind(0, "0.0.0.0"))
	var ours := UdpSocket.new()
	ours.broadcast = true
	is_ok(ours.bind(0, "0.0.0.0"))
	var sent := await ours.send_to_async(utf8("x"), "127.255.255.255", there.get_local_port()) as Array
	if sent[0] != OK:
		skip("this machine cannot broadcast on its loopback interface: %s" % ours.get_last_error_message())
		return
	equal((await there.recv_from(5.0) as Array)[1], utf8("x"))


func test_time_to_live() -> void:
	for is_bound_before: bool in [false, true]:
		var ours := UdpSocket.new()
		equal(ours.ttl, 0)
		if is_bound_before:
			is_ok(ours.bind(0, LOOPBACK))
		ours.ttl = 1
		equal(ours.ttl, 1)
		if not is_bound_before:
			is_ok(ours.bind(0, LOOPBACK))
		var there := bound()
		is_ok(ours.send_to(utf8("near"), LOOPBACK, there.get_local_port()))
		equal((await there.recv_from(5.0) as Array)[1], utf8("near"))
		for wrong: int in [-1, 256]:
			ours.ttl = wrong
			equal(ours.ttl, 1, "%d is refused" % wrong)


## Has Python send this to the group over the loopback interface, and receives it. Skips the test if that is impossible.
func _python_sends(ours: UdpSocket, text: String) -> bool:
	var script := ProjectSettings.globalize_path("res://tests/peers/udp_multicast.py")
	var run := await run_program([_python(), script, GROUP, str(ours.get_local_port()), text])
	if run[0] != 0:
		skip("this machine cannot send to a group on its loopback interface: %s" % run[1])
		return false
	var received := await ours.recv_from(5.0) as Array
	if received[0] == ERR_TIMEOUT:
		skip("this machine loses what is sent to a group on its loopback interface")
		return false
	return equal(received.slice(0, 3), [OK, utf8(text), LOOPBACK])
