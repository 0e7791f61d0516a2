extends RefCounted
## Measures the time from each frame to the next.

## The maximum number of frames recorded; further ones are only counted.
const MOST := 500_000

var _last := 0
var _count := 0
var _times := PackedInt64Array()


## Call this once a frame.
func count() -> void:
	var now := Time.get_ticks_usec()
	if _last > 0:
		_count += 1
		if _times.size() < MOST:
			_times.append(now - _last)
	_last = now


func reset() -> void:
	_count = 0
	_times.clear()


func figures() -> Dictionary:
	var result := {"frames": _count}
	if _times.is_empty():
		return result
	var sorted := _times.duplicate()
	sorted.sort()
	result["frame_usec_p50"] = sorted[sorted.size() / 2]
	result["frame_usec_p99"] = sorted[(sorted.size() - 1) * 99 / 100]
	result["frame_usec_max"] = sorted[-1]
	return result
