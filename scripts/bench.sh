#!/usr/bin/env bash
# Measures the add-on against the engine's own classes, Node's `ws` and bare tokio servers, and prints one table.
#
#   scripts/bench.sh                  everything: five rounds, within 15 minutes
#   scripts/bench.sh --quick          one short round, within 2 minutes: shows that it works, not how fast it is
#   scripts/bench.sh --only NAME      only this part, such as websocket_text, storm, delivery or criterion (repeatable)
#   scripts/bench.sh --rounds N       this number of rounds
#   scripts/bench.sh --no-build       measures the library that was staged last
#
# The figures are written to bench-results, as JSON and as an SVG for each row; those of a quick or partial run are
# written to bench-results/quick. Server and load generator run on separate cores if the machine has two. Use a quiet
# machine for absolute figures; ratios hold on any machine, because all servers take turns in every round.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

build=true
results=$root/bench-results
arguments=()
while (($#)); do
	case $1 in
		--quick)
			arguments+=(--quick)
			results=$root/bench-results/quick
			;;
		--only)
			arguments+=(--only "${2:?--only needs a name}")
			results=$root/bench-results/quick
			shift
			;;
		--rounds)
			arguments+=(--rounds "${2:?--rounds needs a number}")
			shift
			;;
		--no-build) build=false ;;
		-h | --help)
			usage "$0"
			exit
			;;
		*) die "unknown argument $1 (see --help)" ;;
	esac
	shift
done

cd -- "$root"
if $build; then
	scripts/build.sh --release
	cargo build --release --locked --package async-sockets-bench
	cargo bench --locked --package async-sockets-net --features internals --no-run
fi
find_godot
prepare_project "$demo_project"

target_folder=$(cargo metadata --format-version 1 --no-deps --locked |
	sed -E 's/.*"target_directory":"([^"]*)".*/\1/; s/\\\\/\//g')
generator=$target_folder/release/async-sockets-bench
[[ $(host_os) != windows ]] || generator+=.exe

# Installs Node's server in the cache, from the lock file.
install_node_server() {
	local source=$root/scripts/bench/node folder=$cache/bench-node
	command -v node >/dev/null && command -v npm >/dev/null || return 1
	if ! cmp -s -- "$source/package-lock.json" "$folder/installed.json"; then
		mkdir -p -- "$folder"
		cp -- "$source/package.json" "$source/package-lock.json" "$folder/"
		(cd -- "$folder" && npm ci --ignore-scripts --no-audit --no-fund) >&2 || return 1
		cp -- "$source/package-lock.json" "$folder/installed.json"
	fi
	cp -- "$source/server.mjs" "$source/http_server.mjs" "$folder/"
	arguments+=(--node-folder "$folder")
}
certificates=$target_folder/bench-certificates
cargo run --quiet --locked --package async-sockets-net --example make_certificates -- "$certificates"

install_node_server || say "Node's server is left out: node or npm is missing, or its package cannot be had"

# Ten thousand clients need one file descriptor each.
ulimit -n "$(ulimit -Hn)" 2>/dev/null || say "the limit of open files stays at $(ulimit -n)"

"$(find_python)" scripts/bench/bench.py --root "$root" --engine "$GODOT" --generator "$generator" \
	--certificate "$certificates/good" --results "$results" ${arguments[@]+"${arguments[@]}"}
