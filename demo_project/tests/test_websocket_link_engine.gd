extends "res://tests/test_websocket_link.gd"
## WebSocketLink with the engine's WebSocketPeer, as in a web export: the tests of test_websocket_link.gd, and what only
## this backend does.

## The main script of a project that has the scripts of the add-on alone.
const WITHOUT_LIBRARY := """extends SceneTree

# There is no main loop yet.
func _init() -> void:
	var link: RefCounted = load("res://async_sockets/websocket_link.gd").new()
	link.connect_to_url("%s")
	link.send_text("from a project without the library")
	print("received ", (await link.recv_text(5.0))[1])
	quit()
"""


func is_with_library() -> bool:
	return false


func test_it_is_the_engine() -> void:
	check(not _link.is_native())
	equal(_link.backend, WebSocketLink.Backend.ENGINE)


func test_the_backend_is_chosen_while_closed() -> void:
	await _join()
	_link.backend = WebSocketLink.Backend.AUTO
	equal(_link.backend, WebSocketLink.Backend.ENGINE)


func test_a_heartbeat_message_that_is_answered() -> void:
	_link.heartbeat_interval = 0.3
	_link.heartbeat_message = "ping"
	_link.emit_messages = true
	await _join()
	for beat in 3:
		await told_times("message", beat + 1)
		server.send_text(1, "pong")
	equal(_link.get_ready_state(), WebSocketLink.STATE_OPEN)


func test_a_heartbeat_message_that_is_not_answered() -> void:
	_link.heartbeat_interval = 0.05
	_link.heartbeat_message = "ping"
	await _join()
	await _tells("disconnected")
	equal([_told.back()[1], _told.back()[3]], [1006, false])
	equal(events.of("message"), [[1, "ping"]])


func test_a_long_frame_is_no_silence() -> void:
	_link.heartbeat_interval = 0.1
	await _join()
	var ended := Time.get_ticks_msec() + 1000
	while Time.get_ticks_msec() < ended:
		OS.delay_msec(130)
		await frames(1)
	equal(_link.get_ready_state(), WebSocketLink.STATE_OPEN)


func test_a_ping_is_a_heartbeat_message() -> void:
	await _join()
	is_error(_link.ping(), ERR_UNAVAILABLE)
	is_ok(await _link.close_async())
	_link.heartbeat_message = "are you there?"
	_link.connect_to_url(_url())
	is_ok(await _link.wait_connected(5.0))
	equal(_link.get_latency(), -1.0)
	is_ok(_link.ping(utf8("payload")))
	await told("message", [2, "are you there?"])
	server.send_text(2, "yes")
	equal(await _link.recv(5.0), [OK, "yes"])
	at_least(_link.get_latency(), 0.001)
	at_most(_link.get_latency(), 5000.0)


func test_empty_messages_fill_the_buffer_too() -> void:
	var inbox: RefCounted = load("res://addons/async_sockets/websocket_link/inbox.gd").new(null, null)
	inbox.set(&"max_bytes", 320)
	for index in 10:
		equal(inbox.call(&"is_full"), false)
		inbox.call(&"push", PackedByteArray(), false)
	equal(inbox.call(&"is_full"), true)


func test_a_script_that_does_not_receive_is_no_silence() -> void:
	for message: String in ["", "are you there?"]:
		_link.heartbeat_interval = 0.1
		_link.heartbeat_message = message
		await _join_with_a_full_buffer(60)
		# Many intervals.
		var ended := Time.get_ticks_msec() + 1000
		while Time.get_ticks_msec() < ended:
			await frames(1)
		equal(_link.get_ready_state(), WebSocketLink.STATE_OPEN)
		for index in 60:
			equal(await _link.recv_binary(5.0), [OK, pattern(100_000)])
		is_ok(await _link.close_async())


func test_what_the_script_left_is_there_after_the_close() -> void:
	await _join_with_a_full_buffer(3)
	server.disconnect_client(1, 4001)
	await frames(30)
	for index in 3:
		if not equal(await _link.recv_binary(5.0), [OK, pattern(100_000)]):
			return
	equal(await _link.recv_binary(5.0), [ERR_FILE_EOF, PackedByteArray()])
	equal(_link.get_close_code(), 4001)


## Connects, and lets this many messages come, of which the link buffers three.
func _join_with_a_full_buffer(count: int) -> void:
	_told.clear()
	_link.max_buffered_bytes = 1000
	_link.max_message_size = 250_000
	serve()
	_link.connect_to_url(_url())
	is_ok(await _link.wait_connected(5.0))
	await told("connected", [1])
	for index in count:
		server.send_binary(1, pattern(100_000))
	check(await wait_for(func() -> bool: return _link.get_available_message_count() == 3))


