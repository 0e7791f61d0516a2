#!/usr/bin/env bash
# Checks the documentation of the classes as the engine knows it, and makes the pages in docs/classes and the C# wrapper
# from it.
#
#   scripts/class_docs.sh            checks the texts, writes the pages and the wrapper
#   scripts/class_docs.sh --check    changes nothing; fails if a text is incomplete, or a page or the wrapper is stale
#
# The library of the editor must be staged (scripts/build.sh). The rules for the texts are in scripts/class_docs.py.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

check=()
case ${1:-} in
	'') ;;
	--check) check=(--check) ;;
	-h | --help)
		usage "$0"
		exit
		;;
	*) die "unknown argument $1 (see --help)" ;;
esac

project=$(mktemp -d)
trap 'rm -rf -- "$project"' EXIT
xml=$project/xml
mkdir -p -- "$xml/doc_classes" "$xml/scripts"
printf 'config_version=5\n\n[application]\n\nconfig/name="Class documentation"\n' >"$project/project.godot"
stage_addon "$project"
prepare_project "$project"
find_godot

# doctool ARGS...: the engine writes what it knows of classes. It prints nothing of interest unless it fails.
doctool() {
	local log=$project/log
	if ! run_limited 60 "$GODOT" --headless --path "$project" --doctool "$@" >"$log" 2>&1 </dev/null ||
		grep -qE '(ERROR|WARNING):' "$log"; then
		cat -- "$log" >&2
		die "the engine could not write the documentation"
	fi
}

# The texts come from the library, which writes them where the engine looks for texts; members, types and default values
# come from the engine.
ASYNC_SOCKETS_DOCS=$xml/doc_classes doctool "$xml" --gdextension-docs
doctool "$xml/scripts" --gdscript-docs res://addons/async_sockets

python=$(find_python)
"$python" "$root/scripts/class_docs.py" "$xml"
"$python" "$root/scripts/class_pages.py" "$xml" "$root/docs/classes" ${check[@]+"${check[@]}"}
"$python" "$root/scripts/csharp.py" "$xml" "$addon/csharp/AsyncSockets.cs" ${check[@]+"${check[@]}"}
