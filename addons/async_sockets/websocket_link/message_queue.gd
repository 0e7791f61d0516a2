@tool
extends RefCounted
## Messages in order, with the number of their bytes.

## What a message takes beside its payload: an empty one weighs something too.
const _OVERHEAD := 32
## From how many taken messages on their places are given back.
const _COMPACT_FROM := 64

## Size of all messages in the queue, in bytes.
var bytes := 0

var _messages := []
var _sizes: Array[int] = []
var _head := 0


func is_empty() -> bool:
	return _head == _messages.size()


func count() -> int:
	return _messages.size() - _head


## What the messages take beside their payload, in bytes.
func get_overhead() -> int:
	return count() * _OVERHEAD


func push(message: Variant, size: int) -> void:
	_messages.append(message)
	_sizes.append(size)
	bytes += size


## The first message. The queue must not be empty.
func first() -> Variant:
	return _messages[_head]


## Takes the first message. The queue must not be empty.
func pop() -> Variant:
	var message: Variant = _messages[_head]
	_messages[_head] = null
	bytes -= _sizes[_head]
	_head += 1
	if _head == _messages.size():
		clear()
	elif _head >= _COMPACT_FROM and _head * 2 >= _messages.size():
		_messages = _messages.slice(_head)
		_sizes = _sizes.slice(_head)
		_head = 0
	return message


func clear() -> void:
	_messages.clear()
	_sizes.clear()
	_head = 0
	bytes = 0


## Keeps the messages at the front whose sizes together are within the limit.
func keep_first(max_bytes: int) -> void:
	var sum := 0
	for index in range(_head, _messages.size()):
		if sum + _sizes[index] > max_bytes:
			_messages = _messages.slice(0, index)
			_sizes = _sizes.slice(0, index)
			bytes = sum
			return
		sum += _sizes[index]
