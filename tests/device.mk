# Tests of devices, bindings and address spaces. They share a rig on the mock.
check_LIBRARIES += %D%/libdevice_rig.a
%C%_libdevice_rig_a_SOURCES = \
	%D%/device_rig.c \
	%D%/device_rig.h \
	%D%/device_threads.c
%C%_libdevice_rig_a_CPPFLAGS = $(AM_CPPFLAGS) $(URCU_CFLAGS)
%C%_libdevice_rig_a_CFLAGS = $(AM_CFLAGS) $(CUNIT_CFLAGS)

DEVICE_LDADD = tests/libdevice_rig.a tests/libharness.a $(PROGRAM_LIBS) $(CUNIT_LIBS)

check_PROGRAMS += \
	%D%/test_address_space \
	%D%/test_bind_failures \
	%D%/test_bind_races \
	%D%/test_bind_shared \
	%D%/test_bind_stress \
	%D%/test_binding \
	%D%/test_caps \
	%D%/test_context_allocator \
	%D%/test_device \
	%D%/test_device_async \
	%D%/test_device_clear \
	%D%/test_device_close \
	%D%/test_device_nomem \
	%D%/test_device_refused \
	%D%/test_dirty \
	%D%/test_device_rules \
	%D%/test_parking \
	%D%/test_quarantine \
	%D%/test_rebind \
	%D%/test_rebind_races \
	%D%/test_regress_device \
	%D%/test_report \
	%D%/test_rid \
	%D%/test_rid_close \
	%D%/test_rid_home \
	%D%/test_teardown \
	%D%/test_unplug
%C%_test_address_space_LDADD = $(DEVICE_LDADD)
%C%_test_bind_failures_LDADD = $(DEVICE_LDADD)
%C%_test_bind_races_LDADD = $(DEVICE_LDADD)
%C%_test_bind_shared_LDADD = $(DEVICE_LDADD)
%C%_test_bind_stress_LDADD = $(DEVICE_LDADD)
%C%_test_binding_LDADD = $(DEVICE_LDADD)
%C%_test_caps_SOURCES = %D%/test_caps.c $(COUNTING_BACKEND)
%C%_test_caps_LDADD = $(DEVICE_LDADD)
%C%_test_context_allocator_LDADD = $(DEVICE_LDADD)
%C%_test_device_LDADD = $(DEVICE_LDADD)
%C%_test_device_async_LDADD = $(DEVICE_LDADD)
%C%_test_device_clear_LDADD = $(DEVICE_LDADD)
%C%_test_device_close_LDADD = $(DEVICE_LDADD)
%C%_test_device_nomem_SOURCES = %D%/test_device_nomem.c %D%/faults.c %D%/faults.h
%C%_test_device_nomem_LDADD = $(DEVICE_LDADD)
%C%_test_device_nomem_LDFLAGS = $(AM_LDFLAGS) $(FAULTS_WRAP)
%C%_test_device_refused_LDADD = $(DEVICE_LDADD)
%C%_test_dirty_LDADD = $(DEVICE_LDADD)
%C%_test_device_rules_LDADD = $(DEVICE_LDADD)
%C%_test_parking_LDADD = $(DEVICE_LDADD)
%C%_test_quarantine_LDADD = $(DEVICE_LDADD)
%C%_test_rebind_LDADD = $(DEVICE_LDADD)
%C%_test_rebind_races_LDADD = $(DEVICE_LDADD)
%C%_test_regress_device_SOURCES = %D%/test_regress_device.c %D%/stops.c %D%/stops.h
%C%_test_regress_device_LDADD = $(DEVICE_LDADD)
%C%_test_regress_device_LDFLAGS = $(AM_LDFLAGS) $(STOPS_WRAP)
%C%_test_report_SOURCES = %D%/test_report.c %D%/bad_plugin.h $(COUNTING_BACKEND)
%C%_test_report_LDADD = $(DEVICE_LDADD)
%C%_test_rid_LDADD = $(DEVICE_LDADD)
%C%_test_rid_close_LDADD = $(DEVICE_LDADD)
%C%_test_rid_home_LDADD = $(DEVICE_LDADD)
%C%_test_teardown_LDADD = $(DEVICE_LDADD)
%C%_test_unplug_LDADD = $(DEVICE_LDADD)

