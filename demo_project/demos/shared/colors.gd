extends RefCounted
## The colours of the demos. Those of controls are in `theme.tres`.

const TEXT := Color("e6e9ef")
const DIM := Color("8b93a3")
const GOOD := Color("9be48f")
const WAITING := Color("f0b866")
const BAD := Color("ff9db0")
const BLUE := Color("7cc4ff")

## Names get one of these, chosen by their hash, except for two. Those in the arena get them in turn.
const OF_NAMES: Array[Color] = [
	Color("7cc4ff"), Color("9be48f"), Color("ff9db0"), Color("c7a6ff"), Color("6fe0d2"), Color("ffc38a")
]


static func of_name(text: String) -> Color:
	if text == "server" or text == "client":
		return BLUE if text == "server" else GOOD
	# The lowest bits of this hash are those of the last letter.
	return OF_NAMES[(text.hash() >> 5) % OF_NAMES.size()]
