/* One life of a context with every operation in it; see mock_life.h. */
#include "tests/mock_life.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/harness.h"

#define ROOT UINT64_C(0x20000)

static int32_t do_caps(struct life *l)
{
	struct ioasid_be_ctx_caps caps = { .struct_size = sizeof(caps) };

	return l->rig.core->caps(l->rig.ctx, &caps);
}

static int32_t do_interface(struct life *l)
{
	const void *table;

	return l->rig.core->get_interface(l->rig.ctx, IOASID_BE_ID_PASID, &table);
}

static int32_t do_device_attach(struct life *l)
{
	return rig_attach_device(&l->rig, "mock0", &l->rig.dev[0]);
}

static int32_t do_device_caps(struct life *l)
{
	struct ioasid_be_device_caps caps = { .struct_size = sizeof(caps) };

	return l->rig.core->device_caps(l->rig.dev[0], &caps);
}

static int32_t do_registers(struct life *l)
{
	struct ioasid_be_record record;

	return l->rig.core->device_registers(l->rig.dev[0], &record);
}

static int32_t do_report(struct life *l)
{
	struct ioasid_be_report_line line = { .struct_size = sizeof(line) };

	return l->rig.core->device_report(l->rig.dev[0], 0, &line, NULL);
}

static int32_t create_space(struct life *l, uint32_t uses, struct ioasid_be_as **as)
{
	const struct ioasid_be_as_args args = { .struct_size = sizeof(args), .uses = uses };

	return l->rig.paging->create(l->rig.ctx, &args, as, NULL);
}

static int32_t do_create_a(struct life *l)
{
	return create_space(l, IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT, &l->a);
}

static int32_t do_create_b(struct life *l)
{
	return create_space(l, IOASID_BE_USE_PASID | IOASID_BE_USE_DIRTY, &l->b);
}

static int32_t do_adopt(struct life *l)
{
	const struct ioasid_be_object object = { .type = IOASID_BE_OBJECT_IOAS, .id = l->world, .fd = -1 };

	return l->rig.paging->adopt(l->rig.ctx, &object, &l->adopted, NULL);
}

static int32_t do_map(struct life *l)
{
	const struct ioasid_be_map map = rig_map_args(&l->rig, LIFE_IOVA, 0, 4);

	return l->rig.paging->map(l->a, &map);
}

static int32_t do_map_file(struct life *l)
{
	const struct ioasid_be_map map = { .struct_size = sizeof(map),
					   .access = IOASID_BE_MAP_READ,
					   .iova = ROOT,
					   .length = RIG_PAGE,
					   .fd = l->file };

	return l->rig.paging->map_file(l->a, &map);
}

static int32_t do_copy(struct life *l)
{
	const struct ioasid_be_map map = { .struct_size = sizeof(map),
					   .access = IOASID_BE_MAP_READ,
					   .iova = LIFE_IOVA,
					   .length = RIG_PAGE,
					   .source = ROOT,
					   .from = l->a,
					   .fd = -1 };

	return l->rig.paging->copy(l->b, &map);
}

static int32_t do_ranges(struct life *l)
{
	struct ioasid_be_range ranges[4];
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(ranges[0]), .count = 4, .items = ranges
	};
	uint32_t total;

	return l->rig.paging->ranges(l->a, &batch, &total);
}

static int32_t do_allow(struct life *l)
{
	const struct ioasid_be_range range = { .first = 0, .last = 0xfff, .kind = IOASID_BE_RANGE_USABLE };
	const struct ioasid_be_array array = { &range, sizeof(range), 1 };

	return l->rig.paging->allow(l->a, &array);
}

static int32_t do_table_create(struct life *l)
{
	const struct ioasid_mock_table raw = { .root = LIFE_IOVA, .width = IOASID_MOCK_TABLE_WIDTH };
	struct ioasid_be_record record = { .type = IOASID_BE_PT_MOCK, .length = sizeof(raw) };
	const struct ioasid_be_table_args args = {
		.struct_size = sizeof(args), .dev = l->rig.dev[0], .parent = l->a, .entry = &record
	};

	memcpy(record.bytes, &raw, sizeof(raw));
	return l->rig.nested->create(l->rig.ctx, &args, &l->table, NULL);
}

static int32_t do_attach(struct life *l)
{
	return rig_attach(&l->rig, 0, 1, l->a, NULL);
}

