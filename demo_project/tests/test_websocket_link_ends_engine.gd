extends "res://tests/test_websocket_link_ends.gd"
## WebSocketLink with the engine's WebSocketPeer, as in a web export: how a connection ends.


func is_with_library() -> bool:
	return false
