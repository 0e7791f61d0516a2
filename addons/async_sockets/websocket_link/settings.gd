@tool
extends RefCounted
## The properties of a [WebSocketLink], which documents them. Shared by the link and its backend. The defaults are those
## of the library's class.

var timeout := 0.0
var supported_protocols := PackedStringArray()
var handshake_headers := PackedStringArray()
var handshake_timeout := 10.0
var close_timeout := 3.0
var heartbeat_interval := 15.0
var heartbeat_message := ""
var max_message_size := 16 * 1024 * 1024
var max_pending_bytes := 16 * 1024 * 1024
var max_buffered_bytes := 1024 * 1024
var max_offline_bytes := 0
var no_delay := true
var text_as_data := false
var auto_process := true
var emit_messages := false
var reconnect := false
var reconnect_min_delay := 0.5
var reconnect_max_delay := 30.0
var reconnect_max_attempts := 0
var reconnect_on_codes := PackedInt32Array()
