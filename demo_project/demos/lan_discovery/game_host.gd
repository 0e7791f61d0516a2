extends RefCounted
## A game that others find: it answers questions by UDP, and takes players by TCP.
##
## The answer is JSON of less than 200 bytes: [code]{"id": ..., "name": ..., "players": ..., "port": ...}[/code].
## Addresses are not in it, as the datagram has the one by which the asker reaches this machine. The id tells a searcher
## which answers are from the same game: a question that goes out by several ways is answered several times.
##
## The sender's address of a question may be forged, so that the answer reaches somebody else. So the answer is short,
## and only the exact question is answered.

signal changed
signal noted(text: String)

const QUESTION := "Async Sockets demo 1: who is there?"
const MAX_NAME_LENGTH := 24
const MAX_PLAYERS := 16

var game_name := ""

var _id := str(randi())
var _answerer := UdpSocket.new()
var _listener := TcpListener.new()


func _init() -> void:
	# Several games on one machine hear the same question, if it was sent to all.
	_answerer.reuse_address = true
	_listener.max_clients = MAX_PLAYERS
	_listener.refuse_when_full = true
	# While a handler is connected, datagrams come by this signal instead of `await _answerer.recv_from()`.
	var _error := _answerer.datagram_received.connect(_on_datagram_received)
	_error = _listener.client_connected.connect(_on_player_joined)
	_error = _listener.client_disconnected.connect(_on_player_left)


## Opens the game for players on any free port, and answers on the discovery port.
func open(wanted_name: String, discovery_port: int, host := "0.0.0.0") -> Error:
	game_name = wanted_name.strip_edges().left(MAX_NAME_LENGTH)
	_listener.host = host
	var error := _listener.start()
	if error == OK:
		error = _answerer.bind(discovery_port, host)
	if error != OK:
		close()
	changed.emit()
	return error


func close() -> void:
	_answerer.close()
	_listener.stop()
	for player in _listener.get_clients():
		player.disconnect_from_host()
	changed.emit()


func is_open() -> bool:
	return _answerer.is_bound() and _listener.is_listening()


## Where players join.
func get_port() -> int:
	return _listener.get_local_port()


## Where questions are answered.
func get_discovery_port() -> int:
	return _answerer.get_local_port()


func get_player_count() -> int:
	return _listener.get_clients().size()


func get_last_error_message() -> String:
	var message := _answerer.get_last_error_message()
	return message if not message.is_empty() else _listener.get_last_error_message()


func _on_datagram_received(data: PackedByteArray, address: String, port: int) -> void:
	if data.get_string_from_utf8() != QUESTION:
		noted.emit("%d bytes from %s are no question" % [data.size(), address])
		return
	var answer := {"id": _id, "name": game_name, "players": get_player_count(), "port": get_port()}
	var _error := _answerer.send_to(JSON.stringify(answer).to_utf8_buffer(), address, port)


func _on_player_joined(player: TcpClient) -> void:
	noted.emit("%s has joined" % player.get_connected_host())
	var _error := player.send(("Welcome to %s\n" % game_name).to_utf8_buffer())
	changed.emit()


func _on_player_left(_player: TcpClient) -> void:
	noted.emit("a player has left")
	changed.emit()
