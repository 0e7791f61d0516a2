@tool
extends "backend.gd"
## What happens to a connection of the engine's [WebSocketPeer], from [code]connect_to_url()[/code] over all attempts to
## the end. The calls of the script are in engine_backend.gd.
##
## Everything happens in [method process], which a hook on [signal SceneTree.process_frame] calls: no signal is emitted
## and no operation completed inside another call. User code may do anything to the link meanwhile, so after it the
## session and the phase are compared. The rules are those of the library.

enum Phase {
	NEW,  ## There was no connection.
	CONNECTING,  ## An attempt is in flight.
	OPEN,  ## Established.
	AWAY,  ## The last connection or attempt has ended, and the next attempt is due later.
	CLOSING_EARLY,  ## This side has closed during an attempt, and messages wait for it.
	CLOSING,  ## This side has closed, and the end is to come.
	ENDED,  ## Over.
}

const Driver := preload("driver.gd")
const EngineConnection := preload("engine_connection.gd")
const Heartbeat := preload("heartbeat.gd")
const Inbox := preload("inbox.gd")
const Operation := preload("operation.gd")
const Operations := preload("operations.gd")
const Outbox := preload("outbox.gd")
const ReconnectPolicy := preload("reconnect_policy.gd")
const Turn := preload("turn.gd")
const Url := preload("url.gd")

const _SWITCHING_PROTOCOLS := 101
## The delay that stands for no further attempt.
const _NEVER := -1.0

var _connected: Signal
var _connect_failed: Signal
var _disconnected: Signal
var _message_received: Signal
var _data_received: Signal
var _text_data_received: Signal
var _reconnecting: Signal
var _gave_up: Signal

var _phase := Phase.NEW
## The present connection or attempt, or the last one.
var _connection: EngineConnection
## Changes with each [code]connect_to_url()[/code].
var _session := 0
var _url: Url
var _tls_options: TLSOptions
## When the phase ends by itself: of a handshake. 0: never.
var _deadline_usec := 0
var _close_timeout := 0.0
## Whether there was a connection in this session.
var _was_open := false
## The HTTP status of the last response that is known; 0: there is none in this attempt.
var _status := 0
## Whether the loss of the present connection has been seen, and what it had not sent has been counted.
var _is_loss_noted := false
## What ended the last connection or attempt, for operations that come too late.
var _end_error := ERR_UNCONFIGURED
var _last_error := ""
## Why the last attempt or connection has ended, while there is none.
var _failure_words := ""
var _close_code := -1
var _close_reason := ""
var _is_close_clean := false
var _protocol := ""
var _host := ""
var _port := 0
var _unsent_bytes := 0
## Ends that the script has decided, whose signals are still to be emitted: each the number of its session, the signal
## and its arguments.
var _owed: Array[Array] = []

var _turn := Turn.new()
var _inbox: Inbox
var _outbox := Outbox.new()
var _heartbeat: Heartbeat
## Null: no reconnecting.
var _policy: ReconnectPolicy
var _connects := Operations.new()
var _flushes := Operations.new()
var _closes := Operations.new()
## Operations of the sessions before.
var _left_over: Array[Operation] = []

var _handled := 0
## Does not hold this object: a callable of a method does not count as a reference.
var _driver := Driver.new(_drain)


func _init(shared: Settings) -> void:
	super(shared)
	_inbox = Inbox.new(shared, _turn)
	_heartbeat = Heartbeat.new(shared)


func attach(signals: Array[Signal]) -> void:
	for link_signal in signals:
		set(StringName("_" + link_signal.get_name()), link_signal)


#region Turns


func process(budget_usec: int) -> int:
	var before := _handled
	if not _turn.is_running:
		_driver.process(budget_usec)
	return _handled - before


func _hook() -> void:
	_driver.set_hooked(settings.auto_process and _has_work())


func _has_work() -> bool:
	if _phase != Phase.NEW and _phase != Phase.ENDED:
		return true
	var is_to_tell := not _owed.is_empty() or (settings.emit_messages and not _inbox.is_empty())
	var is_pending := not _left_over.is_empty() or not _closes.is_empty() or not _flushes.is_empty()
	return is_to_tell or is_pending or not _connects.is_empty() or not _inbox.receives.is_empty()


func _drain(budget_usec: int) -> void:
	if _turn.is_running:
		return
	# User code may free the link.
	@warning_ignore("unused_variable")
	var alive: RefCounted = self
	_turn.begin(budget_usec)
	for operation in _take_left_over():
		operation.fail(ERR_UNAVAILABLE)
	_emit_owed()
	_step()
	_answer_receives()
	_answer_after_the_end()
	# What has arrived was delivered before anything times out.
	var now := Time.get_ticks_usec()
	for operations: Operations in [_inbox.receives, _connects, _flushes, _closes]:
		for operation in operations.take_due(now):
			_last_error = _late()
			operation.fail(ERR_TIMEOUT)
	_turn.end()
	_hook()


## Says that a timeout has passed, and why there is no connection.
func _late() -> String:
	var words := "the timeout passed first"
	return words if _failure_words.is_empty() else "%s; there is no connection, because %s" % [words, _failure_words]


