@tool
extends RefCounted
## A pending operation of a script.

## Emitted once, with the result that the script awaits.
signal completed(result: Array)

## What the operation asks for; its owner gives the number a meaning.
var kind := 0
## When it times out, in microseconds of [method Time.get_ticks_usec]; 0: never.
var deadline_usec := 0
## The elements of its result behind the error if it fails.
var values_of_failure := []


## Whether nobody can receive the result any more, because the node that awaited it was freed. Only meaningful in a
## later turn than the call that started the operation: the script awaits the signal after that call.
func is_abandoned() -> bool:
	return completed.get_connections().is_empty()


## The result if it fails.
func failure(error: Error) -> Array:
	var result: Array = [error]
	result.append_array(values_of_failure)
	return result


## Runs user code.
func fail(error: Error) -> void:
	completed.emit(failure(error))
