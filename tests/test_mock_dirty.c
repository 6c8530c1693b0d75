/* Pages that DMA has written, as the bitmaps of an address space tell them. S16.4. */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_guest.h"

#define P     IOASID_MOCK_PTE_P
#define W     IOASID_MOCK_PTE_W
#define U     IOASID_MOCK_PTE_U
#define READ  IOASID_MOCK_DMA_READ
#define WRITE IOASID_MOCK_DMA_WRITE

#define IOVA  UINT64_C(0x100000)
#define PAGES 16u

struct dirty_scene {
	struct rig rig;
	struct ioasid_be_as *as; /* PAGES pages at IOVA in two mappings; PASID 1 of mock0 is on it */
};

static void scene_open(struct dirty_scene *s, const char *config)
{
	rig_open(&s->rig, config, 1);
	s->as = rig_space(&s->rig, IOASID_BE_USE_PASID | IOASID_BE_USE_DIRTY);
	CHECK_EQ(rig_map_pages(&s->rig, s->as, IOVA, 0, PAGES / 2), 0);
	CHECK_EQ(rig_map_pages(&s->rig, s->as, IOVA + PAGES / 2 * RIG_PAGE, PAGES / 2, PAGES / 2), 0);
	CHECK_EQ(rig_attach(&s->rig, 0, 1, s->as, NULL), 0);
}

static void scene_close(struct dirty_scene *s)
{
	CHECK_EQ(rig_detach(&s->rig, 0, 1, 0), 0);
	rig_unmap(&s->rig, s->as, 0, UINT64_MAX);
	CHECK_EQ(s->rig.paging->destroy(s->as), 0);
	rig_close(&s->rig);
}

static struct ioasid_be_dirty_args args_of(uint64_t iova, uint64_t length, uint64_t page_size,
					   uint64_t *bitmap)
{
	return (struct ioasid_be_dirty_args){ .struct_size = sizeof(struct ioasid_be_dirty_args),
					      .iova = iova,
					      .length = length,
					      .page_size = page_size,
					      .bitmap = bitmap };
}

/* The bits of all pages of the scene. */
static uint64_t dirty(struct dirty_scene *s, bool clear)
{
	uint64_t bits = 0;
	const struct ioasid_be_dirty_args args = args_of(IOVA, PAGES * RIG_PAGE, RIG_PAGE, &bits);

	CHECK_EQ((clear ? s->rig.dirty->read_clear : s->rig.dirty->read)(s->as, &args), 0);
	return bits;
}

static void touch(struct dirty_scene *s, uint32_t flags, unsigned int page, uint64_t length)
{
	unsigned char bytes[2 * RIG_PAGE] = { 0 };

	CHECK_EQ(rig_dma(&s->rig, 0, 1, flags, IOVA + page * RIG_PAGE + 8, bytes, length), 0);
}

static void pages_that_dma_writes_are_dirty_until_they_are_cleared(void)
{
	struct dirty_scene s;

	scene_open(&s, "ats=on");
	touch(&s, WRITE, 1, 1);
	CHECK_EQ(s.rig.dirty->start(s.as), 0);
	CHECK_EQ(dirty(&s, false), 0);
	touch(&s, READ, 2, 1);
	touch(&s, WRITE, 3, 1);
	touch(&s, WRITE, 7, RIG_PAGE);
	CHECK_EQ(dirty(&s, false), 0x188);
	CHECK_EQ(s.rig.dirty->start(s.as), 0);
	CHECK_EQ(dirty(&s, true), 0x188);
	CHECK_EQ(dirty(&s, false), 0);
	/* Cached translations do not hide a write. */
	touch(&s, WRITE, 3, 1);
	CHECK_EQ(dirty(&s, true), 8);
	touch(&s, WRITE, 15, 1);
	CHECK_EQ(s.rig.dirty->stop(s.as), 0);
	CHECK_EQ(s.rig.dirty->stop(s.as), 0);
	touch(&s, WRITE, 4, 1);
	CHECK_EQ(s.rig.dirty->start(s.as), 0);
	CHECK_EQ(dirty(&s, false), 0);
	scene_close(&s);
}

