extends TcpTest
# time_limit: 180
## What is handled when: once a frame, or in process().

const IDLE := 500


func time_limit(_test_name: String) -> float:
	return 40.0


func test_without_auto_process_only_its_own_process() -> void:
	var ends := await connect_pair()
	ends[0].auto_process = false
	var receiving := NetTask.from(ends[0].recv(1))
	var told: Array[String] = []
	ends[0].disconnected.connect(func() -> void: told.append("disconnected"))
	ends[1].send(utf8("x"))
	ends[1].disconnect_from_host()
	await frames(10)
	ends[1].process(20_000)
	check(not receiving.is_completed(), "not by a frame, not by another socket's process()")
	equal(told, [] as Array[String])
	check(await wait_for(_processed(ends[0], receiving.is_completed)))
	equal(receiving.get_result(), [OK, utf8("x")])
	check(await wait_for(_processed(ends[0], func() -> bool: return not told.is_empty())))


func test_time_limits_are_handled_there_too() -> void:
	var ends := await connect_pair()
	ends[0].auto_process = false
	var receiving := NetTask.from(ends[0].recv(1, 0.05))
	await seconds(0.1)
	ends[1].process(10_000)
	check(not receiving.is_completed())
	ends[0].process()
	is_error(receiving.get_result(), ERR_TIMEOUT)
	var another := NetTask.from(ends[0].recv(1, 0.05))
	ends[0].process(200_000)
	is_error(another.get_result(), ERR_TIMEOUT)


func test_switching_it_on_again() -> void:
	var ends := await connect_pair()
	ends[0].auto_process = false
	var receiving := NetTask.from(ends[0].recv(1))
	ends[1].send(utf8("x"))
	await frames(5)
	ends[0].auto_process = true
	equal(await receiving.wait(), [OK, utf8("x")])


func test_a_listener_handles_its_clients() -> void:
	var listener := listen()
	listener.auto_process = false
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	await client.wait_connected()
	var accepting := NetTask.from(listener.accept())
	await frames(5)
	check(not accepting.is_completed())
	check(await wait_for(_processed(listener, accepting.is_completed)))
	var accepted := (accepting.get_result() as Array)[1] as TcpClient
	equal(accepted.auto_process, false, "accepted clients start as their listener")
	var receiving := NetTask.from(accepted.recv(1))
	client.send(utf8("x"))
	await frames(5)
	check(not receiving.is_completed())
	check(await wait_for(_processed(listener, receiving.is_completed)))
	var connected := NetTask.from(client.recv(1))
	accepted.send(utf8("y"))
	equal(await connected.wait(), [OK, utf8("y")], "sending needs no process()")


func test_process_tells_how_many_events() -> void:
	var ends := await connect_pair()
	ends[0].auto_process = false
	ends[0].emit_data = true
	equal(ends[0].process(), 0, "nothing has come")
	ends[1].send(utf8("x"))
	var events := 0
	var deadline := Time.get_ticks_msec() + 5000
	while events == 0 and Time.get_ticks_msec() < deadline:
		events = ends[0].process()
	equal(events, 1)
	ends[0].poll()
	equal(TcpClient.new().process(), 0)
	equal(TcpListener.new().process(10_000), 0, "what is not open has nothing to wait for")


## Two sockets that answer each other in their handlers never run out of events; process() returns nevertheless.
func test_process_handles_what_is_there_when_it_is_called() -> void:
	var ends := await connect_pair()
	for end in ends:
		end.emit_data = true
		end.data_received.connect(_send_back.bind(weakref(end)))
	ends[0].send(utf8("ball"))
	var started := Time.get_ticks_msec()
	for _i in 100:
		ends[0].process()
		ends[1].process()
	at_most(Time.get_ticks_msec() - started, 2000)
	await frames(3)
	check(true, "the frames go on")


func test_process_with_a_budget_sleeps() -> void:
	var ends := await connect_pair()
	# Let the connections of earlier tests end first.
	await frames(20)
	var cpu := _cpu_seconds()
	var started := Time.get_ticks_msec()
	ends[0].process(500_000)
	var took := Time.get_ticks_msec() - started
	at_least(took, 490)
	var used := _cpu_seconds() - cpu
	print("process(500000) of an idle socket took %d ms and %.0f ms of the processor" % [took, used * 1000])
	if cpu > 0:
		at_most(used, 0.15, "seconds of the processor")


