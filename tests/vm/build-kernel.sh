#!/bin/sh
# usage: build-kernel.sh FRAGMENT OUT
#
# Build Debian's newest kernel of one series from source, with "make tinyconfig" plus FRAGMENT, and put its image into OUT.
# A result is kept, keyed by the source's version, FRAGMENT and what of this file builds, so that a kernel is built once on a
# machine.
#
#   IOASID_CACHE           the cache, default $XDG_CACHE_HOME/libioasid; empty: none
#   IOASID_KERNEL_SERIES   default 7.2
#   IOASID_KERNEL_SUITE    the Debian suite that has it, default sid
#   IOASID_DEBIAN_MIRROR   default: where the machine's own apt gets Debian from
#   IOASID_JOBS            default: the number of processors
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"
[ $# -eq 2 ] || die "usage: build-kernel.sh FRAGMENT OUT"
fragment=$(cd "$(dirname "$1")" && pwd)/${1##*/}
out=$2
name=$(basename "$fragment" .config)
# Nothing of the project's own build may reach the kernel's.
unset MAKEFLAGS MAKELEVEL MAKEOVERRIDES MFLAGS CC CFLAGS CPPFLAGS LDFLAGS ARCH CROSS_COMPILE LLVM
export KBUILD_BUILD_TIMESTAMP='Thu, 01 Jan 1970 00:00:00 +0000' KBUILD_BUILD_USER=ioasid KBUILD_BUILD_HOST=test
series=${IOASID_KERNEL_SERIES:-7.2}
suite=${IOASID_KERNEL_SUITE:-sid}
free_needed=4000000 # KiB: sources and objects

[ -r "$fragment" ] || die "$fragment is missing"
recipe=$({ cat "$fragment" && sed -n '/^configure()/,/^}/p; /^compile()/,/^}/p' "$here/build-kernel.sh"; } |
	sha256sum | cut -c 1-16)
cache=$(cache_dir)
work=$(mktemp -d "${TMPDIR:-/tmp}/ioasid-kernel.XXXXXX")
trap 'rm -rf "$work" "$out.new.$$"' EXIT
# A make that was not told would build on for minutes, for nobody.
child=
trap '[ -z "$child" ] || kill "$child" 2>/dev/null; wait; exit 1' HUP INT TERM

deliver()
{
	mkdir -p "$(dirname "$out")"
	cp "$1" "$out.new.$$"
	mv "$out.new.$$" "$out"
}

# check_config CONFIG - end if kconfig has dropped a wish in silence.
check_config()
{
	lost=$(sed -n 's/^# \(CONFIG_[A-Z0-9_]*\) is not set$/\1=/p; /^CONFIG_/p' "$fragment" | while read -r wish; do
		case $wish in
		*=) ! grep -q "^$wish" "$1" || printf ' %sn' "$wish" ;;
		*) grep -qxF -e "$wish" "$1" || printf ' %s' "$wish" ;;
		esac
	done)
	[ -z "$lost" ] || die "kconfig of $version dropped from ${fragment##*/}:$lost"
}

configure()
{
	cd "$work/source"
	make O="$work/build" tinyconfig &&
		scripts/kconfig/merge_config.sh -m -O "$work/build" "$work/build/.config" "$fragment" &&
		make O="$work/build" olddefconfig
}

compile()
{
	exec nice make -C "$work/source" O="$work/build" -j"${IOASID_JOBS:-$(nproc)}" bzImage
}

build()
{
	need bc bc
	need bison bison
	need flex flex
	need gcc build-essential
	need make build-essential
	need xz xz-utils
	[ -e /usr/include/libelf.h ] || die "libelf.h is missing: apt-get install libelf-dev"
	free=$(df -Pk "$work" | awk 'NR == 2 { print $4 }')
	[ "$free" -ge "$free_needed" ] ||
		die "$work has $free KiB, a kernel build wants $free_needed: set TMPDIR to a roomier place"
	say "building $name, Linux $version: this takes some minutes, once"
	deb=$(debian_fetch "linux-source-$series")
	dpkg-deb --fsys-tarfile "$deb" | tar -x -O --wildcards './usr/src/linux-source-*.tar.xz' >"$work/source.tar.xz"
	rm -f "$deb"
	mkdir "$work/source" "$work/build"
	tar -x -J -f "$work/source.tar.xz" -C "$work/source" --strip-components=1
	rm -f "$work/source.tar.xz"
	if ! (configure) >"$work/log" 2>&1; then
		tail -n 30 "$work/log" >&2
		die "the kernel could not be configured (see above)"
	fi
	check_config "$work/build/.config"
	compile >"$work/log" 2>&1 &
	child=$!
	if ! wait "$child"; then
		tail -n 30 "$work/log" >&2
		die "the kernel did not build (see above)"
	fi
	child=
}

online=yes
version=
if debian_init "$work/apt" "$suite"; then
	version=$(debian_version "linux-source-$series") ||
		die "$suite has no linux-source-$series any more: name another series in IOASID_KERNEL_SERIES"
else
	online=no
fi

if [ -z "$cache" ]; then
	[ $online = yes ] || die "no package list and no cache: the kernel cannot be built"
	build
	deliver "$work/build/arch/x86/boot/bzImage"
	exit 0
fi

# One at a time: who waits finds the result. The lock goes with its descriptor, whatever happens to its holder.
mkdir -p "$cache/kernel"
exec 9>"$cache/kernel/lock"
flock 9
if [ $online = no ]; then
	kept=$(ls -td "$cache/kernel/$name"-*-"$recipe"/bzImage 2>/dev/null | head -n 1)
	[ -n "$kept" ] || die "no package list, and no kernel of this configuration in $cache"
	say "using the kernel at hand, $kept"
	deliver "$kept"
	exit 0
fi
kept=$cache/kernel/$name-$version-$recipe
if [ ! -e "$kept/bzImage" ]; then
	build 9>&-
	rm -rf "$kept" "$kept.new"
	mkdir "$kept.new"
	cp "$work/build/arch/x86/boot/bzImage" "$kept.new/bzImage"
	cp "$work/build/.config" "$kept.new/config"
	mv "$kept.new" "$kept"
fi
deliver "$kept/bzImage"
