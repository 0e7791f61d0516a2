#!/usr/bin/env bash
# Runs the hello demo in a project that contains nothing but the add-on, then opens the editor on it with a plugin that
# uses the classes; the editor must print no error and no warning.
#
#   scripts/smoke.sh FILE.zip    a package made by scripts/package.sh
#   scripts/smoke.sh FOLDER      an add-on folder, such as addons/async_sockets
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

case ${1:-} in
	'' | -h | --help)
		usage "$0"
		exit
		;;
esac

project=$(mktemp -d)
trap 'rm -rf -- "$project"' EXIT
if [[ -d $1 ]]; then
	mkdir -- "$project/addons"
	cp -R -- "$1" "$project/addons/async_sockets"
else
	unzip_to "$1" "$project"
fi
mkdir -p -- "$project/demos"
cp -R -- "$demo_project/demos/hello" "$project/demos/hello"
cp -R -- "$demo_project/tests/editor_plugin" "$project/addons/editor_plugin"
printf 'config_version=5\n\n[application]\n\nconfig/name="Smoke test"\n' >"$project/project.godot"

# Shows what the editor prints, and fails on any fault.
run_editor() {
	local log status=0 faults
	log=$(mktemp)
	run_limited 120 "$GODOT" --headless --path "$project" --editor 2>&1 </dev/null | sed '/[0-9]% \]/d; /\[ DONE \]/d' |
		tee "$log" || status=$?
	faults=$(engine_faults "$status" "$log")
	if grep -qE '(ERROR|WARNING):' "$log"; then faults+=$'\nan error or a warning'; fi
	if ! grep -qF 'every class works in the editor' "$log"; then faults+=$'\nthe plugin failed'; fi
	rm -f -- "$log"
	[[ ! $faults ]] || die "The editor failed: ${faults//$'\n'/, }"
}

find_godot
prepare_project "$project"
run_demo "$project" hello
printf '\n[editor_plugins]\n\nenabled=PackedStringArray("res://addons/editor_plugin/plugin.cfg")\n' \
	>>"$project/project.godot"
run_editor
