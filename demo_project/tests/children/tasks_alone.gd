extends Node
## Tasks in a program that never starts a socket.

signal go(value: int)


func _ready() -> void:
	print("all ", await NetTask.all([1, 2]))
	_emit_later()
	print("all later ", await NetTask.all([go, 5]))
	_emit_later()
	print("any ", await NetTask.any([get_tree().create_timer(60.0).timeout, go]))
	_emit_later()
	print("from ", await NetTask.from(go).wait())
	var task := NetTask.from(go)
	task.cancel()
	print("cancelled ", task.get_result())
	_emit_later()
	print("coroutines ", await NetTask.all([_doubled, _doubled]))
	print("receive ", await TcpClient.new().recv(1))
	# The time in which results are given inside the call is over.
	await get_tree().create_timer(0.1).timeout
	print("later receive ", await TcpClient.new().recv(1))
	get_tree().quit()


func _emit_later() -> void:
	get_tree().process_frame.connect(go.emit.bind(7), CONNECT_ONE_SHOT)


func _doubled() -> int:
	var value: int = await go
	return value * 2
