extends Node
## Loads and unloads the library repeatedly, with traffic in flight. It names none of the library's classes, because a
## script that does could not be loaded without the library.

const ROUNDS := 20
const LIBRARY := "res://addons/async_sockets/async_sockets.gdextension"


func _ready() -> void:
	for _round in ROUNDS:
		await _use()
		# By now the objects are freed.
		await get_tree().process_frame
		_check(GDExtensionManager.unload_extension(LIBRARY), "unload")
		if ClassDB.class_exists("TcpClient"):
			print("the class is still there")
		await get_tree().process_frame
		_check(GDExtensionManager.load_extension(LIBRARY), "load")
	await _use()
	print("%d rounds" % ROUNDS)
	get_tree().quit()


func _use() -> void:
	var listener: RefCounted = ClassDB.instantiate("TcpListener")
	var client: RefCounted = ClassDB.instantiate("TcpClient")
	listener.set("host", "127.0.0.1")
	_check(listener.call("start"), "start")
	_check(client.call("connect_to_host", "127.0.0.1", listener.call("get_local_port")), "connect")
	var accepted: Variant = listener.call("accept", 10.0)
	if accepted is Signal:
		accepted = await (accepted as Signal)
	_check((accepted as Array)[0], "accept")
	var peer: RefCounted = (accepted as Array)[1]
	peer.call("send", "hello".to_utf8_buffer())
	var received: Variant = client.call("recv", 5, 10.0)
	if received is Signal:
		received = await (received as Signal)
	_check((received as Array)[0], "recv")
	# Left pending.
	client.call("recv", 5)
	listener.call("accept")
	var block := PackedByteArray()
	block.resize(1_000_000)
	peer.call("send", block)


func _check(error: int, what: String) -> void:
	if error != OK:
		print("%s: %s" % [what, error_string(error)])
