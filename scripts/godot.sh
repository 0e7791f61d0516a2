#!/usr/bin/env bash
# Runs Godot 4.3 or newer with the given arguments; fetches it into a cache if the machine has none.
#
#   scripts/godot.sh ARGS...    runs the engine
#   scripts/godot.sh --where    prints the command that would be used (fetches the engine first if there is none)
#
# The engine is looked for in this order:
#   1. $GODOT, a path or a command name
#   2. godot or godot4 on the PATH, if 4.3 or newer
#   3. this script's cache
#   4. the official release from GitHub, verified against scripts/godot.sha512
#   5. on Debian: the package from Debian testing, unpacked into the cache; the system is left untouched
# GODOT_VERSION=4.3 asks for exactly that official release and skips 2 and 5.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

default_version=4.6.3
version=${GODOT_VERSION:-$default_version}

# ---------------------------------------------------------------------------------------------- already here

is_new_enough() {
	local answer
	answer=$(run_limited 20 "$1" --headless --version 2>/dev/null </dev/null | tail -n 1) || return 1
	[[ $answer =~ ^([0-9]+)\.([0-9]+) ]] || return 1
	((BASH_REMATCH[1] > 4 || (BASH_REMATCH[1] == 4 && BASH_REMATCH[2] >= 3)))
}

on_path() {
	local name
	for name in godot godot4; do
		if command -v "$name" >/dev/null && is_new_enough "$name"; then
			command -v "$name"
			return
		fi
	done
	return 1
}

# ---------------------------------------------------------------------------------------- the official release

archive_name() {
	case $(host_os) in
		linux) echo "Godot_v$version-stable_linux.$(host_arch).zip" ;;
		macos) echo "Godot_v$version-stable_macos.universal.zip" ;;
		windows) echo "Godot_v$version-stable_win64.exe.zip" ;;
	esac
}

official_engine() {
	local folder=$cache/official-$version
	case $(host_os) in
		linux) echo "$folder/Godot_v$version-stable_linux.$(host_arch)" ;;
		macos) echo "$folder/Godot.app/Contents/MacOS/Godot" ;;
		windows) echo "$folder/Godot_v$version-stable_win64_console.exe" ;;
	esac
}

download() {
	if command -v curl >/dev/null; then
		curl --fail --silent --show-error --location --connect-timeout 5 --speed-limit 1024 --speed-time 30 \
			--output "$2" "$1"
	else
		wget --no-verbose --connect-timeout=5 --read-timeout=30 --tries=1 --output-document="$2" "$1"
	fi
}

sha512_of() {
	if command -v sha512sum >/dev/null; then sha512sum -- "$1"; else shasum -a 512 -- "$1"; fi | cut -d ' ' -f 1
}

# Everything is prepared in a temporary folder and renamed once complete: a partial download is never taken for an engine.
fetch_official() {
	local archive expected temporary
	archive=$(archive_name)
	expected=$(awk -v name="$archive" '$2 == name { print $1 }' "$root/scripts/godot.sha512")
	[[ -n $expected ]] || die "no checksum for $archive in scripts/godot.sha512"

	say "Downloading Godot $version ($archive) into $cache"
	temporary=$(make_temporary)
	if ! download "https://github.com/godotengine/godot/releases/download/$version-stable/$archive" "$temporary/$archive"; then
		rm -rf -- "$temporary"
		return 1
	fi
	if [[ $(sha512_of "$temporary/$archive") != "$expected" ]]; then
		rm -rf -- "$temporary"
		die "$archive is not the file that was released: its SHA-512 differs"
	fi
	mkdir "$temporary/engine"
	unzip_to "$temporary/$archive" "$temporary/engine"
	publish "$temporary" "$cache/official-$version"
	chmod +x "$(official_engine)"
}

# Creates a folder beside the final one, so that renaming is a single step. Also removes old leftovers of killed downloads.
make_temporary() {
	mkdir -p -- "$cache"
	find "$cache" -maxdepth 1 -name 'tmp.*' -mmin +120 -exec rm -rf {} +
	mktemp -d "$cache/tmp.XXXXXX"
}

# publish TEMPORARY FOLDER: renames TEMPORARY/engine to FOLDER, unless another process got there first.
publish() {
	[[ -e $2 ]] || mv -- "$1/engine" "$2" 2>/dev/null || [[ -e $2 ]]
	rm -rf -- "$1"
}

