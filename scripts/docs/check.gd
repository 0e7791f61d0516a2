extends SceneTree
## Loads every script of a list, and compares the table of limits with the classes. The arguments are the path of the
## list and the number of the scripts. See scripts/docs.py.

const WARNINGS := "debug/gdscript/warnings/"
## An inferred type is a type: the examples use :=.
const ALLOWED: PackedStringArray = ["enable", "exclude_addons", "directory_rules", "inferred_declaration"]
const ERROR := 2


func _init() -> void:
	# The library's classes are complete once the main loop runs.
	_check.call_deferred()


func _check() -> void:
	var text := FileAccess.get_file_as_string("res://check.json")
	var todo: Dictionary = JSON.parse_string(text)
	_check_warnings()
	for path: String in todo["scripts"]:
		var script: GDScript = load(path)
		if script == null or not script.can_instantiate():
			print("FAULT %s does not load" % path)
	var defaults: Dictionary = todo["defaults"]
	if not defaults.is_empty():
		_check_defaults(defaults)
	print("CHECKED")
	quit()


## Warnings that this engine has and the list in docs.py does not.
func _check_warnings() -> void:
	for property in ProjectSettings.get_property_list():
		var setting: String = property["name"]
		if not setting.begins_with(WARNINGS) or ALLOWED.has(setting.get_file()):
			continue
		var level: Variant = ProjectSettings.get_setting(setting)
		if level is not bool and level != ERROR:
			print("FAULT the warning %s is not an error" % setting.get_file())


## Every number among the properties of these classes must be in the table, with its default.
func _check_defaults(defaults: Dictionary) -> void:
	var classes := {}
	var found := {}
	for member: String in defaults:
		classes[member.get_slice(".", 0)] = true
	for class_id: String in classes:
		var object: Object = ClassDB.instantiate(class_id)
		if object == null:
			print("FAULT the table of limits has %s, which is no class" % class_id)
			continue
		for property in ClassDB.class_get_property_list(class_id, true):
			var type: int = property["type"]
			if not type in [TYPE_INT, TYPE_FLOAT]:
				continue
			var member := "%s.%s" % [class_id, property["name"]]
			var value: float = object.get(str(property["name"]))
			found[member] = value
			if not defaults.has(member):
				print("FAULT the table of limits lacks %s = %s" % [member, value])
			elif not is_equal_approx(value, float(str(defaults[member]))):
				print("FAULT the table of limits has %s = %s, which is %s" % [member, defaults[member], value])
	for member: String in defaults:
		if not found.has(member):
			print("FAULT the table of limits has %s, which is no number of that class" % member)