# Sealed pools, in a sandbox and out of it.
SANDBOXED = %D%/sandboxed.c %D%/sandboxed.h
SANDBOX_WRAP = -Wl,--wrap=ioasid__thread_warm
SANDBOX_LIBS = tests/libdevice_rig.a tests/libharness.a examples/liblifecycle.a
check_PROGRAMS += \
	%D%/test_sandbox \
	%D%/test_sandbox_devices \
	%D%/test_sandbox_devices_malloc \
	%D%/test_sandbox_malloc \
	%D%/test_seal \
	%D%/test_seal_failures \
	%D%/test_work_classes
%C%_test_sandbox_SOURCES = %D%/test_sandbox.c $(SANDBOXED)
%C%_test_sandbox_LDFLAGS = $(AM_LDFLAGS) $(SANDBOX_WRAP)
%C%_test_sandbox_LDADD = $(SANDBOX_LIBS) $(PROGRAM_LIBS) $(CUNIT_LIBS)
%C%_test_sandbox_devices_SOURCES = %D%/test_sandbox_devices.c $(SANDBOXED)
%C%_test_sandbox_devices_LDFLAGS = $(AM_LDFLAGS) $(SANDBOX_WRAP)
%C%_test_sandbox_devices_LDADD = $(SANDBOX_LIBS) $(PROGRAM_LIBS) $(CUNIT_LIBS)
# The same cases, with the memory of the C library.
%C%_test_sandbox_devices_malloc_SOURCES = %D%/test_sandbox_devices.c $(SANDBOXED)
%C%_test_sandbox_devices_malloc_LDFLAGS = $(AM_LDFLAGS) $(SANDBOX_WRAP)
%C%_test_sandbox_devices_malloc_LDADD = $(SANDBOX_LIBS) libioasid.la $(CUNIT_LIBS)
%C%_test_sandbox_malloc_SOURCES = %D%/test_sandbox.c $(SANDBOXED)
%C%_test_sandbox_malloc_LDFLAGS = $(AM_LDFLAGS) $(SANDBOX_WRAP)
%C%_test_sandbox_malloc_LDADD = $(SANDBOX_LIBS) libioasid.la $(CUNIT_LIBS)
%C%_test_seal_LDADD = $(DEVICE_LDADD)
%C%_test_seal_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=ioasid__thread_warm
%C%_test_seal_failures_SOURCES = %D%/test_seal_failures.c %D%/faults.c %D%/faults.h
%C%_test_seal_failures_LDADD = $(DEVICE_LDADD)
%C%_test_seal_failures_LDFLAGS = $(AM_LDFLAGS) $(FAULTS_WRAP)
%C%_test_work_classes_SOURCES = %D%/test_work_classes.c %D%/faults.c %D%/faults.h
%C%_test_work_classes_LDADD = $(DEVICE_LDADD)
%C%_test_work_classes_LDFLAGS = $(AM_LDFLAGS) $(FAULTS_WRAP)

# Invalidation.
INVALIDATE_RIG = %D%/invalidate_rig.c %D%/invalidate_rig.h

check_PROGRAMS += \
	%D%/test_invalidate \
	%D%/test_invalidate_batch \
	%D%/test_invalidate_races \
	%D%/test_invalidate_sets \
	%D%/test_invalidate_walks
%C%_test_invalidate_SOURCES = %D%/test_invalidate.c $(INVALIDATE_RIG)
%C%_test_invalidate_LDADD = $(DEVICE_LDADD)
%C%_test_invalidate_batch_SOURCES = %D%/test_invalidate_batch.c %D%/faults.c %D%/faults.h $(INVALIDATE_RIG)
%C%_test_invalidate_batch_LDADD = $(DEVICE_LDADD)
%C%_test_invalidate_batch_LDFLAGS = $(AM_LDFLAGS) $(FAULTS_WRAP)
%C%_test_invalidate_races_SOURCES = %D%/test_invalidate_races.c $(INVALIDATE_RIG)
%C%_test_invalidate_races_LDADD = $(DEVICE_LDADD)
%C%_test_invalidate_sets_SOURCES = %D%/test_invalidate_sets.c $(INVALIDATE_RIG)
%C%_test_invalidate_sets_LDADD = $(DEVICE_LDADD)
%C%_test_invalidate_walks_SOURCES = %D%/test_invalidate_walks.c $(INVALIDATE_RIG)
%C%_test_invalidate_walks_LDADD = $(DEVICE_LDADD)
