extends WebSocketReconnectTest
## A WebSocketClient with `reconnect` whose server is stopped or killed, and comes back.
# time_limit: 240

const RESTARTS := 20
const CLIENTS := 200

const CERTIFICATES := "res://tests/certificates"

## Number of messages that the present server has sent.
var _sent := 0


func time_limit(_test_name: String) -> float:
	return 90.0


func test_twenty_restarts_in_this_process() -> void:
	serve({"backpressure_policy": WebSocketServer.BACKPRESSURE_DISCONNECT})
	var port := server.get_local_port()
	make_client({"max_offline_bytes": 100_000})
	is_ok(ws.connect_to_url(url()))
	var accepted := {}
	var next := 0
	var heard: Array[int] = []
	var at_server: Array[int] = []
	for round_number in RESTARTS:
		var watched := events
		# Traffic both ways, until this server has taken some, also of what was sent while there was none.
		while watched.of("message").size() < 20 or heard.is_empty() or heard[-1] / 1_000_000 != round_number:
			for _i in 5:
				if ws.send_text(str(next)) == OK:
					accepted[next] = true
				next += 1
				server.broadcast_text(str(round_number * 1_000_000 + _sent))
				_sent += 1
			await frames(1)
			while ws.get_available_message_count() > 0:
				var message := await ws.recv_text(5.0) as Array
				is_ok(message)
				heard.append((message[1] as String).to_int())
		var pending := NetTask.from(_until_it_fails)
		server.stop()
		await signalled("disconnected", round_number + 1)
		await wait_for(pending.is_completed)
		at_server.append_array(_numbers_of(watched))
		if round_number < RESTARTS - 1:
			await serve_again(port, {"backpressure_policy": WebSocketServer.BACKPRESSURE_DISCONNECT})
			_sent = 0
	equal(count_of("connected"), RESTARTS)
	check(_is_rising(at_server), "the server got them in order, none twice")
	check(_is_rising(heard), "the client got them in order, none twice")
	check(at_server.all(func(number: int) -> bool: return accepted.has(number)), "only what was accepted")
	for entry in signals.filter(func(entry: Array) -> bool: return entry[0] == "disconnected"):
		equal([entry[1], entry[3]], [1001, true], "the server said that it goes")


## Takes messages until the present connection has ended.
func _until_it_fails() -> void:
	var at := ws.get_id()
	while ws.get_id() == at:
		var message := await ws.recv(5.0) as Array
		if message[0] != OK:
			equal(message[0], ERR_FILE_EOF, "a pending receive fails with its connection")
			return


func _numbers_of(watched: Events) -> Array[int]:
	var numbers: Array[int] = []
	for message: Array in watched.of("message"):
		numbers.append((message[1] as String).to_int())
	return numbers


func _is_rising(numbers: Array[int]) -> bool:
	for index in range(1, numbers.size()):
		if numbers[index] <= numbers[index - 1]:
			return false
	return true


## Killed: the system resets the connection, and there is no close frame.
func test_twenty_kills_of_another_process() -> void:
	var port := free_port()
	make_client({"emit_messages": true, "max_offline_bytes": 100_000, "reconnect_max_delay": 0.1})
	is_ok(ws.connect_to_url(url(port)))
	var accepted := {}
	var next := 0
	var large := pattern(8 << 20)
	for round_number in RESTARTS:
		var process := start_python("res://tests/peers/websocket_numbers.py", [str(port), str(round_number)])
		var first := signals.size()
		var heard := func() -> int:
			return signals.slice(first).filter(func(entry: Array) -> bool: return entry[0] == "message").size()
		var until := Time.get_ticks_msec() + 20_000
		while heard.call() < 40 and Time.get_ticks_msec() < until:
			for _i in 5:
				if ws.send_text(str(next)) == OK:
					accepted[next] = true
				next += 1
			await frames(1)
		if not at_least(heard.call(), 40, "messages of server %d" % round_number):
			return
		# Usually more than the system takes at once, so that something is lost.
		is_ok(ws.send_binary(large))
		var flushed := NetTask.from(ws.flush())
		OS.kill(process)
		_processes.erase(process)
		await signalled("disconnected", round_number + 1)
		if check(flushed.is_completed(), "a flush is over with its connection"):
			var lost := ws.get_unsent_bytes() > 0
			is_error(flushed.get_result(), ERR_CONNECTION_ERROR if lost else OK, "it agrees with what is lost")
	var echoes: Array[int] = []
	var numbers: Array[int] = []
	for entry in signals:
		match entry[0]:
			"message":
				var words := (entry[1] as String).split(" ")
				if words[0] == "e":
					echoes.append(words[1].to_int())
				else:
					numbers.append(words[1].to_int() * 1_000_000 + words[2].to_int())
			"disconnected":
				equal([entry[1], entry[3]], [1006, false])
			"connect_failed":
				equal(entry[1], ERR_CANT_CONNECT)
	equal(count_of("connected"), RESTARTS)
	check(_is_rising(numbers), "the client got them in order, none twice")
	check(_is_rising(echoes), "the servers got them in order, none twice")
	check(echoes.all(func(number: int) -> bool: return accepted.has(number)), "only what was accepted")


