extends Control
## The floor of the arena. It scales the players to the room that the window leaves.

const Player := preload("res://demos/arena/player.gd")

const FLOOR := Color("1b1f27")
const LINE := Color("252b36")
const EDGE := Color("3e6fe0")
const CELL := 60.0

@onready var _players: Node2D = $Players


func _ready() -> void:
	var _error := resized.connect(_fit)
	_fit()


func _fit() -> void:
	var fitting := minf(size.x / Player.FIELD.x, size.y / Player.FIELD.y)
	_players.scale = Vector2(fitting, fitting)
	_players.position = (size - Player.FIELD * fitting) / 2
	queue_redraw()


func _draw() -> void:
	draw_set_transform(_players.position, 0.0, _players.scale)
	var all := Rect2(Vector2.ZERO, Player.FIELD)
	draw_rect(all, FLOOR)
	for column in range(1, ceili(all.size.x / CELL)):
		draw_line(Vector2(column * CELL, 0), Vector2(column * CELL, all.size.y), LINE)
	for row in range(1, ceili(all.size.y / CELL)):
		draw_line(Vector2(0, row * CELL), Vector2(all.size.x, row * CELL), LINE)
	draw_rect(all, EDGE, false, 2.0)
