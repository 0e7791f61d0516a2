extends HBoxContainer
## A game in the list of those that were found.

signal chosen(game: GameSearch.Game)

const GameSearch := preload("res://demos/lan_discovery/game_search.gd")

var _game: GameSearch.Game
var _name := Label.new()
var _where := Label.new()
var _players := Label.new()
var _join := Button.new()


func _init() -> void:
	var words := VBoxContainer.new()
	words.add_theme_constant_override(&"separation", 0)
	words.size_flags_horizontal = SIZE_EXPAND_FILL
	words.add_child(_name)
	words.add_child(_where)
	add_child(words)
	_name.clip_text = true
	_where.theme_type_variation = &"DimLabel"
	_players.theme_type_variation = &"DimLabel"
	add_child(_players)
	_join.custom_minimum_size.x = 110
	_join.size_flags_vertical = SIZE_SHRINK_CENTER
	add_child(_join)
	var _error := _join.pressed.connect(func() -> void: chosen.emit(_game))


func show_game(game: GameSearch.Game, is_joined: bool) -> void:
	_game = game
	_name.text = game.name
	_where.text = "%s:%d" % [game.address, game.port]
	_players.text = "%d players" % game.players if game.players != 1 else "1 player"
	_join.text = "Leave" if is_joined else "Join"
