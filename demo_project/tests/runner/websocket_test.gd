class_name WebSocketTest
extends NetTest
## Base class of the WebSocketServer scenes: a server whose signals are recorded, and two kinds of clients, the engine's
## own WebSocketPeer and raw connections that send whatever bytes a test needs. Clients are polled automatically once a
## frame.

const LOOPBACK := "127.0.0.1"

## The example of RFC 6455 section 1.3.
const KEY := "dGhlIHNhbXBsZSBub25jZQ=="
const ACCEPT := "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

const CONTINUATION := 0x0
const TEXT := 0x1
const BINARY := 0x2
const CLOSE := 0x8
const PING := 0x9
const PONG := 0xA
const FIN := 0x80

const NO_HANDSHAKE := -1

## The server that [method serve] started last, and its recorded events.
var server: WebSocketServer
var events: Events

var _servers: Array[WebSocketServer] = []
var _peers: Array[Peer] = []
var _raws: Array[Raw] = []


func _process(_delta: float) -> void:
	for peer in _peers:
		peer.poll()
	for raw in _raws:
		raw.poll()


func after_each() -> void:
	_peers.clear()
	_raws.clear()
	for running in _servers:
		running.stop()
	_servers.clear()
	server = null


#region The server


## Starts a server with these properties on a free loopback port.
func serve(properties := {}) -> WebSocketServer:
	server = make_server(properties)
	check(server.start(0, LOOPBACK), "start")
	return server


## Makes such a server without starting it.
func make_server(properties := {}) -> WebSocketServer:
	server = WebSocketServer.new()
	for property: String in properties:
		server.set(property, properties[property])
	events = Events.new()
	events.watch(server)
	_servers.append(server)
	return server


## Waits until the server has reported this event, and asserts that it did: `await told("disconnected", [1, 1000,
## "bye"])`.
func told(signal_name: String, arguments: Array, time := 5.0) -> bool:
	var event: Array = [signal_name]
	event.append_array(arguments)
	var happened := await wait_for(func() -> bool: return events.all.has(event), time)
	return check(happened, "%s is not in %s" % [event, _shown(events.all)])


## Waits until the server has reported this many events of a kind.
func told_times(signal_name: String, times: int, time := 5.0) -> bool:
	await wait_for(func() -> bool: return events.of(signal_name).size() >= times, time)
	return equal(events.of(signal_name).size(), times, "how often %s came" % signal_name)


#endregion
#region Clients


## Connects a client and waits until it is admitted; its id is set.
func join(properties := {}, path := "/") -> Peer:
	var known := events.of("connected").size()
	var peer := open(properties, path)
	await wait_for(func() -> bool: return peer.is_open() and events.of("connected").size() > known)
	if check(peer.is_open() and events.of("connected").size() > known, "a client comes in"):
		peer.id = events.of("connected").back()[0]
	return peer


## Starts connecting a client. The properties are those of a WebSocketPeer.
func open(properties := {}, path := "/") -> Peer:
	var peer := Peer.new()
	for property: String in properties:
		peer.socket.set(property, properties[property])
	peer.socket.connect_to_url("ws://%s:%d%s" % [LOOPBACK, server.get_local_port(), path])
	_peers.append(peer)
	return peer


## Waits until the client is disconnected, and compares its close code (-1: without a close frame) and reason.
func is_out(peer: Peer, code: int, reason: Variant = null, time := 5.0) -> bool:
	if not check(await wait_for(peer.is_closed, time), "the client is still in"):
		return false
	var same := equal(peer.socket.get_close_code(), code, "the code that the client got")
	return same and (reason == null or equal(peer.socket.get_close_reason(), reason))


## Waits until the client has received this many messages, and compares all of them.
func received(peer: Peer, messages: Array, time := 5.0) -> bool:
	await wait_for(func() -> bool: return peer.received.size() >= messages.size(), time)
	return equal(peer.received, messages, "what the client received")


## Abandons a client: it is no longer polled.
func forget(peer: Peer) -> void:
	_peers.erase(peer)


## A raw connection that has sent nothing yet.
func raw() -> Raw:
	var connection := Raw.new()
	connection.stream.connect_to_host(LOOPBACK, server.get_local_port())
	_raws.append(connection)
	check(await wait_for(connection.is_connected_to_host), "a raw connection")
	connection.stream.set_no_delay(true)
	return connection


