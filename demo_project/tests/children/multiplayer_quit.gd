extends Node
## A server on the port given as the second argument. The packet "quit" makes it answer and quit the engine.


func _ready() -> void:
	var peer := AsyncMultiplayerPeer.new()
	peer.create_server(OS.get_cmdline_user_args()[1].to_int(), "127.0.0.1")
	multiplayer.multiplayer_peer = peer
	(multiplayer as SceneMultiplayer).peer_packet.connect(_on_peer_packet)


func _on_peer_packet(id: int, packet: PackedByteArray) -> void:
	if packet.get_string_from_utf8() == "quit":
		(multiplayer as SceneMultiplayer).send_bytes("goodbye".to_utf8_buffer(), id)
		get_tree().quit()
