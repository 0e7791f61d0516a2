extends NetTest
## A WebSocketClient whose server vanishes without a word, as when a cable is pulled: there is no FIN and no RST. Needs
## Linux, and the right to make network namespaces without being root; skipped otherwise.


func time_limit(_test_name: String) -> float:
	return 60.0


func test_a_cut_link() -> void:
	# The same tools as the child uses.
	var probe := "ip link add near type veth peer name far && mount --bind /dev/null /etc/hosts && nsenter --version"
	if OS.get_name() != "Linux" or OS.execute("unshare", ["-rnm", "sh", "-c", probe]) != 0:
		skip("network namespaces (unshare -rnm, ip, nsenter) are not available")
		return
	var command: PackedStringArray = ["unshare", "-rnm", _engine(), "--headless", "--path"]
	command.append_array([ProjectSettings.globalize_path("res://"), "res://tests/children/child.tscn", "--"])
	command.append_array(["websocket_cut_link", _python()])
	var run := await run_program(command, 45.0)
	var output := run[1] as String
	equal(run[0], 0, output)
	for line: String in [
		# What the child sees, in this order.
		"connected to 10.77.0.2",
		"echo before",
		"the link is cut",
		"disconnected 1006 false: the server did not answer a ping",
		"an attempt failed: %d" % ERR_TIMEOUT,
		"the link is back",
		"connected to 10.77.0.3",
		"echo kept",
		"echo after",
		"in order: true",
	]:
		var at := output.find(line)
		if not check(at >= 0, "'%s' is missing in\n%s" % [line, run[1]]):
			return
		output = output.substr(at + line.length())
	for trouble: String in ["ERROR", "ObjectDB instances leaked", "panicked at"]:
		check(not (run[1] as String).contains(trouble), "%s in\n%s" % [trouble, run[1]])
