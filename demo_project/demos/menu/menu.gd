extends Control
## The menu: a card for each demo. From a demo, "Menu" or Escape leads back here.
##
## Headless, it opens each demo in turn, lets it run for some frames, comes back, and quits with 0 if every demo opened
## its sockets and none of them outlived it (see `tour.gd`).

const Card := preload("res://demos/menu/card.gd")
const Demo := preload("res://demos/shared/demo.gd")
const Tour := preload("res://demos/menu/tour.gd")

## Folder in `demos`, title, what it is made of, and what it shows.
const DEMOS: Array[Array] = [
	["hello", "Hello, TCP", "TCP", "A listener and a client, awaited line by line"],
	["websocket_echo", "WebSocket echo", "WebSocket", "A server by signals, and the engine's own client"],
	["line_chat", "Line chat", "TCP", "A chat that nc or telnet joins, a coroutine for each"],
	["lan_discovery", "LAN discovery", "UDP", "Host a game, find it in the local network, join it"],
	["chat", "Chat room", "WebSocket + HTTP", "The server of the room serves its page to browsers"],
	["party", "Party quiz", "WebSocket + HTTP", "A big screen, and phones as controllers"],
	["websocket_client", "A client that comes back", "WebSocket", "Stop its server, start it again, and watch"],
	["arena", "Arena", "Multiplayer", "Bots and players by RPCs and synchronizers"],
	["dashboard", "Dashboard", "WebSocket", "A flood of messages, and a frame rate that holds"],
	[
		"dedicated_server",
		"Dedicated server",
		"WebSocket + HTTP",
		"Headless, with a log, a health check and a control port"
	],
]

@onready var _cards: GridContainer = %Cards
@onready var _version: Label = %Version


func _ready() -> void:
	_version.text = "Async Sockets %s" % AsyncSockets.version
	get_window().title = "Async Sockets"
	for demo: Array in DEMOS:
		var folder: String = demo[0]
		var title: String = demo[1]
		var kind: String = demo[2]
		var what: String = demo[3]
		var card := Card.new()
		card.setup(title, kind, what)
		var _error := card.pressed.connect(open.bind(folder))
		_cards.add_child(card)
	var first: Card = _cards.get_child(0)
	first.grab_focus()
	if Demo.runs_by_itself():
		# Its place is beside the scenes that it changes.
		get_tree().root.add_child.call_deferred(Tour.new())


## Changes the scene to that of a demo.
func open(demo: String) -> void:
	Demo.is_from_menu = true
	var _error := get_tree().change_scene_to_file(get_scene(demo))


static func get_scene(demo: String) -> String:
	return "res://demos/%s/%s.tscn" % [demo, demo]
