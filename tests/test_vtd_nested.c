/* The VT-d plugin on a made-up kernel: a guest's tables, and what is invalidated of them. */
#include <errno.h>
#include <string.h>

#include "backends/iommufd/uapi.h"
#include "tests/fake-kernel/rig.h"
#include "tests/harness.h"

/* Two devices behind two units, a parent address space, and a guest's table for the first device. */
static void up(struct rig *rig)
{
	rig_init(rig);
	REQUIRE_EQ(rig_open(rig, -1), 0);
	REQUIRE_EQ(rig_attach(rig, 0), 0);
	REQUIRE_EQ(rig_attach(rig, 1), 0);
	REQUIRE_EQ(rig_space(rig, 0, IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT), 0);
	REQUIRE_EQ(rig_nest(rig, 0, 0, 0), 0);
}

static uint32_t on(const struct rig *rig, unsigned int device, uint32_t pasid)
{
	return fake_attached(rig->kernel, device, pasid);
}

static void tables_nest(void)
{
	struct rig rig;
	uint32_t first, second, below;

	up(&rig);
	REQUIRE_EQ(rig_nest(&rig, 1, 0, 0), 0);
	CHECK_EQ(fake_tables(rig.kernel), 3);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 0, 3, 0), 0);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 0, 0, 0), 0);
	first = on(&rig, 0, 3);
	below = fake_below(rig.kernel, first);
	CHECK_EQ(first, on(&rig, 0, 0));
	CHECK(fake_table_flags(rig.kernel, below) & UAPI_HWPT_NEST_PARENT);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->replace, 0, 3, 1), 0);
	second = on(&rig, 0, 3);
	CHECK(second != first);
	/* One table below both, as they are for one unit. */
	CHECK_EQ(fake_below(rig.kernel, second), below);
	CHECK_EQ(rig.nested->destroy(rig.table[0]), IOASID_BE_EBUSY);
	CHECK_EQ(rig.paging->destroy(rig.as[0]), IOASID_BE_EBUSY);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->replace, 0, 3, 0), 0);
	CHECK_EQ(on(&rig, 0, 3), below);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->replace, 0, 3, 1), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 3), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 3), 0);
	CHECK_EQ(on(&rig, 0, 3), 0);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 0, 3, 1), IOASID_BE_EBUSY);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->replace, 0, 3, 1), 0);
	CHECK_EQ(rig.pasid->device_block(rig.dev[0], 0), 0);
	CHECK(!on(&rig, 0, 3) && !on(&rig, 0, 0));
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 3), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 0), 0);
	CHECK_EQ(rig.paging->destroy(rig.as[0]), IOASID_BE_EBUSY);
	CHECK_EQ(rig.nested->destroy(rig.table[0]), 0);
	CHECK_EQ(rig.nested->destroy(rig.table[1]), 0);
	rig.table[0] = rig.table[1] = NULL;
	CHECK_EQ(fake_tables(rig.kernel), 0);
	CHECK(rig_down(&rig));
}

static void units_have_their_own(void)
{
	struct rig rig;

	up(&rig);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 1, 3, 0), IOASID_BE_EINVAL);
	CHECK(strstr(rig.why, "another"));
	REQUIRE_EQ(rig_nest(&rig, 1, 1, 0), 0);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 1, 3, 1), 0);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 0, 3, 0), 0);
	CHECK(fake_below(rig.kernel, on(&rig, 0, 3)) != fake_below(rig.kernel, on(&rig, 1, 3)));
	CHECK(rig_down(&rig));
}

static int32_t create(struct rig *rig, const struct ioasid_be_record *entry, struct ioasid_be_as *parent)
{
	struct ioasid_be_table_args args = {
		.struct_size = sizeof(args), .dev = rig->dev[0], .parent = parent, .entry = entry,
	};
	struct ioasid_be_table *table = NULL;
	int32_t ret = rig->nested->create(rig->ctx, &args, &table, &rig->text);

	CHECK_EQ(table != NULL, ret == 0);
	if (table != NULL)
		CHECK_EQ(rig->nested->destroy(table), 0);
	return ret;
}

