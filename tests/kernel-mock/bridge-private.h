/* What the files of the bridge share; see bridge.h. */
#ifndef IOASID_TESTS_KERNEL_MOCK_BRIDGE_PRIVATE_H
#define IOASID_TESTS_KERNEL_MOCK_BRIDGE_PRIVATE_H

#include "backends/iommufd/uapi.h"
#include "tests/kernel-mock/bridge.h"
#include "tests/kernel-mock/selftest.h"

enum { BRIDGE_PASIDS = 1 << 20, BRIDGE_TABLES = 64, BRIDGE_CONFIG_SIZE = 4096 };

/* Where a device file has the configuration space. */
#define BRIDGE_CONFIG (UINT64_C(7) << 40)

struct bridge_device {
	int fd;			/* -1: closed */
	bool bound;
	uint32_t selftest;	/* the self-test's number of it */
	uint32_t id;		/* iommufd's */
	uint32_t home;		/* an empty address space, and its table that stands for none */
	uint32_t none;
	uint32_t *tables;	/* by PASID: what it is on, or 0 */
	uint32_t end;		/* none from here on is on one */
};

struct bridge {
	struct ioasid_be_host host;
	struct bridge_device devices[BRIDGE_DEVICES];
	struct {
		uint32_t table, below;
	} nested[BRIDGE_TABLES];
	uint32_t nested_count;
	int iommufd;
	int opened;		/* descriptors that are not closed */
	int nth;		/* a file of this thread, or -1 */
	unsigned int fail_in;
	bool failed;
};

/* bridge_answer() - what a system call answers, as the host table has it. */
int bridge_answer(int ret);

/* bridge_call() - one call of the kernel's, in which an allocation may be the one to fail; bridge_undo() -
 * end an object that such a call made: nothing fails there. */
int bridge_call(struct bridge *bridge, int fd, uint64_t request, void *argument);
void bridge_undo(const struct bridge *bridge, uint32_t id);

/* bridge_device_ioctl() - a call of VFIO's; bridge_release() - its file is closed. */
int bridge_device_ioctl(struct bridge *bridge, struct bridge_device *device, uint64_t request, void *argument);
void bridge_release(struct bridge *bridge, struct bridge_device *device);

#endif
