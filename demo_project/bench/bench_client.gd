extends "res://bench/bench_peer.gd"
## Base class of the benchmark's clients: one that keeps messages in flight to an echo server and compares each echo
## with what was sent, or many that stay idle.

## Different messages; they are sent in turn.
const KINDS := 64

## The maximum number of round trips whose time is kept.
const MOST := 500_000

## The server's port.
var server_port := 0

## Connections to open.
var count := 1

## Messages in flight.
var in_flight := 1

## Echoes that were not what was sent.
var faults := 0

var _messages: Array[PackedByteArray] = []
var _next := 0
var _sent_at := 0
var _times := PackedInt64Array()


## Begins to open one connection.
func open() -> void:
	pass


## The number of established connections.
func count_open() -> int:
	return 0


## Sends one message.
func send(_data: PackedByteArray) -> void:
	pass


## Puts the messages in flight.
func begin() -> void:
	for kind in KINDS:
		_messages.append(("%016x" % kind).rpad(message_size, "x").to_ascii_buffer())
	for index in in_flight:
		send(_messages[index % KINDS])
	_next = in_flight % KINDS
	_sent_at = Time.get_ticks_usec()


func reset() -> void:
	_times.clear()


func figures() -> Dictionary:
	var sorted := _times.duplicate()
	sorted.sort()
	var result := {"received": received, "open": count_open(), "faults": faults}
	if not sorted.is_empty():
		result["p50_ms"] = at_share(sorted, 50) / 1000.0
		result["p99_ms"] = at_share(sorted, 99) / 1000.0
	return result


## Takes an echo, and sends the next message.
func take_echo(data: PackedByteArray) -> void:
	if data != _messages[received % KINDS]:
		faults += 1
	received += 1
	if in_flight == 1:
		var now := Time.get_ticks_usec()
		if _times.size() < MOST:
			_times.append(now - _sent_at)
		_sent_at = Time.get_ticks_usec()
	var message := _messages[_next]
	_next = (_next + 1) % KINDS
	send(message)
