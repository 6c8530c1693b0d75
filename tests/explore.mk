# The explorer: the core once more, with a place to switch threads at each step, and scenarios that run it in every order.
check_LTLIBRARIES += %D%/explore/libexplored.la
%C%_explore_libexplored_la_SOURCES = $(libioasid_la_SOURCES)
%C%_explore_libexplored_la_CPPFLAGS = $(libioasid_la_CPPFLAGS) -include $(top_srcdir)/%D%/explore/hook.h

check_PROGRAMS += %D%/explore/explore
%C%_explore_explore_SOURCES = \
	%D%/explore/explore.c \
	%D%/explore/explore.h \
	%D%/explore/hook.h \
	%D%/explore/scenarios.c
%C%_explore_explore_LDADD = %D%/libharness.a %D%/explore/libexplored.la $(URCU_LIBS) $(JEMALLOC_LIBS) $(CUNIT_LIBS)
