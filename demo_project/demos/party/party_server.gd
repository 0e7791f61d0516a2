extends RefCounted
## The room of a party game: one WebSocketServer that serves the page for the phones, lets them join, and keeps their
## seats while they sleep. It knows nothing of what is on the big screen.
##
## [b]One port for everything.[/b] `serve_folder` serves the page from a background thread, and the page opens a
## WebSocket to where it came from: no second port, no address to configure, no file on another web server.
##
## [b]Plain HTTP is enough[/b] for such a page of HTML and JavaScript, and that is why it is one. A Godot web EXPORT
## cannot be the controller here: browsers run one only from https or localhost, and phones in a living room have
## neither. (With a certificate for a name that leads to this machine, set `tls_options`; the page and its WebSocket are
## encrypted then, and an export can be served as well.) For the same reason the page does without what browsers keep
## for https, such as keeping the phone awake.
##
## [b]Phones sleep.[/b] A phone that locks its screen loses its connection, and often the page with it. A player is
## therefore not a connection but a seat. A phone that takes one gets a secret token, which the page stores; a page that
## comes back shows it and is in its seat again, with its score. A seat whose phone is away is kept for `seat_seconds`.
##
## [b]The whole state, not its changes.[/b] After every change each phone gets all that it shows in one message. There
## is nothing that a returning phone could have missed.
##
## From a phone, in JSON:
## [codeblock lang=text]
## {"type": "join", "code": "BCDF", "name": "Ada"}
## {"type": "return", "token": "...", "take_over": true}
## {"type": "start"}
## {"type": "answer", "round": 1, "index": 3}
## {"type": "leave"}
## [/codeblock]
## To a phone: [code]{"type": "seat", "token": ..., "name": ..., "color": ...}[/code] once it has one, [code]{"type":
## "state", ...}[/code] after each change, see [method _state_for], and [code]{"type": "refused", "of": "join" or
## "return", "reason": ...}[/code]. The reasons are in words and in a message: what a server answers to a refused
## handshake, a browser does not show to the page.

## Somebody has come, gone or come back, or the game has gone on.
signal changed
## What happens, in words.
signal noted(text: String)

const Player := preload("res://demos/party/player.gd")
const Quiz := preload("res://demos/party/quiz.gd")

const PAGE := "res://demos/party/page"
const CODE_LENGTH := 4
## Without vowels there are no rude words, and without I, O and Q no letters that look alike.
const CODE_LETTERS := "BCDFGHJKLMNPRSTVWXZ"
const MAX_NAME_LENGTH := 12
const COLORS: Array[Color] = [
	Color("7cc4ff"),
	Color("ffb26b"),
	Color("9be48f"),
	Color("ff9db0"),
	Color("c7a6ff"),
	Color("6fe0d2"),
	Color("f2dc6d"),
	Color("d3b59c"),
]
const PHASES: PackedStringArray = ["lobby", "question", "reveal", "over"]

## RFC 6455 section 7.4.1: the message violates this server's policy.
const CODE_RULES := 1008
## An application's own codes are 4000 to 4999. The page does not come back by itself after this one.
const CODE_TAKEN_OVER := 4001

## For how long a seat is kept while its phone is away, in seconds.
var seat_seconds := 60.0
## What the players type in to join.
var code := ""
var quiz := Quiz.new()

var _server := WebSocketServer.new()
## Players by client id.
var _seated := {}


func _init() -> void:
	for _letter in CODE_LENGTH:
		code += CODE_LETTERS[randi() % CODE_LETTERS.length()]
	var _error := quiz.changed.connect(_on_quiz_changed)

	# A phone says little. One that says more, or does not read, is not one of ours.
	_server.max_clients = 64
	_server.max_message_size = 1024
	_server.max_pending_bytes = 64 * 1024
	_server.backpressure_policy = WebSocketServer.BACKPRESSURE_DISCONNECT
	# A phone out of reach says no goodbye. It is noticed when it does not answer a ping.
	_server.heartbeat_interval = 5.0
	_error = _server.client_disconnected.connect(_on_client_disconnected)
	_error = _server.message_received.connect(_on_message_received)
	_error = _server.server_error.connect(func(error: String) -> void: push_warning(error))

	# What comes by plain HTTP is answered by the folder; by the health check, if somebody watches over the server; and
	# all the rest by a method below. To have the folder in an export, add `demos/party/page/*` to the export preset's
	# filter of files that are no resources.
	if _server.serve_folder("/", PAGE) != OK:
		push_warning(_server.get_last_error_message())
	_server.health_path = "/healthz"
	_server.max_http_body_size = 0
	_error = _server.http_requested.connect(_on_http_requested)


func start(port: int, host := "*") -> bool:
	return _server.start(port, host)


func stop() -> void:
	_server.stop()


func get_port() -> int:
	return _server.get_local_port()


## Call this in every frame.
func tick(delta: float) -> void:
	quiz.tick(delta)
	var now := Time.get_ticks_msec()
	for player: Player in quiz.players.duplicate():
		if not player.is_here() and now - player.away_since >= seat_seconds * 1000.0:
			quiz.remove(player)
			noted.emit("The seat of %s is free again" % player.name)


#region By plain HTTP


## Requests that neither the folder nor the health check answers.
func _on_http_requested(request: HttpServerRequest) -> void:
	if request.method != "GET" and request.method != "HEAD":
		var _error := request.respond(405, "Only GET and HEAD are possible here.\n", "", ["Allow: GET, HEAD"])
	elif request.path == "/players":
		var _error := request.respond_json({"phase": PHASES[quiz.phase], "players": quiz.players.map(_public)})
	elif request.path.to_upper() == "/" + code:
		# The link for phones, which has the code in it.
		var _error := request.redirect("/?code=" + code)
	else:
		var _error := request.respond(404, "There is nothing here.\n")


