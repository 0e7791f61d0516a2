extends "res://bench/bench_peer.gd"
## Base class of the benchmark's servers. They know the work `count`, which only counts, and `broadcast`, which answers
## each message with a burst to all clients.

## Broadcasts per burst.
const BURST := 16

var _number := 0
var _call_times := PackedInt64Array()


## Listens, and returns the port.
func start() -> int:
	return 0


func reset() -> void:
	_call_times.clear()


func figures() -> Dictionary:
	var sorted := _call_times.duplicate()
	sorted.sort()
	var result := {"received": received, "calls": sorted.size()}
	if not sorted.is_empty():
		var total := 0
		for time in sorted:
			total += time
		result["call_usec_mean"] = float(total) / sorted.size()
		result["call_usec_p50"] = at_share(sorted, 50)
		result["call_usec_p99"] = at_share(sorted, 99)
	return result


## Sends one message to all clients.
func broadcast(_message: String) -> void:
	pass


## Sends a burst to all clients, and measures each call.
func send_burst() -> void:
	for index in BURST:
		var message := ("%016x" % _number).rpad(message_size, "x")
		_number += 1
		var before := Time.get_ticks_usec()
		broadcast(message)
		_call_times.append(Time.get_ticks_usec() - before)