static void nonsense_is_refused(void)
{
	struct ioasid_be_record entry = { .type = IOASID_BE_PT_VTD_S1, .length = 24, .bytes[16] = 48 };
	struct rig rig;

	up(&rig);
	REQUIRE_EQ(rig_space(&rig, 1, IOASID_BE_USE_PASID), 0);
	CHECK_EQ(create(&rig, &entry, rig.as[0]), 0);
	CHECK_EQ(create(&rig, &entry, rig.as[1]), IOASID_BE_EINVAL);
	CHECK(strstr(rig.why, "PARENT"));
	CHECK_EQ(create(&rig, NULL, rig.as[0]), IOASID_BE_EINVAL);
	CHECK_EQ(create(&rig, &entry, NULL), IOASID_BE_EINVAL);
	entry.bytes[20] = 1;
	CHECK_EQ(create(&rig, &entry, rig.as[0]), IOASID_BE_EINVAL);
	entry.bytes[20] = 0;
	entry.bytes[24] = 1;
	CHECK_EQ(create(&rig, &entry, rig.as[0]), IOASID_BE_EINVAL);
	entry.bytes[24] = 0;
	entry.length = 20;
	CHECK_EQ(create(&rig, &entry, rig.as[0]), IOASID_BE_EINVAL);
	entry.length = 257;
	CHECK_EQ(create(&rig, &entry, rig.as[0]), IOASID_BE_EINVAL);
	entry.length = 24;
	entry.type = IOASID_BE_PT_MOCK;
	CHECK_EQ(create(&rig, &entry, rig.as[0]), IOASID_BE_EOPNOTSUPP);
	/* The kernel minds this one only when it is attached. */
	CHECK_EQ(rig.nested->destroy(rig.table[0]), 0);
	rig.table[0] = NULL;
	entry = (struct ioasid_be_record){ .type = IOASID_BE_PT_VTD_S1, .length = 24, .bytes[16] = 39 };
	REQUIRE_EQ(rig.nested->create(rig.ctx, &(struct ioasid_be_table_args){
		.struct_size = sizeof(struct ioasid_be_table_args), .dev = rig.dev[0], .parent = rig.as[0], .entry = &entry },
		&rig.table[0], &rig.text), 0);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 0, 3, 0), IOASID_BE_EINVAL);
	CHECK(strstr(rig.why, "width"));
	CHECK(!on(&rig, 0, 3));
	CHECK_EQ(rig.nested->destroy(rig.table[0]), 0);
	rig.table[0] = NULL;
	fake_device(rig.kernel, 0)->ecap &= ~(UINT64_C(1) << 26);
	CHECK_EQ(rig_nest(&rig, 0, 0, 0), IOASID_BE_EOPNOTSUPP);
	CHECK(rig_down(&rig));
}

/* S9.13: an RID that is on a table without the flag stays there. */
static void rid_stands_beside(void)
{
	struct rig rig;

	up(&rig);
	REQUIRE_EQ(rig_space(&rig, 1, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 0, 1), 0);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 0, 3, 0), IOASID_BE_EBUSY);
	CHECK(strstr(rig.why, "RID"));
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->replace, 0, 0, 0), 0);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 0, 3, 0), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->replace, 0, 0, 1), IOASID_BE_EBUSY);
	CHECK_EQ(on(&rig, 0, 0), on(&rig, 0, 3));
	CHECK(rig_down(&rig));
}

/* A guest's table can stand on what a VMM had before, if that was made to be a parent. */
static void adopted_parents_work(void)
{
	struct ioasid_be_object object = { .type = IOASID_BE_OBJECT_IOAS, .fd = -1 };
	struct uapi_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct uapi_vfio_bind_iommufd bind = { .argsz = sizeof(bind) };
	struct uapi_hwpt_alloc table = { .size = sizeof(table), .flags = UAPI_HWPT_NEST_PARENT };
	struct rig rig;
	int32_t iommufd, cdev;

	rig_init(&rig);
	bind.iommufd = iommufd = fake_open(rig.kernel, "/dev/iommu");
	cdev = fake_open(rig.kernel, "/dev/vfio/devices/vfio0");
	REQUIRE_EQ(fake_ioctl(rig.kernel, cdev, UAPI_VFIO_BIND_IOMMUFD, &bind), 0);
	REQUIRE_EQ(fake_ioctl(rig.kernel, iommufd, UAPI_IOAS_ALLOC, &alloc), 0);
	table.dev_id = bind.out_devid;
	table.pt_id = alloc.out_ioas_id;
	REQUIRE_EQ(fake_ioctl(rig.kernel, iommufd, UAPI_HWPT_ALLOC, &table), 0);
	REQUIRE_EQ(rig_open(&rig, iommufd), 0);
	REQUIRE_EQ(rig_take(&rig, 0, IOASID_BE_DEVICE_ADOPTED, cdev, iommufd, bind.out_devid), 0);
	object.id = alloc.out_ioas_id;
	REQUIRE_EQ(rig.paging->adopt(rig.ctx, &object, &rig.as[0], &rig.text), 0);
	object = (struct ioasid_be_object){ .type = IOASID_BE_OBJECT_HWPT, .fd = -1, .id = table.out_hwpt_id };
	REQUIRE_EQ(rig.paging->adopt(rig.ctx, &object, &rig.as[1], &rig.text), 0);
	/* Beside a table of the space that cannot be a parent. */
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 5, 0), 0);
	REQUIRE_EQ(rig_nest(&rig, 0, 0, 0), 0);
	REQUIRE_EQ(rig_nest(&rig, 1, 0, 1), 0);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 0, 3, 0), 0);
	CHECK_EQ(rig_put_on_table(&rig, rig.pasid->attach, 0, 4, 1), 0);
	CHECK_EQ(fake_below(rig.kernel, on(&rig, 0, 4)), table.out_hwpt_id);
	CHECK(fake_below(rig.kernel, on(&rig, 0, 3)) != on(&rig, 0, 5));
	for (uint32_t pasid = 3; pasid <= 5; pasid++)
		CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, pasid), 0);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(rig.nested->destroy(rig.table[i]), 0);
		CHECK_EQ(rig.paging->destroy(rig.as[i]), 0);
		rig.table[i] = NULL;
		rig.as[i] = NULL;
	}
	CHECK_EQ(fake_objects(rig.kernel), 2);
	CHECK_EQ(rig.core->device_detach(rig.dev[0]), 0);
	rig.dev[0] = NULL;
	CHECK_EQ(rig.core->close(rig.ctx), 0);
	rig.ctx = NULL;
	fake_host(rig.kernel)->close(rig.kernel, cdev);
	fake_host(rig.kernel)->close(rig.kernel, iommufd);
	CHECK(rig_down(&rig));
}

