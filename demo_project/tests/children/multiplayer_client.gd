extends Node
## Joins a server: `PORT ours|stock`, until it is killed.


func _ready() -> void:
	var arguments := OS.get_cmdline_user_args()
	var url := "ws://127.0.0.1:%s" % arguments[1]
	if arguments[2] == "ours":
		var ours := AsyncMultiplayerPeer.new()
		ours.create_client(url)
		multiplayer.multiplayer_peer = ours
	else:
		var stock := WebSocketMultiplayerPeer.new()
		stock.create_client(url)
		multiplayer.multiplayer_peer = stock
	get_tree().create_timer(20.0).timeout.connect(get_tree().quit)
