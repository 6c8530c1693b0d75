# Tests of page requests: on a backend that is linked in, where a thread can be stopped anywhere.
FAULT_RIG = %D%/fault_rig.c %D%/fault_rig.h $(COUNTING_BACKEND)

check_PROGRAMS += \
	%D%/test_fault \
	%D%/test_fault_binding \
	%D%/test_fault_end \
	%D%/test_fault_failures \
	%D%/test_fault_queue \
	%D%/test_fault_races \
	%D%/test_fault_stress
%C%_test_fault_SOURCES = %D%/test_fault.c $(FAULT_RIG)
%C%_test_fault_binding_SOURCES = %D%/test_fault_binding.c $(FAULT_RIG)
%C%_test_fault_end_SOURCES = %D%/test_fault_end.c $(FAULT_RIG)
%C%_test_fault_failures_SOURCES = %D%/test_fault_failures.c %D%/faults.c %D%/faults.h $(FAULT_RIG)
%C%_test_fault_failures_LDFLAGS = $(AM_LDFLAGS) $(FAULTS_WRAP)
%C%_test_fault_queue_SOURCES = %D%/test_fault_queue.c $(FAULT_RIG)
%C%_test_fault_races_SOURCES = %D%/test_fault_races.c $(FAULT_RIG)
%C%_test_fault_stress_SOURCES = %D%/test_fault_stress.c $(FAULT_RIG)

# The same with a device that does DMA, on the mock.
check_PROGRAMS += %D%/test_fault_mock
%C%_test_fault_mock_LDADD = $(DEVICE_LDADD)
