extends RefCounted
## The rules of the quiz. It knows no network and no nodes: [PartyServer] tells it what the phones do, the scene tells
## it the time, and both show what it says.

## The phase, the players or their scores have changed.
signal changed

enum Phase { LOBBY, QUESTION, REVEAL, OVER }

const Player := preload("res://demos/party/player.gd")
const Questions := preload("res://demos/party/questions.gd")

const MIN_PLAYERS := 2
const MAX_PLAYERS := 8
## For a right answer, and as much again for one without any delay.
const POINTS := 500

var rounds := 5
var answer_seconds := 15.0
var reveal_seconds := 5.0

var phase := Phase.LOBBY
## In the order in which they came.
var players: Array[Player] = []
## From 1 on.
var round_number := 0
var question := ""
var answers: PackedStringArray = []
var right_answer := 0
## Of the question, or of the time for looking at the right answer.
var seconds_left := 0.0

## Those that have not been asked yet.
var _questions: Array[Array] = []


func add(player: Player) -> void:
	players.append(player)
	update()


func remove(player: Player) -> void:
	players.erase(player)
	if players.is_empty():
		phase = Phase.LOBBY
	update()


## Call this when a phone has come or gone. Nobody waits for the answer of a player whose phone is away.
func update() -> void:
	var is_pending := func(player: Player) -> bool: return player.is_here() and not player.has_answered()
	if phase == Phase.QUESTION and leader() != null and not players.any(is_pending):
		_reveal()
	else:
		changed.emit()


func is_full() -> bool:
	return players.size() >= MAX_PLAYERS


## The player who may start the game: the first whose phone is connected.
func leader() -> Player:
	for player in players:
		if player.is_here():
			return player
	return null


func can_start() -> bool:
	var here := players.filter(func(player: Player) -> bool: return player.is_here())
	return (phase == Phase.LOBBY or phase == Phase.OVER) and here.size() >= MIN_PLAYERS


func start() -> void:
	if not can_start():
		return
	for player in players:
		player.score = 0
	round_number = 0
	_ask()


## The first answer of each player counts.
func choose(player: Player, index: int) -> void:
	if phase != Phase.QUESTION or player.has_answered() or index < 0 or index >= answers.size():
		return
	player.answer = index
	if index == right_answer:
		player.gain = POINTS + int(POINTS * seconds_left / answer_seconds)
	update()


func tick(delta: float) -> void:
	if phase != Phase.QUESTION and phase != Phase.REVEAL:
		return
	seconds_left = maxf(seconds_left - delta, 0.0)
	if seconds_left > 0.0:
		return
	if phase == Phase.QUESTION:
		_reveal()
	elif round_number < rounds:
		_ask()
	else:
		phase = Phase.OVER
		changed.emit()


## The best first.
func ranking() -> Array[Player]:
	var ranked := players.duplicate()
	ranked.sort_custom(func(a: Player, b: Player) -> bool: return a.score > b.score)
	return ranked


## 1 for the best; players with equal scores share a rank.
func rank_of(player: Player) -> int:
	return 1 + players.filter(func(other: Player) -> bool: return other.score > player.score).size()


func _ask() -> void:
	if _questions.is_empty():
		_questions = Questions.ALL.duplicate()
		_questions.shuffle()
	var next: Array = _questions.pop_back()
	var card := next.duplicate()
	question = card.pop_front()
	var right: String = card[0]
	card.shuffle()
	answers = PackedStringArray(card)
	right_answer = answers.find(right)
	for player in players:
		player.answer = Player.NO_ANSWER
		player.gain = 0
	round_number += 1
	seconds_left = answer_seconds
	phase = Phase.QUESTION
	changed.emit()


func _reveal() -> void:
	for player in players:
		player.score += player.gain
	seconds_left = reveal_seconds
	phase = Phase.REVEAL
	changed.emit()
