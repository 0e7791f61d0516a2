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


func before_each() -> void:
	_link = make_link()


func make_link() -> WebSocketLink:
	var link := super()
	link.backend = WebSocketLink.Backend.ENGINE
	return link


## Outside of a browser, the engine drops messages that arrive together with the close frame.
func let_messages_arrive() -> void:
	await frames(20)


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
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
	equal([_told.back()[1], _told.back()[3]], [1006, false])
	equal(events.of("message"), [[1, "ping"]])


func test_a_peer_that_does_not_answer_pings() -> void:
	if not "heartbeat_interval" in WebSocketPeer.new():
		skip("this engine has no pings")
		return
	_link.heartbeat_interval = 0.05
	await _join_fake()
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
	equal(_link.get_close_code(), 1006)


func test_a_peer_that_does_not_answer_a_close() -> void:
	await _join_fake()
	equal(await _link.close_async(1000, "", 0.05), [ERR_TIMEOUT, -1, ""])
	equal(await _link.close_async(1000, "", 6.0), [ERR_CONNECTION_ERROR, 1006, _link.get_close_reason()])


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
	check(await wait_for(func() -> bool: return _has_told("disconnected")))
	equal(_told.size(), 52)
	equal(_told.slice(-2), [["message", "49"], ["disconnected", 1000, "", true]])


func test_what_is_queued_when_the_connection_is_lost() -> void:
	_link.reconnect = true
	for max_offline_bytes: int in [0, 700_000]:
		_link.max_offline_bytes = max_offline_bytes
		await _join_fake()
		_fake.is_deaf = true
		# More than the buffers of the system take.
		var message := PackedByteArray()
		message.resize(600_000)
		for _i in 25:
			is_ok(_link.send_binary(message))
		await frames(3)
		at_least(_link.get_pending_bytes(), 1_300_000, "more than is kept")
		_fake.drop()
		_fake.is_deaf = false
		check(await wait_for(func() -> bool: return _told.back()[0] == "reconnecting"))
		equal(_link.get_pending_bytes(), 600_000 if max_offline_bytes > 0 else 0)
		_link.abort()
		check(await wait_for(func() -> bool: return _link.get_ready_state() == WebSocketLink.STATE_CLOSED))
		_fake.stop()


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
