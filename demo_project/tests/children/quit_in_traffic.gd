extends Node
## Quits while clients and listeners of every kind are in the middle of traffic.

const CLIENTS := 20
const FRAMES := 10

var _listener := TcpListener.create(0, "127.0.0.1")
var _clients: Array[TcpClient] = []
var _accepted: Array[TcpClient] = []


func _ready() -> void:
	_listener.client_connected.connect(_serve)
	_listener.start()
	for _i in CLIENTS:
		var client := TcpClient.new()
		client.connect_to_host("127.0.0.1", _listener.get_local_port())
		_clients.append(client)
		_talk(client)
	for _i in FRAMES:
		await get_tree().process_frame
	print("quits")
	get_tree().quit()


func _serve(client: TcpClient) -> void:
	_accepted.append(client)
	while true:
		var result := await client.recv_some() as Array
		if result[0] != OK:
			return
		client.send(result[1])


func _talk(client: TcpClient) -> void:
	await client.wait_connected()
	var number := 0
	while true:
		number += 1
		await client.send_async(("line %d\n" % number).to_utf8_buffer())
		var result := await client.recv_line() as Array
		if result[0] != OK:
			return
