/* The bridge to the kernel's mock devices: devices, allocations that fail, and what tests ask; see bridge.h. */
#include "tests/kernel-mock/bridge-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int bridge_answer(int ret)
{
	return ret < 0 ? -errno : ret;
}

/* ---- Letting allocations fail ---- */

static void nth_write(const struct bridge *bridge, unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(bridge->nth, text, (size_t)length, 0) != length)
		abort();
}

static unsigned int nth_read(const struct bridge *bridge)
{
	char text[16] = "";

	if (pread(bridge->nth, text, sizeof(text) - 1, 0) < 0)
		abort();
	return (unsigned int)strtoul(text, NULL, 10);
}

/* One call of the kernel's, in which an allocation may be the one to fail. */
int bridge_call(struct bridge *bridge, int fd, uint64_t request, void *argument)
{
	bool armed = bridge->fail_in != 0;
	int ret;

	if (armed)
		nth_write(bridge, bridge->fail_in);
	ret = bridge_answer(ioctl(fd, request, argument));
	if (!armed)
		return ret;
	bridge->fail_in = nth_read(bridge);
	nth_write(bridge, 0);
	bridge->failed = bridge->failed || bridge->fail_in == 0;
	return ret;
}

/* The same for what the bridge has to undo: nothing fails there. */
void bridge_undo(const struct bridge *bridge, uint32_t id)
{
	struct uapi_destroy cmd = { .size = sizeof(cmd), .id = id };

	if (ioctl(bridge->iommufd, UAPI_DESTROY, &cmd))
		fprintf(stderr, "bridge: object %u stays: %s\n", id, strerror(errno));
}

static void write_once(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		perror(path);
	close(fd);
}

void bridge_fail(struct bridge *bridge, unsigned int nth)
{
	if (bridge->nth < 0) {
		write_once("/sys/kernel/debug/failslab/ignore-gfp-wait", "N");
		write_once("/sys/kernel/debug/failslab/verbose", "0");
		write_once("/sys/kernel/debug/fail_iommufd/verbose", "0");
		bridge->nth = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
		if (bridge->nth < 0)
			abort();
	}
	bridge->fail_in = nth;
	bridge->failed = false;
}

bool bridge_failed(const struct bridge *bridge)
{
	return bridge->failed;
}

/* ---- Devices ---- */

static int selftest(struct bridge *bridge, struct selftest_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return bridge_call(bridge, bridge->iommufd, SELFTEST_CMD, cmd);
}

static int set_rid(struct bridge *bridge, const struct bridge_device *device, uint32_t table)
{
	struct selftest_cmd cmd = { .op = SELFTEST_REPLACE, .id = device->selftest, .replace = { .table = table } };

	return selftest(bridge, &cmd);
}

/* A mock device comes into being bound, and on a table. */
static int bind_device(struct bridge *bridge, struct bridge_device *device, struct uapi_vfio_bind_iommufd *bind)
{
	struct uapi_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct selftest_cmd cmd = { .op = SELFTEST_DEVICE, .device = { .flags = SELFTEST_DEVICE_PASID } };
	struct uapi_hwpt_alloc hwpt = { .size = sizeof(hwpt), .flags = UAPI_HWPT_PASID };
	int ret;

	if (device->bound)
		return -EINVAL;
	ret = bridge_call(bridge, bridge->iommufd, UAPI_IOAS_ALLOC, &ioas);
	if (ret)
		return ret;
	cmd.id = ioas.out_ioas_id;
	ret = selftest(bridge, &cmd);
	if (ret)
		goto undo_ioas;
	hwpt.dev_id = cmd.device.out_id;
	hwpt.pt_id = ioas.out_ioas_id;
	ret = bridge_call(bridge, bridge->iommufd, UAPI_HWPT_ALLOC, &hwpt);
	if (ret)
		goto undo_device;
	device->selftest = cmd.device.out_device;
	ret = set_rid(bridge, device, hwpt.out_hwpt_id);
	if (ret)
		goto undo_hwpt;
	device->id = cmd.device.out_id;
	device->home = ioas.out_ioas_id;
	device->none = hwpt.out_hwpt_id;
	device->tables = calloc(BRIDGE_PASIDS, sizeof(*device->tables));
	if (!device->tables)
		abort();
	device->bound = true;
	bind->out_devid = device->id;
	return 0;

undo_hwpt:
	bridge_undo(bridge, hwpt.out_hwpt_id);
undo_device:
	bridge_undo(bridge, cmd.device.out_device);
undo_ioas:
	bridge_undo(bridge, ioas.out_ioas_id);
	return ret;
}

/* As VFIO does it: what is attached is replaced. */
static int attach(struct bridge *bridge, struct bridge_device *device, uint32_t pasid, uint32_t table)
{
	struct selftest_cmd cmd = {
		.op = device->tables[pasid % BRIDGE_PASIDS] ? SELFTEST_PASID_REPLACE : SELFTEST_PASID_ATTACH,
		.id = device->selftest,
		.pasid = { .pasid = pasid, .table = table },
	};
	int ret = pasid ? selftest(bridge, &cmd) : set_rid(bridge, device, table);

	if (ret)
		return ret;
	device->tables[pasid % BRIDGE_PASIDS] = table;
	if (pasid % BRIDGE_PASIDS >= device->end)
		device->end = pasid % BRIDGE_PASIDS + 1;
	return 0;
}

