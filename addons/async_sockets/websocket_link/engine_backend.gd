@tool
extends "backend.gd"
## Connections of the engine's [WebSocketPeer], which runs everywhere, in a browser too.
##
## Everything happens in [method process], which a hook on [signal SceneTree.process_frame] calls: no signal is emitted
## and no operation completed inside another call. User code may do anything to the link meanwhile, so after each
## emission the session is compared.

enum Phase { CLOSED, WAITING, CONNECTING, OPEN, CLOSING }

const Driver := preload("driver.gd")
const EngineConnection := preload("engine_connection.gd")
const Heartbeat := preload("heartbeat.gd")
const Inbox := preload("inbox.gd")
const Operations := preload("operations.gd")
const Outbox := preload("outbox.gd")
const ReconnectPolicy := preload("reconnect_policy.gd")
const Turn := preload("turn.gd")

## Seconds that the peer has to answer a close frame.
const _CLOSE_TIMEOUT := 3.0
## Seconds for what is queued to be sent before the close frame.
const _LINGER_TIMEOUT := 10.0
## The reason of an attempt that this side has ended.
const _CLOSED_EARLY := "closed before the connection was established"

var _connected: Signal
var _connect_failed: Signal
var _disconnected: Signal
var _message_received: Signal
var _data_received: Signal
var _reconnecting: Signal
var _gave_up: Signal

var _phase := Phase.CLOSED
## Null while waiting, once closed, and if this side closed while waiting.
var _connection: EngineConnection
## Changes with each call that ends what was before.
var _session := 0
var _url := ""
var _tls_options: TLSOptions
## When the phase ends by itself: the next attempt, the end of a handshake. 0: never.
var _deadline_usec := 0
## Whether there was a connection since [method connect_to_url].
var _was_open := false
## What ended the last connection or attempt, for operations that come too late.
var _end_error := ERR_UNCONFIGURED
var _last_error := ""
var _close_code := -1
var _close_reason := ""
## The close frame that this side sends.
var _own_code := 1000
var _own_reason := ""
var _protocol := ""

var _turn := Turn.new()
var _inbox := Inbox.new(_turn)
var _outbox := Outbox.new()
var _heartbeat: Heartbeat
var _policy: ReconnectPolicy
var _connects := Operations.new()
var _flushes := Operations.new()
var _closes := Operations.new()

var _handled := 0
## Does not hold this object: a callable of a method does not count as a reference.
var _driver := Driver.new(_drain)


func _init(shared: Settings) -> void:
	super(shared)
	_heartbeat = Heartbeat.new(shared)
	_policy = ReconnectPolicy.new(shared)


func attach(signals: Array[Signal]) -> void:
	for link_signal in signals:
		set(StringName("_" + link_signal.get_name()), link_signal)


func update(property: StringName) -> void:
	match property:
		&"auto_process":
			_hook()
		&"heartbeat_interval", &"heartbeat_message":
			_heartbeat.restart()
			if _connection != null:
				_connection.apply_heartbeat()


func release() -> void:
	_session += 1
	_phase = Phase.CLOSED
	_end_error = ERR_UNAVAILABLE
	_inbox.clear()
	_outbox.clear()
	if _connection != null:
		_connection.send_close(_own_code, _own_reason)
		_connection = null
	_connects.fail_all(ERR_UNAVAILABLE)
	_inbox.receives.fail_all(ERR_UNAVAILABLE)
	_flushes.fail_all(ERR_UNAVAILABLE)
	_closes.fail_all(ERR_UNAVAILABLE)


#region Connecting and closing


func connect_to_url(url: String, tls_options: TLSOptions) -> Error:
	if _phase != Phase.CLOSED:
		return _refuse(ERR_ALREADY_IN_USE, "connect_to_url", "it is connected or connecting; close it first")
	var connection := EngineConnection.new(settings)
	# Other errors are told as every failed attempt is, later.
	if connection.begin(url, tls_options) == ERR_INVALID_PARAMETER:
		return _refuse(ERR_INVALID_PARAMETER, "connect_to_url", "'%s' or its TLS options are not valid" % url)
	_session += 1
	_url = url
	_tls_options = tls_options
	_turn.read_settings()
	_was_open = false
	_policy.attempts = 0
	_last_error = ""
	_close_code = -1
	_close_reason = ""
	_inbox.clear()
	_outbox.clear()
	_begin_attempt(connection)
	_hook()
	return OK


