extends Control
## A chat room for browsers: open the printed address, as often as you like, also on phones in the same network.
##
## The server of the room serves the page, which is in the folder `page`, and the page connects to where it came from.
## The window shows the members and the conversation; headless, the log is printed. `-- --port=9000` after the engine's
## own arguments selects another port.

const ChatServer := preload("res://demos/chat/chat_server.gd")
const Colors := preload("res://demos/shared/colors.gd")
const Demo := preload("res://demos/shared/demo.gd")
const LanAddresses := preload("res://demos/lan_addresses.gd")

@export var port := 9080

var _chat := ChatServer.new()

@onready var _address: Label = %Address
@onready var _log: RichTextLabel = %Log
@onready var _members_title: Label = %MembersTitle
@onready var _members: RichTextLabel = %Members
@onready var _entry: LineEdit = %Entry


func _ready() -> void:
	var _error := _chat.member_joined.connect(_on_member_joined)
	_error = _chat.member_left.connect(_on_member_left)
	_error = _chat.message_said.connect(_on_message_said)
	_error = _entry.text_submitted.connect(_on_text_submitted)
	var send: Button = %Send
	_error = send.pressed.connect(func() -> void: _on_text_submitted(_entry.text))
	_entry.grab_focus()
	_show_members()
	port = Demo.get_option("port", str(port)).to_int()
	if _chat.start(port):
		_address.text = "http://%s:%d" % [LanAddresses.find()[0], _chat.get_port()]
		_note("The room is open. Join it in a browser: http://localhost:%d" % _chat.get_port())
		for address in LanAddresses.find():
			if address != "localhost":
				_note("From other machines and phones: http://%s:%d" % [address, _chat.get_port()])
	else:
		_address.text = "not listening"
		_note("Port %d cannot be opened. Choose another one with  -- --port=N" % port)


func get_chat() -> ChatServer:
	return _chat


func _on_text_submitted(text: String) -> void:
	_entry.clear()
	_entry.grab_focus()
	if not text.strip_edges().is_empty():
		_chat.say(ChatServer.HOST_NAME, text.strip_edges())


func _on_member_joined(member: String) -> void:
	_note("%s has joined" % member)
	_show_members()


func _on_member_left(member: String) -> void:
	_note("%s has left" % member)
	_show_members()


func _on_message_said(from: String, text: String) -> void:
	print("%s: %s" % [from, text])
	_begin_line()
	# The left-to-right mark keeps the name apart from right-to-left text.
	_add(from + "\u200e  ", _color_of(from))
	_log.add_text(text)


func _note(text: String) -> void:
	print(text)
	_begin_line()
	_add(text, Colors.DIM)


func _begin_line() -> void:
	if _log.get_parsed_text().length() > 0:
		_log.newline()
	_add(Time.get_time_string_from_system().left(5) + "  ", Colors.DIM)


func _add(text: String, color: Color) -> void:
	_log.push_color(color)
	_log.add_text(text)
	_log.pop()


func _show_members() -> void:
	var members := _chat.get_members()
	_members_title.text = "Members (%d)" % members.size()
	_members.clear()
	if members.is_empty():
		_members.push_color(Colors.DIM)
		_members.add_text("Nobody yet")
		_members.pop()
	for member in members:
		_members.push_color(_color_of(member))
		_members.add_text(member + "\n")
		_members.pop()


func _color_of(member: String) -> Color:
	return Colors.WAITING if member == ChatServer.HOST_NAME else Colors.of_name(member)
