extends HttpTest
# time_limit: 180
## Folders of the user's data, of the project, and inside a PCK, by plain HTTP.

const NOTHING := "There is nothing here.\n"


func time_limit(_test_name: String) -> float:
	return 30.0


func test_a_folder_of_the_user() -> void:
	var folder := folder_with({"index.html": "<p>home</p>", "a b/é.txt": "below", ".secret": "secret"})
	serve()
	is_ok(server.serve_folder("/", folder))
	var home := await answers("/", 200, "<p>home</p>")
	equal(home.headers["content-type"], "text/html; charset=utf-8")
	equal(home.headers["cache-control"], "no-cache")
	equal((await fetch("/", ["If-None-Match: " + str(home.headers["etag"])])).status, 304)
	await answers("/a%20b/%C3%A9.txt", 200, "below")
	await answers("/.secret", 404, NOTHING)
	await answers("/nothing", 404, NOTHING)
	equal((await fetch("/%2e%2e/x")).status, 400)
	write(folder.path_join("index.html"), "changed")
	await answers("/", 200, "changed")
	is_ok(server.serve_folder("/abs", ProjectSettings.globalize_path(folder)))
	await answers("/abs/", 200, "changed")


func test_folders_are_served_before_and_after_a_restart() -> void:
	make_server({"health_path": "/healthz"})
	is_ok(server.serve_folder("/files", folder_with({"a.txt": "A"})))
	for _round in 2:
		check(server.start(0, LOOPBACK))
		await answers("/files/a.txt", 200, "A")
		equal((await fetch("/healthz")).status, 200)
		server.stop()
		await frames(2)
	check(server.start(0, LOOPBACK))
	is_ok(server.stop_serving("/files/"))
	is_error(server.stop_serving("/files/"), ERR_DOES_NOT_EXIST)
	await answers("/files/a.txt", 404, NOTHING)
	server.health_path = ""
	equal((await fetch("/healthz")).status, 426, "no HTTP is left")


func test_the_project_is_kept_or_read_anew() -> void:
	var path := "res://tests/served_%d" % OS.get_process_id()
	_folders.append(path)
	write(path.path_join("index.html"), "first")
	write(path.path_join("below/a.txt"), "A")
	write(path.path_join(".hidden"), "secret")
	var of_the_engine: PackedStringArray = ["a.png.import", "below/a.gd.uid", "b.remap"]
	for file in of_the_engine:
		write(path.path_join(file), "")
	serve()
	is_ok(server.serve_folder("/kept", path, {"reload": false}))
	is_ok(server.serve_folder("/fresh", path))
	for prefix: String in ["/kept", "/fresh"]:
		var home := await answers(prefix + "/", 200, "first")
		check(home.headers.has("etag") and home.headers.has("last-modified"))
		await answers(prefix + "/below/a.txt", 200, "A")
		await answers(prefix + "/.hidden", 404, NOTHING)
		for file in of_the_engine:
			await answers(prefix.path_join(file), 404, NOTHING)
		equal((await fetch(prefix + "/", ["Range: bytes=1-2"])).text(), "ir")
	write(path.path_join("index.html"), "second")
	write(path.path_join("new.txt"), "new")
	await answers("/kept/", 200, "first")
	await answers("/kept/new.txt", 404, NOTHING)
	await answers("/fresh/", 200, "second")
	await answers("/fresh/new.txt", 200, "new")
	for reload: bool in [false, true]:
		var error := server.serve_folder("/kept", path, {"max_bytes": 9, "reload": reload})
		is_error(error, ERR_OUT_OF_MEMORY, "%s" % reload)
	await answers("/kept/", 200, "first")
	is_ok(server.serve_folder("/kept", path, {"max_bytes": 16, "reload": false}))
	await answers("/kept/", 200, "second")


