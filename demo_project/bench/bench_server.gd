extends Node
## Base class of the benchmark's servers.

## Broadcasts per burst.
const BURST := 16

## `echo` sends every message back, `count` only counts, and `broadcast` answers each message with a burst to all
## clients. A server's own file describes further kinds of work.
var work := "echo"

## Microseconds that each frame gives to the network; 0 leaves it to automatic processing.
var budget_usec := 0

## Payload size in bytes; TCP blocks have exactly this size.
var message_size := 64

## Messages received.
var received := 0

var _number := 0
var _call_times := PackedInt64Array()


## Listens, and returns the port.
func start() -> int:
	return 0


## Begins a new measurement.
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
		result["call_usec_p50"] = sorted[sorted.size() / 2]
		result["call_usec_p99"] = sorted[(sorted.size() - 1) * 99 / 100]
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
