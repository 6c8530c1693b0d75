# Tests of the mock backend. They load the plugin with dlopen and need nothing of the library.
check_LIBRARIES += %D%/libmock_rig.a
%C%_libmock_rig_a_SOURCES = \
	%D%/mock_calls.c \
	%D%/mock_faults.c \
	%D%/mock_faults.h \
	%D%/mock_guest.c \
	%D%/mock_guest.h \
	%D%/mock_viommu.c \
	%D%/mock_viommu.h \
	%D%/mock_life.c \
	%D%/mock_life.h \
	%D%/mock_life_more.c \
	%D%/mock_rig.c \
	%D%/mock_rig.h \
	%D%/mock_scene.c \
	%D%/mock_scene.h
%C%_libmock_rig_a_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)

MOCK_LDADD = tests/libmock_rig.a tests/libharness.a $(CUNIT_LIBS)

check_PROGRAMS += \
	%D%/test_mock_adopt \
	%D%/test_mock_core \
	%D%/test_mock_deny \
	%D%/test_mock_dirty \
	%D%/test_mock_dma \
	%D%/test_mock_fault \
	%D%/test_mock_fault_dma \
	%D%/test_mock_fault_end \
	%D%/test_mock_flight \
	%D%/test_mock_ids \
	%D%/test_mock_inject \
	%D%/test_mock_invalidate \
	%D%/test_mock_limits \
	%D%/test_mock_nested \
	%D%/test_mock_paging \
	%D%/test_mock_pasid \
	%D%/test_mock_plug \
	%D%/test_mock_race \
	%D%/test_mock_replace \
	%D%/test_mock_stale \
	%D%/test_mock_sweep \
	%D%/test_mock_viommu \
	%D%/test_mock_vevent \
	%D%/test_mock_window
%C%_test_mock_adopt_LDADD = $(MOCK_LDADD)
%C%_test_mock_core_LDADD = $(MOCK_LDADD)
%C%_test_mock_deny_LDADD = $(MOCK_LDADD)
%C%_test_mock_dirty_LDADD = $(MOCK_LDADD)
%C%_test_mock_dma_LDADD = $(MOCK_LDADD)
%C%_test_mock_fault_LDADD = $(MOCK_LDADD)
%C%_test_mock_fault_dma_LDADD = $(MOCK_LDADD)
%C%_test_mock_fault_end_LDADD = $(MOCK_LDADD)
%C%_test_mock_flight_LDADD = $(MOCK_LDADD)
%C%_test_mock_ids_LDADD = $(MOCK_LDADD)
%C%_test_mock_inject_LDADD = $(MOCK_LDADD)
%C%_test_mock_invalidate_LDADD = $(MOCK_LDADD)
%C%_test_mock_limits_LDADD = $(MOCK_LDADD)
%C%_test_mock_nested_LDADD = $(MOCK_LDADD)
%C%_test_mock_paging_LDADD = $(MOCK_LDADD)
%C%_test_mock_pasid_LDADD = $(MOCK_LDADD)
%C%_test_mock_plug_LDADD = $(MOCK_LDADD)
%C%_test_mock_race_LDADD = $(MOCK_LDADD)
%C%_test_mock_replace_LDADD = $(MOCK_LDADD)
%C%_test_mock_stale_LDADD = $(MOCK_LDADD)
%C%_test_mock_sweep_LDADD = $(MOCK_LDADD)
%C%_test_mock_viommu_LDADD = $(MOCK_LDADD)
%C%_test_mock_vevent_LDADD = $(MOCK_LDADD)
%C%_test_mock_window_LDADD = $(MOCK_LDADD)
