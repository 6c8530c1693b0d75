#!/bin/sh
# The fuzz targets of libioasid-guest under clang's libFuzzer with address and undefined behaviour sanitizers, from their seeds.
# FUZZ_RUNS: inputs of each target (default 200000); FUZZ_SECONDS: for as long instead; FUZZ_CORPUS: a folder in which what was
# found is kept from run to run; FUZZ_TARGETS: which.
set -eu
: "${top_srcdir:=.}" "${FUZZ_RUNS:=200000}" "${FUZZ_SECONDS:=}" "${FUZZ_CLANG:=clang}" "${FUZZ_CORPUS:=}" "${FUZZ_TARGETS:=tables queue pages}"
. "$top_srcdir/tests/cases.sh"

flags="-std=c11 -O1 -g -D_GNU_SOURCE -I$top_srcdir/include -I$top_srcdir/abi -I$top_srcdir"
checked="-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined"
common="$top_srcdir/tests/fuzz/common.c $top_srcdir/tests/fuzz/fuzz_tables.c $top_srcdir/tests/fuzz/fuzz_queue.c
	$top_srcdir/tests/fuzz/fuzz_pages.c"
library="$top_srcdir/guest/unit.c"
for f in "$top_srcdir"/guest/vtd_*.c; do
	library="$library $f"
done

echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d && n > 9999; }' >"$work/try.c"
if ! "$FUZZ_CLANG" $checked -o "$work/try" "$work/try.c" >"$work/log" 2>&1; then
	sed 's/^/# /' "$work/log"
	echo "# SKIP: $FUZZ_CLANG has no libFuzzer (packages clang and libclang-rt-dev): NOTHING WAS FUZZED" >&2
	echo "0 passed, 0 failed, 1 skipped"
	exit 77
fi

make_seeds()
{
	"$FUZZ_CLANG" $flags -o "$work/seeds" "$top_srcdir/tests/fuzz/seeds.c" $common $library
	for t in tables queue pages; do
		mkdir -p "$work/corpus/$t"
	done
	"$work/seeds" "$work/corpus"
}

build()
{
	"$FUZZ_CLANG" $flags $checked -DFUZZ_TARGET="fuzz_$1" -o "$work/fuzz_$1" "$top_srcdir/tests/fuzz/entry.c" $common $library
}

# What ends the process is kept where the script was begun. libFuzzer reads and writes the first folder, and reads the others.
fuzz()
{
	kept=
	if [ -n "$FUZZ_CORPUS" ]; then
		mkdir -p "$FUZZ_CORPUS/$1"
		kept=$FUZZ_CORPUS/$1
	fi
	limit=-runs=$FUZZ_RUNS
	[ -z "$FUZZ_SECONDS" ] || limit=-max_total_time=$FUZZ_SECONDS
	"$work/fuzz_$1" "$limit" -seed=1 -max_len=4096 -timeout=120 -rss_limit_mb=1024 -artifact_prefix="fuzz-$1-" \
		$kept "$work/corpus/$1" >"$work/$1.log" 2>&1 || { tail -n 60 "$work/$1.log"; return 1; }
}

# How many points of the code were reached shows that the seeds lead somewhere. The half of what was seen when this was written.
goes_deep()
{
	case $1 in
	tables) wanted=130 ;;
	queue) wanted=95 ;;
	*) wanted=35 ;;
	esac
	reached=$(sed -n 's/^#[0-9]*[[:space:]]*DONE *cov: \([0-9]*\) .*/\1/p' "$work/$1.log")
	echo "$reached points reached, $wanted wanted"
	[ "${reached:-0}" -ge "$wanted" ]
}

try "the seeds are made" make_seeds
for t in $FUZZ_TARGETS; do
	try "the fuzz target $t builds with libFuzzer" build "$t"
	try "the fuzz target $t runs" fuzz "$t"
	try "the fuzz target $t reaches the depths of the code" goes_deep "$t"
	sed -n 's/^#[0-9]*[[:space:]]*DONE/# &/p' "$work/$t.log"
done
end_cases
