#!/usr/bin/env bash
# Builds the add-on, finds or fetches Godot, and runs the demos: a listener and a client written in GDScript exchange
# real data, a WebSocket server talks to the engine's own WebSocket client, a WebSocket client finds its server again, a
# client in a second process plays in an arena, and simulated phones play a party game.
#
#   scripts/demo.sh                              headless; prints the transcripts and exits
#   scripts/demo.sh --window [NAME [ARGS...]]    opens the demo in demo_project/demos/NAME in a window, with its
#                                                arguments: hello (the default), websocket_echo, websocket_client,
#                                                chat and party, which browsers join at the address that is shown, or
#                                                arena, which `arena --join` joins in a second window
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

window=false
name=hello
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
run_demo "$demo_project" hello
run_demo "$demo_project" websocket_echo
run_demo "$demo_project" websocket_client
run_demo "$demo_project" arena
run_demo "$demo_project" party
