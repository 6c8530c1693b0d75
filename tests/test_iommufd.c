/* What the kernel-backed plugins share: the clients of iommufd and VFIO. */
#include <errno.h>
#include <string.h>

#include "backends/iommufd/client.h"
#include "backends/iommufd/vfio.h"
#include "tests/fake-kernel/fake.h"
#include "tests/harness.h"

/* One call of each kind, all of them right, so that they fail only if they are made to. */
struct world {
	struct fake_kernel *kernel;
	struct iommufd iommu;
	int32_t cdev;
	uint32_t device, ioas, other, table;
	uint32_t parent, nested, queue;
	int32_t faults;
};

static struct ioasid_be_map some_map(uint64_t iova)
{
	return (struct ioasid_be_map){ .access = IOASID_BE_MAP_READ, .iova = iova, .length = 4096, .fd = 3 };
}

static const struct uapi_hwpt_vtd_s1 guest_table = { .addr_width = 48 };

static uint32_t make_table(struct world *w, uint32_t parent, uint32_t flags, bool nested)
{
	const struct iommufd_hwpt what = {
		.dev = w->device, .parent = parent, .flags = flags, .fault = w->queue,
		.data_type = nested ? UAPI_HWPT_DATA_VTD_S1 : 0, .data_size = nested ? sizeof(guest_table) : 0,
		.data = nested ? &guest_table : NULL,
	};
	uint32_t table = 0;

	REQUIRE_EQ(iommufd_hwpt_alloc(&w->iommu, &what, &table), 0);
	return table;
}

static void world_up(struct world *w)
{
	struct ioasid_be_map map = some_map(0x1000);
	const struct fake_ask ask = { .pasid = 7, .group = 3, .last = true };

	w->kernel = fake_create();
	REQUIRE_EQ(iommufd_open(&w->iommu, fake_host(w->kernel), -1), 0);
	w->cdev = vfio_open(fake_host(w->kernel), "vfio0");
	REQUIRE(w->cdev >= 0);
	REQUIRE_EQ(vfio_bind(&w->iommu, w->cdev, &w->device), 0);
	REQUIRE_EQ(iommufd_ioas_alloc(&w->iommu, &w->ioas), 0);
	REQUIRE_EQ(iommufd_ioas_alloc(&w->iommu, &w->other), 0);
	REQUIRE_EQ(iommufd_fault_alloc(&w->iommu, &w->queue, &w->faults), 0);
	w->table = make_table(w, w->ioas, UAPI_HWPT_PASID | UAPI_HWPT_DIRTY, false);
	w->parent = make_table(w, w->ioas, UAPI_HWPT_PASID | UAPI_HWPT_NEST_PARENT, false);
	w->nested = make_table(w, w->parent, UAPI_HWPT_PASID | UAPI_HWPT_FAULT, true);
	REQUIRE_EQ(iommufd_ioas_map(&w->iommu, w->ioas, &map), 0);
	REQUIRE_EQ(iommufd_dirty_set(&w->iommu, w->table, true), 0);
	REQUIRE_EQ(vfio_attach(&w->iommu, w->cdev, 6, w->table), 0);
	REQUIRE_EQ(vfio_attach(&w->iommu, w->cdev, 7, w->nested), 0);
	REQUIRE(fake_write(w->kernel, 0, 6, 0x1000));
	REQUIRE_EQ(fake_ask(w->kernel, &ask), 0);
}

static void world_down(struct world *w)
{
	w->iommu.host->close(w->iommu.host->host, w->cdev);
	w->iommu.host->close(w->iommu.host->host, w->faults);
	iommufd_close(&w->iommu);
	CHECK(!fake_objects(w->kernel) && !fake_fds(w->kernel));
	fake_destroy(w->kernel);
}

struct out {
	uint32_t id, count;
	uint64_t bytes;
	struct uapi_iova_range ranges[4];
	struct uapi_hw_info info;
	struct uapi_hw_info_vtd registers;
	uint64_t bitmap;
};

static int32_t call_destroy(struct world *w, struct out *out)
{
	(void)out;
	return iommufd_destroy(&w->iommu, w->other);
}

static int32_t call_ioas_alloc(struct world *w, struct out *out)
{
	return iommufd_ioas_alloc(&w->iommu, &out->id);
}

