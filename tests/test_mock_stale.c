/* What each scope of an invalidation makes fresh, and what it leaves stale. S17. */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_guest.h"

#define P  IOASID_MOCK_PTE_P
#define W  IOASID_MOCK_PTE_W
#define U  IOASID_MOCK_PTE_U
#define PS IOASID_MOCK_PTE_PS

#define LARGE (UINT64_C(1) << 21)
#define IOVA  UINT64_C(0x10000)
/* Shares nothing but the root with GUEST_ADDRESS. */
#define GUEST_OTHER (UINT64_C(5) << 39)

static struct ioasid_be_inv inv_table(struct mock_guest *g, uint32_t flags)
{
	return (struct ioasid_be_inv){
		.scope = IOASID_BE_SCOPE_TABLE, .flags = flags, .table = g->table, .length = UINT64_MAX
	};
}

static void invalidate(struct rig *rig, struct ioasid_be_inv inv)
{
	CHECK_EQ(rig_invalidate(rig, &inv), 0);
}

/* ---- Tables ---- */

/* LEAF is for changes of last entries only: a guest that says so after another change keeps what was. */
static void upper_levels_are_stale_until_an_invalidation_without_leaf(void)
{
	struct mock_guest g;
	uint64_t table;

	mock_guest_open(&g, "ats=on", 1);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(7) | P | W | U;
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8));
	CHECK_EQ(rig_slot(&g.rig, 0, 3).walks, 1);
	/* Another table of the last level, with another page. */
	table = mock_guest_page(15);
	memset(rig_page(&g.rig, 15), 0, RIG_PAGE);
	((uint64_t *)(void *)rig_page(&g.rig, 15))[4] = mock_guest_page(9) | P | W | U;
	*mock_guest_entry(&g, GUEST_ADDRESS, 2) = table | P | W | U;
	invalidate(&g.rig, inv_table(&g, IOASID_BE_INV_LEAF));
	CHECK_EQ(rig_slot(&g.rig, 0, 3).iotlb, 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8));
	invalidate(&g.rig, inv_table(&g, IOASID_BE_INV_DEVTLB));
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8));
	invalidate(&g.rig, inv_table(&g, 0));
	CHECK_EQ(rig_slot(&g.rig, 0, 3).walks, 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 10));
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	mock_guest_close(&g);
}

/* A park and an unmap of the parent leave no walk behind either. */
static void upper_levels_go_with_their_slot_and_with_their_memory(void)
{
	struct mock_guest g;
	struct ioasid_be_map map;
	uint64_t unmapped;

	mock_guest_open(&g, "", 1);
	map = rig_map_args(&g.rig, mock_guest_page(GUEST_PAGES), 40, 1);
	CHECK_EQ(g.rig.paging->map(g.memory, &map), 0);
	memset(rig_page(&g.rig, 40), 0, RIG_PAGE);
	memset(rig_page(&g.rig, 15), 0, RIG_PAGE);
	*mock_guest_entry(&g, GUEST_ADDRESS, 3) = mock_guest_page(GUEST_PAGES) | P | W | U;
	((uint64_t *)(void *)rig_page(&g.rig, 40))[3] = mock_guest_page(15) | P | W | U;
	((uint64_t *)(void *)rig_page(&g.rig, 15))[4] = mock_guest_page(7) | P | W | U;
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8));
	CHECK_EQ(g.rig.paging->unmap(g.memory, mock_guest_page(GUEST_PAGES), RIG_PAGE, &unmapped), 0);
	CHECK_EQ(rig_slot(&g.rig, 0, 3).walks, 0);
	/* The page itself is still mapped, and its translation cached. */
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 8));
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, GUEST_ADDRESS + RIG_PAGE), IOASID_MOCK_FAULT_PARENT);
	*mock_guest_entry(&g, GUEST_OTHER, 1) = mock_guest_page(8) | P | W | U;
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_OTHER, 9));
	CHECK_EQ(rig_slot(&g.rig, 0, 3).walks, 1);
	CHECK_EQ(rig_park(&g.rig, 0, 3, 0), 0);
	CHECK_EQ(rig_slot(&g.rig, 0, 3).walks, 0);
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	mock_guest_close(&g);
}

