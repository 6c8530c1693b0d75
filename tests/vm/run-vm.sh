#!/bin/sh
# usage: run-vm.sh [-p SERVER] [-q QEMU] KERNEL INITRAMFS [CONSOLE-LOG]
#
# Boot the test machine (a PC with VT-d in scalable mode and an edu device) under TCG and end with the status of its test.
# KVM is never used. The whole console, and what QEMU itself says, go to CONSOLE-LOG, and a line for docs/backend-vtd.md
# on what was seen to CONSOLE-LOG with .seen instead of .txt (make vm-seen puts them there).
#
#   -p SERVER  instead of edu two devices that SERVER (pasid-device) serves, and a unit with PASIDs: for QEMU 11.1
#   -q QEMU    the QEMU to run, default qemu-system-x86_64
#
#   IOASID_VM_TIMEOUT   seconds until the machine is given up, default 1800: a machine without KVM on a busy one
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"
server=
qemu=qemu-system-x86_64
while getopts p:q: option; do
	case $option in
	p) server=$OPTARG ;;
	q) qemu=$OPTARG ;;
	*) exit 1 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || die "usage: run-vm.sh [-p SERVER] [-q QEMU] KERNEL INITRAMFS [CONSOLE-LOG]"
kernel=$1
initramfs=$2
log=${3:-}
timeout=${IOASID_VM_TIMEOUT:-1800}
need "$qemu" qemu-system-x86
need timeout coreutils
work=$(mktemp -d "${TMPDIR:-/tmp}/ioasid-vm.XXXXXX")
served=
# shellcheck disable=SC2086
trap '[ -z "$served" ] || kill $served 2>/dev/null || :; rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# The properties of the emulated unit were renamed after QEMU 10.0.
properties=$("$qemu" -device intel-iommu,help 2>/dev/null) || die "this QEMU has no intel-iommu"
case $properties in
*x-scalable-mode=*) scalable=x-scalable-mode=on ;;
*scalable-mode=*) scalable=scalable-mode=on ;;
*) die "the intel-iommu of this QEMU has no scalable mode" ;;
esac

# serve SOCKET - let SERVER listen there.
serve()
{
	"$server" "$1" 2>"$1.log" &
	served="$served $!"
	pid=$!
	tries=0
	while [ ! -S "$1" ]; do
		tries=$((tries + 1))
		kill -0 "$pid" 2>/dev/null && [ $tries -le 1200 ] || die "$server does not listen: $(cat "$1.log")"
		sleep 0.1
	done
}

# QEMU shares the machine's memory with who serves a device, and finds it only where somebody listens already.
if [ -n "$server" ]; then
	set -- -object memory-backend-memfd,id=ram,size=512M,share=on -machine memory-backend=ram \
		-device "intel-iommu,intremap=on,$scalable,fsts=on,svm=on,caching-mode=on,device-iotlb=on,pasid-bits=20"
	for number in 1 2; do
		serve "$work/device$number"
		set -- "$@" -device \
			"{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"$work/device$number\"}}"
	done
else
	set -- -device "intel-iommu,intremap=on,$scalable" -device edu,dma_mask=0xffffffffff
fi

# Never iommu=pt: with it the unit of some QEMUs lets DMA pass untranslated. The kernel's check of its timer fails where the
# machine has to wait for a processor.
status=0
timeout -k 5 "$timeout" "$qemu" -M q35,kernel-irqchip=off -accel tcg -smp 2 -m 512 \
	-nodefaults -no-user-config -display none -no-reboot -serial "file:$work/serial" "$@" \
	-kernel "$kernel" -initrd "$initramfs" -append "console=ttyS0 panic=-1 no_timer_check intel_iommu=on,sm_on" \
	</dev/null >"$work/qemu" 2>&1 || status=$?
touch "$work/serial"
tr -d '\r' <"$work/serial" >"$work/console"
# say_seen - print what ran where, and how it ended, as a row of a table.
say_seen()
{
	version=$("$qemu" --version | sed -n '1s/^QEMU emulator version \([0-9.]*\).*/\1/p')
	machine=$(sed -n 's/^vm: \(Linux [0-9.]*\),.*/\1/p' "$work/console" | head -n 1)
	test=$(sed -n 's/^# \([^:]*\): [0-9]* of [0-9]* cases$/\1/p' "$work/console" | tail -n 1)
	name=${log##*/console-}
	ended=$(sed -n 's/^\([0-9]* passed, [0-9]* failed\)$/\1/p' "$work/console")
	# An example has no cases; its end is the machine's.
	[ -n "$ended" ] || ended=$(sed -n 's/^vm: \(exit status [0-9]*\)$/\1/p' "$work/console")
	printf '| %s | %s | %s | %s | %s |\n' "${test:-${name%.txt}}" "${machine:-did not start}" "QEMU $version" \
		"$([ -n "$server" ] && echo 'PASID devices of our own' || echo "edu, kernel's mock devices")" "${ended:-did not end}"
}

if [ -n "$log" ]; then
	cat "$work/console" "$work/qemu" >"$log"
	say_seen >"${log%.txt}.seen"
fi
sed -n '/^vm: /,$p' "$work/console"
result=$(sed -n 's/^vm: exit status \([0-9]*\)$/\1/p' "$work/console")
if [ -z "$result" ]; then
	tail -n 40 "$work/console" >&2
	grep '^qemu' "$work/qemu" >&2 || :
	[ $status -ne 124 ] || die "THE TEST MACHINE HUNG: given up after $timeout s"
	die "THE TEST MACHINE DIED before its test ended: QEMU's status is $status, see above"
fi
exit "$result"
