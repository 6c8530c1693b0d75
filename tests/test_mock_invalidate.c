/* What a guest changes in its tables is stale until it is invalidated, and then not any more. S17. */
#include "tests/harness.h"

#include "tests/mock_guest.h"

#define P IOASID_MOCK_PTE_P
#define W IOASID_MOCK_PTE_W
#define U IOASID_MOCK_PTE_U

static struct ioasid_be_inv inv_pasid(struct mock_guest *g, uint32_t device, uint32_t pasid)
{
	return (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_PASID,
				       .dev = g->rig.dev[device],
				       .pasid = pasid,
				       .address = GUEST_ADDRESS,
				       .length = RIG_PAGE };
}

static void a_changed_entry_is_stale_until_its_range_is_invalidated(void)
{
	struct mock_guest g;
	struct ioasid_be_inv inv;

	mock_guest_open(&g, "ats=on", 1);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(7) | P | W | U;
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8));
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(9) | P | W | U;
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8));
	/* Another page, another PASID, or only the device's TLB, is not it. */
	inv = inv_pasid(&g, 0, 3);
	inv.address += RIG_PAGE;
	CHECK_EQ(rig_invalidate(&g.rig, &inv), 0);
	inv = inv_pasid(&g, 0, 4);
	CHECK_EQ(rig_invalidate(&g.rig, &inv), 0);
	inv = inv_pasid(&g, 0, 3);
	inv.flags = IOASID_BE_INV_DEVTLB;
	CHECK_EQ(rig_invalidate(&g.rig, &inv), 0);
	CHECK_EQ(rig_slot(&g.rig, 0, 3).device_tlb, 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8));
	inv.flags = IOASID_BE_INV_LEAF;
	CHECK_EQ(rig_invalidate(&g.rig, &inv), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 10));
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = 0;
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 10));
	inv.scope = IOASID_BE_SCOPE_DEVICE;
	CHECK_EQ(rig_invalidate(&g.rig, &inv), 0);
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, GUEST_ADDRESS), IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	mock_guest_close(&g);
}

static void a_table_is_invalidated_once_for_all_its_slots(void)
{
	struct mock_guest g;
	struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_TABLE, .length = UINT64_MAX };

	mock_guest_open(&g, "devices=2 ats=on", 2);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(7) | P | W | U;
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK_EQ(rig_attach(&g.rig, 1, 4, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8) && rig_reads(&g.rig, 1, 4, GUEST_ADDRESS, 8));
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(9) | P | W | U;
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8) && rig_reads(&g.rig, 1, 4, GUEST_ADDRESS, 8));
	inv.table = g.table;
	CHECK_EQ(rig_invalidate(&g.rig, &inv), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 10) && rig_reads(&g.rig, 1, 4, GUEST_ADDRESS, 10));
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	CHECK_EQ(rig_detach(&g.rig, 1, 4, 0), 0);
	mock_guest_close(&g);
}

static void unmapping_the_parent_reaches_through_nested_tables(void)
{
	struct mock_guest g;
	struct ioasid_be_map map;
	uint64_t unmapped;

	mock_guest_open(&g, "ats=on", 1);
	map = rig_map_args(&g.rig, mock_guest_page(GUEST_PAGES), 40, 1);
	CHECK_EQ(g.rig.paging->map(g.memory, &map), 0);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(GUEST_PAGES) | P | W | U;
	*mock_guest_entry(&g, GUEST_ADDRESS + RIG_PAGE, 1) = mock_guest_page(7) | P | W | U;
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 41) &&
	      rig_reads(&g.rig, 0, 3, GUEST_ADDRESS + RIG_PAGE, 8));
	CHECK_EQ(g.rig.paging->unmap(g.memory, mock_guest_page(GUEST_PAGES), RIG_PAGE, &unmapped), 0);
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, GUEST_ADDRESS), IOASID_MOCK_FAULT_PARENT);
	CHECK_EQ(rig_slot(&g.rig, 0, 3).iotlb, 1);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS + RIG_PAGE, 8));
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	mock_guest_close(&g);
}

/* S17.3 */
static void invalidating_what_is_not_attached_is_a_success(void)
{
	struct mock_guest g;
	struct ioasid_be_inv items[3];
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(items[0]), .count = 3, .items = items
	};

	mock_guest_open(&g, "", 1);
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK_EQ(rig_park(&g.rig, 0, 3, 0), 0);
	items[0] = inv_pasid(&g, 0, 3);
	items[1] = inv_pasid(&g, 0, 5);
	items[2] = inv_pasid(&g, 0, UINT32_MAX);
	CHECK_EQ(g.rig.invalidate->scopes(g.rig.ctx, &batch), 0);
	CHECK_EQ(batch.done, 3);
	/* What is nonsense is not: the batch stops there. */
	items[1].flags = 4;
	CHECK_EQ(g.rig.invalidate->scopes(g.rig.ctx, &batch), IOASID_BE_EINVAL);
	CHECK_EQ(batch.done, 1);
	items[1] = inv_pasid(&g, 0, 5);
	items[1].scope = 5;
	CHECK_EQ(g.rig.invalidate->scopes(g.rig.ctx, &batch), IOASID_BE_EINVAL);
	items[1] = inv_pasid(&g, 0, 5);
	items[1].dev = NULL;
	CHECK_EQ(g.rig.invalidate->scopes(g.rig.ctx, &batch), IOASID_BE_EINVAL);
	items[1] = inv_pasid(&g, 0, 5);
	items[1].reserved1 = 1;
	CHECK_EQ(g.rig.invalidate->scopes(g.rig.ctx, &batch), IOASID_BE_EINVAL);
	items[1] = (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_TABLE, .length = 1 };
	CHECK_EQ(g.rig.invalidate->scopes(g.rig.ctx, &batch), IOASID_BE_EINVAL);
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	mock_guest_close(&g);
}

static const struct test_case cases[] = {
	{ "a changed entry is stale until its range is invalidated (S17.2)",
	  a_changed_entry_is_stale_until_its_range_is_invalidated },
	{ "a table is invalidated once for all its slots (S17.2)",
	  a_table_is_invalidated_once_for_all_its_slots },
	{ "unmapping the parent reaches through nested tables",
	  unmapping_the_parent_reaches_through_nested_tables },
	{ "invalidating what is not attached is a success (S17.3)",
	  invalidating_what_is_not_attached_is_a_success },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_invalidate", cases, argc, argv);
}
