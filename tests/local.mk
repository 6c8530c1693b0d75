# Tests. A module's test is one line in the fragment of its room: check_PROGRAMS += tests/test_<module>; its source is
# tests/test_<module>.c unless tests_test_<module>_SOURCES says otherwise. It is linked with the harness and the library.
VM_TESTS =
if HAVE_CUNIT
check_LIBRARIES += %D%/libharness.a
%C%_libharness_a_SOURCES = \
	%D%/harness.c \
	%D%/harness.h \
	%D%/rest.c \
	%D%/support.c \
	%D%/support.h
%C%_libharness_a_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)

check_PROGRAMS += \
	%D%/test_harness \
	%D%/test_version

include %D%/abi.mk
include %D%/core.mk
include %D%/device.mk
include %D%/contract.mk
include %D%/events.mk
include %D%/examples.mk
include %D%/explore.mk
include %D%/fault.mk
include %D%/guest.mk
include %D%/mock.mk
include %D%/vm.mk

TESTS += $(check_PROGRAMS)
else
check-local:
	@echo "make check: CUnit is missing, NOTHING WAS TESTED (install libcunit1-dev and configure again)" >&2
	@exit 1
endif

# Tests that boot a virtual machine: make check VM_TESTS= goes without them. tests/vm.mk appends its scripts.
TESTS += $(VM_TESTS)
dist_check_SCRIPTS += $(VM_TESTS)

# Checks of the tree and of what it builds. They need no CUnit.
CHECKS = \
	%D%/check-headers.py \
	%D%/check-includes.py \
	%D%/check-rules.py \
	%D%/check-style.py \
	%D%/check-symbols.py \
	%D%/fuzz.sh \
	%D%/outside-tree.sh \
	%D%/readme.sh
TESTS += $(CHECKS)
dist_check_SCRIPTS += \
	$(CHECKS) \
	%D%/checklib.py
dist_noinst_DATA += \
	%D%/cases.sh \
	%D%/fuzz/entry.c \
	%D%/fuzz/seeds.c \
	%D%/long-files.txt

check-rules:
	PYTHONDONTWRITEBYTECODE=1 top_srcdir='$(abs_top_srcdir)' $(PYTHON3) $(top_srcdir)/tests/check-rules.py

# Puts what the last runs of the test machine have seen into the table of docs/backend-vtd.md.
vm-seen:
	$(SHELL) $(top_srcdir)/%D%/vm/seen.sh $(top_srcdir)/docs/backend-vtd.md $(top_builddir)/%D%/vm/console-*.seen
.PHONY: check-rules vm-seen

# For as long as it is told: make fuzz FUZZ_SECONDS=600. What it learns is kept in fuzz-corpus, what it finds here.
FUZZ_SECONDS = 60
fuzz:
	top_srcdir='$(abs_top_srcdir)' FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_CORPUS=fuzz-corpus $(SHELL) $(top_srcdir)/tests/fuzz.sh
.PHONY: fuzz

# Millions of sequences of hostile moves, and thousands of storms of threads: make hostile-long HOSTILE_SEQUENCES=20000000. Another
# HOSTILE_SEED is another run; that of a failure's machines leads to the failure soon.
HOSTILE_SEQUENCES = 3000000
HOSTILE_SEED = 0x9e3779b97f4a7c15
hostile-long: %D%/test_hostile$(EXEEXT)
	IOASID_BACKEND_PATH='$(abs_top_builddir)/plugins'; IOASID_TEST_TIMEOUT=0; IOASID_TEST_SEED='$(HOSTILE_SEED)'; \
	export IOASID_BACKEND_PATH IOASID_TEST_TIMEOUT IOASID_TEST_SEED; \
	IOASID_TEST_ROUNDS='$(HOSTILE_SEQUENCES)' %D%/test_hostile$(EXEEXT) 'whatever a guest does' && \
	IOASID_TEST_ROUNDS="$$(($(HOSTILE_SEQUENCES) / 1000 + 1))" %D%/test_hostile$(EXEEXT) 'threads of a hostile guest'
.PHONY: hostile-long

# Scripts are run as they are; programs by LOG_COMPILER, where that is set.
TEST_EXTENSIONS = .sh .py
SH_LOG_COMPILER = $(SHELL)
PY_LOG_COMPILER = $(PYTHON3)
AM_TESTS_ENVIRONMENT = \
	IOASID_BACKEND_PATH='$(abs_top_builddir)/plugins'; \
	top_srcdir='$(abs_top_srcdir)'; \
	top_builddir='$(abs_top_builddir)'; \
	CC='$(CC)'; CXX='$(CXX)'; NM='$(NM)'; MAKE='$(MAKE)'; PYTHON3='$(PYTHON3)'; LIBTOOL='$(abs_top_builddir)/libtool'; \
	PYTHONDONTWRITEBYTECODE=1; UBSAN_OPTIONS="print_stacktrace=1:$$UBSAN_OPTIONS"; \
	export IOASID_BACKEND_PATH top_srcdir top_builddir CC CXX NM MAKE PYTHON3 LIBTOOL PYTHONDONTWRITEBYTECODE UBSAN_OPTIONS;
