@tool
extends RefCounted
## What a script may set, and what it may not. The rules are those of the library; each function returns what is wrong
## in words, or an empty string.

## Bytes that a control frame holds (RFC 6455 section 5.5), and those of a reason behind the code.
const _MAX_PING := 125
const _MAX_REASON := 123
const _MAX_NUMBER := 0x7fffffff
## Seconds.
const _MIN_DELAY := 0.001
const _MAX_DELAY := 86400.0
const _TOKEN := "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
## Header lines that belong to the handshake itself, to a body, or to the connection.
const _OWN_HEADERS: PackedStringArray = [
	"connection",
	"content-length",
	"expect",
	"host",
	"keep-alive",
	"proxy-connection",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
]
const _OWN_PREFIX := "sec-websocket-"


static func of_time(seconds: float) -> String:
	return "" if seconds >= 0.0 else "%s is not a time; take seconds from 0, which sets no limit" % seconds


static func of_timeout(seconds: float) -> String:
	if seconds >= 0.0 or seconds == -1.0:
		return ""
	return "%s is not a time; take seconds from 0, which sets no limit, or -1 for the default" % seconds


static func of_delay(seconds: float) -> String:
	if seconds >= _MIN_DELAY and seconds <= _MAX_DELAY:
		return ""
	return "%s is outside %s to %s seconds" % [seconds, _MIN_DELAY, _MAX_DELAY]


static func of_number(value: int, low: int) -> String:
	return "" if value >= low and value <= _MAX_NUMBER else "%d is outside %d..%d" % [value, low, _MAX_NUMBER]


static func of_protocols(names: PackedStringArray) -> String:
	for protocol in names:
		if not _is_token(protocol):
			return "'%s' is not a subprotocol: use letters, digits and !#$%%&'*+-.^_`|~" % protocol
	return ""


static func of_headers(lines: PackedStringArray) -> String:
	for line in lines:
		var colon := line.find(":")
		var label := line.left(maxi(colon, 0))
		if not _is_token(label) or _has_control_character(line.substr(colon + 1).replace("\t", "")):
			return "'%s' is not a header line: use 'Name: value' without control characters" % line
		if label.to_lower().begins_with(_OWN_PREFIX) or _OWN_HEADERS.has(label.to_lower()):
			return "the header '%s' belongs to the handshake itself" % label
	return ""


static func of_reconnect_codes(codes: PackedInt32Array) -> String:
	for code in codes:
		if code < 1000 or code > 4999:
			return "a close code is a number from 1000 to 4999"
	return ""


## Of a close frame (RFC 6455 section 7.4).
static func of_close(code: int, reason: String) -> String:
	if not (code >= 1000 and code <= 1003 or code >= 1007 and code <= 1014 or code >= 3000 and code <= 4999):
		return "%d is not a close code that may be sent: use 1000 to 1003, 1007 to 1014 or 3000 to 4999" % code
	var size := reason.to_utf8_buffer().size()
	if size > _MAX_REASON:
		return "the reason has %d bytes of UTF-8, and a close frame holds %d" % [size, _MAX_REASON]
	return ""


static func of_ping(payload: PackedByteArray) -> String:
	return "" if payload.size() <= _MAX_PING else "a ping holds %d bytes, not %d" % [_MAX_PING, payload.size()]


static func _is_token(text: String) -> bool:
	for index in text.length():
		if not _TOKEN.contains(text[index]):
			return false
	return not text.is_empty()


static func _has_control_character(text: String) -> bool:
	for index in text.length():
		var code := text.unicode_at(index)
		if code < 0x20 or (code >= 0x7f and code < 0xa0):
			return true
	return false
