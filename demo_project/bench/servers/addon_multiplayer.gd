extends "res://bench/multiplayer_server.gd"
## This add-on's AsyncMultiplayerPeer. The work `relay` relays in the background.

var _peer := AsyncMultiplayerPeer.new()


func listen() -> int:
	if budget_usec > 0:
		_peer.frame_budget_usec = budget_usec
	_peer.relay_in_background = work == "relay"
	_peer.create_server(0, LOOPBACK)
	multiplayer.multiplayer_peer = _peer
	return _peer.get_server().get_local_port()
