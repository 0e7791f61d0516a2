#!/usr/bin/env bash
# Builds the libraries for this platform and stages the add-on.
#
#   scripts/build.sh [--editor | --release | --debug] [--universal]
#
# The add-on has two libraries, both optimised: the one that the editor and debug exports load, with the documentation
# for the editor's help and with checks, and the smaller one of release exports. Without an option, both are built.
# --editor or --release builds only that one. --debug builds the editor's without optimisation, which is quicker, and
# with the debug checks of Rust. One that is built alone is staged in the place of both, so that it runs everywhere.
# --universal, on macOS, builds for both architectures. The result is in addons/async_sockets/bin; the add-on can then
# be copied into any project, and a copy is placed in demo_project/addons.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

libraries=(release editor)
universal=false
for argument in "$@"; do
	case $argument in
		--editor) libraries=(editor) ;;
		--release) libraries=(release) ;;
		--debug) libraries=(debug) ;;
		--universal) universal=true ;;
		-h | --help)
			usage "$0"
			exit
			;;
		*) die "unknown argument $argument (see --help)" ;;
	esac
done

cd -- "$root"
target_folder=$(cargo metadata --format-version 1 --no-deps --locked |
	sed -E 's/.*"target_directory":"([^"]*)".*/\1/; s/\\\\/\//g')

case $(host_os) in
	linux) file=libasync_sockets.so ;;
	macos) file=libasync_sockets.dylib ;;
	windows) file=async_sockets.dll ;;
esac

# Builds a library, and sets `built` to its file.
build() {
	local profile=release target
	local -a options=(--package async-sockets-godot --locked) parts=()
	if [[ $1 == debug ]]; then profile=debug; else options+=(--release); fi
	if [[ $1 != release ]]; then options+=(--no-default-features --features editor); fi
	if $universal; then
		for target in aarch64-apple-darwin x86_64-apple-darwin; do
			cargo build "${options[@]}" --target "$target"
			parts+=("$target_folder/$target/$profile/$file")
		done
		built=$target_folder/universal/$1/$file
		mkdir -p -- "$(dirname -- "$built")"
		lipo -create -output "$built" "${parts[@]}"
	else
		cargo build "${options[@]}"
		built=$target_folder/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}$profile/$file
	fi
}

# Stages the library that was built last, under the feature tag $1 of the engine.
stage() { replace "$built" "$addon/bin/$(library_name "$1")"; }

# Both come from one file of cargo's, and share what is compiled for them but for gdext and the classes.
build "${libraries[0]}"
stage release
if ((${#libraries[@]} > 1)); then build "${libraries[1]}"; fi
stage debug
# shellcheck disable=SC2119 # no target given: this machine's own
write_notices
stage_addon "$demo_project"
say "Staged $(printf '%s ' "${libraries[@]}")in addons/async_sockets and demo_project/addons/async_sockets"
