extends Node
## The main-thread cost per socket when many do the same at once: it should not depend on their number.
##
## The parent process connects the clients: it is told the port and the number of clients, and on request closes them,
## the last one first. Prints one line of JSON at the end: nanoseconds per socket, by kind of work and number of
## sockets.

const SIZES: Array[int] = [1000, 10_000]
const LOOPBACK := "127.0.0.1"
const PATIENCE_MSEC := 20_000

var _listener := TcpListener.create(0, LOOPBACK, 4096)
var _accepted: Array[TcpClient] = []
var _gone := 0


func _ready() -> void:
	# Nothing may be deferred to another drain.
	ProjectSettings.set_setting("async_sockets/process/frame_budget_usec", 60_000_000)
	_listener.auto_process = false
	_listener.client_connected.connect(func(client: TcpClient) -> void: _accepted.append(client))
	_listener.client_disconnected.connect(func(_client: TcpClient) -> void: _gone += 1)
	var failed := _listener.start() != OK
	var result := {}
	for size in [] if failed else SIZES:
		var times := {}
		var sockets := _bind(size)
		times["sockets processed one by one"] = await _process_each(sockets)
		times["sockets freed in another thread"] = await _free_elsewhere(sockets)
		times["clients of a listener disconnected at once"] = await _disconnect_all(size)
		for what: String in times:
			failed = failed or times[what] <= 0.0
			result["%s, %d" % [what, size]] = times[what]
	_listener.stop()
	_tell({"event": "crowds", "nanoseconds": result})
	get_tree().quit(1 if failed else 0)


func _bind(count: int) -> Array[UdpSocket]:
	var sockets: Array[UdpSocket] = []
	for _index in count:
		var socket := UdpSocket.new()
		socket.auto_process = false
		socket.bind(0, LOOPBACK)
		sockets.append(socket)
	return sockets


## Each socket has a datagram for a pending receive, which has been waiting for a frame.
func _process_each(sockets: Array[UdpSocket]) -> float:
	var receives := _send_to_each(sockets)
	await _until(_has_queued.bind(sockets.size()))
	await get_tree().process_frame
	var time := _time_process(sockets)
	receives.clear()
	return time


# Functions of their own, because a finished coroutine may still hold the values of its variables.
## Returns the receives: one that nobody holds would be abandoned.
func _send_to_each(sockets: Array[UdpSocket]) -> Array[NetTask]:
	var receives: Array[NetTask] = []
	var sender := UdpSocket.new()
	sender.bind(0, LOOPBACK)
	for socket in sockets:
		receives.append(NetTask.from(socket.recv_from()))
		sender.send_to(PackedByteArray([1]), LOOPBACK, socket.get_local_port())
	return receives


func _time_process(sockets: Array[UdpSocket]) -> float:
	var handled := 0
	var start := Time.get_ticks_usec()
	for socket in sockets:
		handled += socket.process()
	var took := Time.get_ticks_usec() - start
	return took * 1000.0 / sockets.size() if handled == sockets.size() else 0.0


func _free_elsewhere(sockets: Array[UdpSocket]) -> float:
	var count := sockets.size()
	var thread := Thread.new()
	thread.start(sockets.clear)
	thread.wait_to_finish()
	var before := AsyncSockets.get_statistics()["sockets"] as int
	var start := Time.get_ticks_usec()
	_listener.process()
	var took := Time.get_ticks_usec() - start
	var left := AsyncSockets.get_statistics()["sockets"] as int
	await get_tree().process_frame
	return took * 1000.0 / count if before - left == count else 0.0


func _disconnect_all(count: int) -> float:
	_tell({"event": "connect", "port": _listener.get_local_port(), "clients": count})
	await _until(
		func() -> bool:
			_listener.process()
			return _accepted.size() == count
	)
	_gone = 0
	_tell({"event": "disconnect"})
	await _until(_has_queued.bind(count))
	var start := Time.get_ticks_usec()
	_listener.process()
	var took := Time.get_ticks_usec() - start
	_accepted.clear()
	return took * 1000.0 / count if _gone == count else 0.0


func _has_queued(events: int) -> bool:
	return AsyncSockets.get_statistics()["queued_events"] as int >= events


## Waits frame by frame. If the condition never holds, the figures show it.
func _until(condition: Callable) -> void:
	var deadline := Time.get_ticks_msec() + PATIENCE_MSEC
	while not condition.call() and Time.get_ticks_msec() < deadline:
		await get_tree().process_frame


func _tell(what: Dictionary) -> void:
	print(JSON.stringify(what, "", false))
