class_name WebSocketFakeServer
extends RefCounted
## A WebSocket server for one client that sends whatever bytes a test needs, or nothing at all. Polled by the test.

const _GUID := "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

## The response to the opening handshake; empty: the right one.
var response := ""
## Sent together with the response.
var first_bytes := PackedByteArray()
## Whether it reads nothing.
var is_deaf := false
## The client's request, once it has been answered.
var request := ""
## What the client sent after it.
var received := PackedByteArray()
var stream: StreamPeerTCP

var _server := TCPServer.new()


## Returns the URL. A server that does not listen again refuses connections after the first one.
func start(port := 0) -> String:
	_server.listen(port, "127.0.0.1")
	return "ws://127.0.0.1:%d" % _server.get_local_port()


func stop() -> void:
	_server.stop()
	drop()


func poll() -> void:
	if stream == null and _server.is_connection_available():
		stream = _server.take_connection()
		request = ""
		received = PackedByteArray()
	if stream == null:
		return
	stream.poll()
	if stream.get_status() != StreamPeerTCP.STATUS_CONNECTED:
		return
	var available := stream.get_available_bytes()
	if available > 0 and not is_deaf:
		received.append_array(stream.get_partial_data(available)[1])
	if request.is_empty() and received.get_string_from_ascii().contains("\r\n\r\n"):
		_answer()


func is_joined() -> bool:
	return not request.is_empty()


## Whether a client has connected that [method poll] has not taken yet.
func is_called() -> bool:
	return _server.is_connection_available()


## Whether the client has ended the connection.
func is_ended() -> bool:
	return stream.get_status() != StreamPeerTCP.STATUS_CONNECTED


func send(bytes: PackedByteArray) -> void:
	stream.put_data(bytes)


## Cuts the connection.
func drop() -> void:
	if stream != null:
		stream.disconnect_from_host()
	stream = null


func _answer() -> void:
	request = received.get_string_from_ascii()
	received = PackedByteArray()
	var key := request.get_slice("Sec-WebSocket-Key: ", 1).get_slice("\r\n", 0)
	var accept := Marshalls.raw_to_base64((key + _GUID).sha1_buffer())
	var right := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	right += "Sec-WebSocket-Accept: %s\r\n\r\n" % accept
	var bytes := (right if response.is_empty() else response).to_utf8_buffer()
	bytes.append_array(first_bytes)
	stream.put_data(bytes)
