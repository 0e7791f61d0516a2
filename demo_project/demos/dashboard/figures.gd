extends RefCounted
## What the dashboard shows, from the statistics of its server and of all sockets.
##
## Statistics are counted in the background and cost nothing until they are asked for, a few times a second. The same
## figures are in the editor under Debugger > Monitors.

## Since the last sample, per second.
var messages := 0.0
var bytes_in := 0.0
var bytes_out := 0.0
## Now: clients, events that wait for the main thread, and memory of the server in bytes.
var clients := 0
var queued := 0
var memory := 0
## Since the last sample: the longest time from one frame to the next, and the longest that the network took of one, in
## milliseconds.
var frame := 0.0
var network := 0.0

var _server: WebSocketServer
## The statistics of the last sample, and its time in microseconds of the engine's clock.
var _before := {}
var _taken := 0
## Of the frames since the last sample, and the last one's time.
var _longest_frame := 0
var _longest_drain := 0
var _last_frame := 0
## The last frames, in milliseconds.
var _frames := PackedFloat64Array()


func _init(server: WebSocketServer) -> void:
	_server = server


## Call this once a frame.
func count_frame() -> void:
	var now := Time.get_ticks_usec()
	if _last_frame > 0:
		_longest_frame = maxi(_longest_frame, now - _last_frame)
		var _is_full := _frames.append((now - _last_frame) / 1000.0)
		if _frames.size() > 600:
			_frames.remove_at(0)
	_last_frame = now
	var drain: int = AsyncSockets.get_statistics()["last_drain_usec"]
	_longest_drain = maxi(_longest_drain, drain)


## Call this a few times a second.
func sample() -> void:
	var now := Time.get_ticks_usec()
	var all := _server.get_statistics()
	if _taken > 0:
		var seconds := (now - _taken) / 1e6
		messages = _growth(all, "messages_in") / seconds
		bytes_in = _growth(all, "bytes_in") / seconds
		bytes_out = _growth(all, "bytes_out") / seconds
	clients = all["clients"]
	memory = all["memory"]
	queued = AsyncSockets.get_statistics()["queued_events"]
	frame = _longest_frame / 1000.0
	network = _longest_drain / 1000.0
	_longest_frame = 0
	_longest_drain = 0
	_before = all
	_taken = now


## The time that 99 of 100 of the last 600 frames do not exceed, in milliseconds.
func get_frame_p99() -> float:
	if _frames.is_empty():
		return 0.0
	var sorted := _frames.duplicate()
	sorted.sort()
	return sorted[ceili(sorted.size() * 0.99) - 1]


func _growth(all: Dictionary, figure: String) -> float:
	var before: float = _before[figure]
	var now: float = all[figure]
	return now - before
