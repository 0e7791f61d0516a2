extends RefCounted
## Two guests of the chat: Ada, on a TcpClient, and Grace, on the engine's own StreamPeerTCP, in place of a terminal.

const ChatRoom := preload("res://demos/line_chat/chat_room.gd")
const Demo := preload("res://demos/shared/demo.gd")

const HOST := "127.0.0.1"

var _room: ChatRoom
var _ada := TcpClient.new()
var _grace := StreamPeerTCP.new()
## What Grace has received.
var _text_for_grace := ""


## Awaitable: whether everything came as it should.
func play(room: ChatRoom) -> bool:
	_room = room
	_ada.timeout = 5.0
	var has_succeeded: bool = await _meet() and await _misbehave() and await _part()
	_ada.abort()
	_grace.disconnect_from_host()
	return has_succeeded


func _meet() -> bool:
	var _error := _ada.connect_to_host(HOST, _room.get_port())
	var is_asked: bool = await _ada_reads("Welcome")
	_ada_types("Ada")
	var is_greeted: bool = await _ada_reads("Hello, Ada; 0 others") and await _ada_reads("* Ada is here")

	_error = _grace.connect_to_host(HOST, _room.get_port())
	var is_grace_asked: bool = await _grace_reads("Welcome")
	# In two pieces, and with the line end that telnet sends.
	_grace_types("Gr")
	_grace_types("ace\r\n")
	var is_grace_greeted: bool = await _grace_reads("Hello, Grace; 1 others") and await _ada_reads("* Grace is here")
	_grace_types("Hello, Ada, wörld 🌍\n")
	var is_heard: bool = await _ada_reads("<Grace> Hello, Ada, wörld 🌍")
	_ada_types("Hello, Grace")
	# What is said comes back to the one who says it, too.
	var is_answered: bool = await _grace_reads("<Ada> Hello, Grace") and await _ada_reads("<Ada> Hello, Grace")
	return is_asked and is_greeted and is_grace_asked and is_grace_greeted and is_heard and is_answered


func _misbehave() -> bool:
	# A name that is taken, and the host's.
	var other := TcpClient.new()
	other.timeout = 5.0
	var _error := other.connect_to_host(HOST, _room.get_port())
	_error = other.send("Ada\nHost\nMallory\n".to_utf8_buffer())
	var answers := PackedStringArray()
	for _line in 4:
		var received: Array = await other.recv_line()
		var answer: String = received[1]
		var _is_full := answers.append(answer)
	# And a line that is too long, which ends it.
	_error = other.send("x".repeat(ChatRoom.MAX_LINE + 1).to_utf8_buffer())
	await other.disconnected
	return (
		answers[1].begins_with("That name is taken")
		and answers[2].begins_with("That name is taken")
		and answers[3].begins_with("Hello, Mallory")
		and await _ada_reads("* Mallory is here")
		and await _ada_reads("* Mallory has left")
	)


func _part() -> bool:
	# As `nc` does at Ctrl-C.
	_grace.disconnect_from_host()
	var is_missed: bool = await _ada_reads("* Grace has left")
	_ada_types("/who")
	var is_alone: bool = await _ada_reads("Ada")
	_ada_types("/quit")
	var is_goodbye: bool = await _ada_reads("Goodbye, Ada")
	var ended: Array = await _ada.recv_line()
	return is_missed and is_alone and is_goodbye and ended[0] == ERR_FILE_EOF and _room.get_guests().is_empty()


func _ada_types(line: String) -> void:
	var _error := _ada.send((line + "\n").to_utf8_buffer())


## Awaitable: whether Ada's next line begins so.
func _ada_reads(beginning: String) -> bool:
	var received: Array = await _ada.recv_line()
	var line: String = received[1]
	if not line.begins_with(beginning):
		print("Ada got '%s' instead of '%s'" % [line, beginning])
	return received[0] == OK and line.begins_with(beginning)


func _grace_types(text: String) -> void:
	var _error := _grace.put_data(text.to_utf8_buffer())


## Awaitable: whether this is in what Grace receives.
func _grace_reads(text: String) -> bool:
	var is_there: bool = await Demo.until(func() -> bool: return _read_for_grace().contains(text))
	if not is_there:
		print("Grace got '%s' instead of '%s'" % [_text_for_grace, text])
	return is_there


## The engine's stream has to be polled.
func _read_for_grace() -> String:
	var _error := _grace.poll()
	var count := _grace.get_available_bytes()
	if _grace.get_status() == StreamPeerTCP.STATUS_CONNECTED and count > 0:
		_text_for_grace += _grace.get_utf8_string(count)
	return _text_for_grace
