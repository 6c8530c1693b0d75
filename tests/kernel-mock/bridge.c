/* The bridge to the kernel's mock devices: its host table; see bridge.h. */
#include "tests/kernel-mock/bridge-private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRIES 64u	/* to invalidate at a time */

/* Scalable mode, both stages, nesting, dirty bits, PASIDs, page requests; 48 bits, pages up to 1 GiB. */
#define UNIT_CAP  UINT64_C(0x0100000c002f0406)
#define UNIT_ECAP UINT64_C(0x0000ed0024000004)

static struct bridge_device *device_of(struct bridge *bridge, int fd)
{
	for (int i = 0; i < BRIDGE_DEVICES; i++)
		if (bridge->devices[i].fd == fd)
			return &bridge->devices[i];
	return NULL;
}

/* ---- iommufd ---- */

static int make_table(struct bridge *bridge, struct uapi_hwpt_alloc *cmd)
{
	const struct uapi_hwpt_vtd_s1 *data = (const struct uapi_hwpt_vtd_s1 *)(uintptr_t)cmd->data_uptr;
	struct selftest_table table = { 0 };
	struct uapi_hwpt_alloc made = *cmd;
	int ret;

	if (cmd->data_type == UAPI_HWPT_DATA_VTD_S1) {
		table.iotlb = (uint32_t)data->pgtbl_addr;
		made.data_type = SELFTEST_TABLE;
		made.data_len = sizeof(table);
		made.data_uptr = (uintptr_t)&table;
	}
	ret = bridge_call(bridge, bridge->iommufd, UAPI_HWPT_ALLOC, &made);
	if (ret)
		return ret;
	if (cmd->data_type == UAPI_HWPT_DATA_VTD_S1) {
		bridge->nested[bridge->nested_count % BRIDGE_TABLES].table = made.out_hwpt_id;
		bridge->nested[bridge->nested_count++ % BRIDGE_TABLES].below = cmd->pt_id;
	}
	cmd->out_hwpt_id = made.out_hwpt_id;
	return 0;
}

static int invalidate(struct bridge *bridge, struct uapi_hwpt_invalidate *cmd)
{
	const struct uapi_vtd_s1_invalidate *from = (const struct uapi_vtd_s1_invalidate *)(uintptr_t)cmd->data_uptr;
	struct selftest_invalidate to[ENTRIES];
	struct uapi_hwpt_invalidate made = *cmd;
	int ret;

	if (cmd->entry_num > ENTRIES)
		return -E2BIG;
	for (uint32_t i = 0; i < cmd->entry_num; i++)
		to[i] = (struct selftest_invalidate){
			.flags = from[i].npages == UINT64_MAX ? SELFTEST_INVALIDATE_ALL : 0,
			.index = (uint32_t)(from[i].addr / 4096),
		};
	made.data_type = SELFTEST_INVALIDATE;
	made.data_uptr = cmd->entry_num ? (uintptr_t)to : 0;
	made.entry_len = cmd->entry_num ? sizeof(to[0]) : 0;
	ret = bridge_call(bridge, bridge->iommufd, UAPI_HWPT_INVALIDATE, &made);
	cmd->entry_num = made.entry_num;
	return ret;
}

static int hw_info(struct bridge *bridge, struct uapi_hw_info *cmd)
{
	struct uapi_hw_info_vtd unit = { .cap_reg = UNIT_CAP, .ecap_reg = UNIT_ECAP };
	void *data = (void *)(uintptr_t)cmd->data_uptr;
	uint32_t room = cmd->data_len;
	int ret;

	ret = bridge_call(bridge, bridge->iommufd, UAPI_GET_HW_INFO, cmd);
	if (ret)
		return ret;
	memcpy(data, &unit, room < sizeof(unit) ? room : sizeof(unit));
	cmd->data_len = sizeof(unit);
	cmd->out_data_type = UAPI_HW_INFO_INTEL_VTD;
	cmd->out_capabilities &= ~UAPI_HW_CAP_ATS_NOT_SUPPORTED;
	return 0;
}

static int32_t fd_ioctl(void *host, int32_t fd, uint64_t request, void *argument)
{
	struct bridge *bridge = host;
	struct bridge_device *device = device_of(bridge, fd);
	int ret;

	if (device)
		return bridge_device_ioctl(bridge, device, request, argument);
	switch (request) {
	case UAPI_HWPT_ALLOC:
		return make_table(bridge, argument);
	case UAPI_HWPT_INVALIDATE:
		return invalidate(bridge, argument);
	case UAPI_GET_HW_INFO:
		return hw_info(bridge, argument);
	case UAPI_VEVENTQ_ALLOC:
	case UAPI_FAULT_QUEUE_ALLOC:
		ret = bridge_call(bridge, fd, request, argument);
		bridge->opened += !ret;
		return ret;
	default:
		return bridge_call(bridge, fd, request, argument);
	}
}

/* ---- Files ---- */