func _take_left_over() -> Array[Operation]:
	var left_over := _left_over
	_left_over = []
	return left_over


func _owe(owed_signal: Signal, arguments: Array) -> void:
	_owed.append([_session, owed_signal, arguments])


## Emits the signals of ends that the script has decided.
func _emit_owed() -> void:
	while not _owed.is_empty():
		var owed: Array = _owed.pop_front()
		var owed_signal: Signal = owed[1]
		var arguments: Array = owed[2]
		if owed[0] == _session:
			if owed_signal == _disconnected:
				_note_close(arguments)
			if _phase == Phase.ENDED:
				_fail_everything(_end_error)
		_handled += 1
		owed_signal.emit.callv(arguments)


func _step() -> void:
	_look()
	if _deliver():
		_go_on()


## Takes what the connection has brought.
func _look() -> void:
	match _phase:
		Phase.CONNECTING, Phase.CLOSING_EARLY:
			_connection.poll()
		Phase.OPEN:
			# Before the poll: the engine drops what it still holds when it reads the close frame.
			_take_messages()
			if _inbox.is_full():
				_connection.hold()
				_heartbeat.excuse()
			if not _inbox.is_full() or not _all_is_sent():
				_connection.poll()
				# Before its state is looked at: it may be closed already.
				_take_messages()
			_connection.send_messages(_outbox)
			_note_loss()
		Phase.CLOSING:
			_connection.poll()
			_connection.discard_messages()
			_connection.send_messages(_outbox)


func _take_messages() -> void:
	if _connection.take_messages(_inbox):
		_heartbeat.heard()


func _go_on() -> void:
	match _phase:
		Phase.CONNECTING, Phase.CLOSING_EARLY:
			_go_on_connecting()
		Phase.OPEN:
			if _all_is_sent():
				_flushes.complete_all([OK])
			if _phase == Phase.OPEN and _connection.is_over():
				_end()
			elif _phase == Phase.OPEN:
				_beat()
		Phase.AWAY:
			if _policy.is_due():
				_begin_attempt(EngineConnection.new(settings, _url))
				# An error shows in the state of the connection.
				@warning_ignore("return_value_discarded")
				_connection.begin(_url, _tls_options)
		Phase.CLOSING:
			if _all_is_sent():
				_flushes.complete_all([OK])
			if _phase == Phase.CLOSING:
				_go_on_closing()


func _go_on_connecting() -> void:
	if _connection.has_been_open():
		_has_opened()
	elif _connection.is_over():
		var words := "the attempt was given up" if _connection.is_dropped() else "cannot connect to %s" % _url.target
		_attempt_has_failed(ERR_CANT_CONNECT, words)
	elif _is_past_deadline():
		_connection.drop()
		var words := "no connection to %s within %s s" % [_url.target, settings.handshake_timeout]
		_attempt_has_failed(ERR_TIMEOUT, words)


func _has_opened() -> void:
	var session := _session
	_phase = Phase.OPEN if _phase == Phase.CONNECTING else Phase.CLOSING
	_deadline_usec = 0 if _phase == Phase.OPEN else _after(_close_timeout)
	_connection.has_opened()
	_protocol = _connection.get_selected_protocol()
	_host = _connection.get_host()
	_port = _connection.get_port()
	_was_open = true
	_status = _SWITCHING_PROTOCOLS
	_close_code = -1
	_close_reason = ""
	_is_close_clean = false
	_unsent_bytes = 0
	_failure_words = ""
	_handled += 1
	if _policy != null:
		_policy.connection_opened()
	_connection.send_messages(_outbox)
	if _phase == Phase.OPEN:
		_connects.complete_all([OK])
		_connected.emit()
	if session == _session:
		_step()


func _go_on_closing() -> void:
	if _all_is_sent() and _connection.can_send_close():
		_connection.send_close()
	if not _connection.is_over() and _is_past_deadline():
		_connection.drop()
	if _connection.is_over():
		_end()


func _is_past_deadline() -> bool:
	return _deadline_usec != 0 and Time.get_ticks_usec() >= _deadline_usec


#endregion
#region Messages


## Gives the messages to the script. Returns whether none is left that somebody waits for.
func _deliver() -> bool:
	if not settings.emit_messages:
		_answer_receives()
		return not _inbox.has_work()
	# Pending since before it was switched on.
	_inbox.receives.fail_all(ERR_UNAVAILABLE)
	var session := _session
	while session == _session and settings.emit_messages and not _inbox.is_empty():
		if _turn.is_over():
			return false
		_handled += 1
		var is_text := _inbox.is_text_first()
		var message: Variant = _inbox.pop()
		if not is_text:
			_data_received.emit(message)
		elif message is String:
			_message_received.emit(message)
		else:
			_text_data_received.emit(message)
	return true


func _answer_receives() -> void:
	while not settings.emit_messages and not _turn.is_over() and _inbox.answer_next():
		_handled += 1


## Resolves what became pending after the end of the session.
func _answer_after_the_end() -> void:
	if _phase == Phase.ENDED and _owed.is_empty() and _inbox.is_empty():
		_fail_everything(_end_error)


