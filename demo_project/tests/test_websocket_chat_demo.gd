extends WebSocketTest
## The chat of `demos/chat`, with clients that behave like its page.

const ChatServer := preload("res://demos/chat/chat_server.gd")

var _chat: ChatServer
var _scene: Control


func before_each() -> void:
	_scene = (load("res://demos/chat/chat.tscn") as PackedScene).instantiate()
	_scene.set("port", 0)
	add_child(_scene)
	_chat = _scene.call("get_chat")
	server = _chat.get("_server")
	events = Events.new()
	events.watch(server)


func after_each() -> void:
	_scene.free()
	_chat = null
	super()


func test_join_say_and_leave() -> void:
	var ada := await join()
	_send(ada, {"type": "join", "name": "Ada"})
	await _hears(ada, {"type": "welcome", "name": "Ada", "members": ["Ada"]})
	var other := await join()
	_send(other, {"type": "join", "name": " Ada "})
	await _hears(other, {"type": "welcome", "name": "Ada 2", "members": ["Ada", "Ada 2"]})
	await _hears(ada, {"type": "joined", "name": "Ada 2", "members": ["Ada", "Ada 2"]})
	equal(_chat.get_members(), PackedStringArray(["Ada", "Ada 2"]))

	_send(ada, {"type": "say", "text": "hello 🌍 [b]<b>"})
	for peer: Peer in [ada, other]:
		await _hears(peer, {"type": "said", "from": "Ada", "text": "hello 🌍 [b]<b>"})
	_chat.say("Host", "welcome")
	for peer: Peer in [ada, other]:
		await _hears(peer, {"type": "said", "from": "Host", "text": "welcome"})

	ada.socket.close()
	await _hears(other, {"type": "left", "name": "Ada", "members": ["Ada 2"]})
	var shown := (_scene.get_node("%Log") as RichTextLabel).get_parsed_text()
	for text: String in ["Ada has joined", "hello 🌍 [b]<b>", "Host\u200e  welcome", "Ada has left"]:
		check(shown.contains(text), "%s is not in %s" % [text, shown])
	equal((_scene.get_node("%MembersTitle") as Label).text, "Members (1)")


func test_names() -> void:
	for pair: Array in [
		["", "Guest"], ["  ", "Guest 2"], ["Host", "Host 2"], ["a\nb\tc", "abc"], ["x".repeat(99), "x".repeat(24)]
	]:
		var peer := await join()
		_send(peer, {"type": "join", "name": pair[0]})
		check(await wait_for(func() -> bool: return not peer.received.is_empty()))
		equal((JSON.parse_string(peer.received[0]) as Dictionary)["name"], pair[1])


func test_who_has_not_joined_hears_nothing() -> void:
	var ada := await join()
	_send(ada, {"type": "join", "name": "Ada"})
	var silent := await join()
	_send(ada, {"type": "say", "text": "x"})
	await _hears(ada, {"type": "said", "from": "Ada", "text": "x"})
	equal(silent.received, [])


func test_what_breaks_the_rules() -> void:
	for message: String in ["no JSON", "[]", "{}", '{"type": "say", "text": "before joining"}', '{"type": 7}']:
		var peer := await join()
		peer.socket.send_text(message)
		await is_out(peer, 1008)
	equal(_chat.get_members(), PackedStringArray())


func _send(peer: Peer, message: Dictionary) -> void:
	is_ok(peer.socket.send_text(JSON.stringify(message)))


func _hears(peer: Peer, message: Dictionary) -> void:
	var is_there := func() -> bool:
		return peer.received.any(func(text: String) -> bool: return JSON.parse_string(text) == message)
	check(await wait_for(is_there), "%s is not in %s" % [message, peer.received])