static int32_t call_ranges(struct world *w, struct out *out)
{
	uint32_t count = 4;
	int32_t ret = iommufd_ioas_ranges(&w->iommu, w->ioas, out->ranges, &count);

	out->count = ret ? 0 : count;
	return ret;
}

static int32_t call_allow(struct world *w, struct out *out)
{
	(void)out;
	return iommufd_ioas_allow(&w->iommu, w->ioas, &(struct uapi_iova_range){ 0x1000, 0xffff }, 1);
}

static int32_t call_map(struct world *w, struct out *out)
{
	struct ioasid_be_map map = some_map(0x3000);

	(void)out;
	return iommufd_ioas_map(&w->iommu, w->ioas, &map);
}

static int32_t call_map_file(struct world *w, struct out *out)
{
	struct ioasid_be_map map = some_map(0x4000);

	(void)out;
	return iommufd_ioas_map_file(&w->iommu, w->ioas, &map);
}

static int32_t call_copy(struct world *w, struct out *out)
{
	struct ioasid_be_map map = some_map(0x5000);

	(void)out;
	map.source = 0x1000;
	return iommufd_ioas_copy(&w->iommu, w->other, w->ioas, &map);
}

static int32_t call_unmap(struct world *w, struct out *out)
{
	return iommufd_ioas_unmap(&w->iommu, w->ioas, 0x1000, 0x1000, &out->bytes);
}

static int32_t call_hwpt_alloc(struct world *w, struct out *out)
{
	const struct iommufd_hwpt what = {
		.dev = w->device, .parent = w->parent, .flags = UAPI_HWPT_FAULT, .fault = w->queue,
		.data_type = UAPI_HWPT_DATA_VTD_S1, .data_size = sizeof(guest_table), .data = &guest_table,
	};

	return iommufd_hwpt_alloc(&w->iommu, &what, &out->id);
}

static int32_t call_dirty_set(struct world *w, struct out *out)
{
	(void)out;
	return iommufd_dirty_set(&w->iommu, w->table, false);
}

static int32_t call_dirty_get(struct world *w, struct out *out)
{
	const struct ioasid_be_dirty_args window = {
		.iova = 0x1000, .length = 0x1000, .page_size = 0x1000, .bitmap = &out->bitmap,
	};

	return iommufd_dirty_get(&w->iommu, w->table, &window, true);
}

static int32_t call_invalidate(struct world *w, struct out *out)
{
	const struct uapi_vtd_s1_invalidate entries[2] = { { .addr = 0x1000, .npages = 1 }, { .addr = 0x3000, .npages = 2 } };
	uint32_t count = 2;
	int32_t ret = iommufd_invalidate(&w->iommu, w->nested, UAPI_INVALIDATE_VTD_S1, entries, sizeof(entries[0]), &count);

	out->count = count;
	return ret;
}

static int32_t call_fault_alloc(struct world *w, struct out *out)
{
	int32_t fd, ret = iommufd_fault_alloc(&w->iommu, &out->id, &fd);

	if (!ret)
		w->iommu.host->close(w->iommu.host->host, fd);
	return ret;
}

static int32_t call_hw_info(struct world *w, struct out *out)
{
	return iommufd_hw_info(&w->iommu, w->device, &out->registers, sizeof(out->registers), &out->info);
}

static int32_t call_bind(struct world *w, struct out *out)
{
	int32_t fd = vfio_open(w->iommu.host, "vfio1");
	int32_t ret = vfio_bind(&w->iommu, fd, &out->id);

	w->iommu.host->close(w->iommu.host->host, fd);
	return ret;
}

static int32_t call_attach(struct world *w, struct out *out)
{
	(void)out;
	return vfio_attach(&w->iommu, w->cdev, 5, w->table);
}

static int32_t call_detach(struct world *w, struct out *out)
{
	(void)out;
	return vfio_detach(&w->iommu, w->cdev, 5);
}