static int text_file(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int32_t path_open(void *host, const char *path, uint32_t flags)
{
	struct bridge *bridge = host;
	char rest[64] = "";
	unsigned int device;
	int fd = -1;

	(void)flags;
	errno = ENOENT;
	if (!strcmp(path, "/dev/iommu")) {
		fd = open(path, O_RDWR | O_CLOEXEC);
		bridge->iommufd = fd;
	} else if (sscanf(path, "/dev/vfio/devices/vfio%u", &device) == 1 && device < BRIDGE_DEVICES) {
		if (bridge->devices[device].fd >= 0)
			return -EBUSY;
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		bridge->devices[device].fd = fd;
	} else if (sscanf(path, "/sys/class/vfio-dev/vfio%u/device/%63s", &device, rest) == 2 &&
		   !strcmp(rest, "iommu/intel-iommu/address")) {
		fd = text_file("5e1f7000\n");
	}
	bridge->opened += fd >= 0;
	return bridge_answer(fd);
}

static int32_t fd_close(void *host, int32_t fd)
{
	struct bridge *bridge = host;
	struct bridge_device *device = device_of(bridge, fd);

	if (device)
		bridge_release(bridge, device);
	bridge->opened--;
	return bridge_answer(close(fd));
}

/* A capability to ask for pages, and no other. */
static int64_t fd_read(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	if (device_of(host, fd)) {
		if (offset != BRIDGE_CONFIG)
			return -EINVAL;
		memset(buffer, 0, size);
		if (size >= 0x104)
			memcpy((char *)buffer + 0x100, "\x13\x00\x01\x00", 4);
		return (int64_t)size;
	}
	return bridge_answer((int)(offset == IOASID_BE_OFFSET_NONE ? read(fd, buffer, size) :
							      pread(fd, buffer, size, (off_t)offset)));
}

static int64_t fd_write(void *host, int32_t fd, const void *buffer, uint64_t size, uint64_t offset)
{
	(void)host;
	return offset == IOASID_BE_OFFSET_NONE ? bridge_answer((int)write(fd, buffer, size)) : -EINVAL;
}

static int64_t host_list(void *host, const char *path, char *buffer, uint64_t size)
{
	(void)host;
	if (strcmp(path, "/sys/class/iommu"))
		return -ENOENT;
	return size < 6 ? -ERANGE : snprintf(buffer, size, "dmar0") + 1;
}

static int32_t host_mmap(void *host, int32_t fd, uint64_t offset, uint64_t size, uint32_t access, void **address)
{
	(void)host, (void)fd, (void)offset, (void)size, (void)access, (void)address;
	return -EOPNOTSUPP;
}

static int32_t host_munmap(void *host, void *address, uint64_t size)
{
	(void)host, (void)address, (void)size;
	return -EOPNOTSUPP;
}

/* ---- The host table: no function of it is a cancellation point ---- */

static int begin_calls(void)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

static void end_calls(int state)
{
	pthread_setcancelstate(state, NULL);
}

static int32_t host_open(void *host, const char *path, uint32_t flags)
{
	int state = begin_calls();
	int32_t ret = path_open(host, path, flags);

	end_calls(state);
	return ret;
}

static int32_t host_close(void *host, int32_t fd)
{
	int state = begin_calls();
	int32_t ret = fd_close(host, fd);

	end_calls(state);
	return ret;
}

static int32_t host_ioctl(void *host, int32_t fd, uint64_t request, void *argument)
{
	int state = begin_calls();
	int32_t ret = fd_ioctl(host, fd, request, argument);

	end_calls(state);
	return ret;
}

static int64_t host_read(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	int state = begin_calls();
	int64_t ret = fd_read(host, fd, buffer, size, offset);

	end_calls(state);
	return ret;
}

static int64_t host_write(void *host, int32_t fd, const void *buffer, uint64_t size, uint64_t offset)
{
	int state = begin_calls();
	int64_t ret = fd_write(host, fd, buffer, size, offset);

	end_calls(state);
	return ret;
}

static void host_log(void *host, uint32_t level, const char *text)
{
	(void)host, (void)level, (void)text;
}

static void host_ready(void *host, uint64_t cookie)
{
	(void)host, (void)cookie;
}

struct bridge *bridge_create(void)
{
	struct bridge *bridge = calloc(1, sizeof(*bridge));

	if (!bridge)
		abort();
	bridge->host = (struct ioasid_be_host){
		.struct_size = sizeof(bridge->host), .host = bridge, .log = host_log, .ready = host_ready,
		.open_by_name = host_open, .close = host_close, .ioctl = host_ioctl, .read = host_read,
		.write = host_write, .mmap = host_mmap, .munmap = host_munmap, .list = host_list,
	};
	for (int i = 0; i < BRIDGE_DEVICES; i++)
		bridge->devices[i].fd = -1;
	bridge->iommufd = -1;
	bridge->nth = -1;
	return bridge;
}

bool bridge_destroy(struct bridge *bridge)
{
	bool clean = !bridge->opened;

	if (bridge->nth >= 0)
		close(bridge->nth);
	free(bridge);
	return clean;
}

const struct ioasid_be_host *bridge_host(struct bridge *bridge)
{
	return &bridge->host;
}
