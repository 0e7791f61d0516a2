extends RefCounted
## A chat room on a WebSocketServer, which also serves the page that joins it. All messages are JSON in text messages.
##
## A browser first sends [code]{"type": "join", "name": "Ada"}[/code], and [code]{"type": "say", "text": "Hello"}[/code]
## from then on. It receives [code]{"type": "welcome", "name": ..., "members": [...]}[/code] and then one message for
## each event: [code]{"type": "said", "from": ..., "text": ...}[/code], or [code]{"type": "joined" or "left", "name":
## ..., "members": [...]}[/code].

signal member_joined(member: String)
signal member_left(member: String)
signal message_said(from: String, text: String)

## The name under which the server itself speaks; no member can take it.
const HOST_NAME := "Host"

const MAX_NAME_LENGTH := 24
const MAX_TEXT_LENGTH := 1000

## RFC 6455 section 7.4.1: the message violates this server's policy.
const CODE_RULES := 1008

const ROOM := &"room"

## An export needs "demos/chat/page/*" among the filters for non-resource files.
const PAGE := "res://demos/chat/page"

var _server := WebSocketServer.new()
## Names of the clients that have joined, by client id.
var _names := {}


func _init() -> void:
	_server.max_clients = 200
	_server.max_message_size = 16 * 1024
	_server.max_pending_bytes = 1024 * 1024
	# A browser that does not read must not hold up the others: it is disconnected.
	_server.backpressure_policy = WebSocketServer.BACKPRESSURE_DISCONNECT
	_server.heartbeat_interval = 10.0
	var _error := _server.message_received.connect(_on_message_received)
	_error = _server.client_disconnected.connect(_on_client_disconnected)
	_error = _server.server_error.connect(func(error: String) -> void: push_warning(error))
	# By plain HTTP on the same port. To have the page in an export, add `demos/chat/page/*` to the export preset's
	# filter of files that are no resources.
	if _server.serve_folder("/", PAGE) != OK:
		push_warning(_server.get_last_error_message())


func start(port: int, host := "*") -> bool:
	return _server.start(port, host)


func stop() -> void:
	_server.stop()


func get_port() -> int:
	return _server.get_local_port()


## The names of the members, in the order in which they joined.
func get_members() -> PackedStringArray:
	return PackedStringArray(_names.values())


## Says something to every member.
func say(from: String, text: String) -> void:
	_tell_all({"type": "said", "from": from, "text": text})
	message_said.emit(from, text)


func _on_message_received(client_id: int, message: String) -> void:
	var json := JSON.new()
	if json.parse(message) != OK or not json.data is Dictionary:
		var _error := _server.disconnect_client(client_id, CODE_RULES, "not JSON")
		return
	var request: Dictionary = json.data
	var type := str(request.get("type"))
	if type == "join" and not _names.has(client_id):
		_join(client_id, str(request.get("name", "")))
	elif type == "say" and _names.has(client_id):
		var text := str(request.get("text", "")).strip_edges().left(MAX_TEXT_LENGTH)
		if not text.is_empty():
			var member: String = _names[client_id]
			say(member, text)
	else:
		var _error := _server.disconnect_client(client_id, CODE_RULES, "join first, then say")


func _join(client_id: int, wanted_name: String) -> void:
	var member := _free_name(wanted_name)
	_names[client_id] = member
	var _error := _server.add_to_group(client_id, ROOM)
	_tell_all({"type": "joined", "name": member, "members": get_members()}, client_id)
	_error = _server.send_text(client_id, JSON.stringify({"type": "welcome", "name": member, "members": get_members()}))
	member_joined.emit(member)


func _on_client_disconnected(client_id: int, _code: int) -> void:
	if not _names.has(client_id):
		return
	var member: String = _names[client_id]
	var _was_there := _names.erase(client_id)
	_tell_all({"type": "left", "name": member, "members": get_members()})
	member_left.emit(member)


## Only members receive this: the room is a group, which clients enter by joining.
func _tell_all(what: Dictionary, but_not := 0) -> void:
	var _error := _server.broadcast_text_to_group(ROOM, JSON.stringify(what), [but_not])


func _free_name(wanted: String) -> String:
	var short := wanted.strip_escapes().strip_edges().left(MAX_NAME_LENGTH)
	if short.is_empty():
		short = "Guest"
	var member := short
	var number := 2
	while member == HOST_NAME or _names.values().has(member):
		member = "%s %d" % [short, number]
		number += 1
	return member
