@tool
extends RefCounted
## Pending operations of a link that is released. They fail in a later frame: no user code may run in a destructor.

const Operation := preload("operation.gd")
const Operations := preload("operations.gd")

## Nothing else holds these.
static var _all: Array[RefCounted] = []

var _failures: Array[Array] = []


func _init(operations: Array[Operation], error: Error) -> void:
	for operation in operations:
		_failures.append([operation, operation.failure(error)])
	var tree := Engine.get_main_loop() as SceneTree
	if _failures.is_empty() or tree == null:
		return
	_all.append(self)
	@warning_ignore("return_value_discarded")
	tree.process_frame.connect(_on_process_frame, CONNECT_ONE_SHOT)


func _on_process_frame() -> void:
	@warning_ignore("unused_variable")
	var alive: RefCounted = self
	_all.erase(self)
	Operations.complete(_failures)
