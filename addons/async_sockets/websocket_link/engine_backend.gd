@tool
extends "engine_session.gd"
## Connections of the engine's [WebSocketPeer], which runs everywhere, in a browser too: what the script calls.

const Farewell := preload("farewell.gd")
const LateFailures := preload("late_failures.gd")
const Utf8 := preload("utf8.gd")

const _GOING_AWAY := 1001
## The end of an attempt that this side has ended.
const _GIVEN_UP := [EngineConnection.ABNORMAL_CLOSURE, EngineConnection.CLOSED_EARLY, false]


func update(property: StringName) -> void:
	match property:
		&"auto_process", &"emit_messages":
			_hook()
		&"reconnect":
			_set_reconnect()


func release() -> void:
	_say_farewell()
	_phase = Phase.ENDED
	_end_error = ERR_UNAVAILABLE
	_session += 1
	_inbox.clear()
	_owed.clear()
	var pending := _take_left_over()
	for operations: Operations in [_inbox.receives, _connects, _flushes, _closes]:
		pending.append_array(operations.take_all())
	@warning_ignore("return_value_discarded")  # It holds itself.
	LateFailures.new(pending, ERR_UNAVAILABLE)


#region Connecting and closing


func connect_to_url(url_text: String, tls_options: TLSOptions) -> Error:
	if _is_active():
		var words := "it is connected or connecting already; close it first, or use a new one"
		return _refuse(ERR_ALREADY_IN_USE, "connect_to_url", words)
	var url := Url.new(url_text)
	if not url.refusal.is_empty():
		return _refuse(ERR_INVALID_PARAMETER, "connect_to_url", url.refusal)
	var connection := EngineConnection.new(settings, url)
	# Other errors are told as every failed attempt is, later.
	if connection.begin(url, tls_options) == ERR_INVALID_PARAMETER:
		return _refuse(ERR_INVALID_PARAMETER, "connect_to_url", "the engine does not take '%s'" % url.text)
	_owe_the_end()
	_say_farewell()
	_session += 1
	_url = url
	_tls_options = tls_options
	_policy = ReconnectPolicy.new(settings) if settings.reconnect else null
	_turn.read_settings()
	_forget_the_last_session()
	_begin_attempt(connection)
	_hook()
	return OK


## The end of a session that the next one replaces.
func _owe_the_end() -> void:
	match _phase:
		Phase.CLOSING_EARLY:
			_owe(_disconnected, _GIVEN_UP)
		Phase.CLOSING when _connection.is_over():
			_owe(_disconnected, _connection.get_end())
		Phase.CLOSING:
			var code := _connection.own_code if _connection.own_code != 0 else EngineConnection.ABNORMAL_CLOSURE
			_owe(_disconnected, [code, _connection.own_reason, false])


func _forget_the_last_session() -> void:
	for operations: Operations in [_inbox.receives, _connects, _flushes, _closes]:
		_left_over.append_array(operations.take_all())
	_inbox.clear()
	_was_open = false
	_end_error = ERR_UNCONFIGURED
	_last_error = ""
	_failure_words = ""
	_close_code = -1
	_close_reason = ""
	_is_close_clean = false
	_protocol = ""
	_host = ""
	_port = 0
	_unsent_bytes = 0


## Leaves a connection that is not over to itself.
func _say_farewell() -> void:
	var outbox := _outbox
	_outbox = Outbox.new()
	if _connection == null or _connection.is_over():
		return
	if _connection.own_code == 0:
		_connection.set_farewell(_GOING_AWAY, "")
	@warning_ignore("return_value_discarded")  # It holds itself.
	Farewell.new(_connection, outbox)


func close(code: int, reason: String) -> void:
	match _phase:
		Phase.CONNECTING, Phase.AWAY:
			# What was sent is still delivered if there is an attempt for it.
			if _phase == Phase.AWAY or _outbox.is_empty():
				_give_up()
				return
			_phase = Phase.CLOSING_EARLY
			_end_error = ERR_UNAVAILABLE
			_connection.set_farewell(code, reason)
		Phase.OPEN:
			if not _connection.is_over():
				# What comes later is dropped.
				@warning_ignore("return_value_discarded")
				_connection.take_messages(_inbox, true)
				_connection.set_farewell(code, reason)
			_begin_closing()
			_deadline_usec = _after(_close_timeout)
			if _all_is_sent() and _connection.can_send_close():
				_connection.send_close()


