#!/bin/sh
# Each mode of the examples runs, prints its steps, and says no where it is asked for what it does not have (S11).
set -eu
: "${top_srcdir:=.}" "${top_builddir:=.}"
. "$top_srcdir/tests/cases.sh"
guest_sva="$top_builddir/examples/guest-sva"
vmm_sva="$top_builddir/examples/vmm-sva"

# shows MODE REFERENCES - the last column of each step, joined, is what S11 says.
shows()
{
	"$guest_sva" "$1" >"$work/out" || return 1
	cat "$work/out"
	[ "$(sed -n 's/^  .*  \([0-9-]*\)$/\1/p' "$work/out" | tr -d '\n')" = "$2" ]
}

dies()
{
	"$guest_sva" crash 2000 >"$work/out" || return 1
	cat "$work/out"
	grep -q 'dies with 2000 IOASIDs' "$work/out" && grep -q 'of those failed  *0$' "$work/out"
}

refuses()
{
	! "$guest_sva" "$@" || return 1
}

no_backend()
{
	! IOASID_BACKEND_PATH=/nonexistent "$guest_sva" normal
}

# vmm WHAT [argument...] - it shows that, and DMA that passes and is blocked.
vmm()
{
	what=$1
	shift
	"$vmm_sva" "$@" mock >"$work/out" || return 1
	cat "$work/out"
	grep -q "^$what" "$work/out" && grep -q "^all of it is in the guest's memory  *yes" "$work/out" &&
		grep -q '^DMA is blocked  *yes' "$work/out"
}

vmm_refuses()
{
	! "$vmm_sva" "$@"
}

try "guest-sva shows the life cycle of guest SVA (S11.2)" shows normal 1233443321"11-"
try "guest-sva shows a free before unbind (S11.3)" shows misbehaving 123344433222"1--11"
try "guest-sva shows native SVA, twice (S11.1)" shows native "-12211--12211--"
try "guest-sva shows KVM ending first (S11.4)" shows kvm-exit "123344321-"
try "guest-sva lets a VM die (S11.5)" dies
try "guest-sva refuses a mode that it does not have" refuses nonsense
try "guest-sva refuses a VM without IOASIDs" refuses crash 0
try "guest-sva says so if the software IOMMU is not there (S9.16)" no_backend
try "vmm-sva serves the page requests of a guest's PASID (S18.1)" vmm "answer them  *done"
try "vmm-sva serves a group of more requests than it reads at once (S18.1)" vmm "  the device asked for 10 pages ahead, and for 2 when"
try "vmm-sva survives a guest that frees what its device uses (S9.7)" vmm "unbind, too late" -m
try "vmm-sva refuses a device of a backend that has its own" vmm_refuses mock 0000:00:01.0
end_cases
