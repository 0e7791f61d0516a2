class_name HttpTest
extends WebSocketTest
## Base class of the scenes about plain HTTP on the port of a WebSocketServer: folders of files, and the engine's own
## HTTPClient.

## The requests of the test that is running.
var _requests: Array[HttpServerRequest] = []
var _folders: PackedStringArray = []


func after_each() -> void:
	super()
	_requests.clear()
	for folder in _folders:
		_remove(folder)
	_folders.clear()


## A new folder of [code]user://[/code] with these files, a [String] or a [PackedByteArray] each. It is removed after
## the test.
func folder_with(files: Dictionary) -> String:
	var folder := "user://http_%d_%d" % [OS.get_process_id(), Time.get_ticks_usec()]
	DirAccess.make_dir_recursive_absolute(folder)
	_folders.append(folder)
	for path: String in files:
		write(folder.path_join(path), files[path])
	return folder


func write(path: String, content: Variant) -> void:
	DirAccess.make_dir_recursive_absolute(path.get_base_dir())
	var file := FileAccess.open(path, FileAccess.WRITE)
	if check(file != null, "%s cannot be written" % path):
		file.store_buffer(utf8(content as String) if content is String else content as PackedByteArray)


## Sends a request by the engine's HTTPClient, on a connection of its own, and waits for the answer.
func fetch(target: String, lines := PackedStringArray(), method := HTTPClient.METHOD_GET, body := "") -> Answer:
	var answer := Answer.new()
	var client := HTTPClient.new()
	client.connect_to_host(LOOPBACK, server.get_local_port())
	await _while(client, [HTTPClient.STATUS_CONNECTING, HTTPClient.STATUS_RESOLVING])
	if not check(client.get_status() == HTTPClient.STATUS_CONNECTED, "no connection for %s" % target):
		return answer
	client.request(method, target, lines, body)
	await _while(client, [HTTPClient.STATUS_REQUESTING])
	answer.status = client.get_response_code()
	for line in client.get_response_headers():
		answer.headers[line.get_slice(":", 0).to_lower()] = line.substr(line.find(":") + 1).strip_edges()
	while client.get_status() == HTTPClient.STATUS_BODY:
		client.poll()
		var chunk := client.read_response_body_chunk()
		if chunk.is_empty():
			await frames(1)
		answer.body.append_array(chunk)
	return answer


func post(target: String, body: String, lines := PackedStringArray()) -> Answer:
	return await fetch(target, lines, HTTPClient.METHOD_POST, body)


## Asserts the status and the body of an answer.
func answers(target: String, status: int, text: String) -> Answer:
	var answer := await fetch(target)
	equal([answer.status, answer.text()], [status, text], target)
	return answer


func _while(client: HTTPClient, states: Array[int]) -> void:
	var ready := func() -> bool:
		client.poll()
		return not states.has(client.get_status())
	check(await wait_for(ready), "the engine's client waits")


func _remove(folder: String) -> void:
	var access := DirAccess.open(folder)
	access.include_hidden = true
	for file in access.get_files():
		access.remove(file)
	for below in access.get_directories():
		_remove(folder.path_join(below))
	DirAccess.remove_absolute(folder)


## What the server answered. Header names are in lower case.
class Answer:
	extends RefCounted

	var status := 0
	var headers := {}
	var body := PackedByteArray()

	func text() -> String:
		return body.get_string_from_utf8()