func test_inside_a_pck() -> void:
	var folder := folder_with({"index.html": "<p>packed</p>", "game.wasm": "\u0000asm".to_utf8_buffer()})
	var pack := ProjectSettings.globalize_path(folder.path_join("pack.pck"))
	var packer := PCKPacker.new()
	is_ok(packer.pck_start(pack))
	for file: String in ["index.html", "game.wasm"]:
		is_ok(
			packer.add_file("res://packed_site/below/" + file, ProjectSettings.globalize_path(folder.path_join(file)))
		)
	is_ok(packer.flush())
	check(ProjectSettings.load_resource_pack(pack, false))
	serve()
	is_ok(server.serve_folder("/", "res://packed_site"))
	var home := await answers("/below/", 200, "<p>packed</p>")
	check(home.headers.has("last-modified"))
	equal((await fetch("/below/game.wasm")).headers["content-type"], "application/wasm")
	equal((await fetch("/below")).headers["location"], "/below/")
	is_error(server.serve_folder("/x", "res://packed_site", {"max_bytes": 12}), ERR_OUT_OF_MEMORY)


## An export for debugging that was started in a folder which looks like the project.
func test_an_export_serves_its_pck() -> void:
	var path := "res://tests/served_%d" % OS.get_process_id()
	var outside := ProjectSettings.globalize_path(path)
	_folders.append(outside)
	write(outside.path_join("index.html"), "of the working directory")
	var said := await _export(path, {"index.html": "packed"})
	check(said.contains("served: OK\n200: packed\n"), said)


## The filter for non-resource files was forgotten: the export has nothing of the folder, or only what the engine made
## of its images.
func test_an_export_without_the_files() -> void:
	var path := "res://tests/unserved_%d" % OS.get_process_id()
	for files: Dictionary in [{}, {"logo.png.import": "[remap]"}]:
		var said := await _export(path, files)
		check(said.contains("served: File not found\n426: "), said)
		var filter := path.trim_prefix("res://") + "/*"
		var parts: PackedStringArray = [
			"WebSocketServer.serve_folder: ", "'%s'" % path, "'%s'" % filter, "filter for non"
		]
		for words in parts:
			equal(said.count(words), 1, "%s in %s" % [words, said])


## Packs the scene that serves a folder, with these files in the folder, runs it, and returns what it prints.
func _export(path: String, files: Dictionary) -> String:
	var folder := folder_with(files)
	var pack := ProjectSettings.globalize_path(folder.path_join("export.pck"))
	var packer := PCKPacker.new()
	is_ok(packer.pck_start(pack))
	for file: String in [
		"res://project.godot",
		"res://.godot/extension_list.cfg",
		"res://addons/async_sockets/async_sockets.gdextension",
		"res://tests/children/child.tscn",
		"res://tests/children/child.gd",
		"res://tests/children/packed_site.gd",
	]:
		is_ok(packer.add_file(file, ProjectSettings.globalize_path(file)))
	for file: String in files:
		is_ok(packer.add_file(path.path_join(file), ProjectSettings.globalize_path(folder.path_join(file))))
	is_ok(packer.flush())
	var arguments := ["--headless", "--main-pack", pack, "res://tests/children/child.tscn", "--", "packed_site", path]
	var run := await run_program(PackedStringArray([_engine()] + arguments))
	equal(run[0], 0, run[1])
	return run[1]


func test_options() -> void:
	serve()
	var options := {
		"index": "start.htm",
		"cache_control": "public, max-age=60",
		"cross_origin_isolated": true,
		"allow_origin": "*",
		"headers": ["X-A: b"],
	}
	is_ok(server.serve_folder("/", folder_with({"start.htm": "start", "x.js": "x", "x.js.gz": "zipped"}), options))
	var home := await answers("/", 200, "start")
	var expected := {
		"cache-control": "public, max-age=60",
		"cross-origin-opener-policy": "same-origin",
		"cross-origin-embedder-policy": "require-corp",
		"access-control-allow-origin": "*",
		"x-a": "b",
	}
	for header: String in expected:
		equal(home.headers.get(header), expected[header], header)
	var connection := await raw()
	connection.send(utf8("GET /x.js HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"))
	check(await wait_for(connection.is_ended))
	var received := connection.received.get_string_from_utf8()
	check(received.contains("\r\ncontent-encoding: gzip\r\n") and received.ends_with("zipped"), received)


