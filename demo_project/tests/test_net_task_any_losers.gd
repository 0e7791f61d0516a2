extends TcpTest
## Operations held only by [method NetTask.any] are given up when another awaitable wins; those held by the script go
## on.

signal decided(value: int)
signal other


func test_a_receive_leaves_its_bytes() -> void:
	var ends := await connect_pair()
	equal(await NetTask.any([ends[0].recv_line(), get_tree().create_timer(0.01).timeout]), [1, null])
	ends[1].send(utf8("abc\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])


func test_an_accept_leaves_its_client() -> void:
	var listener := listen()
	equal(await NetTask.any([listener.accept(), get_tree().create_timer(0.01).timeout]), [1, null])
	var ends := await connect_to(listener)
	equal(ends[1].get_status(), TcpClient.STATUS_CONNECTED)


func test_a_datagram_stays() -> void:
	var socket := UdpSocket.new()
	is_ok(socket.bind(0, LOOPBACK))
	equal(await NetTask.any([socket.recv_from(), get_tree().create_timer(0.01).timeout]), [1, null])
	UdpSocket.new().send_to(utf8("x"), LOOPBACK, socket.get_local_port())
	equal((await socket.recv_from(5.0) as Array).slice(0, 2), [OK, utf8("x")])


func test_two_receives_of_different_sockets() -> void:
	var ends := await connect_pair()
	var others := await connect_pair()
	var winner := NetTask.from(NetTask.any([ends[0].recv_line(), others[0].recv_line()]))
	others[1].send(utf8("abc\n"))
	equal(await winner.wait(), [1, [OK, "abc"]])
	ends[1].send(utf8("def\n"))
	equal(await ends[0].recv_line(), [OK, "def"])


func test_what_is_there_at_once_wins_too() -> void:
	var ends := await connect_pair()
	equal(await NetTask.any([ends[0].recv_line(), 5, other]), [1, 5])
	ends[1].send(utf8("abc\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])
	equal(other.get_connections().size(), 0)


func test_a_task_that_is_held_goes_on() -> void:
	var ends := await connect_pair()
	var line := NetTask.from(ends[0].recv_line())
	equal(await NetTask.any([line, get_tree().create_timer(0.01).timeout]), [1, null])
	ends[1].send(utf8("abc\ndef\n"))
	equal(await ends[0].recv_line(), [OK, "def"])
	equal(await line.wait(), [OK, "abc"])


func test_a_task_made_on_the_spot_is_held_by_nobody() -> void:
	var ends := await connect_pair()
	equal(await NetTask.any([NetTask.from(ends[0].recv_line()), get_tree().create_timer(0.01).timeout]), [1, null])
	ends[1].send(utf8("abc\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])


func test_a_task_with_a_listener_goes_on() -> void:
	var ends := await connect_pair()
	var results := []
	var line := NetTask.from(ends[0].recv_line())
	line.completed.connect(func(result: Variant) -> void: results.append(result))
	var loser := line.completed
	line = null
	equal(await NetTask.any([loser, get_tree().create_timer(0.01).timeout]), [1, null])
	ends[1].send(utf8("abc\ndef\n"))
	equal(await ends[0].recv_line(), [OK, "def"])
	equal(results, [[OK, "abc"]])


## Its bytes have already arrived, and no further event comes.
func test_what_stands_behind_is_served_at_once() -> void:
	var ends := await connect_pair()
	var winner := NetTask.from(NetTask.any([ends[0].recv(1000), decided]))
	var small := NetTask.from(ends[0].recv(3))
	ends[1].send(utf8("abc"))
	await wait_for(func() -> bool: return ends[0].get_available_bytes() == 3)
	check(not small.is_completed())
	decided.emit(7)
	equal(winner.get_result(), [1, 7])
	ends[0].process()
	equal(small.get_result(), [OK, utf8("abc")])


func test_a_large_receive_makes_no_more_room() -> void:
	var ends := await connect_pair()
	ends[0].max_buffered_bytes = 65536
	var large := 32 * 1024 * 1024
	NetTask.any([ends[0].recv(large), decided])
	decided.emit(7)
	ends[0].process()
	var sending := NetTask.from(ends[1].send_async(pattern(large)))
	check(await wait_for(func() -> bool: return ends[0].get_available_bytes() >= 65536))
	await frames(20)
	check(not sending.is_completed())
	at_most(ends[0].get_available_bytes(), large / 2.0)
	same_bytes((await ends[0].recv(large) as Array)[1], pattern(large))


func test_a_signal_is_disconnected() -> void:
	var any := NetTask.from(NetTask.any([other, decided]))
	var before := other.get_connections().size()
	decided.emit(7)
	equal(any.get_result(), [1, 7])
	equal(before - other.get_connections().size(), 1)
	equal(decided.get_connections().size(), 0)


func test_a_group_of_groups() -> void:
	var ends := await connect_pair()
	var others := await connect_pair()
	var inner: Variant = NetTask.all([ends[0].recv_line(), NetTask.any([others[0].recv(1), other])])
	var outer := NetTask.from(NetTask.any([inner, decided]))
	decided.emit(7)
	equal(outer.get_result(), [1, 7])
	equal(other.get_connections().size(), 0)
	ends[1].send(utf8("abc\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])
	others[1].send(utf8("x"))
	equal(await others[0].recv(1), [OK, utf8("x")])


func test_a_group_that_is_held_goes_on() -> void:
	var ends := await connect_pair()
	var inner := NetTask.from(NetTask.all([ends[0].recv_line(), other]))
	var outer := NetTask.from(NetTask.any([inner, decided]))
	decided.emit(7)
	equal(outer.get_result(), [1, 7])
	ends[1].send(utf8("abc\ndef\n"))
	equal(await ends[0].recv_line(), [OK, "def"])
	other.emit()
	equal(inner.get_result(), [[OK, "abc"], null])


func test_the_same_one_twice() -> void:
	var ends := await connect_pair()
	var line := NetTask.from(ends[0].recv_line())
	var both := NetTask.from(NetTask.all([line, line]))
	var one := NetTask.from(NetTask.any([line, line]))
	ends[1].send(utf8("abc\n"))
	equal(await both.wait(), [[OK, "abc"], [OK, "abc"]])
	equal(await one.wait(), [0, [OK, "abc"]])


func test_a_cancelled_any_gives_up_all() -> void:
	var ends := await connect_pair()
	var any := NetTask.from(NetTask.any([ends[0].recv_line(), other]))
	any.cancel()
	equal(any.get_result(), [ERR_SKIP])
	equal(other.get_connections().size(), 0)
	ends[1].send(utf8("abc\n"))
	equal(await ends[0].recv_line(), [OK, "abc"])


func test_a_cancelled_loser_counts_as_the_first() -> void:
	var ends := await connect_pair()
	var line := NetTask.from(ends[0].recv_line())
	var any := NetTask.from(NetTask.any([line, other]))
	line.cancel()
	equal(any.get_result(), [0, [ERR_SKIP, ""]])
