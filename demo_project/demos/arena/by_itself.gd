extends Node
## What the arena does without a window: the server starts a second process of the engine, in which a client joins,
## walks, says hello, is greeted by a bot, and leaves.
##
## Each of the two checks what it sees within a time limit, and quits with 0 if all has happened, otherwise with 1. The
## server also wants a 0 from the client.

const Arena := preload("res://demos/arena/arena.gd")
const Demo := preload("res://demos/shared/demo.gd")
const Player := preload("res://demos/arena/player.gd")

const CLIENT_NAME := "Ada"
## How far the client walks, in pixels.
const WALK := 100.0
## Time limits, in seconds.
const CLIENT_LIMIT := 12.0
const SERVER_LIMIT := 15.0

var _arena: Arena
var _deadline := 0
## What was said here, as `name: text`.
var _said := PackedStringArray()
## Where the server says that the client's player is.
var _told := Vector2.ZERO


func start(arena: Arena) -> void:
	_arena = arena
	for player in _arena.get_players():
		_listen_to(player)
	var _error := _arena.get_field().child_entered_tree.connect(_listen_to)
	_deadline = Time.get_ticks_msec() + int(1000 * (SERVER_LIMIT if _arena.is_server else CLIENT_LIMIT))
	var succeeded := false
	if _arena.is_server:
		succeeded = await _serve()
		print("demo: ", "done" if succeeded else "FAILED")
	else:
		succeeded = await _play()
	get_tree().quit(0 if succeeded else 1)


#region The server


func _serve() -> bool:
	var bots := "--bots=%d" % _arena.get_players().size()
	var options: PackedStringArray = ["--join", _arena.url, "--name=" + CLIENT_NAME, bots]
	var client := OS.create_process(Demo.get_engine(), Demo.get_engine_arguments(_arena.scene_file_path, options))
	if client == -1:
		return _fails("the second process does not start")
	_arena.note("started a second process, with the engine's own client")
	var succeeded := await _watch(client)
	if OS.is_process_running(client):
		var _error := OS.kill(client)
	return succeeded


func _watch(client: int) -> bool:
	var runs := func() -> bool: return OS.is_process_running(client)
	if not await _until(func() -> bool: return _find(CLIENT_NAME) != null, runs):
		return _fails("the client does not join")
	var player := _find(CLIENT_NAME)
	var entrance := player.position
	var has_walked := func() -> bool: return is_instance_valid(player) and player.position.distance_to(entrance) >= WALK
	if not await _until(has_walked, runs):
		return _fails("the client does not walk")
	_arena.note("%s has walked %d pixels" % [CLIENT_NAME, player.position.distance_to(entrance)])
	if not await _until(func() -> bool: return _said.has("%s: hello" % CLIENT_NAME), runs):
		return _fails("the client says nothing")
	if not await _until(func() -> bool: return _find(CLIENT_NAME) == null):
		return _fails("the client does not leave")
	if not await _until(func() -> bool: return not OS.is_process_running(client)):
		return _fails("the second process does not end")
	var code := OS.get_process_exit_code(client)
	_arena.note("the second process has ended with %d" % code)
	return code == 0


#endregion
#region The client


func _play() -> bool:
	if not await _until(func() -> bool: return _arena.get_own_player() != null):
		return _fails("there is no player for me")
	var own := _arena.get_own_player()
	var bots := _arena.get_players().filter(func(player: Player) -> bool: return player.is_bot)
	_arena.note("%d nodes were spawned here: %d bots, and me" % [_arena.get_players().size(), bots.size()])
	if bots.size() != Demo.get_option("bots", "0").to_int():
		return _fails("the server has %s bots" % Demo.get_option("bots", "0"))

	# The position of `State` as it comes; in between, player.gd goes on from it.
	var state: MultiplayerSynchronizer = own.get_node(^"State")
	var _error := state.synchronized.connect(func() -> void: _told = own.net_position)
	_told = own.net_position
	var entrance := _told
	var bot: Player = bots[0]
	var entrance_of_bot := bot.net_position
	own.steering = Vector2.LEFT if entrance.x > Player.FIELD.x / 2 else Vector2.RIGHT
	if not await _until(func() -> bool: return _told.distance_to(entrance) >= WALK):
		return _fails("the server does not move me")
	own.steering = Vector2.ZERO
	_arena.note("the server has moved me by %d pixels" % _told.distance_to(entrance))
	if not await _until(func() -> bool: return bot.net_position.distance_to(entrance_of_bot) > Player.RADIUS):
		return _fails("the bots do not move")

	own.say.rpc("hello")
	var is_answer := func(line: String) -> bool: return line.ends_with(": hello, %s" % own.player_name)
	if not await _until(func() -> bool: return Array(_said).any(is_answer)):
		return _fails("no bot answers")
	# Leaves: the last reference to the old peer closes its connection.
	multiplayer.multiplayer_peer = OfflineMultiplayerPeer.new()
	return true


#endregion


func _find(player_name: String) -> Player:
	for player in _arena.get_players():
		if player.player_name == player_name and not player.is_queued_for_deletion():
			return player
	return null


func _listen_to(player: Player) -> void:
	var _error := player.said.connect(_on_said.bind(player))


func _on_said(text: String, player: Player) -> void:
	var _is_full := _said.append("%s: %s" % [player.player_name, text])


## Waits until the condition holds. Returns false if the time is over, or the second condition no longer holds, first.
func _until(condition: Callable, meanwhile := Callable()) -> bool:
	while not condition.call():
		if Time.get_ticks_msec() > _deadline or (meanwhile.is_valid() and not meanwhile.call()):
			return false
		await get_tree().process_frame
	return true


func _fails(why: String) -> bool:
	_arena.note("FAILED: " + why)
	return false
