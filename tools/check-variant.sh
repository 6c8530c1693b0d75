#!/bin/sh
# usage: check-variant.sh SRCDIR BUILDDIR configure-argument...
#
# Run the whole test suite in a build tree of its own below the current one. CC and MAKE come from the environment, and
# LOG_COMPILER, where it is set, runs each test program. Where the sources are configured in place they cannot serve a second
# tree, so a copy of what would be distributed is made for it.
set -eu
srcdir=$1
dir=$2
shift 2
: "${MAKE:=make}"

if [ -e "$srcdir/config.status" ]; then
	"$MAKE" distdir distdir="$dir.src"
	srcdir=$PWD/$dir.src
	trap 'chmod -R u+w "$srcdir"; rm -rf "$srcdir"' EXIT
fi
mkdir -p "$dir"
cd "$dir"
[ -e config.status ] || "$srcdir/configure" --quiet ${CC:+CC="$CC"} "$@"
"$MAKE" --no-print-directory
if [ -n "${LOG_COMPILER:-}" ]; then
	"$MAKE" --no-print-directory check LOG_COMPILER="$LOG_COMPILER"
else
	"$MAKE" --no-print-directory check
fi
