extends WebSocketTest
## The script of the class's specification, word for word, in `children/websocket_echo.tscn`.

const PORT := 8080


func test_echo_server() -> void:
	if not is_ok(TCPServer.new().listen(PORT)):
		skip("port %d is in use" % PORT)
		return
	var scene := load("res://tests/children/websocket_echo.tscn") as PackedScene
	var echo := scene.instantiate() as Node
	add_child(echo)
	server = echo.get("server")
	events = Events.new()
	events.watch(server)
	check(server.is_listening())
	equal(server.get_local_port(), PORT)

	var first := await join()
	var second := await join()
	equal([first.id, second.id], [1, 2])
	is_ok(first.socket.send_text("hello"))
	is_ok(first.socket.send(utf8("bytes")))
	is_ok(second.socket.send_text("wörld 🌍"))
	await received(first, ["Welcome to the server!", "Echo: hello", utf8("bytes")])
	await received(second, ["Welcome to the server!", "Echo: wörld 🌍"])

	first.socket.close(1000, "bye")
	await is_out(first, 1000)
	await told("disconnected", [1, 1000, "bye"])
	second.socket.close(4321)
	await told("disconnected", [2, 4321, ""])
	equal(server.get_client_count(), 0)

	remove_child(echo)
	echo.free()
	server = null
	var is_free := func() -> bool: return TCPServer.new().listen(PORT) == OK
	check(await wait_for(is_free), "the port is free once the scene is gone")
