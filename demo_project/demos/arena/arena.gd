extends Control
## A small arena on Godot's high-level multiplayer: bots and players move about, in as many processes as like to join.
##
## The server uses AsyncMultiplayerPeer, the clients the engine's own WebSocketMultiplayerPeer. All the rest is the same
## for both, and would be the same with any other peer:
## [br]- `arena_server.gd` serves: limits, bots, latency, and who gets a player. It is loaded only where it is needed: a
## script that names a class of the library does not load in a web export.
## [br]- `arena_client.gd` joins.
## [br]- `player.gd`, with two MultiplayerSynchronizers, is what the MultiplayerSpawner of this scene spawns.
## [br]- This script decides which of the two it is, has the one RPC that is not a player's, and the window.
##
## Without arguments, it serves, and the host plays too. After the engine's own arguments, `-- --join` joins that server
## from another process, and `-- --join ws://example.org:9080` one elsewhere. `--name=Ada` gives the player a name;
## `--port=9000` serves on another port, and `--bots=100` with more bots.
##
## Headless, it goes through this by itself with a client in a second process, prints what happens, and quits (see
## `by_itself.gd`); with `-- --serve`, it stays and serves.

## A client asks for a player.
signal introduced(peer_id: int, wanted_name: String)

const Demo := preload("res://demos/shared/demo.gd")
const Player := preload("res://demos/arena/player.gd")
const FrameMeter := preload("res://demos/arena/frame_meter.gd")
const PLAYER_SCENE := preload("res://demos/arena/player.tscn")

# Loaded when needed, not preloaded.
const SERVER_SCRIPT := "res://demos/arena/arena_server.gd"
const CLIENT_SCRIPT := "res://demos/arena/arena_client.gd"
const BY_ITSELF_SCRIPT := "res://demos/arena/by_itself.gd"

## Of the list of players.
const MAX_ROWS := 6

## Of the server, from everybody's point of view.
var url := "ws://localhost:9080"
var is_server := false
var is_headless := DisplayServer.get_name() == "headless"
var plays_by_itself := false

@onready var _address: Label = %Address
@onready var _class: Label = %Class
@onready var _values: Label = %Values
@onready var _meter: FrameMeter = %FrameMeter
@onready var _names: RichTextLabel = %Names
@onready var _latencies: Label = %Latencies
@onready var _log: RichTextLabel = %Log
@onready var _players: Node2D = %Players
@onready var _spawner: MultiplayerSpawner = %Spawner


func _ready() -> void:
	get_tree().multiplayer_poll = false
	_spawner.spawn_function = _make_player
	var _error := _players.child_entered_tree.connect(_on_player_came)
	_error = _players.child_exiting_tree.connect(_on_player_left)
	plays_by_itself = Demo.runs_by_itself() and not Demo.has_flag("serve")
	if not is_headless:
		get_window().size = Vector2i(1152, 648)
		var timer: Timer = %Timer
		_error = timer.timeout.connect(_show)

	# A build without the library, such as a web export, can only join.
	is_server = ClassDB.class_exists(&"AsyncMultiplayerPeer") and not Demo.has_flag("join")
	var script: GDScript = load(SERVER_SCRIPT if is_server else CLIENT_SCRIPT)
	var role: Node = script.new()
	add_child(role)
	var is_started: bool = role.call(&"start", self)
	if is_headless and not is_started and not Demo.is_from_menu:
		get_tree().quit(1)
	elif plays_by_itself:
		var player_script: GDScript = load(BY_ITSELF_SCRIPT)
		var player: Node = player_script.new()
		add_child(player)
		player.call(&"start", self)
	_show()


## What comes next, such as the menu, finds everything as it was.
func _exit_tree() -> void:
	multiplayer.multiplayer_peer = OfflineMultiplayerPeer.new()
	get_tree().multiplayer_poll = true


