@tool
extends RefCounted
## Received messages, and the receives that wait for them.

const Backend := preload("backend.gd")
const MessageQueue := preload("message_queue.gd")
const Operations := preload("operations.gd")
const Settings := preload("settings.gd")
const Turn := preload("turn.gd")
const Utf8 := preload("utf8.gd")

var receives := Operations.new()
## Messages of this many bytes may wait for the script. Beyond them the peer is slowed down, except in a browser.
var max_bytes := 0

## Each an array of its bytes and whether it is text.
var _messages := MessageQueue.new()
var _settings: Settings
var _turn: Turn


func _init(settings: Settings, turn: Turn) -> void:
	_settings = settings
	_turn = turn


func push(message: PackedByteArray, is_text: bool) -> void:
	_messages.push([message, is_text], message.size())


## The first message, as the script receives it: a text is a [String] unless it is wanted as bytes.
func pop() -> Variant:
	var message: Array = _messages.pop()
	var bytes: PackedByteArray = message[0]
	if message[1] and not _settings.text_as_data:
		return Utf8.to_text(bytes)
	return bytes


func is_empty() -> bool:
	return _messages.is_empty()


func is_text_first() -> bool:
	var message: Array = _messages.first()
	return message[1]


func is_full() -> bool:
	return _messages.bytes >= max_bytes


func count() -> int:
	return _messages.count()


func clear() -> void:
	_messages.clear()


## Whether the time of a drain ran out before the receives had what they wait for.
func has_work() -> bool:
	return not _messages.is_empty() and not receives.is_empty()


## The result if it is there: a message, or the error [param end] if no more come. Otherwise the signal of a pending
## receive.
func receive(kind: Backend.Kind, deadline_usec: int, end: Error) -> Variant:
	if receives.is_empty() and _turn.may_answer_now():
		if not _messages.is_empty():
			return _take(kind)
		if end != OK:
			return Backend.failed_receive(kind, end)
	return receives.add(deadline_usec, Backend.failed_receive(kind, OK).slice(1), kind)


## Gives the first message to the next pending receive. Returns whether there were both. Runs user code.
func answer_next() -> bool:
	var operation := receives.first()
	if operation == null or _messages.is_empty():
		return false
	receives.drop_first()
	operation.completed.emit(_take(operation.kind as Backend.Kind))
	return true


## Resolves all pending receives: the messages that are left go to the first ones. Runs user code.
func fail_receives(error: Error) -> void:
	for operation in receives.take_all():
		if not _messages.is_empty() and not operation.is_abandoned():
			operation.completed.emit(_take(operation.kind as Backend.Kind))
		else:
			operation.fail(error)


## Takes the first message, or leaves it if it is of the other kind.
func _take(kind: Backend.Kind) -> Array:
	if kind == (Backend.Kind.BINARY if is_text_first() else Backend.Kind.TEXT):
		return Backend.failed_receive(kind, ERR_INVALID_DATA)
	return [OK, pop()]
