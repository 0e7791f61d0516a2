@tool
extends RefCounted
## Received messages, and the receives that wait for them.

const Backend := preload("backend.gd")
const MessageQueue := preload("message_queue.gd")
const Operations := preload("operations.gd")
const Turn := preload("turn.gd")

## Messages of this many bytes may wait for the script. Beyond them the peer is slowed down, except in a browser.
const _MAX_BYTES := 16 * 1024 * 1024

var receives := Operations.new()

var _messages := MessageQueue.new()
var _turn: Turn


func _init(turn: Turn) -> void:
	_turn = turn


## A text is a [String], a binary message a [PackedByteArray].
func push(message: Variant, size: int) -> void:
	_messages.push(message, size)


func pop() -> Variant:
	return _messages.pop()


func is_empty() -> bool:
	return _messages.is_empty()


func is_full() -> bool:
	return _messages.bytes >= _MAX_BYTES


func clear() -> void:
	_messages.clear()


## Whether the time of a drain ran out before the receives had what they wait for.
func has_work() -> bool:
	return not _messages.is_empty() and not receives.is_empty()


## The result, or the signal of a pending receive. [param end] is the error once no more messages come, OK before.
func receive(kind: Backend.Kind, deadline_usec: int, end: Error) -> Variant:
	if receives.is_empty() and _turn.may_answer_now():
		if not _messages.is_empty():
			return _take(kind)
		if end != OK:
			return Backend.failed_receive(kind, end)
	return receives.add(deadline_usec, Backend.failed_receive(kind, OK).slice(1), kind)


## Answers the next pending receive, if it can be answered. Runs user code: [param end] may be another one afterwards.
func answer_next(end: Error) -> bool:
	var operation := receives.first()
	if operation == null or (_messages.is_empty() and end == OK):
		return false
	receives.drop_first()
	var kind := operation.kind as Backend.Kind
	operation.completed.emit(Backend.failed_receive(kind, end) if _messages.is_empty() else _take(kind))
	return true


## Takes the first message, or leaves it if it is of the other kind.
func _take(kind: Backend.Kind) -> Array:
	var is_text := _messages.first() is String
	if kind == (Backend.Kind.BINARY if is_text else Backend.Kind.TEXT):
		return Backend.failed_receive(kind, ERR_INVALID_DATA)
	return [OK, _messages.pop()]