func close(code: int, reason: String) -> void:
	if _phase == Phase.CLOSED or _phase == Phase.CLOSING:
		return
	# What was sent is still delivered, even if the connection is not established yet.
	if _phase == Phase.CONNECTING and _outbox.is_empty():
		_connection.drop(EngineConnection.ABNORMAL_CLOSURE, _CLOSED_EARLY)
	_begin_closing()
	_own_code = code
	_own_reason = reason
	_send_close_when_all_is_sent()


func abort() -> void:
	if _phase == Phase.CLOSED:
		return
	if _connection != null:
		_connection.drop(EngineConnection.ABNORMAL_CLOSURE, _CLOSED_EARLY if _phase == Phase.CONNECTING else "")
	_outbox.clear()
	_begin_closing()


func reconnect_now() -> void:
	if _phase == Phase.WAITING:
		_deadline_usec = Time.get_ticks_usec()


func _begin_attempt(connection: EngineConnection) -> void:
	_phase = Phase.CONNECTING
	_connection = connection
	_protocol = ""
	_deadline_usec = _after(settings.handshake_timeout)


func _begin_closing() -> void:
	_session += 1
	_phase = Phase.CLOSING
	_end_error = ERR_UNAVAILABLE
	_last_error = "this side has closed"
	_deadline_usec = _after(_LINGER_TIMEOUT)
	_inbox.clear()


func _send_close_when_all_is_sent() -> void:
	if _all_is_sent() and _connection.can_send_close():
		_connection.send_close(_own_code, _own_reason)
		_deadline_usec = _after(_CLOSE_TIMEOUT)


#endregion
#region Operations


func wait_connected(timeout: float) -> Variant:
	match _phase:
		Phase.OPEN:
			return [OK]
		Phase.WAITING, Phase.CONNECTING:
			return _connects.add(_deadline_of(timeout))
	return [_end_error]


func receive(kind: Kind, timeout: float) -> Variant:
	var result: Variant = _inbox.receive(kind, _deadline_of(timeout), _end_of_messages())
	_hook()
	return result


func flush(timeout: float) -> Variant:
	if _phase == Phase.CLOSED:
		return [_end_error]
	if _all_is_sent():
		return [OK]
	return _flushes.add(_deadline_of(timeout))


func close_async(code: int, reason: String, timeout: float) -> Variant:
	if _phase == Phase.CLOSED:
		var error := ERR_UNCONFIGURED if _close_code == -1 else OK
		return [error, _close_code, _close_reason]
	close(code, reason)
	return _closes.add(_deadline_of(timeout), [-1, ""])


func send_text(message: String) -> Error:
	return _send(message.to_utf8_buffer(), true)


func send_binary(data: PackedByteArray) -> Error:
	return _send(data, false)


func _send(bytes: PackedByteArray, is_text: bool) -> Error:
	var is_away := _was_open and (_phase == Phase.WAITING or _phase == Phase.CONNECTING)
	if _phase == Phase.CLOSED or _phase == Phase.CLOSING:
		return _fail(_end_error, "there is no connection")
	if is_away and settings.max_offline_bytes == 0:
		return _fail(ERR_UNAVAILABLE, "the connection is lost, and max_offline_bytes is 0")
	var limit := settings.max_offline_bytes if is_away else settings.max_pending_bytes
	if get_pending_bytes() + bytes.size() > limit:
		return _fail(ERR_OUT_OF_MEMORY, "%d bytes are beyond the limit of %d" % [bytes.size(), limit])
	_outbox.push(bytes, is_text)
	if _phase == Phase.OPEN:
		_connection.send_messages(_outbox)
	return OK


#endregion
#region State


func get_ready_state() -> WebSocketPeer.State:
	match _phase:
		Phase.WAITING, Phase.CONNECTING:
			return WebSocketPeer.STATE_CONNECTING
		Phase.OPEN:
			return WebSocketPeer.STATE_OPEN
		Phase.CLOSING:
			return WebSocketPeer.STATE_CLOSING
	return WebSocketPeer.STATE_CLOSED


func get_selected_protocol() -> String:
	return _protocol


func get_requested_url() -> String:
	return _url


func get_close_code() -> int:
	return _close_code


