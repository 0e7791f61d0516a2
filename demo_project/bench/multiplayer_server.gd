extends "res://bench/bench_server.gd"
## Base class of the multiplayer servers. Clients call `note`, the only RPC method. The work `call` calls it of all
## clients in every frame, once the measuring program says that all are there.
##
## The times of `figures()` are those that the main thread spends on multiplayer in a frame: on the call, if there is
## one, and on `MultiplayerAPI.poll`.

const LOOPBACK := "127.0.0.1"

## Frames per second once all clients are there.
var _fps := 0
var _has_begun := false


func _init() -> void:
	# The clients know the node by its path.
	name = "Server"


func start() -> int:
	get_tree().multiplayer_poll = false
	if work != "join":
		# The engine's class takes in one client per frame.
		_fps = Engine.max_fps
		Engine.max_fps = 0
		OS.low_processor_usage_mode_sleep_usec = 1
	return listen()


## Listens, and returns the port.
func listen() -> int:
	return 0


func begin() -> void:
	_has_begun = true
	Engine.max_fps = _fps


func _process(_delta: float) -> void:
	var before := Time.get_ticks_usec()
	if _has_begun and work == "call":
		note.rpc(_number, Vector3(1, 2, 3))
		_number += 1
	# What was sent leaves at the latest here.
	multiplayer.poll()
	_call_times.append(Time.get_ticks_usec() - before)


@rpc("any_peer")
func note(_of: int, _place: Vector3) -> void:
	received += 1
