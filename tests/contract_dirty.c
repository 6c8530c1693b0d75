/* The contract suite: pages that devices have written (S16.4), and IDs that the IOMMU hands out. R17, R32,
 * R53, R65. */
#include "tests/contract.h"

#include <stdlib.h>
#include <string.h>

#define PAGE ((uint64_t)CONTRACT_PAGE)

/* Bit n is page n from CONTRACT_IOVA on. Asks with bit 63 set, which has to stay. */
static uint64_t read_dirty(struct contract_world *w, struct ioasid_be_as *as, bool clear)
{
	uint64_t bitmap = UINT64_C(1) << 63;
	const struct ioasid_be_dirty_args args = {
		.struct_size = sizeof(args), .iova = CONTRACT_IOVA, .length = 8 * PAGE, .page_size = PAGE, .bitmap = &bitmap,
	};

	CHECK_EQ(clear ? w->dirty->read_clear(as, &args) : w->dirty->read(as, &args), 0);
	CHECK_EQ(bitmap >> 63, 1);
	return bitmap & ~(UINT64_C(1) << 63);
}

static void device_writes(struct contract_world *w, unsigned int device, uint32_t pasid, unsigned int page)
{
	unsigned char byte = (unsigned char)(page + 1);

	CHECK_EQ(w->driver->dma(w->machine, device, pasid, CONTRACT_IOVA + page * PAGE, true, &byte), 0);
}

static struct ioasid_be_as *dirty_space(struct contract_world *w)
{
	struct ioasid_be_as *as = contract_space(w, IOASID_BE_USE_PASID | IOASID_BE_USE_DIRTY, NULL);
	const struct ioasid_be_map map = contract_map_args(w, CONTRACT_IOVA, 0, 4);

	REQUIRE_EQ(w->paging->map(as, &map), 0);
	return as;
}

static void written_pages_are_told(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;

	contract_up(&w, CONTRACT_DEVICES);
	as = dirty_space(&w);
	REQUIRE_EQ(contract_attach(&w, 0, 1, as, NULL), 0);
	device_writes(&w, 0, 1, 0);
	CHECK_EQ(w.dirty->start(as), 0);
	CHECK_EQ(w.dirty->start(as), 0);
	CHECK_EQ(read_dirty(&w, as, true) & ~UINT64_C(1), 0);
	device_writes(&w, 0, 1, 2);
	CHECK(contract_reaches(&w, 0, 1, 0));
	CHECK_EQ(read_dirty(&w, as, false), 4);
	CHECK_EQ(read_dirty(&w, as, true), 4);
	CHECK_EQ(read_dirty(&w, as, false), 0);
	/* A page that was clean again, a device that came later, and a mapping that did. */
	device_writes(&w, 0, 1, 2);
	REQUIRE_EQ(contract_attach(&w, 1, 3, as, NULL), 0);
	device_writes(&w, 1, 3, 1);
	REQUIRE_EQ(contract_map(&w, as, CONTRACT_IOVA + 5 * PAGE, 5), 0);
	device_writes(&w, 1, 3, 5);
	CHECK_EQ(read_dirty(&w, as, true), 4 | 2 | 32);
	CHECK_EQ(w.dirty->stop(as), 0);
	CHECK_EQ(w.dirty->stop(as), 0);
	device_writes(&w, 0, 1, 3);
	CHECK(w.dirty->start(as) == 0);
	(void)read_dirty(&w, as, true);
	CHECK_EQ(w.dirty->stop(as), 0);
	contract_end(&w, 0, 1);
	contract_end(&w, 1, 3);
	contract_destroy(&w, as);
	contract_down(&w);
}

