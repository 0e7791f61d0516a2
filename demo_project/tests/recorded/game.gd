extends Node
## The game of the recorded session, at the server and at its clients. The server only ever answers packets, so the same
## packets make it send the same bytes again. (Hence its pawns are synchronised on change, not every frame.)

const PAWN := preload("res://tests/recorded/pawn.tscn")

## What the others have called, each as [name of the method, sender, arguments...].
var calls: Array[Array] = []
var pawns := Node.new()


func _ready() -> void:
	pawns.name = "Pawns"
	add_child(pawns)
	var spawner := MultiplayerSpawner.new()
	spawner.name = "Spawner"
	spawner.spawn_path = NodePath("../Pawns")
	spawner.add_spawnable_scene(PAWN.resource_path)
	add_child(spawner)


## A client introduces itself; the server welcomes it and spawns a pawn for it.
@rpc("any_peer", "call_remote", "reliable")
func greet(who: String, colour: Color) -> void:
	var id := _note("greet", [who, colour])
	welcome.rpc_id(id, "Welcome, %s!" % who, {"players": pawns.get_child_count() + 1})
	var pawn := PAWN.instantiate()
	pawn.name = "pawn_of_%s" % who
	pawn.set("value", 10)
	pawns.add_child(pawn)


@rpc("authority", "call_remote", "reliable")
func welcome(text: String, facts: Dictionary) -> void:
	_note("welcome", [text, facts])


## Anybody tells anybody.
@rpc("any_peer", "call_remote", "reliable")
func say(text: String) -> void:
	_note("say", [text])


## A client moves all pawns.
@rpc("any_peer", "call_remote", "unreliable")
func move(value: int) -> void:
	_note("move", [value])
	for pawn in pawns.get_children():
		pawn.set("value", value)


## A client asks to be thrown out.
@rpc("any_peer", "call_remote", "reliable")
func kick_me() -> void:
	multiplayer.multiplayer_peer.disconnect_peer(_note("kick_me", []))


## The pawns here, each as "name value".
func seen() -> Array[String]:
	var all: Array[String] = []
	for pawn in pawns.get_children():
		all.append("%s %d" % [pawn.name, pawn.get("value")])
	return all


func _note(method: String, arguments: Array) -> int:
	var sender := multiplayer.get_remote_sender_id()
	calls.append([method, sender] + arguments)
	return sender
