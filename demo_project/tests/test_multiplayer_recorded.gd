extends MultiplayerTest
## A recorded session of the engine's WebSocketMultiplayerPeer, as the server and as two clients. Our server is sent the
## clients' bytes, and has to answer with the recorded ones, byte for byte. It hands out the recorded peer ids, so that
## nothing varies.
##
## If this fails with a new version of the engine, record the session again (see record.gd).

const Game := preload("res://tests/recorded/game.gd")
const SESSION := "res://tests/recorded/session.txt"

var _ids: Array[int] = _recorded_ids()


func time_limit(_test_name: String) -> float:
	return 40.0


func test_as_recorded() -> void:
	await _replay()


## The bytes arrive one by one.
func test_byte_by_byte() -> void:
	await _replay(["1"])


func _replay(options := PackedStringArray()) -> void:
	var server := open_server(true, {}, _prepare)
	var game := server.get_node("Game") as Game
	var script := ProjectSettings.globalize_path("res://tests/peers/replay_session.py")
	var command := PackedStringArray([_python(), script, str(port), ProjectSettings.globalize_path(SESSION)])
	var run := await run_program(command + options)
	equal(run[0], 0, str(run[1]))

	var ann := _ids[0]
	var ben := _ids[1]
	var called: Array[Array] = [
		["greet", ann, "ann", Color.RED],
		["greet", ben, "ben", Color.BLUE],
		["say", ben, "A long story. ".repeat(9)],
		["move", ann, 77],
		["packet", ann, PackedByteArray([1, 2, 3])],
		["kick_me", ben],
	]
	equal(game.calls, called)
	equal(game.seen(), ["pawn_of_ann 77", "pawn_of_ben 77"] as Array[String])
	equal(server.events, [["+", ann], ["+", ben], ["-", ann], ["-", ben]] as Array[Array])


## Adds the game, and has the server hand out the recorded ids.
func _prepare(place: Place) -> void:
	var game := Game.new()
	game.name = "Game"
	place.add_child(game)
	place.api.peer_packet.connect(func(id: int, data: PackedByteArray) -> void: game.calls.append(["packet", id, data]))
	var server := place.peer.get_server() as WebSocketServer
	var ids := _ids.duplicate()
	server.manual_handshake = true
	server.handshake_requested.connect(
		func(request: WebSocketHandshakeRequest) -> void: is_ok(request.accept("", ids.pop_front()))
	)


## The peer ids in the order of the connections: the four bytes of the first frame from the server.
static func _recorded_ids() -> Array[int]:
	var ids: Array[int] = []
	for line in FileAccess.get_file_as_string(SESSION).split("\n"):
		var words := line.split(" ")
		if words.size() > 3 and words[1] == "<" and words[2] == "8204":
			ids.append(words[3].hex_decode().decode_s32(0))
	return ids
