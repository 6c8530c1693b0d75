/*
 * What DMA through the mock shows: that address spaces are apart, that what is parked is blocked, and that a
 * TLB is stale until somebody invalidates it. S10.1, S17.2.
 */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_rig.h"

#define IOVA  UINT64_C(0x10000)
#define READ  IOASID_MOCK_DMA_READ
#define WRITE IOASID_MOCK_DMA_WRITE

/* ---- Isolated ---- */

/* Also where all of them share one entry of the TLB. */
static void pasids_reach_only_their_own_space(void)
{
	static const char *const configs[] = { "devices=2", "devices=2 iotlb=1", "devices=2 iotlb=0" };

	for (int i = 0; i < 3; i++) {
		struct rig rig;
		struct ioasid_be_as *a, *b;

		rig_open(&rig, configs[i], 2);
		a = rig_space(&rig, IOASID_BE_USE_PASID);
		b = rig_space(&rig, IOASID_BE_USE_PASID);
		rig_map(&rig, a, IOVA, 0);
		rig_map(&rig, b, IOVA, 1);
		CHECK_EQ(rig_attach(&rig, 0, 1, a, NULL), 0);
		CHECK_EQ(rig_attach(&rig, 0, 2, b, NULL), 0);
		CHECK_EQ(rig_attach(&rig, 1, 2, a, NULL), 0);
		CHECK(rig_reads(&rig, 0, 1, IOVA, 1));
		CHECK(rig_reads(&rig, 0, 2, IOVA, 2));
		CHECK(rig_reads(&rig, 1, 2, IOVA, 1));
		CHECK_EQ(rig_read_fault(&rig, 0, 1, IOVA + RIG_PAGE), IOASID_MOCK_FAULT_NOT_PRESENT);
		CHECK_EQ(rig_read_fault(&rig, 0, 3, IOVA), IOASID_MOCK_FAULT_BLOCKED);
		CHECK_EQ(rig_read_fault(&rig, 0, 0, IOVA), IOASID_MOCK_FAULT_BLOCKED);
		CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
		CHECK_EQ(rig_detach(&rig, 0, 2, 0), 0);
		CHECK_EQ(rig_detach(&rig, 1, 2, 0), 0);
		CHECK_EQ(rig.paging->destroy(a), 0);
		CHECK_EQ(rig.paging->destroy(b), 0);
		rig_close(&rig);
	}
}

