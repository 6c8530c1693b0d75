#!/bin/sh
# The README's first command: install the packages, build, and show the main job: two guests use shared virtual addressing
# on the software IOMMU ("mock"), one that behaves and one that frees its IOASID while a device still uses it.
set -eu
cd "$(dirname "$0")/.."
build=build/quickstart

quietly()
{
	log=$build.$1.log
	shift
	if ! "$@" >"$log" 2>&1 </dev/null; then
		echo "failed: $*" >&2
		tail -n 60 "$log" >&2
		exit 1
	fi
}

mkdir -p build
tools/install-packages.sh build
if [ -e config.status ]; then
	echo "the source folder is configured in place: run make distclean first" >&2
	exit 1
fi
[ -x configure ] || quietly autogen ./autogen.sh
mkdir -p "$build"
[ -e "$build/config.status" ] || quietly configure sh -c "cd $build && ../../configure"
quietly make make -C "$build" -j"$(nproc)"
sed -n '/^libioasid /,$p' "$build.configure.log"

export IOASID_BACKEND_PATH="$PWD/$build/plugins"
for guest in normal misbehaving; do
	printf '\n== guest-sva %s, backend mock\n' "$guest"
	"$build/examples/guest-sva" "$guest" </dev/null
done