func test_a_clean_end_that_the_next_session_replaces() -> void:
	_link.emit_messages = true
	await _join()
	_link.auto_process = false
	var handle := func(message: String) -> void:
		if message == "2":
			_link.connect_to_url(_url())
			return
		_link.close(4001, "bye")
		# The server answers, and the time of the frame is over.
		OS.delay_msec(100)
	_link.message_received.connect(handle)
	server.send_text(1, "1")
	server.send_text(1, "2")
	await frames(20)
	_link.process()
	await told("disconnected", [1, 4001, "bye"])
	await frames(5)
	_link.auto_process = true
	await told("connected", [2])
	check(await wait_for(func() -> bool: return _told.size() == 5))
	equal(_told.slice(3), [["disconnected", 4001, "bye", true], ["connected"]])


func test_the_status_is_that_of_the_present_attempt() -> void:
	_link.reconnect = true
	await _join_fake()
	equal(_link.get_response_status(), 101)
	_fake.stop()
	await _tells("connect_failed")
	equal(_link.get_response_status(), 0)


func test_a_close_code_that_a_browser_refuses() -> void:
	var connection: GDScript = load("res://addons/async_sockets/websocket_link/engine_connection.gd")
	for code: int in [1000, 1001, 1011, 3000, 4999]:
		equal(connection.call(&"sendable", code, true), code if code >= 3000 else 1000)
		equal(connection.call(&"sendable", code, false), code)


func test_a_peer_that_does_not_answer_pings() -> void:
	if not "heartbeat_interval" in WebSocketPeer.new():
		skip("this engine has no pings")
		return
	_link.heartbeat_interval = 0.05
	await _join_fake()
	await _tells("disconnected")
	equal(_link.get_close_code(), 1006)


func test_results_that_are_given_at_once_do_not_hold_up_the_frame() -> void:
	await _join()
	for index in 50:
		server.send_text(1, "x")
	await let_messages_arrive()
	var first_frame := Engine.get_process_frames()
	for index in 50:
		is_ok(await _link.recv_text(5.0))
		OS.delay_usec(500)
	at_least(Engine.get_process_frames() - first_frame, 2)


func test_a_close_waits_for_messages_that_are_still_to_be_emitted() -> void:
	_link.emit_messages = true
	# Five milliseconds after the first one, all have arrived, and the time of the frame is over.
	var close_behind := func(message: String) -> void:
		OS.delay_usec(1000)
		if message == "5":
			server.disconnect_client(1, 1000)
	_link.message_received.connect(close_behind)
	await _join()
	for index in 50:
		server.send_text(1, str(index))
	await _tells("disconnected")
	equal(_told.size(), 52)
	equal(_told.slice(-2), [["message", "49"], ["disconnected", 1000, "", true]])


## As in a web export: the scripts have to load where none of the library's classes exists.
func test_a_project_without_the_library() -> void:
	serve()
	server.client_connected.connect(func(id: int) -> void: server.send_text(id, "hello"))
	var folder := ProjectSettings.globalize_path("user://without_library_%d" % OS.get_process_id())
	_copy_scripts(folder.path_join("async_sockets"))
	_write(folder.path_join("project.godot"), "config_version=5\n")
	_write(folder.path_join("main.gd"), WITHOUT_LIBRARY % _url())
	var engine := PackedStringArray([_engine(), "--headless", "--path", folder, "--script", "res://main.gd"])
	var result := await run_program(engine, 8.0)
	check(str(result[1]).contains("received hello"), str(result[1]))
	check(not str(result[1]).contains("ERROR"), str(result[1]))
	equal(events.of("message"), [[1, "from a project without the library"]])
	_remove(folder)


func _copy_scripts(target: String, source := "res://addons/async_sockets") -> void:
	DirAccess.make_dir_recursive_absolute(target)
	for file in DirAccess.get_files_at(source):
		if file.ends_with(".gd"):
			DirAccess.copy_absolute(source.path_join(file), target.path_join(file))
	if source.get_file() == "async_sockets":
		_copy_scripts(target.path_join("websocket_link"), source.path_join("websocket_link"))


func _write(path: String, text: String) -> void:
	FileAccess.open(path, FileAccess.WRITE).store_string(text)


func _remove(folder: String) -> void:
	for file in DirAccess.get_files_at(folder):
		DirAccess.remove_absolute(folder.path_join(file))
	for inner in DirAccess.get_directories_at(folder):
		_remove(folder.path_join(inner))
	DirAccess.remove_absolute(folder)
