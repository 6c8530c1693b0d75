# Tests of the example programs: the life cycles step by step, each mode of the program once, and the flows.
check_PROGRAMS += \
	%D%/test_lifecycles
%C%_test_lifecycles_LDADD = tests/libharness.a examples/liblifecycle.a $(PROGRAM_LIBS) $(CUNIT_LIBS)

TESTS += %D%/examples.sh %D%/flows.sh
dist_check_SCRIPTS += %D%/examples.sh %D%/flows.sh