func _process(_delta: float) -> void:
	# By hand, to see what it takes. Otherwise, the tree does this before every frame.
	var before := Time.get_ticks_usec()
	var _error := multiplayer.poll()
	_meter.add_poll(Time.get_ticks_usec() - before)
	var own := get_own_player()
	if own != null and not is_headless:
		own.steering = _read_keys()


func _unhandled_key_input(event: InputEvent) -> void:
	var key: InputEventKey = event
	var own := get_own_player()
	if own != null and key.pressed and not key.echo and key.physical_keycode == KEY_SPACE:
		own.say.rpc("hello")


## A client calls this at the server, to get a player.
@rpc("any_peer", "reliable")
func introduce(wanted_name: String) -> void:
	introduced.emit(multiplayer.get_remote_sender_id(), wanted_name)


## Spawns a player in every process. Only the server may.
func spawn(data: Dictionary) -> Player:
	return _spawner.spawn(data)


## Runs in every process, with what the server gave to spawn().
func _make_player(data: Dictionary) -> Player:
	var player: Player = PLAYER_SCENE.instantiate()
	player.setup(data)
	return player


func get_players() -> Array[Player]:
	var all: Array[Player] = []
	all.assign(_players.get_children())
	return all


## The parent of the players.
func get_field() -> Node:
	return _players


## The player that this process steers, if there is one.
func get_own_player() -> Player:
	for player in get_players():
		if player.is_mine():
			return player
	return null


func _read_keys() -> Vector2:
	var arrows := Input.get_vector(&"ui_left", &"ui_right", &"ui_up", &"ui_down")
	var letters := Vector2(
		float(Input.is_physical_key_pressed(KEY_D)) - float(Input.is_physical_key_pressed(KEY_A)),
		float(Input.is_physical_key_pressed(KEY_S)) - float(Input.is_physical_key_pressed(KEY_W))
	)
	return (arrows + letters).limit_length()


#region The window


func note(text: String) -> void:
	print("%s: %s" % ["server" if is_server else "client", text])
	_log.add_text(text + "\n")


func show_class(peer_class: String) -> void:
	_address.text = "%s %s" % ["serves at" if is_server else "plays at", url]
	_class.text = peer_class
	if not is_headless:
		get_window().title = "Arena: %s" % ("server" if is_server else "client")


func _on_player_came(player: Player) -> void:
	if not player.is_bot:
		note("%s is here" % player.player_name)
	var _error := player.said.connect(func(text: String) -> void: note("%s says '%s'" % [player.player_name, text]))


func _on_player_left(player: Player) -> void:
	if not player.is_bot:
		note("%s has left" % player.player_name)


## Four times a second: the figures and the players.
func _show() -> void:
	var has_joined := multiplayer.multiplayer_peer.get_connection_status() == MultiplayerPeer.CONNECTION_CONNECTED
	var players := get_players().filter(func(player: Player) -> bool: return not player.is_bot)
	var lines := PackedStringArray(
		[
			str(multiplayer.get_unique_id()) if has_joined else "none",
			"%d, and %d bots" % [players.size(), get_players().size() - players.size()],
			_latency_text(),
			"%.1f ms" % _meter.get_average(),
			"%.1f ms" % _meter.get_p99(),
			"%.2f ms" % _meter.get_poll(),
		]
	)
	_values.text = "\n".join(lines)
	_names.clear()
	var latencies := PackedStringArray()
	for player: Player in players.slice(0, MAX_ROWS):
		if not latencies.is_empty():
			_names.newline()
		_names.push_color(player.color)
		_names.add_text(player.player_name + (" (you)" if player.is_mine() else ""))
		_names.pop()
		var _is_full := latencies.append("%.1f ms" % player.latency if player.latency >= 0.0 else "")
	_latencies.text = "\n".join(latencies)


## A client's own latency; on the server, that of the slowest client.
func _latency_text() -> String:
	var own := get_own_player()
	var latency := -1.0
	for player in get_players():
		if is_server or player == own:
			latency = maxf(latency, player.latency)
	return "%.1f ms" % latency if latency >= 0.0 else "none"

#endregion
