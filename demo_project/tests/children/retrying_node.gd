extends Node
## Waits for a line that never comes, and retries in another frame, as clients do: each attempt asks for the tree. (Not
## with a timer of the tree: the engine itself leaks one that is awaited while it quits.)

var _listener := TcpListener.create(0, "127.0.0.1")
var _client := TcpClient.new()


func _ready() -> void:
	_listener.start()
	_client.connect_to_host("127.0.0.1", _listener.get_local_port())
	while true:
		var result := await _client.recv_line() as Array
		print("%s: error %d, inside the tree: %s" % [name, result[0], is_inside_tree()])
		await get_tree().process_frame
