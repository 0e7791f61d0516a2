extends RefCounted
## Discovery by itself: two games are opened on this machine, found, joined, and closed.

const Demo := preload("res://demos/shared/demo.gd")
const GameHost := preload("res://demos/lan_discovery/game_host.gd")
const GameSearch := preload("res://demos/lan_discovery/game_search.gd")

const HOST := "127.0.0.1"
## Time between two questions, in seconds.
const PAUSE := 0.2

var _ada := GameHost.new()
var _grace := GameHost.new()
var _search := GameSearch.new()
## Datagrams that were no question.
var _refused := 0


## Awaitable: whether everything came as it should.
func play() -> bool:
	var has_succeeded: bool = await _find() and await _join() and await _close()
	_ada.close()
	_grace.close()
	_search.close()
	return has_succeeded


func _find() -> bool:
	var _error := _ada.noted.connect(_on_ada_noted)
	# Each on a port of its own: a datagram to one address reaches one socket, and only a broadcast all.
	if _ada.open("Ada's game", 0, HOST) != OK or _grace.open("Grace's game", 0, HOST) != OK or _search.open() != OK:
		return _fails("cannot open: %s%s" % [_ada.get_last_error_message(), _search.get_last_error_message()])
	print("two games answer on ports %d and %d" % [_ada.get_discovery_port(), _grace.get_discovery_port()])
	if not await _until(func() -> bool: return _search.get_games().size() == 2):
		return _fails("%d games were found" % _search.get_games().size())
	for game in _search.get_games():
		print("found %s at %s:%d, players: %d" % [game.name, game.address, game.port, game.players])
	return _get_game("Ada's game").port == _ada.get_port() and _get_game("Grace's game").port == _grace.get_port()


func _join() -> bool:
	var game := _get_game("Ada's game")
	var player := TcpClient.new()
	player.timeout = 5.0
	var error := player.connect_to_host(game.address, game.port)
	var received: Array = await player.recv_line()
	print("joined: '%s'" % received[1])
	if error != OK or received[1] != "Welcome to Ada's game":
		return _fails("no welcome: %s" % player.get_last_error_message())
	if not await _until(func() -> bool: return game.players == 1):
		return _fails("the answer does not count the player")
	print("the answer counts the player")
	player.disconnect_from_host()
	if not await _until(func() -> bool: return game.players == 0):
		return _fails("the answer still counts the player")
	print("the player has left")

	# Something else than the question gets no answer.
	var stranger := UdpSocket.new()
	error = stranger.send_to("who?".to_utf8_buffer(), HOST, _ada.get_discovery_port())
	if not await Demo.until(func() -> bool: return _refused == 1):
		return _fails("the wrong question did not arrive")
	var answer: Array = await stranger.recv_from(PAUSE)
	stranger.close()
	var outcome: Error = answer[0]
	print("the wrong question gets no answer: %s" % error_string(outcome))
	return error == OK and outcome == ERR_TIMEOUT


func _close() -> bool:
	_ada.close()
	print("Ada's game is closed")
	if not await _until(func() -> bool: return _get_game("Ada's game") == null):
		return _fails("it is still in the list")
	print("it is forgotten; %s is still there" % _search.get_games()[0].name)
	return _search.get_games().size() == 1


## Awaitable: asks again and again until the condition holds. Returns whether it does.
func _until(condition: Callable) -> bool:
	var end := Time.get_ticks_msec() + 8000
	while Time.get_ticks_msec() < end:
		for host: GameHost in [_ada, _grace]:
			if host.is_open():
				_search.ask(host.get_discovery_port(), [HOST])
		var is_met: bool = await Demo.until(condition, PAUSE)
		if is_met:
			return true
	return false


func _get_game(game_name: String) -> GameSearch.Game:
	for game in _search.get_games():
		if game.name == game_name:
			return game
	return null


func _on_ada_noted(text: String) -> void:
	print("Ada's game: ", text)
	if text.ends_with("are no question"):
		_refused += 1


func _fails(why: String) -> bool:
	print("FAILED: ", why)
	return false
