extends RefCounted
## A chat room on plain TCP: lines of text, so that a terminal with `nc`, `ncat` or `telnet` is a client.
##
## Each guest has a coroutine, which reads like the talk with that guest: ask for the name, then read a line, act, and
## read the next one, until an error says that it is over. While it waits, it costs nothing. The limits are what a
## server that strangers reach needs: the length of a line, the time for a name, the number of guests, and how much may
## pile up for one that does not read.

signal guest_joined(guest: String)
signal guest_left(guest: String)
signal said(from: String, text: String)

## The name under which the window speaks; no guest can take it.
const HOST_NAME := "Host"
const HELP := "commands: /who, /quit; everything else is said to all"

## Of a line, in bytes.
const MAX_LINE := 1000
const MAX_NAME_LENGTH := 20
const MAX_GUESTS := 100
const MAX_GUESTS_PER_ADDRESS := 20
## What waits for a guest that does not read, in bytes.
const MAX_PENDING := 64 * 1024
## Time until the name is typed, and between two lines, in seconds.
const NAME_SECONDS := 60.0
const IDLE_SECONDS := 1800.0

var _listener := TcpListener.new()
## Names of the guests that have one, by their connection.
var _names := {}


func _init() -> void:
	_listener.max_clients = MAX_GUESTS
	_listener.max_clients_per_address = MAX_GUESTS_PER_ADDRESS
	_listener.refuse_when_full = true
	_listener.busy_message = "The room is full.\n".to_utf8_buffer()
	# A signal starts a coroutine for each client, and does not wait for its end.
	var _error := _listener.client_connected.connect(_serve)


func start(port: int, host := "*") -> Error:
	_listener.port = port
	_listener.host = host
	return _listener.start()


## Ends the room. The guests still get what was sent to them.
func stop() -> void:
	_listener.stop()
	# What is awaited on a connection is resolved with an error when the connection ends, so each coroutine ends too.
	for client in _listener.get_clients():
		client.disconnect_from_host()


func get_port() -> int:
	return _listener.get_local_port()


func get_last_error_message() -> String:
	return _listener.get_last_error_message()


func get_guests() -> PackedStringArray:
	return PackedStringArray(_names.values())


## Says something to all.
func say(from: String, text: String) -> void:
	_tell_all("<%s> %s" % [from, text])
	said.emit(from, text)


func _serve(client: TcpClient) -> void:
	client.max_pending_bytes = MAX_PENDING
	var guest: String = await _ask_for_name(client)
	if not guest.is_empty():
		_names[client] = guest
		_tell_all("* %s is here" % guest)
		guest_joined.emit(guest)
		await _listen_to(client, guest)
		var _was_there := _names.erase(client)
		_tell_all("* %s has left" % guest)
		guest_left.emit(guest)
	# What was sent still goes out.
	client.disconnect_from_host()


## Awaitable: a free name; empty if the guest has left, or thought about it for too long.
func _ask_for_name(client: TcpClient) -> String:
	_tell(client, "Welcome. What is your name?")
	while true:
		# [OK, String], the line without its end.
		var received: Array = await client.recv_line(MAX_LINE, NAME_SECONDS)
		if received[0] != OK:
			return ""
		var line: String = received[1]
		var wanted := line.strip_escapes().strip_edges().left(MAX_NAME_LENGTH)
		if wanted.is_empty() or wanted == HOST_NAME or _names.values().has(wanted):
			_tell(client, "That name is taken. Another one?" if wanted else "A name, please.")
			continue
		_tell(client, "Hello, %s; %d others are here (%s)" % [wanted, _names.size(), HELP])
		return wanted
	return ""


## Awaitable: returns when the guest wants to leave, or is gone.
func _listen_to(client: TcpClient, guest: String) -> void:
	while true:
		var received: Array = await client.recv_line(MAX_LINE, IDLE_SECONDS)
		var error: Error = received[0]
		if error == ERR_OUT_OF_MEMORY:
			_tell(client, "That line is too long.")
		elif error == ERR_TIMEOUT:
			_tell(client, "Are you still there? Come back any time.")
		# ERR_FILE_EOF: the guest has closed the connection, as `nc` does at Ctrl-C.
		if error != OK:
			return
		var line: String = received[1]
		var text := line.strip_escapes().strip_edges()
		if text == "/quit":
			_tell(client, "Goodbye, %s" % guest)
			return
		if text == "/who":
			_tell(client, ", ".join(get_guests()))
		elif text.begins_with("/"):
			_tell(client, HELP)
		elif not text.is_empty():
			say(guest, text)


func _tell_all(line: String) -> void:
	# A copy: cutting off a guest below ends a coroutine, which takes its name out.
	for client: TcpClient in _names.keys():
		_tell(client, line)


func _tell(client: TcpClient, line: String) -> void:
	# Never blocks. Once MAX_PENDING bytes wait, the guest has not read for long, and is cut off.
	if client.send((line + "\n").to_utf8_buffer()) == ERR_OUT_OF_MEMORY:
		client.abort()
