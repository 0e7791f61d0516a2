@tool
extends RefCounted
## The last second of a connection that no link has any more: what was sent on it is handed over, then it is closed. The
## close frame of the connection must have been set.

const EngineConnection := preload("engine_connection.gd")
const Outbox := preload("outbox.gd")

const _TIME_USEC := 1_000_000

## Nothing else holds these.
static var _all: Array[RefCounted] = []

var _connection: EngineConnection
var _outbox: Outbox
var _ends_usec := Time.get_ticks_usec() + _TIME_USEC


func _init(connection: EngineConnection, outbox: Outbox) -> void:
	_connection = connection
	_outbox = outbox
	var tree := Engine.get_main_loop() as SceneTree
	if _is_over() or tree == null:
		return
	_all.append(self)
	@warning_ignore("return_value_discarded")
	tree.process_frame.connect(_on_process_frame)


func _on_process_frame() -> void:
	_connection.poll()
	if not _is_over():
		return
	(Engine.get_main_loop() as SceneTree).process_frame.disconnect(_on_process_frame)
	_all.erase(self)


## Takes it as far as possible. Once it is over, the connection is dropped with its last reference.
func _is_over() -> bool:
	_connection.discard_messages()
	_connection.send_messages(_outbox)
	if _outbox.is_empty() and _connection.has_sent_all() and _connection.can_send_close():
		_connection.send_close()
	var is_pointless := _connection.is_connecting() and _outbox.is_empty()
	return is_pointless or _connection.is_over() or Time.get_ticks_usec() >= _ends_usec
