#!/usr/bin/env bash
# Builds the add-on, finds or fetches Godot, and runs the demos: a listener and a client written in GDScript exchange
# real data, a WebSocket server talks to the engine's own WebSocket client, guests visit a chat of lines, a game is found
# in the local network, a WebSocket client finds its server again, a client in a second process plays in an arena, a
# second process floods a server, another one is a dedicated server, and simulated phones play a party game.
#
#   scripts/demo.sh                              headless; prints the transcripts and exits
#   scripts/demo.sh --window [NAME [ARGS...]]    opens a window: the menu, or the demo in demo_project/demos/NAME, with
#                                                its arguments. Browsers join `chat` and `party` at the address that is
#                                                shown, and `arena --join` joins `arena` in a second window.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

window=false
name=menu
case ${1:-} in
	'') ;;
	--window)
		window=true
		name=${2:-$name}
		[[ -e $demo_project/demos/$name/$name.tscn ]] || die "there is no demo $name"
		;;
	-h | --help)
		usage "$0"
		exit
		;;
	*) die "unknown argument $1 (see --help)" ;;
esac
if $window && [[ $(host_os) == linux && -z ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]; then
	die "there is no display to open a window on"
fi

"$root/scripts/build.sh" --editor
find_godot
prepare_project "$demo_project"

if $window; then
	exec "$GODOT" --path "$demo_project" "res://demos/$name/$name.tscn" -- "${@:3}"
fi
for name in "${demos[@]}"; do
	run_demo "$demo_project" "$name"
done
