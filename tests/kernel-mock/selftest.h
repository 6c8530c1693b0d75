/*
 * What the kernel's self-test of iommufd understands (CONFIG_IOMMUFD_TEST), as far as the bridge uses it,
 * declared anew: no package brings its header. Numbers and layouts are those of Linux 7.2.
 */
#ifndef IOASID_TESTS_KERNEL_MOCK_SELFTEST_H
#define IOASID_TESTS_KERNEL_MOCK_SELFTEST_H

#include <stdint.h>

#define SELFTEST_CMD UINT64_C(0x3ba0)

enum {
	SELFTEST_CHECK_MAP = 3,
	SELFTEST_REPLACE = 10,
	SELFTEST_DEVICE = 12,
	SELFTEST_DIRTY = 13,
	SELFTEST_CHECK_IOTLB = 14,
	SELFTEST_ASK = 15,
	SELFTEST_EVENT = 17,
	SELFTEST_PASID_ATTACH = 18,
	SELFTEST_PASID_REPLACE = 19,
	SELFTEST_PASID_DETACH = 20,
	SELFTEST_PASID_CHECK = 21,
};

#define SELFTEST_DEVICE_NO_DIRTY UINT32_C(1)
#define SELFTEST_DEVICE_PASID    UINT32_C(4)

/* What can be mapped for a mock device. */
#define SELFTEST_FIRST UINT64_C(0x1000000)
#define SELFTEST_LAST  UINT64_C(0x7fffffff)

struct selftest_cmd {
	uint32_t size;
	uint32_t op;
	uint32_t id;
	uint32_t reserved;
	union {
		struct {
			uint32_t out_device;	/* of the self-test */
			uint32_t out_table;
			uint32_t out_id;	/* of iommufd */
			uint32_t flags;
		} device;
		struct {
			uint32_t table;
		} replace;
		struct {
			uint64_t iova, length, address;
		} map;
		struct {
			uint32_t flags;
			uint32_t padding;
			uint64_t iova, length, page_size, bitmap, out_count;
		} dirty;
		struct {
			uint32_t index, value;
		} iotlb;
		struct {
			uint32_t device, pasid, group, permissions;
			uint64_t address;
		} ask;
		struct {
			uint32_t device;
		} event;
		struct {
			uint32_t pasid, table;
		} pasid;
	};
	uint32_t last;
	uint32_t padding;
};
_Static_assert(sizeof(struct selftest_cmd) == 72, "size of the self-test's command");

/* Nested tables of a mock device have four entries of an IOTLB, each with the number that they were made with
 * until it is invalidated: then 0. */
#define SELFTEST_TABLE UINT32_C(0xdead)
struct selftest_table {
	uint32_t iotlb;
	uint32_t kind;
};

#define SELFTEST_INVALIDATE     UINT32_C(0xdeadbeef)
#define SELFTEST_INVALIDATE_ALL UINT32_C(1)
struct selftest_invalidate {
	uint32_t flags;
	uint32_t index;
};

#define SELFTEST_VIOMMU UINT32_C(0xdeadbeef)
struct selftest_viommu {
	uint32_t in, out;
	uint64_t out_mmap_offset;
	uint64_t out_mmap_length;
};

#define SELFTEST_EVENTS UINT32_C(0xbeefbeef)
struct selftest_event {
	uint32_t virtual_id;
};

#endif