static void dirty_calls_are_checked(void)
{
	struct contract_world w;
	struct ioasid_be_as *as, *plain;
	uint64_t bitmap = 0;
	struct ioasid_be_dirty_args args = {
		.struct_size = sizeof(args), .iova = CONTRACT_IOVA, .length = 4 * PAGE, .page_size = PAGE, .bitmap = &bitmap,
	};

	contract_up(&w, 1);
	as = dirty_space(&w);
	plain = contract_page_space(&w, 0);
	CHECK_EQ(w.dirty->start(plain), IOASID_BE_EINVAL);
	CHECK_EQ(w.dirty->stop(plain), IOASID_BE_EINVAL);
	CHECK_EQ(w.dirty->read(plain, &args), IOASID_BE_EINVAL);
	CHECK_EQ(w.dirty->read(as, &args), IOASID_BE_ENOENT);
	CHECK_EQ(w.dirty->read_clear(as, &args), IOASID_BE_ENOENT);
	CHECK_EQ(w.dirty->start(as), 0);
	CHECK_EQ(w.dirty->read(as, &args), 0);
	args.page_size = PAGE + 1;
	CHECK_EQ(w.dirty->read(as, &args), IOASID_BE_EINVAL);
	args.page_size = 0;
	CHECK_EQ(w.dirty->read(as, &args), IOASID_BE_EINVAL);
	args.page_size = PAGE;
	args.length = 0;
	CHECK_EQ(w.dirty->read(as, &args), IOASID_BE_EINVAL);
	args.length = 4 * PAGE;
	args.bitmap = NULL;
	CHECK_EQ(w.dirty->read(as, &args), IOASID_BE_EINVAL);
	args.bitmap = &bitmap;
	args.flags = 1;
	CHECK_EQ(w.dirty->read(as, &args), IOASID_BE_EINVAL);
	CHECK_EQ(bitmap, 0);
	contract_destroy(&w, plain);
	contract_destroy(&w, as);
	contract_down(&w);
}

static const struct contract_case dirty_cases[] = {
	{ "pages that devices write are told, once with read_clear, later devices and maps too (S16.4)", written_pages_are_told,
	  IOASID_BE_IF_DIRTY | IOASID_BE_IF_PASID, CONTRACT_DMA },
	{ "dirty pages are asked for where there is tracking, and in a way that makes sense (R32, R53)", dirty_calls_are_checked,
	  IOASID_BE_IF_DIRTY, 0 },
};

CONTRACT_SUITE(contract_dirty, dirty_cases);

/* ---- IDs ---- */

enum { SOME_IDS = 16 };

static void ids_are_out_once(void)
{
	struct contract_world w;
	uint32_t ids[SOME_IDS], more = 4711;

	contract_up(&w, 0);
	for (int i = 0; i < SOME_IDS; i++) {
		REQUIRE_EQ(w.id->alloc(w.ctx, 100, 100 + SOME_IDS - 1, &ids[i]), 0);
		CHECK(ids[i] >= 100 && ids[i] < 100 + SOME_IDS);
		for (int k = 0; k < i; k++)
			CHECK(ids[k] != ids[i]);
	}
	CHECK_EQ(w.id->alloc(w.ctx, 100, 100 + SOME_IDS - 1, &more), IOASID_BE_ENOSPC);
	CHECK_EQ(w.id->alloc(w.ctx, 9, 8, &more), IOASID_BE_EINVAL);
	CHECK_EQ(more, 4711);
	CHECK_EQ(w.id->free(w.ctx, 100 + SOME_IDS), IOASID_BE_ENOENT);
	CHECK_EQ(w.id->free(w.ctx, ids[3]), 0);
	CHECK_EQ(w.id->free(w.ctx, ids[3]), IOASID_BE_ENOENT);
	CHECK_EQ(w.id->alloc(w.ctx, 1, 100 + SOME_IDS - 1, &more), 0);
	CHECK_EQ(w.id->free(w.ctx, more), 0);
	CHECK_EQ(w.id->alloc(w.ctx, 100, 100 + SOME_IDS - 1, &ids[3]), 0);
	for (int i = 0; i < SOME_IDS; i++)
		CHECK_EQ(w.id->free(w.ctx, ids[i]), 0);
	contract_down(&w);
}

static const struct contract_case id_cases[] = {
	{ "an ID comes out of its window, is out once, and can be given back once (R65)", ids_are_out_once, IOASID_BE_IF_ID, 0 },
};

CONTRACT_SUITE(contract_id, id_cases);