func abort() -> void:
	match _phase:
		Phase.CONNECTING, Phase.AWAY:
			_give_up()
		Phase.OPEN, Phase.CLOSING, Phase.CLOSING_EARLY:
			if not _connection.is_over():
				if _phase == Phase.OPEN:
					@warning_ignore("return_value_discarded")
					_connection.take_messages(_inbox, true)
				_connection.drop()
			if _phase == Phase.OPEN:
				_begin_closing()
			_note_loss()


func _begin_closing() -> void:
	_phase = Phase.CLOSING
	_end_error = ERR_UNAVAILABLE


## Ends an attempt, or the wait for the next one.
func _give_up() -> void:
	if _phase == Phase.CONNECTING:
		_connection.drop()
	_unsent_bytes += _outbox.clear()
	_phase = Phase.ENDED
	_end_error = ERR_UNAVAILABLE
	_owe(_disconnected, _GIVEN_UP)
	_hook()


func reconnect_now() -> Error:
	match _phase:
		Phase.AWAY:
			_policy.hurry()
			return OK
		Phase.CONNECTING, Phase.OPEN:
			return OK
	return _fail(ERR_UNCONFIGURED, "there is no session to reconnect; call connect_to_url()")


func _set_reconnect() -> void:
	if settings.reconnect:
		if _policy == null:
			_policy = ReconnectPolicy.new(settings)
		return
	_policy = null
	if _phase == Phase.AWAY:
		_phase = Phase.ENDED
		_owe(_gave_up, [_end_error])
		_hook()


#endregion
#region Operations


func wait_connected(timeout: float) -> Variant:
	match _phase:
		Phase.OPEN:
			return [OK]
		Phase.AWAY, Phase.CONNECTING:
			return _connects.add(_deadline_of(timeout))
	return [_say_not_open()]


func receive(kind: Kind, timeout: float) -> Variant:
	var end := OK
	if _phase == Phase.NEW or (_phase == Phase.ENDED and _inbox.is_empty() and _inbox.receives.is_empty()):
		end = _say_not_open()
	var result: Variant = _inbox.receive(kind, _deadline_of(timeout), end)
	_hook()
	return result


func flush(timeout: float) -> Variant:
	if not _is_active():
		return [_say_not_open()]
	if _flushes.is_empty() and _all_is_sent():
		return [OK]
	return _flushes.add(_deadline_of(timeout))


func close_async(code: int, reason: String, timeout: float) -> Variant:
	if _phase == Phase.NEW:
		return [_say_not_open(), -1, ""]
	if _phase == Phase.ENDED and _owed.is_empty():
		return _close_result()
	close(code, reason)
	return _closes.add(_deadline_of(timeout), [-1, ""])


func send_text(message: String) -> Error:
	return _send(message.to_utf8_buffer(), true)


func send_binary(data: PackedByteArray) -> Error:
	return _send(data, false)


func send_text_data(utf8: PackedByteArray) -> Error:
	if not Utf8.is_valid(utf8):
		return _refuse(ERR_INVALID_DATA, "send_text_data", "the bytes are not valid UTF-8")
	return _send(utf8, true)


func ping(_payload: PackedByteArray) -> Error:
	if _phase != Phase.OPEN:
		var error := _say_not_open()
		return error if error != OK else _fail(ERR_UNAVAILABLE, "the connection is not established")
	if _heartbeat.message.is_empty():
		return _fail(ERR_UNAVAILABLE, "the engine's client sends no pings, and heartbeat_message was not set")
	_send_heartbeat()
	return OK


func _send(bytes: PackedByteArray, is_text: bool) -> Error:
	if not _is_active():
		return _say_not_open()
	if _phase != Phase.OPEN or _connection.is_over():
		return _keep(bytes, is_text)
	if get_pending_bytes() + bytes.size() > settings.max_pending_bytes:
		return _fail(ERR_OUT_OF_MEMORY, "more than max_pending_bytes, %d, would wait" % settings.max_pending_bytes)
	_outbox.push(bytes, is_text)
	_connection.send_messages(_outbox)
	return OK


