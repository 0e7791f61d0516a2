@tool
extends RefCounted
## The URL of a WebSocket server (RFC 6455 section 3), read by the rules of the library.

const Utf8 := preload("utf8.gd")

const _DEFAULT_PORTS := {"ws": 80, "wss": 443}
## Printable characters that a URL cannot have (RFC 3986 section 2); percent-encoded in a path or query.
const _NOT_IN_PATH := '"<>\\^`{|}'
const _NOT_IN_HOST := '"<>\\^`{|}%'

## Why the URL is refused; empty if it is not.
var refusal := ""
var is_tls := false
## The normal form, without user and password.
var text := ""
## Host and port in words, for messages.
var target := ""
## The value of an Authorization header (RFC 7617); empty without a user.
var authorization := ""

var _host := ""
var _port := 0


func _init(url: String) -> void:
	_check_characters(url)
	if refusal.is_empty():
		_read(url)


func _check_characters(url: String) -> void:
	for index in url.length():
		var code := url.unicode_at(index)
		if code <= 0x20 or (code >= 0x7f and code <= 0xa0) or (code >= 0x2000 and code <= 0x200a) or code == 0x3000:
			var words := "a URL has no character U+%04X: percent-encode it in a path or query, and remove it elsewhere"
			refusal = words % code
			return


func _read(url: String) -> void:
	var scheme_end := url.find("://")
	var scheme := url.left(maxi(scheme_end, 0)).to_lower()
	if not _DEFAULT_PORTS.has(scheme):
		refusal = "a WebSocket URL begins with ws:// or wss://, not as '%s'" % url.left(32)
		return
	if url.contains("#"):
		refusal = "a WebSocket URL has no fragment: write %23 for a '#' in a path or query"
		return
	is_tls = scheme == "wss"
	var default_port: int = _DEFAULT_PORTS[scheme]
	var rest := url.substr(scheme_end + 3)
	var authority := rest.get_slice("?", 0).get_slice("/", 0)
	var at_sign := authority.rfind("@")
	_read_user(authority.left(maxi(at_sign, 0)))
	_read_host(authority.substr(at_sign + 1), default_port)
	target = "%s:%d" % [_host, _port]
	var shown := _host if _port == default_port else target
	text = "%s://%s%s" % [scheme, shown, _encoded_path(rest.substr(authority.length()))]


func _read_host(host_and_port: String, default_port: int) -> void:
	var port_at := host_and_port.find(":")
	if host_and_port.begins_with("["):
		port_at = host_and_port.find("]") + 1
	_host = host_and_port.left(port_at if port_at >= 0 else host_and_port.length()).to_lower()
	var port := host_and_port.substr(_host.length() + 1)
	var is_ipv6 := _host.begins_with("[")
	var ip := _host.trim_prefix("[").trim_suffix("]")
	var is_host := ip.is_valid_ip_address() and ip.contains(":") if is_ipv6 else _is_name(_host)
	var is_cut_well := host_and_port.length() == _host.length() or host_and_port[_host.length()] == ":"
	if not is_host or not is_cut_well or port.contains(":"):
		refusal = "'%s' is not a host: give a name, an IPv4 address, or an IPv6 address in brackets" % host_and_port
		for index in _host.length():
			if _host.unicode_at(index) >= 0x80:
				refusal = (
					"'%s' has letters beyond ASCII: give the name in its ASCII form, which begins with xn--" % _host
				)
		return
	# A colon with nothing behind it is allowed (RFC 3986 section 3.2.3).
	_port = default_port if port.is_empty() else port.to_int()
	if not port.is_empty() and (not port.is_valid_int() or port[0] == "+" or _port < 1 or _port > 65535):
		refusal = "the port of a URL is a number from 1 to 65535"


func _is_name(host: String) -> bool:
	for index in host.length():
		if host.unicode_at(index) >= 0x80 or _NOT_IN_HOST.contains(host[index]):
			return false
	return not host.is_empty()


func _read_user(user_info: String) -> void:
	if user_info.is_empty():
		return
	var colon := user_info.find(":")
	var user := _decoded(user_info if colon < 0 else user_info.left(colon))
	var password := _decoded("" if colon < 0 else user_info.substr(colon + 1))
	var pair := user + PackedByteArray([0x3a]) + password
	for byte in pair:
		if byte < 0x20 or byte == 0x7f or user.has(0x3a):
			refusal = "user and password: control characters, and ':' in a user, cannot be sent"
			return
	authorization = "Basic " + Marshalls.raw_to_base64(pair)


## Percent-decoded; the engine's own method would fail at bytes that are not UTF-8.
func _decoded(encoded: String) -> PackedByteArray:
	var bytes := encoded.to_utf8_buffer()
	var decoded := PackedByteArray()
	var at := 0
	while at < bytes.size():
		var byte := bytes[at]
		at += 1
		if byte == 0x25:
			var digits := bytes.slice(at, at + 2).get_string_from_ascii()
			if digits.length() < 2 or not digits.is_valid_hex_number():
				refusal = "user and password: percent-encode what is no letter or digit"
				return decoded
			byte = digits.hex_to_int()
			at += 2
		decoded += PackedByteArray([byte])
	return decoded


func _encoded_path(path: String) -> String:
	var encoded := "" if path.begins_with("/") else "/"
	for index in path.length():
		var character := path[index]
		var is_plain := path.unicode_at(index) < 0x80 and not _NOT_IN_PATH.contains(character)
		encoded += character if is_plain else character.uri_encode()
	return encoded
