extends HttpTest
## The party game of `demos/party`: its answers by plain HTTP, its rules, and clients that do not keep to them.

const PartyServer := preload("res://demos/party/party_server.gd")
const Player := preload("res://demos/party/player.gd")
const QrCode := preload("res://demos/party/qr_code.gd")
const Quiz := preload("res://demos/party/quiz.gd")

var _party: PartyServer
var _quiz: Quiz


func before_each() -> void:
	_party = PartyServer.new()
	_quiz = _party.quiz
	server = _party.get("_server")
	events = Events.new()
	events.watch(server)
	check(_party.start(0, LOOPBACK))


func after_each() -> void:
	_party.stop()
	super()
	_quiz = null
	_party = null


func test_plain_http() -> void:
	var page := await fetch("/")
	equal([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"])
	for path: String in ["/controller.js", "/style.css"]:
		check(page.text().contains(path.trim_prefix("/")))
		equal((await fetch(path)).status, 200)
	check(not page.text().contains(_party.code), "the code is only on the big screen")
	await answers("/players", 200, '{"phase":"lobby","players":[]}')
	await _sit("Ada")
	await answers("/players", 200, '{"phase":"lobby","players":[{"here":true,"name":"Ada","score":0}]}')
	var link := await fetch("/" + _party.code.to_lower())
	equal([link.status, link.headers.get("location")], [302, "/?code=" + _party.code])
	equal((await fetch("/healthz")).status, 200)
	await answers("/AEIO", 404, "There is nothing here.\n")
	var posted := await fetch("/players", [], HTTPClient.METHOD_POST)
	equal([posted.status, posted.headers.get("allow")], [405, "GET, HEAD"])
	equal((await post("/players", "x")).status, 413)


func test_who_is_refused() -> void:
	var peer := await join()
	var joining := {"type": "join", "code": _party.code, "name": " \n "}
	_send(peer, joining)
	await _hears(peer, {"type": "refused", "of": "join", "reason": "Please type in your name."})
	_send(peer, {"type": "return", "token": "", "take_over": true})
	await _hears(peer, {"type": "refused", "of": "return", "reason": "Your seat was given up. Join again."})
	for number in Quiz.MAX_PLAYERS:
		await _sit("Ada")
	equal(_names().slice(0, 3), ["Ada", "Ada 2", "Ada 3"])
	joining["name"] = "Ben"
	_send(peer, joining)
	await _hears(peer, {"type": "refused", "of": "join", "reason": "The room is full: 8 play already."})
	equal(_quiz.players.size(), Quiz.MAX_PLAYERS)


func test_a_round() -> void:
	var ada := await _sit("Ada")
	_send(ada, {"type": "start"})
	await told_times("message", 2)
	equal(_quiz.phase, Quiz.Phase.LOBBY, "one player is not enough")
	var ben := await _sit("Ben")
	_send(ben, {"type": "start"})
	_send(ben, {"type": "answer", "round": 0, "index": 0})
	await told_times("message", 5)
	equal(_quiz.phase, Quiz.Phase.LOBBY, "it is for Ada to start it")
	_send(ada, {"type": "start"})
	check(await wait_for(func() -> bool: return _quiz.phase == Quiz.Phase.QUESTION))
	_quiz.tick(_quiz.answer_seconds / 2)
	for index: Variant in [-1, 4, 1e30, "1", null, {}]:
		_send(ada, {"type": "answer", "round": 1, "index": index})
	_send(ada, {"type": "answer", "round": 0, "index": _quiz.right_answer})
	_send(ada, {"type": "answer", "round": 1, "index": (_quiz.right_answer + 1) % 4})
	_send(ada, {"type": "answer", "round": 1, "index": _quiz.right_answer})
	check(await wait_for(func() -> bool: return _quiz.players[0].has_answered()))
	check(not ben.received.any(func(text: String) -> bool: return text.contains('"right"')), "nothing is given away")
	_send(ben, {"type": "answer", "round": 1, "index": _quiz.right_answer})
	check(await wait_for(func() -> bool: return _quiz.phase == Quiz.Phase.REVEAL))
	equal(_quiz.players[0].score, 0)
	var score := _quiz.players[1].score
	check(score > 700 and score <= 750, "half of the time is over: %d" % score)
	equal([_quiz.rank_of(_quiz.players[0]), _quiz.rank_of(_quiz.players[1])], [2, 1])


func test_nobody_waits_for_who_is_away() -> void:
	var ada := await _sit("Ada")
	var ben := await _sit("Ben")
	_quiz.start()
	_send(ben, {"type": "answer", "round": 1, "index": 0})
	check(await wait_for(func() -> bool: return _quiz.players[1].has_answered()))
	equal(_quiz.phase, Quiz.Phase.QUESTION)
	ada.socket.close()
	check(await wait_for(func() -> bool: return _quiz.phase == Quiz.Phase.REVEAL))
	equal(_quiz.leader().name, "Ben")
	equal(_names(), ["Ada", "Ben"])
	_party.seat_seconds = 0.0
	_party.tick(0.0)
	equal(_names(), ["Ben"])
	ben.socket.close()
	check(await wait_for(func() -> bool: return not _quiz.players[0].is_here()))
	_party.tick(0.0)
	equal(_names(), [])
	equal(_quiz.phase, Quiz.Phase.LOBBY)


func test_a_token_is_worth_a_seat() -> void:
	var ada := await _sit("Ada")
	var token := _quiz.players[0].token
	equal(token.length(), 32)
	var other := await join()
	_send(other, {"type": "return", "token": token, "take_over": false})
	await _hears(other, {"type": "refused", "of": "return", "reason": "Ada is played on another page."})
	_send(other, {"type": "return", "token": token, "take_over": true})
	await is_out(ada, PartyServer.CODE_TAKEN_OVER, "played on another page")
	await frames(2)
	check(_quiz.players[0].is_here(), "the end of the first one does not count")
	_send(other, {"type": "leave"})
	check(await wait_for(func() -> bool: return _quiz.players.is_empty()))
	check(other.is_open(), "it may join again")


func test_what_breaks_the_rules() -> void:
	for message: String in ["no JSON", "[]", "{}", '{"type": "start"}', '{"type": "leave"}', '{"type": 7}']:
		var peer := await join()
		peer.socket.send_text(message)
		await is_out(peer, 1008)
	var ada := await _sit("Ada")
	_send(ada, {"type": "join", "code": _party.code, "name": "Ada"})
	await is_out(ada, 1008)
	equal(_names(), ["Ada"])


## What a scanner has read once.
func test_the_qr_code() -> void:
	var image := QrCode.image("http://192.168.178.105:8080/BCDF")
	equal(image.get_size(), Vector2i(37, 37))
	equal(image.get_data().hex_encode().md5_text(), "7029c7733fc72eb6018e60c575b8cd20")
	check(QrCode.image("x".repeat(QrCode.CAPACITY)) != null)
	equal(QrCode.image("x".repeat(QrCode.CAPACITY + 1)), null)


func _sit(who: String) -> Peer:
	var peer := await join()
	var before := _quiz.players.size()
	_send(peer, {"type": "join", "code": _party.code, "name": who})
	check(await wait_for(func() -> bool: return _quiz.players.size() == before + 1), "%s has a seat" % who)
	return peer


func _send(peer: Peer, message: Dictionary) -> void:
	is_ok(peer.socket.send_text(JSON.stringify(message)))


func _hears(peer: Peer, message: Dictionary) -> void:
	var is_there := func() -> bool:
		return peer.received.any(func(text: String) -> bool: return JSON.parse_string(text) == message)
	check(await wait_for(is_there), "%s is not in %s" % [message, peer.received])


func _names() -> Array:
	return _quiz.players.map(func(player: Player) -> String: return player.name)
