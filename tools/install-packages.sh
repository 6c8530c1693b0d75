#!/bin/sh
# usage: install-packages.sh build|test|bench
#
# Install from Debian 12's archive what building ("build"), the whole test suite ("test") or the benchmark with all its
# contestants ("bench") needs. Only missing packages are
# asked for; if there are none the network is not touched and root is not needed.
set -eu
cd "$(dirname "$0")/.."

list()
{
	sed -n 's/^build  *//p' tools/packages.txt
	[ "$1" != bench ] || sed -n 's/^bench  *//p' tools/packages.txt
	[ "$1" = test ] || return 0
	sed -n 's/^test  *//p' tools/packages.txt
	[ ! -f tests/vm/packages.txt ] || sed -n 's/^test  *//p' tests/vm/packages.txt
}

case ${1:-} in
build|test|bench) ;;
*) echo "usage: $0 build|test|bench" >&2; exit 2 ;;
esac

missing=
for p in $(list "$1"); do
	case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || :) in
	"install ok installed") ;;
	*) missing="$missing $p" ;;
	esac
done
[ -n "$missing" ] || { echo "packages: all there"; exit 0; }

echo "packages: installing$missing"
if [ "$(id -u)" != 0 ]; then
	echo "packages: this needs root: apt-get install$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for try in 1 2 3; do
	if { apt-get -q update && apt-get -q -y --no-install-recommends install $missing; } >"$log" 2>&1 </dev/null; then
		echo "packages: done"
		exit 0
	fi
	echo "packages: try $try failed" >&2
	sleep 5
done
tail -n 40 "$log" >&2
exit 1