## Queues a message for the next connection.
func _keep(bytes: PackedByteArray, is_text: bool) -> Error:
	if _phase == Phase.OPEN and _policy == null:
		return _fail(ERR_UNAVAILABLE, "the connection is over")
	if _phase == Phase.OPEN:
		_note_loss()
	if _was_open and settings.max_offline_bytes == 0:
		var words := "the connection is lost, and max_offline_bytes is 0: nothing is kept for the next one"
		return _fail(ERR_UNAVAILABLE, words)
	var limit := settings.max_offline_bytes if _was_open else settings.max_pending_bytes
	if not _outbox.has_room(bytes.size(), limit):
		return _fail(ERR_OUT_OF_MEMORY, "more than %d bytes would wait for the connection" % limit)
	_outbox.push(bytes, is_text)
	return OK


#endregion
#region State


func get_ready_state() -> WebSocketPeer.State:
	match _phase:
		Phase.AWAY, Phase.CONNECTING:
			return WebSocketPeer.STATE_CONNECTING
		Phase.OPEN:
			return WebSocketPeer.STATE_OPEN
		Phase.CLOSING, Phase.CLOSING_EARLY:
			return WebSocketPeer.STATE_CLOSING
	return WebSocketPeer.STATE_CLOSED


func is_reconnecting() -> bool:
	if _phase == Phase.CONNECTING:
		return _policy != null and _policy.attempts > 0
	return _phase == Phase.AWAY


func get_reconnect_attempt() -> int:
	return _policy.attempts if is_reconnecting() else 0


func get_reconnect_time_left() -> float:
	return _policy.time_left() if _phase == Phase.AWAY else 0.0


func get_selected_protocol() -> String:
	return _protocol


func get_requested_url() -> String:
	return "" if _url == null else _url.text


func get_close_code() -> int:
	return _close_code


func get_close_reason() -> String:
	return _close_reason


func get_latency() -> float:
	return _heartbeat.latency


func get_connected_host() -> String:
	return _host


func get_connected_port() -> int:
	return _port


func is_tls() -> bool:
	return _was_open and _url.is_tls


func get_response_status() -> int:
	return _status


func get_pending_bytes() -> int:
	return _outbox.get_bytes() + (0 if _connection == null else _connection.get_pending_bytes())


func get_available_message_count() -> int:
	if _phase == Phase.OPEN and not settings.emit_messages:
		_take_messages()
	return _inbox.count()


func get_unsent_bytes() -> int:
	return _unsent_bytes


func get_id() -> int:
	return 0 if _connection == null else _connection.id


func get_last_error_message() -> String:
	return _last_error


## Whether the script may send: the connection is established, or may be later.
func _is_active() -> bool:
	return _phase == Phase.CONNECTING or _phase == Phase.OPEN or _phase == Phase.AWAY


## The error of an operation that needs a connection, where there is none; notes it in words.
func _say_not_open() -> Error:
	match _phase:
		Phase.CONNECTING, Phase.OPEN, Phase.AWAY:
			return OK
		Phase.NEW:
			return _fail(ERR_UNCONFIGURED, "it is not connected; call connect_to_url() first")
		Phase.CLOSING_EARLY, Phase.CLOSING:
			return _fail(ERR_UNAVAILABLE, "this side has closed the connection")
	match _end_error:
		ERR_UNAVAILABLE:
			return _fail(ERR_UNAVAILABLE, "this side has closed the connection")
		ERR_FILE_EOF:
			return _fail(ERR_FILE_EOF, "the server has closed the connection")
	# The words of the failure are kept.
	return _end_error


## Records the words of an error that is nobody's mistake.
func _fail(error: Error, words: String) -> Error:
	_last_error = words
	return error


## Records and reports a mistake of the script.
func _refuse(error: Error, method: String, words: String) -> Error:
	push_error("WebSocketLink.%s: %s" % [method, words])
	return _fail(error, words)


func _deadline_of(timeout: float) -> int:
	return _after(settings.timeout if timeout < 0.0 else timeout)

#endregion
