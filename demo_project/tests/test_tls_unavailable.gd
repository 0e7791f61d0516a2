extends TlsTest
## TLS on Godot 4.2, where the library cannot read the options: everything says so.


func before_each() -> void:
	if can_read_options():
		skip("this engine has what TLS needs")


func test_everything_is_refused() -> void:
	var client := TcpClient.new()
	client.tls_options = TLSOptions.client_unsafe()
	is_error(client.connect_to_host(HOST, 1), ERR_UNAVAILABLE)
	check(client.get_last_error_message().contains("4.3"), client.get_last_error_message())
	var listener := TcpListener.create(0, LOOPBACK)
	listener.tls_options = TLSOptions.client_unsafe()
	is_error(listener.start(), ERR_UNAVAILABLE)
	var ends := await connect_pair()
	equal(await ends[0].start_tls(TLSOptions.client_unsafe()), [ERR_UNAVAILABLE])
	await is_alive(ends[0], ends[1], "the connection goes on")
