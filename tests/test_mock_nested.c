/* First-stage tables that a guest writes into its memory, over a parent address space. */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_guest.h"

#define P     IOASID_MOCK_PTE_P
#define W     IOASID_MOCK_PTE_W
#define U     IOASID_MOCK_PTE_U
#define PS    IOASID_MOCK_PTE_PS
#define NX    IOASID_MOCK_PTE_NX
#define READ  IOASID_MOCK_DMA_READ
#define WRITE IOASID_MOCK_DMA_WRITE
#define EXEC  IOASID_MOCK_DMA_EXEC
#define PRIV  IOASID_MOCK_DMA_PRIV

/* ---- Walks ---- */

static void a_page_is_found_through_four_levels_each_translated_by_the_parent(void)
{
	struct mock_guest g;

	mock_guest_open(&g, "", 1);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(7) | P | W | U;
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS + 5, 8));
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, GUEST_ADDRESS + RIG_PAGE), IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, GUEST_ADDRESS + (UINT64_C(1) << 39)),
		 IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, GUEST_ADDRESS + (UINT64_C(1) << 48)), IOASID_MOCK_FAULT_RANGE);
	/* A guest physical address means nothing to the device. */
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, mock_guest_page(7)), IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	mock_guest_close(&g);
}

static void large_pages_are_found_at_level_two_and_three(void)
{
	struct mock_guest g;
	/* The guest's memory begins at 1 GiB, so that its pages 0 … 31 are the begin of a page of either
	 * size. */
	const uint64_t huge = UINT64_C(7) << 30, large = (UINT64_C(9) << 30) | (UINT64_C(5) << 21);

	mock_guest_open(&g, "", 1);
	*mock_guest_entry(&g, huge, 3) = GUEST_BASE | P | W | U | PS;
	*mock_guest_entry(&g, large, 2) = GUEST_BASE | P | W | U | PS;
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, huge + 9 * RIG_PAGE, 10));
	CHECK(rig_reads(&g.rig, 0, 3, large + 11 * RIG_PAGE + 1, 12));
	/* The page is larger than the parent's memory. */
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, large + GUEST_PAGES * RIG_PAGE), IOASID_MOCK_FAULT_PARENT);
	/* An address inside the page, and a page at the highest level, are no format. */
	*mock_guest_entry(&g, large, 2) = mock_guest_page(1) | P | W | U | PS;
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, large), IOASID_MOCK_FAULT_FORMAT);
	*mock_guest_entry(&g, UINT64_C(8) << 39, 4) = P | W | U | PS;
	CHECK_EQ(rig_read_fault(&g.rig, 0, 3, UINT64_C(8) << 39), IOASID_MOCK_FAULT_FORMAT);
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	mock_guest_close(&g);
}

/* One way of asking, and whether the entries and the binding allow it. */
struct permission {
	uint64_t leaf;  /* bits of the lowest entry */
	uint64_t above; /* bits of the entry over it */
	uint32_t bind;
	uint32_t dma;
	uint32_t fault;
};

