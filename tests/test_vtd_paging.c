/* The VT-d plugin on a made-up kernel: address spaces, made and adopted, and what is mapped in them. */
#include <errno.h>
#include <string.h>

#include "backends/iommufd/uapi.h"
#include "tests/fake-kernel/rig.h"
#include "tests/harness.h"

static void up(struct rig *rig, uint32_t uses)
{
	rig_init(rig);
	REQUIRE(rig->core);
	REQUIRE_EQ(rig_open(rig, -1), 0);
	REQUIRE_EQ(rig_attach(rig, 0), 0);
	REQUIRE_EQ(rig_space(rig, 0, uses), 0);
}

static void uses_are_checked(void)
{
	const uint32_t nested_faults = IOASID_BE_USE_PARENT | IOASID_BE_USE_FAULT;
	struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = 16 };
	struct ioasid_be_as *as = NULL;
	struct rig rig;

	up(&rig, IOASID_BE_USE_PARENT);
	CHECK_EQ(rig.paging->create(rig.ctx, &args, &as, &rig.text), IOASID_BE_EINVAL);
	CHECK_EQ(rig_space(&rig, 1, IOASID_BE_USE_FAULT), IOASID_BE_EINVAL);
	REQUIRE_EQ(rig_queue(&rig), 0);
	args.uses = 0;
	args.faultq = rig.queue;
	CHECK_EQ(rig.paging->create(rig.ctx, &args, &as, &rig.text), IOASID_BE_EINVAL);
	CHECK_EQ(rig_space(&rig, 1, nested_faults), IOASID_BE_EOPNOTSUPP);
	CHECK(strstr(rig.why, "nested"));
	CHECK(!rig.as[1] && !as);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 0, 0), 0);
	CHECK_EQ(fake_table_flags(rig.kernel, fake_attached(rig.kernel, 0, 0)), UAPI_HWPT_NEST_PARENT);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 0), 0);
	fake_fail_request(rig.kernel, UAPI_HWPT_ALLOC, -EOPNOTSUPP);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 0, 0), IOASID_BE_EOPNOTSUPP);
	CHECK(strstr(rig.why, "nesting"));
	CHECK(rig_down(&rig));
}

/* R18, R53: what an old kernel does not have is not offered, whatever the machine has. */
static void old_kernels_have_less(void)
{
	static const struct {
		unsigned int version;
		uint64_t interfaces;
		uint32_t cap, why;
	} ages[] = {
		{ 702, IOASID_BE_IF_DIRTY | IOASID_BE_IF_NESTED | IOASID_BE_IF_FAULT, IOASID_BE_CAP_FAULT, IOASID_BE_WHY_NONE },
		{ 610, IOASID_BE_IF_DIRTY | IOASID_BE_IF_NESTED, IOASID_BE_CAP_FAULT, IOASID_BE_WHY_KERNEL },
		{ 607, IOASID_BE_IF_DIRTY, IOASID_BE_CAP_NESTING, IOASID_BE_WHY_KERNEL },
		{ 606, 0, IOASID_BE_CAP_DIRTY, IOASID_BE_WHY_KERNEL },
	};
	const uint64_t always = IOASID_BE_IF_PAGING | IOASID_BE_IF_PASID | IOASID_BE_IF_INVALIDATE;

	for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		struct ioasid_be_ctx_caps caps = { .struct_size = sizeof(caps) };
		struct ioasid_be_device_caps device = { .struct_size = sizeof(device) };
		struct ioasid_be_report_line line = { .struct_size = sizeof(line) };
		bool has_dirty = ages[i].interfaces & IOASID_BE_IF_DIRTY, has_nested = ages[i].interfaces & IOASID_BE_IF_NESTED;
		struct rig rig;

		rig_init(&rig);
		fake_age(rig.kernel, ages[i].version);
		REQUIRE_EQ(rig_open(&rig, -1), 0);
		REQUIRE_EQ(rig_attach(&rig, 0), 0);
		CHECK_EQ(fake_objects(rig.kernel), 0);
		CHECK_EQ(rig.core->caps(rig.ctx, &caps), 0);
		CHECK_EQ(caps.interfaces, always | ages[i].interfaces);
		CHECK((rig.dirty != NULL) == has_dirty && (rig.nested != NULL) == has_nested);
		CHECK_EQ(rig.fault != NULL, (caps.interfaces & IOASID_BE_IF_FAULT) != 0);
		CHECK_EQ(rig_space(&rig, 0, IOASID_BE_USE_DIRTY), has_dirty ? 0 : IOASID_BE_EOPNOTSUPP);
		CHECK_EQ(rig_space(&rig, 1, IOASID_BE_USE_PARENT), has_nested ? 0 : IOASID_BE_EOPNOTSUPP);
		CHECK_EQ(rig.core->device_caps(rig.dev[0], &device), 0);
		CHECK_EQ(device.flags >> ages[i].cap & 1, ages[i].why == IOASID_BE_WHY_NONE);
		CHECK_EQ(rig.core->device_report(rig.dev[0], ages[i].cap, &line, &rig.text), 0);
		CHECK(line.capability == ages[i].cap && line.why == ages[i].why);
		CHECK(rig_down(&rig));
	}
}

