@tool
extends RefCounted
## Whether a lost connection is made again, and when.

const Settings := preload("settings.gd")

const _NORMAL_CLOSURE := 1000
const _POLICY_VIOLATION := 1008
const _FIRST_PRIVATE_CODE := 4000
const _LAST_PRIVATE_CODE := 4999

## A connection that lasted for this long was a success: the count of attempts and their delays start again.
const _LASTING_USEC := 5_000_000
## The exponent from which on the delay grows no more; keeps the power finite.
const _MAX_EXPONENT := 62

## Attempts since the last success, without the first one of all.
var attempts := 0

var _settings: Settings
var _opened_usec := 0


func _init(settings: Settings) -> void:
	_settings = settings


func connection_opened() -> void:
	_opened_usec = Time.get_ticks_usec()


func connection_ended() -> void:
	if Time.get_ticks_usec() - _opened_usec >= _LASTING_USEC:
		attempts = 0


## Whether a connection that ended with this code is one that is made again.
func applies_to(code: int) -> bool:
	if not _settings.reconnect:
		return false
	if not _settings.reconnect_on_codes.is_empty():
		return _settings.reconnect_on_codes.has(code)
	var is_private := code >= _FIRST_PRIVATE_CODE and code <= _LAST_PRIVATE_CODE
	return code != _NORMAL_CLOSURE and code != _POLICY_VIOLATION and not is_private


func has_attempts_left() -> bool:
	return _settings.reconnect_max_attempts == 0 or attempts < _settings.reconnect_max_attempts


## Counts another attempt and returns the seconds before it. Exponential backoff with full jitter: any time up to a
## limit that doubles.
func next_delay() -> float:
	attempts += 1
	var growth := pow(2.0, mini(attempts - 1, _MAX_EXPONENT))
	return randf() * minf(_settings.reconnect_min_delay * growth, _settings.reconnect_max_delay)
