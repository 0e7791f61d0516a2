class_name WebSocketReconnectTest
extends WebSocketTest
## Base class of the scenes in which a WebSocketClient loses its server: clients whose signals are recorded, and servers
## that come and go on one port.

## Short delays. The first attempt is due after 1 to 2 ms, later ones after 1 to 20 ms.
const SOON := {"reconnect": true, "reconnect_min_delay": 0.001, "reconnect_max_delay": 0.02}
## A wait that outlasts every test.
const LONG := {"reconnect": true, "reconnect_min_delay": 1000.0, "reconnect_max_delay": 1000.0}

const GIVEN_UP := "closed before the connection was established"

## The client that [method make_client] made last, and its signals in order: each is an array of its short name and its
## arguments. `reconnecting` is recorded with the attempt alone.
var ws: WebSocketClient
var signals: Array[Array] = []
## The delays that `reconnecting` has announced.
var delays: Array[float] = []

var _fakes: Array[WebSocketFakeServer] = []
var _clients: Array[WeakRef] = []


func _process(delta: float) -> void:
	super(delta)
	for fake in _fakes:
		fake.poll()


func after_each() -> void:
	for known in _clients:
		var client := known.get_ref() as WebSocketClient
		if client != null:
			client.abort()
	for fake in _fakes:
		fake.stop()
	_fakes.clear()
	ws = null
	super()
	# The signals of the ends.
	await frames(3)


## Makes a client with these properties, and those of [constant SOON] unless others are given.
func make_client(properties := {}) -> WebSocketClient:
	ws = WebSocketClient.new()
	var all := SOON.merged(properties, true)
	for property: String in all:
		ws.set(property, all[property])
	var log: Array[Array] = []
	var told_delays: Array[float] = []
	signals = log
	delays = told_delays
	# The handlers hold the lists and nothing else, or the client would live for as long as they are connected to it.
	ws.connected.connect(func() -> void: log.append(["connected"]))
	ws.connect_failed.connect(func(error: int) -> void: log.append(["connect_failed", error]))
	ws.disconnected.connect(
		func(code: int, reason: String, clean: bool) -> void: log.append(["disconnected", code, reason, clean])
	)
	ws.message_received.connect(func(message: String) -> void: log.append(["message", message]))
	ws.reconnecting.connect(
		func(attempt: int, delay: float) -> void:
			log.append(["reconnecting", attempt])
			told_delays.append(delay)
	)
	ws.gave_up.connect(func(error: int) -> void: log.append(["gave_up", error]))
	_clients.append(weakref(ws))
	return ws


func url(port := server.get_local_port()) -> String:
	return "ws://%s:%d" % [LOOPBACK, port]


## Starts a server and connects a new client to it.
func connect_client(properties := {}, server_properties := {}) -> void:
	serve(server_properties)
	make_client(properties)
	is_ok(ws.connect_to_url(url()))
	is_ok(await ws.wait_connected(5.0))
	await told_times("connected", 1)


## Starts a new server on this port, which an earlier one had.
func serve_again(port: int, properties := {}) -> void:
	make_server(properties)
	check(await wait_for(func() -> bool: return server.start(port, LOOPBACK)), "the port is free again")


## Connects a new client, takes its server away without a close frame, and waits until the client has noticed. Returns
## the port, on which nothing listens.
func lose_server(properties := {}) -> int:
	var fake := fake_server()
	var port := await join_fake(fake, properties)
	fake.stop()
	await signalled("disconnected")
	return port


## A server that sends what the test says. Polled once a frame.
func fake_server() -> WebSocketFakeServer:
	var fake := WebSocketFakeServer.new()
	_fakes.append(fake)
	return fake


## Starts such a server, and connects a new client to it. Returns the port.
func join_fake(fake: WebSocketFakeServer, properties := {}) -> int:
	var address := fake.start()
	make_client(properties)
	is_ok(ws.connect_to_url(address))
	is_ok(await ws.wait_connected(5.0))
	return address.get_slice(":", 2).to_int()


## Does not answer, so that the next attempt stays in flight: the system accepts it.
func fall_silent(fake: WebSocketFakeServer) -> void:
	_fakes.erase(fake)
	fake.drop()


## Waits until the client has emitted this signal as often as this.
func signalled(signal_name: String, times := 1, time := 5.0) -> bool:
	var enough := await wait_for(func() -> bool: return count_of(signal_name) >= times, time)
	return check(enough, "%s came %d times in %s" % [signal_name, count_of(signal_name), _shown(signals)])


func count_of(signal_name: String) -> int:
	return signals.filter(func(entry: Array) -> bool: return entry[0] == signal_name).size()


## Waits until the client has reached this state.
func reaches(state: int, time := 5.0) -> bool:
	return check(await wait_for(func() -> bool: return ws.get_ready_state() == state, time), "the client's state")


## Asserts which signals have come, after those of the next frames too.
func signals_are(expected: Array) -> bool:
	await wait_for(func() -> bool: return signals.size() >= expected.size())
	await frames(3)
	return equal(signals, expected, "the signals")