/* S9.10 */
static void capability_is_told(uint64_t without, uint64_t capabilities, bool asks, uint32_t cap)
{
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };
	struct ioasid_be_report_line line = { .struct_size = sizeof(line) };
	bool usable = !without && capabilities == 7 && asks;
	struct rig rig;

	rig_init(&rig);
	fake_device(rig.kernel, 0)->ecap &= ~without;
	fake_device(rig.kernel, 0)->capabilities = capabilities;
	fake_device(rig.kernel, 0)->asks = asks;
	REQUIRE_EQ(rig_open(&rig, -1), 0);
	REQUIRE_EQ(rig_attach(&rig, 0), 0);
	CHECK_EQ(rig.core->device_caps(rig.dev[0], &caps), 0);
	CHECK_EQ(caps.flags >> cap & 1, usable);
	CHECK_EQ(rig.core->device_report(rig.dev[0], cap, &line, &rig.text), 0);
	CHECK(line.usable == usable && line.why == (usable ? IOASID_BE_WHY_NONE : IOASID_BE_WHY_HARDWARE));
	CHECK(rig_down(&rig));
}

static void capabilities_are_told(void)
{
	static const uint32_t all[] = { IOASID_BE_CAP_NESTING, IOASID_BE_CAP_DIRTY, IOASID_BE_CAP_PRI, IOASID_BE_CAP_FAULT };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		capability_is_told(0, 7, true, all[i]);
	capability_is_told(UINT64_C(1) << 26, 7, true, IOASID_BE_CAP_NESTING);
	capability_is_told(UINT64_C(1) << 46, 7, true, IOASID_BE_CAP_NESTING);
	capability_is_told(0, 6, true, IOASID_BE_CAP_DIRTY);
	for (uint32_t cap = IOASID_BE_CAP_PRI; cap <= IOASID_BE_CAP_FAULT; cap += IOASID_BE_CAP_FAULT - IOASID_BE_CAP_PRI) {
		capability_is_told(UINT64_C(1) << 29, 7, true, cap);
		capability_is_told(UINT64_C(1) << 42, 7, true, cap);
		capability_is_told(0, 7 | UAPI_HW_CAP_ATS_NOT_SUPPORTED, true, cap);
		capability_is_told(0, 7, false, cap);
	}
}

static void maps_are_checked(void)
{
	const uint64_t top = UINT64_MAX - 4095;
	struct ioasid_be_map map;
	struct rig rig;

	up(&rig, 0);
	CHECK_EQ(rig_map(&rig, 0, 0x1000, 0x3000), 0);
	CHECK_EQ(rig_map(&rig, 0, 0x3000, 0x1000), IOASID_BE_EEXIST);
	CHECK_EQ(rig_map(&rig, 0, 0x8001, 0x1000), IOASID_BE_EINVAL);
	CHECK_EQ(rig_map(&rig, 0, 0x8000, 0x1001), IOASID_BE_EINVAL);
	CHECK_EQ(rig_map(&rig, 0, 0x8000, 0), IOASID_BE_EINVAL);
	CHECK_EQ(rig_map(&rig, 0, top, 0x2000), IOASID_BE_EINVAL);
	CHECK_EQ(rig_map(&rig, 0, top, 0x1000), 0);
	CHECK_EQ(rig.paging->unmap(rig.as[0], top, 0x1000, NULL), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 0, 0), 0);
	CHECK_EQ(rig_map(&rig, 0, top, 0x1000), IOASID_BE_ERANGE);
	CHECK_EQ(rig_map(&rig, 0, 0xfee00000, 0x1000), IOASID_BE_ERANGE);
	fake_fail_request(rig.kernel, UAPI_IOAS_MAP, -EINVAL);
	CHECK_EQ(rig_map(&rig, 0, 0x8000, 0x1000), IOASID_BE_EINVAL);
	fake_fail_request(rig.kernel, 0, 0);
	map = (struct ioasid_be_map){ .struct_size = sizeof(map), .access = 4, .length = 0x1000, .fd = -1 };
	CHECK_EQ(rig.paging->map(rig.as[0], &map), IOASID_BE_EINVAL);
	map.access = 0;
	CHECK_EQ(rig.paging->map(rig.as[0], &map), IOASID_BE_EINVAL);
	map.access = IOASID_BE_MAP_WRITE;
	map.flags = 1;
	CHECK_EQ(rig.paging->map(rig.as[0], &map), IOASID_BE_EINVAL);
	map.flags = 0;
	map.fd = 3;
	CHECK_EQ(rig.paging->map(rig.as[0], &map), IOASID_BE_EINVAL);
	map.iova = 0x8000;
	CHECK_EQ(rig.paging->map_file(rig.as[0], &map), 0);
	map.iova = 0x9000;
	fake_age(rig.kernel, 613);
	CHECK_EQ(rig.paging->map_file(rig.as[0], &map), IOASID_BE_EOPNOTSUPP);
	map.fd = -1;
	CHECK_EQ(rig.paging->map_file(rig.as[0], &map), IOASID_BE_EBADF);
	CHECK_EQ(rig.paging->copy(rig.as[0], &map), IOASID_BE_EINVAL);
	CHECK(rig_down(&rig));
}

