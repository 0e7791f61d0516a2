@tool
extends "backend.gd"
## Forwards to the library's class WebSocketClient. The class is not in every export, and a script that names a class
## that does not exist is not loaded, so it is reached through [ClassDB] alone.

const CLIENT_CLASS := &"WebSocketClient"

const _RECEIVES: Array[StringName] = [&"recv", &"recv_text", &"recv_binary"]

var _client: RefCounted
## The signals of the link.
var _signals: Array[Signal] = []


func _init(shared: Settings) -> void:
	super(shared)
	_client = ClassDB.instantiate(CLIENT_CLASS)
	for property in settings.get_property_list():
		var usage: int = property["usage"]
		if usage & PROPERTY_USAGE_SCRIPT_VARIABLE:
			update(StringName(str(property["name"])))


static func is_available() -> bool:
	return ClassDB.class_exists(CLIENT_CLASS) and ClassDB.can_instantiate(CLIENT_CLASS)


func attach(signals: Array[Signal]) -> void:
	_signals = signals.duplicate()
	for link_signal in signals:
		@warning_ignore("return_value_discarded")
		_client.connect(link_signal.get_name(), link_signal.emit)


## A setting that only the engine's client needs is not one of the class.
func update(property: StringName) -> void:
	if property in _client:
		_client.set(property, settings.get(property))


func release() -> void:
	# Pending results may hold the client for longer, and the link is told nothing more.
	for link_signal in _signals:
		_client.disconnect(link_signal.get_name(), link_signal.emit)
	_signals.clear()
	# Freeing the client closes its connection and resolves what is pending.
	_client = null


func connect_to_url(url: String, tls_options: TLSOptions) -> Error:
	return _client.call(&"connect_to_url", url, tls_options)


func wait_connected(timeout: float) -> Variant:
	return _client.call(&"wait_connected", timeout)


func receive(kind: Kind, timeout: float) -> Variant:
	return _client.call(_RECEIVES[kind], timeout)


func flush(timeout: float) -> Variant:
	return _client.call(&"flush", timeout)


func close_async(code: int, reason: String, timeout: float) -> Variant:
	return _client.call(&"close_async", code, reason, timeout)


func send_text(message: String) -> Error:
	return _client.call(&"send_text", message)


func send_binary(data: PackedByteArray) -> Error:
	return _client.call(&"send_binary", data)


func send_text_data(utf8: PackedByteArray) -> Error:
	return _client.call(&"send_text_data", utf8)


func ping(payload: PackedByteArray) -> Error:
	return _client.call(&"ping", payload)


func close(code: int, reason: String) -> void:
	_client.call(&"close", code, reason)


func abort() -> void:
	_client.call(&"abort")


func reconnect_now() -> Error:
	return _client.call(&"reconnect_now")


func process(budget_usec: int) -> int:
	return _client.call(&"process", budget_usec)


func get_ready_state() -> WebSocketPeer.State:
	return _client.call(&"get_ready_state")


func is_reconnecting() -> bool:
	return _client.call(&"is_reconnecting")


func get_reconnect_attempt() -> int:
	return _client.call(&"get_reconnect_attempt")


func get_reconnect_time_left() -> float:
	return _client.call(&"get_reconnect_time_left")


func get_selected_protocol() -> String:
	return _client.call(&"get_selected_protocol")


func get_requested_url() -> String:
	return _client.call(&"get_requested_url")


func get_close_code() -> int:
	return _client.call(&"get_close_code")


func get_close_reason() -> String:
	return _client.call(&"get_close_reason")


func get_latency() -> float:
	return _client.call(&"get_latency")


func get_connected_host() -> String:
	return _client.call(&"get_connected_host")


func get_connected_port() -> int:
	return _client.call(&"get_connected_port")


func is_tls() -> bool:
	return _client.call(&"is_tls")


func get_response_status() -> int:
	return _client.call(&"get_response_status")


func get_pending_bytes() -> int:
	return _client.call(&"get_pending_bytes")


func get_available_message_count() -> int:
	return _client.call(&"get_available_message_count")


func get_unsent_bytes() -> int:
	return _client.call(&"get_unsent_bytes")


func get_id() -> int:
	return _client.call(&"get_id")


func get_last_error_message() -> String:
	return _client.call(&"get_last_error_message")
