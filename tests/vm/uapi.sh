#!/bin/sh
# Our declarations of the kernel's interface against its newest headers, see tests/test_uapi.c.
set -eu
work=$(mktemp -d "${TMPDIR:-/tmp}/ioasid-uapi.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
"$top_srcdir/tests/vm/fetch-headers.sh" "$work/headers"
echo "# headers: linux-libc-dev $(cat "$work/headers/version")"
${CC:-cc} -std=gnu11 -Wall -Wextra -Werror -I"$top_srcdir" -isystem "$work/headers/include" \
	"$top_srcdir/tests/test_uapi.c" -o "$work/test_uapi"
"$work/test_uapi"
