extends RefCounted
## A player: a seat in the room, the phone that plays it, and how its game stands.

const NOBODY := 0
const NO_ANSWER := -1

var name := ""
var color := Color.WHITE
## Known only to the server and to the player's phone, which shows it when it comes back.
var token := ""
## The connection of the phone, or NOBODY while it is away.
var client_id := NOBODY
## When the phone went away, in milliseconds of the engine's clock.
var away_since := 0

var score := 0
## The chosen answer of this round.
var answer := NO_ANSWER
## The points of this round.
var gain := 0


func is_here() -> bool:
	return client_id != NOBODY


func has_answered() -> bool:
	return answer != NO_ANSWER
