#!/bin/sh
# usage: make-initramfs.sh [-c COMMAND] OUT PROGRAM PLUGIN...
#
# Pack busybox, the test PROGRAM, the PLUGINs (into /plugins) and every shared library they need into an initramfs.
# PROGRAM runs with IOASID_BACKEND_PATH=/plugins; its exit status is printed by the init script beside this file. With -c that
# runs a line of shell instead, where PROGRAM is /bin/test and the device is $IOASID_TEST_DEVICE.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"
command=/bin/test
while getopts c: option; do
	case $option in
	c) command=$OPTARG ;;
	*) exit 1 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || die "usage: make-initramfs.sh [-c COMMAND] OUT PROGRAM PLUGIN..."
out=$1
program=$2
shift 2
need cpio cpio
need gzip gzip
busybox=$(command -v busybox) || die "busybox is missing: apt-get install busybox-static"
! ldd "$busybox" >/dev/null 2>&1 || die "busybox is not static: apt-get install busybox-static"
root=$(mktemp -d "${TMPDIR:-/tmp}/ioasid-initramfs.XXXXXX")
trap 'rm -rf "$root" "$out.new.$$"' EXIT
trap 'exit 1' HUP INT TERM

# is_elf FILE - a libtool wrapper is a shell script and would find nothing in there.
is_elf()
{
	[ "$(head -c 4 "$1" | od -An -c | tr -d ' ')" = '177ELF' ]
}

# libraries FILE - print the path of each shared object that FILE is run with, the loader included.
libraries()
{
	if ldd "$1" | grep 'not found' >&2; then
		die "$1 lacks the libraries named above"
	fi
	ldd "$1" | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[ \t]*\(\/[^ ]*\) .*/\1/p'
}

mkdir -p "$root/bin" "$root/dev" "$root/plugins" "$root/proc" "$root/sys" "$root/tmp"
cp "$busybox" "$root/bin/busybox"
install -m 755 "$here/init" "$root/init"
install -m 755 "$program" "$root/bin/test"
printf '%s\n' "$command" >"$root/command"
for plugin; do
	install -m 644 "$plugin" "$root/plugins/$(basename "$plugin")"
done
for file in "$program" "$@"; do
	is_elf "$file" || die "$file is not an ELF file"
	for library in $(libraries "$file"); do
		[ -e "$root$library" ] || install -D -m 755 "$library" "$root$library"
	done
done
mkdir -p "$(dirname "$out")"
(cd "$root" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0) | gzip -1 >"$out.new.$$"
mv "$out.new.$$" "$out"
