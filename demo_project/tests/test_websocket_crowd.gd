extends WebSocketTest
# time_limit: 180
## A thousand simultaneous clients.

const CLIENTS := 1000
const FIRST_CODE := 3000


func time_limit(_test_name: String) -> float:
	return 90.0


func test_a_thousand_clients_connect_talk_hear_and_leave() -> void:
	serve({"max_clients": CLIENTS})
	server.message_received.connect(func(id: int, message: String) -> void: _servers[0].send_text(id, message))
	var script := ProjectSettings.globalize_path("res://tests/peers/websocket_crowd.py")
	var crowd := run_in_background([_python(), script, str(server.get_local_port()), str(CLIENTS)])
	if not await told_times("message", CLIENTS, 60.0):
		check(await wait_for(crowd.is_over, 60.0))
		fail(crowd.output)
		return

	equal(server.get_client_count(), CLIENTS)
	equal(server.get_client_ids(), range(1, CLIENTS + 1) as Array[int])
	equal(events.of("connected").size(), CLIENTS)
	equal(events.of("disconnected"), [])
	var number_of := {}
	for event: Array in events.of("message"):
		number_of[event[0]] = (event[1] as String).trim_prefix("I am ").to_int()
	equal(number_of.size(), CLIENTS, "one message of each")
	is_ok(server.broadcast_text("everybody"))

	await told_times("disconnected", CLIENTS, 60.0)
	var wrong := 0
	for event: Array in events.of("disconnected"):
		var number: int = number_of[event[0]]
		if event != [event[0], FIRST_CODE + number, str(number)]:
			wrong += 1
	equal(wrong, 0, "clients with another code or reason than their own")
	equal(server.get_client_count(), 0)
	check(await wait_for(crowd.is_over, 30.0))
	equal(crowd.code, 0, crowd.output)
	var figures := server.get_statistics()
	equal([figures["connected"], figures["clients"], figures["refused"]], [CLIENTS, 0, 0])
	equal([figures["messages_in"], figures["messages_out"]], [CLIENTS, 2 * CLIENTS])
