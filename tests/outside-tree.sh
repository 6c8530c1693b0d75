#!/bin/sh
# Install into an empty folder and use what is there as an outsider does: a C and a C++ program that link with pkg-config --static, and a
# plugin built with nothing but the ABI's header. Then uninstall, and nothing may be left.
set -eu
: "${top_srcdir:=.}" "${top_builddir:=.}" "${CC:=cc}" "${CXX:=c++}" "${MAKE:=make}" "${NM:=nm}"
. "$top_srcdir/tests/cases.sh"
dest=$work/dest
mkdir "$dest"

install_tree()
{
	"$MAKE" -C "$top_builddir" --no-print-directory install DESTDIR="$dest"
}

uninstall_tree()
{
	"$MAKE" -C "$top_builddir" --no-print-directory uninstall DESTDIR="$dest" || return 1
	left=$(find "$dest" ! -type d)
	[ -z "$left" ] || { echo "left behind: $left"; return 1; }
}

# The installed description speaks of the final place; an outsider in a DESTDIR shifts it with the system root.
query()
{
	PKG_CONFIG_PATH="$dest$libdir/pkgconfig" pkg-config "$@" "$package"
}

package=libioasid
shifted()
{
	query --define-variable=prefix="$dest$prefix" --define-variable=exec_prefix="$dest$prefix" \
		--define-variable=libdir="$dest$libdir" --define-variable=includedir="$dest$includedir" "$@"
}

variable()
{
	makefile_value "$1" | sed "s|\${prefix}|$prefix|g; s|\${exec_prefix}|$prefix|g"
}

write_sources()
{
	cat >"$work/program.c" <<'C'
#include <ioasid/ioasid.h>
#include <stdio.h>

int main(void)
{
	struct ioasid_pool *pool;
	struct ioasid_set *set;
	ioasid_t id;

	if (ioasid_version_number() != IOASID_VERSION_NUMBER || ioasid_pool_create(NULL, &pool))
		return 1;
	if (ioasid_set_alloc(pool, IOASID_SET_OPAQUE, 1, 10, &set) || ioasid_alloc(set, 1, 100, NULL, &id))
		return 1;
	printf("%s: %u\n", ioasid_version(), (unsigned int)id);
	if (ioasid_free(set, id) || ioasid_set_put(set) != 1 || ioasid_pool_destroy(pool))
		return 1;
	return 0;
}
C
	cp "$work/program.c" "$work/program.cc"
	cat >"$work/decoder.c" <<'C'
#include <ioasid-guest/guest.h>
#include <string.h>

static int no_memory(void *context, uint64_t address, void *buffer, uint32_t length)
{
	(void)context, (void)address, (void)buffer, (void)length;
	return -1;
}

int main(void)
{
	const uint8_t wait[16] = { 0x25, 0, 0, 0, 7, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0 };
	struct ioasid_guest_vtd_invalidation said;
	struct ioasid_guest_vtd_context context;
	struct ioasid_guest_vtd_unit unit;
	struct ioasid_guest_error error;

	memset(&unit, 0, sizeof(unit));
	unit.address_bits = 39;
	unit.memory.read = no_memory;
	if (ioasid_guest_vtd_invalidation_decode(&unit, wait, sizeof(wait), &said, &error))
		return 1;
	if (said.status_address != 0x1000 || said.status_data != 7)
		return 1;
	ioasid_guest_vtd_context_find(&unit, 0x1400, 0, &context, &error);
	return error.code != IOASID_GUEST_WRONG_READ;
}
C
	cp "$work/decoder.c" "$work/decoder.cc"
	cat >"$work/plugin.c" <<'C'
#include <ioasid_backend.h>

__attribute__((visibility("default")))
int32_t ioasid_backend_entry_v1(const struct ioasid_be_query *query, struct ioasid_be_reply *reply)
{
	(void)query;
	(void)reply;
	return IOASID_BE_EPROTONOSUPPORT;
}
C
}

# Where the shared library is installed too, the linker would take that one.
static_flags()
{
	shifted --static --cflags --libs | sed 's/-lioasid\>/-l:libioasid.a/'
}

build_c()
{
	$CC $CFLAGS_OF_BUILD -Wall -Wextra -Werror -o "$work/program" "$work/program.c" $(static_flags)
}

build_cxx()
{
	$CXX $CFLAGS_OF_BUILD -Wall -Wextra -Werror -o "$work/program++" "$work/program.cc" $(static_flags)
}

# Linking the library must not bring in another malloc, nor leave the library itself to be found at run time.
links_lightly()
{
	ldd "$work/program" >"$work/ldd"
	cat "$work/ldd"
	! grep -E 'jemalloc|libioasid' "$work/ldd"
}

# The guest's library needs nothing but itself.
build_decoder()
{
	package=libioasid-guest
	$CC $CFLAGS_OF_BUILD -Wall -Wextra -Werror -o "$work/decoder" "$work/decoder.c" \
		$(shifted --static --cflags --libs | sed 's/-lioasid-guest\>/-l:libioasid-guest.a/') &&
		$CXX $CFLAGS_OF_BUILD -Wall -Wextra -Werror -o "$work/decoder++" "$work/decoder.cc" \
			$(shifted --static --cflags --libs | sed 's/-lioasid-guest\>/-l:libioasid-guest.a/')
	status=$?
	package=libioasid
	return $status
}

decoders_run()
{
	"$work/decoder" && "$work/decoder++"
}

build_plugin()
{
	$CC $CFLAGS_OF_BUILD -std=c99 -Wall -Wextra -Wpedantic -Werror -fPIC -fvisibility=hidden -shared \
		-o "$work/plugin.so" "$work/plugin.c" -I"$(shifted --variable=abidir)"
}

plugin_shows_its_entry()
{
	[ "$($NM -D --defined-only "$work/plugin.so" | sed 's/.* //' | grep -v '^__')" = ioasid_backend_entry_v1 ]
}

plugins_are_installed()
{
	for plugin in "$top_builddir"/plugins/*.so; do
		[ -e "$plugin" ] || continue
		cmp "$plugin" "$dest$libdir/ioasid/${plugin##*/}" || [ -s "$dest$libdir/ioasid/${plugin##*/}" ] || return 1
	done
	! find "$dest$libdir/ioasid" -name '*.la' 2>/dev/null | grep .
}

prefix=$(makefile_value prefix)
libdir=$(variable libdir)
includedir=$(variable includedir)
CFLAGS_OF_BUILD=$(makefile_value SAN_CFLAGS)
write_sources
try "make install fills an empty folder" install_tree
try "every plugin is installed, and no libtool file beside it" plugins_are_installed
try "an outside C program builds with pkg-config --static" build_c
try "that program runs" "$work/program"
try "that program has neither jemalloc nor a shared libioasid" links_lightly
try "an outside C++ program builds with pkg-config --static" build_cxx
try "that C++ program runs" "$work/program++"
try "outside C and C++ programs of libioasid-guest build with pkg-config alone" build_decoder
try "those programs run" decoders_run
try "an outside plugin builds with the ABI's header alone" build_plugin
try "that plugin shows its entry and nothing else" plugin_shows_its_entry
try "make uninstall leaves nothing" uninstall_tree
end_cases
