extends Control
## A party game: this window is the big screen, and the phones of the guests are the controllers.
##
## Open the address that the screen shows on two to eight phones in the same network, or in as many tabs of a browser,
## and type in the code. After the page was reloaded, or the phone slept, it is back in the same seat.
## [br][br]`party_server.gd` is what there is to learn here: it serves the page, lets phones join, and keeps their
## seats. `quiz.gd` has the rules, `page` is what the phones show, and this script only shows how things stand.
##
## Headless, three simulated phones play a short game by themselves, and the engine quits. `-- --port=9000` after the
## engine's own arguments selects another port.

const Demo := preload("res://demos/shared/demo.gd")
const LanAddresses := preload("res://demos/lan_addresses.gd")
const PartyServer := preload("res://demos/party/party_server.gd")
const Player := preload("res://demos/party/player.gd")
const QrCode := preload("res://demos/party/qr_code.gd")
const Quiz := preload("res://demos/party/quiz.gd")
const Rehearsal := preload("res://demos/party/rehearsal.gd")
const SeatCard := preload("res://demos/party/seat_card.gd")

const BASE_SIZE := Vector2i(960, 540)
## As on the phones.
const ANSWER_COLORS: Array[Color] = [Color("3566cf"), Color("b8651b"), Color("24845a"), Color("b23a72")]
const NOT_RIGHT := Color(1, 1, 1, 0.25)

@export var port := 8080
## Whether simulated phones play when there is no window.
@export var rehearses := true

var _party := PartyServer.new()
var _quiz := _party.quiz
var _seats: Array[SeatCard] = []
var _answers: Array[Label] = []

@onready var _round: Label = %Round
@onready var _where: Label = %Where
@onready var _lobby: Control = %Lobby
@onready var _question_view: Control = %QuestionView
@onready var _question: Label = %Question
@onready var _countdown: ProgressBar = %Countdown
@onready var _over: Control = %Over
@onready var _winner: Label = %Winner
@onready var _ranking: VBoxContainer = %Ranking
@onready var _start: Button = %Start
@onready var _hint: Label = %Hint
@onready var _address: Label = %Address
@onready var _code: Label = %Code
@onready var _qr_code: TextureRect = %QrCode
@onready var _seats_row: HBoxContainer = %Seats
@onready var _answers_grid: GridContainer = %Answers


func _ready() -> void:
	# It is seen from afar: everything grows with the window.
	get_window().content_scale_size = BASE_SIZE
	get_window().content_scale_mode = Window.CONTENT_SCALE_MODE_CANVAS_ITEMS
	get_window().content_scale_aspect = Window.CONTENT_SCALE_ASPECT_EXPAND
	for _seat in Quiz.MAX_PLAYERS:
		var card := SeatCard.new()
		_seats.append(card)
		_seats_row.add_child(card)
	for color in ANSWER_COLORS:
		_add_answer(color)
	var _error := _party.changed.connect(_show)
	_error = _party.noted.connect(func(text: String) -> void: print(text))
	_error = _start.pressed.connect(_quiz.start)
	var is_rehearsal := rehearses and Demo.runs_by_itself()
	if is_rehearsal:
		port = 0
	port = Demo.get_option("port", str(port)).to_int()
	_open()
	_show()
	if is_rehearsal:
		await _rehearse()


## What comes next, such as the menu, scales as before.
func _exit_tree() -> void:
	get_window().content_scale_mode = Window.CONTENT_SCALE_MODE_DISABLED


func _process(delta: float) -> void:
	_party.tick(delta)
	if _quiz.phase == Quiz.Phase.QUESTION:
		_countdown.value = _quiz.seconds_left / _quiz.answer_seconds


func get_party() -> PartyServer:
	return _party


func _open() -> void:
	if not _party.start(port):
		_address.text = "port %d is taken" % port
		print("Port %d cannot be opened. Choose another one with  -- --port=N" % port)
		return
	var addresses := LanAddresses.find()
	var address := "%s:%d" % [addresses[0], _party.get_port()]
	_address.text = address
	_code.text = _party.code
	_where.text = "%s    %s" % [address, _party.code]
	print("Open http://%s on your phone, and type in the code %s" % [address, _party.code])
	for other in addresses.slice(1):
		print("or http://%s:%d, if that does not answer" % [other, _party.get_port()])
	print("On this machine: http://localhost:%d/%s" % [_party.get_port(), _party.code])
	if addresses[0] != "localhost":
		_show_qr_code("http://%s/%s" % [address, _party.code])


