@tool
extends RefCounted
## UTF-8 (RFC 3629) as the library reads it.

const _ZERO := "\uFFFD"
const _BYTE_ORDER_MARK := "\uFEFF"
## The upper bit of each of eight bytes: set in none of them in ASCII.
const _UPPER_BITS := -0x7f7f7f7f7f7f7f80


## The text of valid UTF-8. U+0000, which a [String] cannot contain, becomes U+FFFD; the engine would end the text
## there. A byte order mark at the start is kept, which the engine would drop.
static func to_text(utf8: PackedByteArray) -> String:
	var has_zero := utf8.has(0)
	if not has_zero:
		return _part_to_text(utf8)
	var parts: Array[String] = []
	var start := 0
	var end := utf8.find(0)
	while end >= 0:
		parts.append(_part_to_text(utf8.slice(start, end)))
		start = end + 1
		end = utf8.find(0, start)
	parts.append(_part_to_text(utf8.slice(start)))
	return _ZERO.join(PackedStringArray(parts))


## The text of valid UTF-8 without U+0000. The engine drops a mark at the start of whatever it decodes.
static func _part_to_text(utf8: PackedByteArray) -> String:
	var has_mark := utf8.size() >= 3 and utf8[0] == 0xef and utf8[1] == 0xbb and utf8[2] == 0xbf
	return (_BYTE_ORDER_MARK if has_mark else "") + utf8.get_string_from_utf8()


## Whether these bytes are valid UTF-8. The engine's own conversion would report those that are not as errors.
static func is_valid(bytes: PackedByteArray) -> bool:
	var at := 0
	while at < bytes.size():
		if at + 8 <= bytes.size() and bytes.decode_s64(at) & _UPPER_BITS == 0:
			at += 8
		elif bytes[at] < 0x80:
			at += 1
		else:
			var length := _length_at(bytes, at)
			if length == 0:
				return false
			at += length
	return true


## The number of bytes of the character that begins here, which is not ASCII; 0 if it is not valid.
static func _length_at(bytes: PackedByteArray, at: int) -> int:
	var first := bytes[at]
	var length := 2 if first < 0xe0 else 3 if first < 0xf0 else 4
	if first < 0xc2 or first > 0xf4 or at + length > bytes.size():
		return 0
	for index in range(at + 1, at + length):
		if bytes[index] & 0xc0 != 0x80:
			return 0
	# Longer than it needs to be, half of a surrogate pair, or beyond U+10FFFF.
	match first:
		0xe0:
			return length if bytes[at + 1] >= 0xa0 else 0
		0xed:
			return length if bytes[at + 1] < 0xa0 else 0
		0xf0:
			return length if bytes[at + 1] >= 0x90 else 0
		0xf4:
			return length if bytes[at + 1] < 0x90 else 0
	return length
