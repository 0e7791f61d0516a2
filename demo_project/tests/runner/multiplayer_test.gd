class_name MultiplayerTest
extends NetTest
## Base class of the AsyncMultiplayerPeer scenes: a server and clients, each on a node of its own with a MultiplayerAPI
## of its own, whose signals and calls are recorded in the order in which they come.
##
## The same test runs in four worlds: our class or the engine's as the server, times our class or the engine's as the
## client.

const LOOPBACK := "127.0.0.1"

## Each world: whether the server is ours, and whether the clients are.
const WORLDS: Array[Array] = [[true, true], [true, false], [false, true], [false, false]]

## Everybody, the server first.
var places: Array[Place] = []
var port := 0

## What the engine logs, once [method EngineLog.start] was called.
var engine_log := EngineLog.new()

var _names := {}
var _raws: Array[RawPeer] = []


func _process(_delta: float) -> void:
	for raw in _raws:
		raw.poll()


func after_each() -> void:
	engine_log.stop()
	_raws.clear()
	close_world()
	await frames(3)


#region The world


## Starts a server.
func open_server(ours: bool, properties := {}, before := Callable()) -> Place:
	var place := _place("server", ours)
	for property: String in properties:
		_set_in(place, property, properties[property])
	if before.is_valid():
		before.call(place)
	port = free_port()
	check(place.peer.create_server(port, LOOPBACK) == OK, "create_server")
	place.use(place.peer)
	return place


## Starts a client, named c1, c2 and so on.
func open_client(ours: bool, properties := {}, before := Callable()) -> Place:
	var place := _place("c%d" % places.size(), ours)
	for property: String in properties:
		_set_in(place, property, properties[property])
	if before.is_valid():
		before.call(place)
	check(place.peer.create_client("ws://%s:%d" % [LOOPBACK, port]) == OK, "create_client")
	place.use(place.peer)
	return place


## Starts a client and waits until it and everybody else knows it.
func join(ours: bool, properties := {}) -> Place:
	var place := open_client(ours, properties)
	check(await wait_for(place.is_connected_to_server), "%s joins" % place.label)
	var server := places[0]
	var is_known := func(other: Place) -> bool: return other == place or other.api.get_peers().has(place.id())
	var knowing: Array[Place] = [server]
	if server.api.server_relay:
		knowing.append_array(places.slice(1).filter(func(other: Place) -> bool: return other.status() == 2))
	check(await wait_for(func() -> bool: return knowing.all(is_known)), "everybody knows it")
	note_names()
	return place


## Connects a client that is none of both classes and requests to join, with packets sent right behind the request.
func raw_peer(packets := []) -> RawPeer:
	var raw := RawPeer.new()
	raw.stream.connect_to_host(LOOPBACK, port)
	_raws.append(raw)
	var is_open := func() -> bool: return raw.stream.get_status() == StreamPeerTCP.STATUS_CONNECTED
	check(await wait_for(is_open), "a raw connection")
	raw.join(packets)
	return raw


func close_world() -> void:
	for place in places:
		place.leave()
	places.clear()
	_names.clear()


## Remembers who has which id.
func note_names() -> void:
	for place in places:
		if place.id() > 0:
			_names[place.id()] = place.label


## What has happened at a place, with names in place of ids.
func log_of(place: Place) -> Array[String]:
	note_names()
	var lines: Array[String] = []
	for event in place.events:
		var words := PackedStringArray()
		for index in event.size():
			words.append(str(_names.get(event[index], event[index]) if index == 1 else event[index]))
		lines.append(" ".join(words))
	return lines


## Waits until this has happened at a place, in this order, and nothing else.
func happens(place: Place, expected: Array[String], time := 5.0) -> bool:
	await wait_for(func() -> bool: return place.events.size() >= expected.size(), time)
	await frames(3)
	return equal(log_of(place), expected, "at %s" % place.label)