static int detach(struct bridge *bridge, struct bridge_device *device, uint32_t pasid)
{
	struct selftest_cmd cmd = { .op = SELFTEST_PASID_DETACH, .id = device->selftest, .pasid = { .pasid = pasid } };
	int ret;

	if (pasid >= BRIDGE_PASIDS || !device->tables[pasid])
		return 0;
	ret = pasid ? selftest(bridge, &cmd) : set_rid(bridge, device, device->none);
	if (!ret)
		device->tables[pasid] = 0;
	return ret;
}

/* VFIO lets everything go when the file is closed. */
void bridge_release(struct bridge *bridge, struct bridge_device *device)
{
	unsigned int armed = bridge->fail_in;

	bridge->fail_in = 0;
	for (uint32_t pasid = 0; device->bound && pasid < device->end; pasid++)
		if (detach(bridge, device, pasid))
			abort();
	free(device->tables);
	if (device->bound) {
		bridge_undo(bridge, device->selftest);
		bridge_undo(bridge, device->none);
		bridge_undo(bridge, device->home);
	}
	bridge->fail_in = armed;
	*device = (struct bridge_device){ .fd = -1 };
}

int bridge_device_ioctl(struct bridge *bridge, struct bridge_device *device, uint64_t request, void *argument)
{
	const struct uapi_vfio_attach_pt *to = argument;
	const struct uapi_vfio_detach_pt *from = argument;
	struct uapi_vfio_region_info *region = argument;

	switch (request) {
	case UAPI_VFIO_BIND_IOMMUFD:
		return bind_device(bridge, device, argument);
	case UAPI_VFIO_ATTACH_PT:
		return device->bound ? attach(bridge, device, to->flags ? to->pasid : 0, to->pt_id) : -EINVAL;
	case UAPI_VFIO_DETACH_PT:
		return device->bound ? detach(bridge, device, from->flags ? from->pasid : 0) : -EINVAL;
	case UAPI_VFIO_REGION_INFO:
		region->region_size = BRIDGE_CONFIG_SIZE;
		region->offset = BRIDGE_CONFIG;
		return 0;
	default:
		return -ENOTTY;
	}
}

/* ---- What tests ask; no allocation fails here ---- */

static int check(const struct bridge *bridge, struct selftest_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return bridge_answer(ioctl(bridge->iommufd, SELFTEST_CMD, cmd));
}

int64_t bridge_on(const struct bridge *bridge, unsigned int device, uint32_t pasid)
{
	const struct bridge_device *at = &bridge->devices[device];
	uint32_t table = at->bound && pasid < BRIDGE_PASIDS ? at->tables[pasid] : 0;
	struct selftest_cmd cmd = { .op = SELFTEST_PASID_CHECK, .id = at->selftest };

	if (!at->bound)
		return 0;
	cmd.pasid.pasid = pasid;
	cmd.pasid.table = !pasid && !table ? at->none : table;
	return check(bridge, &cmd) ? -1 : (int64_t)table;
}

uint32_t bridge_below(const struct bridge *bridge, uint32_t table)
{
	uint32_t below = 0;

	for (uint32_t i = 0; i < bridge->nested_count && i < BRIDGE_TABLES; i++)
		if (bridge->nested[i].table == table)
			below = bridge->nested[i].below;
	return below;
}

bool bridge_maps(const struct bridge *bridge, uint32_t table, uint64_t iova, const void *page)
{
	struct selftest_cmd cmd = {
		.op = SELFTEST_CHECK_MAP, .id = table, .map = { .iova = iova, .length = 4096, .address = (uintptr_t)page },
	};

	return !check(bridge, &cmd);
}

bool bridge_cached(const struct bridge *bridge, uint32_t table, uint32_t page, uint32_t value)
{
	struct selftest_cmd cmd = { .op = SELFTEST_CHECK_IOTLB, .id = table, .iotlb = { .index = page, .value = value } };

	return !check(bridge, &cmd);
}

int bridge_write(const struct bridge *bridge, uint32_t table, uint64_t iova)
{
	const uint64_t bitmap = 1;
	struct selftest_cmd cmd = {
		.op = SELFTEST_DIRTY, .id = table,
		.dirty = { .iova = iova, .length = 4096, .page_size = 4096, .bitmap = (uintptr_t)&bitmap },
	};

	return check(bridge, &cmd);
}

int bridge_ask(const struct bridge *bridge, unsigned int device, uint32_t pasid, uint32_t group, uint64_t address)
{
	struct selftest_cmd cmd = {
		.op = SELFTEST_ASK,
		.ask = {
			.device = bridge->devices[device].id, .pasid = pasid, .group = group, .permissions = UAPI_FAULT_READ,
			.address = address,
		},
	};

	return check(bridge, &cmd);
}

int bridge_event(const struct bridge *bridge, unsigned int device)
{
	struct selftest_cmd cmd = { .op = SELFTEST_EVENT, .event = { .device = bridge->devices[device].id } };

	return check(bridge, &cmd);
}

int bridge_iommufd(const struct bridge *bridge)
{
	return bridge->iommufd;
}

uint32_t bridge_id(const struct bridge *bridge, unsigned int device)
{
	return bridge->devices[device].id;
}
