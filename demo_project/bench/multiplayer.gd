extends Node
## Measures a multiplayer server, ours or the engine's, with clients in a second process. The same script is both:
##
##   multiplayer.tscn -- server ours|stock PORT CLIENTS SCENARIO SECONDS
##   multiplayer.tscn -- clients ours|stock PORT CLIENTS SCENARIO SECONDS
##
## Scenarios: `join` (all at once), `calls` (each client makes 30 RPCs a second), `broadcast` (an RPC to all in every
## frame), `relay` (pairs of clients send each other 30 packets a second through the server). The server prints one line
## of JSON: the time of the main thread that `MultiplayerAPI.poll` and the broadcast took, per frame.

const FPS := 60

var _role := ""
var _ours := false
var _port := 0
var _count := 0
var _scenario := ""
var _seconds := 0.0

var _apis: Array[SceneMultiplayer] = []
var _peers: Array[MultiplayerPeer] = []
var _joined := 0
var _first_join := 0
var _last_join := 0
var _calls := 0
var _frame_times := PackedInt64Array()
var _clock := 0.0
var _began := 0


func _ready() -> void:
	var arguments := OS.get_cmdline_user_args()
	_role = arguments[0]
	_ours = arguments[1] == "ours"
	_port = arguments[2].to_int()
	_count = arguments[3].to_int()
	_scenario = arguments[4]
	_seconds = arguments[5].to_float()
	Engine.max_fps = FPS
	OS.low_processor_usage_mode_sleep_usec = 1
	get_tree().multiplayer_poll = false
	if _role == "server":
		_serve()
	else:
		_began = Time.get_ticks_usec()
		for _index in _count:
			_connect()


func _serve() -> void:
	var peer: Variant = AsyncMultiplayerPeer.new() if _ours else WebSocketMultiplayerPeer.new()
	assert(peer.create_server(_port, "127.0.0.1") == OK)
	multiplayer.multiplayer_peer = peer
	multiplayer.peer_connected.connect(_on_joined)


func _connect() -> void:
	var peer: Variant = AsyncMultiplayerPeer.new() if _ours else WebSocketMultiplayerPeer.new()
	if not _ours:
		peer.handshake_timeout = 60.0
	peer.create_client("ws://127.0.0.1:%d" % _port)
	var api := SceneMultiplayer.new()
	api.root_path = ^"/root"
	api.multiplayer_peer = peer
	api.connected_to_server.connect(_on_joined.bind(0))
	# The first client calls through the tree.
	_apis.append(api)
	_peers.append(peer)


func _on_joined(_id: int) -> void:
	_joined += 1
	_last_join = Time.get_ticks_usec()
	if _first_join == 0:
		_first_join = _last_join


func _process(delta: float) -> void:
	if _role == "server":
		_serve_frame(delta)
	else:
		_client_frame(delta)


func _serve_frame(delta: float) -> void:
	var start := Time.get_ticks_usec()
	multiplayer.poll()
	if _joined == _count and _scenario == "broadcast":
		note.rpc(12345, Vector3(1, 2, 3))
	var taken := Time.get_ticks_usec() - start
	if _joined < _count and Time.get_ticks_msec() < 30_000:
		return
	_clock += delta
	if _clock > 1.0:
		_frame_times.append(taken)
	if _clock > _seconds + 1.0 or _scenario == "join":
		_report()


func _report() -> void:
	_frame_times.sort()
	var sum := 0
	for time in _frame_times:
		sum += time
	print(
		(
			JSON
			. stringify(
				{
					"server": "ours" if _ours else "stock",
					"scenario": _scenario,
					"clients": _count,
					"joined": _joined,
					"join_ms": (_last_join - _first_join) / 1000.0,
					"frame_usec_mean": sum / maxi(1, _frame_times.size()),
					"frame_usec_p99":
					_frame_times[_frame_times.size() * 99 / 100] if not _frame_times.is_empty() else 0,
					"calls_per_second": _calls / maxf(_clock, 0.001),
					"frames": _frame_times.size(),
				}
			)
		)
	)
	get_tree().quit()


func _client_frame(delta: float) -> void:
	_clock += delta
	var may_send := _joined == _count and _clock >= 1.0 / 30.0
	if may_send:
		_clock = 0.0
	for index in _apis.size():
		var api := _apis[index]
		api.poll()
		if api.multiplayer_peer == null or api.multiplayer_peer.get_connection_status() == 0:
			continue
		if may_send and _scenario == "calls":
			api.rpc(1, self, &"note", [index, Vector3(1, 2, 3)])
	if _scenario == "join" and _joined == _count and _last_join > 0:
		print(
			JSON.stringify({"clients": "ours" if _ours else "stock", "all_joined_ms": (_last_join - _began) / 1000.0})
		)
		_last_join = 0
	if _peers.all(func(peer: MultiplayerPeer) -> bool: return peer.get_connection_status() == 0):
		get_tree().quit()


@rpc("any_peer", "call_remote", "reliable")
func note(_number: int, _place: Vector3) -> void:
	_calls += 1
