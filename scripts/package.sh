#!/usr/bin/env bash
# Makes dist/async_sockets-VERSION.zip: addons/async_sockets, ready to be unpacked into a project, as releases and the
# Asset Store have it. It holds the libraries, scripts and icons, the licence and the notices of others, and the first
# page of the documents.
#
#   scripts/package.sh [--no-build] [--complete] [--check]
#
# --no-build packs the libraries already in addons/async_sockets/bin, for every platform present, instead of building
# this platform's. --complete fails unless every platform is present, as in a release. --check tries the result in empty
# projects (scripts/smoke.sh).
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

build=true
complete=false
check=false
for argument in "$@"; do
	case $argument in
		--no-build) build=false ;;
		--complete) complete=true ;;
		--check) check=true ;;
		-h | --help)
			usage "$0"
			exit
			;;
		*) die "unknown argument $argument (see --help)" ;;
	esac
done

if $build; then "$root/scripts/build.sh"; fi

# Two libraries for each platform, which scripts/build.sh makes, and all of them known to the engine. The notices cover
# every platform whose libraries are in the package.
targets=()
known=()
present=()
while read -r platform _ platform_targets; do
	[[ $platform ]] || continue
	release=$(library_name release "$platform")
	debug=$(library_name debug "$platform")
	os=${platform%%.*}
	for kind in release debug; do
		known+=("$os.$kind${platform#"$os"} = \"bin/$(library_name "$kind" "$platform")\"")
	done
	if [[ -e $addon/bin/$release && -e $addon/bin/$debug ]]; then
		! cmp -s -- "$addon/bin/$release" "$addon/bin/$debug" ||
			die "$release was built alone: build both with scripts/build.sh"
		present+=("$release" "$debug")
		read -ra platform_targets <<<"$platform_targets"
		targets+=("${platform_targets[@]}")
	elif [[ -e $addon/bin/$release || -e $addon/bin/$debug ]]; then
		die "a library for $platform is missing: build both with scripts/build.sh"
	elif $complete; then
		die "there are no libraries for $platform"
	fi
done <<<"$platforms"

# differences NAMES NAMES: what is in only one of two lists, one name a line.
differences() { { diff <(sort -u <<<"$1") <(sort -u <<<"$2") || true; } | sed -n 's/^[<>] //p'; }

named=$(grep '= "bin/' "$addon/async_sockets.gdextension" || true)
unknown=$(differences "$(printf '%s\n' "${known[@]}")" "$named")
[[ ! $unknown ]] || die "async_sockets.gdextension and the platforms of scripts/lib.sh differ: ${unknown//$'\n'/, }"
((${#present[@]})) || die "there is no library in addons/async_sockets/bin"
files=$(cd -- "$addon/bin" && find . -type f ! -name '*.tmp.*' ! -name '~*' | sed 's,^\./,,')
unknown=$(differences "$(printf '%s\n' "${present[@]}")" "$files")
[[ ! $unknown ]] || die "unknown files in addons/async_sockets/bin: ${unknown//$'\n'/, }"
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
