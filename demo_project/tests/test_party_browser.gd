extends BrowserTest
# time_limit: 300
## The party game of `demos/party` as guests play it: three phones, in a browser.

const PartyServer := preload("res://demos/party/party_server.gd")
const Player := preload("res://demos/party/player.gd")
const Quiz := preload("res://demos/party/quiz.gd")

var _scene: Control
var _party: PartyServer
var _quiz: Quiz


func before_each() -> void:
	super()
	_scene = (load("res://demos/party/party.tscn") as PackedScene).instantiate()
	_scene.set("port", 0)
	_scene.set("rehearses", false)
	add_child(_scene)
	_party = _scene.call("get_party")
	_quiz = _party.quiz
	# The tests end the rounds.
	_quiz.answer_seconds = 1000.0
	_quiz.reveal_seconds = 1000.0


func after_each() -> void:
	await super()
	_party.stop()
	_scene.free()
	_quiz = null
	_party = null


func test_three_players() -> void:
	_quiz.rounds = 2
	var ada := await open_tab(_url())
	await ada.picture("party_join")
	await _type(ada, "aeio", "Ada")
	await ada.shows("There is no room AEIO. The code is on the big screen.")
	await ada.picture("party_refused")
	equal(_quiz.players.size(), 0)
	await _type(ada, _party.code.to_lower(), "Ada")
	await ada.shows("Nobody else is here yet.")
	# The link for phones has the code in it.
	var ben := await open_tab(_url() + "/" + _party.code)
	equal(await ben.evaluate("document.getElementById('code').value"), _party.code)
	await ben.fill("#who", "Ben")
	await ben.tap("#join button")
	await ben.shows("2 players are in. Ada starts the game.")
	var cleo := await open_tab(_url())
	await _type(cleo, _party.code, "<i>Cleo</i>!")
	await ada.shows("3 players are in.")
	await ada.picture("party_lobby")
	equal(_names(), ["Ada", "Ben", "<i>Cleo</i>!"])
	equal((_scene.get_node("%Code") as Label).text, _party.code)

	await ada.tap("#start")
	for tab: Tab in [ada, ben, cleo]:
		await tab.until("document.querySelectorAll('#answers button').length === 4")
		await tab.shows(_quiz.question)
	await ada.picture("party_question")
	var right := _quiz.right_answer
	await ada.tap("#answers button:nth-child(%d)" % (right + 1))
	await ada.shows("Your answer is in.")
	await ada.picture("party_answered")
	# In the middle of the round: she has answered, he has not.
	await ada.reload()
	await ada.shows("Your answer is in.")
	await ben.reload()
	await ben.until("document.querySelectorAll('#answers button').length === 4")
	equal(_names(), ["Ada", "Ben", "<i>Cleo</i>!"])
	await ben.tap("#answers button:nth-child(%d)" % ((right + 1) % 4 + 1))
	# The later, the less.
	_quiz.tick(100.0)
	await cleo.tap("#answers button:nth-child(%d)" % (right + 1))
	await ada.shows("Right! +")
	await ada.shows("1st of 3")
	await ben.shows("It is: %s. You are 3rd of 3." % _quiz.answers[right])
	await cleo.shows("2nd of 3")
	await ada.picture("party_right")
	await ben.picture("party_wrong")
	var score := _quiz.players[0].score
	at_least(score, 900)

	_quiz.tick(1000.0)
	await ada.until("!document.getElementById('question').hidden")
	await ada.shows(str(score))
	_quiz.tick(1000.0)
	await ada.shows("Too late")
	_quiz.tick(1000.0)
	await ada.shows("You have won!")
	await ben.shows("3rd of 3")
	await ada.picture("party_over")
	equal((_scene.get_node("%Winner") as Label).text, "Ada has won!")
	await ada.tap("#start")
	await ben.until("document.querySelectorAll('#answers button').length === 4")
	equal(_scores(), [0, 0, 0])


