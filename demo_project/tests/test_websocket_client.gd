extends WebSocketClientTest
## A WebSocketClient against our own server: connecting, messages both ways, what it tells of a connection.


func test_the_defaults() -> void:
	var fresh := client()
	var expected := {
		"timeout": 0.0,
		"handshake_timeout": 10.0,
		"close_timeout": 3.0,
		"heartbeat_interval": 15.0,
		"max_message_size": 16777216,
		"max_pending_bytes": 16777216,
		"max_buffered_bytes": 1048576,
		"max_redirects": 0,
		"supported_protocols": PackedStringArray(),
		"handshake_headers": PackedStringArray(),
		"no_delay": true,
		"text_as_data": false,
		"emit_messages": false,
		"auto_process": true,
		"reconnect": false,
		"reconnect_min_delay": 0.5,
		"reconnect_max_delay": 30.0,
		"reconnect_max_attempts": 0,
		"reconnect_on_codes": PackedInt32Array(),
		"max_offline_bytes": 0,
	}
	for property: String in expected:
		equal(fresh.get(property), expected[property], property)
	equal(_own_names("property"), PackedStringArray(expected.keys()), "these are all properties")
	equal([0, 1, 2, 3], _states(), "the numbers of WebSocketPeer")
	var defaults := {}
	for method in ClassDB.class_get_method_list(&"WebSocketClient", true):
		if not (method["default_args"] as Array).is_empty():
			defaults[method["name"]] = method["default_args"]
	equal(str(defaults["connect_to_url"]), "[<Object#null>]")
	var expected_defaults := {
		"wait_connected": [-1.0],
		"close": [1000, ""],
		"close_async": [1000, "", -1.0],
		"process": [0],
		"ping": [PackedByteArray()],
		"flush": [-1.0],
		"recv": [-1.0],
		"recv_text": [-1.0],
		"recv_binary": [-1.0],
	}
	for method: String in expected_defaults:
		equal(defaults[method], expected_defaults[method], method)
	equal(defaults.size(), expected_defaults.size() + 1)


func test_properties_keep_their_values() -> void:
	client()
	var values := {
		"timeout": 1.5,
		"handshake_timeout": 0.0,
		"close_timeout": 2.5,
		"heartbeat_interval": 0.5,
		"max_message_size": 1,
		"max_pending_bytes": 2147483647,
		"max_buffered_bytes": 1,
		"max_redirects": 20,
		"supported_protocols": PackedStringArray(["a", "b"]),
		"handshake_headers": PackedStringArray(["X-A: b: c"]),
		"no_delay": false,
		"text_as_data": true,
		"emit_messages": true,
		"auto_process": false,
		"reconnect": true,
		"reconnect_min_delay": 0.001,
		"reconnect_max_delay": 86400.0,
		"reconnect_max_attempts": 2147483647,
		"reconnect_on_codes": PackedInt32Array([1000, 4999]),
		"max_offline_bytes": 2147483647,
	}
	for property: String in values:
		ws.set(property, values[property])
		equal(ws.get(property), values[property], property)
	ws.reconnect_on_codes = PackedInt32Array()
	equal(ws.reconnect_on_codes, PackedInt32Array())


func test_there_and_back() -> void:
	serve()
	client()
	is_ok(ws.connect_to_url(url("/chat?room=1")))
	state_is(WebSocketClient.STATE_CONNECTING)
	equal(heard, [] as Array[Array], "no signal inside the call")
	equal(await ws.wait_connected(), [OK])
	state_is(WebSocketClient.STATE_OPEN)
	equal(await ws.wait_connected(), [OK], "at once")
	is_ok(ws.send_text("wörld 🌍"))
	is_ok(ws.send_binary(PackedByteArray([0, 255])))
	is_ok(ws.send_text_data(utf8("as bytes")))
	equal(await ws.flush(5.0), [OK])
	equal(ws.get_pending_bytes(), 0)
	await told("message", [1, "as bytes"])
	equal(
		events.all,
		[
			["connected", 1],
			["message", 1, "wörld 🌍"],
			["data", 1, PackedByteArray([0, 255])],
			["message", 1, "as bytes"]
		]
	)
	equal([server.get_client_path(1), server.get_client_query_param(1, "room")], ["/chat", "1"])
	server.send_text(1, "answer")
	server.send_binary(1, PackedByteArray([9]))
	equal(await ws.recv_text(5.0), [OK, "answer"])
	equal(await ws.recv_binary(5.0), [OK, PackedByteArray([9])])
	equal(await ws.close_async(4000, "bye", 5.0), [OK, 4000, "bye"])
	state_is(WebSocketClient.STATE_CLOSED)
	await told("disconnected", [1, 4000, "bye"])
	await heard_only([["connected"], ["disconnected", 4000, "bye", true]])