static void a_read_is_for_its_range_and_page_size_and_only_adds_bits(void)
{
	struct dirty_scene s;
	uint64_t bits[2] = { 0, UINT64_C(1) << 63 };
	struct ioasid_be_dirty_args args;

	scene_open(&s, "");
	CHECK_EQ(s.rig.dirty->start(s.as), 0);
	touch(&s, WRITE, 1, 1);
	touch(&s, WRITE, 9, 1);
	touch(&s, WRITE, 14, 1);
	args = args_of(IOVA + 4 * RIG_PAGE, 8 * RIG_PAGE, 4 * RIG_PAGE, bits);
	CHECK_EQ(s.rig.dirty->read_clear(s.as, &args), 0);
	CHECK_EQ(bits[0], 2);
	CHECK_EQ(dirty(&s, false), 0x4002);
	/* From before the mappings to behind them, over two words. */
	bits[0] = 0x10;
	args = args_of(IOVA - 60 * RIG_PAGE, 128 * RIG_PAGE, RIG_PAGE, bits);
	CHECK_EQ(s.rig.dirty->read(s.as, &args), 0);
	CHECK_EQ(bits[0], 0x10 | UINT64_C(1) << 61);
	CHECK_EQ(bits[1], UINT64_C(1) << 63 | UINT64_C(1) << (74 - 64));
	scene_close(&s);
}

static void what_is_mapped_or_attached_later_is_covered(void)
{
	struct dirty_scene s;
	unsigned char byte = 0;
	struct ioasid_be_map copy = { .struct_size = sizeof(copy),
				      .access = IOASID_BE_MAP_READ | IOASID_BE_MAP_WRITE,
				      .iova = IOVA + 2 * PAGES * RIG_PAGE,
				      .length = PAGES * RIG_PAGE,
				      .source = IOVA,
				      .fd = -1 };
	uint64_t bits = 0;
	struct ioasid_be_dirty_args args;
	uint64_t blocks;

	scene_open(&s, "devices=2 iommus=2");
	CHECK_EQ(rig_unmap(&s.rig, s.as, IOVA, PAGES / 2 * RIG_PAGE), PAGES / 2 * RIG_PAGE);
	CHECK_EQ(s.rig.dirty->start(s.as), 0);
	CHECK_EQ(rig_map_pages(&s.rig, s.as, IOVA, 0, PAGES / 2), 0);
	copy.from = s.as;
	CHECK_EQ(s.rig.paging->copy(s.as, &copy), 0);
	REQUIRE_EQ(rig_attach_device(&s.rig, "mock1", &s.rig.dev[1]), 0);
	CHECK_EQ(rig_attach(&s.rig, 1, 0, s.as, NULL), 0);
	CHECK_EQ(rig_dma(&s.rig, 1, 0, WRITE, IOVA + 5 * RIG_PAGE, &byte, 1), 0);
	CHECK_EQ(dirty(&s, false), 0x20);
	/* The same memory at another address is another page of this space. */
	CHECK_EQ(rig_dma(&s.rig, 1, 0, WRITE, copy.iova + 10 * RIG_PAGE, &byte, 1), 0);
	CHECK_EQ(dirty(&s, false), 0x20);
	args = args_of(copy.iova, PAGES * RIG_PAGE, RIG_PAGE, &bits);
	CHECK_EQ(s.rig.dirty->read(s.as, &args), 0);
	CHECK_EQ(bits, 0x400);
	/* What is unmapped is forgotten, and its bitmap given back. */
	blocks = rig_live(&s.rig).blocks;
	CHECK_EQ(rig_unmap(&s.rig, s.as, IOVA, PAGES / 2 * RIG_PAGE), PAGES / 2 * RIG_PAGE);
	CHECK_EQ(rig_map_pages(&s.rig, s.as, IOVA, 0, PAGES / 2), 0);
	CHECK_EQ(dirty(&s, false), 0);
	CHECK_EQ(rig_live(&s.rig).blocks, blocks);
	CHECK_EQ(rig_detach(&s.rig, 1, 0, 0), 0);
	CHECK_EQ(s.rig.core->device_detach(s.rig.dev[1]), 0);
	scene_close(&s);
}

