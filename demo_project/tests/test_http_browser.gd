extends HttpTest
## Pages in headless Chromium, served by the WebSocketServer that they connect to.

const PAGES := "res://tests/peers/http_pages"

## A module that exports answer() = 42.
const WASM := "0061736d010000000105016000017f03020100070a0106616e7377657200000a06010400412a0b"

var _browser := ""
var _results: Array[Dictionary] = []


func time_limit(_test_name: String) -> float:
	return 60.0


func before_each() -> void:
	_browser = _find_browser()
	if _browser.is_empty():
		skip("there is no Chromium")


func test_what_a_page_can_use() -> void:
	var files := {
		"features.html": FileAccess.get_file_as_string(PAGES.path_join("features.html")),
		"module.js": 'export const greeting = "hello from a module";',
		"answer.wasm": WASM.hex_decode(),
		"packed.txt": "not compressed",
		"packed.txt.gz": "compressed".to_utf8_buffer().compress(FileAccess.COMPRESSION_GZIP),
		".hidden": "secret",
	}
	make_server()
	is_ok(server.serve_folder("/game", folder_with(files), {"cross_origin_isolated": true}))
	server.http_requested.connect(_on_http_requested)
	server.message_received.connect(func(id: int, text: String) -> void: server.send_text(id, text + " back"))
	check(server.start(0, LOOPBACK))
	_open("/game/features.html")
	check(await wait_for(func() -> bool: return not _results.is_empty(), 40.0), "a result")
	var expected := {
		"greeting": "hello from a module",
		"isolated": true,
		"shared": true,
		"wasm": 42.0,
		"packed": "compressed",
		"part": 206.0,
		"missing": 404.0,
		"hidden": 404.0,
		"api": {"query": {"name": "Jürgen"}, "body": "from the page"},
		"redirect": "/game/module.js",
		"socket": "hello back",
	}
	equal(_results, [expected] as Array[Dictionary])


func _on_http_requested(request: HttpServerRequest) -> void:
	match request.path:
		"/api":
			is_ok(request.respond_json({"query": request.query, "body": request.get_body_text()}))
		"/moved":
			is_ok(request.redirect("/game/module.js"))
		"/result":
			_results.append(request.get_body_json())
			is_ok(request.respond(204, null))
		_:
			is_ok(request.respond(404, "no"))


func _open(path: String) -> void:
	var profile := ProjectSettings.globalize_path(folder_with({}))
	var url := "http://%s:%d%s" % [LOOPBACK, server.get_local_port(), path]
	var arguments: PackedStringArray = [
		"--headless", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + profile, url
	]
	# A page that is only opened ends the browser at once, unless it can be debugged.
	arguments.insert(0, "--remote-debugging-port=0")
	start_process(_browser, arguments)


func _find_browser() -> String:
	var given := OS.get_environment("PEERS_CHROMIUM")
	if not given.is_empty():
		return given
	for program: String in ["chromium", "chromium-browser", "google-chrome"]:
		if OS.execute("which", [program]) == 0:
			return program
	return ""
