extends TcpTest
## Lines, delimiters and packets that arrive in parts, and what remains of them at the end of the stream.

const TEXT := "größe 🌍 שלום"


func test_a_line_comes_byte_by_byte() -> void:
	for ending: String in ["\n", "\r\n"]:
		var ends := await connect_pair()
		var line := NetTask.from(ends[0].recv_line())
		for byte in utf8(TEXT + ending):
			check(not line.is_completed())
			equal(await ends[1].send_async(PackedByteArray([byte])), [OK, 1])
			await frames(1)
		equal(await line.wait(), [OK, TEXT])
		equal(ends[0].get_available_bytes(), 0)


func test_many_lines_in_one_segment() -> void:
	var ends := await connect_pair()
	var lines := PackedStringArray()
	for number in 5000:
		lines.append("%s %d" % [TEXT, number])
	ends[1].send(utf8("\r\n".join(lines) + "\n"))
	for line in lines:
		if not equal(await ends[0].recv_line(), [OK, line]):
			return


func test_a_line_that_is_no_utf8() -> void:
	var ends := await connect_pair()
	ends[1].send(PackedByteArray([65, 0xff, 66, 0, 67, 10]))
	equal(await ends[0].recv_line(), [OK, "A\ufffdB\ufffdC"])


func test_a_line_at_its_limit() -> void:
	var ends := await connect_pair()
	# The limit includes the line ending.
	ends[1].send(utf8("123456789\n1234567890\n"))
	equal(await ends[0].recv_line(10), [OK, "123456789"])
	equal(await ends[0].recv_line(10), [ERR_OUT_OF_MEMORY, ""])
	equal(await ends[0].recv(11), [OK, utf8("1234567890\n")], "the bytes are kept")
	# A line whose ending has not arrived yet.
	ends[1].send(utf8("without an end"))
	equal(await ends[0].recv_line(5), [ERR_OUT_OF_MEMORY, ""])
	equal(await ends[0].recv(14), [OK, utf8("without an end")])


func test_a_line_longer_than_the_buffer() -> void:
	var ends := await connect_pair()
	ends[0].max_buffered_bytes = 1000
	var long := "x".repeat(300_000)
	ends[1].send(utf8(long + "\n"))
	var result := await ends[0].recv_line(400_000, 5.0) as Array
	is_ok(result)
	check(result[1] == long, "%d characters" % (result[1] as String).length())


func test_the_end_in_the_middle_of_a_line() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("whole\nhalf"))
	ends[1].disconnect_from_host()
	equal(await ends[0].recv_line(), [OK, "whole"])
	equal(await ends[0].recv_line(), [ERR_FILE_EOF, "half"])
	equal(await ends[0].recv_line(), [ERR_FILE_EOF, ""])


func test_the_end_in_the_middle_of_a_block() -> void:
	var ends := await connect_pair()
	ends[1].send(utf8("a;b"))
	ends[1].disconnect_from_host()
	equal(await ends[0].recv_until(utf8(";")), [OK, utf8("a;")])
	equal(await ends[0].recv_until(utf8(";")), [ERR_FILE_EOF, utf8("b")])


func test_the_end_in_the_middle_of_a_packet() -> void:
	var ends := await connect_pair()
	ends[1].send_packet(utf8("whole"))
	ends[1].send(PackedByteArray([10, 0, 0, 0, 1, 2]))
	ends[1].disconnect_from_host()
	equal(await ends[0].recv_packet(), [OK, utf8("whole")])
	equal(await ends[0].recv_packet(), [ERR_FILE_EOF, PackedByteArray([1, 2])])


func test_packets_come_byte_by_byte() -> void:
	for big_endian: bool in [false, true]:
		var ends := await connect_pair()
		for end in ends:
			end.big_endian = big_endian
		var packet := NetTask.from(ends[0].recv_packet())
		var bytes := PackedByteArray([3, 0, 0, 0, 7, 8, 9])
		if big_endian:
			bytes = PackedByteArray([0, 0, 0, 3, 7, 8, 9])
		for byte in bytes:
			check(not packet.is_completed())
			equal(await ends[1].send_async(PackedByteArray([byte])), [OK, 1])
			await frames(1)
		equal(await packet.wait(), [OK, PackedByteArray([7, 8, 9])])


## The engine's StreamPeer puts the same length in front of a value and of a text.
func test_packets_are_the_engines() -> void:
	var server := TCPServer.new()
	is_ok(server.listen(0, LOOPBACK))
	var client := TcpClient.new()
	client.connect_to_host(LOOPBACK, server.get_local_port())
	check(await wait_for(server.is_connection_available))
	var engine := server.take_connection()
	var value := {"name": TEXT, "at": Vector3(1, 2, 3), "list": [1, 2.5, null]}
	for big_endian: bool in [false, true]:
		client.big_endian = big_endian
		engine.big_endian = big_endian
		engine.put_var(value)
		engine.put_utf8_string(TEXT)
		engine.put_u32(3)
		engine.put_data(PackedByteArray([1, 2, 3]))
		var packet := await client.recv_packet(5.0) as Array
		equal(bytes_to_var(packet[1]), value)
		equal(await client.recv_packet(5.0), [OK, utf8(TEXT)])
		equal(await client.recv_packet(5.0), [OK, PackedByteArray([1, 2, 3])])

		var encoded := var_to_bytes(value)
		is_ok(client.send_packet(encoded))
		is_ok(client.send_packet(utf8(TEXT)))
		var whole := 8 + encoded.size() + utf8(TEXT).size()
		await wait_for(func() -> bool: return engine.poll() == OK and engine.get_available_bytes() == whole)
		equal(engine.get_var(), value)
		equal(engine.get_utf8_string(), TEXT)


func test_the_order_holds_for_the_next_packet() -> void:
	var ends := await connect_pair()
	ends[1].send(PackedByteArray([1, 0, 0, 0, 5, 0, 0, 0, 1, 6]))
	equal(await ends[0].recv_packet(), [OK, PackedByteArray([5])])
	ends[0].big_endian = true
	equal(await ends[0].recv_packet(), [OK, PackedByteArray([6])])
