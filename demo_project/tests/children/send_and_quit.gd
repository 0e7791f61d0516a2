extends TcpTest
## Sends a block to the port given as the second argument, by a client and by a wrapped stream, and quits at once.

const MEBIBYTE := 1024 * 1024


func _ready() -> void:
	var port := OS.get_cmdline_user_args()[1].to_int()
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, port)
	await client.wait_connected()
	client.send(pattern(MEBIBYTE))

	var stream := StreamPeerTCP.new()
	stream.connect_to_host(LOOPBACK, port)
	await wait_for(
		func() -> bool:
			stream.poll()
			return stream.get_status() == StreamPeerTCP.STATUS_CONNECTED
	)
	var wrapped := TcpClient.new()
	wrapped.wrap_stream(stream)
	wrapped.send(pattern(MEBIBYTE))
	get_tree().quit()