func get_close_reason() -> String:
	return _close_reason


func get_pending_bytes() -> int:
	return _outbox.get_bytes() + (0 if _connection == null else _connection.get_pending_bytes())


func get_last_error_message() -> String:
	return _last_error


## Whether the system has everything.
func _all_is_sent() -> bool:
	return _outbox.is_empty() and _connection != null and _connection.has_sent_all()


## Records the words of an error that is nobody's mistake.
func _fail(error: Error, words: String) -> Error:
	_last_error = words
	return error


## Records and reports a mistake of the script.
func _refuse(error: Error, method: String, words: String) -> Error:
	push_error("WebSocketLink.%s: %s" % [method, words])
	return _fail(error, words)


## When these seconds are over; 0 if they set no limit.
func _after(seconds: float) -> int:
	if seconds <= 0.0 or seconds > 1.0e9:
		return 0
	return Time.get_ticks_usec() + int(seconds * 1.0e6)


func _deadline_of(timeout: float) -> int:
	return _after(settings.timeout if timeout < 0.0 else timeout)


#endregion
#region Turns


func process(budget_usec: int) -> int:
	var before := _handled
	if not _turn.is_running:
		_driver.process(budget_usec)
	return _handled - before


func _hook() -> void:
	var has_work := _phase != Phase.CLOSED or not _inbox.receives.is_empty()
	_driver.set_hooked(settings.auto_process and has_work)


func _drain(budget_usec: int) -> void:
	if _turn.is_running:
		return
	_turn.begin(budget_usec)
	match _phase:
		Phase.WAITING:
			_drain_waiting()
		Phase.CONNECTING:
			_drain_connecting()
		Phase.OPEN:
			_drain_open()
		Phase.CLOSING:
			_drain_closing()
	_answer_receives()
	# What has arrived was delivered before anything times out.
	var now := Time.get_ticks_usec()
	for operations: Operations in [_connects, _inbox.receives, _flushes, _closes]:
		operations.expire(now)
	_turn.end()
	_hook()


func _drain_waiting() -> void:
	if not settings.reconnect:
		_give_up(_end_error)
	elif _is_past_deadline():
		var connection := EngineConnection.new(settings)
		@warning_ignore("return_value_discarded")  # An error shows in the state of the connection.
		connection.begin(_url, _tls_options)
		_begin_attempt(connection)


func _drain_connecting() -> void:
	_connection.poll()
	if _connection.has_been_open():
		_has_opened()
	elif _connection.is_over():
		_attempt_has_failed(ERR_CANT_CONNECT, "the connection could not be established")
	elif _is_past_deadline():
		_connection.drop()
		_attempt_has_failed(ERR_TIMEOUT, "the connection was not established within handshake_timeout")


func _has_opened() -> void:
	var session := _session
	_phase = Phase.OPEN
	_protocol = _connection.get_selected_protocol()
	_deadline_usec = 0
	_was_open = true
	_end_error = ERR_CONNECTION_ERROR
	_last_error = ""
	_handled += 1
	_policy.connection_opened()
	_heartbeat.restart()
	_connection.send_messages(_outbox)
	_connects.complete_all([OK])
	_connected.emit()
	if session == _session:
		_drain_open()


func _drain_open() -> void:
	var session := _session
	_connection.poll()
	# Before its state is looked at: it may be closed already.
	if _connection.take_messages(_inbox):
		_heartbeat.restart()
	_connection.send_messages(_outbox)
	var all_delivered := _deliver()
	if session == _session and _all_is_sent():
		_flushes.complete_all([OK])
	if session != _session or not all_delivered:
		return
	if _connection.is_over():
		_end(_connection.get_close_code(), _connection.get_close_reason())
	else:
		_beat()


func _drain_closing() -> void:
	if _connection == null:
		_end(EngineConnection.ABNORMAL_CLOSURE, _CLOSED_EARLY)
		return
	var session := _session
	_connection.poll()
	_connection.discard_messages()
	_connection.send_messages(_outbox)
	if _all_is_sent():
		_flushes.complete_all([OK])
	if session != _session:
		return
	_send_close_when_all_is_sent()
	if not _connection.is_over() and _is_past_deadline():
		_connection.drop(EngineConnection.ABNORMAL_CLOSURE, "the peer did not answer the close frame in time")
	if _connection.is_over():
		_end(_connection.get_close_code(), _connection.get_close_reason())


