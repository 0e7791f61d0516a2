extends Node
## The server of the arena: its limits, its bots, and who gets a player.
##
## This is the only script of the arena that names classes of Async Sockets. Where the library is missing, as in a web
## export, such a script does not load; `arena.gd` loads it only in a process that serves.

const Arena := preload("res://demos/arena/arena.gd")
const Colors := preload("res://demos/shared/colors.gd")
const Demo := preload("res://demos/shared/demo.gd")
const Player := preload("res://demos/arena/player.gd")

const BOT_COLOR := Color("66738f")

const MAX_NAME_LENGTH := 16

var _arena: Arena
var _peer := AsyncMultiplayerPeer.new()
var _bots: Array[Bot] = []
## By peer id.
var _players := {}
var _joined := 0


## Returns whether the server runs.
func start(arena: Arena) -> bool:
	_arena = arena
	# The WebSocketServer behind the peer has the limits. They are set before create_server().
	var server := _peer.get_server()
	server.max_clients = 64
	server.max_message_size = 64 * 1024
	server.heartbeat_interval = 10.0
	# A client that does not read must not hold up the others: it is disconnected.
	server.backpressure_policy = WebSocketServer.BACKPRESSURE_DISCONNECT

	# By itself, it takes any port that is free.
	var port := Demo.get_option("port", "0" if _arena.plays_by_itself else "9080").to_int()
	# With WebSocketMultiplayerPeer, these lines would be the same.
	if _peer.create_server(port) != OK:
		_arena.note("cannot serve: %s" % _peer.get_last_error_message())
		return false
	multiplayer.multiplayer_peer = _peer

	_arena.url = "ws://localhost:%d" % server.get_local_port()
	var _error := multiplayer.peer_connected.connect(_on_peer_connected)
	_error = multiplayer.peer_disconnected.connect(_on_peer_disconnected)
	_error = _arena.introduced.connect(_on_introduced)
	_arena.show_class("AsyncMultiplayerPeer")
	_arena.note("listening at %s" % _arena.url)
	for number in Demo.get_option("bots", "12").to_int():
		var bot := Bot.new()
		bot.player = _spawn(MultiplayerPeer.TARGET_PEER_SERVER, "Bot %d" % (number + 1), BOT_COLOR, true)
		_bots.append(bot)
	if not _arena.is_headless:
		_add_player(MultiplayerPeer.TARGET_PEER_SERVER, "Host", Colors.WAITING)
	var timer := Timer.new()
	_error = timer.timeout.connect(_measure_latency)
	add_child(timer)
	timer.start(1.0)
	return true


func _process(delta: float) -> void:
	var all := _arena.get_players()
	for bot in _bots:
		bot.steer(delta, all)


func _on_peer_connected(id: int) -> void:
	_arena.note("peer %d is in, from %s" % [id, _peer.get_peer_address(id)])


## A client asks for a player. What it sends is checked: it may ask twice, or for any name.
func _on_introduced(id: int, wanted_name: String) -> void:
	if _players.has(id):
		return
	var short := wanted_name.strip_escapes().strip_edges().left(MAX_NAME_LENGTH)
	_joined += 1
	_add_player(id, short if short else "Guest %d" % _joined, Colors.OF_NAMES[_joined % Colors.OF_NAMES.size()])


func _on_peer_disconnected(id: int) -> void:
	# It may have left before it had a player. The MultiplayerSpawner removes the player everywhere.
	if _players.has(id):
		var player: Player = _players[id]
		player.queue_free()
		var _was_here := _players.erase(id)


func _add_player(id: int, player_name: String, color: Color) -> void:
	var player := _spawn(id, player_name, color, false)
	var _error := player.said.connect(func(_text: String) -> void: _answer(player))
	_players[id] = player


## Adds a node in every process, also in those that join later.
func _spawn(id: int, player_name: String, color: Color, is_bot: bool) -> Player:
	var at := Vector2(randf_range(0.1, 0.9), randf_range(0.1, 0.9)) * Player.FIELD
	return _arena.spawn({"peer": id, "name": player_name, "color": color, "bot": is_bot, "position": at})


## The nearest bot greets a player that says something.
func _answer(player: Player) -> void:
	var nearest: Player = null
	for bot in _bots:
		var distance := bot.player.position.distance_to(player.position)
		if nearest == null or distance < nearest.position.distance_to(player.position):
			nearest = bot.player
	if nearest != null:
		nearest.say.rpc("hello, %s" % player.player_name)


## Pings every client once a second. The answers cost the clients' scripts nothing; `State` shows the result to all.
func _measure_latency() -> void:
	for id in multiplayer.get_peers():
		var _error := _peer.get_server().ping(_peer.get_client_id(id))
		if _players.has(id):
			var player: Player = _players[id]
			player.latency = _peer.get_peer_latency(id)


## Walks from one place to the next, around the others.
class Bot:
	extends RefCounted

	## Time between two decisions, and for one way at most, in seconds.
	const PAUSE := 0.1
	const PATIENCE := 6.0
	## Distance that it keeps from others, in pixels.
	const DISTANCE := 64.0
	## Compared with a player.
	const SPEED := 0.6

	var player: Player

	var _goal := Vector2.ZERO
	var _patience := 0.0
	var _pause := randf() * PAUSE
	var _wanted := Vector2.ZERO

	func steer(delta: float, others: Array[Player]) -> void:
		_patience -= delta
		_pause -= delta
		if _pause <= 0.0:
			_pause += PAUSE
			_decide(others)
		player.steering = player.steering.lerp(_wanted, 1.0 - exp(-5.0 * delta))

	func _decide(others: Array[Player]) -> void:
		if _patience <= 0.0 or player.position.distance_to(_goal) < DISTANCE:
			_goal = Vector2(randf_range(0.05, 0.95), randf_range(0.05, 0.95)) * Player.FIELD
			_patience = PATIENCE
		_wanted = player.position.direction_to(_goal)
		for other in others:
			var distance := player.position.distance_to(other.position)
			if other != player and distance < DISTANCE:
				_wanted += other.position.direction_to(player.position) * 2.0 * (1.0 - distance / DISTANCE)
		_wanted = _wanted.limit_length() * SPEED