## A raw connection that has completed its opening handshake; its id is set.
func raw_join(more_lines: Array[String] = []) -> Raw:
	var known := events.of("connected").size()
	var connection := await raw()
	connection.send(head("/", more_lines))
	await wait_for(func() -> bool: return connection.has_head() and events.of("connected").size() > known)
	if check(connection.has_head() and events.of("connected").size() > known, "a raw client comes in"):
		equal(connection.status(), 101)
		connection.take_head()
		connection.id = events.of("connected").back()[0]
	return connection


## Waits until a raw connection has received this many frames, and compares them, each [code][first_byte,
## payload][/code].
func got_frames(connection: Raw, expected: Array, time := 5.0) -> bool:
	await wait_for(func() -> bool: return connection.frames().size() >= expected.size() or connection.is_ended(), time)
	return equal(connection.frames(), expected, "the frames that the raw client got")


## Waits until the server has ended a raw connection with a close frame with this code, and FIN.
func raw_is_out(connection: Raw, code: int, time := 5.0) -> bool:
	if not check(await wait_for(connection.is_ended, time), "the raw client is still in"):
		return false
	var last: Array = connection.frames().back() if not connection.frames().is_empty() else [0, PackedByteArray()]
	equal(last[0], FIN | CLOSE, "the first byte of the last frame")
	return equal(code_of(last[1]), code, "the code of the close frame")


## Waits for the server's response to an invalid handshake, until it has closed the connection. Returns the response.
func refused(connection: Raw, status: int, time := 5.0) -> String:
	check(await wait_for(connection.is_ended, time), "the connection is still open")
	var answer := connection.received.get_string_from_utf8()
	equal(connection.status(), status, answer)
	return answer


#endregion
#region Bytes


func utf8(text: String) -> PackedByteArray:
	return text.to_utf8_buffer()


## Returns this many bytes, in which no two blocks are alike.
func pattern(size: int) -> PackedByteArray:
	var random := RandomNumberGenerator.new()
	random.seed = 1
	var bytes := PackedByteArray()
	# Not a divisor of any size in which the network moves bytes.
	bytes.resize(mini(size, 65521))
	for index in bytes.size():
		bytes[index] = random.randi() & 0xff
	while bytes.size() < size:
		bytes.append_array(bytes.slice(0, size - bytes.size()))
	return bytes


## A WebSocket upgrade request. A line in [param lines] replaces the usual one with its name; one without a value
## ("Host:") removes it.
func head(path := "/", lines: Array[String] = [], first_line := "") -> PackedByteArray:
	var usual: Array[String] = [
		"Host: %s" % LOOPBACK,
		"Upgrade: websocket",
		"Connection: Upgrade",
		"Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: %s" % KEY,
	]
	var all := PackedStringArray([first_line if not first_line.is_empty() else "GET %s HTTP/1.1" % path])
	for line in usual:
		var label := line.get_slice(":", 0)
		if not lines.any(func(other: String) -> bool: return other.get_slice(":", 0) == label):
			all.append(line)
	for line in lines:
		if not line.ends_with(":"):
			all.append(line)
	return ("\r\n".join(all) + "\r\n\r\n").to_utf8_buffer()


## A frame. [param first] is its first byte: FIN, reserved bits and opcode. [param claim] replaces the true length.
static func frame(first: int, payload := PackedByteArray(), masked := true, claim := -1) -> PackedByteArray:
	var length := payload.size() if claim < 0 else claim
	var bytes := PackedByteArray([first])
	var mask_bit := 0x80 if masked else 0
	if length < 126:
		bytes.append(mask_bit | length)
	elif length < 65536:
		bytes.append_array([mask_bit | 126, length >> 8, length & 0xff])
	else:
		bytes.append(mask_bit | 127)
		for shift in range(56, -8, -8):
			bytes.append((length >> shift) & 0xff)
	if not masked:
		bytes.append_array(payload)
		return bytes
	var mask := PackedByteArray([0x37, 0xfa, 0x21, 0x3d])
	bytes.append_array(mask)
	for index in payload.size():
		bytes.append(payload[index] ^ mask[index % 4])
	return bytes


static func close_payload(code: int, reason := "") -> PackedByteArray:
	var bytes := PackedByteArray([code >> 8, code & 0xff])
	bytes.append_array(reason.to_utf8_buffer())
	return bytes


## The code in a close frame's payload.
static func code_of(payload: PackedByteArray) -> int:
	return payload[0] << 8 | payload[1] if payload.size() >= 2 else 1005


#endregion


