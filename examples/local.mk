# Example programs; make check builds and runs them. What tests share with them is in a library of its own.
noinst_LIBRARIES += %D%/liblifecycle.a
%C%_liblifecycle_a_SOURCES = \
	%D%/crash.c \
	%D%/lifecycle.c \
	%D%/lifecycle.h \
	%D%/machine.c \
	%D%/players.c \
	%D%/run.c \
	%D%/sandbox.c \
	%D%/sandbox.h

noinst_PROGRAMS += %D%/guest-sva
%C%_guest_sva_SOURCES = %D%/guest-sva.c
%C%_guest_sva_LDADD = %D%/liblifecycle.a $(PROGRAM_LIBS)

# The flows of docs/flows.md.
noinst_LIBRARIES += %D%/libflow.a
%C%_libflow_a_SOURCES = \
	%D%/flow.c \
	%D%/flow.h

FLOWS = \
	%D%/flow-mediated \
	%D%/flow-runtime \
	%D%/flow-sandbox \
	%D%/flow-two-vms \
	%D%/flow-viommu
FLOW_LDADD = %D%/libflow.a $(PROGRAM_LIBS)
noinst_PROGRAMS += $(FLOWS)
%C%_flow_mediated_SOURCES = %D%/flow-mediated.c
%C%_flow_mediated_LDADD = $(FLOW_LDADD)
%C%_flow_runtime_SOURCES = %D%/flow-runtime.c
%C%_flow_runtime_LDADD = $(FLOW_LDADD)
%C%_flow_sandbox_SOURCES = %D%/flow-sandbox.c
%C%_flow_sandbox_LDADD = %D%/liblifecycle.a $(FLOW_LDADD)
%C%_flow_two_vms_SOURCES = %D%/flow-two-vms.c
%C%_flow_two_vms_LDADD = $(FLOW_LDADD)
%C%_flow_viommu_SOURCES = %D%/flow-viommu.c
%C%_flow_viommu_LDADD = $(FLOW_LDADD)

noinst_PROGRAMS += %D%/vmm-sva
%C%_vmm_sva_SOURCES = \
	%D%/vmm-sva.c \
	%D%/vmm-witness.c \
	%D%/vmm-witness.h
%C%_vmm_sva_LDADD = $(PROGRAM_LIBS)
