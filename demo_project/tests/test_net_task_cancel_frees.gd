extends TcpTest
## A cancelled or abandoned operation holds the last reference to user objects, which are freed with it. Runs in a
## second engine, because a crash must not end the tests.


func time_limit(_test_name: String) -> float:
	return 60.0


func test_what_holds_the_socket_itself() -> void:
	for way: String in ["cancel", "cancel_in_line", "abandon", "accept", "datagram", "any"]:
		var output := await run_child("cancel_frees", PackedStringArray([way]))
		check(output.contains("it is gone"), "%s: %s" % [way, output])


func test_before_any_socket_was_made() -> void:
	var output := await run_child("tasks_alone")
	for line: String in [
		"all [1, 2]",
		"all later [7, 5]",
		"any [1, 7]",
		"from 7",
		"cancelled [%d]" % ERR_SKIP,
		"coroutines [14, 14]",
		"receive [3, []]",
		"later receive [3, []]"
	]:
		check(output.contains(line + "\n"), "%s in %s" % [line, output])
