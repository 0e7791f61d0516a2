extends Node
## The client of the arena: the engine's WebSocketMultiplayerPeer, as in any game.
##
## It knows nothing of Async Sockets, and works without it, for example in a web export.

const Arena := preload("res://demos/arena/arena.gd")
const Demo := preload("res://demos/shared/demo.gd")

## Time before another attempt to join, in seconds.
const PAUSE := 2.0

var _arena: Arena
var _timer := Timer.new()


## Begins to join the server in the argument behind `--join`.
func start(arena: Arena) -> bool:
	_arena = arena
	var arguments := OS.get_cmdline_user_args()
	var after := arguments.find("--join") + 1
	if after > 0 and after < arguments.size() and not arguments[after].begins_with("--"):
		_arena.url = arguments[after]
	_timer.one_shot = true
	var _error := _timer.timeout.connect(_join)
	add_child(_timer)
	_error = multiplayer.connected_to_server.connect(_on_connected_to_server)
	_error = multiplayer.connection_failed.connect(_on_over.bind("there is no server at %s" % _arena.url))
	_error = multiplayer.server_disconnected.connect(_on_over.bind("the server is gone"))
	_arena.show_class("WebSocketMultiplayerPeer")
	return _join()


## Joining again takes a new peer, which gets a new id.
func _join() -> bool:
	var peer := WebSocketMultiplayerPeer.new()
	var error := peer.create_client(_arena.url)
	if error != OK:
		_arena.note("cannot join %s: %s" % [_arena.url, error_string(error)])
		return false
	multiplayer.multiplayer_peer = peer
	return true


func _on_connected_to_server() -> void:
	_arena.note("joined as peer %d" % multiplayer.get_unique_id())
	# The server spawns a player for each peer that introduces itself.
	_arena.introduce.rpc_id(MultiplayerPeer.TARGET_PEER_SERVER, Demo.get_option("name", "Guest"))


func _on_over(what: String) -> void:
	_arena.note(what)
	_timer.start(PAUSE)