func _is_past_deadline() -> bool:
	return _deadline_usec != 0 and Time.get_ticks_usec() >= _deadline_usec


#endregion
#region Messages


## Gives the messages to the script. Returns whether none is left that somebody waits for.
func _deliver() -> bool:
	if not settings.emit_messages:
		_answer_receives()
		return not _inbox.has_work()
	var session := _session
	while session == _session and settings.emit_messages and not _inbox.is_empty():
		if _turn.is_over():
			return false
		var message: Variant = _inbox.pop()
		_handled += 1
		if message is String:
			_message_received.emit(message)
		else:
			_data_received.emit(message)
	return true


func _answer_receives() -> void:
	if settings.emit_messages:
		# Pending since before it was switched on.
		_inbox.receives.fail_all(ERR_UNAVAILABLE)
	while not _turn.is_over() and _inbox.answer_next(_end_of_messages()):
		_handled += 1


## The error of a receive once no more messages come; OK before.
func _end_of_messages() -> Error:
	return _end_error if _phase == Phase.CLOSED or _phase == Phase.CLOSING else OK


## Sends the heartbeat message to a silent peer, and ends the connection if the last one was not answered.
func _beat() -> void:
	if not _heartbeat.is_due():
		return
	if _heartbeat.is_unanswered():
		_connection.drop(EngineConnection.ABNORMAL_CLOSURE, "the peer did not answer the heartbeat message")
		return
	@warning_ignore("return_value_discarded")  # Beyond the limit, the peer has not answered in time.
	_send(settings.heartbeat_message.to_utf8_buffer(), true)
	_heartbeat.has_been_sent()


#endregion
#region Ends


## An established connection, or one that this side closes, is over.
func _end(code: int, reason: String) -> void:
	var by_this_side := _phase == Phase.CLOSING
	var is_clean := code != EngineConnection.ABNORMAL_CLOSURE
	_connection = null
	_close_code = code
	_close_reason = reason
	_handled += 1
	_policy.connection_ended()
	if not by_this_side:
		_end_error = ERR_FILE_EOF if is_clean else ERR_CONNECTION_ERROR
		_last_error = ("it was closed with code %d" % code) if is_clean else "the connection was lost"
	var is_lost := not by_this_side and _policy.applies_to(code)
	var goes_on := is_lost and _policy.has_attempts_left()
	var delay := _begin_waiting() if goes_on else 0.0
	if not goes_on:
		_phase = Phase.CLOSED
		_outbox.clear()

	var session := _session
	if by_this_side:
		_connects.fail_all(ERR_UNAVAILABLE)
	_inbox.receives.fail_all(_end_error)
	_flushes.fail_all(_end_error)
	_closes.complete_all([OK if is_clean else ERR_CONNECTION_ERROR, code, reason])
	_disconnected.emit(code, reason, is_clean)
	if session == _session and goes_on:
		_reconnecting.emit(_policy.attempts, delay)
	elif session == _session and is_lost:
		_gave_up.emit(_end_error)


func _attempt_has_failed(error: Error, words: String) -> void:
	_connection = null
	_end_error = error
	_last_error = words
	_handled += 1
	if not settings.reconnect or not _policy.has_attempts_left():
		_give_up(error)
		return
	var session := _session
	var delay := _begin_waiting()
	_connect_failed.emit(error)
	if session == _session:
		_reconnecting.emit(_policy.attempts, delay)


func _give_up(error: Error) -> void:
	var session := _session
	var is_failed_attempt := _phase == Phase.CONNECTING
	_phase = Phase.CLOSED
	_outbox.clear()
	_connects.fail_all(error)
	_inbox.receives.fail_all(error)
	_flushes.fail_all(error)
	if is_failed_attempt:
		_connect_failed.emit(error)
	if session == _session and (settings.reconnect or not is_failed_attempt):
		_gave_up.emit(error)


## Returns the delay before the next attempt.
func _begin_waiting() -> float:
	_phase = Phase.WAITING
	if _was_open:
		_outbox.keep_first(settings.max_offline_bytes)
	var delay := _policy.next_delay()
	# Never 0, which would be no deadline.
	_deadline_usec = Time.get_ticks_usec() + int(delay * 1.0e6)
	return delay

#endregion
