extends Node
## A shared client, a scene that awaits its next line, and the scene that replaces it.

var _near := TcpClient.new()
var _far: TcpClient
var _scene := PackedScene.new()


func _ready() -> void:
	var listener := TcpListener.create(0, "127.0.0.1")
	listener.start()
	_near.connect_to_host("127.0.0.1", listener.get_local_port())
	_far = (await listener.accept(10.0) as Array)[1]
	await _near.wait_connected()
	var tree := get_tree()
	reparent(tree.root)
	var empty := Node.new()
	_scene.pack(empty)
	empty.free()
	await _change_scene(tree)
	_read_by(tree.current_scene)
	await _change_scene(tree)
	_far.send("abc\n".to_utf8_buffer())
	print("the next one has %s" % (await _near.recv_line(5.0) as Array)[1])
	tree.quit()


func _change_scene(tree: SceneTree) -> void:
	var before := tree.current_scene
	tree.change_scene_to_packed(_scene)
	while tree.current_scene == null or tree.current_scene == before:
		await tree.process_frame


func _read_by(scene: Node) -> void:
	var script := GDScript.new()
	# Not an argument: local variables of a coroutine are never released if its node is freed.
	script.source_code = "extends Node\nvar client\nfunc run():\n\tprint('a dead one has ', await client.recv_line())\n"
	script.reload()
	scene.set_script(script)
	scene.set(&"client", _near)
	scene.call(&"run")
