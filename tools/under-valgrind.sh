#!/bin/sh
# Run one test program under valgrind: any error or definite leak fails it. Children made with fork are not followed into exec.
set -eu
: "${LIBTOOL:=./libtool}"
exec "$LIBTOOL" --silent --mode=execute valgrind --quiet --error-exitcode=1 --leak-check=full \
	--errors-for-leak-kinds=definite --fair-sched=yes "$@"
