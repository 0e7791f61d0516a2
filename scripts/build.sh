#!/usr/bin/env bash
# Builds the library for this platform and stages the add-on.
#
#   scripts/build.sh [--release | --debug | --both] [--docs] [--universal]
#
# --release (the default) builds the optimised library. --debug builds faster and enables debug checks. --both builds
# both. --docs adds the class documentation for the editor's help; that library is for the editor, not for exported
# games. --universal, on macOS, builds one library for both architectures. The result is in addons/async_sockets/bin; the
# add-on can then be copied into any project, and a copy is placed in demo_project/addons.
#
# The editor loads the library by its debug name, an exported game by its release name. Without --both, the one library
# that was built is staged under both names, so that the build you asked for is the one that runs everywhere.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

profiles=(release)
universal=false
docs=false
for argument in "$@"; do
	case $argument in
		--release) profiles=(release) ;;
		--debug) profiles=(debug) ;;
		--both) profiles=(release debug) ;;
		--docs) docs=true ;;
		--universal) universal=true ;;
		-h | --help)
			usage "$0"
			exit
			;;
		*) die "unknown argument $argument (see --help)" ;;
	esac
done

os=$(host_os)
cd -- "$root"
target_folder=$(cargo metadata --format-version 1 --no-deps --locked |
	sed -E 's/.*"target_directory":"([^"]*)".*/\1/; s/\\\\/\//g')

# The library file that cargo builds; $1 is release or debug.
built_library() {
	local file
	case $os in
		linux) file=libasync_sockets.so ;;
		macos) file=libasync_sockets.dylib ;;
		windows) file=async_sockets.dll ;;
	esac
	if $universal; then
		echo "$target_folder/universal/$1/$file"
	else
		echo "$target_folder/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}$1/$file"
	fi
}

# Its file name in the add-on; $1 is release or debug.
staged_library() {
	case $os in
		linux) echo "$addon/bin/libasync_sockets.linux.template_$1.$(host_arch).so" ;;
		macos) echo "$addon/bin/libasync_sockets.macos.template_$1.dylib" ;;
		windows) echo "$addon/bin/async_sockets.windows.template_$1.$(host_arch).dll" ;;
	esac
}

build() {
	local -a options=(--package async-sockets-godot --locked)
	if [[ $1 == release ]]; then options+=(--release); else options+=(--features any-thread); fi
	if $docs; then options+=(--features docs); fi
	if $universal; then
		local library target
		local -a parts=()
		library=$(built_library "$1")
		for target in aarch64-apple-darwin x86_64-apple-darwin; do
			cargo build "${options[@]}" --target "$target"
			parts+=("$target_folder/$target/$1/$(basename -- "$library")")
		done
		mkdir -p -- "$(dirname -- "$library")"
		lipo -create -output "$library" "${parts[@]}"
	else
		cargo build "${options[@]}"
	fi
}

for profile in "${profiles[@]}"; do build "$profile"; done
# The first and the last profile are the same unless both were built.
replace "$(built_library "${profiles[0]}")" "$(staged_library release)"
replace "$(built_library "${profiles[${#profiles[@]} - 1]}")" "$(staged_library debug)"
# shellcheck disable=SC2119 # no target given: this machine's own
write_notices
stage_addon "$demo_project"
say "Staged $(printf '%s ' "${profiles[@]}")in addons/async_sockets and demo_project/addons/async_sockets"
