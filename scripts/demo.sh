#!/usr/bin/env bash
# Builds the add-on, finds or fetches Godot, and runs the hello demo: a listener and a client written in GDScript
# exchange real data.
#
#   scripts/demo.sh             headless; prints a transcript and ends
#   scripts/demo.sh --window    opens the demo scene in a window
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

window=false
case ${1:-} in
	'') ;;
	--window) window=true ;;
	-h | --help)
		usage "$0"
		exit
		;;
	*) die "unknown argument $1 (see --help)" ;;
esac
if $window && [[ $(host_os) == linux && -z ${DISPLAY:-}${WAYLAND_DISPLAY:-} ]]; then
	die "there is no display to open a window on"
fi

"$root/scripts/build.sh"
find_godot
prepare_project "$demo_project"

if $window; then
	exec "$GODOT" --path "$demo_project" res://demos/hello/hello.tscn
fi
run_hello "$demo_project"
