extends TcpTest
## When the engine quits, pending operations end while the nodes are still in the tree.


func time_limit(_test_name: String) -> float:
	return 60.0


func test_from_process() -> void:
	_check(await run_child("quit_in_tree", ["process"]), ["below", "beside"])


func test_as_a_window_is_closed() -> void:
	_check(await run_child("quit_in_tree", ["close_request"]), ["below", "beside"])


## The root has gained children since the first socket was made.
func test_after_the_scene_has_changed() -> void:
	_check(await run_child("quit_in_tree", ["change_scene"]), ["below", "beside"])


func test_a_child_of_the_last_moment() -> void:
	_check(await run_child("quit_in_tree", ["last_moment"]), ["below", "beside", "at_last"])


func test_a_tree_of_its_own() -> void:
	var arguments: PackedStringArray = ["--script", "res://tests/children/quit_script_alone.gd"]
	var run := await run_engine(arguments)
	equal(run[0], 0)
	_check(run[1], ["alone"])


func _check(output: String, nodes: Array[String]) -> void:
	for node in nodes:
		var told := "%s: error %d, inside the tree: true" % [node, ERR_UNAVAILABLE]
		check(output.contains(told), "%s hears of it inside the tree" % node)
	check(not output.contains("ERROR"), "and prints no error:\n%s" % output)
