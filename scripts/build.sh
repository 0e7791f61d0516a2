#!/usr/bin/env bash
# Builds the libraries for this platform, or another, and stages the add-on.
#
#   scripts/build.sh [--editor | --release | --debug] [--universal | --target TARGET]
#
# The add-on has two libraries, both optimised: the one that the editor and debug exports load, with the documentation
# for the editor's help and with checks, and the smaller one of release exports. Without an option, both are built.
# --editor or --release builds only that one. --debug builds the editor's without optimisation, which is quicker, and
# with the debug checks of Rust. One that is built alone is staged in the place of both, so that it runs everywhere.
#
# --universal, on macOS, builds for both architectures. --target builds for another platform: a Rust target of the list in
# scripts/lib.sh, whose standard library and C compiler are installed (`rustup target add TARGET`). For Android, the C
# compiler is the NDK's, which is looked for in ANDROID_NDK_HOME, ANDROID_NDK_ROOT and ANDROID_NDK_LATEST_HOME.
#
# The result is in addons/async_sockets/bin; the add-on can then be copied into any project, and a copy is placed in
# demo_project/addons.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

# The oldest Android that the library runs on: 7.0, the first whose C library lists network interfaces.
android_api=24

libraries=(release editor)
universal=false
platform=$(host_platform)
target=''
while (($#)); do
	case $1 in
		--editor) libraries=(editor) ;;
		--release) libraries=(release) ;;
		--debug) libraries=(debug) ;;
		--universal) universal=true ;;
		--target)
			target=${2:-}
			platform=$(platform_of "$target")
			[[ $platform ]] || die "unknown target '$target' (see the list in scripts/lib.sh)"
			shift
			;;
		-h | --help)
			usage "$0"
			exit
			;;
		*) die "unknown argument $1 (see --help)" ;;
	esac
	shift
done

# Lets cargo compile and link for Android by the NDK.
use_ndk() {
	local ndk=${ANDROID_NDK_HOME:-${ANDROID_NDK_ROOT:-${ANDROID_NDK_LATEST_HOME:-}}} tools name
	[[ $ndk ]] || die "the Android NDK is needed: install it, and set ANDROID_NDK_HOME to its folder"
	tools=$(echo "$ndk"/toolchains/llvm/prebuilt/*/bin)
	[[ -d $tools ]] || die "there is no Android NDK in $ndk"
	name=${target//-/_}
	export "CC_$name=$tools/$target$android_api-clang" "AR_$name=$tools/llvm-ar"
	name=CARGO_TARGET_$(tr '[:lower:]' '[:upper:]' <<<"$name")
	# Since Android 15, there are devices with memory pages of 16 KiB.
	export "${name}_LINKER=$tools/$target$android_api-clang" \
		"${name}_RUSTFLAGS=-C link-arg=-Wl,-z,max-page-size=16384"
}

cd -- "$root"
target_folder=$(cargo metadata --format-version 1 --no-deps --locked |
	sed -E 's/.*"target_directory":"([^"]*)".*/\1/; s/\\\\/\//g')

case $platform in
	macos) file=libasync_sockets.dylib ;;
	windows.*) file=async_sockets.dll ;;
	*) file=libasync_sockets.so ;;
esac
case $platform in
	android.*) use_ndk ;;
	windows.*)
		# Not every machine has Microsoft's C runtime, and the engine does not bring it.
		export CARGO_TARGET_X86_64_PC_WINDOWS_MSVC_RUSTFLAGS="-C target-feature=+crt-static"
		export CARGO_TARGET_AARCH64_PC_WINDOWS_MSVC_RUSTFLAGS=$CARGO_TARGET_X86_64_PC_WINDOWS_MSVC_RUSTFLAGS
		;;
esac

# Builds a library, and sets `built` to its file.
build() {
	local profile=release part
	local -a options=(--package async-sockets-godot --locked) parts=()
	if [[ $1 == debug ]]; then profile=debug; else options+=(--release); fi
	if [[ $1 != release ]]; then options+=(--no-default-features --features editor); fi
	if $universal; then
		for part in aarch64-apple-darwin x86_64-apple-darwin; do
			cargo build "${options[@]}" --target "$part"
			parts+=("$target_folder/$part/$profile/$file")
		done
		built=$target_folder/universal/$1/$file
		mkdir -p -- "$(dirname -- "$built")"
		lipo -create -output "$built" "${parts[@]}"
	elif [[ $target ]]; then
		cargo build "${options[@]}" --target "$target"
		built=$target_folder/$target/$profile/$file
	else
		cargo build "${options[@]}"
		built=$target_folder/${CARGO_BUILD_TARGET:+$CARGO_BUILD_TARGET/}$profile/$file
	fi
}

# Stages the library that was built last, under the feature tag $1 of the engine.
stage() { replace "$built" "$addon/bin/$(library_name "$1" "$platform")"; }

# Both come from one file of cargo's, and share what is compiled for them but for gdext and the classes.
build "${libraries[0]}"
stage release
if ((${#libraries[@]} > 1)); then build "${libraries[1]}"; fi
stage debug
write_notices ${target:+"$target"}
stage_addon "$demo_project"
staged=$(printf '%s ' "${libraries[@]}")
say "Staged ${staged}of ${target:-this platform} in addons/async_sockets and demo_project/addons/async_sockets"
