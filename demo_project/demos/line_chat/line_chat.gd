extends Control
## A chat that any terminal joins: `nc localhost 7800`, or `ncat` or `telnet` on Windows.
##
## `chat_room.gd` is what there is to learn here: a server of lines of text, with a coroutine for each guest. This
## script shows the room, and lets the host speak.
##
## Headless, two guests visit the room by themselves, one of which is the engine's own StreamPeerTCP; `-- --serve` stays
## and serves instead. `-- --port=9000` selects another port.

const ChatRoom := preload("res://demos/line_chat/chat_room.gd")
const Colors := preload("res://demos/shared/colors.gd")
const Demo := preload("res://demos/shared/demo.gd")
const Rehearsal := preload("res://demos/line_chat/rehearsal.gd")
const Transcript := preload("res://demos/shared/transcript.gd")

@export var port := 7800

var _room := ChatRoom.new()

@onready var _address: Label = %Address
@onready var _transcript: Transcript = %Transcript
@onready var _guests_title: Label = %GuestsTitle
@onready var _guests: RichTextLabel = %Guests
@onready var _entry: LineEdit = %Entry


func _ready() -> void:
	var _error := _room.guest_joined.connect(_on_guest_joined)
	_error = _room.guest_left.connect(_on_guest_left)
	_error = _room.said.connect(_on_said)
	_error = _entry.text_submitted.connect(_on_text_submitted)
	var send: Button = %Send
	_error = send.pressed.connect(func() -> void: _on_text_submitted(_entry.text))
	_entry.grab_focus()
	_show_guests()
	var plays := Demo.runs_by_itself() and not Demo.has_flag("serve")
	port = 0 if plays else Demo.get_option("port", str(port)).to_int()
	if _room.start(port, "127.0.0.1" if plays else "*") != OK:
		_address.text = "not listening"
		_transcript.note(_room.get_last_error_message(), Colors.BAD)
		if Demo.runs_by_itself():
			Demo.finish(false)
		return
	_address.text = "nc localhost %d" % _room.get_port()
	_transcript.note("The room is open. Join it from a terminal:")
	_transcript.note("nc localhost %d" % _room.get_port(), Colors.WAITING)
	if plays:
		var rehearsal := Rehearsal.new()
		var has_succeeded: bool = await rehearsal.play(_room)
		Demo.finish(has_succeeded)


## The connections have coroutines that await them. Ending the room ends them all.
func _exit_tree() -> void:
	_room.stop()


func _on_text_submitted(text: String) -> void:
	_entry.clear()
	_entry.grab_focus()
	if not text.strip_edges().is_empty():
		_room.say(ChatRoom.HOST_NAME, text.strip_edges())


func _on_guest_joined(guest: String) -> void:
	_transcript.note("%s is here" % guest)
	_show_guests()


func _on_guest_left(guest: String) -> void:
	_transcript.note("%s has left" % guest)
	_show_guests()


func _on_said(from: String, text: String) -> void:
	_transcript.say(from, text)


func _show_guests() -> void:
	var guests := _room.get_guests()
	_guests_title.text = "Guests (%d)" % guests.size()
	_guests.clear()
	if guests.is_empty():
		_guests.push_color(Colors.DIM)
		_guests.add_text("Nobody yet")
		_guests.pop()
	for guest in guests:
		_guests.push_color(Colors.of_name(guest))
		_guests.add_text(guest + "\n")
		_guests.pop()
