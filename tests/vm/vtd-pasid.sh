#!/bin/sh
# PASIDs on the kernel's VT-d driver: a newer QEMU, devices that are served by a program of ours, and machines booted with
# them: for the cases (vtd-pasid.c), the life cycles (vtd-machine.c), the contract suite (contract-pasid.c), and the VMM of the
# examples.
set -eu
here=$top_srcdir/tests/vm
out=$top_builddir/tests/vm
"$here/build-kernel.sh" "$here/vtd-kernel.config" "$out/bzImage"
"$here/fetch-qemu.sh" "$out/qemu"
status=0

# boots NAME PROGRAM COMMAND
boots()
{
	"$here/make-initramfs.sh" -c "$3" "$out/initramfs-$1.gz" "$2" "$top_builddir/backends/vtd/.libs/vtd.so"
	"$here/run-vm.sh" -p "$out/pasid-device" -q "$out/qemu" "$out/bzImage" "$out/initramfs-$1.gz" "$out/console-$1.txt" ||
		status=$?
}

boots vtd-pasid "$out/vtd-pasid" /bin/test
boots vtd-lifecycles "$out/vtd-lifecycles" /bin/test
boots contract-pasid "$out/contract-pasid" /bin/test
# shellcheck disable=SC2016
boots vmm-sva "$top_builddir/examples/vmm-sva" \
	'test=/bin/test
	for guest in "" -m; do
		if "$test" $guest vtd "$IOASID_TEST_DEVICE"; then
			echo "ok - vmm-sva${guest:+ $guest} runs on VT-d (S9.9)"
		else
			echo "not ok - vmm-sva${guest:+ $guest} runs on VT-d (S9.9)"
			failed=1
		fi
	done
	exit ${failed:-0}'
exit $status
