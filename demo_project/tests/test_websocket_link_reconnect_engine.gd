extends "res://tests/test_websocket_link_reconnect.gd"
## WebSocketLink with the engine's WebSocketPeer, as in a web export: reconnecting.


func is_with_library() -> bool:
	return false
