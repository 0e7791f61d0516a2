extends Button
## A demo in the menu.

const Colors := preload("res://demos/shared/colors.gd")

## By what a demo is made of, up to the first space.
const COLORS := {"TCP": Colors.BLUE, "UDP": Color("ffc38a"), "WebSocket": Colors.GOOD, "Multiplayer": Color("c7a6ff")}


func setup(title: String, kind: String, what: String) -> void:
	theme_type_variation = &"CardButton"
	size_flags_horizontal = SIZE_EXPAND_FILL
	size_flags_vertical = SIZE_EXPAND_FILL
	var color: Color = COLORS[kind.get_slice(" ", 0)]

	var margins := MarginContainer.new()
	margins.set_anchors_preset(PRESET_FULL_RECT)
	margins.mouse_filter = MOUSE_FILTER_IGNORE
	for side: StringName in [&"margin_left", &"margin_right"]:
		margins.add_theme_constant_override(side, 18)
	add_child(margins)

	var rows := VBoxContainer.new()
	rows.alignment = BoxContainer.ALIGNMENT_CENTER
	rows.mouse_filter = MOUSE_FILTER_IGNORE
	rows.add_theme_constant_override(&"separation", 2)
	margins.add_child(rows)

	var head := HBoxContainer.new()
	head.mouse_filter = MOUSE_FILTER_IGNORE
	rows.add_child(head)
	head.add_child(_make_label(title, &"", 20, Color.WHITE))
	var chip := _make_label(kind, &"", 14, color)
	chip.size_flags_horizontal = SIZE_EXPAND | SIZE_SHRINK_END
	chip.size_flags_vertical = SIZE_SHRINK_CENTER
	head.add_child(chip)
	var description := _make_label(what, &"DimLabel", 15, Color.WHITE)
	description.text_overrun_behavior = TextServer.OVERRUN_TRIM_ELLIPSIS
	rows.add_child(description)


## Makes it a demo that cannot be opened.
func disable() -> void:
	disabled = true
	focus_mode = FOCUS_NONE
	modulate.a = 0.4


func _make_label(words: String, variation: StringName, font_size: int, color: Color) -> Label:
	var label := Label.new()
	label.text = words
	label.theme_type_variation = variation
	label.add_theme_font_size_override(&"font_size", font_size)
	label.modulate = color
	return label
