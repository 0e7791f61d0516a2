extends MultiplayerTest
## A page in headless Chromium joins: a browser's WebSocket, with packets made by hand in JavaScript. The engine's own
## server shows that the page speaks as the engine does.


func time_limit(_test_name: String) -> float:
	return 60.0


func before_each() -> void:
	skip_without_browser()


func test_our_server() -> void:
	await _meet_a_page(true)


func test_the_engines_server() -> void:
	await _meet_a_page(false)


func _meet_a_page(ours: bool) -> void:
	var server := open_server(ours)
	var friend := await join(false)
	server.api.peer_connected.connect(func(joined: int) -> void: server.actor.say.rpc_id(joined, "welcome, page"))
	friend.actor.also = func(_what: String, sender: int, value: Variant) -> void:
		friend.actor.say.rpc_id(sender, "I heard %s 👋" % value)
	var page := open_page("multiplayer", port)
	await wait_for(func() -> bool: return server.events.size() == 5 or page.is_over(), 40.0)
	if not check(server.events.size() == 5, page.output):
		return
	var id: int = server.events[1][1]
	equal(
		server.events,
		[["+", friend.id()], ["+", id], ["say", id, "by path"], ["say", id, "by number"], ["say", id, "answered"]]
	)
	check(friend.events.has(["say", id, "from the browser"]))

	var long := "A long text. ".repeat(4000)
	server.actor.say.rpc_id(id, long)
	check(await wait_for(func() -> bool: return server.events.back() == ["say", id, long]), "it comes back")
	(server.peer as MultiplayerPeer).disconnect_peer(id)
	var expected := {
		"id": float(id),
		"other": float(friend.id()),
		"calls":
		[
			[1.0, "say", "welcome, page"],
			[float(friend.id()), "say", "I heard from the browser 👋"],
			[1.0, "say", long],
		],
		"closed": {"code": 1000.0, "reason": "", "clean": true},
	}
	equal(await returned(page), expected)
	equal(server.events.back(), ["-", id])
	await eventually(friend, "- %d" % id)
