# Benchmarks: built with everything else, run by "make bench" and "make bench-check", installed by nobody.
noinst_PROGRAMS += %D%/ioasid-bench
%C%_ioasid_bench_SOURCES = \
	%D%/bench.h \
	%D%/main.c \
	%D%/measure.c \
	%D%/memory.c \
	%D%/memory.h \
	%D%/mock.c \
	%D%/mock.h \
	%D%/output.c \
	%D%/peers/call.c \
	%D%/peers/floor.c \
	%D%/peers/ioasid.c \
	%D%/peers/peer.h \
	%D%/rows.c \
	%D%/rows.h \
	%D%/rows_alloc.c \
	%D%/rows_bind.c \
	%D%/rows_crowd.c \
	%D%/rows_size.c \
	%D%/rows_whole.c \
	%D%/setup.c
BENCH_CPPFLAGS = $(AM_CPPFLAGS) $(BENCH_PEERS)
%C%_ioasid_bench_CPPFLAGS = $(BENCH_CPPFLAGS)
%C%_ioasid_bench_LDADD = $(BENCH_LIBS) $(PROGRAM_LIBS) $(BENCH_PEER_LIBS)

# A library per contestant: each has flags of its own, and headers that know nothing of ours.
BENCH_LIBS =
BENCH_PEERS =
BENCH_PEER_LIBS =
dist_noinst_DATA += \
	%D%/peers/bitmap.h \
	%D%/peers/obj.h \
	%D%/peers/store.h

if HAVE_GLIB
noinst_LTLIBRARIES += %D%/peers/libglib.la
%C%_peers_libglib_la_SOURCES = %D%/peers/glib.c
%C%_peers_libglib_la_CPPFLAGS = $(AM_CPPFLAGS) $(GLIB_CFLAGS)
BENCH_LIBS += %D%/peers/libglib.la
BENCH_PEERS += -DHAVE_GLIB
BENCH_PEER_LIBS += $(GLIB_LIBS)
endif

if HAVE_ROARING
noinst_LTLIBRARIES += %D%/peers/libroaring.la
%C%_peers_libroaring_la_SOURCES = %D%/peers/roaring.c
BENCH_LIBS += %D%/peers/libroaring.la
BENCH_PEERS += -DHAVE_ROARING
BENCH_PEER_LIBS += -lroaring
endif

if HAVE_JUDY
noinst_LTLIBRARIES += %D%/peers/libjudy.la
%C%_peers_libjudy_la_SOURCES = %D%/peers/judy.c
BENCH_LIBS += %D%/peers/libjudy.la
BENCH_PEERS += -DHAVE_JUDY
BENCH_PEER_LIBS += -lJudy
endif

if HAVE_CK
noinst_LTLIBRARIES += %D%/peers/libck.la
%C%_peers_libck_la_SOURCES = %D%/peers/ck.c
%C%_peers_libck_la_CPPFLAGS = $(AM_CPPFLAGS) $(CK_CFLAGS)
BENCH_LIBS += %D%/peers/libck.la
BENCH_PEERS += -DHAVE_CK
BENCH_PEER_LIBS += $(CK_LIBS)
endif

if HAVE_LFHT
noinst_LTLIBRARIES += %D%/peers/liblfht.la
%C%_peers_liblfht_la_SOURCES = %D%/peers/lfht.c
%C%_peers_liblfht_la_CPPFLAGS = $(AM_CPPFLAGS) $(LFHT_CFLAGS)
BENCH_LIBS += %D%/peers/liblfht.la
BENCH_PEERS += -DHAVE_LFHT
BENCH_PEER_LIBS += $(LFHT_LIBS)
endif

if HAVE_TBB
noinst_LTLIBRARIES += %D%/peers/libtbb.la
%C%_peers_libtbb_la_SOURCES = %D%/peers/tbb.cc
%C%_peers_libtbb_la_CPPFLAGS = $(AM_CPPFLAGS) $(TBB_CFLAGS)
%C%_peers_libtbb_la_CXXFLAGS = $(AM_CXXFLAGS)
BENCH_LIBS += %D%/peers/libtbb.la
BENCH_PEERS += -DHAVE_TBB
BENCH_PEER_LIBS += $(TBB_LIBS) -lstdc++
endif

# The kernel's own allocator, out of Debian's linux-source-6.1; not part of "all".
dist_noinst_SCRIPTS += %D%/build-kernel-peer.sh
dist_noinst_DATA += %D%/peers/kernel.c
bench-kernel:
	CC="$(CC)" $(SHELL) $(top_srcdir)/%D%/build-kernel-peer.sh $(top_srcdir) %D%/kernel-peer.so $(CFLAGS)
.PHONY: bench-kernel
CLEANFILES += %D%/kernel-peer.so

# A table in about a minute. BENCH_ARGS adds to it: make bench BENCH_ARGS='--seconds 1 --plot result'.
bench: %D%/ioasid-bench all-local
	IOASID_BACKEND_PATH=$(abs_builddir)/plugins %D%/ioasid-bench --seconds 0.05 $(BENCH_ARGS)
.PHONY: bench

# Instructions per operation, which repeat exactly: bench-check compares with the table, bench-count writes it.
noinst_PROGRAMS += %D%/ioasid-count
%C%_ioasid_count_SOURCES = %D%/count.c %D%/count_inline.c
%C%_ioasid_count_LDADD = $(PROGRAM_LIBS)
dist_noinst_SCRIPTS += %D%/check-instructions.sh
dist_noinst_DATA += %D%/instructions.txt
COUNT = BENCH_BUILD="`$(CC) --version | $(SED) 1q`, $(CFLAGS)" $(SHELL) $(top_srcdir)/%D%/check-instructions.sh \
	%D%/ioasid-count $(top_srcdir)/%D%/instructions.txt

bench-check: %D%/ioasid-count
	$(COUNT)

bench-count: %D%/ioasid-count
	$(COUNT) --update
.PHONY: bench-check bench-count
