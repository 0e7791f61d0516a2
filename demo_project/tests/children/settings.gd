extends Node
## Prints the effect of the project settings: how long a loop of immediate results may go on with a budget of 50 ms, and
## how many threads the runtime has.

const BUDGET_USEC := 50_000


func _ready() -> void:
	ProjectSettings.set_setting("async_sockets/process/frame_budget_usec", BUDGET_USEC)
	var listener := TcpListener.create(0, "127.0.0.1")
	listener.start()
	var client := TcpClient.new()
	client.connect_to_host("127.0.0.1", listener.get_local_port())
	var accepted := (await listener.accept() as Array)[1] as TcpClient
	await client.wait_connected()
	var block := PackedByteArray()
	block.resize(1_000_000)
	accepted.send(block)
	await get_tree().process_frame
	var started := Time.get_ticks_usec()
	while client.recv(0) is Array:
		pass
	print("stretch %d" % (Time.get_ticks_usec() - started))
	print("threads %d" % _count_threads())
	get_tree().quit()


func _count_threads() -> int:
	var count := 0
	for thread in DirAccess.get_directories_at("/proc/self/task"):
		var comm := TcpTest.read_of_linux("/proc/self/task/%s/comm" % thread)
		if comm.strip_edges() == "async_sockets":
			count += 1
	return count
