#!/bin/sh
# usage: fetch-headers.sh OUT
#
# Put the newest uAPI headers that Debian has (linux-libc-dev) below OUT/include, without installing them, and their version
# into OUT/version. Kept in the cache; see build-kernel.sh for the environment.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"
[ $# -eq 1 ] || die "usage: fetch-headers.sh OUT"
out=$1
suite=${IOASID_KERNEL_SUITE:-sid}
cache=$(cache_dir)
work=$(mktemp -d "${TMPDIR:-/tmp}/ioasid-headers.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

deliver()
{
	rm -rf "$out"
	mkdir -p "$(dirname "$out")"
	cp -R "$1" "$out"
}

if ! debian_init "$work/apt" "$suite"; then
	kept=$(ls -td "${cache:-/nonexistent}"/headers/*/version 2>/dev/null | head -n 1)
	[ -n "$kept" ] || die "no package list, and no headers in a cache"
	say "using the headers at hand, ${kept%/version}"
	deliver "${kept%/version}"
	exit 0
fi
version=$(debian_version linux-libc-dev) || die "$suite has no linux-libc-dev"
kept=$cache/headers/$version
if [ -z "$cache" ] || [ ! -e "$kept/version" ]; then
	dpkg-deb -x "$(debian_fetch linux-libc-dev)" "$work/unpacked"
	mkdir -p "$work/result/include"
	mv "$work/unpacked/usr/include/linux" "$work/unpacked/usr/include/asm-generic" "$work/result/include"
	printf '%s\n' "$version" >"$work/result/version"
	if [ -n "$cache" ]; then
		mkdir -p "$cache/headers"
		exec 9>"$cache/headers/lock"
		flock 9
		rm -rf "$kept" "$kept.new"
		cp -R "$work/result" "$kept.new"
		mv "$kept.new" "$kept"
	fi
	deliver "$work/result"
else
	deliver "$kept"
fi