func test_process_with_a_budget_wakes_at_once() -> void:
	var ends := await connect_pair()
	ends[0].emit_data = true
	var delays: Array[float] = []
	ends[0].data_received.connect(
		func(data: PackedByteArray) -> void: delays.append(Time.get_ticks_usec() - data.decode_u64(0))
	)
	var stream := StreamPeerTCP.new()
	var listener := listen()
	stream.connect_to_host(LOOPBACK, listener.get_local_port())
	var receiver := (await listener.accept() as Array)[1] as TcpClient
	receiver.emit_data = true
	receiver.data_received.connect(
		func(data: PackedByteArray) -> void: delays.append(Time.get_ticks_usec() - data.decode_u64(0))
	)
	stream.poll()
	var thread := Thread.new()
	thread.start(_send_the_time.bind(stream, 20))
	var deadline := Time.get_ticks_msec() + 10_000
	while delays.size() < 20 and Time.get_ticks_msec() < deadline:
		receiver.process(200_000)
	thread.wait_to_finish()
	if not check(delays.size() == 20, "got %d of 20" % delays.size()):
		return
	delays.sort()
	print("process(200000) hears of bytes after %d us (median)" % delays[10])
	at_most(delays[10], 20_000, "microseconds")


func test_timers_inside_process() -> void:
	var ends := await connect_pair()
	var receiving := NetTask.from(ends[0].recv(1, 0.05))
	var listener := listen()
	var accepting := NetTask.from(listener.accept(0.1))
	ends[0].process(500_000)
	is_error(receiving.get_result(), ERR_TIMEOUT, "its own")
	is_error(accepting.get_result(), ERR_TIMEOUT, "another's")


func test_automatic_sockets_are_served_meanwhile() -> void:
	var ends := await connect_pair()
	var others := await connect_pair()
	var receiving := NetTask.from(others[0].recv(1))
	others[1].send(utf8("x"))
	ends[0].process(300_000)
	equal(receiving.get_result(), [OK, utf8("x")])


func test_idle_sockets_cost_nothing() -> void:
	var alone := await _median_drain()
	var listener := listen()
	var held: Array[TcpClient] = []
	for _i in IDLE:
		var client := TcpClient.new()
		client.connect_to_host(LOOPBACK, listener.get_local_port())
		held.append(client)
		held.append((await listener.accept(10.0) as Array)[1])
		# A pending operation costs nothing either.
		client.recv(1)
	await frames(10)
	var crowded := await _median_drain()
	print("drain with %d idle sockets: %d us, with none: %d us" % [held.size(), crowded, alone])
	equal(AsyncSockets.get_statistics()["sockets"], 2 * IDLE + 1)


func test_statistics() -> void:
	check(await wait_for(func() -> bool: return AsyncSockets.get_sockets().is_empty()), "the tests before have ended")
	var listener := listen()
	var before := AsyncSockets.get_statistics()
	var ends := await connect_to(listener)
	ends[1].send(utf8("x"))
	await ends[0].recv(1)
	var after := AsyncSockets.get_statistics()
	at_least(after["events"], before["events"] + 1)
	at_least(after["drain_time_usec"], before["drain_time_usec"])
	equal(before["sockets"], 1)
	equal(after["sockets"], 3)


func test_project_settings() -> void:
	equal(ProjectSettings.get_setting("async_sockets/process/frame_budget_usec"), 4000)
	equal(ProjectSettings.get_setting("async_sockets/runtime/worker_threads"), 0)
	var output := await run_child("settings")
	var usec := output.get_slice("stretch ", 1).to_int()
	at_least(usec, 40_000, "the frame budget of the settings, in microseconds: %s" % output)
	if OS.get_name() == "Linux":
		var threads := clampi(OS.get_processor_count() / 2, 1, 4)
		check(output.contains("threads %d\n" % threads), "%d threads: %s" % [threads, output])


## A condition for `wait_for` that processes the socket first.
func _processed(socket: RefCounted, condition: Callable) -> Callable:
	return func() -> bool:
		socket.call("process", 1000)
		return condition.call()


# A callable that holds the object whose signal it is connected to would keep it alive forever.
func _send_back(data: PackedByteArray, client: WeakRef) -> void:
	(client.get_ref() as TcpClient).send(data)


func _send_the_time(stream: StreamPeerTCP, count: int) -> void:
	for _i in count:
		OS.delay_msec(20)
		var now := PackedByteArray()
		now.resize(8)
		now.encode_u64(0, Time.get_ticks_usec())
		stream.put_data(now)


func _median_drain() -> float:
	var drains: Array[float] = []
	for _i in 60:
		await frames(1)
		drains.append(AsyncSockets.get_statistics()["last_drain_usec"])
	drains.sort()
	return drains[30]


## Processor time used by this process in seconds, to the hundredth; 0 if the system does not report it.
func _cpu_seconds() -> float:
	var fields := read_of_linux("/proc/self/stat").get_slice(") ", 1).split(" ")
	return (fields[11].to_int() + fields[12].to_int()) / 100.0 if fields.size() > 12 else 0.0
