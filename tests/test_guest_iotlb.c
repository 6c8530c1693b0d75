/*
 * A guest's IOTLB and device TLB invalidations, of each granularity: what was meant is not stale any more,
 * and nothing else was forgotten. The guest is one of an emulated VT-d unit.
 */
#include "tests/guest_viommu.h"

/* The guest's slots: the RID, and three PASIDs, of which two have a domain in common; slot n on table n. */
enum { SLOTS = 4, RID = 1, FIVE = 2, SIX = 4, SEVEN = 8, ALL = 15, MOVED = 6 };
static const struct {
	uint32_t pasid;
	uint32_t domain;
} slots[SLOTS] = { { 0, 3 }, { 5, 1 }, { 6, 1 }, { 7, 2 } };

#define WORD(type, domain, pasid) ((uint64_t)(type) | (uint64_t)(domain) << 16 | (uint64_t)(pasid) << 32)
#define FLUSH_ALL  UINT64_C(0x37)
#define ELSEWHERE  (DRIG_IOVA + UINT64_C(0x40000000))
#define EVERYTHING UINT64_C(0x7ffffffffffff000) /* of a device TLB, with the bit that says that it is a size */
#define OF_DEVICE(source)       (UINT64_C(0x3) | (uint64_t)(source) << 32)
#define OF_PASID(source, pasid) (UINT64_C(0x8) | (uint64_t)(source) << 16 | (uint64_t)(pasid) << 32)

static struct ioasid_mock_slot slot(struct viommu *v, unsigned int n)
{
	struct ioasid_mock_slot slot = { .struct_size = sizeof(slot) };

	REQUIRE_EQ(v->rig->on.control->slot(v->rig->on.mock, 0, slots[n].pasid, &slot), 0);
	return slot;
}

/* All slots are cached in the unit and in the device, and stale. */
static void up(struct viommu *v, struct drig *rig)
{
	drig_open(rig, "devices=1 ats=on", 0);
	viommu_open(v, rig, 0, false);
	for (unsigned int n = 0; n < SLOTS; n++)
		viommu_set(v, slots[n].pasid, slots[n].domain, n);
	viommu_write(v, FLUSH_ALL, 0);
	REQUIRE_EQ(viommu_submit(v, 1), 0);
	for (unsigned int n = 0; n < SLOTS; n++) {
		CHECK_EQ(drig_read(rig, 0, slots[n].pasid), DRIG_BYTE(n));
		drig_move(rig, n, MOVED);
		CHECK_EQ(drig_read(rig, 0, slots[n].pasid), DRIG_BYTE(n));
		CHECK(slot(v, n).iotlb == 1 && slot(v, n).device_tlb == 1);
	}
}

static void down(struct viommu *v)
{
	struct drig *rig = v->rig;

	viommu_close(v);
	drig_close(rig);
}

struct row {
	uint64_t word0, word1;
	unsigned int meant; /* slots */
};

static bool told(bool ok, const struct row *row)
{
	if (!ok)
		printf("# descriptor %llx %llx\n", (unsigned long long)row->word0, (unsigned long long)row->word1);
	return ok;
}

static void iotlb_invalidations_reach_what_they_mean(void)
{
	static const struct row rows[] = {
		{ 0x12, 0, ALL },
		{ WORD(0x22, 1, 0), 0, FIVE | SIX },
		{ WORD(0x22, 2, 0), 0, SEVEN },
		{ WORD(0x22, 3, 0), 0, RID },
		{ WORD(0x22, 4, 0), 0, 0 },
		{ WORD(0x32, 1, 0), DRIG_IOVA, FIVE | SIX },
		{ WORD(0x32, 1, 0), DRIG_IOVA | 0x40, FIVE | SIX }, /* IH: only the last level has changed */
		{ WORD(0x32, 1, 0), ELSEWHERE, 0 },
		{ WORD(0x32, 3, 0), DRIG_IOVA, RID },
		/* PASID-based. */
		{ WORD(0x26, 1, 5), 0, FIVE },
		{ WORD(0x36, 1, 6), DRIG_IOVA, SIX },
		{ WORD(0x36, 1, 6), DRIG_IOVA | 0x40, SIX },
		{ WORD(0x36, 1, 6), ELSEWHERE, 0 },
		{ WORD(0x26, 2, 7), 0, SEVEN },
		{ WORD(0x26, 2, 9), 0, 0 },
		/* RID_PASID: what no SPID names. */
		{ WORD(0x26, 3, 0), 0, RID },
		{ WORD(0x36, 3, 0), DRIG_IOVA, RID },
		{ WORD(0x36, 3, 0), ELSEWHERE, 0 },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct viommu v;
		struct drig rig;

		up(&v, &rig);
		viommu_write(&v, rows[i].word0, rows[i].word1);
		CHECK_EQ(viommu_submit(&v, 2), 0);
		CHECK_EQ(viommu_status(&v), 2);
		for (unsigned int n = 0; n < SLOTS; n++) {
			bool meant = rows[i].meant >> n & 1;

			told(CHECK_EQ(drig_read(&rig, 0, slots[n].pasid), DRIG_BYTE(meant ? MOVED : n)), &rows[i]);
		}
		down(&v);
	}
}