func test_the_signal_can_be_awaited() -> void:
	serve()
	client()
	ws.connect_to_url(url())
	await ws.connected
	state_is(WebSocketClient.STATE_OPEN)


func test_what_it_tells_of_a_connection() -> void:
	serve(
		{"supported_protocols": PackedStringArray(["b"]), "handshake_headers": PackedStringArray(["X-Server: tests"])}
	)
	client({"supported_protocols": PackedStringArray(["a", "b"])})
	_check_unconnected()
	equal(ws.get_requested_url(), "")
	equal(ws.get_id(), 0)
	is_ok(ws.connect_to_url("ws://user:secret@%s:%d/x?y" % [LOOPBACK, server.get_local_port()]))
	_check_unconnected()
	equal(ws.get_requested_url(), url("/x?y"), "without user and password")
	is_ok(await ws.wait_connected(5.0))
	await told("connected", [1])
	equal(ws.get_connected_host(), LOOPBACK)
	equal(ws.get_connected_port(), server.get_local_port())
	equal(ws.get_local_port(), server.get_client_port(1))
	equal(ws.is_tls(), false)
	equal(ws.get_selected_protocol(), "b")
	equal(ws.get_requested_url(), url("/x?y"))
	equal(ws.get_response_status(), 101)
	equal(ws.get_response_headers()["x-server"], "tests")
	equal(server.get_client_headers(1)["authorization"], "Basic " + Marshalls.utf8_to_base64("user:secret"))
	var id := ws.get_id()
	at_least(id, 1)
	equal([ws.get_close_code(), ws.get_close_reason()], [-1, ""])
	equal([ws.is_reconnecting(), ws.get_unsent_bytes(), ws.get_last_error_message()], [false, 0, ""])
	server.disconnect_client(1, 4001, "go")
	await hears("disconnected")
	equal([ws.get_close_code(), ws.get_close_reason()], [4001, "go"])
	equal(ws.get_last_error_message(), "the connection ended with 4001: go")
	is_ok(ws.connect_to_url(url()))
	equal([ws.get_close_code(), ws.get_response_status(), ws.get_last_error_message()], [-1, 0, ""])
	is_ok(await ws.wait_connected(5.0))
	not_equal(ws.get_id(), id)


## The scenes use every member of the class at least once.
func test_no_member_is_left_out() -> void:
	var all := ""
	for file in DirAccess.get_files_at("res://tests"):
		if file.contains("websocket_client"):
			all += FileAccess.get_file_as_string("res://tests/" + file)
	for kind: String in ["property", "method", "signal"]:
		for member in _own_names(kind):
			var accessor := member.begins_with("get_") or member.begins_with("set_")
			if accessor and _own_names("property").has(member.substr(4)):
				continue
			check(all.contains(member), "%s %s" % [kind, member])


func _check_unconnected() -> void:
	equal([ws.get_connected_host(), ws.get_connected_port(), ws.get_local_port()], ["", 0, 0])
	equal([ws.is_tls(), ws.get_selected_protocol(), ws.get_latency()], [false, "", -1.0])
	equal([ws.get_response_status(), ws.get_response_headers()], [0, {}])
	equal([ws.get_close_code(), ws.get_close_reason(), ws.is_reconnecting()], [-1, "", false])
	equal([ws.get_pending_bytes(), ws.get_unsent_bytes(), ws.get_available_message_count()], [0, 0, 0])
	equal([ws.get_reconnect_attempt(), ws.get_reconnect_time_left()], [0, 0.0])


func _states() -> Array:
	return [
		WebSocketClient.STATE_CONNECTING,
		WebSocketClient.STATE_OPEN,
		WebSocketClient.STATE_CLOSING,
		WebSocketClient.STATE_CLOSED,
	]


func _own_names(kind: String) -> PackedStringArray:
	var list: Array[Dictionary] = ClassDB.call("class_get_%s_list" % kind, &"WebSocketClient", true)
	var names := PackedStringArray()
	for entry in list:
		names.append(entry["name"])
	return names
