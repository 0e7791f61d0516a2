extends Control
## LAN discovery: open a game, and find it from other windows and other machines in the same network.
##
## A searcher asks everybody by a UDP broadcast, and each game answers it directly; routers do not pass broadcasts on.
## `game_host.gd` answers, `game_search.gd` asks. Then a player joins by TCP. This script is the window: start it twice,
## also on one machine. A firewall may ask whether Godot may use the network.
##
## Headless, it opens, finds, joins and closes a game by itself. `-- --port=9001` selects another discovery port.

const Colors := preload("res://demos/shared/colors.gd")
const Demo := preload("res://demos/shared/demo.gd")
const GameHost := preload("res://demos/lan_discovery/game_host.gd")
const GameRow := preload("res://demos/lan_discovery/game_row.gd")
const GameSearch := preload("res://demos/lan_discovery/game_search.gd")
const Rehearsal := preload("res://demos/lan_discovery/rehearsal.gd")
const Transcript := preload("res://demos/shared/transcript.gd")

@export var discovery_port := 7801

var _host := GameHost.new()
var _search := GameSearch.new()
## The connection to the game that was joined.
var _player: TcpClient
## Id of that game.
var _joined := ""
## What cannot be reached is told once.
var _told := {}

@onready var _address: Label = %Address
@onready var _name: LineEdit = %GameName
@onready var _open: Button = %Open
@onready var _host_state: Label = %HostState
@onready var _games: VBoxContainer = %Games
@onready var _nothing: Label = %Nothing
@onready var _transcript: Transcript = %Transcript
@onready var _timer: Timer = %Timer


func _ready() -> void:
	if Demo.runs_by_itself():
		var rehearsal := Rehearsal.new()
		var has_succeeded: bool = await rehearsal.play()
		Demo.finish(has_succeeded)
		return
	discovery_port = Demo.get_option("port", str(discovery_port)).to_int()
	_address.text = "UDP port %d" % discovery_port
	_name.text = _default_name()
	var _error := _host.changed.connect(_show_host)
	_error = _host.noted.connect(func(text: String) -> void: _transcript.note(text))
	_error = _search.changed.connect(_show_games)
	_error = _search.noted.connect(_tell_once)
	_error = _open.pressed.connect(_on_open_pressed)
	_error = _name.text_submitted.connect(func(_text: String) -> void: _on_open_pressed())
	_error = _timer.timeout.connect(func() -> void: _search.ask(discovery_port))
	_show_host()
	_show_games()
	if _search.open() != OK:
		_transcript.note(_search.get_last_error_message(), Colors.BAD)
		return
	_transcript.note("asks on port %d, once a second" % discovery_port)
	_search.ask(discovery_port)
	_timer.start()
	if Demo.has_flag("host"):
		_on_open_pressed()


func _exit_tree() -> void:
	_leave()
	_host.close()
	_search.close()


func _default_name() -> String:
	for variable: String in ["USER", "USERNAME"]:
		var user := OS.get_environment(variable)
		if not user.is_empty():
			return "%s's game" % user.capitalize()
	return "My game"


func _on_open_pressed() -> void:
	if _host.is_open():
		_host.close()
		_transcript.note("the game is closed")
	elif _host.open(_name.text, discovery_port) == OK:
		_transcript.note("the game is open for players, on port %d" % _host.get_port(), Colors.GOOD)
	else:
		_transcript.note(_host.get_last_error_message(), Colors.BAD)


func _on_game_pressed(game: GameSearch.Game) -> void:
	if _joined == game.id:
		_leave()
	else:
		_leave()
		_join.call(game)
	_show_games()


func _join(game: GameSearch.Game) -> void:
	_joined = game.id
	var player := TcpClient.new()
	_player = player
	player.timeout = 5.0
	var _error := player.connect_to_host(game.address, game.port)
	# Sending and receiving may begin at once: a receive that fails has the error of the connection.
	var received: Array = await player.recv_line(1024)
	if received[0] == OK:
		_transcript.note("%s says '%s'" % [game.name, received[1]], Colors.GOOD)
		# Nothing more is sent in this game. This ends with the connection.
		var _ended: Array = await player.recv_line(1024, 0.0)
	elif _player == player:
		_transcript.note("cannot join %s: %s" % [game.name, player.get_last_error_message()], Colors.BAD)
	if _player == player:
		_leave()
		_transcript.note("%s is over" % game.name)
		_show_games()


func _leave() -> void:
	_joined = ""
	var player := _player
	_player = null
	if player != null:
		player.disconnect_from_host()


func _show_host() -> void:
	var is_open := _host.is_open()
	_name.editable = not is_open
	_open.text = "Close the game" if is_open else "Open a game"
	_host_state.text = "closed"
	_host_state.modulate = Colors.DIM
	if is_open:
		_host_state.text = "port %d, players: %d" % [_host.get_port(), _host.get_player_count()]
		_host_state.modulate = Colors.GOOD


func _show_games() -> void:
	var games := _search.get_games()
	_nothing.visible = games.is_empty()
	while _games.get_child_count() < games.size():
		var row := GameRow.new()
		_games.add_child(row)
		var _error := row.chosen.connect(_on_game_pressed)
	for index in _games.get_child_count():
		var row: GameRow = _games.get_child(index)
		row.visible = index < games.size()
		if row.visible:
			row.show_game(games[index], games[index].id == _joined)


func _tell_once(text: String) -> void:
	if not _told.has(text):
		_told[text] = true
		_transcript.note(text, Colors.WAITING)
