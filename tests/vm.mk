# Tests of the kernel-backed plugins: on a kernel that is made up, against the newest headers of the real one, and on the real
# one in a virtual machine.
check_PROGRAMS += \
	%D%/test_iommufd \
	%D%/test_vtd \
	%D%/test_vtd_dirty \
	%D%/test_vtd_failures \
	%D%/test_vtd_faults \
	%D%/test_vtd_nested \
	%D%/test_vtd_paging \
	%D%/test_vtd_slots \
	%D%/test_vtd_threads \
	%D%/test_wire

FAKE_KERNEL = \
	%D%/fake-kernel/fake-control.c \
	%D%/fake-kernel/fake-faults.c \
	%D%/fake-kernel/fake-hwpt.c \
	%D%/fake-kernel/fake-iommufd.c \
	%D%/fake-kernel/fake-private.h \
	%D%/fake-kernel/fake-vfio.c \
	%D%/fake-kernel/fake.c \
	%D%/fake-kernel/fake.h
FAKE_VTD = \
	$(FAKE_KERNEL) \
	%D%/fake-kernel/rig.c \
	%D%/fake-kernel/rig.h

%C%_test_iommufd_SOURCES = %D%/test_iommufd.c $(FAKE_KERNEL)
%C%_test_iommufd_LDADD = %D%/libharness.a backends/iommufd/libiommufd.la $(CUNIT_LIBS)
%C%_test_vtd_SOURCES = %D%/test_vtd.c $(FAKE_VTD)
%C%_test_vtd_LDADD = %D%/libharness.a backends/vtd/libvtd.la $(CUNIT_LIBS)
%C%_test_vtd_dirty_SOURCES = %D%/test_vtd_dirty.c $(FAKE_VTD)
%C%_test_vtd_dirty_LDADD = %D%/libharness.a backends/vtd/libvtd.la $(CUNIT_LIBS)
%C%_test_vtd_failures_SOURCES = %D%/test_vtd_failures.c $(FAKE_VTD)
%C%_test_vtd_failures_LDADD = %D%/libharness.a backends/vtd/libvtd.la $(CUNIT_LIBS)
%C%_test_vtd_failures_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc
%C%_test_vtd_faults_SOURCES = %D%/test_vtd_faults.c $(FAKE_VTD)
%C%_test_vtd_faults_LDADD = %D%/libharness.a backends/vtd/libvtd.la $(CUNIT_LIBS)
%C%_test_vtd_nested_SOURCES = %D%/test_vtd_nested.c $(FAKE_VTD)
%C%_test_vtd_nested_LDADD = %D%/libharness.a backends/vtd/libvtd.la $(CUNIT_LIBS)
%C%_test_vtd_paging_SOURCES = %D%/test_vtd_paging.c $(FAKE_VTD)
%C%_test_vtd_paging_LDADD = %D%/libharness.a backends/vtd/libvtd.la $(CUNIT_LIBS)
%C%_test_vtd_slots_SOURCES = %D%/test_vtd_slots.c $(FAKE_VTD)
%C%_test_vtd_slots_LDADD = %D%/libharness.a backends/vtd/libvtd.la $(CUNIT_LIBS)
%C%_test_vtd_threads_SOURCES = %D%/test_vtd_threads.c $(FAKE_VTD)
%C%_test_vtd_threads_LDADD = %D%/libharness.a backends/vtd/libvtd.la $(CUNIT_LIBS)
%C%_test_wire_LDADD = %D%/libharness.a backends/iommufd/libiommufd.la $(CUNIT_LIBS)

# What runs inside the machine, and the scripts that build and boot it.
EXTRA_PROGRAMS = \
	%D%/vm/contract-bridge \
	%D%/vm/contract-pasid \
	%D%/vm/mock-lifecycles \
	%D%/vm/pasid-device \
	%D%/vm/vtd-edu \
	%D%/vm/vtd-lifecycles \
	%D%/vm/vtd-mock \
	%D%/vm/vtd-pasid
VM_LAB = \
	%D%/vm/edu.c \
	%D%/vm/edu.h \
	%D%/vm/vtd-lab.c \
	%D%/vm/vtd-lab.h
KERNEL_MOCK = \
	%D%/kernel-mock/bridge-device.c \
	%D%/kernel-mock/bridge-private.h \
	%D%/kernel-mock/bridge.c \
	%D%/kernel-mock/bridge.h \
	%D%/kernel-mock/selftest.h
