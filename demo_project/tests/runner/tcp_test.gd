class_name TcpTest
extends NetTest
## Base class of the TCP scenes: listeners on a free loopback port, connections to them, and bytes.

const LOOPBACK := "127.0.0.1"

## Not a divisor of any size in which the network moves bytes, so that a misplaced block is detected.
const _PATTERN_SIZE := 65521

## Output of the engine that marks a run as failed.
const _TROUBLE: Array[String] = ["SCRIPT ERROR", "ObjectDB instances leaked", "resources still in use", "panicked at"]

var _background: Array[Background] = []


## Emitted at the end of a test to release its coroutines.
func after_each() -> void:
	AsyncSockets.stop_all()
	await frames(2)


## A listener on a free port.
func listen() -> TcpListener:
	var listener := TcpListener.create(0, LOOPBACK)
	is_ok(listener.start(), "listen")
	return listener


## A client connected to this listener, and the listener's end of that connection.
func connect_to(listener: TcpListener) -> Array[TcpClient]:
	var client := TcpClient.new()
	is_ok(client.connect_to_host(LOOPBACK, listener.get_local_port()), "connect")
	var accepted := await listener.accept(5.0) as Array
	is_ok(accepted, "accept")
	is_ok(await client.wait_connected(5.0), "wait_connected")
	return [client, accepted[1]]


## Both ends of a new connection.
func connect_pair() -> Array[TcpClient]:
	return await connect_to(listen())


## Waits for the end of the connection, and checks its close reason.
func closes_with(client: TcpClient, reason: int, message := "close reason") -> bool:
	await wait_for(func() -> bool: return client.get_close_reason() != TcpClient.CLOSE_NONE)
	return equal(client.get_close_reason(), reason, message)


## Starts a coroutine without waiting for it. The task holds its return value.
func start(coroutine: Callable) -> NetTask:
	var background := Background.new()
	_background.append(background)
	var task := NetTask.from(background.finished)
	background.run(coroutine)
	return task


## Runs `res://tests/children/NAME.gd` in a second engine, which has to exit cleanly. Returns what it printed.
func run_child(child: String, arguments := PackedStringArray(), time := 30.0) -> String:
	var all := PackedStringArray(["res://tests/children/child.tscn", "--", child])
	all.append_array(arguments)
	var run := await run_engine(all, time)
	var output := run[1] as String
	equal(run[0], 0, "exit code of %s, which printed\n%s" % [child, output])
	for trouble: String in _TROUBLE:
		check(not output.contains(trouble), "%s of %s in\n%s" % [trouble, child, output])
	return output


## Whether the library is a debug build, whose additional checks take time.
func is_debug_library() -> bool:
	return AsyncSockets.version.ends_with("debug")


## The contents of a file under /proc; empty on other systems. The engine's own one-line reader trusts the file's
## length, which is 0.
static func read_of_linux(path: String) -> String:
	var file := FileAccess.open(path, FileAccess.READ)
	return file.get_buffer(65536).get_string_from_utf8() if file else ""


## Returns this many bytes, in which no two blocks are alike.
func pattern(size: int, random_seed := 1) -> PackedByteArray:
	var random := RandomNumberGenerator.new()
	random.seed = random_seed
	var bytes := PackedByteArray()
	bytes.resize(mini(size, _PATTERN_SIZE))
	for index in bytes.size():
		bytes[index] = random.randi() & 0xff
	while bytes.size() < size:
		bytes.append_array(bytes.slice(0, size - bytes.size()))
	return bytes


func utf8(text: String) -> PackedByteArray:
	return text.to_utf8_buffer()


## Asserts equality. Reports the first difference, not the contents.
func same_bytes(actual: PackedByteArray, expected: PackedByteArray, message := "") -> bool:
	if actual == expected:
		return check(true)
	var at := 0
	while at < mini(actual.size(), expected.size()) and actual[at] == expected[at]:
		at += 1
	return check(
		false, "%s: %d bytes, expected %d, the first difference at %d" % [message, actual.size(), expected.size(), at]
	)


## A coroutine that runs in parallel with the test.
class Background:
	extends RefCounted
	signal finished(result: Variant)

	func run(coroutine: Callable) -> void:
		var result: Variant = await coroutine.call()
		finished.emit(result)
