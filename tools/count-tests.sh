#!/bin/sh
# usage: count-tests.sh BUILDDIR...
#
# Add up what the test programs and scripts of finished "make check" runs said. Prints "passed failed skipped" as three
# numbers. A test that failed without admitting a failed case counts as one failed, one that passed in silence as one passed.
set -eu

for dir in "$@"; do
	find "$dir" -name '*.trs' | sort
done | while read -r trs; do
	result=$(sed -n 's/^:global-test-result: *//p' "$trs")
	line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$' "${trs%.trs}.log" | tail -n 1)
	echo "$result ${line:-none}"
done | awk '
	{
		p = f = s = 0
		if ($2 != "none") { p = $2; f = $4; s = $6 + 0 }
		sub(/,$/, "", f)
		if ($1 == "SKIP") { if (!s) s = 1 }
		else if ($1 == "PASS") { if ($2 == "none") p = 1 }
		else if (f + 0 == 0) f = 1
		passed += p; failed += f; skipped += s
	}
	END { print passed + 0, failed + 0, skipped + 0 }'