static const struct {
	uint64_t request;
	int32_t (*call)(struct world *w, struct out *out);
	bool writes;	/* something into what it is given */
} calls[] = {
	{ UAPI_DESTROY, call_destroy, false },
	{ UAPI_IOAS_ALLOC, call_ioas_alloc, true },
	{ UAPI_IOAS_IOVA_RANGES, call_ranges, true },
	{ UAPI_IOAS_ALLOW_IOVAS, call_allow, false },
	{ UAPI_IOAS_MAP, call_map, false },
	{ UAPI_IOAS_MAP_FILE, call_map_file, false },
	{ UAPI_IOAS_COPY, call_copy, false },
	{ UAPI_IOAS_UNMAP, call_unmap, true },
	{ UAPI_HWPT_ALLOC, call_hwpt_alloc, true },
	{ UAPI_HWPT_SET_DIRTY, call_dirty_set, false },
	{ UAPI_HWPT_GET_DIRTY, call_dirty_get, true },
	{ UAPI_HWPT_INVALIDATE, call_invalidate, true },
	{ UAPI_FAULT_QUEUE_ALLOC, call_fault_alloc, true },
	{ UAPI_GET_HW_INFO, call_hw_info, true },
	{ UAPI_VFIO_BIND_IOMMUFD, call_bind, true },
	{ UAPI_VFIO_ATTACH_PT, call_attach, false },
	{ UAPI_VFIO_DETACH_PT, call_detach, false },
};

static void errors_pass_through(void)
{
	static const struct out untouched;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		for (int32_t error = 1; error < 134; error++) {
			struct out out = untouched;
			struct world w;

			world_up(&w);
			fake_fail_request(w.kernel, calls[i].request, -error);
			CHECK_EQ(calls[i].call(&w, &out), -error);
			CHECK(!memcmp(&out, &untouched, sizeof(out)));
			fake_fail_request(w.kernel, 0, 0);
			world_down(&w);
		}
	}
}

static void calls_give_what_the_kernel_gave(void)
{
	static const struct out untouched;

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		struct out out = untouched;
		struct world w;

		world_up(&w);
		CHECK_EQ(calls[i].call(&w, &out), 0);
		CHECK_EQ(memcmp(&out, &untouched, sizeof(out)) != 0, calls[i].writes);
		world_down(&w);
	}
}

static void partial_work_is_told(void)
{
	struct uapi_page_fault faults[2];
	struct uapi_page_response responses[2] = { { .cookie = 1 }, { .cookie = 99 } };
	struct out out = { 0 };
	struct world w;

	world_up(&w);
	fake_flush_stop(w.kernel, 1, -EIO);
	CHECK_EQ(call_invalidate(&w, &out), -EIO);
	CHECK_EQ(out.count, 1);
	fake_flush_most(w.kernel, 1);
	CHECK_EQ(call_invalidate(&w, &out), 0);
	CHECK_EQ(out.count, 1);
	CHECK_EQ(iommufd_fault_read(&w.iommu, w.faults, faults, 2), 1);
	CHECK(faults[0].cookie == 1 && faults[0].dev_id == w.device);
	CHECK_EQ(iommufd_fault_read(&w.iommu, w.faults, faults, 2), 0);
	CHECK_EQ(iommufd_fault_write(&w.iommu, w.faults, responses, 2), 1);
	CHECK_EQ(iommufd_fault_write(&w.iommu, w.faults, responses, 1), -EINVAL);
	fake_fail(w.kernel, 1, -EIO);
	CHECK_EQ(iommufd_fault_read(&w.iommu, w.faults, faults, 2), -EIO);
	fake_fail(w.kernel, 1, -EIO);
	CHECK_EQ(iommufd_fault_write(&w.iommu, w.faults, responses, 2), -EIO);
	world_down(&w);
}

/* A list of capabilities that runs in a circle, or out of what could be read. */
static int64_t circle(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	(void)host, (void)fd, (void)offset;
	memset(buffer, 0, size);
	memcpy((unsigned char *)buffer + 0x100, "\x0f\x00\x01\x20", 4);
	memcpy((unsigned char *)buffer + 0x200, "\x0f\x00\x01\x10", 4);
	return (int64_t)size;
}

static int64_t stump(void *host, int32_t fd, void *buffer, uint64_t size, uint64_t offset)
{
	return circle(host, fd, buffer, size, offset) > 0x102 ? 0x102 : -EIO;
}

