#!/usr/bin/env bash
# Makes dist/async_sockets-VERSION.zip: addons/async_sockets, ready to be unpacked into a project.
#
#   scripts/package.sh [--no-build] [--check]
#
# --no-build packs the libraries already in addons/async_sockets/bin, for every platform present, instead of building
# this platform's. --check runs the result in an empty project.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

build=true
check=false
for argument in "$@"; do
	case $argument in
		--no-build) build=false ;;
		--check) check=true ;;
		-h | --help)
			usage "$0"
			exit
			;;
		*) die "unknown argument $argument (see --help)" ;;
	esac
done

if $build; then "$root/scripts/build.sh"; fi

# The notices cover every platform whose library is in the package.
targets=()
for library in "$addon"/bin/*template_release*; do
	case $library in
		*.linux.*.x86_64.so) targets+=(x86_64-unknown-linux-gnu) ;;
		*.linux.*.arm64.so) targets+=(aarch64-unknown-linux-gnu) ;;
		*.windows.*.x86_64.dll) targets+=(x86_64-pc-windows-msvc) ;;
		*.macos.*.dylib) targets+=(x86_64-apple-darwin aarch64-apple-darwin) ;;
		*) die "there is no library in addons/async_sockets/bin" ;;
	esac
done
write_notices "${targets[@]}"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
package=$root/dist/async_sockets-$version.zip
staging=$(mktemp -d)
trap 'rm -rf -- "$staging"' EXIT
stage_addon "$staging"
mkdir -p -- "$root/dist"
(cd -- "$staging" && "$(find_python)" -m zipfile -c package.zip addons)
replace "$staging/package.zip" "$package"
say "Packed $package"

if $check; then "$root/scripts/smoke.sh" "$package"; fi