static int32_t do_attach_table(struct life *l)
{
	return rig_attach(&l->rig, 0, 0xfffff, NULL, l->table);
}

static int32_t do_attach_rid(struct life *l)
{
	return rig_attach(&l->rig, 0, 0, l->a, NULL);
}

static int32_t do_replace(struct life *l)
{
	return rig_replace(&l->rig, 0, 1, l->b, NULL, RIG_MS);
}

static int32_t do_invalidate(struct life *l)
{
	const struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_DEVICE, .dev = l->rig.dev[0] };

	return rig_invalidate(&l->rig, &inv);
}

static int32_t do_park(struct life *l)
{
	return rig_park(&l->rig, 0, 1, RIG_MS);
}

static int32_t do_block(struct life *l)
{
	return l->rig.pasid->device_block(l->rig.dev[0], rig_now() + RIG_MS);
}

static int32_t do_drain(struct life *l)
{
	return rig_drain(&l->rig, 0, 1, RIG_MS);
}

static int32_t do_reset(struct life *l)
{
	return l->rig.core->device_reset(l->rig.dev[0]);
}

static int32_t do_detach(struct life *l)
{
	return rig_detach(&l->rig, 0, 1, RIG_MS);
}

static int32_t do_detach_table(struct life *l)
{
	return rig_detach(&l->rig, 0, 0xfffff, RIG_MS);
}

static int32_t do_detach_rid(struct life *l)
{
	return rig_detach(&l->rig, 0, 0, RIG_MS);
}

static int32_t do_table_destroy(struct life *l)
{
	return l->rig.nested->destroy(l->table);
}

static int32_t do_unmap(struct life *l)
{
	uint64_t unmapped;

	return l->rig.paging->unmap(l->a, LIFE_IOVA, 4 * RIG_PAGE, &unmapped);
}

static int32_t do_destroy_a(struct life *l)
{
	return l->rig.paging->destroy(l->a);
}

static int32_t do_destroy_b(struct life *l)
{
	return l->rig.paging->destroy(l->b);
}

static int32_t do_destroy_adopted(struct life *l)
{
	return l->rig.paging->destroy(l->adopted);
}

static int32_t do_device_detach(struct life *l)
{
	return l->rig.core->device_detach(l->rig.dev[0]);
}

int32_t (*const life_steps[])(struct life *) = {
	life_id_alloc,
	do_caps,
	do_interface,
	do_device_attach,
	do_device_caps,
	do_registers,
	do_report,
	do_create_a,
	do_create_b,
	do_adopt,
	do_map,
	do_map_file,
	life_dirty_start,
	do_copy,
	do_ranges,
	do_allow,
	do_table_create,
	do_attach,
	do_attach_table,
	do_attach_rid,
	do_replace,
	life_dirty_read,
	life_dirty_read_clear,
	life_dirty_stop,
	life_queue_create,
	life_create_asking,
	life_attach_asking,
	life_request,
	life_fault_read,
	life_respond,
	do_invalidate,
	do_park,
	do_block,
	do_drain,
	do_reset,
	do_detach,
	life_detach_asking,
	do_detach_table,
	do_detach_rid,
	life_viommu_create,
	life_vdevice_create,
	life_eventq_create,
	life_entry_attach,
	life_event,
	life_event_read,
	life_raw,
	life_entry_set,
	life_entry_detach,
	life_eventq_destroy,
	life_vdevice_destroy,
	life_viommu_destroy,
	do_table_destroy,
	do_unmap,
	do_destroy_a,
	do_destroy_b,
	life_destroy_asking,
	life_queue_destroy,
	do_destroy_adopted,
	do_device_detach,
	life_id_free,
};
const size_t life_step_count = sizeof(life_steps) / sizeof(life_steps[0]);

void life_open(struct life *l, const char *config)
{
	memset(l, 0, sizeof(*l));
	rig_open(&l->rig, config, 0);
	l->file = memfd_create("file", MFD_CLOEXEC);
	REQUIRE(l->file >= 0);
	REQUIRE_EQ(ftruncate(l->file, RIG_PAGE), 0);
	REQUIRE_EQ(l->rig.control->world_space_create(l->rig.mock, IOASID_BE_OBJECT_IOAS, 0, &l->world), 0);
}

void life_close(struct life *l)
{
	CHECK_EQ(l->rig.control->world_space_destroy(l->rig.mock, l->world), 0);
	CHECK_EQ(close(l->file), 0);
	rig_close(&l->rig);
}
