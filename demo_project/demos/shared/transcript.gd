extends RichTextLabel
## What happens in a demo, line by line. Each line is printed, too.

const Colors := preload("res://demos/shared/colors.gd")

## Further lines replace the oldest.
const MAX_LINES := 500


## Somebody does or says something.
func say(who: String, what: String, color := Colors.TEXT) -> void:
	print("%s: %s" % [who, what])
	_begin_line()
	# The left-to-right mark keeps the name apart from right-to-left text.
	_add(who + "\u200e  ", Colors.of_name(who))
	_add(what, color)


func note(what: String, color := Colors.DIM) -> void:
	print(what)
	_begin_line()
	_add(what, color)


func _begin_line() -> void:
	if get_paragraph_count() >= MAX_LINES:
		var _is_removed := remove_paragraph(0)
	if get_parsed_text().length() > 0:
		newline()


func _add(words: String, color: Color) -> void:
	push_color(color)
	add_text(words)
	pop()