static void one_pasid_on_two_devices_is_two_slots(void)
{
	struct rig rig;
	struct ioasid_be_as *as;

	rig_open(&rig, "devices=3 iommus=2", 3);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 5);
	CHECK_EQ(rig_attach(&rig, 0, 7, as, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 1, 7, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 7, IOVA, 6));
	CHECK(rig_reads(&rig, 1, 7, IOVA, 6));
	CHECK_EQ(rig_read_fault(&rig, 1, 7, UINT64_C(1) << 48), IOASID_MOCK_FAULT_RANGE);
	CHECK_EQ(rig_read_fault(&rig, 2, 7, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_detach(&rig, 0, 7, 0), 0);
	CHECK_EQ(rig_read_fault(&rig, 0, 7, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK(rig_reads(&rig, 1, 7, IOVA, 6));
	CHECK_EQ(rig.paging->destroy(as), IOASID_BE_EBUSY);
	CHECK_EQ(rig_detach(&rig, 1, 7, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void dma_moves_bytes_both_ways_across_pages(void)
{
	unsigned char buffer[3 * RIG_PAGE];
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_mock_dma dma;

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 9);
	rig_map(&rig, as, IOVA + RIG_PAGE, 4);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	memset(buffer, 0xee, sizeof(buffer));
	CHECK_EQ(rig_dma(&rig, 0, 1, WRITE, IOVA + RIG_PAGE - 3, buffer, 7), 0);
	CHECK_EQ(rig_page(&rig, 9)[RIG_PAGE - 4], 10);
	CHECK_EQ(rig_page(&rig, 9)[RIG_PAGE - 3], 0xee);
	CHECK_EQ(rig_page(&rig, 4)[3], 0xee);
	CHECK_EQ(rig_page(&rig, 4)[4], 5);
	/* The third page is not mapped: two arrive. */
	dma = rig_dma_args(0, 1, READ, IOVA, buffer, sizeof(buffer));
	CHECK_EQ(rig.control->dma(rig.mock, &dma), 0);
	CHECK_EQ(dma.fault, IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(dma.fault_address, IOVA + 2 * RIG_PAGE);
	CHECK_EQ(dma.done, 2 * RIG_PAGE);
	CHECK(!memcmp(buffer, rig_page(&rig, 9), RIG_PAGE) &&
	      !memcmp(buffer + RIG_PAGE, rig_page(&rig, 4), RIG_PAGE));
	CHECK_EQ(buffer[2 * RIG_PAGE], 0xee);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void a_read_only_mapping_cannot_be_written(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_be_map map;
	unsigned char byte = 0xaa;

	rig_open(&rig, "", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	map = rig_map_args(&rig, IOVA, 0, 1);
	map.access = IOASID_BE_MAP_READ;
	CHECK_EQ(rig.paging->map(as, &map), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 1, IOVA, 1));
	/* Also after the translation is cached. */
	CHECK_EQ(rig_dma(&rig, 0, 1, WRITE, IOVA, &byte, 1), IOASID_MOCK_FAULT_PERMISSION);
	CHECK_EQ(rig_page(&rig, 0)[0], 1);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* ---- Blocked ---- */

static void a_parked_slot_is_blocked_though_its_translation_was_cached(void)
{
	struct rig rig;
	struct ioasid_be_as *as;

	rig_open(&rig, "ats=on", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 1, IOVA, 1));
	CHECK_EQ(rig_slot(&rig, 0, 1).iotlb, 1);
	CHECK_EQ(rig_slot(&rig, 0, 1).device_tlb, 1);
	CHECK_EQ(rig_park(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_slot(&rig, 0, 1).state, IOASID_MOCK_SLOT_PARKED);
	CHECK_EQ(rig_slot(&rig, 0, 1).iotlb, 0);
	CHECK_EQ(rig_slot(&rig, 0, 1).device_tlb, 0);
	CHECK_EQ(rig_read_fault(&rig, 0, 1, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	/* Parking is idempotent, and the slot stays taken. */
	CHECK_EQ(rig_park(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), IOASID_BE_EBUSY);
	CHECK_EQ(rig.paging->destroy(as), IOASID_BE_EBUSY);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* The planted bug that the case above has to see: a park that leaves the TLB alone lets DMA through. */
static void where_invalidation_is_separate_a_parked_slot_leaks_until_it_is_done(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_be_inv inv = { .scope = IOASID_BE_SCOPE_PASID, .pasid = 1, .length = UINT64_MAX };

	rig_open(&rig, "separate_invalidate=on", 1);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 1, IOVA, 1));
	CHECK_EQ(rig_park(&rig, 0, 1, 0), 0);
	CHECK(rig_reads(&rig, 0, 1, IOVA, 1));
	inv.dev = rig.dev[0];
	CHECK_EQ(rig_invalidate(&rig, &inv), 0);
	CHECK_EQ(rig_read_fault(&rig, 0, 1, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void blocking_a_device_stops_its_rid_and_every_pasid(void)
{
	struct rig rig;
	struct ioasid_be_as *as;

	rig_open(&rig, "devices=2", 2);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 0);
	CHECK_EQ(rig_attach(&rig, 0, 0, as, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 0, 0xfffff, as, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 1, 1, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 0, IOVA, 1) && rig_reads(&rig, 0, 1, IOVA, 1) &&
	      rig_reads(&rig, 0, 0xfffff, IOVA, 1));
	CHECK_EQ(rig.pasid->device_block(rig.dev[0], 0), 0);
	CHECK_EQ(rig_read_fault(&rig, 0, 0, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_read_fault(&rig, 0, 1, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_read_fault(&rig, 0, 0xfffff, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK(rig_reads(&rig, 1, 1, IOVA, 1));
	/* The slots stay taken, and a replace takes them out of the block. */
	CHECK_EQ(rig_live(&rig).bindings, 4);
	CHECK_EQ(rig_replace(&rig, 0, 1, as, NULL, 0), 0);
	CHECK(rig_reads(&rig, 0, 1, IOVA, 1));
	CHECK_EQ(rig_read_fault(&rig, 0, 0, IOVA), IOASID_MOCK_FAULT_BLOCKED);
	CHECK_EQ(rig_detach(&rig, 0, 0, 0), 0);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_detach(&rig, 0, 0xfffff, 0), 0);
	CHECK_EQ(rig_detach(&rig, 1, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* ---- Through unmap ---- */

static void what_is_unmapped_cannot_be_reached_though_it_was_cached(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	uint64_t unmapped = 0;

	rig_open(&rig, "devices=2 iommus=2 ats=on", 2);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	rig_map(&rig, as, IOVA, 0);
	rig_map(&rig, as, IOVA + RIG_PAGE, 1);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 1, 1, as, NULL), 0);
	CHECK(rig_reads(&rig, 0, 1, IOVA, 1) && rig_reads(&rig, 1, 1, IOVA, 1) &&
	      rig_reads(&rig, 1, 1, IOVA + RIG_PAGE, 2));
	CHECK_EQ(rig.paging->unmap(as, IOVA, RIG_PAGE, &unmapped), 0);
	CHECK_EQ(unmapped, RIG_PAGE);
	CHECK_EQ(rig_read_fault(&rig, 0, 1, IOVA), IOASID_MOCK_FAULT_NOT_PRESENT);
	CHECK_EQ(rig_read_fault(&rig, 1, 1, IOVA), IOASID_MOCK_FAULT_NOT_PRESENT);
	/* What stays mapped stays cached. */
	CHECK_EQ(rig_slot(&rig, 1, 1).iotlb, 1);
	CHECK(rig_reads(&rig, 1, 1, IOVA + RIG_PAGE, 2));
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_detach(&rig, 1, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* ---- TLBs ---- */

static void a_second_dma_comes_from_the_tlb_and_without_one_from_the_tables(void)
{
	static const char *const configs[] = { "iotlb=16", "iotlb=0 ats=on", "iotlb=16 ats=on" };

	for (unsigned int i = 0; i < 3; i++) {
		unsigned char buffer[2 * RIG_PAGE];
		struct rig rig;
		struct ioasid_be_as *as;
		struct ioasid_mock_dma dma = rig_dma_args(0, 1, READ, IOVA, buffer, sizeof(buffer));

		rig_open(&rig, configs[i], 1);
		as = rig_space(&rig, IOASID_BE_USE_PASID);
		rig_map(&rig, as, IOVA, 0);
		rig_map(&rig, as, IOVA + RIG_PAGE, 1);
		CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
		CHECK_EQ(rig.control->dma(rig.mock, &dma), 0);
		CHECK_EQ(dma.cached, 0);
		CHECK_EQ(rig.control->dma(rig.mock, &dma), 0);
		CHECK_EQ(dma.cached, i == 1 ? 0 : 2);
		CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
		CHECK_EQ(rig.paging->destroy(as), 0);
		rig_close(&rig);
	}
}

static void dma_that_makes_no_sense_is_refused(void)
{
	struct rig rig;
	unsigned char byte;
	struct ioasid_mock_dma good = rig_dma_args(0, 1, READ, IOVA, &byte, 1), dma;
	uint64_t token;

	rig_open(&rig, "pasid_bits=4", 1);
	dma = good;
	dma.device = 1;
	CHECK_EQ(rig.control->dma(rig.mock, &dma), IOASID_BE_ENODEV);
	dma = good;
	dma.flags = READ | WRITE;
	CHECK_EQ(rig.control->dma(rig.mock, &dma), IOASID_BE_EINVAL);
	dma.flags = WRITE | IOASID_MOCK_DMA_EXEC;
	CHECK_EQ(rig.control->dma(rig.mock, &dma), IOASID_BE_EINVAL);
	dma = good;
	dma.length = 0;
	CHECK_EQ(rig.control->dma(rig.mock, &dma), IOASID_BE_EINVAL);
	dma = good;
	dma.iova = UINT64_MAX;
	dma.length = 2;
	CHECK_EQ(rig.control->dma_begin(rig.mock, &dma, &token), IOASID_BE_EINVAL);
	dma = good;
	CHECK_EQ(rig.control->dma_finish(rig.mock, 1, &dma), IOASID_BE_ENOENT);
	CHECK_EQ(rig_read_fault(&rig, 0, 16, IOVA), IOASID_MOCK_FAULT_RANGE);
	rig_close(&rig);
}

static const struct test_case cases[] = {
	{ "PASIDs of a device reach only their own address space", pasids_reach_only_their_own_space },
	{ "the same PASID on several devices is a slot of each", one_pasid_on_two_devices_is_two_slots },
	{ "DMA moves bytes both ways across pages and stops at the first fault",
	  dma_moves_bytes_both_ways_across_pages },
	{ "a read-only mapping cannot be written, cached or not", a_read_only_mapping_cannot_be_written },
	{ "a parked slot is blocked though its translation was cached (S10.1)",
	  a_parked_slot_is_blocked_though_its_translation_was_cached },
	{ "where invalidation is separate a parked slot leaks until it is done",
	  where_invalidation_is_separate_a_parked_slot_leaks_until_it_is_done },
	{ "blocking a device stops its RID and every PASID, and no other device",
	  blocking_a_device_stops_its_rid_and_every_pasid },
	{ "what is unmapped cannot be reached though it was cached",
	  what_is_unmapped_cannot_be_reached_though_it_was_cached },
	{ "a second DMA comes from a TLB where there is one",
	  a_second_dma_comes_from_the_tlb_and_without_one_from_the_tables },
	{ "DMA that makes no sense is refused, and a PASID that is too wide faults",
	  dma_that_makes_no_sense_is_refused },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_dma", cases, argc, argv);
}