/* A parent's pages are dirty where nested tables led the writes. */
static void writes_through_a_nested_table_make_the_parents_pages_dirty(void)
{
	struct mock_guest g;
	struct ioasid_be_as *parent;
	struct ioasid_be_table *table;
	struct ioasid_be_record record = mock_guest_record(mock_guest_page(16));
	struct ioasid_be_table_args args = { .struct_size = sizeof(args), .entry = &record };
	unsigned char byte = 0;
	uint64_t bits = 0;
	const struct ioasid_be_dirty_args read = args_of(GUEST_BASE, GUEST_PAGES * RIG_PAGE, RIG_PAGE, &bits);

	mock_guest_open(&g, "", 1);
	*mock_guest_entry(&g, GUEST_ADDRESS, 1) = mock_guest_page(7) | P | W | U;
	parent = rig_space(&g.rig, IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT | IOASID_BE_USE_DIRTY);
	CHECK_EQ(rig_map_pages(&g.rig, parent, GUEST_BASE, 0, GUEST_PAGES), 0);
	args.dev = g.rig.dev[0];
	args.parent = parent;
	REQUIRE_EQ(g.rig.nested->create(g.rig.ctx, &args, &table, NULL), 0);
	CHECK_EQ(rig_attach(&g.rig, 0, 3, NULL, table), 0);
	CHECK_EQ(g.rig.dirty->start(parent), 0);
	CHECK_EQ(rig_dma(&g.rig, 0, 3, WRITE, GUEST_ADDRESS, &byte, 1), 0);
	CHECK_EQ(g.rig.dirty->read(parent, &read), 0);
	CHECK_EQ(bits, 0x80);
	CHECK_EQ(g.rig.dirty->start(g.memory), IOASID_BE_EINVAL);
	CHECK_EQ(rig_detach(&g.rig, 0, 3, 0), 0);
	CHECK_EQ(g.rig.nested->destroy(table), 0);
	CHECK_EQ(g.rig.paging->destroy(parent), 0);
	mock_guest_close(&g);
}

/* Bytes that have not moved yet are not there yet. */
static void dma_in_flight_makes_pages_dirty_when_it_lands(void)
{
	struct dirty_scene s;
	unsigned char bytes[RIG_PAGE] = { 0 };
	uint64_t token;

	scene_open(&s, "drain=wait");
	CHECK_EQ(s.rig.dirty->start(s.as), 0);
	token = rig_begin(&s.rig, 0, 1, WRITE, IOVA + 8, bytes, sizeof(bytes));
	CHECK_EQ(dirty(&s, true), 0);
	CHECK_EQ(rig_finish(&s.rig, token), IOASID_MOCK_FAULT_NONE);
	CHECK_EQ(dirty(&s, true), 3);
	scene_close(&s);
}