## What everybody may know.
func _public(player: Player) -> Dictionary:
	return {"name": player.name, "score": player.score, "here": player.is_here()}


#endregion
#region By WebSocket


func _on_message_received(client_id: int, message: String) -> void:
	var json := JSON.new()
	if json.parse(message) != OK or not json.data is Dictionary:
		var _error := _server.disconnect_client(client_id, CODE_RULES, "not JSON")
		return
	var request: Dictionary = json.data
	var player: Player = _seated.get(client_id)
	# Nothing in it can be trusted: `str` and `_int` take any type.
	match [str(request.get("type")), player != null]:
		["join", false]:
			_join(client_id, str(request.get("code", "")), str(request.get("name", "")))
		["return", false]:
			_return(client_id, str(request.get("token", "")), is_same(request.get("take_over"), true))
		["leave", true]:
			_leave(client_id, player)
		["start", true]:
			if player == quiz.leader():
				quiz.start()
		["answer", true]:
			# One for the round before has come too late.
			if _int(request.get("round")) == quiz.round_number:
				quiz.choose(player, _int(request.get("index")))
		_:
			var _error := _server.disconnect_client(client_id, CODE_RULES, "join first, then play")


func _join(client_id: int, typed_code: String, typed_name: String) -> void:
	var wanted_code := typed_code.strip_edges().to_upper().left(CODE_LENGTH)
	var wanted_name := typed_name.strip_escapes().strip_edges().left(MAX_NAME_LENGTH)
	if wanted_code != code:
		_refuse(client_id, "join", "There is no room %s. The code is on the big screen." % wanted_code)
	elif wanted_name.is_empty():
		_refuse(client_id, "join", "Please type in your name.")
	elif quiz.is_full():
		_refuse(client_id, "join", "The room is full: %d play already." % quiz.players.size())
	else:
		var player := Player.new()
		player.name = _free_name(wanted_name)
		player.color = _free_color()
		player.token = Crypto.new().generate_random_bytes(16).hex_encode()
		_seat(client_id, player)
		quiz.add(player)
		noted.emit("%s has joined" % player.name)


## Puts a phone back into its seat. With [param take_over] also if another connection has it: a phone that wakes up
## returns before the server has noticed that it was away.
func _return(client_id: int, token: String, take_over: bool) -> void:
	for player in quiz.players:
		if player.token != token:
			continue
		if player.is_here() and not take_over:
			_refuse(client_id, "return", "%s is played on another page." % player.name)
			return
		if player.is_here():
			var _was_seated := _seated.erase(player.client_id)
			var _error := _server.disconnect_client(player.client_id, CODE_TAKEN_OVER, "played on another page")
		_seat(client_id, player)
		quiz.update()
		noted.emit("%s is back" % player.name)
		return
	_refuse(client_id, "return", "Your seat was given up. Join again.")


func _seat(client_id: int, player: Player) -> void:
	player.client_id = client_id
	_seated[client_id] = player
	var color := "#" + player.color.to_html(false)
	_tell(client_id, {"type": "seat", "token": player.token, "name": player.name, "color": color})


func _leave(client_id: int, player: Player) -> void:
	var _was_seated := _seated.erase(client_id)
	quiz.remove(player)
	noted.emit("%s has left" % player.name)


func _refuse(client_id: int, what: String, reason: String) -> void:
	_tell(client_id, {"type": "refused", "of": what, "reason": reason})


func _on_client_disconnected(client_id: int, _code: int) -> void:
	var player: Player = _seated.get(client_id)
	if player == null:
		return
	var _was_seated := _seated.erase(client_id)
	player.client_id = Player.NOBODY
	player.away_since = Time.get_ticks_msec()
	noted.emit("%s is away" % player.name)
	quiz.update()


func _on_quiz_changed() -> void:
	for client_id: int in _seated:
		var player: Player = _seated[client_id]
		_tell(client_id, _state_for(player))
	changed.emit()


## Everything that a player's phone shows.
func _state_for(player: Player) -> Dictionary:
	var leader := quiz.leader()
	var state := {
		"type": "state",
		"phase": PHASES[quiz.phase],
		"round": quiz.round_number,
		"rounds": quiz.rounds,
		"players": quiz.players.size(),
		"leader": leader.name if leader != null else "",
		"can_start": player == leader and quiz.can_start(),
		"score": player.score,
		"rank": quiz.rank_of(player),
	}
	if quiz.phase == Quiz.Phase.QUESTION or quiz.phase == Quiz.Phase.REVEAL:
		state["question"] = quiz.question
		state["answers"] = quiz.answers
		state["answer"] = player.answer
		state["seconds"] = quiz.seconds_left
		state["of"] = quiz.answer_seconds
	# Not before: the page may be read by its player.
	if quiz.phase == Quiz.Phase.REVEAL:
		state["right"] = quiz.right_answer
		state["gain"] = player.gain
	return state


func _tell(client_id: int, what: Dictionary) -> void:
	var _error := _server.send_text(client_id, JSON.stringify(what))


#endregion


func _free_name(wanted: String) -> String:
	var free := wanted
	var number := 2
	while quiz.players.any(func(player: Player) -> bool: return player.name == free):
		free = "%s %d" % [wanted, number]
		number += 1
	return free


func _free_color() -> Color:
	for color in COLORS:
		if not quiz.players.any(func(player: Player) -> bool: return player.color == color):
			return color
	return Color.WHITE


## -1 for what is no number.
func _int(value: Variant) -> int:
	if not value is float:
		return -1
	var number: float = value
	return int(number)