static void device_tlb_invalidations_reach_what_they_mean(void)
{
	static const struct row rows[] = {
		/* Requests without PASID. */
		{ OF_DEVICE(VIOMMU_SOURCE), DRIG_IOVA, RID },
		{ OF_DEVICE(VIOMMU_SOURCE), ELSEWHERE, 0 },
		{ OF_DEVICE(VIOMMU_SOURCE), EVERYTHING | 1, RID },
		{ OF_DEVICE(VIOMMU_SOURCE + 1), EVERYTHING | 1, 0 },
		/* PASID-based; with G of all PASIDs. */
		{ OF_PASID(VIOMMU_SOURCE, 5), DRIG_IOVA, FIVE },
		{ OF_PASID(VIOMMU_SOURCE, 5), ELSEWHERE, 0 },
		{ OF_PASID(VIOMMU_SOURCE, 6), EVERYTHING | 0x800, SIX },
		{ OF_PASID(VIOMMU_SOURCE, 0), EVERYTHING | 0x800, RID },
		{ OF_PASID(VIOMMU_SOURCE, 9), EVERYTHING | 0x800, 0 },
		{ OF_PASID(VIOMMU_SOURCE, 0), EVERYTHING | 0x801, ALL },
		{ OF_PASID(VIOMMU_SOURCE + 1, 0), EVERYTHING | 0x801, 0 },
	};

	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct viommu v;
		struct drig rig;

		up(&v, &rig);
		viommu_write(&v, rows[i].word0, rows[i].word1);
		CHECK_EQ(viommu_submit(&v, 2), 0);
		for (unsigned int n = 0; n < SLOTS; n++) {
			told(CHECK_EQ(slot(&v, n).device_tlb, !(rows[i].meant >> n & 1)), &rows[i]);
			told(CHECK_EQ(slot(&v, n).iotlb, 1), &rows[i]);
		}
		down(&v);
	}
}

/* S17.4: the guest must not be told that something is forgotten which is not. */
static void an_invalidation_that_fails_stops_the_queue(void)
{
	struct viommu v;
	struct drig rig;
	uint64_t head;

	up(&v, &rig);
	drig_fail(&rig, IOASID_MOCK_OP_INVALIDATE, 1, 1, IOASID_BE_EIO);
	head = v.queue.iqh;
	viommu_write(&v, FLUSH_ALL, 0);
	viommu_write(&v, WORD(0x26, 1, 5), 0);
	CHECK_EQ(viommu_submit(&v, 2), -EIO);
	CHECK_EQ(viommu_status(&v), 1);
	CHECK_EQ(v.queue.iqh, head + VIOMMU_WIDTH);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(1));
	/* The guest clears the error, and the unit goes on at the same place. */
	CHECK_EQ(viommu_ring(&v), 0);
	CHECK_EQ(viommu_status(&v), 2);
	CHECK_EQ(drig_read(&rig, 0, 5), DRIG_BYTE(MOVED));
	down(&v);
}

/* S17.3: nor does it matter that what is meant is gone. */
static void what_is_gone_is_a_success(void)
{
	struct viommu v;
	struct drig rig;

	up(&v, &rig);
	for (unsigned int n = 0; n < SLOTS; n++)
		viommu_clear(&v, slots[n].pasid);
	viommu_write(&v, FLUSH_ALL, 0);
	viommu_write(&v, WORD(0x22, 1, 0), 0);
	viommu_write(&v, WORD(0x26, 1, 5), 0);
	viommu_write(&v, WORD(0x26, 3, 0), 0);
	viommu_write(&v, OF_DEVICE(VIOMMU_SOURCE), DRIG_IOVA);
	viommu_write(&v, OF_PASID(VIOMMU_SOURCE, 5), DRIG_IOVA);
	CHECK_EQ(viommu_submit(&v, 2), 0);
	CHECK_EQ(viommu_status(&v), 2);
	for (unsigned int n = 0; n < SLOTS; n++)
		CHECK_EQ(drig_read(&rig, 0, slots[n].pasid), DRIG_BLOCKED);
	down(&v);
}

static const struct test_case cases[] = {
	{ "S17.1, S17.2 IOTLB invalidations reach what they mean", iotlb_invalidations_reach_what_they_mean },
	{ "S17.1, S17.2 device TLB invalidations reach what they mean", device_tlb_invalidations_reach_what_they_mean },
	{ "S17.4 an invalidation that fails stops the queue", an_invalidation_that_fails_stops_the_queue },
	{ "S17.3 what is gone is a success", what_is_gone_is_a_success },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest iotlb", cases, argc, argv);
}