static void configuration_space_is_read(void)
{
	struct ioasid_be_host odd;
	struct world w;

	world_up(&w);
	CHECK_EQ(vfio_asks_for_pages(&w.iommu, w.cdev), 1);
	fake_device(w.kernel, 0)->asks = false;
	CHECK_EQ(vfio_asks_for_pages(&w.iommu, w.cdev), 0);
	for (unsigned int nth = 1; nth <= 2; nth++) {
		fake_fail(w.kernel, nth, -EIO);
		CHECK_EQ(vfio_asks_for_pages(&w.iommu, w.cdev), -EIO);
	}
	odd = *w.iommu.host;
	odd.read = circle;
	w.iommu.host = &odd;
	CHECK_EQ(vfio_asks_for_pages(&w.iommu, w.cdev), 0);
	odd.read = stump;
	CHECK_EQ(vfio_asks_for_pages(&w.iommu, w.cdev), 0);
	w.iommu.host = fake_host(w.kernel);
	world_down(&w);
}

static void names_stay_inside(void)
{
	static const char *const bad[] = { "", ".", "..", "../vfio0", "vfio0/../..", "0000:00:03.0/..",
		"VFIO0", "vfio 0",
					   "eth0", "0123456789:0123456789:0123456789:0" };
	struct fake_kernel *kernel = fake_create();
	char cdev[VFIO_NAME_MAX];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(vfio_find(fake_host(kernel), bad[i], cdev), -EINVAL);
	CHECK_EQ(vfio_find(fake_host(kernel), "0000:00:09.0", cdev), -ENODEV);
	CHECK_EQ(vfio_find(fake_host(kernel), "0000:00:04.0", cdev), 0);
	CHECK(!strcmp(cdev, "vfio1"));
	CHECK_EQ(vfio_find(fake_host(kernel), "vfio0", cdev), 0);
	CHECK(!strcmp(cdev, "vfio0"));
	fake_destroy(kernel);
}

static void sysfs_is_read(void)
{
	struct fake_kernel *kernel = fake_create();
	struct ioasid_be_range ranges[4];
	uint64_t value = 0;

	CHECK_EQ(vfio_iommu_attribute(fake_host(kernel), "vfio1", "intel-iommu/address", &value), 0);
	CHECK_EQ(value, 0xfed91000);
	CHECK_EQ(vfio_iommu_attribute(fake_host(kernel), "vfio1", "intel-iommu/none", &value), -ENOENT);
	CHECK_EQ(vfio_reserved(fake_host(kernel), "vfio0", ranges, 4), 2);
	CHECK_EQ(ranges[0].kind, IOASID_BE_RANGE_DIRECT);
	CHECK_EQ(ranges[0].last, 0xbffff);
	CHECK_EQ(ranges[1].kind, IOASID_BE_RANGE_RESERVED);
	CHECK_EQ(ranges[1].first, 0xfee00000);
	CHECK_EQ(vfio_reserved(fake_host(kernel), "vfio0", ranges, 1), 1);
	CHECK_EQ(vfio_reserved(fake_host(kernel), "vfio7", ranges, 4), -ENOENT);
	CHECK_EQ(fake_fds(kernel), 0);
	fake_destroy(kernel);
}

static void borrowed_stays_open(void)
{
	struct fake_kernel *kernel = fake_create();
	int32_t fd = fake_open(kernel, "/dev/iommu");
	struct iommufd iommu;

	CHECK_EQ(iommufd_open(&iommu, fake_host(kernel), fd), 0);
	iommufd_close(&iommu);
	CHECK_EQ(fake_fds(kernel), 1);
	CHECK_EQ(iommufd_open(&iommu, fake_host(kernel), -1), 0);
	iommufd_close(&iommu);
	CHECK_EQ(fake_fds(kernel), 1);
	fake_no_iommufd(kernel);
	CHECK_EQ(iommufd_open(&iommu, fake_host(kernel), -1), -ENOENT);
	fake_destroy(kernel);
}

static const struct test_case cases[] = {
	{ "a client answers each errno of each ioctl as it was given, and writes nothing",
		errors_pass_through },
	{ "a client hands out what the kernel gave", calls_give_what_the_kernel_gave },
	{ "how much of a batch was done is told on failure, too", partial_work_is_told },
	{ "whether a device asks for pages is read from its capabilities, whatever their list looks like",
		configuration_space_is_read },
	{ "a device's name never leads out of the folders that it is looked for in", names_stay_inside },
	{ "the unit and the reserved windows of a device are read from sysfs", sysfs_is_read },
	{ "a descriptor that was passed in is not closed", borrowed_stays_open },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("iommufd", cases, argc, argv);
}
