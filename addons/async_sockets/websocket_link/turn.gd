@tool
extends RefCounted
## How long results and messages are given to the script in one go, so that a flood does not hold up the frame.

const _DEFAULT_BUDGET_USEC := 4000

## Whether a drain is running.
var is_running := false

var _budget_usec := _DEFAULT_BUDGET_USEC
var _ends_usec := 0
## The frame of the last call from outside of a drain, and when its time is over.
var _calls_frame := -1
var _calls_end_usec := 0


func read_settings() -> void:
	_budget_usec = ProjectSettings.get_setting("async_sockets/process/frame_budget_usec", _DEFAULT_BUDGET_USEC)


## Begins a drain with at least the budget of a frame.
func begin(budget_usec: int) -> void:
	is_running = true
	_ends_usec = Time.get_ticks_usec() + maxi(budget_usec, _budget_usec)


func end() -> void:
	is_running = false


## Whether the time of the running drain is over.
func is_over() -> bool:
	return Time.get_ticks_usec() >= _ends_usec


## Whether a call may return its result at once. Once the time is over, the next drain gives it.
func may_answer_now() -> bool:
	if is_running:
		return not is_over()
	var frame := Engine.get_process_frames()
	if frame != _calls_frame:
		_calls_frame = frame
		_calls_end_usec = Time.get_ticks_usec() + _budget_usec
	return Time.get_ticks_usec() < _calls_end_usec
