extends "res://bench/bench_client.gd"
## This add-on's WebSocketClient. `echo` has a handler for its messages, `receive` a loop that awaits them.

var _clients: Array[WebSocketClient] = []


func open() -> void:
	var client := WebSocketClient.new()
	client.auto_process = budget_usec == 0
	if work == "echo":
		client.emit_messages = true
		client.data_received.connect(take_echo)
	client.connect_to_url("ws://127.0.0.1:%d" % server_port)
	_clients.append(client)


func _process(_delta: float) -> void:
	if budget_usec > 0 and not _clients.is_empty():
		_clients[0].process(budget_usec)


func count_open() -> int:
	var is_open := func(client: WebSocketClient) -> bool: return client.get_ready_state() == WebSocketClient.STATE_OPEN
	return _clients.filter(is_open).size()


func begin() -> void:
	super()
	if work == "receive":
		_receive(_clients[0])


func send(data: PackedByteArray) -> void:
	_clients[0].send_binary(data)


func _receive(client: WebSocketClient) -> void:
	while true:
		var result := await client.recv_binary() as Array
		if result[0] != OK:
			return
		take_echo(result[1] as PackedByteArray)
