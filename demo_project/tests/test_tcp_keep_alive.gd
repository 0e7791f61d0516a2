extends TcpTest
## Keep-alive probes, as the system reports them.

## The timer kind in Linux's table of connections that means keep-alive.
const KEEP_ALIVE_TIMER := 2


func test_the_times_have_defaults_and_ranges() -> void:
	var client := TcpClient.new()
	equal([client.keep_alive, client.keep_alive_idle, client.keep_alive_interval], [false, 60, 10])
	equal(client.keep_alive_count, 6)
	client.keep_alive_idle = 30
	client.keep_alive_interval = 5
	client.keep_alive_count = 3
	for wrong: int in [0, -1, 32768]:
		client.keep_alive_idle = wrong
		client.keep_alive_interval = wrong
	for wrong: int in [0, -1, 128]:
		client.keep_alive_count = wrong
	equal([client.keep_alive_idle, client.keep_alive_interval, client.keep_alive_count], [30, 5, 3])
	equal(client.keep_alive, false)


func test_the_system_probes() -> void:
	if OS.get_name() != "Linux":
		skip("only Linux shows the timers of its connections")
		return
	var listener := listen()
	var client := TcpClient.new()
	client.keep_alive = true
	client.keep_alive_idle = 100
	client.connect_to_host(LOOPBACK, listener.get_local_port())
	is_ok(await client.wait_connected())
	var peer := (await listener.accept() as Array)[1] as TcpClient
	check(await wait_for(_probes_within.bind(client, 50.0, 100.0)), "set before: %s" % [_timer(client)])
	check(_timer(peer)[0] != KEEP_ALIVE_TIMER, "it is off by default: %s" % [_timer(peer)])

	client.keep_alive_idle = 20
	check(await wait_for(_probes_within.bind(client, 10.0, 20.0)), "set on a connection: %s" % [_timer(client)])
	client.keep_alive = false
	check(await wait_for(func() -> bool: return _timer(client)[0] != KEEP_ALIVE_TIMER), "switched off")
	peer.keep_alive_idle = 40
	peer.keep_alive = true
	check(await wait_for(_probes_within.bind(peer, 20.0, 40.0)), "switched on: %s" % [_timer(peer)])


func _probes_within(client: TcpClient, low: float, high: float) -> bool:
	var timer := _timer(client)
	return timer[0] == KEEP_ALIVE_TIMER and timer[1] > low and timer[1] <= high


## The kind of the timer that is running for a connection, and its remaining seconds.
func _timer(client: TcpClient) -> Array:
	var output := []
	OS.execute("cat", ["/proc/net/tcp"], output)
	for line in (output[0] as String).split("\n").slice(1):
		var fields := line.split(" ", false)
		if fields.size() < 6:
			continue
		var ends := [fields[1].get_slice(":", 1).hex_to_int(), fields[2].get_slice(":", 1).hex_to_int()]
		if ends == [client.get_local_port(), client.get_connected_port()]:
			return [fields[5].get_slice(":", 0).hex_to_int(), fields[5].get_slice(":", 1).hex_to_int() / 100.0]
	return [-1, 0.0]