## Waits until this is among what has happened at a place.
func eventually(place: Place, expected: String, time := 5.0) -> bool:
	await wait_for(func() -> bool: return log_of(place).has(expected), time)
	return check(log_of(place).has(expected), "%s is not in %s" % [expected, log_of(place)])


#endregion


func _place(label: String, ours: bool) -> Place:
	var place := Place.new()
	place.name = label
	place.label = label
	place.peer = AsyncMultiplayerPeer.new() if ours else WebSocketMultiplayerPeer.new()
	place.ours = ours
	add_child(place)
	place.set_up()
	places.append(place)
	return place


func _set_in(place: Place, property: String, value: Variant) -> void:
	if property in place.api:
		place.api.set(property, value)
	else:
		place.peer.set(property, value)


## A branch of the tree with its own MultiplayerAPI.
class Place:
	extends Node

	var label := ""
	var ours := false
	var api := SceneMultiplayer.new()
	## MultiplayerPeer; a Variant, as only two of its classes have `create_server()`.
	var peer: Variant
	var actor := Actor.new()
	## What has happened, each as [what, argument, ...].
	var events: Array[Array] = []

	func set_up() -> void:
		actor.name = "Actor"
		actor.place = self
		get_tree().set_multiplayer(api, get_path())
		api.peer_connected.connect(func(id: int) -> void: events.append(["+", id]))
		api.peer_disconnected.connect(func(id: int) -> void: events.append(["-", id]))
		api.connected_to_server.connect(func() -> void: events.append(["connected"]))
		api.connection_failed.connect(func() -> void: events.append(["failed"]))
		api.server_disconnected.connect(func() -> void: events.append(["server gone"]))
		api.peer_authenticating.connect(func(id: int) -> void: events.append(["authenticating", id]))
		api.peer_authentication_failed.connect(func(id: int) -> void: events.append(["not authenticated", id]))
		add_child(actor)

	func use(with: MultiplayerPeer) -> void:
		api.multiplayer_peer = with

	func id() -> int:
		return (peer as MultiplayerPeer).get_unique_id() if peer != null and status() == 2 else 0

	func status() -> int:
		return (peer as MultiplayerPeer).get_connection_status()

	func is_connected_to_server() -> bool:
		return status() == MultiplayerPeer.CONNECTION_CONNECTED and api.get_peers().has(1)

	func leave() -> void:
		# The nodes first: they need their MultiplayerAPI to go.
		for child in get_children():
			child.free()
		if peer != null:
			(peer as MultiplayerPeer).close()
		peer = null
		api.multiplayer_peer = null
		get_tree().set_multiplayer(null, get_path())
		get_parent().remove_child(self)
		queue_free()


## The node at each place whose methods the others call.
class Actor:
	extends Node

	var place: Place
	## Called with everything that arrives, after it was recorded.
	var also := Callable()

	func _ready() -> void:
		pass

	func _note(what: String, value: Variant) -> void:
		place.events.append([what, multiplayer.get_remote_sender_id(), value])
		if also.is_valid():
			also.call(what, multiplayer.get_remote_sender_id(), value)

	@rpc("any_peer", "call_remote", "reliable")
	func say(value: Variant) -> void:
		_note("say", value)

	@rpc("any_peer", "call_remote", "unreliable")
	func say_unreliable(value: Variant) -> void:
		_note("say_unreliable", value)

	@rpc("any_peer", "call_remote", "unreliable_ordered")
	func say_ordered(value: Variant) -> void:
		_note("say_ordered", value)

	@rpc("any_peer", "call_remote", "reliable", 3)
	func say_on_channel(value: Variant) -> void:
		_note("say_on_channel", value)

	@rpc("any_peer", "call_local", "reliable")
	func say_everywhere(value: Variant) -> void:
		_note("say_everywhere", value)

	@rpc("authority", "call_remote", "reliable")
	func command(value: Variant) -> void:
		_note("command", value)
