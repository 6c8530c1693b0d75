#!/bin/sh
# Make configure and the Makefile.in of a fresh checkout. Needs autoconf, automake, libtool and pkg-config.
set -eu
cd "$(dirname "$0")"
mkdir -p build-aux m4
exec autoreconf --install --force --warnings=all,error
