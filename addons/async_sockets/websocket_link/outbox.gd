@tool
extends RefCounted
## Messages that are not sent yet. The engine's own queue is kept short: it refuses messages beyond a number, and what
## it has cannot be taken back when the connection is lost.

const MessageQueue := preload("message_queue.gd")

## The engine gets more while it holds less than this.
const _ENGINE_BYTES := 64 * 1024
## ... and while it has been given fewer messages since it last held nothing.
const _ENGINE_MESSAGES := 1024
## What messages take beside their payload does not count against a limit, but must not exceed it either, nor this.
const _FREE := 1024 * 1024

var _queue := MessageQueue.new()
var _given := 0


func is_empty() -> bool:
	return _queue.is_empty()


## Whether this many bytes more are within the limit.
func has_room(size: int, limit: int) -> bool:
	return _queue.bytes + size <= limit and _queue.get_overhead() <= maxi(limit, _FREE)


func push(message: PackedByteArray, is_text: bool) -> void:
	_queue.push([message, is_text], message.size())


## Drops all messages. Returns how many bytes they were.
func clear() -> int:
	var dropped := _queue.bytes
	_queue.clear()
	return dropped


## Drops the last messages until the rest takes at most this many bytes. Returns how many bytes they were.
func keep_first(max_bytes: int) -> int:
	var before := _queue.bytes
	_queue.keep_first(max_bytes)
	return before - _queue.bytes


func get_bytes() -> int:
	return _queue.bytes


## Gives an open peer what it takes. A message that it fails to send is lost with the connection.
func send_to(peer: WebSocketPeer) -> void:
	while not _queue.is_empty() and peer.get_ready_state() == WebSocketPeer.STATE_OPEN:
		var held := peer.get_current_outbound_buffered_amount()
		if held == 0:
			_given = 0
		if held >= _ENGINE_BYTES or _given >= _ENGINE_MESSAGES:
			return
		_given += 1
		var message: Array = _queue.pop()
		var bytes: PackedByteArray = message[0]
		var is_text: bool = message[1]
		@warning_ignore("return_value_discarded")  # As the documentation above says.
		peer.send(bytes, WebSocketPeer.WRITE_MODE_TEXT if is_text else WebSocketPeer.WRITE_MODE_BINARY)
