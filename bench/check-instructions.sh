#!/bin/sh
# usage: check-instructions.sh PROGRAM TABLE [--update]
#
# Count instructions of each operation with callgrind and compare with the table: more than 5 percent more is a failure.
# --update writes the table. The counts belong to the compiler and flags that its first line names.
set -eu
program=$1 table=$2 update=${3:-}
command -v valgrind >/dev/null || { echo "bench-check: valgrind is missing" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
count=1024

# A libtool script would be counted instead of the program that it starts; --tool and the like go to the program proper.
for operation in $("$program"); do
	valgrind --tool=callgrind --callgrind-out-file="$work/out" --collect-atstart=no --toggle-collect=counted \
		"$program" "$operation" $count >"$work/said" 2>&1 ||
		{ cat "$work/said"; echo "bench-check: $operation failed" >&2; exit 1; }
	awk -v name="$operation" -v n=$count '/Collected :/ { printf "%-30s %.1f\n", name, $4 / n }' "$work/said"
done >"$work/now"

if [ "$update" = --update ]; then
	{ echo "# Instructions per operation, loop and call included: ${BENCH_BUILD:-}. make bench-count writes this table."
	cat "$work/now"; } >"$table"
	cat "$table"
	exit 0
fi
head -n 1 "$table"
echo "# this build: ${BENCH_BUILD:-}"
awk '
	FNR == NR { if ($1 != "#") was[$1] = $2; next }
	{
		if (!($1 in was)) { printf "%-30s %8.1f, not in the table\n", $1, $2; bad = 1; next }
		worse = $2 > was[$1] * 1.05
		printf "%-30s %8.1f, table %8.1f %s\n", $1, $2, was[$1], worse ? "MORE THAN 5 % OVER IT" : ""
		bad = bad || worse
		seen[$1] = 1
	}
	END {
		for (name in was) if (!(name in seen)) { printf "%s is not counted any more\n", name; bad = 1 }
		exit bad
	}' "$table" "$work/now"