/* ---- Invalidation ---- */

static int32_t invalidate(struct rig *rig, struct ioasid_be_inv *items, uint32_t count, uint32_t done)
{
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(*items), .count = count, .items = items,
	};
	int32_t ret = rig->invalidate->scopes(rig->ctx, &batch);

	CHECK_EQ(batch.done, done);
	return ret;
}

static struct ioasid_be_inv of_table(struct rig *rig, unsigned int table, uint64_t address, uint64_t length)
{
	return (struct ioasid_be_inv){
		.scope = IOASID_BE_SCOPE_TABLE, .table = rig->table[table], .address = address, .length = length,
	};
}

static void invalidated_up(struct rig *rig)
{
	up(rig);
	REQUIRE_EQ(rig_nest(rig, 1, 0, 0), 0);
	REQUIRE_EQ(rig_put_on_table(rig, rig->pasid->attach, 0, 3, 0), 0);
	REQUIRE_EQ(rig_put_on_table(rig, rig->pasid->attach, 0, 4, 0), 0);
	REQUIRE_EQ(rig_put_on_table(rig, rig->pasid->attach, 0, 5, 1), 0);
}

static void ranges_become_pages(void)
{
	static const struct {
		uint64_t address, length, first, pages;
	} ranges[] = {
		{ 0, UINT64_MAX, 0, UINT64_MAX },
		{ 0x5000, UINT64_MAX, 0, UINT64_MAX },
		{ 0x5000, 0x1000, 0x5000, 1 },
		{ 0x5000, 0x1001, 0x5000, 2 },
		{ 0x5fff, 2, 0x5000, 2 },
		{ 0x5001, 1, 0x5000, 1 },
		{ UINT64_MAX - 0xfff, 0x1000, 0, UINT64_MAX },
		{ UINT64_MAX, 5, 0, UINT64_MAX },
	};
	struct fake_flush flushes[FAKE_FLUSHES];
	struct rig rig;

	invalidated_up(&rig);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct ioasid_be_inv item = of_table(&rig, 0, ranges[i].address, ranges[i].length);

		item.flags = i & 1 ? IOASID_BE_INV_LEAF : IOASID_BE_INV_DEVTLB;
		CHECK_EQ(invalidate(&rig, &item, 1, 1), 0);
		CHECK_EQ(fake_flushes(rig.kernel, flushes), 1);
		CHECK_EQ(flushes[0].table, on(&rig, 0, 3));
		CHECK_EQ(flushes[0].address, ranges[i].first);
		CHECK_EQ(flushes[0].pages, ranges[i].pages);
		CHECK_EQ(flushes[0].flags, i & 1 ? UAPI_VTD_INVALIDATE_LEAF : 0);
	}
	CHECK(rig_down(&rig));
}

