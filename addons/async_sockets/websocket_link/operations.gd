@tool
extends RefCounted
## Pending operations of one kind, first in, first out. An abandoned operation gives up its place.

const Operation := preload("operation.gd")

var _queue: Array[Operation] = []


## Adds an operation and returns what the script awaits.
func add(deadline_usec: int, values_of_failure := [], kind := 0) -> Signal:
	var operation := Operation.new()
	operation.deadline_usec = deadline_usec
	operation.values_of_failure = values_of_failure
	operation.kind = kind
	_queue.append(operation)
	return operation.completed


func is_empty() -> bool:
	return _queue.is_empty()


## The first operation whose result somebody can receive, or null. Drops the abandoned ones before it.
func first() -> Operation:
	while not _queue.is_empty() and _queue[0].is_abandoned():
		_queue.pop_front()
	return null if _queue.is_empty() else _queue[0]


func drop_first() -> void:
	_queue.pop_front()


## Empties the queue and returns what was in it.
func take_all() -> Array[Operation]:
	var all := _queue
	_queue = []
	return all


## Completes all operations with this result. Runs user code, which may add new ones; those stay.
func complete_all(result: Array) -> void:
	for operation in take_all():
		operation.completed.emit(result.duplicate())


## Empties the queue and returns each operation with the result of its failure.
func take_failures(error: Error) -> Array[Array]:
	var failures: Array[Array] = []
	for operation in take_all():
		failures.append([operation, operation.failure(error)])
	return failures


## Completes operations with their results. Runs user code.
static func complete(operations_with_results: Array[Array]) -> void:
	for pair in operations_with_results:
		var operation: Operation = pair[0]
		operation.completed.emit(pair[1])


## Fails all operations. Runs user code, which may add new ones; those stay.
func fail_all(error: Error) -> void:
	for operation in take_all():
		operation.fail(error)


## Takes the operations whose time is over.
func take_due(now_usec: int) -> Array[Operation]:
	var due: Array[Operation] = []
	if _queue.any(_is_due.bind(now_usec)):
		due.assign(_queue.filter(_is_due.bind(now_usec)))
		_queue.assign(_queue.filter(_is_not_due.bind(now_usec)))
	return due


func _is_due(operation: Operation, now_usec: int) -> bool:
	return operation.deadline_usec != 0 and operation.deadline_usec <= now_usec


func _is_not_due(operation: Operation, now_usec: int) -> bool:
	return not _is_due(operation, now_usec)
