#!/bin/sh
# The VT-d backend on the kernel's mock devices, see vtd-mock.c, mock-machine.c and contract-bridge.c: three machines booted
# with the same kernel.
set -eu
here=$top_srcdir/tests/vm
out=$top_builddir/tests/vm
"$here/build-kernel.sh" "$here/vtd-kernel.config" "$out/bzImage"
status=0
for test in vtd-mock mock-lifecycles contract-bridge; do
	"$here/make-initramfs.sh" "$out/initramfs-$test.gz" "$out/$test" "$top_builddir/backends/vtd/.libs/vtd.so"
	"$here/run-vm.sh" "$out/bzImage" "$out/initramfs-$test.gz" "$out/console-$test.txt" || status=$?
done
exit $status
