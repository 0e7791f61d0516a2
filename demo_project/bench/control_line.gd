extends RefCounted
## The control connection of the measuring program: each word received is answered with one line of JSON.

## Emitted when a word has been received.
signal asked(what: String)

## Minimum time between polls in microseconds, so that polling does not slow a main loop without a frame rate limit.
const INTERVAL_USEC := 5000

var _listener := TCPServer.new()
var _line: StreamPeerTCP
var _next_look := 0


## Listens, and returns the port.
func start() -> int:
	_listener.listen(0, "127.0.0.1")
	return _listener.get_local_port()


func poll() -> void:
	var now := Time.get_ticks_usec()
	if now < _next_look:
		return
	_next_look = now + INTERVAL_USEC
	if _listener.is_connection_available():
		_line = _listener.take_connection()
		_line.set_no_delay(true)
	if _line == null:
		return
	_line.poll()
	var available := _line.get_available_bytes()
	if available > 0:
		for word in _line.get_utf8_string(available).split("\n", false):
			asked.emit(word)


func answer(what: Dictionary) -> void:
	_line.put_data((JSON.stringify(what) + "\n").to_utf8_buffer())
