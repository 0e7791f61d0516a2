extends TcpTest
## All clients of a listener together take no more memory than allowed.

const KIB := 1024
const MIB := 1024 * 1024


## The client that has sent the most unread data is closed; what the others sent remains.
func test_received_bytes_have_a_limit_in_total() -> void:
	var listener := TcpListener.create(0, LOOPBACK)
	equal(listener.max_total_bytes, 256 * MIB)
	listener.max_total_bytes = 512 * KIB
	is_ok(listener.start())
	var small := await connect_to(listener)
	small[0].send(pattern(10 * KIB))
	var clients: Array[TcpClient] = []
	var peers: Array[TcpClient] = []
	for _index in 3:
		var ends := await connect_to(listener)
		ends[0].send(pattern(300 * KIB))
		peers.append(ends[0])
		clients.append(ends[1])
	var is_closed := func(client: TcpClient) -> bool: return client.get_close_reason() == TcpClient.CLOSE_ERROR
	check(await wait_for(func() -> bool: return clients.any(is_closed)))
	for client in clients.filter(is_closed) as Array[TcpClient]:
		check("memory" in client.get_last_error_message(), client.get_last_error_message())
		equal(client.get_available_bytes(), 0, "what it held is dropped")
		equal(client.get_status(), TcpClient.STATUS_ERROR)
	check(not clients.all(is_closed), "only as many as need be")
	var received := await small[1].recv(10 * KIB) as Array
	is_ok(received)
	same_bytes(received[1], pattern(10 * KIB))
	equal(small[1].get_status(), TcpClient.STATUS_CONNECTED)