func test_misuse() -> void:
	serve()
	var folder := folder_with({"a": "A"})
	for prefix: String in ["", "x", "/.x", "/../x", "/a//b"]:
		is_error(server.serve_folder(prefix, folder), ERR_INVALID_PARAMETER, prefix)
	for path: String in ["", "web", "./web", "http://a/b"]:
		is_error(server.serve_folder("/", path), ERR_INVALID_PARAMETER, path)
	# All of the project, or of the disk.
	for path: String in ["res://", "res:///", "res://.", "res://tests/..", "/", "//", "/tmp/.."]:
		is_error(server.serve_folder("/", path), ERR_INVALID_PARAMETER, path)
		check(server.get_last_error_message().contains("would be public"), server.get_last_error_message())
	var engine_log := EngineLog.new()
	var is_logged := engine_log.start()
	for path: String in ["user://nothing", "res://nothing", "/nothing at all", folder.path_join("a")]:
		is_error(server.serve_folder("/", path), ERR_FILE_NOT_FOUND, path)
		check(server.get_last_error_message().contains("'%s'" % path), server.get_last_error_message())
		if is_logged:
			var lines := engine_log.lines_with("WebSocketServer.serve_folder: there is no folder '%s'" % path)
			equal(lines.size(), 1, "%s is printed once" % path)
			equal(engine_log.take_count(), 1, "and nothing else")
	engine_log.stop()
	var wrong: Array[Dictionary] = [
		{"indx": "a"},
		{"index": "a/b"},
		{"index": 1},
		{"cache_control": "a\r\nX: y"},
		{"allow_origin": "*\r\nX: y"},
		{"headers": ["X"]},
		{"headers": ["Content-Length: 1"]},
		{"headers": 3},
		{"max_bytes": -1},
		{"reload": "yes"},
		{"cross_origin_isolated": 1.5},
	]
	for options in wrong:
		is_error(server.serve_folder("/", folder, options), ERR_INVALID_PARAMETER, str(options))
	server.health_path = "healthz"
	equal(server.health_path, "")
	equal((await fetch("/")).status, 426, "nothing is served")


func test_health() -> void:
	serve({"health_path": "/healthz"})
	await join()
	var health := await fetch("/healthz")
	equal(health.headers["content-type"], "application/json")
	var parsed := JSON.parse_string(health.text()) as Dictionary
	equal([parsed["status"], parsed["clients"]], ["ok", 1.0])
	check((parsed["uptime"] as float) >= 0.0)
	equal(server.get_statistics()["http_requests"], 1)
	# Answered in the background: nothing is processed meanwhile.
	server.auto_process = false
	equal((await fetch("/healthz")).status, 200)


## The page and its WebSocket share a port, and a WebSocket may follow a page on its connection.
func test_a_page_and_its_websocket() -> void:
	serve()
	is_ok(server.serve_folder("/", folder_with({"index.html": "page"})))
	var connection := await raw()
	connection.send(utf8("GET / HTTP/1.1\r\nHost: a\r\n\r\n"))
	check(await wait_for(func() -> bool: return connection.received.get_string_from_utf8().ends_with("page")))
	connection.received.clear()
	connection.send(head())
	check(await wait_for(func() -> bool: return connection.has_head()))
	equal(connection.status(), 101)
	check(connection.take_head().contains("\r\nSec-WebSocket-Accept: %s\r\n" % ACCEPT))
	await told("connected", [1])
	connection.send(frame(FIN | TEXT, utf8("hello")))
	await told("message", [1, "hello"])
	await join()
	await answers("/", 200, "page")