static void scopes_find_their_tables(void)
{
	struct fake_flush flushes[FAKE_FLUSHES];
	struct ioasid_be_inv items[6];
	struct rig rig;

	invalidated_up(&rig);
	items[0] = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_PASID, .dev = rig.dev[0], .pasid = 5, .length = 1 };
	items[1] = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_PASID, .dev = rig.dev[0], .pasid = 9, .length = 1 };
	items[2] = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_PASID, .dev = rig.dev[0], .pasid = UINT32_MAX, .length = 1 };
	items[3] = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_DEVICE, .dev = rig.dev[0] };
	items[4] = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_AS, .as = rig.as[0], .length = UINT64_MAX };
	items[5] = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_DEVICE, .dev = rig.dev[1] };
	CHECK_EQ(invalidate(&rig, items, 6, 6), 0);
	/* PASID 5, and of the device each table once, though two PASIDs share one. */
	CHECK_EQ(fake_flushes(rig.kernel, flushes), 3);
	CHECK_EQ(flushes[0].table, on(&rig, 0, 5));
	CHECK_EQ(flushes[1].table, on(&rig, 0, 3));
	CHECK_EQ(flushes[2].table, on(&rig, 0, 5));
	CHECK_EQ(flushes[1].pages, UINT64_MAX);
	/* What is parked has nothing cached. */
	CHECK_EQ(rig_take_off(&rig, rig.pasid->park, 0, 5), 0);
	CHECK_EQ(invalidate(&rig, items, 4, 4), 0);
	CHECK_EQ(fake_flushes(rig.kernel, flushes), 1);
	/* A second time for the whole device is a second invalidation. */
	CHECK_EQ(invalidate(&rig, &items[3], 1, 1), 0);
	CHECK_EQ(fake_flushes(rig.kernel, flushes), 1);
	CHECK(rig_down(&rig));
}

/* S17.4: entry after entry, in one call or in many, wherever one fails. */
static void batches_stop_where_the_kernel_did(void)
{
	enum { ITEMS = 100 };
	struct ioasid_be_inv items[ITEMS];
	struct fake_flush flushes[FAKE_FLUSHES];
	struct rig rig;

	invalidated_up(&rig);
	for (uint32_t i = 0; i < ITEMS; i++)
		items[i] = of_table(&rig, i < 40 || i >= 80 ? 0 : 1, i * UINT64_C(0x1000), 0x1000);
	for (unsigned int most = 0; most < 4; most++) {
		fake_flush_most(rig.kernel, most);
		for (unsigned int stop = 0; stop < ITEMS; stop++) {
			fake_flush_stop(rig.kernel, stop, -EIO);
			CHECK_EQ(invalidate(&rig, items, ITEMS, stop), IOASID_BE_EIO);
			CHECK_EQ(fake_flushes(rig.kernel, flushes), stop);
		}
		fake_flush_stop(rig.kernel, 0, 0);
		CHECK_EQ(invalidate(&rig, items, ITEMS, ITEMS), 0);
		CHECK_EQ(fake_flushes(rig.kernel, flushes), ITEMS);
		for (uint32_t i = 0; i < ITEMS; i++)
			CHECK(flushes[i].address == items[i].address && flushes[i].table == on(&rig, 0, i < 40 || i >= 80 ? 3 : 5));
	}
	items[50].reserved0 = 1;
	CHECK_EQ(invalidate(&rig, items, ITEMS, 50), IOASID_BE_EINVAL);
	items[50].reserved0 = 0;
	items[50].length = 0;
	CHECK_EQ(invalidate(&rig, items, ITEMS, 50), IOASID_BE_EINVAL);
	items[50] = (struct ioasid_be_inv){ .scope = 9 };
	CHECK_EQ(invalidate(&rig, items, ITEMS, 50), IOASID_BE_EINVAL);
	CHECK_EQ(fake_flushes(rig.kernel, flushes), 150);
	fake_fail(rig.kernel, 1, -ENOMEM);
	CHECK_EQ(invalidate(&rig, items, ITEMS, 0), IOASID_BE_ENOMEM);
	CHECK(rig_down(&rig));
}

static const struct test_case cases[] = {
	{ "a guest's table nests, is replaced and parked, and ends after its slots and before its parent (R56, R60)",
		tables_nest },
	{ "each unit has its own table below, and takes no table made for another (R52)", units_have_their_own },
	{ "a guest's table that makes no sense is refused (R29, R32)", nonsense_is_refused },
	{ "an RID without the PASID flag is in the way of nested tables, and stays (S9.13)", rid_stands_beside },
	{ "a guest's table stands on what was adopted (S9.9)", adopted_parents_work },
	{ "a range to invalidate becomes the pages that it touches (R61)", ranges_become_pages },
	{ "each scope finds its tables, each once, and none where nothing is attached (R61, S17.2, S17.3)",
		scopes_find_their_tables },
	{ "a batch stops where the kernel did, and says how far it came (R34, S17.4)", batches_stop_where_the_kernel_did },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd_nested", cases, argc, argv);
}
