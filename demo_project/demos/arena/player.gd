extends Node2D
## A player or a bot: spawned by the server for everybody, moved by the server, drawn smoothly by all.
##
## It has two synchronisers. `Controls` belongs to the player's own process and tells the server alone where it steers;
## for bots and for the host, that process is the server. `State` belongs to the server and tells everybody what became
## of it, 20 times a second. Between two updates, clients go on in the last direction and close the gap that remains.

signal said(text: String)

const Colors := preload("res://demos/shared/colors.gd")

## Size of the arena, in pixels.
const FIELD := Vector2(800, 540)
const RADIUS := 13.0

## In pixels per second.
const SPEED := 170.0
## How fast a client closes the gap to the server's position: by two thirds in a twelfth of a second.
const SMOOTHING := 12.0

const MAX_TEXT_LENGTH := 40
const SPEECH_MSEC := 3000

const FONT_SIZE := 15
const BOLD := Color("f4f6fb")
const FLOOR := Color("1b1f27")

# From the server, once, see setup().
var peer_id := 0
var player_name := ""
var color := Color.WHITE
var is_bot := false

# Synchronised by `State`.
var net_position := Vector2.ZERO
var heading := Vector2.ZERO
## Round-trip time between this player and the server, in milliseconds; -1 if there is none.
var latency := -1.0

# Synchronised by `Controls`.
var steering := Vector2.ZERO

var _facing := Vector2.RIGHT
var _speech := ""
var _speech_ends := 0


## Takes what the server gave to `MultiplayerSpawner.spawn()`, before the node enters the tree.
func setup(data: Dictionary) -> void:
	peer_id = data["peer"]
	player_name = data["name"]
	color = data["color"]
	is_bot = data["bot"]
	net_position = data["position"]
	var controls: MultiplayerSynchronizer = $Controls
	controls.set_multiplayer_authority(peer_id)
	# Nobody but the server needs this. Without it, the server would relay it to all others.
	controls.public_visibility = false
	controls.set_visibility_for(MultiplayerPeer.TARGET_PEER_SERVER, true)


func _ready() -> void:
	# What `State` has brought meanwhile is newer than what setup() was given.
	position = net_position


func _process(delta: float) -> void:
	var direction := heading
	if is_multiplayer_authority():
		# The server. What a client sends is checked: too long a vector would be a faster player.
		heading = steering.limit_length() if steering.is_finite() else Vector2.ZERO
		direction = heading
		position = _moved(position, direction, delta)
		net_position = position
	else:
		# A client knows its own direction at once, that of others as the server tells it.
		if is_mine():
			direction = steering
		net_position = _moved(net_position, direction, delta)
		position = _moved(position, direction, delta).lerp(net_position, 1.0 - exp(-SMOOTHING * delta))
	_face(direction, delta)


## Whether this process steers it as its own player.
func is_mine() -> bool:
	return not is_bot and peer_id == multiplayer.get_unique_id()


## Shows a text above the player in every process. Called by `say.rpc(text)` where the player is steered: the server
## relays the call of a client to the other clients.
@rpc("any_peer", "call_local", "reliable")
func say(text: String) -> void:
	# Any peer can call this on any node; only the player's own peer may.
	if multiplayer.get_remote_sender_id() != peer_id:
		return
	_speech = text.left(MAX_TEXT_LENGTH)
	_speech_ends = Time.get_ticks_msec() + SPEECH_MSEC
	said.emit(_speech)


func _moved(from: Vector2, direction: Vector2, delta: float) -> Vector2:
	var edge := Vector2(RADIUS, RADIUS)
	return (from + direction * SPEED * delta).clamp(edge, FIELD - edge)


#region The picture


func _face(direction: Vector2, delta: float) -> void:
	if not direction.is_zero_approx():
		_facing = Vector2.from_angle(lerp_angle(_facing.angle(), direction.angle(), 1.0 - exp(-SMOOTHING * delta)))
	queue_redraw()


func _draw() -> void:
	var is_own := is_mine()
	if is_own:
		draw_circle(Vector2.ZERO, RADIUS + 5.0, Color(color, 0.22), true, -1.0, true)
		draw_circle(Vector2.ZERO, RADIUS + 5.0, BOLD, false, 1.5, true)
	draw_circle(Vector2.ZERO, RADIUS, color, true, -1.0, true)
	var side := _facing.orthogonal() * 5.5
	draw_colored_polygon([_facing * 9.5, side - _facing * 3.5, -side - _facing * 3.5], Color(FLOOR, 0.75))
	_write(player_name, Vector2(0, RADIUS + 20.0), Colors.DIM if is_bot else BOLD)
	var is_speaking := Time.get_ticks_msec() < _speech_ends
	if is_speaking:
		_draw_speech()
	z_index = int(is_own or not is_bot) + int(is_speaking)


func _draw_speech() -> void:
	var size := ThemeDB.fallback_font.get_string_size(_speech, HORIZONTAL_ALIGNMENT_LEFT, -1, FONT_SIZE)
	var box := Rect2(-size.x / 2 - 9, -RADIUS - 36, size.x + 18, 26)
	var style := StyleBoxFlat.new()
	style.bg_color = BOLD
	style.set_corner_radius_all(8)
	draw_style_box(style, box)
	draw_colored_polygon([Vector2(-5, box.end.y), Vector2(5, box.end.y), Vector2(0, box.end.y + 6)], BOLD)
	_write(_speech, Vector2(0, box.end.y - 8), FLOOR)


func _write(text: String, center: Vector2, with: Color) -> void:
	const WIDTH := 400.0
	var start := center - Vector2(WIDTH / 2, 0)
	if with != FLOOR:
		draw_string_outline(ThemeDB.fallback_font, start, text, HORIZONTAL_ALIGNMENT_CENTER, WIDTH, FONT_SIZE, 5, FLOOR)
	draw_string(ThemeDB.fallback_font, start, text, HORIZONTAL_ALIGNMENT_CENTER, WIDTH, FONT_SIZE, with)

#endregion
