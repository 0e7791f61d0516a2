extends "res://bench/bench_server.gd"
## This add-on's WebSocketServer, serving a small file by plain HTTP: with the work `kept` from memory, as one of an
## exported project, with `disk` from the disk, and with `script` by a handler.

const SIZE := 1024

var _server := WebSocketServer.new()
var _folder := "user://bench_%d" % OS.get_process_id()


func start() -> int:
	_server.auto_process = budget_usec == 0
	_server.max_http_connections = 4096
	if work == "script":
		_server.http_requested.connect(_on_http_requested)
	else:
		DirAccess.make_dir_recursive_absolute(_folder)
		FileAccess.open(_folder.path_join("page.html"), FileAccess.WRITE).store_string("x".repeat(SIZE))
		_server.serve_folder("/", _packed() if work == "kept" else _folder)
	_server.start(0, "127.0.0.1")
	return _server.get_local_port()


func _process(_delta: float) -> void:
	if budget_usec > 0:
		_server.process(budget_usec)


func _exit_tree() -> void:
	if work != "script":
		for file in DirAccess.get_files_at(_folder):
			DirAccess.remove_absolute(_folder.path_join(file))
		DirAccess.remove_absolute(_folder)


func _on_http_requested(request: HttpServerRequest) -> void:
	received += 1
	request.respond(200, "x".repeat(SIZE), "text/html")


## The file inside a PCK, as in an exported project.
func _packed() -> String:
	var pack := ProjectSettings.globalize_path(_folder.path_join("page.pck"))
	var packer := PCKPacker.new()
	packer.pck_start(pack)
	packer.add_file("res://packed/page.html", ProjectSettings.globalize_path(_folder.path_join("page.html")))
	packer.flush()
	ProjectSettings.load_resource_pack(pack)
	return "res://packed"
