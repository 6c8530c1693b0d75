#!/bin/sh
# The VT-d backend on a real kernel, see vtd-edu.c: build or find the kernel, pack the test, boot it.
set -eu
here=$top_srcdir/tests/vm
out=$top_builddir/tests/vm
"$here/build-kernel.sh" "$here/vtd-kernel.config" "$out/bzImage"
"$here/make-initramfs.sh" "$out/initramfs-edu.gz" "$out/vtd-edu" "$top_builddir/backends/vtd/.libs/vtd.so"
"$here/run-vm.sh" "$out/bzImage" "$out/initramfs-edu.gz" "$out/console-edu.txt"
