# The contract suite: one set of tests for every backend, and a program for each backend, and way of configuring it, that it runs on.
check_LIBRARIES += %D%/libcontract.a
%C%_libcontract_a_SOURCES = \
	%D%/contract.c \
	%D%/contract.h \
	%D%/contract_batches.c \
	%D%/contract_core.c \
	%D%/contract_devices.c \
	%D%/contract_dirty.c \
	%D%/contract_fault.c \
	%D%/contract_nested.c \
	%D%/contract_paging.c \
	%D%/contract_public.c \
	%D%/contract_ranges.c \
	%D%/contract_sizes.c \
	%D%/contract_slots.c \
	%D%/contract_viommu.c \
	%D%/contract_watch.c
%C%_libcontract_a_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)

CONTRACT_LDADD = tests/libcontract.a tests/libharness.a $(PROGRAM_LIBS) $(CUNIT_LIBS)
CONTRACT_MOCK = \
	%D%/contract_mock.c \
	%D%/contract_mock.h \
	%D%/contract_mock_host.c

check_PROGRAMS += \
	%D%/test_contract_mock \
	%D%/test_contract_mock_apart \
	%D%/test_contract_mock_bare \
	%D%/test_contract_mock_guest \
	%D%/test_contract_vtd
%C%_test_contract_mock_SOURCES = %D%/test_contract_mock.c $(CONTRACT_MOCK)
%C%_test_contract_mock_LDADD = $(CONTRACT_LDADD)
%C%_test_contract_mock_apart_SOURCES = %D%/test_contract_mock_apart.c $(CONTRACT_MOCK)
%C%_test_contract_mock_apart_LDADD = $(CONTRACT_LDADD)
%C%_test_contract_mock_bare_SOURCES = %D%/test_contract_mock_bare.c $(CONTRACT_MOCK)
%C%_test_contract_mock_bare_LDADD = $(CONTRACT_LDADD)
%C%_test_contract_mock_guest_SOURCES = %D%/test_contract_mock_guest.c $(CONTRACT_MOCK)
%C%_test_contract_mock_guest_LDADD = $(CONTRACT_LDADD)
%C%_test_contract_vtd_SOURCES = %D%/test_contract_vtd.c $(FAKE_KERNEL)
%C%_test_contract_vtd_LDADD = tests/libcontract.a tests/libharness.a backends/vtd/libvtd.la $(PROGRAM_LIBS) $(CUNIT_LIBS)
%C%_test_contract_vtd_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=pthread_mutex_clocklock

# A hostile guest beside one that behaves.
check_PROGRAMS += %D%/test_hostile
%C%_test_hostile_SOURCES = \
	%D%/hostile.h \
	%D%/hostile_binds.c \
	%D%/hostile_moves.c \
	%D%/hostile_moves.h \
	%D%/hostile_world.c \
	%D%/test_hostile.c
%C%_test_hostile_LDADD = $(DEVICE_LDADD)