static void unmap_tells_nothing_from_cut(void)
{
	struct ioasid_be_map copy;
	uint64_t bytes = 5;
	struct rig rig;

	up(&rig, 0);
	REQUIRE_EQ(rig_space(&rig, 1, 0), 0);
	CHECK_EQ(rig_map(&rig, 0, 0x10000, 0x4000), 0);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0x12000, 0x1000, &bytes), IOASID_BE_ENOENT);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0x13000, 0x2000, &bytes), IOASID_BE_ENOENT);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0xf000, 0x2000, &bytes), IOASID_BE_ENOENT);
	CHECK_EQ(bytes, 5);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0xf000, 0x1000, &bytes), 0);
	CHECK_EQ(bytes, 0);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0x14000, 0x1000, &bytes), 0);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0x14000, 0x800, &bytes), IOASID_BE_EINVAL);
	copy = (struct ioasid_be_map){
		.struct_size = sizeof(copy),
		.access = IOASID_BE_MAP_READ,
		.iova = 0x1000,
		.length = 0x1000,
		.source = 0x11000,
		.from = rig.as[0],
		.fd = -1,
	};
	CHECK_EQ(rig.paging->copy(rig.as[1], &copy), 0);
	copy.source = 0x14000;
	CHECK_EQ(rig.paging->copy(rig.as[1], &copy), IOASID_BE_ENOENT);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0xf000, 0x8000, &bytes), 0);
	CHECK_EQ(bytes, 0x4000);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0, UINT64_MAX, &bytes), 0);
	CHECK_EQ(bytes, 0);
	CHECK_EQ(rig.paging->unmap(rig.as[1], 0, UINT64_MAX, &bytes), 0);
	CHECK_EQ(bytes, 0x1000);
	CHECK_EQ(fake_objects(rig.kernel), 2);
	CHECK(rig_down(&rig));
}

static void ranges_are_listed(void)
{
	static const struct ioasid_be_range want[] = {
		{ .first = 0, .last = 0xfedfffff, .kind = IOASID_BE_RANGE_USABLE },
		{ .first = 0xa0000, .last = 0xbffff, .kind = IOASID_BE_RANGE_DIRECT },
		{ .first = 0xfee00000, .last = 0xfeefffff, .kind = IOASID_BE_RANGE_RESERVED },
		{ .first = 0xfef00000, .last = (UINT64_C(1) << 47) - 1, .kind = IOASID_BE_RANGE_USABLE },
	};
	struct ioasid_be_range got[4];
	struct ioasid_be_batch batch = { .struct_size = sizeof(batch), .stride = sizeof(got[0]), .count = 4,
					 .items = got };
	struct ioasid_be_array allowed = { .items = &want[0], .stride = sizeof(want[0]), .count = 1 };
	uint32_t total;
	struct rig rig;

	up(&rig, 0);
	REQUIRE_EQ(rig_attach(&rig, 1), 0);
	CHECK_EQ(rig.paging->ranges(rig.as[0], &batch, &total), 0);
	CHECK(total == 1 && batch.done == 1 && got[0].last == UINT64_MAX);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 0, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 0, 0), 0);
	CHECK_EQ(rig.paging->ranges(rig.as[0], &batch, &total), 0);
	CHECK_EQ(total, 4);
	CHECK_EQ(batch.done, 4);
	CHECK(!memcmp(got, want, sizeof(want)));
	batch.count = 3;
	CHECK_EQ(rig.paging->ranges(rig.as[0], &batch, &total), IOASID_BE_EOVERFLOW);
	CHECK(total == 4 && batch.done == 3);
	CHECK_EQ(rig.paging->allow(rig.as[0], &allowed), 0);
	allowed.items = &want[2];
	CHECK_EQ(rig.paging->allow(rig.as[0], &allowed), IOASID_BE_EINVAL);
	allowed.items = &(struct ioasid_be_range){ .first = 0xfee00000, .last = 0xfee00fff, .kind = 1 };
	CHECK_EQ(rig.paging->allow(rig.as[0], &allowed), IOASID_BE_EBUSY);
	CHECK(rig_down(&rig));
}

