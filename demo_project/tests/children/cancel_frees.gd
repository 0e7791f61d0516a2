extends Node
## The last reference to a socket is held by a lambda that is connected to an operation of that socket. The lambda calls
## the socket again when it is freed.

signal decided


func _ready() -> void:
	var listener := TcpListener.create(0, "127.0.0.1")
	listener.start()
	var client := TcpClient.new()
	client.connect_to_host("127.0.0.1", listener.get_local_port())
	var far := (await listener.accept(10.0) as Array)[1] as TcpClient
	await client.wait_connected(10.0)
	var gone: WeakRef = weakref(client)
	match OS.get_cmdline_user_args()[1]:
		"cancel":
			_cancel(client, NetTask.from(client.recv(16)))
		"cancel_in_line":
			_cancel(client, NetTask.from(client.recv(16)))
			_cancel(client, NetTask.from(client.recv_line()))
		"abandon":
			var keeper := Node.new()
			keeper.set_meta(&"task", NetTask.from(client.recv(16)))
			_hold(client, keeper.get_meta(&"task"))
			keeper.free()
			client.process()
		"any":
			var task := NetTask.from(NetTask.any([client.recv(16), decided]))
			_hold(client, task)
			decided.emit()
		"accept":
			gone = weakref(listener)
			_cancel(listener, NetTask.from(listener.accept()))
			listener = null
		"datagram":
			var socket := UdpSocket.new()
			socket.bind(0, "127.0.0.1")
			gone = weakref(socket)
			_cancel(socket, NetTask.from(socket.recv_from()))
	client = null
	for _i in 3:
		far.send("abc".to_utf8_buffer())
		await get_tree().process_frame
	if OS.get_cmdline_user_args()[1] == "abandon":
		# A connected signal has a receiver, so this operation does not count as abandoned.
		far.disconnect_from_host()
	while gone.get_ref() != null:
		await get_tree().process_frame
	print("it is gone")
	get_tree().quit()


func _cancel(socket: RefCounted, task: NetTask) -> void:
	_hold(socket, task)
	task.cancel()


func _hold(socket: RefCounted, task: NetTask) -> void:
	var keeper := Keeper.new()
	keeper.socket = socket
	task.completed.connect(func(_result: Variant) -> void: keeper.hear())


class Keeper:
	extends RefCounted
	var socket: RefCounted

	func hear() -> void:
		pass

	func _notification(what: int) -> void:
		if what == NOTIFICATION_PREDELETE:
			socket.call(&"process")
			if socket is TcpClient:
				(socket as TcpClient).recv(1)
			elif socket is TcpListener:
				(socket as TcpListener).accept()
			else:
				(socket as UdpSocket).recv_from()
