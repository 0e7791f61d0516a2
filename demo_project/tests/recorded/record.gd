extends MultiplayerTest
## Renews session.txt: two clients with the engine's own peer play a session with a server that has it too, through a
## proxy that writes down what goes by.
##
##     scripts/godot.sh --headless --path demo_project res://tests/runner/run.tscn -- res://tests/recorded/record.gd

const Game := preload("res://tests/recorded/game.gd")
const SESSION := "res://tests/recorded/session.txt"


func time_limit(_test_name: String) -> float:
	return 30.0


func test_record() -> void:
	var server := open_server(false)
	var game := add_game(server)
	var report := await _start_recorder()

	var ann := open_client(false, {}, add_game)
	check(await wait_for(ann.is_connected_to_server))
	await _greet(ann, "ann", Color.RED)
	check(await wait_for(func() -> bool: return game_of(ann).seen() == ["pawn_of_ann 10"]))

	var ben := open_client(false, {}, add_game)
	check(await wait_for(ben.is_connected_to_server))
	check(await wait_for(func() -> bool: return ann.api.get_peers().has(ben.id()) and ben.api.get_peers().size() == 2))
	check(await wait_for(func() -> bool: return game_of(ben).seen() == ["pawn_of_ann 10"]))
	await _greet(ben, "ben", Color.BLUE)
	check(await wait_for(func() -> bool: return game_of(ann).seen().size() == 2 and game_of(ben).seen().size() == 2))

	# From client to client: twice, as the second packet names the node by a number.
	for text: String in ["Hello, ben. 👋", "Still there?"]:
		var known := game_of(ben).calls.size()
		game_of(ann).say.rpc_id(ben.id(), text)
		check(await wait_for(func() -> bool: return game_of(ben).calls.size() > known))
		await frames(10)
	# To everybody, and with a frame that has a longer length.
	game_of(ben).say.rpc("A long story. ".repeat(9))
	check(await wait_for(func() -> bool: return game.calls.size() == 3 and game_of(ann).calls.size() == 2))
	await frames(10)

	game_of(ann).move.rpc_id(1, 77)
	var moved := ["pawn_of_ann 77", "pawn_of_ben 77"]
	check(await wait_for(func() -> bool: return game_of(ann).seen() == moved and game_of(ben).seen() == moved))
	ann.api.send_bytes(PackedByteArray([1, 2, 3]), 1)
	await frames(10)

	(ann.peer as MultiplayerPeer).close()
	check(await wait_for(func() -> bool: return not ben.api.get_peers().has(ann.id())))
	await frames(10)
	game_of(ben).kick_me.rpc_id(1)
	check(await wait_for(func() -> bool: return ben.status() == MultiplayerPeer.CONNECTION_DISCONNECTED))
	equal(await report.recv_line(65536, 10.0), [OK, "done"])


static func add_game(place: Place) -> Game:
	var game := Game.new()
	game.name = "Game"
	place.add_child(game)
	return game


static func game_of(place: Place) -> Game:
	return place.get_node("Game") as Game


## Starts the recorder in front of the server, and has clients connect to it.
func _start_recorder() -> TcpClient:
	var listener := TcpListener.create(0, LOOPBACK)
	is_ok(listener.start())
	start_python(
		"res://tests/peers/record_session.py",
		[
			str(listener.get_local_port()),
			str(port),
			ProjectSettings.globalize_path(SESSION),
			"{major}.{minor}.{patch}".format(Engine.get_version_info()),
		]
	)
	var report := (await listener.accept(10.0) as Array)[1] as TcpClient
	port = (await report.recv_line() as Array)[1].to_int()
	return report


func _greet(place: Place, who: String, colour: Color) -> void:
	game_of(place).greet.rpc_id(1, who, colour)
	check(await wait_for(func() -> bool: return game_of(place).calls.size() == 1))
	await frames(10)
