#!/bin/sh
# The example in README.md is taken out of it, compiled without a warning and run, and it is as short as it should be.
set -eu
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}" "${LIBTOOL:=$top_builddir/libtool}"
. "$top_srcdir/tests/cases.sh"

is_short()
{
	lines=$(grep -c . "$work/example.c")
	echo "$lines lines"
	[ "$lines" -gt 10 ] && [ "$lines" -le 32 ]
}

builds()
{
	$CC -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror $(makefile_value SAN_CFLAGS) -I"$top_srcdir/include" \
		-c -o "$work/example.o" "$work/example.c" &&
		"$LIBTOOL" --quiet --tag=CC --mode=link $CC $(makefile_value SAN_CFLAGS) -static -o "$work/example" "$work/example.o" \
			"$top_builddir/libioasid.la"
}

# BIND is event 4 and FREE event 2; both carry the guest's number.
runs()
{
	"$work/example" >"$work/out" || return 1
	cat "$work/out"
	[ "$(sed 's/IOASID [0-9]*/IOASID N/' "$work/out")" = "kvm: event 4, IOASID N, guest PASID 7
kvm: event 2, IOASID N, guest PASID 7" ]
}

sed -n '/^```c$/,/^```$/p' "$top_srcdir/README.md" | sed '1d;$d' >"$work/example.c"
try "the README's example has about thirty lines" is_short
try "the README's example compiles without a warning" builds
try "the README's example runs and tells of BIND and FREE" runs
end_cases