## Sends the heartbeat message to a silent peer, and ends the connection if the last one was not answered.
func _beat() -> void:
	if not _heartbeat.is_due():
		return
	if _heartbeat.is_unanswered():
		_connection.drop(EngineConnection.ABNORMAL_CLOSURE, "the server did not answer the heartbeat message")
		_end()
		return
	_send_heartbeat()


func _send_heartbeat() -> void:
	_outbox.push(_heartbeat.message.to_utf8_buffer(), true)
	_connection.send_messages(_outbox)
	_heartbeat.has_been_sent()


#endregion
#region Ends


## The connection is over: it was established, or this side closes it.
func _end() -> void:
	_note_loss()
	_end_with(_connection.get_end())


func _end_with(end: Array) -> void:
	var by_this_side := _phase != Phase.OPEN
	var code: int = end[0]
	var reason: String = end[1]
	var is_clean: bool = end[2]
	var error := ERR_UNAVAILABLE
	if not by_this_side:
		error = ERR_FILE_EOF if is_clean else ERR_CONNECTION_ERROR
		_last_error = "the connection ended with %d%s" % [code, "" if reason.is_empty() else ": " + reason]
		_failure_words = _last_error
	if _policy != null:
		_policy.connection_ended()
	_handled += 1
	var delay := _decide(not by_this_side and _policy != null and _policy.applies_to(code), error)
	_note_close(end)
	var session := _session
	if _phase == Phase.AWAY:
		_unsent_bytes += _outbox.keep_first(settings.max_offline_bytes)
		# A coroutine that waits for an answer must learn that it may never come.
		var failures := _inbox.take_failures(error)
		failures.append_array(_flushes.take_failures(error))
		Operations.complete(failures)
	else:
		_fail_everything(error)
	_disconnected.emit(code, reason, is_clean)
	if not by_this_side:
		_tell_next(session, delay, error)


func _attempt_has_failed(error: Error, words: String) -> void:
	_last_error = words
	if _phase == Phase.CLOSING_EARLY:
		_unsent_bytes += _outbox.clear()
		_end_with([EngineConnection.ABNORMAL_CLOSURE, EngineConnection.CLOSED_EARLY, false])
		return
	_failure_words = words
	_handled += 1
	var delay := _decide(true, error)
	var session := _session
	if _phase == Phase.ENDED:
		_fail_everything(error)
	_connect_failed.emit(error)
	_tell_next(session, delay, error)


## Decides how it goes on after the end of an attempt or a connection, and sets the phase. Returns the delay before the
## next attempt, or _NEVER.
func _decide(may_pass: bool, error: Error) -> float:
	_end_error = error
	if _policy == null or not may_pass or not _policy.has_attempts_left():
		_phase = Phase.ENDED
		return _NEVER
	_phase = Phase.AWAY
	return _policy.begin_delay()


## Tells whether there will be another attempt, unless the script has decided otherwise meanwhile.
func _tell_next(session: int, delay: float, error: Error) -> void:
	if session != _session:
		return
	if delay != _NEVER and _phase == Phase.AWAY:
		_reconnecting.emit(_policy.attempts, delay)
	elif delay == _NEVER and _phase == Phase.ENDED and _policy != null:
		_gave_up.emit(error)


## Resolves everything that is pending at the end of a session. Each result is made before user code runs, which may
## begin the next session.
func _fail_everything(error: Error) -> void:
	_unsent_bytes += _outbox.clear()
	var failures := _inbox.take_failures(error)
	for operations: Operations in [_connects, _flushes]:
		failures.append_array(operations.take_failures(error))
	for operation in _closes.take_all():
		failures.append([operation, _close_result()])
	Operations.complete(failures)


## Counts what a connection that is over has not sent. What is sent from now on waits for the next one.
func _note_loss() -> void:
	if _connection.is_over() and not _is_loss_noted:
		_is_loss_noted = true
		_unsent_bytes += _outbox.clear() + _connection.get_unsent_bytes()


func _note_close(end: Array) -> void:
	_close_code = end[0]
	_close_reason = end[1]
	_is_close_clean = end[2]


func _close_result() -> Array:
	return [OK if _is_close_clean else ERR_CONNECTION_ERROR, _close_code, _close_reason]


#endregion
#region Help


func _begin_attempt(connection: EngineConnection) -> void:
	_phase = Phase.CONNECTING
	_connection = connection
	_is_loss_noted = false
	_status = 0
	_heartbeat = Heartbeat.new(settings)
	# The engine's own buffer would lose what it holds at a close.
	_inbox.max_bytes = settings.max_buffered_bytes + settings.max_message_size
	_close_timeout = settings.close_timeout
	_deadline_usec = _after(settings.handshake_timeout)


## Whether the system has everything.
func _all_is_sent() -> bool:
	return _outbox.is_empty() and _connection != null and _connection.has_sent_all()


## When these seconds are over; 0 if they set no limit.
func _after(seconds: float) -> int:
	if seconds <= 0.0 or seconds > 1.0e9:
		return 0
	return Time.get_ticks_usec() + int(seconds * 1.0e6)

#endregion
