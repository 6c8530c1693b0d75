#!/bin/sh
# usage: fetch-qemu.sh OUT
#
# Unpack a QEMU that can do more than the machine's own, with all its libraries, and write OUT, a script that runs it. Nothing is
# installed: its own loader starts it. A result is kept, keyed by its version.
#
#   IOASID_CACHE           the cache, default $XDG_CACHE_HOME/libioasid; empty: none, it is unpacked in OUT.d
#   IOASID_QEMU_SERIES     the version that is wanted, default 11.1
#   IOASID_QEMU_SUITES     the Debian suites that have it and its libraries, default "trixie-backports trixie"
#   IOASID_DEBIAN_MIRROR   default: where the machine's own apt gets Debian from
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"
[ $# -eq 1 ] || die "usage: fetch-qemu.sh OUT"
out=$1
series=${IOASID_QEMU_SERIES:-11.1}
suites=${IOASID_QEMU_SUITES:-trixie-backports trixie}
need dpkg-deb dpkg
need flock util-linux
work=$(mktemp -d "${TMPDIR:-/tmp}/ioasid-qemu.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# write_runner ROOT - write OUT, for what is unpacked in ROOT.
write_runner()
{
	libraries=$1/usr/lib/x86_64-linux-gnu
	mkdir -p "$(dirname "$out")"
	cat >"$out.new.$$" <<-EOF
		#!/bin/sh
		exec "$libraries/ld-linux-x86-64.so.2" --library-path "$libraries" "$1/usr/bin/qemu-system-x86_64" \\
			-L "$1/usr/share/qemu" -L "$1/usr/share/seabios" "\$@"
	EOF
	chmod 755 "$out.new.$$"
	mv "$out.new.$$" "$out"
	"$out" --version >"$work/version" 2>&1 || {
		cat "$work/version" >&2
		die "the QEMU in $1 does not run (see above)"
	}
}

cache=$(cache_dir)
online=yes
version=
# shellcheck disable=SC2086
if debian_init "$work/apt" $suites; then
	version=$(debian_version qemu-system-x86)
	case $version in
	*:"$series".* | "$series".*) ;;
	*) die "there is QEMU ${version:-none} in $suites, and not $series: name others in IOASID_QEMU_SUITES" ;;
	esac
else
	online=no
fi
if [ -z "$cache" ]; then
	[ $online = yes ] || die "no package list and no cache: QEMU $series cannot be fetched"
	rm -rf "$out.d"
	debian_unpack qemu-system-x86 "$out.d"
	write_runner "$(cd "$out.d" && pwd)"
	exit 0
fi

# One at a time: who waits finds the result.
mkdir -p "$cache/qemu"
exec 9>"$cache/qemu/lock"
flock 9
if [ $online = no ]; then
	kept=$(ls -td "$cache/qemu/"*"$series".*/root 2>/dev/null | head -n 1)
	[ -n "$kept" ] || die "no package list, and no QEMU $series in $cache"
	say "using the QEMU at hand, $kept"
	write_runner "$kept"
	exit 0
fi
kept=$cache/qemu/$(printf '%s' "$version" | tr ':' '_')
if [ ! -d "$kept/root" ]; then
	say "fetching QEMU $version and its libraries"
	rm -rf "$kept" "$kept.new"
	mkdir "$kept.new"
	debian_unpack qemu-system-x86 "$kept.new/root" 9>&-
	mv "$kept.new" "$kept"
fi
write_runner "$kept/root"
