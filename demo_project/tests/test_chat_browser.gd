extends BrowserTest
## The chat of `demos/chat` in a browser: its server serves its page, and the page finds its server.

const ChatServer := preload("res://demos/chat/chat_server.gd")

var _chat: ChatServer
var _scene: Control


func before_each() -> void:
	super()
	_scene = (load("res://demos/chat/chat.tscn") as PackedScene).instantiate()
	_scene.set("port", 0)
	add_child(_scene)
	_chat = _scene.call("get_chat")


func after_each() -> void:
	await super()
	_scene.free()
	_chat = null


func test_two_people_talk() -> void:
	var ada := await open_tab(_url(), DESKTOP)
	equal(await ada.evaluate("document.getElementById('server').checkVisibility()"), false)
	await ada.fill("#name", "Ada")
	await ada.tap("#join button")
	await ada.shows("You have joined as Ada.")
	var ben := await open_tab(_url() + "/?name=Ben%20%26%20Co")
	await ada.shows("Ben & Co has joined")
	equal(_chat.get_members(), PackedStringArray(["Ada", "Ben & Co"]))

	await ben.fill("#text", "hello <b>🌍</b>")
	await ben.tap("#say button")
	await ada.shows("hello <b>🌍</b>")
	_chat.say("Host", "welcome")
	await ben.shows("welcome")
	await ada.picture("chat_desktop")
	await ben.picture("chat_phone")

	await ben.close()
	await ada.shows("Ben & Co has left")
	_chat.stop()
	await ada.shows("You are out: the server stops.")


func _url() -> String:
	return "http://%s:%d" % [LOOPBACK, _chat.get_port()]
