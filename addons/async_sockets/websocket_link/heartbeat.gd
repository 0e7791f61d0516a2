@tool
extends RefCounted
## The heartbeat message, for a peer that cannot be sent pings.

const Settings := preload("settings.gd")

var _settings: Settings
## When the next message is due; 0: never.
var _due_usec := 0
var _is_unanswered := false


func _init(settings: Settings) -> void:
	_settings = settings


## Begins to wait, because the connection opened, something came from the peer, or the interval was changed.
func restart() -> void:
	_is_unanswered = false
	_wait()


func is_due() -> bool:
	return _due_usec != 0 and Time.get_ticks_usec() >= _due_usec


## Whether nothing has come since the last message was sent.
func is_unanswered() -> bool:
	return _is_unanswered


func has_been_sent() -> void:
	_is_unanswered = true
	_wait()


func _wait() -> void:
	var is_used := _settings.heartbeat_interval > 0.0 and not _settings.heartbeat_message.is_empty()
	_due_usec = Time.get_ticks_usec() + int(_settings.heartbeat_interval * 1.0e6) if is_used else 0