# ------------------------------------------------------------------------------------------ Debian's own package

debian_engine() { echo "$cache/debian/godot"; }

# The mirror that this machine already uses for its own release, from either format of apt's sources.
debian_mirror() {
	local codename
	# shellcheck source=/dev/null
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	# shellcheck disable=SC2016 # apt's own placeholders
	apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
		awk -v codename="$codename" '$2 == codename && !found++ { print $1 }'
}

fetch_debian() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg mirror suite temporary
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [[ -r $keyring ]] || return 1
	mirror=$(debian_mirror)
	[[ -n $mirror ]] || return 1

	for suite in forky sid; do
		say "Downloading Godot from Debian $suite into $cache (about 200 MB, the system stays as it is)"
		temporary=$(make_temporary)
		if download_debian "$temporary" "$mirror" "$suite" "$keyring" >"$temporary/log" 2>&1; then
			write_debian_wrapper "$temporary/engine/godot"
			if is_new_enough "$temporary/engine/godot"; then
				publish "$temporary" "$cache/debian"
				return
			fi
		fi
		tail -n 3 -- "$temporary/log" >&2
		rm -rf -- "$temporary"
	done
	return 1
}

# Runs apt with its state in a private folder, so that it resolves Godot's dependencies as if nothing were installed.
download_debian() {
	local state=$1/apt mirror=$2 suite=$3 keyring=$4 package
	local -a apt=(
		apt-get --yes -o "Dir::Etc::sourcelist=$state/sources.list" -o Dir::Etc::sourceparts=/dev/null
		-o Dir::Etc::preferencesparts=/dev/null -o "Dir::State=$state" -o "Dir::State::status=$state/status"
		-o "Dir::Cache=$state/cache" -o Debug::NoLocking=1 -o APT::Update::Post-Invoke::= -o APT::Sandbox::User=
		-o Acquire::Languages=none -o Acquire::Retries=2 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20
	)
	mkdir -p -- "$state/lists/partial" "$state/cache/archives/partial" "$1/engine/root"
	: >"$state/status"
	echo "deb [signed-by=$keyring] $mirror $suite main" >"$state/sources.list"
	"${apt[@]}" update &&
		"${apt[@]}" install --download-only --no-install-recommends \
			godot godot-template-release godot-template-debug || return 1
	for package in "$state"/cache/archives/*.deb; do
		dpkg-deb --extract "$package" "$1/engine/root" || return 1
	done
}

# The package needs a newer C library than the system's, so it runs under the loader that was unpacked with it.
write_debian_wrapper() {
	cat >"$1" <<'WRAPPER'
#!/usr/bin/env bash
root=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/root
libraries=$(echo "$root"/usr/lib/*-linux-gnu)
exec "$libraries"/ld-linux-*.so.* --library-path "$libraries:$libraries/pulseaudio" "$root/usr/bin/godot" "$@"
WRAPPER
	chmod +x "$1"
}

# -------------------------------------------------------------------------------------------------------- main

# Sets `engine` to an absolute path.
find_engine() {
	if [[ -n ${GODOT:-} ]]; then
		engine=$(command -v -- "$GODOT") || die "GODOT=$GODOT cannot be run"
		[[ $engine == /* || $engine == ?:* ]] || engine=$PWD/$engine
		return
	fi
	if [[ -z ${GODOT_VERSION:-} ]]; then
		engine=$(on_path) && return
	fi
	engine=$(official_engine)
	[[ -x $engine ]] && return
	if [[ -z ${GODOT_VERSION:-} ]]; then
		engine=$(debian_engine)
		[[ -x $engine ]] && return
	fi
	if fetch_official; then
		engine=$(official_engine)
	elif [[ -z ${GODOT_VERSION:-} ]] && fetch_debian; then
		engine=$(debian_engine)
	else
		die "no Godot found and none could be downloaded: install Godot 4.3 or newer and set GODOT to its path"
	fi
}

find_engine
if [[ ${1:-} == --where ]]; then
	printf '%s\n' "$engine"
	exit
fi
# For scenes that start a second engine: with Debian's package, OS.get_executable_path() is the loader.
export GODOT=$engine
exec "$engine" "$@"
