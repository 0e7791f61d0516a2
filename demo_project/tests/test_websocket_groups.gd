extends WebSocketTest
## Groups of clients.


func test_broadcasts_reach_the_group() -> void:
	serve()
	var peers: Array[Peer] = []
	for _index in 4:
		peers.append(await join())
	is_ok(server.add_to_group(1, "red"))
	is_ok(server.add_to_group(2, "red"))
	is_ok(server.add_to_group(2, &"blue"))
	is_ok(server.add_to_group(3, "blue"))
	is_ok(server.add_to_group(3, "blue"), "twice is once")
	equal(server.get_group_clients("red"), [1, 2] as Array[int])
	equal(server.get_group_clients("blue"), [2, 3] as Array[int])
	equal(server.get_group_clients("green"), [] as Array[int])
	is_ok(server.broadcast_text_to_group("red", "to red"))
	is_ok(server.broadcast_binary_to_group("blue", utf8("to blue")))
	is_ok(server.broadcast_text_to_group("blue", "to blue but 3", [3]))
	is_ok(server.broadcast_binary_to_group("red", utf8("to red but 2"), [2, 99]))
	is_ok(server.broadcast_text_to_group("green", "to nobody"))
	is_ok(server.broadcast_text("end"))
	await received(peers[0], ["to red", utf8("to red but 2"), "end"])
	await received(peers[1], ["to red", utf8("to blue"), "to blue but 3", "end"])
	await received(peers[2], [utf8("to blue"), "end"])
	await received(peers[3], ["end"])


func test_leaving_a_group() -> void:
	serve()
	var peer := await join()
	is_ok(server.add_to_group(1, "a"))
	is_ok(server.add_to_group(1, "b"))
	is_ok(server.remove_from_group(1, "a"))
	is_ok(server.remove_from_group(1, "never in it"))
	is_ok(server.broadcast_text_to_group("a", "no"))
	is_ok(server.broadcast_text_to_group("b", "yes"))
	await received(peer, ["yes"])


func test_a_client_that_is_gone_leaves_all_groups() -> void:
	serve()
	var peer := await join()
	await join()
	for group: String in ["a", "b"]:
		is_ok(server.add_to_group(1, group))
		is_ok(server.add_to_group(2, group))
	peer.socket.close()
	await told("disconnected", [1, 1000, ""])
	equal(server.get_group_clients("a"), [2] as Array[int])
	equal(server.get_group_clients("b"), [2] as Array[int])
	is_error(server.add_to_group(1, "a"), ERR_DOES_NOT_EXIST)
	is_error(server.remove_from_group(1, "a"), ERR_DOES_NOT_EXIST)


func test_a_group_can_be_joined_in_the_handler() -> void:
	serve()
	server.client_connected.connect(func(id: int) -> void: _servers[0].add_to_group(id, "odd" if id % 2 else "even"))
	var peers: Array[Peer] = []
	for _index in 4:
		peers.append(await join())
	server.broadcast_text_to_group("odd", "odd")
	server.broadcast_text("end")
	for peer in peers:
		await received(peer, ["odd", "end"] if peer.id % 2 else ["end"])
