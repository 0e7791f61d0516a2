extends Node
## Base class of the benchmark's servers and clients.

## What is done with a message. `echo` sends every message back, or the next one for every echo; a file describes its
## further kinds of work.
var work := "echo"

## Microseconds that each frame gives to the network; 0 leaves it to automatic processing.
var budget_usec := 0

## Payload size in bytes; TCP blocks have exactly this size.
var message_size := 64

## Options for TLS, or null for none.
var tls_options: TLSOptions

## Messages received.
var received := 0


## Begins the work, if it does not begin by itself.
func begin() -> void:
	pass


## Begins a new measurement.
func reset() -> void:
	pass


func figures() -> Dictionary:
	return {"received": received}


## The value at this share of the sorted times, in their unit.
static func at_share(sorted: PackedInt64Array, percent: int) -> int:
	return sorted[(sorted.size() - 1) * percent / 100]
