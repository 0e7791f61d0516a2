extends NetTest
## One test for each way in which a test can fail. Run by `test_runner.gd` in a second engine.


func time_limit(test_name: String) -> float:
	return 0.2 if test_name == "test_never_ends" else 2.0


func test_fails() -> void:
	equal(2, 1, "two is not one")
	fail("the second reason")


func test_asserts_nothing() -> void:
	await frames(1)


func test_never_ends() -> void:
	check(true)
	while true:
		await frames(1)


func test_stops_at_a_script_error() -> void:
	var nothing: Node = null
	nothing.get_name()
	check(true)


func test_skips() -> void:
	skip("not here")


func test_passes_after_all_of_them() -> void:
	check(true)