static void adopted_lives_on(void)
{
	struct ioasid_be_object object = { .type = IOASID_BE_OBJECT_IOAS, .fd = -1 };
	struct uapi_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct uapi_vfio_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct uapi_hwpt_alloc table = { .size = sizeof(table) };
	struct rig rig;
	int32_t iommufd, cdev;

	rig_init(&rig);
	iommufd = fake_open(rig.kernel, "/dev/iommu");
	cdev = fake_open(rig.kernel, "/dev/vfio/devices/vfio0");
	bind.iommufd = iommufd;
	REQUIRE_EQ(fake_ioctl(rig.kernel, cdev, UAPI_VFIO_BIND_IOMMUFD, &bind), 0);
	REQUIRE_EQ(fake_ioctl(rig.kernel, iommufd, UAPI_IOAS_ALLOC, &alloc), 0);
	table.dev_id = bind.out_devid;
	table.pt_id = alloc.out_ioas_id;
	REQUIRE_EQ(fake_ioctl(rig.kernel, iommufd, UAPI_HWPT_ALLOC, &table), 0);
	REQUIRE_EQ(rig_open(&rig, iommufd), 0);
	REQUIRE_EQ(rig_take(&rig, 0, IOASID_BE_DEVICE_ADOPTED, cdev, iommufd, bind.out_devid), 0);
	REQUIRE_EQ(rig_attach(&rig, 1), 0);
	object.id = alloc.out_ioas_id;
	CHECK_EQ(rig.paging->adopt(rig.ctx, &object, &rig.as[0], &rig.text), 0);
	object.type = IOASID_BE_OBJECT_HWPT;
	CHECK_EQ(rig.paging->adopt(rig.ctx, &object, &rig.as[1], &rig.text), IOASID_BE_ENOENT);
	object.id = table.out_hwpt_id;
	CHECK_EQ(rig.paging->adopt(rig.ctx, &object, &rig.as[1], &rig.text), 0);
	object.type = IOASID_BE_OBJECT_VIOMMU;
	CHECK_EQ(rig.paging->adopt(rig.ctx, &object, &rig.as[2], &rig.text), IOASID_BE_EOPNOTSUPP);

	/* The RID is not ours; the table was made without PASIDs and for the other unit. */
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 0, 0), IOASID_BE_EBUSY);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 0), IOASID_BE_ENOENT);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 3, 1), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 0, 1), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(rig_map(&rig, 1, 0x1000, 0x1000), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(rig_map(&rig, 0, 0x1000, 0x1000), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 3, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 0, 0), 0);
	CHECK_EQ(rig.pasid->device_block(rig.dev[0], 0), IOASID_BE_EBUSY);
	CHECK_EQ(fake_attached(rig.kernel, 0, 3), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 3), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(rig.as[0]), 0);
	CHECK_EQ(rig.paging->destroy(rig.as[1]), 0);
	rig.as[0] = rig.as[1] = NULL;
	CHECK_EQ(fake_objects(rig.kernel), 2);
	CHECK_EQ(fake_fds(rig.kernel), 3);
	fake_host(rig.kernel)->close(rig.kernel, cdev);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	rig.dev[0] = NULL;
	CHECK_EQ(rig.core->device_detach(rig.dev[1]), 0);
	rig.dev[1] = NULL;
	CHECK_EQ(rig.core->close(rig.ctx), 0);
	rig.ctx = NULL;
	fake_host(rig.kernel)->close(rig.kernel, iommufd);
	CHECK(rig_down(&rig));
}

static const struct test_case cases[] = {
	{ "a use that cannot be had is refused when it is known to be", uses_are_checked },
	{ "what an old kernel lacks is not offered, and the report says why (R18, R53, S9.10)", old_kernels_have_less },
	{ "nesting, dirty pages and page requests are told as unit and device have them (S9.10)", capabilities_are_told },
	{ "what is to be mapped is checked, and each error has one meaning", maps_are_checked },
	{ "unmap tells nothing there from a mapping that it would cut", unmap_tells_nothing_from_cut },
	{ "ranges are ascending, with each reserved window once", ranges_are_listed },
	{ "what is adopted is used, and never reconfigured, destroyed or closed", adopted_lives_on },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd_paging", cases, argc, argv);
}