## The link with the code in it, for a phone's camera.
func _show_qr_code(link: String) -> void:
	var image := QrCode.image(link)
	if image != null:
		_qr_code.texture = ImageTexture.create_from_image(image)
		_qr_code.show()


## Everything on the screen follows from the quiz.
func _show() -> void:
	var phase := _quiz.phase
	var is_asking := phase == Quiz.Phase.QUESTION or phase == Quiz.Phase.REVEAL
	_lobby.visible = phase == Quiz.Phase.LOBBY
	_question_view.visible = is_asking
	_over.visible = phase == Quiz.Phase.OVER
	_where.visible = phase != Quiz.Phase.LOBBY
	_round.visible = is_asking
	_round.text = "Question %d of %d" % [_quiz.round_number, _quiz.rounds]
	_start.visible = not is_asking
	_start.disabled = not _quiz.can_start()
	_start.text = "Play again" if phase == Quiz.Phase.OVER else "Start"
	_hint.visible = not is_asking
	_hint.text = _hint_text()
	for index in _seats.size():
		_seats[index].show_player(_quiz.players[index] if index < _quiz.players.size() else null, _quiz)
	if is_asking:
		_show_question()
	elif phase == Quiz.Phase.OVER:
		_show_ranking()


func _hint_text() -> String:
	if _quiz.can_start():
		return "%s can start the game too" % _quiz.leader().name
	return "%d to %d players" % [Quiz.MIN_PLAYERS, Quiz.MAX_PLAYERS]


func _show_question() -> void:
	_question.text = _quiz.question
	# Kept for its room.
	_countdown.modulate.a = 1.0 if _quiz.phase == Quiz.Phase.QUESTION else 0.0
	for index in _answers.size():
		_answers[index].text = "%s    %s" % ["ABCD"[index], _quiz.answers[index]]
		var is_dim := _quiz.phase == Quiz.Phase.REVEAL and index != _quiz.right_answer
		var panel: Control = _answers[index].get_parent()
		panel.modulate = NOT_RIGHT if is_dim else Color.WHITE


func _show_ranking() -> void:
	for row in _ranking.get_children():
		row.queue_free()
	var ranked := _quiz.ranking()
	var winners := ranked.filter(func(player: Player) -> bool: return _quiz.rank_of(player) == 1)
	var names := winners.map(func(player: Player) -> String: return player.name)
	_winner.text = "%s %s won!" % [" and ".join(PackedStringArray(names)), "has" if winners.size() == 1 else "have"]
	for player in ranked:
		_ranking.add_child(_ranking_row(player, maxi(ranked[0].score, 1)))


func _ranking_row(player: Player, best: int) -> Control:
	var row := HBoxContainer.new()
	row.add_theme_constant_override("separation", 14)
	var title := _label("%d.  %s" % [_quiz.rank_of(player), player.name], 20)
	title.custom_minimum_size.x = 220
	title.clip_text = true
	var bar := ProgressBar.new()
	bar.show_percentage = false
	bar.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	bar.size_flags_vertical = Control.SIZE_SHRINK_CENTER
	bar.custom_minimum_size.y = 16
	bar.max_value = best
	bar.value = player.score
	bar.add_theme_stylebox_override("background", StyleBoxEmpty.new())
	bar.add_theme_stylebox_override("fill", _box(player.color))
	var points := _label(str(player.score), 20)
	points.custom_minimum_size.x = 70
	points.horizontal_alignment = HORIZONTAL_ALIGNMENT_RIGHT
	for part: Control in [title, bar, points]:
		row.add_child(part)
	return row


func _add_answer(color: Color) -> void:
	var panel := PanelContainer.new()
	panel.size_flags_horizontal = Control.SIZE_EXPAND_FILL
	panel.size_flags_vertical = Control.SIZE_EXPAND_FILL
	var box := _box(color)
	box.content_margin_left = 24
	panel.add_theme_stylebox_override("panel", box)
	var answer := _label("", 26)
	_answers.append(answer)
	panel.add_child(answer)
	_answers_grid.add_child(panel)


func _label(text: String, font_size: int) -> Label:
	var label := Label.new()
	label.text = text
	label.vertical_alignment = VERTICAL_ALIGNMENT_CENTER
	label.size_flags_vertical = Control.SIZE_FILL
	label.add_theme_font_size_override("font_size", font_size)
	return label


func _box(color: Color) -> StyleBoxFlat:
	var box := StyleBoxFlat.new()
	box.bg_color = color
	box.set_corner_radius_all(8)
	return box


func _rehearse() -> void:
	var rehearsal := Rehearsal.new(_party)
	add_child(rehearsal)
	var succeeded := await rehearsal.play()
	_party.stop()
	Demo.finish(succeeded)