static void permissions_add_up_over_levels_and_binding(void)
{
	const uint32_t x = IOASID_BE_BIND_EXEC, k = IOASID_BE_BIND_PRIV;
	const uint32_t no = IOASID_MOCK_FAULT_PERMISSION;
	const struct permission table[] = {
		{ P | U, P | W | U, 0, READ, 0 },
		{ P | U, P | W | U, 0, WRITE, no },
		{ P | W | U, P | U, 0, WRITE, no },
		{ P | W | U, P | W | U, 0, WRITE, 0 },
		{ P | W, P | W | U, 0, READ, no },
		{ P | W | U, P | W, 0, READ, no },
		{ P | W, P | W, k, READ | PRIV, 0 },
		{ P | W, P | W, k, WRITE | PRIV, 0 },
		{ P, P | W, k, WRITE | PRIV, no },
		{ P | W | U, P | W | U, 0, READ | PRIV, no },
		{ P | W | U, P | W | U, 0, READ | EXEC, no },
		{ P | W | U, P | W | U, x, READ | EXEC, 0 },
		{ P | W | U | NX, P | W | U, x, READ | EXEC, no },
		{ P | W | U, P | W | U | NX, x, READ | EXEC, no },
		{ P | W | U | NX, P | W | U, x, READ, 0 },
		{ P | W, P | W, x | k, READ | EXEC | PRIV, 0 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct mock_guest g;
		struct ioasid_be_bind bind;
		struct ioasid_be_batch batch = rig_batch(&bind, 1);
		unsigned char byte = 0;
		uint64_t *above;

		mock_guest_open(&g, "", 1);
		*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(7) | table[i].leaf;
		above = mock_guest_entry(&g, GUEST_ADDRESS, 2);
		*above = (*above & IOASID_MOCK_PTE_ADDRESS) | table[i].above;
		bind = rig_bind(&g.rig, 0, 3, NULL, g.table);
		bind.flags = table[i].bind;
		CHECK_EQ(g.rig.pasid->attach(g.rig.ctx, &batch, &g.rig.why), 0);
		if (!CHECK_EQ(rig_dma(&g.rig, 0, 3, table[i].dma, GUEST_ADDRESS, &byte, 1), table[i].fault))
			CHECK_EQ(i, SIZE_MAX);
		/* Once more, from the TLB or not. */
		CHECK_EQ(rig_dma(&g.rig, 0, 3, table[i].dma, GUEST_ADDRESS, &byte, 1), table[i].fault);
		CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
		mock_guest_close(&g);
	}
}

static void what_the_parent_does_not_allow_no_guest_table_does(void)
{
	struct mock_guest g;
	struct ioasid_be_map map;
	struct ioasid_mock_dma dma;
	unsigned char byte = 0;

	mock_guest_open(&g, "", 1);
	map = rig_map_args(&g.rig, mock_guest_page(GUEST_PAGES), 40, 1);
	map.access = IOASID_BE_MAP_READ;
	CHECK_EQ(g.rig.paging->map(g.memory, &map), 0);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(GUEST_PAGES) | P | W | U;
	*mock_guest_entry(&g, GUEST_ADDRESS + RIG_PAGE, 1) = mock_guest_page(GUEST_PAGES + 1) | P | W | U;
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK(rig_reads(&g.rig, 0, 3, GUEST_ADDRESS, 41));
	CHECK_EQ(rig_dma(&g.rig, 0, 3, WRITE, GUEST_ADDRESS, &byte, 1), IOASID_MOCK_FAULT_PARENT);
	dma = rig_dma_args(0, 3, READ, GUEST_ADDRESS + RIG_PAGE, &byte, 1);
	CHECK_EQ(g.rig.control->dma(g.rig.mock, &dma), 0);
	CHECK_EQ(dma.fault, IOASID_MOCK_FAULT_PARENT);
	CHECK_EQ(dma.fault_address, mock_guest_page(GUEST_PAGES + 1));
	/* A table outside the guest's memory. */
	*mock_guest_entry(&g, GUEST_ADDRESS, 3) = mock_guest_page(100) | P | W | U;
	CHECK_EQ(rig_invalidate(&g.rig, &(struct ioasid_be_inv){ .scope = IOASID_BE_SCOPE_TABLE,
								 .table = g.table,
								 .length = UINT64_MAX }),
		 0);
	dma = rig_dma_args(0, 3, WRITE, GUEST_ADDRESS, &byte, 1);
	CHECK_EQ(g.rig.control->dma(g.rig.mock, &dma), 0);
	CHECK_EQ(dma.fault, IOASID_MOCK_FAULT_PARENT);
	CHECK_EQ(dma.fault_address, mock_guest_page(100) + 3 * sizeof(uint64_t));
	/* A table in memory that the IOMMU may only write. */
	map = rig_map_args(&g.rig, mock_guest_page(100), 41, 1);
	map.access = IOASID_BE_MAP_WRITE;
	CHECK_EQ(g.rig.paging->map(g.memory, &map), 0);
	CHECK_EQ(rig_dma(&g.rig, 0, 3, WRITE, GUEST_ADDRESS, &byte, 1), IOASID_MOCK_FAULT_PARENT);
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	mock_guest_close(&g);
}

/* ---- Objects ---- */

static void a_record_that_is_not_the_mocks_is_refused(void)
{
	struct mock_guest g;
	struct ioasid_be_table *table = NULL;
	struct ioasid_be_record good, bad;
	struct ioasid_be_as *plain;
	struct ioasid_be_table_args args = { .struct_size = sizeof(args) };

	mock_guest_open(&g, "", 1);
	good = mock_guest_record(mock_guest_page(16));
	bad = good;
	bad.type = IOASID_BE_PT_VTD_S1;
	CHECK_EQ(mock_guest_table(&g, &bad, 0, &table), IOASID_BE_EOPNOTSUPP);
	bad = good;
	bad.length = 24;
	CHECK_EQ(mock_guest_table(&g, &bad, 0, &table), IOASID_BE_EINVAL);
	bad = good;
	bad.bytes[0] = 1;
	CHECK_EQ(mock_guest_table(&g, &bad, 0, &table), IOASID_BE_EINVAL);
	bad = good;
	bad.bytes[8] = 57;
	CHECK_EQ(mock_guest_table(&g, &bad, 0, &table), IOASID_BE_EINVAL);
	bad = good;
	bad.bytes[12] = 1;
	CHECK_EQ(mock_guest_table(&g, &bad, 0, &table), IOASID_BE_EINVAL);
	bad = good;
	bad.bytes[255] = 1;
	CHECK_EQ(mock_guest_table(&g, &bad, 0, &table), IOASID_BE_EINVAL);
	/* A parent without the use PARENT. */
	plain = rig_space(&g.rig, IOASID_BE_USE_PASID);
	args.dev = g.rig.dev[0];
	args.parent = plain;
	args.entry = &good;
	CHECK_EQ(g.rig.nested->create(g.rig.ctx, &args, &table, &g.rig.why), IOASID_BE_EINVAL);
	CHECK(strstr(g.rig.text, "PARENT"));
	CHECK(table == NULL);
	CHECK_EQ(rig_live(&g.rig).tables, 1);
	CHECK_EQ(g.rig.paging->destroy(plain), 0);
	mock_guest_close(&g);
}

static void tables_end_before_their_parents_and_after_their_slots(void)
{
	struct mock_guest g;

	mock_guest_open(&g, "", 1);
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
	CHECK_EQ(rig_park(&g.rig, 0, 3, 0), 0);
	CHECK_EQ(g.rig.nested->destroy(g.table), IOASID_BE_EBUSY);
	CHECK_EQ(g.rig.paging->destroy(g.memory), IOASID_BE_EBUSY);
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	CHECK_EQ(g.rig.paging->destroy(g.memory), IOASID_BE_EBUSY);
	CHECK_EQ(g.rig.core->close(g.rig.ctx), IOASID_BE_EBUSY);
	mock_guest_close(&g);
}

static void a_table_serves_the_devices_of_its_iommu_where_tables_are_shared(void)
{
	static const char *const configs[] = { "devices=3 iommus=2 shares_tables=on",
					       "devices=3 iommus=2 shares_tables=off" };

	for (int i = 0; i < 2; i++) {
		struct mock_guest g;

		mock_guest_open(&g, configs[i], 3);
		CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, g.table), 0);
		CHECK_EQ(rig_attach(&g.rig, 1, 3, NULL, g.table), IOASID_BE_EINVAL);
		CHECK(strstr(g.rig.text, "mock1"));
		CHECK_EQ(rig_attach(&g.rig, 2, 3, NULL, g.table), i ? IOASID_BE_EINVAL : 0);
		CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
		CHECK_EQ(rig_detach(&g.rig, 2, 3, 0), i ? IOASID_BE_ENOENT : 0);
		mock_guest_close(&g);
	}
}

static const struct test_case cases[] = {
	{ "a page is found through four levels, each translated by the parent",
	  a_page_is_found_through_four_levels_each_translated_by_the_parent },
	{ "large pages are found at level two and three", large_pages_are_found_at_level_two_and_three },
	{ "permissions add up over levels and binding", permissions_add_up_over_levels_and_binding },
	{ "what the parent does not allow, no guest table does",
	  what_the_parent_does_not_allow_no_guest_table_does },
	{ "a record that is not the mock's is refused", a_record_that_is_not_the_mocks_is_refused },
	{ "tables end before their parents and after their slots",
	  tables_end_before_their_parents_and_after_their_slots },
	{ "a table serves the devices of its IOMMU where tables are shared",
	  a_table_serves_the_devices_of_its_iommu_where_tables_are_shared },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_nested", cases, argc, argv);
}
