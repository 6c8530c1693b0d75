#!/bin/sh
# The programs of docs/flows.md go through, step by step, and come to the end that the manual promises (S9, S16 - S18).
set -eu
: "${top_srcdir:=.}" "${top_builddir:=.}"
. "$top_srcdir/tests/cases.sh"

# goes NAME LINE... - the flow succeeds, and has each of these lines in this order.
goes()
{
	goes=$1
	shift
	"$top_builddir/examples/flow-$goes" >"$work/out" 2>"$work/err" || { cat "$work/out" "$work/err"; return 1; }
	for line in "$@"; do
		grep -qF -- "$line" "$work/out" || { echo "not there, or too early: $line"; return 1; }
		sed "1,/$(printf '%s' "$line" | sed 's|[][\\/.*^$]|\\&|g')/d" "$work/out" >"$work/rest"
		mv "$work/rest" "$work/out"
	done
	[ ! -s "$work/err" ]
}

no_backend()
{
	! IOASID_BACKEND_PATH=/nonexistent "$top_builddir/examples/flow-$1" >"$work/out" 2>"$work/err" && [ -s "$work/err" ]
}

# Every heading of the manual that names a program names one that exists, and every program is named.
manual()
{
	for flow in viommu mediated runtime two-vms sandbox; do
		grep -q "^## .*examples/flow-$flow.c" "$top_srcdir/docs/flows.md" || return 1
		[ -f "$top_srcdir/examples/flow-$flow.c" ] || return 1
	done
	for call in $(grep -o '`ioasid_[a-z_]*()`' "$top_srcdir/docs/flows.md" | tr -d '`()' | sort -u); do
		grep -q "\\b$call(" "$top_srcdir"/include/ioasid/*.h || { echo "no header has $call()"; return 1; }
	done
}

try "an emulated IOMMU with adopted device and memory goes through (S3.5, S9.3, S9.9, S9.13, S17.1)" goes viommu \
	"set and cleared a thousand times" "the device sees what the guest wrote" "page group response" "FLR" \
	"the guest is reset" "Hot unplug" "its RID is as it was" "nothing is left"
try "sub-devices share a PF, and one of two goes under load (S9.2, S18.1, S18.2, S18.3)" goes mediated \
	"shared by so many sub-devices" "by VM 2, for the same PASID and group: without effect" "writes that did not arrive" \
	"the open page request was answered: failure" "DMA of VM 2 works on" "nothing is left"
try "a runtime has a thousand tenants, and one crashes (S2.3, S9.4, S9.7, S10.1)" goes runtime \
	"the write that was under way did not arrive" "tenants that did not notice" "nothing is left"
try "a VM dies while another works (S2.6, S9.14)" goes two-vms \
	"bindings that still reach memory" "rounds of VM 2 in which something went wrong" "nothing is left"
try "a VMM in a sandbox serves its guest from its own event loop (S14.4, S14.5, S9.9)" goes sandbox \
	"ioasid_pool_seal" "a filter is in force" "a page request came through the loop" "it is pulled out" \
	"the teardown was done in the loop" "nothing is left"
for flow in viommu mediated runtime two-vms sandbox; do
	try "flow-$flow says so if the software IOMMU is not there (S9.16)" no_backend "$flow"
done
try "the manual names the programs, and only calls that there are" manual
end_cases
