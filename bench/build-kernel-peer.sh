#!/bin/sh
# usage: build-kernel-peer.sh SOURCE OUT.so [CFLAGS...]
#
# Build the contestant "kernel" for ioasid-bench --peer-file OUT.so: the IOASID allocator and the XArray of Debian's package
# linux-source-6.1, on the shim with which the kernel tests its XArray in user space. The parts that are needed are unpacked beside
# OUT.so and removed again; nothing of them comes into the source tree.
set -eu
[ $# -ge 2 ] || { echo "usage: $0 SOURCE OUT.so [CFLAGS...]" >&2; exit 2; }
top=$1 out=$2
shift 2
archive=${LINUX_SOURCE:-/usr/src/linux-source-6.1.tar.xz}
[ -f "$archive" ] || { echo "kernel peer: $archive is missing (package linux-source-6.1)" >&2; exit 1; }
work=$(mktemp -d "$(cd "$(dirname "$out")" && pwd)/kernel-peer.XXXXXX")
trap 'rm -rf "$work"' EXIT
l=linux-source-6.1
tar -C "$work" -xJf "$archive" $l/tools/testing/radix-tree $l/tools/include $l/tools/lib $l/tools/arch/x86/include \
	$l/include/linux $l/include/asm-generic $l/lib $l/drivers/iommu/ioasid.c
shim=$work/$l/tools/testing/radix-tree
mkdir -p "$shim/generated"
# As the kernel has them: 64 entries a node, 64 bits.
echo '#define XA_CHUNK_SHIFT 6' >"$shim/generated/map-shift.h"
echo '#define CONFIG_64BIT 1' >"$shim/generated/bit-length.h"
# What the allocator includes and the shim does not have.
: >"$shim/linux/module.h"
cp "$work/$l/include/linux/ioasid.h" "$shim/linux/ioasid.h"
# Old code that trusts its compiler flags; no warnings of ours.
# The flavour of RCU that the program has anyway: knows its threads by itself, and their data can be reached as in a program.
mkdir "$work/urcu"
echo '#include <urcu-bp.h>' >"$work/urcu/urcu.h"
set -- -std=gnu11 -fPIC -ftls-model=initial-exec -I"$work/urcu" -fvisibility=hidden -w -fno-strict-aliasing -D_LGPL_SOURCE -I"$shim" -I"$work/$l/tools/include" "$@"
for f in lib/xarray.c lib/radix-tree.c tools/lib/slab.c tools/lib/find_bit.c tools/testing/radix-tree/linux.c \
	tools/testing/radix-tree/bitmap.c; do
	${CC:-gcc} "$@" -c "$work/$l/$f" -o "$work/$(basename "$f" .c).o"
done
${CC:-gcc} "$@" -I"$top/include" -I"$top" -DKERNEL_IOASID_C="\"$work/$l/drivers/iommu/ioasid.c\"" \
	-c "$top/bench/peers/kernel.c" -o "$work/kernel.o"
${CC:-gcc} -shared -Wl,-z,defs -o "$out" "$work"/*.o -lurcu-bp -lpthread
