#!/bin/bash
# The README's second command: install the packages and run everything that can be run on this machine. The last line is
# "N passed, N failed" over all configurations, and the exit status is not 0 if anything failed, did not run, or was skipped
# for another reason than missing hardware, or valgrind.
#
# usage: run-tests.sh [stage...]        (all stages without arguments)
set -eu
cd "$(dirname "$0")/.."
top=$PWD
jobs=$(nproc)
logs=$top/build/logs
all="gcc clang asan tsan valgrind distcheck vm"
# A stage that takes longer than this many seconds hangs.
limit=${IOASID_STAGE_TIMEOUT:-1200}

# What a failed stage leaves is worth reading on a machine that is gone tomorrow: the end of its log, and the log of each
# test that failed.
show_failure()
{
	local stage=$1

	echo "---- $stage: last lines of $logs/$stage.log"
	tail -n 40 "$logs/$stage.log"
	find "build/$stage" -name '*.trs' 2>/dev/null | sort | while read -r trs; do
		grep -qE '^:global-test-result: (FAIL|ERROR|XPASS)' "$trs" || continue
		echo "---- $stage: ${trs%.trs}.log"
		grep -avE '^ok ' "${trs%.trs}.log" | tail -n 60
	done
}

build_in()
{
	local dir=$1
	shift
	mkdir -p "build/$dir"
	cd "build/$dir"
	../../configure --quiet "$@"
	make -j"$jobs" --no-print-directory
}

# The checks of the source tree do not depend on how it is built, and are made by the first two stages only; the virtual machine
# has a stage of its own.
check()
{
	timeout -k 10 "$limit" make check -j"$jobs" --no-print-directory "$@" </dev/null
}

stage_gcc()
{
	build_in gcc --enable-werror CC=gcc CXX=g++
	check VM_TESTS=
}

stage_clang()
{
	build_in clang --enable-werror --enable-shared --enable-debug CC=clang CXX=clang++
	check VM_TESTS=
}

stage_asan()
{
	build_in asan --enable-werror --enable-debug --enable-sanitize=address,undefined CC=gcc CXX=g++
	IOASID_EXPLORE_PREEMPTIONS=1 check VM_TESTS= CHECKS=
}

stage_tsan()
{
	build_in tsan --enable-werror --enable-debug --enable-sanitize=thread CC=gcc CXX=g++
	IOASID_EXPLORE_PREEMPTIONS=1 check VM_TESTS= CHECKS=
}

stage_valgrind()
{
	build_in valgrind --enable-werror --without-jemalloc CC=gcc CXX=g++
	IOASID_EXPLORE_PREEMPTIONS=0 check VM_TESTS= CHECKS= LOG_COMPILER="$top/tools/under-valgrind.sh"
}

stage_distcheck()
{
	mkdir -p build/distcheck
	cd build/distcheck
	../../configure --quiet
	timeout -k 10 "$limit" make distcheck --no-print-directory VM_TESTS=
}

stage_vm()
{
	build_in vm --enable-werror CC=gcc CXX=g++
	while [ ! -e "$logs/kernel.status" ]; do
		sleep 1
	done
	cat "$logs/kernel.log"
	check TESTS='$(VM_TESTS)'
}

# The test kernel takes minutes to build where it is not in the cache yet, so that begins first and beside everything else.
begin_kernel()
{
	# Without a home there is no cache for it to be found in later.
	[ -n "${IOASID_CACHE-${XDG_CACHE_HOME:-${HOME:-}}}" ] || export IOASID_CACHE="$top/build/cache"
	rm -f "$logs/kernel.status"
	(
		status=0
		nice timeout -k 10 3000 tests/vm/build-kernel.sh tests/vm/vtd-kernel.config build/kernel/bzImage || status=$?
		echo $status >"$logs/kernel.status"
	) >"$logs/kernel.log" 2>&1 </dev/null &
}

# A stage is a process of its own, so that set -e holds in it.
if [ "${1:-}" = --stage ]; then
	"stage_$2"
	exit
fi

passed=0
failed=0
skipped=0
avoidable=0

run_stage()
{
	local stage=$1 begun=$SECONDS result=ok p=0 f=0 s=0 skips

	rm -rf "build/$stage"
	"$0" --stage "$stage" >"$logs/$stage.log" 2>&1 </dev/null || result=FAILED
	if [ "$stage" != distcheck ]; then
		read -r p f s <<<"$(tools/count-tests.sh "build/$stage")"
	elif [ $result = ok ]; then
		p=1
	fi
	# A stage that ran no test, or failed without a failed test, has failed.
	[ "$((p + f + s))" != 0 ] || result=FAILED
	[ $result = ok ] || [ "$f" != 0 ] || f=1
	passed=$((passed + p))
	failed=$((failed + f))
	skipped=$((skipped + s))
	echo "$stage: $result, $p passed, $f failed, $s skipped, $((SECONDS - begun)) s"
	[ $result = ok ] || show_failure "$stage"
	# Only hardware that is not there may be missed, and what another stage runs: everything else comes with the packages.
	skips=$(grep -rahE '(^|# )SKIP: ' "build/$stage/tests" --include='*.log' 2>/dev/null || :)
	if [ -n "$skips" ]; then
		echo "$skips"
		avoidable=$((avoidable + $(grep -cvE 'SKIP: (no hardware|not under valgrind)' <<<"$skips" || :)))
	fi
}

# Nothing was tested, and the last line says so too.
give_up()
{
	echo "$1" >&2
	echo "0 passed, 1 failed"
	exit 1
}

mkdir -p "$logs"
tools/install-packages.sh test || give_up "the packages could not be installed"
[ ! -e config.status ] || give_up "the source folder is configured in place: run make distclean first"
if ! ./autogen.sh >"$logs/autogen.log" 2>&1 </dev/null; then
	cat "$logs/autogen.log"
	give_up "autogen.sh failed"
fi

stages=${*:-$all}
case " $stages " in
*" vm "*) begin_kernel ;;
esac
for stage in $stages; do
	run_stage "$stage"
done
if [ "$skipped" != 0 ]; then
	echo "$passed passed, $failed failed, $skipped skipped"
else
	echo "$passed passed, $failed failed"
fi
[ "$failed" = 0 ] && [ "$avoidable" = 0 ]