## The server's events in order: each is an array of its short name and its arguments.
class Events:
	extends RefCounted

	var all: Array[Array] = []
	var _server: WeakRef

	func watch(server: WebSocketServer) -> void:
		_server = weakref(server)
		server.client_connected.connect(_on_connected)
		server.client_disconnected.connect(_on_disconnected)
		server.message_received.connect(_on_message)
		server.data_received.connect(_on_data)
		server.text_data_received.connect(_on_text_data)
		server.server_error.connect(_on_error)

	## The arguments of all events of one kind.
	func of(kind: String) -> Array:
		var found := []
		for event in all:
			if event[0] == kind:
				found.append(event.slice(1))
		return found

	func _on_connected(id: int) -> void:
		all.append(["connected", id])

	func _on_disconnected(id: int, code: int) -> void:
		all.append(["disconnected", id, code, (_server.get_ref() as WebSocketServer).get_close_reason(id)])

	func _on_message(id: int, message: String) -> void:
		all.append(["message", id, message])

	func _on_data(id: int, data: PackedByteArray) -> void:
		all.append(["data", id, data])

	func _on_text_data(id: int, data: PackedByteArray) -> void:
		all.append(["text_data", id, data])

	func _on_error(error: String) -> void:
		all.append(["error", error])


## The engine's own client.
class Peer:
	extends RefCounted

	var id := 0
	var socket := WebSocketPeer.new()
	## Texts as String, binary messages as PackedByteArray.
	var received := []
	## Texts are recorded as UTF-8 bytes in an array of one instead, because a String may be unable to hold them.
	var keeps_bytes := false

	func poll() -> void:
		socket.poll()
		while socket.get_available_packet_count() > 0:
			var packet := socket.get_packet()
			if not socket.was_string_packet():
				received.append(packet)
			else:
				received.append([packet] if keeps_bytes else packet.get_string_from_utf8())

	func is_open() -> bool:
		return socket.get_ready_state() == WebSocketPeer.STATE_OPEN

	func is_closed() -> bool:
		return socket.get_ready_state() == WebSocketPeer.STATE_CLOSED


## A connection that sends arbitrary bytes.
class Raw:
	extends RefCounted

	var id := 0
	var stream := StreamPeerTCP.new()
	var received := PackedByteArray()
	## Does not read.
	var deaf := false
	var _unsent := PackedByteArray()

	func send(bytes: PackedByteArray) -> void:
		_unsent.append_array(bytes)
		_flush()

	func poll() -> void:
		stream.poll()
		if stream.get_status() != StreamPeerTCP.STATUS_CONNECTED:
			return
		_flush()
		while not deaf and stream.get_available_bytes() > 0:
			received.append_array(stream.get_partial_data(stream.get_available_bytes())[1])

	func is_connected_to_host() -> bool:
		return stream.get_status() == StreamPeerTCP.STATUS_CONNECTED

	func is_ended() -> bool:
		return not [StreamPeerTCP.STATUS_CONNECTED, StreamPeerTCP.STATUS_CONNECTING].has(stream.get_status())

	func is_all_sent() -> bool:
		return _unsent.is_empty()

	## Cuts the connection.
	func drop() -> void:
		stream.disconnect_from_host()

	## The status of the HTTP response, or NO_HANDSHAKE.
	func status() -> int:
		var line := received.slice(0, 32).get_string_from_ascii()
		return line.get_slice(" ", 1).to_int() if line.begins_with("HTTP/1.1 ") else NO_HANDSHAKE

	func has_head() -> bool:
		return _head_length() > 0

	## Removes the HTTP response from the received bytes.
	func take_head() -> String:
		var length := _head_length()
		var text := received.slice(0, length).get_string_from_utf8()
		received = received.slice(length)
		return text

	## The complete frames received, each [code][first_byte, payload][/code].
	func frames() -> Array:
		var found := []
		var at := 0
		while at + 2 <= received.size():
			var first := received[at]
			var length := received[at + 1] & 0x7f
			at += 2
			var length_bytes: int = {126: 2, 127: 8}.get(length, 0)
			if at + length_bytes > received.size():
				break
			if length_bytes > 0:
				length = 0
				for byte in received.slice(at, at + length_bytes):
					length = length << 8 | byte
				at += length_bytes
			if at + length > received.size():
				break
			found.append([first, received.slice(at, at + length)])
			at += length
		return found

	func _head_length() -> int:
		var at := 0
		while true:
			at = received.find(13, at)
			if at < 0:
				return 0
			if received.slice(at, at + 4) == PackedByteArray([13, 10, 13, 10]):
				return at + 4
			at += 1
		return 0

	func _flush() -> void:
		if _unsent.is_empty() or stream.get_status() != StreamPeerTCP.STATUS_CONNECTED:
			return
		var sent := stream.put_partial_data(_unsent)
		if sent[0] == OK:
			_unsent = _unsent.slice(sent[1])
