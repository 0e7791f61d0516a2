extends Control
## The menu: a card for each demo. From a demo, "Menu" or Escape leads back here.
##
## Headless, it opens each demo in turn, lets it run for some frames, comes back, and quits with 0 if every demo opened
## its sockets and none of them outlived it (see `tour.gd`).
## [br][br]It names no class of the library, so that it can say so if there is none. Of the demos, only the arena works
## then: it can join a server elsewhere.

const Card := preload("res://demos/menu/card.gd")
const Colors := preload("res://demos/shared/colors.gd")
const Demo := preload("res://demos/shared/demo.gd")

# Loaded when needed, not preloaded: it names classes of the library.
const TOUR_SCRIPT := "res://demos/menu/tour.gd"

const LIBRARY := &"AsyncSockets"
const WITHOUT_LIBRARY := "arena"
const NO_LIBRARY := "The library is missing. Build it by scripts/build.sh, and start again."

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
	var has_library := Engine.has_singleton(LIBRARY)
	if has_library:
		_version.text = "Async Sockets %s" % Engine.get_singleton(LIBRARY).get(&"version")
	else:
		_version.text = NO_LIBRARY
		_version.add_theme_color_override(&"font_color", Colors.BAD)
		printerr(NO_LIBRARY)
	get_window().title = "Async Sockets"
	for demo: Array in DEMOS:
		var folder: String = demo[0]
		var title: String = demo[1]
		var kind: String = demo[2]
		var what: String = demo[3]
		var card := Card.new()
		card.setup(title, kind, what)
		if not has_library and folder != WITHOUT_LIBRARY:
			card.disable()
		var _error := card.pressed.connect(open.bind(folder))
		_cards.add_child(card)
	for card: Card in _cards.get_children():
		if not card.disabled:
			card.grab_focus()
			break
	if Demo.runs_by_itself():
		if not has_library:
			Demo.finish(false)
			return
		var script: GDScript = load(TOUR_SCRIPT)
		var tour: Node = script.new()
		# Its place is beside the scenes that it changes.
		get_tree().root.add_child.call_deferred(tour)


## Changes the scene to that of a demo.
func open(demo: String) -> void:
	Demo.is_from_menu = true
	var _error := get_tree().change_scene_to_file(get_scene(demo))


static func get_scene(demo: String) -> String:
	return "res://demos/%s/%s.tscn" % [demo, demo]