%C%_vm_vtd_mock_SOURCES = \
	$(KERNEL_MOCK) \
	%D%/vm/mock-events.c \
	%D%/vm/mock-lab.c \
	%D%/vm/mock-lab.h \
	%D%/vm/vtd-mock.c
%C%_vm_vtd_mock_LDADD = $(LDADD) backends/iommufd/libiommufd.la
%C%_vm_mock_lifecycles_SOURCES = \
	$(KERNEL_MOCK) \
	%D%/test_lifecycles.c \
	%D%/vm/mock-machine.c
%C%_vm_mock_lifecycles_LDADD = examples/liblifecycle.a $(LDADD)
%C%_vm_contract_pasid_SOURCES = %D%/vm/contract-pasid.c %D%/vm/walk.c %D%/vm/walk.h
%C%_vm_contract_pasid_LDADD = tests/libcontract.a tests/libharness.a backends/vtd/libvtd.la $(PROGRAM_LIBS) $(CUNIT_LIBS)
%C%_vm_contract_bridge_SOURCES = $(KERNEL_MOCK) %D%/vm/contract-bridge.c
%C%_vm_contract_bridge_LDADD = tests/libcontract.a tests/libharness.a backends/vtd/libvtd.la $(PROGRAM_LIBS) $(CUNIT_LIBS)
%C%_vm_vtd_edu_SOURCES = \
	$(VM_LAB) \
	%D%/vm/vtd-cases.h \
	%D%/vm/vtd-core.c \
	%D%/vm/vtd-device.c \
	%D%/vm/vtd-edu.c
%C%_vm_vtd_pasid_SOURCES = \
	$(VM_LAB) \
	%D%/vm/vtd-pasid.c \
	%D%/vm/walk.c \
	%D%/vm/walk.h
# The machine of the life cycles comes before the library that has another one.
%C%_vm_vtd_lifecycles_SOURCES = \
	%D%/vm/edu.c \
	%D%/vm/edu.h \
	%D%/test_lifecycles.c \
	%D%/vm/vtd-machine.c \
	%D%/vm/walk.c \
	%D%/vm/walk.h
%C%_vm_vtd_lifecycles_LDADD = examples/liblifecycle.a $(LDADD)
%C%_vm_pasid_device_SOURCES = %D%/vm/pasid-device.c
%C%_vm_pasid_device_LDADD =
%D%/vm/vtd.log: %D%/vm/vtd-edu$(EXEEXT) backends/vtd/vtd.la
%D%/vm/vtd-mock.log: %D%/vm/contract-bridge$(EXEEXT) %D%/vm/mock-lifecycles$(EXEEXT) %D%/vm/vtd-mock$(EXEEXT) backends/vtd/vtd.la
%D%/vm/vtd-pasid.log: %D%/vm/contract-pasid$(EXEEXT) %D%/vm/pasid-device$(EXEEXT) %D%/vm/vtd-lifecycles$(EXEEXT) %D%/vm/vtd-pasid$(EXEEXT) \
	backends/vtd/vtd.la examples/vmm-sva$(EXEEXT)

VM_TESTS += \
	%D%/vm/uapi.sh \
	%D%/vm/vtd.sh \
	%D%/vm/vtd-mock.sh \
	%D%/vm/vtd-pasid.sh

dist_noinst_SCRIPTS += \
	%D%/vm/build-kernel.sh \
	%D%/vm/fetch-headers.sh \
	%D%/vm/fetch-qemu.sh \
	%D%/vm/init \
	%D%/vm/make-initramfs.sh \
	%D%/vm/run-vm.sh \
	%D%/vm/seen.sh
dist_noinst_DATA += \
	%D%/test_uapi.c \
	%D%/vm/debian.sh \
	%D%/vm/packages.txt \
	%D%/vm/vtd-kernel.config
CLEANFILES += \
	%D%/vm/bzImage \
	%D%/vm/console-*.seen \
	%D%/vm/console-*.txt \
	%D%/vm/initramfs-*.gz \
	%D%/vm/contract-bridge$(EXEEXT) \
	%D%/vm/contract-pasid$(EXEEXT) \
	%D%/vm/mock-lifecycles$(EXEEXT) \
	%D%/vm/pasid-device$(EXEEXT) \
	%D%/vm/qemu \
	%D%/vm/vtd-edu$(EXEEXT) \
	%D%/vm/vtd-lifecycles$(EXEEXT) \
	%D%/vm/vtd-mock$(EXEEXT) \
	%D%/vm/vtd-pasid$(EXEEXT)
