#!/bin/sh
# usage: seen.sh DOCUMENT ROWS...
#
# Replace the table between the two marks in DOCUMENT by the rows that runs of the test machine have left behind.
set -eu
document=$1
shift
[ -e "$1" ] || {
	echo "seen.sh: no run has left anything: make check first" >&2
	exit 1
}
new=$document.new.$$
trap 'rm -f "$new"' EXIT
{
	sed '/^<!-- seen -->$/q' "$document"
	echo '| test | kernel | machine | devices | result |'
	echo '|---|---|---|---|---|'
	cat "$@"
	sed -n '/^<!-- end of seen -->$/,$p' "$document"
} >"$new"
mv "$new" "$document"
