extends PanelContainer
## One of the seats at the bottom of the big screen.

const Colors := preload("res://demos/shared/colors.gd")
const Player := preload("res://demos/party/player.gd")
const Quiz := preload("res://demos/party/quiz.gd")

const BACK := Color("22262f")
const AWAY := Color(1, 1, 1, 0.4)

var _style := StyleBoxFlat.new()
var _name := Label.new()
var _detail := Label.new()


func _init() -> void:
	size_flags_horizontal = Control.SIZE_EXPAND_FILL
	custom_minimum_size = Vector2(0, 74)
	_style.bg_color = BACK
	_style.border_width_top = 5
	_style.corner_radius_bottom_left = 8
	_style.corner_radius_bottom_right = 8
	_style.set_content_margin_all(8)
	add_theme_stylebox_override("panel", _style)
	var rows := VBoxContainer.new()
	rows.alignment = BoxContainer.ALIGNMENT_CENTER
	rows.add_theme_constant_override("separation", 0)
	add_child(rows)
	for label: Label in [_name, _detail]:
		label.horizontal_alignment = HORIZONTAL_ALIGNMENT_CENTER
		label.clip_text = true
		label.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
		rows.add_child(label)
	_name.add_theme_font_size_override("font_size", 18)
	_detail.add_theme_font_size_override("font_size", 15)


## null for a free seat.
func show_player(player: Player, quiz: Quiz) -> void:
	_detail.visible = player != null
	if player == null:
		_show("free", Colors.DIM, BACK, AWAY)
		return
	_show(player.name, Color.WHITE, player.color, Color.WHITE if player.is_here() else AWAY)
	_detail.text = _words(player, quiz)
	var is_good := player.has_answered() if quiz.phase == Quiz.Phase.QUESTION else player.gain > 0
	var is_asking := quiz.phase == Quiz.Phase.QUESTION or quiz.phase == Quiz.Phase.REVEAL
	_detail.add_theme_color_override("font_color", Colors.GOOD if is_asking and is_good else Colors.DIM)


func _show(title: String, color: Color, border: Color, tint: Color) -> void:
	_name.text = title
	_name.add_theme_color_override("font_color", color)
	_style.border_color = border
	modulate = tint


func _words(player: Player, quiz: Quiz) -> String:
	if not player.is_here():
		return "away"
	match quiz.phase:
		Quiz.Phase.LOBBY:
			return "ready"
		Quiz.Phase.QUESTION:
			return "answered" if player.has_answered() else "%d" % player.score
		Quiz.Phase.REVEAL:
			return "%d  +%d" % [player.score, player.gain] if player.gain > 0 else "%d" % player.score
	return "%d" % player.score
