@tool
extends EditorPlugin
## Waits until a running editor has found the add-on, in a project that knew nothing of it, uses a class, and quits the
## editor. `scripts/smoke.sh` enables this plugin and checks what the editor prints. It copies the add-on into the
## project first if the environment variable LATE_ADDON has its folder, as a user does.
##
## Nothing is awaited: when the editor loads an extension, it reloads all scripts, and warns of coroutines that it
## cancels thereby.

const TARGET := "res://addons/async_sockets"

var _is_copied := false


func _process(_delta: float) -> void:
	if EditorInterface.get_resource_filesystem().is_scanning():
		return
	var source := OS.get_environment("LATE_ADDON")
	if not source.is_empty() and not _is_copied:
		_is_copied = true
		_copy(source, TARGET)
		# What the editor does when its window gets the focus back.
		EditorInterface.get_resource_filesystem().scan_sources()
	elif ClassDB.class_exists(&"TcpListener"):
		set_process(false)
		var listener: RefCounted = ClassDB.instantiate(&"TcpListener")
		if listener.call(&"start") == OK:
			print("the running editor has the classes")
			listener.call(&"stop")
		get_tree().quit.call_deferred()


func _copy(from: String, to: String) -> void:
	DirAccess.make_dir_recursive_absolute(to)
	for folder: String in DirAccess.get_directories_at(from):
		_copy(from.path_join(folder), to.path_join(folder))
	for file: String in DirAccess.get_files_at(from):
		DirAccess.copy_absolute(from.path_join(file), to.path_join(file))
