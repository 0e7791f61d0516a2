extends SceneTree
## Run by `godot --script`: there is no main loop yet when the first sockets are opened.


func _init() -> void:
	var listener := TcpListener.create(0, "127.0.0.1")
	listener.start()
	var client := TcpClient.new()
	client.connect_to_host("127.0.0.1", listener.get_local_port())
	client.send("hello\n".to_utf8_buffer())
	_read(listener, client)


func _read(listener: TcpListener, _client: TcpClient) -> void:
	var accepted := await listener.accept(10.0) as Array
	if accepted[0] == OK:
		var line := await (accepted[1] as TcpClient).recv_line() as Array
		print("got %s" % line[1])
	quit()
