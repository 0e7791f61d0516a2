extends Node
## The main-thread cost of handing one 64-byte message to a script, for each way of delivery.
##
## Everything has arrived in the background before the measurement begins, so only the delivery is timed. Prints one
## line of JSON: nanoseconds per message, the median of the rounds.

const Ways := preload("res://bench/delivery_ways.gd")

const DEFAULT_ROUNDS := 5

var _rounds := DEFAULT_ROUNDS


func _ready() -> void:
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with("rounds="):
			_rounds = int(argument.get_slice("=", 1))
	# Nothing may be deferred to the next frame.
	ProjectSettings.set_setting("async_sockets/process/frame_budget_usec", 1_000_000)
	var ways := Ways.new()
	var result := {}
	var failed := not ways.open()
	for way: String in [] if failed else ways.ALL:
		var times: Array[float] = []
		for _round in _rounds:
			times.append(ways.call(way))
		times.sort()
		failed = failed or times[0] <= 0.0
		result[ways.ALL[way]] = times[times.size() / 2]
	ways.close()
	print(JSON.stringify({"event": "delivery", "nanoseconds": result}, "", false))
	get_tree().quit(1 if failed else 0)
