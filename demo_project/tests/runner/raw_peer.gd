class_name RawPeer
extends RefCounted
## A client of a multiplayer server that speaks WebSocket by hand, and may break every rule.

const TEXT := 1
const BINARY := 2

var stream := StreamPeerTCP.new()
## Whether it reads nothing.
var deaf := false
var head := ""
var body := PackedByteArray()


func poll() -> void:
	stream.poll()
	if deaf or stream.get_status() != StreamPeerTCP.STATUS_CONNECTED:
		return
	var available := stream.get_available_bytes()
	if available > 0:
		body.append_array(stream.get_data(available)[1])
	if head.is_empty():
		var text := body.get_string_from_ascii()
		var end := text.find("\r\n\r\n")
		if end >= 0:
			head = text.left(end)
			body = body.slice(end + 4)


func has_head() -> bool:
	return not head.is_empty()


func send(bytes: PackedByteArray) -> void:
	stream.put_data(bytes)


## Requests to join, with packets right behind the request.
func join(packets: Array) -> void:
	var bytes := (
		(
			(
				"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				+ "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n"
			)
			% WebSocketTest.KEY
		)
		. to_ascii_buffer()
	)
	for packet: PackedByteArray in packets:
		bytes.append_array(frame(BINARY, packet))
	send(bytes)


func send_packet(packet: PackedByteArray) -> void:
	send(frame(BINARY, packet))


## A final frame, masked with zeros (RFC 6455 section 5.2).
func frame(opcode: int, payload: PackedByteArray) -> PackedByteArray:
	var bytes := PackedByteArray([0x80 | opcode])
	if payload.size() < 126:
		bytes.append(0x80 | payload.size())
	elif payload.size() < 65536:
		bytes.append_array([0x80 | 126, payload.size() >> 8, payload.size() & 0xff])
	else:
		bytes.append_array([0x80 | 127, 0, 0, 0, 0])
		for shift in [24, 16, 8, 0]:
			bytes.append(payload.size() >> shift & 0xff)
	bytes.append_array([0, 0, 0, 0])
	bytes.append_array(payload)
	return bytes


## The packets that have arrived. Packets of less than 126 bytes only.
func packets() -> Array[PackedByteArray]:
	var found: Array[PackedByteArray] = []
	for message in _messages():
		if message[0] == 0x82:
			found.append(message.slice(2))
	return found


## The id that the server gave it; 0 before.
func id() -> int:
	var found := packets()
	return found[0].decode_s32(0) if not found.is_empty() else 0


## The code of the close frame; -1 if there is none.
func close_code() -> int:
	for message in _messages():
		if message[0] == 0x88 and message.size() >= 4:
			return message[2] << 8 | message[3]
	return -1


func has_closed_with(code: int) -> bool:
	return close_code() == code


func _messages() -> Array[PackedByteArray]:
	var found: Array[PackedByteArray] = []
	var at := 0
	while at + 2 <= body.size() and at + 2 + body[at + 1] <= body.size():
		found.append(body.slice(at, at + 2 + body[at + 1]))
		at += 2 + body[at + 1]
	return found
