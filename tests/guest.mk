# Tests of libioasid-guest. The other library is linked for the harness (seeds and rounds), and for the flow.
check_LIBRARIES += %D%/libguest_image.a
%C%_libguest_image_a_SOURCES = \
	%D%/guest_image.c \
	%D%/guest_image.h
%C%_libguest_image_a_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)

GUEST_LDADD = tests/libguest_image.a tests/libharness.a libioasid-guest.la $(PROGRAM_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += \
	%D%/test_guest_bits \
	%D%/test_guest_descriptors \
	%D%/test_guest_find \
	%D%/test_guest_limits \
	%D%/test_guest_pages \
	%D%/test_guest_queue \
	%D%/test_guest_tables \
	%D%/test_guest_walk
%C%_test_guest_bits_LDADD = $(GUEST_LDADD)
%C%_test_guest_descriptors_LDADD = $(GUEST_LDADD)
%C%_test_guest_find_LDADD = $(GUEST_LDADD)
%C%_test_guest_limits_LDADD = $(GUEST_LDADD)
%C%_test_guest_pages_LDADD = $(GUEST_LDADD)
%C%_test_guest_queue_LDADD = $(GUEST_LDADD)
%C%_test_guest_tables_LDADD = $(GUEST_LDADD)
%C%_test_guest_walk_LDADD = $(GUEST_LDADD)

# Fuzzing: the targets under any compiler here, under libFuzzer in fuzz.sh, which make fuzz runs for longer.
check_PROGRAMS += %D%/test_guest_fuzz
%C%_test_guest_fuzz_SOURCES = \
	%D%/fuzz/common.c \
	%D%/fuzz/fuzz.h \
	%D%/fuzz/fuzz_pages.c \
	%D%/fuzz/fuzz_queue.c \
	%D%/fuzz/fuzz_tables.c \
	%D%/test_guest_fuzz.c
%C%_test_guest_fuzz_LDADD = $(GUEST_LDADD)

# Both libraries together, on the mock.
check_PROGRAMS += \
	%D%/test_guest_flow \
	%D%/test_guest_iotlb
VIOMMU = \
	%D%/guest_iotlb.c \
	%D%/guest_viommu.c \
	%D%/guest_viommu.h
%C%_test_guest_flow_SOURCES = %D%/test_guest_flow.c $(VIOMMU)
%C%_test_guest_flow_LDADD = tests/libguest_image.a tests/libdevice_rig.a $(GUEST_LDADD)
%C%_test_guest_iotlb_SOURCES = %D%/test_guest_iotlb.c $(VIOMMU)
%C%_test_guest_iotlb_LDADD = tests/libguest_image.a tests/libdevice_rig.a $(GUEST_LDADD)
