@tool
extends RefCounted
## Calls the drain of a backend: once a frame, and in [method process].

## Pause between two looks at the network in [method process] with a budget.
const _PAUSE_USEC := 200

## Takes the microseconds that the drain may use, if more than the budget of a frame. Does not hold its object.
var _drain: Callable
var _is_wanted := false


func _init(drain: Callable) -> void:
	_drain = drain


## Whether there is a drain in each frame.
func set_hooked(wanted: bool) -> void:
	_is_wanted = wanted
	var main_loop := Engine.get_main_loop()
	if main_loop == null:
		# In the constructor of a main loop that is a script.
		_hook_later.call_deferred()
	var tree := main_loop as SceneTree
	if tree == null:
		return
	var is_hooked := tree.process_frame.is_connected(_on_process_frame)
	if wanted and not is_hooked:
		@warning_ignore("return_value_discarded")  # It is not connected yet.
		tree.process_frame.connect(_on_process_frame)
	elif is_hooked and not wanted:
		tree.process_frame.disconnect(_on_process_frame)


## Drains until the budget is used up, asleep in between. A browser delivers nothing while this sleeps, so that it
## drains once there.
func process(budget_usec: int) -> void:
	var ends_usec := Time.get_ticks_usec() + budget_usec
	_drain.call(budget_usec)
	while not OS.has_feature("web"):
		var left := ends_usec - Time.get_ticks_usec()
		if left <= 0:
			return
		OS.delay_usec(mini(left, _PAUSE_USEC))
		_drain.call(left)


func _hook_later() -> void:
	set_hooked(_is_wanted)


func _on_process_frame() -> void:
	_drain.call(0)
