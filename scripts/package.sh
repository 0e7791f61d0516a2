#!/usr/bin/env bash
# Makes dist/async_sockets-VERSION.zip: addons/async_sockets, ready to be unpacked into a project, as releases and the
# Asset Store have it. It holds the libraries, scripts and icons, the licence and the notices of others, and the first
# page of the documents.
#
#   scripts/package.sh [--no-build] [--check]
#
# --no-build packs the libraries already in addons/async_sockets/bin, for every platform present, instead of building
# this platform's. --check tries the result in empty projects (scripts/smoke.sh).
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

# The notices cover every platform whose libraries are in the package: two each, which scripts/build.sh makes.
targets=()
for library in "$addon"/bin/*template_release*; do
	[[ -e $library ]] || die "there is no library in addons/async_sockets/bin"
	other=${library/template_release/template_debug}
	if [[ ! -e $other ]] || cmp -s -- "$library" "$other"; then
		die "$(basename -- "$library") was built alone: build both with scripts/build.sh"
	fi
	case $library in
		*.linux.*.x86_64.so) targets+=(x86_64-unknown-linux-gnu) ;;
		*.linux.*.arm64.so) targets+=(aarch64-unknown-linux-gnu) ;;
		*.windows.*.x86_64.dll) targets+=(x86_64-pc-windows-msvc) ;;
		*.macos.*.dylib) targets+=(x86_64-apple-darwin aarch64-apple-darwin) ;;
		*) die "there are no notices for $(basename -- "$library")" ;;
	esac
done
write_notices "${targets[@]}"

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$root/Cargo.toml" | head -n 1)
package=$root/dist/async_sockets-$version.zip
staging=$(mktemp -d)
trap 'rm -rf -- "$staging"' EXIT
stage_addon "$staging"
# Its links lead to the repository, where the other pages are.
repository=$(sed -n 's/^repository = "\(.*\)"$/\1/p' "$root/Cargo.toml")
page=$root/docs/getting-started.md
if [[ -e $page ]]; then
	sed -E "s,\]\(([A-Za-z][A-Za-z/-]*\.md),](../docs/\1,g; s,\]\((\.\./),]($repository/blob/v$version/,g" "$page" \
		>"$staging/addons/async_sockets/GETTING_STARTED.md"
fi
mkdir -p -- "$root/dist"
(cd -- "$staging" && "$(find_python)" -m zipfile -c package.zip addons)
replace "$staging/package.zip" "$package"
say "Packed $package"

if $check; then "$root/scripts/smoke.sh" "$package"; fi
