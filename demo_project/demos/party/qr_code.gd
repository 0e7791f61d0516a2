extends RefCounted
## A QR code (ISO/IEC 18004) for an address: version 3 with error correction level L, which has room for 53 bytes.

const CAPACITY := 53

## Modules, as the standard calls the squares, on each side.
const _SIZE := 29
## The margin that scanners need.
const _QUIET := 4
const _ALIGNMENT := 22
const _DATA_BYTES := 55
const _CHECK_BYTES := 15
const _BYTE_MODE := 4
## Level L and mask 0, with their error correction.
const _FORMAT := 0x77C4
## Rows and columns of its first and last bits, which avoid the lines of dots.
const _FORMAT_DOWN: PackedInt32Array = [0, 1, 2, 3, 4, 5, 7, 8]
const _FORMAT_LEFT: PackedInt32Array = [7, 5, 4, 3, 2, 1, 0]
const _UNUSED := 2


## An image of one pixel per module; null for a text that is too long.
static func image(text: String) -> Image:
	var bytes := text.to_utf8_buffer()
	if bytes.size() > CAPACITY:
		return null
	var modules := _frame()
	var bits := _bits(bytes)
	var next := 0
	# In pairs of columns from the right, in turn upwards and downwards, around the column of the timing pattern.
	for pair: int in [28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 5, 3, 1]:
		var is_upward := (pair + 1) & 2 == 0
		for step in _SIZE:
			for x: int in [pair, pair - 1]:
				var y := _SIZE - 1 - step if is_upward else step
				if modules[y * _SIZE + x] == _UNUSED:
					var bit := bits[next] if next < bits.size() else 0
					# Mask 0.
					modules[y * _SIZE + x] = bit ^ int((x + y) % 2 == 0)
					next += 1
	var picture := Image.create(_SIZE + 2 * _QUIET, _SIZE + 2 * _QUIET, false, Image.FORMAT_L8)
	picture.fill(Color.WHITE)
	for y in _SIZE:
		for x in _SIZE:
			if modules[y * _SIZE + x] == 1:
				picture.set_pixel(x + _QUIET, y + _QUIET, Color.BLACK)
	return picture


## The patterns that are the same in every code; the other modules are unused.
static func _frame() -> PackedByteArray:
	var modules := PackedByteArray()
	var _error := modules.resize(_SIZE * _SIZE)
	modules.fill(_UNUSED)
	for at in range(8, _SIZE - 8):
		_put(modules, at, 6, 1 - at % 2)
		_put(modules, 6, at, 1 - at % 2)
	for corner: Vector2i in [Vector2i(3, 3), Vector2i(_SIZE - 4, 3), Vector2i(3, _SIZE - 4)]:
		_rings(modules, corner, 4)
	_rings(modules, Vector2i(_ALIGNMENT, _ALIGNMENT), 2)
	for index in 15:
		var bit := _FORMAT >> index & 1
		_put(modules, 8, _FORMAT_DOWN[index] if index < 8 else _SIZE - 15 + index, bit)
		_put(modules, _SIZE - 1 - index if index < 8 else _FORMAT_LEFT[index - 8], 8, bit)
	_put(modules, 8, _SIZE - 8, 1)
	return modules


## Squares around a centre: a finder pattern of radius 4, of which the outermost ring is light, or an alignment pattern.
static func _rings(modules: PackedByteArray, center: Vector2i, radius: int) -> void:
	for y in range(-radius, radius + 1):
		for x in range(-radius, radius + 1):
			var ring := maxi(absi(x), absi(y))
			var is_light := ring == 4 or (ring == 2 if radius == 4 else ring == 1)
			_put(modules, center.x + x, center.y + y, 0 if is_light else 1)


static func _put(modules: PackedByteArray, x: int, y: int, value: int) -> void:
	if x >= 0 and y >= 0 and x < _SIZE and y < _SIZE:
		modules[y * _SIZE + x] = value


static func _bits(text: PackedByteArray) -> PackedByteArray:
	# Four bits of mode, eight of length, the text, four of an end, and then padding.
	var data := PackedByteArray()
	var rest := _BYTE_MODE
	for byte in PackedByteArray([text.size()]) + text + PackedByteArray([0]):
		var _is_full := data.append((rest << 4 | byte >> 4) & 0xff)
		rest = byte & 0xf
	while data.size() < _DATA_BYTES:
		var _is_full := data.append(0xEC if (data.size() - text.size()) % 2 == 0 else 0x11)
	data.append_array(_check_bytes(data))
	var bits := PackedByteArray()
	for byte in data:
		for shift: int in [7, 6, 5, 4, 3, 2, 1, 0]:
			var _is_full := bits.append(byte >> shift & 1)
	return bits


## The remainder of a division by the generator polynomial, as Reed and Solomon have it.
static func _check_bytes(data: PackedByteArray) -> PackedByteArray:
	var divisor := PackedByteArray()
	var _error := divisor.resize(_CHECK_BYTES)
	divisor[_CHECK_BYTES - 1] = 1
	var root := 1
	for _degree in _CHECK_BYTES:
		for index in _CHECK_BYTES:
			var following := divisor[index + 1] if index + 1 < _CHECK_BYTES else 0
			divisor[index] = _product(divisor[index], root) ^ following
		root = _product(root, 2)
	var remainder := PackedByteArray()
	_error = remainder.resize(_CHECK_BYTES)
	for byte in data:
		var factor := byte ^ remainder[0]
		remainder = remainder.slice(1)
		var _is_full := remainder.append(0)
		for index in _CHECK_BYTES:
			remainder[index] ^= _product(divisor[index], factor)
	return remainder


## In the field of 256 elements that QR codes use.
static func _product(a: int, b: int) -> int:
	var product := 0
	for shift: int in [7, 6, 5, 4, 3, 2, 1, 0]:
		product = product << 1 ^ (product >> 7) * 0x11D
		product ^= (b >> shift & 1) * a
	return product