/* One address in it is enough. */
static void a_large_page_is_invalidated_as_a_whole(void)
{
	struct mock_guest g;
	struct ioasid_be_inv inv;
	const uint64_t base = LARGE * 40;

	/* Guest memory at 1 GiB is 2 MiB aligned; its first pages stand for a large page's. */
	mock_guest_open(&g, "ats=on", 1);
	*mock_guest_entry(&g, base, 2) = mock_guest_page(0) | P | W | U | PS;
	*mock_guest_entry(&g, base + LARGE, 2) = mock_guest_page(0) | P | W | U | PS;
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, base + RIG_PAGE, 2));
	CHECK(rig_reads(&g.rig, 0, 3, base + 2 * RIG_PAGE, 3));
	CHECK(rig_reads(&g.rig, 0, 3, base + LARGE, 1));
	*mock_guest_entry(&g, base, 2) = 0;
	*mock_guest_entry(&g, base + LARGE, 2) = 0;
	CHECK(rig_reads(&g.rig, 0, 3, base + RIG_PAGE, 2));
	inv = inv_table(&g, IOASID_BE_INV_LEAF);
	inv.address = base + 77 * RIG_PAGE;
	inv.length = 1;
	invalidate(&g.rig, inv);
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, base + RIG_PAGE), IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, base + 2 * RIG_PAGE), IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK(rig_reads(&g.rig, 0, 3, base + LARGE, 1));
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	mock_guest_close(&g);
}

/* ---- Devices ---- */

static void a_device_tlb_is_there_with_ats_only(void)
{
	struct mock_guest g;

	mock_guest_open(&g, "devices=2 ats=on mock1.ats=off", 2);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(7) | P | W | U;
	for (uint32_t device = 0; device < 2; device++) {
		CHECK_EQ(rig_attach(&g.rig, device, 3, NULL, g.table), 0);
		CHECK(rig_reads(&g.rig, device, 3, GUEST_ADDRESS, 8));
		CHECK_EQ(rig_slot(&g.rig, device, 3).iotlb, 1);
		CHECK_EQ(rig_slot(&g.rig, device, 3).device_tlb, device == 0);
	}
	invalidate(&g.rig, inv_table(&g, IOASID_BE_INV_DEVTLB));
	for (uint32_t device = 0; device < 2; device++) {
		CHECK_EQ(rig_slot(&g.rig, device, 3).iotlb, 1);
		CHECK_EQ(rig_slot(&g.rig, device, 3).device_tlb, 0);
		CHECK_EQ(rig_detach(&g.rig, device, 3, 0), 0);
	}
	mock_guest_close(&g);
}

static void a_device_scope_reaches_its_rid_and_pasids_and_no_other_device(void)
{
	struct mock_guest g;

	mock_guest_open(&g, "devices=2 ats=on", 2);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(7) | P | W | U;
	for (uint32_t device = 0; device < 2; device++) {
		for (uint32_t pasid = 0; pasid < 3; pasid++) {
			CHECK_EQ(rig_attach(&g.rig, device, pasid, NULL, g.table), 0);
			CHECK(rig_reads(&g.rig, device, pasid, GUEST_ADDRESS, 8));
		}
	}
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(9) | P | W | U;
	invalidate(&g.rig, (struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_DEVICE, .dev = g.rig.dev[1] });
	for (uint32_t pasid = 0; pasid < 3; pasid++) {
		CHECK(rig_reads(&g.rig, 0, pasid, GUEST_ADDRESS, 8));
		CHECK(rig_reads(&g.rig, 1, pasid, GUEST_ADDRESS, 10));
		CHECK_EQ(rig_detach(&g.rig, 0, pasid, 0), 0);
		CHECK_EQ(rig_detach(&g.rig, 1, pasid, 0), 0);
	}
	mock_guest_close(&g);
}

/* ---- Address spaces ---- */