static void what_cannot_be_is_refused(void)
{
	struct dirty_scene s;
	struct ioasid_be_as *plain;
	uint64_t bits = 0;
	struct ioasid_be_dirty_args args = args_of(IOVA, PAGES * RIG_PAGE, RIG_PAGE, &bits);

	scene_open(&s, "devices=2 mock1.dirty=off");
	CHECK_EQ(s.rig.dirty->read(s.as, &args), IOASID_BE_ENOENT);
	CHECK_EQ(s.rig.dirty->read_clear(s.as, &args), IOASID_BE_ENOENT);
	plain = rig_space(&s.rig, 0);
	CHECK_EQ(s.rig.dirty->start(plain), IOASID_BE_EINVAL);
	CHECK_EQ(s.rig.dirty->stop(plain), IOASID_BE_EINVAL);
	CHECK_EQ(s.rig.dirty->read(plain, &args), IOASID_BE_EINVAL);
	CHECK_EQ(s.rig.dirty->start(s.as), 0);
	for (unsigned int bad = 0; bad < 8; bad++) {
		args = args_of(IOVA, PAGES * RIG_PAGE, RIG_PAGE, &bits);
		args.iova += bad == 0 ? 8 : 0;
		args.length -= bad == 1 ? 8 : 0;
		args.length = bad == 2 ? 0 : args.length;
		args.page_size = bad == 3 ? 0 : bad == 4 ? 3 * RIG_PAGE : bad == 5 ? 2048 : args.page_size;
		args.bitmap = bad == 6 ? NULL : &bits;
		args.flags = bad == 7;
		CHECK_EQ(s.rig.dirty->read(s.as, &args), IOASID_BE_EINVAL);
	}
	args = args_of(UINT64_MAX & ~(RIG_PAGE - UINT64_C(1)), 2 * RIG_PAGE, RIG_PAGE, &bits);
	CHECK_EQ(s.rig.dirty->read(s.as, &args), IOASID_BE_EINVAL);
	/* A device whose writes nobody sees does not come onto it. */
	REQUIRE_EQ(rig_attach_device(&s.rig, "mock1", &s.rig.dev[1]), 0);
	CHECK_EQ(rig_attach(&s.rig, 1, 1, s.as, NULL), IOASID_BE_EOPNOTSUPP);
	CHECK(strstr(s.rig.text, "dirty") != NULL);
	CHECK_EQ(s.rig.core->device_detach(s.rig.dev[1]), 0);
	CHECK_EQ(s.rig.paging->destroy(plain), 0);
	scene_close(&s);
}

static void memory_that_runs_out_leaves_tracking_as_it_was(void)
{
	struct dirty_scene s;
	uint64_t blocks;

	scene_open(&s, "");
	blocks = rig_live(&s.rig).blocks;
	for (uint64_t nth = 1; nth <= 2; nth++) {
		CHECK_EQ(s.rig.control->fail_memory(s.rig.mock, nth), 0);
		CHECK_EQ(s.rig.dirty->start(s.as), IOASID_BE_ENOMEM);
		CHECK_EQ(rig_live(&s.rig).blocks, blocks);
	}
	CHECK_EQ(s.rig.dirty->start(s.as), 0);
	touch(&s, WRITE, 8, 1);
	CHECK_EQ(s.rig.control->fail_memory(s.rig.mock, 1), 0);
	CHECK_EQ(rig_map_pages(&s.rig, s.as, 0, 0, 1), IOASID_BE_ENOMEM);
	CHECK_EQ(rig_live(&s.rig).mappings, 2);
	CHECK_EQ(dirty(&s, false), 0x100);
	CHECK_EQ(s.rig.dirty->stop(s.as), 0);
	CHECK_EQ(rig_live(&s.rig).blocks, blocks);
	scene_close(&s);
}

static const struct test_case cases[] = {
	{ "pages that DMA writes are dirty until they are cleared (S16.4)",
	  pages_that_dma_writes_are_dirty_until_they_are_cleared },
	{ "a read is for its range and page size and only adds bits (S16.4)",
	  a_read_is_for_its_range_and_page_size_and_only_adds_bits },
	{ "what is mapped or attached later is covered (S16.4)",
	  what_is_mapped_or_attached_later_is_covered },
	{ "writes through a nested table make the parent's pages dirty (S16.4)",
	  writes_through_a_nested_table_make_the_parents_pages_dirty },
	{ "DMA in flight makes pages dirty when it lands (S16.4)",
	  dma_in_flight_makes_pages_dirty_when_it_lands },
	{ "what cannot be is refused (S16.2)", what_cannot_be_is_refused },
	{ "memory that runs out leaves tracking as it was", memory_that_runs_out_leaves_tracking_as_it_was },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_dirty", cases, argc, argv);
}
