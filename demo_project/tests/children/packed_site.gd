extends Node
## Serves a folder of the project, which is packed, and prints what a client gets: `packed_site FOLDER`.


func _ready() -> void:
	var server := WebSocketServer.new()
	var error := server.serve_folder("/", OS.get_cmdline_user_args()[1])
	print("served: ", error_string(error))
	server.start(0, "127.0.0.1")
	var client := HTTPRequest.new()
	client.timeout = 10.0
	add_child(client)
	client.request("http://127.0.0.1:%d/" % server.get_local_port())
	var answer := await client.request_completed as Array
	print("%d: %s" % [answer[1], (answer[3] as PackedByteArray).get_string_from_utf8()])
	get_tree().quit()
