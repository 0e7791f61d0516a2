extends HttpTest
# time_limit: 180
## Foreign HTTP clients: curl, Python's http.client and Node's fetch.

var _never: Array[HttpServerRequest] = []


func time_limit(_test_name: String) -> float:
	return 60.0


func before_each() -> void:
	var zipped := "unzipped".to_utf8_buffer().compress(FileAccess.COMPRESSION_GZIP)
	var block := PackedByteArray(range(251))
	var large := PackedByteArray()
	while large.size() < 3_000_000:
		large.append_array(block)
	large.resize(3_000_000)
	var files := {
		"index.html": "<p>home</p>",
		"below/index.html": "below",
		"large.bin": large,
		"zip.txt": "unzipped",
		"zip.txt.gz": zipped,
		".hidden": "secret",
	}
	make_server({"health_path": "/healthz"})
	is_ok(server.serve_folder("/", folder_with(files)))
	server.http_requested.connect(_on_http_requested)
	check(server.start(0, LOOPBACK))


func after_each() -> void:
	super()
	_never.clear()


func test_python() -> void:
	var run := await run_program(_python_program("http_client.py"), 40.0)
	equal(run[0], 0, run[1])
	equal((run[1] as String).count(" works\n"), 9, run[1])


func test_node() -> void:
	if OS.execute("node", ["--version"]) != 0:
		skip("Node is not there")
		return
	var script := ProjectSettings.globalize_path("res://tests/peers/http_client.cjs")
	var run := await run_program(PackedStringArray(["node", script, str(server.get_local_port())]), 40.0)
	equal(run[0], 0, run[1])
	equal((run[1] as String).count(" works\n"), 8, run[1])
	if check(_never.size() == 1):
		check(await wait_for(_never[0].has_client_left), "the cancelled request was told")


func test_curl() -> void:
	if OS.execute("curl", ["--version"]) != 0:
		skip("curl is not there")
		return
	equal(await _curl(["/"]), "<p>home</p>")
	equal(await _curl(["--http1.0", "/"]), "<p>home</p>")
	equal(await _curl(["--compressed", "/zip.txt"]), "unzipped")
	equal(await _curl(["--location", "/below"]), "below")
	equal(await _curl(["--range", "3-6", "/"]), "home")
	var head_lines := await _curl(["--head", "/"])
	check(head_lines.begins_with("HTTP/1.1 200 OK") and head_lines.contains("content-length: 11"), head_lines)
	check((await _curl(["/healthz"])).begins_with('{"status":"ok"'))
	equal(await _status(["/nothing"]), "404")
	equal(await _status(["--path-as-is", "/../../etc/passwd"]), "400")
	equal(await _status(["--path-as-is", "/..%2f..%2fetc/passwd"]), "400")
	var upload := folder_with({"upload": "x".repeat(500_000)}).path_join("upload")
	var data := "@" + ProjectSettings.globalize_path(upload)
	# curl waits for "100 Continue" before such a body.
	var echo := await _curl(["--header", "Expect: 100-continue", "--data-binary", data, "/echo"])
	equal((JSON.parse_string(echo) as Dictionary)["size"], 500_000.0, echo)
	echo = await _curl(["--header", "Transfer-Encoding: chunked", "--data-binary", data, "/echo"])
	equal((JSON.parse_string(echo) as Dictionary)["size"], 500_000.0, echo)


func _curl(arguments: PackedStringArray) -> String:
	var all: PackedStringArray = ["curl", "--silent", "--show-error", "--max-time", "20"]
	var url := "http://%s:%d" % [LOOPBACK, server.get_local_port()]
	for argument in arguments:
		all.append(url + argument if argument.begins_with("/") else argument)
	var run := await run_program(all, 30.0)
	equal(run[0], 0, "%s: %s" % [arguments, run[1]])
	return (run[1] as String).get_slice("\nexit code ", 0)


func _status(arguments: PackedStringArray) -> String:
	var all := PackedStringArray(["--output", "-", "--write-out", "%{http_code}"])
	all.append_array(arguments)
	return (await _curl(all)).right(3)


func _python_program(script: String) -> PackedStringArray:
	var path := ProjectSettings.globalize_path("res://tests/peers/" + script)
	return PackedStringArray(["python3", path, str(server.get_local_port())])


func _on_http_requested(request: HttpServerRequest) -> void:
	match request.path:
		"/echo":
			var told := {"method": request.method, "query": request.query, "size": request.body.size()}
			is_ok(request.respond_json(told))
		"/never":
			_never.append(request)
		_:
			request.respond(404, "no")
