@tool
extends RefCounted
## What makes the connections of a [WebSocketLink]. The methods are those of the link, which documents them and checks
## their arguments. A backend emits the signals of the link itself.

## Kinds of messages that a receive takes.
enum Kind { ANY, TEXT, BINARY }

const Settings := preload("settings.gd")

var settings: Settings
## What was refused last, and the last error before it: another one since then is the newer one.
var _refusal := ""
var _words_before_refusal := ""


func _init(shared: Settings) -> void:
	settings = shared


## Takes the signals of the link, in any order.
func attach(_signals: Array[Signal]) -> void:
	pass


## Called after a property was set.
func update(_property: StringName) -> void:
	pass


## Closes the connection and resolves all pending operations, because the link was freed.
func release() -> void:
	pass


func connect_to_url(_url: String, _tls_options: TLSOptions) -> Error:
	return ERR_UNAVAILABLE


func wait_connected(_timeout: float) -> Variant:
	return [ERR_UNAVAILABLE]


func receive(kind: Kind, _timeout: float) -> Variant:
	return failed_receive(kind, ERR_UNAVAILABLE)


func flush(_timeout: float) -> Variant:
	return [ERR_UNAVAILABLE]


func close_async(_code: int, _reason: String, _timeout: float) -> Variant:
	return [ERR_UNAVAILABLE, -1, ""]


func send_text(_message: String) -> Error:
	return ERR_UNAVAILABLE


func send_binary(_data: PackedByteArray) -> Error:
	return ERR_UNAVAILABLE


func send_text_data(_utf8: PackedByteArray) -> Error:
	return ERR_UNAVAILABLE


func ping(_payload: PackedByteArray) -> Error:
	return ERR_UNAVAILABLE


func close(_code: int, _reason: String) -> void:
	pass


func abort() -> void:
	pass


func reconnect_now() -> Error:
	return ERR_UNAVAILABLE


func process(_budget_usec: int) -> int:
	return 0


func get_ready_state() -> WebSocketPeer.State:
	return WebSocketPeer.STATE_CLOSED


func is_reconnecting() -> bool:
	return false


func get_reconnect_attempt() -> int:
	return 0


func get_reconnect_time_left() -> float:
	return 0.0


func get_selected_protocol() -> String:
	return ""


func get_requested_url() -> String:
	return ""


func get_close_code() -> int:
	return -1


func get_close_reason() -> String:
	return ""


func get_latency() -> float:
	return -1.0


func get_connected_host() -> String:
	return ""


func get_connected_port() -> int:
	return 0


func is_tls() -> bool:
	return false


func get_response_status() -> int:
	return 0


func get_pending_bytes() -> int:
	return 0


func get_available_message_count() -> int:
	return 0


func get_unsent_bytes() -> int:
	return 0


func get_id() -> int:
	return 0


func get_last_error_message() -> String:
	return ""


## Records what was refused before it came to the connection.
func note_refusal(words: String) -> void:
	_refusal = words
	_words_before_refusal = get_last_error_message()


func forget_refusal() -> void:
	_refusal = ""


## The newest error in words.
func get_last_words() -> String:
	var words := get_last_error_message()
	return words if _refusal.is_empty() or words != _words_before_refusal else _refusal


## The result of a receive that failed. A text is expected unless the script asked for bytes.
static func failed_receive(kind: Kind, error: Error) -> Array:
	return [error, PackedByteArray()] if kind == Kind.BINARY else [error, ""]
