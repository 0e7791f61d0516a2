@tool
extends RefCounted
## The heartbeat message of one connection, for a peer that cannot be sent pings.

const Settings := preload("settings.gd")

## Milliseconds from the last answered message to what came next; -1 before.
var latency := -1.0
var message: String

## Microseconds between two messages; 0: none are sent.
var _interval_usec := 0
## When the next message is due.
var _due_usec := 0
## When the message was sent that nothing has come for; -1 if there is none.
var _sent_usec := -1


func _init(settings: Settings) -> void:
	message = settings.heartbeat_message
	if not message.is_empty() and is_finite(settings.heartbeat_interval):
		_interval_usec = int(settings.heartbeat_interval * 1.0e6)
	_wait()


## Something came from the peer.
func heard() -> void:
	if is_unanswered():
		latency = float(Time.get_ticks_usec() - _sent_usec) / 1000.0
		_sent_usec = -1
	_wait()


## The script leaves what came from the peer, and the answer may be behind it.
func excuse() -> void:
	_sent_usec = -1
	_wait()


func is_due() -> bool:
	return _interval_usec > 0 and Time.get_ticks_usec() >= _due_usec


## Whether nothing has come since the last message was sent.
func is_unanswered() -> bool:
	return _sent_usec >= 0


## A second message before the answer to the first one changes nothing.
func has_been_sent() -> void:
	if not is_unanswered():
		_sent_usec = Time.get_ticks_usec()
		_wait()


func _wait() -> void:
	_due_usec = Time.get_ticks_usec() + _interval_usec