static void an_address_space_is_invalidated_on_every_device_and_by_range(void)
{
	struct rig rig;
	struct ioasid_be_as *as, *other;
	struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_AS, .address = IOVA, .length = RIG_PAGE };

	rig_open(&rig, "devices=2 iommus=2 ats=on", 2);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	other = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA, 0, 2), 0);
	rig_map(&rig, other, IOVA, 5);
	for (uint32_t device = 0; device < 2; device++) {
		CHECK_EQ(rig_attach(&rig, device, 1, as, NULL), 0);
		CHECK_EQ(rig_attach(&rig, device, 2, other, NULL), 0);
		CHECK(rig_reads(&rig, device, 1, IOVA, 1) && rig_reads(&rig, device, 1, IOVA + RIG_PAGE, 2));
		CHECK(rig_reads(&rig, device, 2, IOVA, 6));
	}
	inv.as = as;
	invalidate(&rig, inv);
	for (uint32_t device = 0; device < 2; device++) {
		CHECK_EQ(rig_slot(&rig, device, 1).iotlb, 1);
		CHECK_EQ(rig_slot(&rig, device, 1).device_tlb, 1);
		CHECK_EQ(rig_slot(&rig, device, 2).iotlb, 1);
	}
	inv.address = 0;
	inv.length = UINT64_MAX;
	invalidate(&rig, inv);
	for (uint32_t device = 0; device < 2; device++) {
		CHECK_EQ(rig_slot(&rig, device, 1).iotlb, 0);
		CHECK_EQ(rig_slot(&rig, device, 1).device_tlb, 0);
		CHECK_EQ(rig_slot(&rig, device, 2).device_tlb, 1);
		CHECK_EQ(rig_detach(&rig, device, 1, 0), 0);
		CHECK_EQ(rig_detach(&rig, device, 2, 0), 0);
	}
	rig_unmap(&rig, as, 0, UINT64_MAX);
	rig_unmap(&rig, other, 0, UINT64_MAX);
	CHECK_EQ(rig.paging->destroy(as), 0);
	CHECK_EQ(rig.paging->destroy(other), 0);
	rig_close(&rig);
}

/* ---- Batches ---- */

/* S17.4: what is counted is done, what comes behind is as stale as before; no memory is asked for. */
static void a_batch_stops_at_its_first_failure(void)
{
	enum { SLOTS = 4 };
	struct mock_guest g;
	struct ioasid_be_inv items[SLOTS];
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(items[0]), .count = SLOTS, .items = items
	};

	mock_guest_open(&g, "ats=on", 1);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(7) | P | W | U;
	for (uint32_t i = 0; i < SLOTS; i++) {
		CHECK_EQ(rig_attach(&g.rig, 0, i, NULL, g.table), 0);
		CHECK(rig_reads(&g.rig, 0, i, GUEST_ADDRESS, 8));
		items[i] = (struct ioasid_be_inv){
			.scope = IOASID_BE_SCOPE_PASID, .dev = g.rig.dev[0], .pasid = i, .length = UINT64_MAX
		};
	}
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(9) | P | W | U;
	rig_fail(&g.rig, IOASID_MOCK_OP_INVALIDATE, 3, IOASID_BE_EIO);
	CHECK_EQ(g.rig.control->fail_memory(g.rig.mock, 1), 0);
	CHECK_EQ(g.rig.invalidate->scopes(g.rig.ctx, &batch), IOASID_BE_EIO);
	CHECK_EQ(batch.done, 2);
	for (uint32_t i = 0; i < SLOTS; i++)
		CHECK(rig_reads(&g.rig, 0, i, GUEST_ADDRESS, i < 2 ? 10 : 8));
	CHECK_EQ(g.rig.invalidate->scopes(g.rig.ctx, &batch), 0);
	CHECK_EQ(batch.done, SLOTS);
	CHECK_EQ(g.rig.control->fail_memory(g.rig.mock, 0), 0);
	for (uint32_t i = 0; i < SLOTS; i++) {
		CHECK(rig_reads(&g.rig, 0, i, GUEST_ADDRESS, 10));
		CHECK_EQ(rig_detach(&g.rig, 0, i, 0), 0);
	}
	mock_guest_close(&g);
}

static const struct test_case cases[] = {
	{ "upper levels are stale until an invalidation without LEAF (S17.2)",
	  upper_levels_are_stale_until_an_invalidation_without_leaf },
	{ "upper levels go with their slot and with their memory (S10.1)",
	  upper_levels_go_with_their_slot_and_with_their_memory },
	{ "a large page is invalidated as a whole (S17.2)", a_large_page_is_invalidated_as_a_whole },
	{ "a device TLB is there with ATS only", a_device_tlb_is_there_with_ats_only },
	{ "a device scope reaches its RID and PASIDs and no other device (S17.1)",
	  a_device_scope_reaches_its_rid_and_pasids_and_no_other_device },
	{ "an address space is invalidated on every device and by range (S17.1)",
	  an_address_space_is_invalidated_on_every_device_and_by_range },
	{ "a batch stops at its first failure (S17.4)", a_batch_stops_at_its_first_failure },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_stale", cases, argc, argv);
}
