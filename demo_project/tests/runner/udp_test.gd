class_name UdpTest
extends NetTest
## Base class of the UDP scenes: sockets on a free loopback port.

const LOOPBACK := "127.0.0.1"

## The largest possible datagram.
const LARGEST := 65507


## Emitted at the end of a test to release its coroutines.
func after_each() -> void:
	AsyncSockets.stop_all()
	await frames(2)


## One of our sockets, bound.
func bound(address := LOOPBACK, port := 0) -> UdpSocket:
	var socket := UdpSocket.new()
	is_ok(socket.bind(port, address), "bind %s" % address)
	return socket


## An engine socket, bound.
func engine_socket(address := LOOPBACK) -> PacketPeerUDP:
	var peer := PacketPeerUDP.new()
	is_ok(peer.bind(0, address, 1 << 20), "bind the engine's socket to %s" % address)
	return peer


## Waits for the next datagram on an engine socket; null if none came.
func taken(peer: PacketPeerUDP) -> Variant:
	if not await wait_for(func() -> bool: return peer.get_available_packet_count() > 0):
		check(false, "no datagram has come")
		return null
	return peer.get_packet()


## Returns this many bytes, in which no two blocks are alike.
func pattern(size: int, random_seed := 1) -> PackedByteArray:
	var random := RandomNumberGenerator.new()
	random.seed = random_seed
	var bytes := PackedByteArray()
	bytes.resize(size)
	for index in size:
		bytes[index] = random.randi() & 0xff
	return bytes


func utf8(text: String) -> PackedByteArray:
	return text.to_utf8_buffer()


## A loopback port to which no UDP socket is bound.
func free_udp_port() -> int:
	var peer := PacketPeerUDP.new()
	peer.bind(0, LOOPBACK)
	var port := peer.get_local_port()
	peer.close()
	return port


## Records [signal UdpSocket.send_failed]: [code][error, data, address, port][/code].
func failures_of(socket: UdpSocket) -> Array[Array]:
	var failures: Array[Array] = []
	socket.send_failed.connect(
		func(error: int, data: PackedByteArray, address: String, port: int) -> void:
			failures.append([error, data, address, port])
	)
	return failures
