extends MultiplayerTest
## wss in the four worlds.

const CERTIFICATES := "res://tests/certificates/"


func time_limit(_test_name: String) -> float:
	return 40.0


func test_calls_over_tls() -> void:
	for world in WORLDS:
		var server := _serve(world[0])
		var client := _connect(world[1], "authority")
		check(await wait_for(client.is_connected_to_server), str(world))
		var large := PackedByteArray()
		large.resize(50_000)
		client.actor.say.rpc_id(1, "hello")
		server.actor.say.rpc_id(client.id(), large)
		await happens(server, ["+ c1", "say c1 hello"])
		check(await wait_for(func() -> bool: return client.events.size() == 3))
		equal(client.events.back(), ["say", 1, large])
		server.peer.close()
		await eventually(client, "server gone")
		close_world()


func test_a_certificate_that_is_not_trusted() -> void:
	for world in WORLDS:
		var server := _serve(world[0])
		var client := _connect(world[1], "stranger")
		await happens(client, ["failed"])
		equal(server.events.size(), 0)
		close_world()


func _serve(ours: bool) -> Place:
	var key := CryptoKey.new()
	check(key.load(CERTIFICATES + "good.key") == OK)
	var certificate := X509Certificate.new()
	check(certificate.load(CERTIFICATES + "good.crt") == OK)
	var place := _place("server", ours)
	port = free_port()
	check(place.peer.create_server(port, LOOPBACK, TLSOptions.server(key, certificate)) == OK)
	place.use(place.peer)
	return place


func _connect(ours: bool, trusted: String) -> Place:
	var authority := X509Certificate.new()
	check(authority.load(CERTIFICATES + trusted + ".crt") == OK)
	var place := _place("c1", ours)
	check(place.peer.create_client("wss://localhost:%d" % port, TLSOptions.client(authority)) == OK)
	place.use(place.peer)
	return place
