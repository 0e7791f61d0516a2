# shellcheck shell=bash
# shellcheck disable=SC2034 # the paths are used by the scripts that source this file
# Functions and paths shared by the scripts in this folder. Sourced, never run.

root=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/async-sockets-godot
addon=$root/addons/async_sockets
demo_project=$root/demo_project
# Those that run by themselves without a window.
demos=(hello websocket_echo line_chat lan_discovery websocket_client arena party dashboard dedicated_server menu)

say() { printf '%s\n' "$*" >&2; }
die() {
	say "error: $*"
	exit 1
}

# Prints a script's help, which is the comment at its top.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$1"; }

# linux, macos or windows (Git Bash), as named by Godot's feature tags.
host_os() {
	case $(uname -s) in
		Linux) echo linux ;;
		Darwin) echo macos ;;
		MINGW* | MSYS* | CYGWIN*) echo windows ;;
		*) die "unsupported system: $(uname -s)" ;;
	esac
}

# x86_64 or arm64, as named by Godot's feature tags.
host_arch() {
	case $(uname -m) in
		x86_64 | amd64) echo x86_64 ;;
		aarch64 | arm64) echo arm64 ;;
		*) die "unsupported processor: $(uname -m)" ;;
	esac
}

# The platforms of the add-on, one a line: its feature tags in the engine; the file of its library, where KIND is the tag
# release or debug; and the Rust targets it is built for.
platforms='
linux.x86_64    libasync_sockets.linux.template_KIND.x86_64.so    x86_64-unknown-linux-gnu
linux.arm64     libasync_sockets.linux.template_KIND.arm64.so     aarch64-unknown-linux-gnu
windows.x86_64  async_sockets.windows.template_KIND.x86_64.dll    x86_64-pc-windows-msvc
windows.arm64   async_sockets.windows.template_KIND.arm64.dll     aarch64-pc-windows-msvc
macos           libasync_sockets.macos.template_KIND.dylib        x86_64-apple-darwin aarch64-apple-darwin
android.arm64   libasync_sockets.android.template_KIND.arm64.so   aarch64-linux-android
android.x86_64  libasync_sockets.android.template_KIND.x86_64.so  x86_64-linux-android
'

# The platform of this machine.
host_platform() { if [[ $(host_os) == macos ]]; then echo macos; else echo "$(host_os).$(host_arch)"; fi; }

# The platform that a Rust target belongs to, or nothing.
platform_of() {
	awk -v target="$1" '{ for (i = 3; i <= NF; i++) if ($i == target) print $1 }' <<<"$platforms"
}

# library_name KIND [PLATFORM]: the file name of a library in the add-on, by default for this machine; KIND is the engine's
# feature tag release or debug.
library_name() {
	awk -v platform="${2:-$(host_platform)}" -v kind="$1" \
		'$1 == platform { sub("KIND", kind, $2); print $2 }' <<<"$platforms"
}

# run_limited SECONDS COMMAND...: kills the command after that time (status 124, or 142 without `timeout`).
run_limited() {
	local seconds=$1
	shift
	if command -v timeout >/dev/null; then
		timeout --kill-after=5 "$seconds" "$@"
	elif command -v gtimeout >/dev/null; then
		gtimeout --kill-after=5 "$seconds" "$@"
	else
		perl -e 'alarm shift; exec @ARGV or die "$ARGV[0]: $!\n"' "$seconds" "$@"
	fi
}

unzip_to() {
	if command -v unzip >/dev/null; then unzip -q "$1" -d "$2"; else "$(find_python)" -m zipfile -e "$1" "$2"; fi
}

# Each candidate is run, not only looked up: on Windows the name may be a stub that opens the Microsoft Store.
find_python() {
	local name
	for name in python3 python; do
		if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null; then
			command -v "$name"
			return
		fi
	done
	die "Python 3.8 or newer is missing"
}

# replace FILE TARGET: copies atomically, so that an engine that has the old library mapped keeps it.
# Does nothing if the two are equal.
replace() {
	if ! cmp -s -- "$1" "$2"; then
		mkdir -p -- "$(dirname -- "$2")"
		cp -- "$1" "$2.tmp.$$"
		mv -f -- "$2.tmp.$$" "$2"
	fi
}

# write_notices [TARGET...]: writes the add-on's THIRD_PARTY.md, for this machine's target or the given ones.
write_notices() {
	local notices
	notices=$(mktemp)
	(cd -- "$root" && "$(find_python)" scripts/third_party.py "$notices" "$@")
	chmod 644 "$notices"
	replace "$notices" "$addon/THIRD_PARTY.md"
	rm -f -- "$notices"
}

# stage_addon PROJECT: makes PROJECT/addons/async_sockets identical to the add-on, by copying (no links).
# Files that the editor adds beside ours (*.import, *.uid) are kept.
stage_addon() {
	local target=$1/addons/async_sockets file
	mkdir -p -- "$target"
	while IFS= read -r file; do
		[[ -e $addon/$file ]] || rm -f -- "$target/$file"
	done < <(cd -- "$target" && find . -type f ! -name '*.import' ! -name '*.uid' ! -name '~*')
	while IFS= read -r file; do
		replace "$addon/$file" "$target/$file"
	done < <(cd -- "$addon" && find . -type f ! -name '*.tmp.*' ! -name '~*')
}

# prepare_project PROJECT: lets the engine load the extension on its very first start. Without this list, the first
# import of a project aborts because the editor loads the extension in the middle of its own first scan.
prepare_project() {
	local list=$1/.godot/extension_list.cfg
	local line='res://addons/async_sockets/async_sockets.gdextension'
	if ! grep -qxF -- "$line" "$list" 2>/dev/null; then
		mkdir -p -- "$1/.godot"
		printf '%s\n' "$line" >>"$list"
	fi
}

# Sets GODOT to the engine that scripts/godot.sh finds or fetches.
find_godot() {
	GODOT=$("$root/scripts/godot.sh" --where)
	export GODOT
}

# engine_faults STATUS LOG [EXPECTED]: prints what went wrong in a run of the engine, one line each, or nothing. The exit
# code alone is not trusted. EXPECTED is text that may appear in the log.
engine_faults() {
	local text
	case $1 in
		0) ;;
		124 | 137 | 142) echo "its time is over" ;;
		*) echo "exit code $1" ;;
	esac
	for text in 'SCRIPT ERROR' 'Parse Error' 'Error loading extension' 'ObjectDB instances leaked' 'Leaked instance' \
		'resources still in use at exit' 'panicked at' '[panic '; do
		if [[ ${3:-} != *"$text"* ]] && grep -qF -- "$text" "$2"; then echo "$text"; fi
	done
}

# run_demo PROJECT NAME: runs the demo in demos/NAME headless, shows its output, and fails if the engine reports a fault.
run_demo() {
	local log status=0 faults
	log=$(mktemp)
	run_limited 20 "$GODOT" --headless --path "$1" "res://demos/$2/$2.tscn" 2>&1 </dev/null | tee "$log" || status=$?
	faults=$(engine_faults "$status" "$log")
	rm -f -- "$log"
	if [[ $faults ]]; then
		say "The demo $2 failed: ${faults//$'\n'/, }"
		return 1
	fi
}
