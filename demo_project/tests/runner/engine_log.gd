class_name EngineLog
extends RefCounted
## Records the engine's warnings and errors until [method stop].

## A source text, since engines before 4.5 have no Logger.
const _SOURCE := """extends Logger
var lines := PackedStringArray()
func _log_error(_a: String, _b: String, _c: int, code: String, why: String, _f: bool, _g: int, _h: Array) -> void:
	lines.append(code + " " + why)
"""

var _logger: RefCounted


## False before Godot 4.5, whose log cannot be read.
func start() -> bool:
	if not ClassDB.class_exists(&"Logger"):
		return false
	var script := GDScript.new()
	script.source_code = _SOURCE
	script.reload()
	_logger = script.new()
	OS.call("add_logger", _logger)
	return true


func stop() -> void:
	if _logger != null:
		OS.call("remove_logger", _logger)
	_logger = null


## Number of lines since the last call, which are forgotten.
func take_count() -> int:
	var count: int = (_logger.get("lines") as PackedStringArray).size() if _logger != null else 0
	if _logger != null:
		_logger.set("lines", PackedStringArray())
	return count


## The lines with this text.
func lines_with(text: String) -> PackedStringArray:
	var found := PackedStringArray()
	if _logger != null:
		for line: String in _logger.get("lines"):
			if line.contains(text):
				found.append(line)
	return found