func test_two_hundred_clients_come_back() -> void:
	serve()
	var port := server.get_local_port()
	var clients: Array[WebSocketClient] = []
	for _number in CLIENTS:
		clients.append(make_client({"reconnect_max_delay": 0.5}))
		is_ok(ws.connect_to_url(url()))
	for _restart in 3:
		for client in clients:
			is_ok(await client.wait_connected(20.0))
		await told_times("connected", CLIENTS, 20.0)
		server.stop()
		var all_away := func() -> bool:
			return clients.all(func(client: WebSocketClient) -> bool: return client.is_reconnecting())
		check(await wait_for(all_away, 20.0), "all have noticed")
		await serve_again(port)
	for number in CLIENTS:
		is_ok(await clients[number].wait_connected(20.0))
		is_ok(clients[number].send_text(str(number)))
	await told_times("message", CLIENTS, 20.0)
	var seen := {}
	for message: Array in events.of("message"):
		seen[message[1]] = true
	equal(seen.size(), CLIENTS)
	equal(server.get_client_count(), CLIENTS, "one connection each")
	for client in clients:
		client.close()


func test_over_tls() -> void:
	var key := CryptoKey.new()
	is_ok(key.load(ProjectSettings.globalize_path("%s/good.key" % CERTIFICATES)), "see scripts/test.sh")
	var identity := {"tls_options": TLSOptions.server(key, load("%s/good.crt" % CERTIFICATES))}
	serve(identity)
	var port := server.get_local_port()
	make_client({"max_offline_bytes": 100})
	var trust := TLSOptions.client(load("%s/authority.crt" % CERTIFICATES) as X509Certificate)
	is_ok(ws.connect_to_url("wss://localhost:%d" % port, trust))
	for restart in 5:
		is_ok(await ws.wait_connected(10.0))
		check(ws.is_tls())
		is_ok(ws.send_text("again"))
		await told("message", [1, "again"])
		server.stop()
		await signalled("reconnecting", restart + 1)
		is_ok(ws.send_text("kept"))
		await serve_again(port, identity)
		await told("message", [1, "kept"])
	equal(count_of("connected"), 6)


## A certificate that is not trusted ends it: another attempt would not change that.
func test_over_tls_to_a_server_with_another_certificate() -> void:
	var key := CryptoKey.new()
	is_ok(key.load(ProjectSettings.globalize_path("%s/good.key" % CERTIFICATES)), "see scripts/test.sh")
	serve({"tls_options": TLSOptions.server(key, load("%s/good.crt" % CERTIFICATES))})
	make_client()
	var trust := TLSOptions.client(load("%s/stranger.crt" % CERTIFICATES) as X509Certificate)
	is_ok(ws.connect_to_url("wss://localhost:%d" % server.get_local_port(), trust))
	is_error(await ws.wait_connected(10.0), ERR_UNAUTHORIZED)
	await signals_are([["connect_failed", ERR_UNAUTHORIZED], ["gave_up", ERR_UNAUTHORIZED]])


## Nobody calls process() meanwhile: one call with a budget waits for the attempt by itself, and goes through it.
func test_a_process_with_a_budget_wakes_for_the_attempt() -> void:
	await connect_client({"reconnect_min_delay": 0.3, "reconnect_max_delay": 0.3})
	var port := server.get_local_port()
	ws.auto_process = false
	server.stop()
	check(await wait_for(_processes_until.bind("reconnecting")))
	await serve_again(port)
	# An alarm of another operation, before that of the attempt.
	var receive := NetTask.from(ws.recv(0.01))
	var frame := Engine.get_process_frames()
	var rounds := 0
	while count_of("connected") < 2 and rounds < 20:
		ws.process(1_000_000)
		# The server is in this process; it answers by itself, in the background.
		rounds += 1
	equal(Engine.get_process_frames(), frame, "within one frame")
	equal(count_of("connected"), 2)
	is_error(receive.get_result(), ERR_TIMEOUT)
	ws.auto_process = true


func _processes_until(signal_name: String) -> bool:
	ws.process()
	return count_of(signal_name) > 0


func test_without_a_call_of_process_nothing_happens() -> void:
	await connect_client()
	ws.auto_process = false
	server.stop()
	await seconds(0.2)
	equal(signals, [["connected"]] as Array[Array])
	ws.process()
	equal(count_of("disconnected"), 1)


func test_a_paused_tree_and_stopped_time() -> void:
	await connect_client()
	var port := server.get_local_port()
	var tree := get_tree()
	process_mode = Node.PROCESS_MODE_ALWAYS
	tree.paused = true
	Engine.time_scale = 0.0
	server.stop()
	var came_back := await signalled("reconnecting")
	await serve_again(port)
	came_back = await signalled("connected", 2) and came_back
	Engine.time_scale = 1.0
	tree.paused = false
	check(came_back)


func test_stop_all_while_away() -> void:
	await lose_server(LONG)
	var waiting := NetTask.from(ws.wait_connected())
	var receive := NetTask.from(ws.recv())
	AsyncSockets.stop_all()
	equal(ws.get_ready_state(), WebSocketClient.STATE_CLOSED)
	check(await wait_for(func() -> bool: return waiting.is_completed() and receive.is_completed()))
	is_error(waiting.get_result(), ERR_UNAVAILABLE)
	is_error(receive.get_result(), ERR_UNAVAILABLE)
	await frames(3)
	equal(signals.back(), ["disconnected", 1006, GIVEN_UP, false])
	check(not ws.is_reconnecting())
	is_error(ws.reconnect_now(), ERR_UNCONFIGURED)


func test_quitting_while_away() -> void:
	for how: String in ["away", "in_flight", "many"]:
		var arguments: PackedStringArray = ["res://tests/children/child.tscn", "--", "websocket_quit_away", how]
		var run := await run_engine(arguments)
		equal(run[0], 0, "%s, which printed\n%s" % [how, run[1]])
		var output := run[1] as String
		check(output.contains("pending: %d" % ERR_UNAVAILABLE), output)
		for trouble: String in ["ERROR", "ObjectDB instances leaked", "resources still in use", "panicked at"]:
			check(not output.contains(trouble), "%s in\n%s" % [trouble, output])
