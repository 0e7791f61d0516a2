@tool
extends RefCounted
## Whether a lost connection is made again, and when. The rules are those of the library.

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

# As they were when the session began.
var _min_delay: float
var _max_delay: float
var _max_attempts: int
var _on_codes: PackedInt32Array
var _opened_usec := 0
var _delay := 0.0
## When the present delay began, by two clocks: the first one may stand still while the machine sleeps.
var _since_usec := 0
var _since_unix := 0.0


func _init(settings: Settings) -> void:
	_min_delay = settings.reconnect_min_delay
	_max_delay = maxf(settings.reconnect_max_delay, settings.reconnect_min_delay)
	_max_attempts = settings.reconnect_max_attempts
	_on_codes = settings.reconnect_on_codes.duplicate()


func connection_opened() -> void:
	_opened_usec = Time.get_ticks_usec()


func connection_ended() -> void:
	if Time.get_ticks_usec() - _opened_usec >= _LASTING_USEC:
		attempts = 0


## Whether a connection that ended with this code is one that is made again.
func applies_to(code: int) -> bool:
	if not _on_codes.is_empty():
		return _on_codes.has(code)
	var is_private := code >= _FIRST_PRIVATE_CODE and code <= _LAST_PRIVATE_CODE
	return code != _NORMAL_CLOSURE and code != _POLICY_VIOLATION and not is_private


func has_attempts_left() -> bool:
	return _max_attempts == 0 or attempts < _max_attempts


## Counts another attempt, begins the delay before it and returns that in seconds: any time between the shortest delay
## and a limit that is twice as long, and doubles with each attempt.
func begin_delay() -> float:
	attempts += 1
	_delay = delay_of(attempts, randf())
	_since_usec = Time.get_ticks_usec()
	_since_unix = Time.get_unix_time_from_system()
	return _delay


## The delay before this attempt. [param random] is between 0 and 1.
func delay_of(attempt: int, random: float) -> float:
	var limit := minf(_min_delay * pow(2.0, mini(attempt, _MAX_EXPONENT)), _max_delay)
	return lerpf(_min_delay, limit, random)


## Ends the delay.
func hurry() -> void:
	_delay = 0.0


func is_due() -> bool:
	return time_left() <= 0.0


## The rest of the delay, in seconds.
func time_left() -> float:
	var by_ticks := float(Time.get_ticks_usec() - _since_usec) / 1.0e6
	return maxf(_delay - maxf(by_ticks, Time.get_unix_time_from_system() - _since_unix), 0.0)