func test_who_comes_back() -> void:
	var ada := await open_tab(_url())
	await _type(ada, _party.code, "Ada")
	await ada.shows("You are in!")
	_quiz.players[0].score = 123

	# The connection is lost, the page is still there.
	_server().disconnect_client(_quiz.players[0].client_id, 1001)
	check(await wait_for(func() -> bool: return not _quiz.players[0].is_here()), "she is missed")
	check(await wait_for(func() -> bool: return _quiz.players[0].is_here()), "she is back")
	await ada.until("document.getElementById('lost').hidden && document.getElementById('score').innerText === '123'")

	# The phone has slept: the page does not trust its connection, and opens another.
	var connection := _quiz.players[0].client_id
	await ada.evaluate("hiddenSince = 1; document.dispatchEvent(new Event('visibilitychange'))")
	var is_new := func() -> bool: return not [connection, Player.NOBODY].has(_quiz.players[0].client_id)
	check(await wait_for(is_new), "she has a new connection")
	await ada.until("isOpen() && !isElsewhere && document.getElementById('score').innerText === '123'")

	# The phone has thrown the page away.
	await ada.close()
	check(await wait_for(func() -> bool: return not _quiz.players[0].is_here()), "she is missed")
	ada = await open_tab(_url())
	await ada.shows("You are in!")
	equal(_names(), ["Ada"])

	# Another tab of the same browser is another player, who leaves the first where she is.
	var ben := await open_tab(_url())
	await _type(ben, _party.code, "Ben")
	await ben.shows("2 players are in.")
	await ada.reload()
	await ada.shows("2 players are in.")
	await ben.reload()
	await ben.shows("2 players are in.")
	equal(_names(), ["Ada", "Ben"])
	check(_quiz.players.all(func(player: Player) -> bool: return player.is_here()), "both are here")

	await ben.tap("#leave")
	await ben.until("!document.getElementById('join').hidden")
	await ada.shows("Nobody else is here yet.")
	equal(_names(), ["Ada"])


func test_a_seat_has_one_page() -> void:
	var ada := await open_tab(_url())
	await _type(ada, _party.code, "Ada")
	await ada.shows("You are in!")
	# As a browser does that duplicates a tab.
	var twin := await open_tab(_url())
	await twin.until("!document.getElementById('join').hidden")
	await twin.evaluate("sessionStorage.setItem('token', localStorage.getItem('token'))")
	await twin.reload()
	await twin.shows("You are in!")
	await ada.shows("You play on another page now.")
	await ada.picture("party_elsewhere")
	await ada.tap("#here")
	await ada.shows("You are in!")
	await twin.shows("You play on another page now.")
	equal(_names(), ["Ada"])


func test_who_comes_back_too_late() -> void:
	var ada := await open_tab(_url())
	await _type(ada, _party.code, "Ada")
	await ada.shows("You are in!")
	_party.seat_seconds = 0.0
	await ada.reload()
	await ada.shows("Your seat was given up. Join again.")
	equal(_names(), [])
	_party.seat_seconds = 60.0
	await _type(ada, _party.code, "Ada")
	await ada.shows("You are in!")
	# The room is closed, and opened again: the page waits for it.
	var port := _party.get_port()
	_party.stop()
	await ada.until("!document.getElementById('lost').hidden")
	await ada.picture("party_lost")
	check(_party.start(port))
	await ada.until("document.getElementById('lost').hidden")
	await ada.shows("You are in!")


func _type(tab: Tab, code: String, who: String) -> void:
	await tab.until("document.getElementById('lost').hidden")
	await tab.fill("#code", code)
	await tab.fill("#who", who)
	await tab.tap("#join button")


func _names() -> Array:
	return _quiz.players.map(func(player: Player) -> String: return player.name)


func _scores() -> Array:
	return _quiz.players.map(func(player: Player) -> int: return player.score)


func _server() -> WebSocketServer:
	return _party.get("_server")


func _url() -> String:
	return "http://%s:%d" % [LOOPBACK, _party.get_port()]
