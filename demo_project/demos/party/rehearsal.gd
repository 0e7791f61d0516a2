extends Node
## A short game without people: three simulated phones on a real network, and what an HTTP client gets.

const PartyServer := preload("res://demos/party/party_server.gd")
const Quiz := preload("res://demos/party/quiz.gd")

const PATIENCE := 5000

var _party: PartyServer
var _failed := false


func _init(party: PartyServer) -> void:
	_party = party


## Whether everything went as it should.
func play() -> bool:
	var quiz := _party.quiz
	quiz.rounds = 3
	quiz.reveal_seconds = 0.2
	for path: String in ["/", "/controller.js", "/" + _party.code, "/healthz"]:
		await _fetch(path)
	var ada := Phone.new(_party)
	var ben := Phone.new(_party)
	var cleo := Phone.new(_party)
	cleo.says({"type": "join", "code": "AEIO", "name": "Cleo"})
	await _until("a refusal", func() -> bool: return not cleo.refusal.is_empty())
	print("Cleo's phone shows: %s" % cleo.refusal)
	await _sit(ada, "Ada")
	await _sit(ben, "Ben")
	await _sit(cleo, "Cleo")
	await _until("that Ada may start", func() -> bool: return ada.state.get("can_start") == true)
	ada.says({"type": "start"})
	var phones: Array[Phone] = [ada, ben, cleo]
	for number: int in [1, 2, 3]:
		await _round(number, phones)
	await _until("the end", func() -> bool: return quiz.phase == Quiz.Phase.OVER)
	for player in quiz.ranking():
		print("%d. %s with %d points" % [quiz.rank_of(player), player.name, player.score])
	await _fetch("/players")
	return not _failed and quiz.leader().name == "Ada" and quiz.rank_of(quiz.leader()) == 1


## Ada knows everything, Ben guesses and has to charge a phone, Cleo is always wrong.
func _round(number: int, phones: Array[Phone]) -> void:
	for phone in phones:
		await _until("question %d" % number, func() -> bool: return phone.is_asked(number))
	var quiz := _party.quiz
	print("Question %d: %s  %s" % [number, quiz.question, " / ".join(quiz.answers)])
	var ben := phones[1]
	if number == 2:
		var token := ben.token
		ben.drop()
		await _until("that Ben is missed", func() -> bool: return not quiz.players[1].is_here())
		ben = Phone.new(_party)
		phones[1] = ben
		ben.says({"type": "return", "token": token, "take_over": true})
		await _until("that Ben sees the question", func() -> bool: return ben.is_asked(number))
	phones[0].answers(quiz.right_answer)
	ben.answers(randi() % quiz.answers.size())
	phones[2].answers((quiz.right_answer + 1) % quiz.answers.size())
	await _until("the right answer", func() -> bool: return quiz.phase != Quiz.Phase.QUESTION)
	var scores := quiz.players.map(
		func(player: PartyServer.Player) -> String: return "%s %d" % [player.name, player.score]
	)
	print("It is %s.  %s" % [quiz.answers[quiz.right_answer], ", ".join(PackedStringArray(scores))])


func _sit(phone: Phone, who: String) -> void:
	# The code may be typed in small letters.
	phone.says({"type": "join", "code": _party.code.to_lower(), "name": who})
	await _until("%s's seat" % who, func() -> bool: return not phone.token.is_empty())


func _fetch(path: String) -> void:
	var http := HTTPRequest.new()
	http.max_redirects = 0
	add_child(http)
	var _error := http.request("http://127.0.0.1:%d%s" % [_party.get_port(), path])
	var result: Array = await http.request_completed
	http.queue_free()
	var status: int = result[1]
	var body: PackedByteArray = result[3]
	var text := body.get_string_from_utf8().strip_edges()
	if status != 200 and status != 302:
		_failed = true
	print("GET %s  ->  %d, %s" % [path, status, text if text.begins_with("{") else "%d bytes" % body.size()])


func _until(what: String, condition: Callable) -> void:
	var deadline := Time.get_ticks_msec() + PATIENCE
	while not condition.call():
		if Time.get_ticks_msec() >= deadline:
			print("In vain we wait for %s" % what)
			_failed = true
			return
		await get_tree().process_frame


## What `page/controller.js` is for a browser.
class Phone:
	extends RefCounted

	var token := ""
	var state := {}
	var refusal := ""
	var _ws := WebSocketClient.new()

	func _init(party: PartyServer) -> void:
		_ws.emit_messages = true
		var _error := _ws.message_received.connect(_on_message_received)
		_error = _ws.connect_to_url("ws://127.0.0.1:%d" % party.get_port())

	## What is sent too early waits for the connection.
	func says(message: Dictionary) -> void:
		var _error := _ws.send_text(JSON.stringify(message))

	func answers(index: int) -> void:
		says({"type": "answer", "round": state["round"], "index": index})

	func is_asked(number: int) -> bool:
		return state.get("phase") == "question" and state.get("round") == number

	## As a phone that goes out of reach.
	func drop() -> void:
		_ws.abort()

	func _on_message_received(text: String) -> void:
		var message: Dictionary = JSON.parse_string(text)
		match message["type"]:
			"seat":
				token = message["token"]
			"state":
				state = message
			"refused":
				refusal = message["reason"]
