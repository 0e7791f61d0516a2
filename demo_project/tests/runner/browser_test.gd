class_name BrowserTest
extends WebSocketTest
## Base class of the scenes that use a page as people do, in headless Chromium: tabs that are tapped, typed into and
## reloaded, by the DevTools protocol (chromedevtools.github.io/devtools-protocol). Skipped where there is no Chromium.
##
## With the environment variable `BROWSER_PICTURES`, a folder, [method Tab.picture] saves what a tab shows.

const PHONE := Vector2i(390, 844)
const DESKTOP := Vector2i(960, 540)

const _LIFE_SECONDS := 100
## Starting a browser takes a while on a busy machine.
const _START_SECONDS := 40.0

## The process.
var _chromium := -1
var _devtools := WebSocketClient.new()
var _replies := {}
var _calls := 0


func time_limit(_test_name: String) -> float:
	return 90.0


func before_each() -> void:
	skip_without_browser()


func after_each() -> void:
	if _devtools.get_ready_state() == WebSocketClient.STATE_OPEN:
		_devtools.send_text(JSON.stringify({"id": 0, "method": "Browser.close"}))
		# It is over once the profile is removed.
		await wait_for(func() -> bool: return not OS.is_process_running(_chromium), 4.0)
	super()


## Opens a page in a new tab, and waits until it is loaded. Tabs share what the page stores.
func open_tab(url: String, size := PHONE) -> Tab:
	var tab := Tab.new(self)
	if _calls == 0:
		await _start_browser()
	var target := await call_devtools("Target.createTarget", {"url": "about:blank"})
	var attached := await call_devtools("Target.attachToTarget", {"targetId": target.get("targetId"), "flatten": true})
	tab.session = str(attached.get("sessionId"))
	var screen := {"width": size.x, "height": size.y, "deviceScaleFactor": 1, "mobile": size.x < size.y}
	await tab.send("Emulation.setDeviceMetricsOverride", screen)
	await tab.send("Emulation.setTouchEmulationEnabled", {"enabled": true})
	await tab.send("Emulation.setFocusEmulationEnabled", {"enabled": true})
	await tab.send("Page.enable")
	await tab.go("Page.navigate", {"url": url})
	return tab


## Calls a method of the protocol, and returns its result.
func call_devtools(method: String, parameters := {}, session := "") -> Dictionary:
	_calls += 1
	var id := _calls
	var message := {"id": id, "method": method, "params": parameters}
	if not session.is_empty():
		message["sessionId"] = session
	_devtools.send_text(JSON.stringify(message))
	await wait_for(func() -> bool: return _replies.has(id), 20.0)
	var reply := _replies.get(id, {"error": "no answer"}) as Dictionary
	_replies.erase(id)
	check(not reply.has("error"), "%s: %s" % [method, reply.get("error")])
	return reply.get("result", {})


func _start_browser() -> void:
	var profile := "user://browser_%d_%d" % [OS.get_process_id(), Time.get_ticks_usec()]
	var arguments: PackedStringArray = [
		OS.get_environment("PEERS_CHROMIUM"), ProjectSettings.globalize_path(profile), str(_LIFE_SECONDS)
	]
	_chromium = start_python("res://tests/peers/headless_chromium.py", arguments)
	# Two lines: the port and the path.
	var port_file := profile.path_join("DevToolsActivePort")
	var is_there := func() -> bool:
		return FileAccess.file_exists(port_file) and FileAccess.get_file_as_string(port_file).contains("\n")
	if not check(await wait_for(is_there, _START_SECONDS), "Chromium does not start"):
		return
	var place := FileAccess.get_file_as_string(port_file).strip_edges().split("\n")
	_devtools.emit_messages = true
	_devtools.max_message_size = 64 * 1024 * 1024
	_devtools.message_received.connect(_on_devtools_message)
	_devtools.connect_to_url("ws://%s:%s%s" % [LOOPBACK, place[0], place[1]])
	is_ok(await _devtools.wait_connected(10.0))


func _on_devtools_message(text: String) -> void:
	var message := JSON.parse_string(text) as Dictionary
	if message.has("id"):
		_replies[int(message["id"] as float)] = message


## A tab of the browser.
class Tab:
	extends RefCounted

	## The protocol's name for the connection to this tab.
	var session := ""
	var _test: WeakRef

	func _init(test: BrowserTest) -> void:
		_test = weakref(test)

	func send(method: String, parameters := {}) -> Dictionary:
		return await _owner().call_devtools(method, parameters, session)

	## Runs JavaScript, and returns its value. Numbers are floats.
	func evaluate(expression: String) -> Variant:
		var parameters := {"expression": expression, "returnByValue": true, "awaitPromise": true}
		var reply := await send("Runtime.evaluate", parameters)
		if not _owner().check(not reply.has("exceptionDetails"), "%s: %s" % [expression, reply]):
			return null
		return (reply.get("result", {}) as Dictionary).get("value")

	## Waits until the expression holds, and asserts that it does.
	func until(expression: String, time := 10.0) -> bool:
		var deadline := Time.get_ticks_msec() + int(time * 1000)
		while await evaluate("Boolean(%s)" % expression) != true:
			if Time.get_ticks_msec() >= deadline:
				var seen: Variant = await evaluate("document.body.innerText")
				return _owner().check(false, "%s does not come true; the page shows: %s" % [expression, seen])
		return _owner().check(true)

	## Waits until the page shows this text.
	func shows(text: String, time := 10.0) -> bool:
		return await until("document.body.innerText.includes(%s)" % JSON.stringify(text), time)

	## Taps the visible element, as a finger does.
	func tap(selector: String) -> void:
		await until("document.querySelector(%s)?.checkVisibility()" % JSON.stringify(selector))
		var box: Variant = await evaluate(
			(
				(
					"(() => { const e = document.querySelector(%s); e.scrollIntoView({ block: 'nearest' });"
					% JSON.stringify(selector)
				)
				+ "const { x, y, width, height } = e.getBoundingClientRect(); return [x + width / 2, y + height / 2] })()"
			)
		)
		if not _owner().check(box is Array, "%s has no place" % selector):
			return
		var point := {"x": (box as Array)[0], "y": (box as Array)[1]}
		await send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
		await send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

	## Taps into a field, and replaces its text.
	func fill(selector: String, text: String) -> void:
		await tap(selector)
		await until("document.activeElement === document.querySelector(%s)" % JSON.stringify(selector))
		await evaluate("document.activeElement.select()")
		await send("Input.insertText", {"text": text})

	func reload() -> void:
		await go("Page.reload")

	## Does what loads a page, and waits until it is loaded.
	func go(method: String, parameters := {}) -> void:
		await evaluate("globalThis.isOld = true")
		await send(method, parameters)
		await until("!globalThis.isOld && document.readyState === 'complete'", 20.0)

	func close() -> void:
		await send("Page.close")

	## Saves what the tab shows, if somebody wants to look at it.
	func picture(name: String) -> void:
		var folder := OS.get_environment("BROWSER_PICTURES")
		if folder.is_empty():
			return
		await send("Page.bringToFront")
		var reply := await send("Page.captureScreenshot", {"format": "png"})
		var file := FileAccess.open(folder.path_join(name + ".png"), FileAccess.WRITE)
		if _owner().check(file != null, "%s cannot be written" % name):
			file.store_buffer(Marshalls.base64_to_raw(str(reply.get("data"))))

	func _owner() -> BrowserTest:
		return _test.get_ref()
