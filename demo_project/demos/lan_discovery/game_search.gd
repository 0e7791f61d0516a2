extends RefCounted
## Finds the games in the local network: it asks all, keeps a list of those that answer, and forgets those that no
## longer do.
##
## Datagrams get lost, and nobody is told when a game ends. So the question is repeated, and an answer counts for a
## while.

signal changed
signal noted(text: String)

const GameHost := preload("res://demos/lan_discovery/game_host.gd")

## The whole local network, and this machine, in case it is in none.
const TARGETS: PackedStringArray = ["255.255.255.255", "127.0.0.1"]
## Time for which an answer counts, in seconds.
const MEMORY := 3.5
## More games than anybody wants to read: a flood of answers ends here.
const MAX_GAMES := 50


## A game that was found.
class Game:
	extends RefCounted

	var id := ""
	var name := ""
	var address := ""
	var port := 0
	var players := 0
	## Of the last answer, in milliseconds of the engine's clock.
	var heard := 0


var _socket := UdpSocket.new()
var _games: Array[Game] = []


func _init() -> void:
	_socket.broadcast = true
	# An address may be out of reach: without a network, the broadcast is.
	var _error := _socket.send_failed.connect(_on_send_failed)
	_error = _socket.datagram_received.connect(_on_datagram_received)


## Opens a socket on any free port. Answers come to it.
func open() -> Error:
	return _socket.bind(0, "0.0.0.0")


func close() -> void:
	_socket.close()


## To be repeated, about once a second.
func ask(discovery_port: int, targets := TARGETS) -> void:
	for target in targets:
		var _error := _socket.send_to(GameHost.QUESTION.to_utf8_buffer(), target, discovery_port)
	_forget()


## In the order in which they were found.
func get_games() -> Array[Game]:
	return _games


func get_last_error_message() -> String:
	return _socket.get_last_error_message()


func _forget() -> void:
	var deadline := Time.get_ticks_msec() - int(MEMORY * 1000.0)
	var before := _games.size()
	_games = _games.filter(func(game: Game) -> bool: return game.heard >= deadline)
	if _games.size() != before:
		changed.emit()


## Anybody may send anything to this port, so every field is checked.
func _on_datagram_received(data: PackedByteArray, address: String, _port: int) -> void:
	var json := JSON.new()
	if json.parse(data.get_string_from_utf8()) != OK or not json.data is Dictionary:
		return
	var answer: Dictionary = json.data
	var id := str(answer.get("id", ""))
	var port := str(answer.get("port", "")).to_int()
	if id.is_empty() or port < 1 or port > 65535:
		return
	var game := _find(id)
	if game == null:
		if _games.size() >= MAX_GAMES:
			return
		game = Game.new()
		game.id = id
		_games.append(game)
	# A game on this machine answers from two addresses. The one in the network is the one to show.
	if game.address.is_empty() or game.address == "127.0.0.1":
		game.address = address
	game.port = port
	game.name = str(answer.get("name", "")).strip_escapes().left(GameHost.MAX_NAME_LENGTH)
	game.players = clampi(str(answer.get("players", "")).to_int(), 0, GameHost.MAX_PLAYERS)
	game.heard = Time.get_ticks_msec()
	changed.emit()


func _find(id: String) -> Game:
	for game in _games:
		if game.id == id:
			return game
	return null


func _on_send_failed(error: Error, _data: PackedByteArray, address: String, _port: int) -> void:
	noted.emit("cannot ask %s: %s" % [address, error_string(error)])
