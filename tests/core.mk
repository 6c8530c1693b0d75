# Tests of the core.
check_PROGRAMS += \
	%D%/test_alloc \
	%D%/test_async \
	%D%/test_detach \
	%D%/test_failnth \
	%D%/test_find \
	%D%/test_find_inline \
	%D%/test_find_many \
	%D%/test_free \
	%D%/test_handle \
	%D%/test_nomem \
	%D%/test_order \
	%D%/test_owner \
	%D%/test_policy \
	%D%/test_pool \
	%D%/test_pool_end \
	%D%/test_pool_threads \
	%D%/test_quota \
	%D%/test_regress_core \
	%D%/test_regress_life \
	%D%/test_regress_sets \
	%D%/test_range \
	%D%/test_reclaim \
	%D%/test_release \
	%D%/test_reserve \
	%D%/test_set \
	%D%/test_set_death \
	%D%/test_space_windows \
	%D%/test_token \
	%D%/test_walk \
	%D%/test_windows

# The same cases, with ioasid_find() expanded where it is called.
%C%_test_find_inline_SOURCES = %D%/test_find.c
%C%_test_find_inline_CPPFLAGS = $(AM_CPPFLAGS) -DFIND_INLINE

# A test that lets the library's requests fail takes the place of what it asks.
FAULTS_WRAP = -Wl,--wrap=mmap,--wrap=pthread_create,--wrap=eventfd,--wrap=epoll_create1,--wrap=fcntl
%C%_test_failnth_SOURCES = \
	%D%/failnth.h \
	%D%/failnth_events.c \
	%D%/failnth_ids.c \
	%D%/faults.c \
	%D%/faults.h \
	%D%/ground.c \
	%D%/ground.h \
	%D%/test_failnth.c
%C%_test_failnth_LDFLAGS = $(AM_LDFLAGS) $(FAULTS_WRAP)
%C%_test_nomem_SOURCES = \
	%D%/faults.c \
	%D%/faults.h \
	%D%/test_nomem.c
%C%_test_nomem_LDFLAGS = $(AM_LDFLAGS) $(FAULTS_WRAP)

# A test that stops threads inside the library takes the place of what it calls there.
STOPS_WRAP = \
	-Wl,--wrap=ioasid__ids_scan,--wrap=ioasid__ids_take,--wrap=ioasid__mem_alloc \
	-Wl,--wrap=ioasid__park_help,--wrap=ioasid__park_watch \
	-Wl,--wrap=ioasid__quota_birth,--wrap=ioasid__quota_give,--wrap=ioasid__quota_pool_take \
	-Wl,--wrap=ioasid__rcu_sync,--wrap=ioasid__set_touch,--wrap=pthread_mutex_lock
%C%_test_regress_life_SOURCES = \
	%D%/stops.c \
	%D%/stops.h \
	%D%/test_regress_life.c
%C%_test_regress_life_LDFLAGS = $(AM_LDFLAGS) $(STOPS_WRAP)
%C%_test_space_windows_SOURCES = \
	%D%/stops.c \
	%D%/stops.h \
	%D%/test_space_windows.c
%C%_test_space_windows_LDFLAGS = $(AM_LDFLAGS) $(STOPS_WRAP)
%C%_test_windows_SOURCES = \
	%D%/stops.c \
	%D%/stops.h \
	%D%/test_windows.c
%C%_test_windows_LDFLAGS = $(AM_LDFLAGS) $(STOPS_WRAP)
%C%_test_regress_sets_SOURCES = \
	%D%/stops.c \
	%D%/stops.h \
	%D%/test_regress_sets.c
%C%_test_regress_sets_LDFLAGS = $(AM_LDFLAGS) $(STOPS_WRAP)
