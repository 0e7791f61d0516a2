#!/usr/bin/env bash
# Runs the hello example in an empty project that has nothing but the add-on.
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
printf 'config_version=5\n\n[application]\n\nconfig/name="Smoke test"\n' >"$project/project.godot"

find_godot
prepare_project "$project"
run_demo "$project" hello
