# Tests of events, work, custom allocators, statistics, of the process around the library, and stress.
%C%_libharness_a_SOURCES += \
	%D%/every_call.c \
	%D%/every_call.h \
	%D%/fake_allocator.c \
	%D%/fake_allocator.h \
	%D%/json.c \
	%D%/json.h \
	%D%/recorder.c \
	%D%/scene.c \
	%D%/scene.h

check_PROGRAMS += \
	%D%/test_allocator \
	%D%/test_allocator_line \
	%D%/test_dispatch \
	%D%/test_dump \
	%D%/test_handler_calls \
	%D%/test_leaving \
	%D%/test_nascent \
	%D%/test_notifier \
	%D%/test_notifier_scopes \
	%D%/test_process_fork \
	%D%/test_process_host \
	%D%/test_process_signals \
	%D%/test_replay \
	%D%/test_spid \
	%D%/test_spid_reuse \
	%D%/test_stats \
	%D%/test_teardown_mode \
	%D%/test_turn \
	%D%/test_unregister \
	%D%/test_veto \
	%D%/test_work

# Runs for seconds in make check; by hand longer.
check_PROGRAMS += %D%/stress
%C%_stress_SOURCES = \
	%D%/stress.c \
	%D%/stress.h \
	%D%/stress_check.c \
	%D%/stress_events.c \
	%D%/stress_ops.c \
	%D%/stress_shared.c \
	%D%/stress_slots.c \
	%D%/stress_solo.c \
	%D%/stress_solo_ids.c
