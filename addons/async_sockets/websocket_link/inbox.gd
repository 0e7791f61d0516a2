@tool
extends RefCounted
## Received messages, and the receives that wait for them.

const Backend := preload("backend.gd")
const MessageQueue := preload("message_queue.gd")
const Operations := preload("operations.gd")
const Settings := preload("settings.gd")
const Turn := preload("turn.gd")
const Utf8 := preload("utf8.gd")

## What a message takes beside its payload: an empty one weighs something too.
const _OVERHEAD := 32

var receives := Operations.new()
## Messages of this many bytes may wait for the script, with what each takes beside its payload. Beyond them the peer is
## slowed down, except in a browser.
var max_bytes := 0

## A text is a [String], or an array of its bytes if they are wanted or no [String] can hold it. A binary message is a
## [PackedByteArray].
var _messages := MessageQueue.new()
var _settings: Settings
var _turn: Turn


func _init(settings: Settings, turn: Turn) -> void:
	_settings = settings
	_turn = turn


func push(message: PackedByteArray, is_text: bool) -> void:
	var value: Variant = message
	if is_text:
		value = [message] if _settings.text_as_data or message.has(0) else (Utf8.to_text(message) as Variant)
	_messages.push(value, message.size())


## The first message, as the script receives it: a text is a [String] unless it is wanted as bytes.
func pop() -> Variant:
	var value: Variant = _messages.pop()
	if value is Array:
		var bytes: PackedByteArray = value[0]
		return bytes if _settings.text_as_data else (Utf8.to_text(bytes) as Variant)
	if value is String and _settings.text_as_data:
		return str(value).to_utf8_buffer()
	return value


func is_empty() -> bool:
	return _messages.is_empty()


func is_text_first() -> bool:
	return not _messages.first() is PackedByteArray


func is_full() -> bool:
	return _messages.bytes + _OVERHEAD * _messages.count() >= max_bytes


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


## Takes all pending receives, each with its result: the messages that are left go to the first ones.
func take_failures(error: Error) -> Array[Array]:
	var failures: Array[Array] = []
	for operation in receives.take_all():
		if not _messages.is_empty() and not operation.is_abandoned():
			failures.append([operation, _take(operation.kind as Backend.Kind)])
		else:
			failures.append([operation, operation.failure(error)])
	return failures


## Takes the first message, or leaves it if it is of the other kind.
func _take(kind: Backend.Kind) -> Array:
	if kind == (Backend.Kind.BINARY if is_text_first() else Backend.Kind.TEXT):
		return Backend.failed_receive(kind, ERR_INVALID_DATA)
	return [OK, pop()]
