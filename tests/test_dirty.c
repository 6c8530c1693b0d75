/* Which pages devices have written, and what else an address space is for (S16.2 to S16.4). */
#include <string.h>

#include "tests/device_rig.h"
#include "tests/harness.h"

#define NONE IOASID_SPID_NONE

/* Devices write here: past the guest tables and the pages that they show. */
static unsigned int free_page(unsigned int n)
{
	return 6 + n;
}

static int dma_write(struct drig *r, unsigned int device, uint32_t pasid, uint64_t iova)
{
	unsigned char byte = 0xee;
	struct ioasid_mock_dma dma = {
		.struct_size = sizeof(dma), .device = device, .pasid = pasid, .flags = IOASID_MOCK_DMA_WRITE,
		.iova = iova, .length = 1, .buffer = &byte,
	};

	CHECK_EQ(r->on.control->dma(r->on.mock, &dma), 0);
	return (int)dma.fault;
}

static struct ioasid_dirty range_of(uint64_t iova, uint64_t pages, uint64_t *bitmap, uint32_t flags)
{
	return (struct ioasid_dirty){
		.struct_size = sizeof(struct ioasid_dirty), .flags = flags, .iova = iova, .length = pages * DRIG_PAGE,
		.page_size = DRIG_PAGE, .bitmap = bitmap, .words = 1,
	};
}

/* Bits of the first 64 pages. */
static uint64_t dirty_of(struct ioasid_address_space *space, uint32_t flags)
{
	uint64_t bitmap = 0;
	const struct ioasid_dirty dirty = range_of(0, DRIG_PAGES, &bitmap, flags);

	CHECK_EQ(ioasid_address_space_dirty_read(space, &dirty), 0);
	return bitmap;
}

#define PAGE_BIT(n) (UINT64_C(1) << (n))

static void bad_arguments_have_their_own_codes(void)
{
	struct ioasid_address_space *space, *plain;
	struct { struct ioasid_dirty dirty; uint64_t more; } later;
	uint64_t bitmap[2] = { 0, 0 };
	struct ioasid_dirty d;
	struct drig r;

	drig_open(&r, "devices=1", 0);
	space = drig_space(&r, r.on.context, IOASID_USE_PASID | IOASID_USE_DIRTY);
	plain = drig_space(&r, r.on.context, IOASID_USE_PASID);
	CHECK_EQ(ioasid_address_space_dirty_start(NULL), -EINVAL);
	CHECK_EQ(ioasid_address_space_dirty_stop(NULL), -EINVAL);
	CHECK_EQ(ioasid_address_space_dirty_start(plain), -EINVAL);
	CHECK_EQ(ioasid_address_space_dirty_stop(plain), -EINVAL);
	CHECK_EQ(ioasid_address_space_dirty_read(space, NULL), -EINVAL);
	d = range_of(0, 4, bitmap, 0);
	CHECK_EQ(ioasid_address_space_dirty_read(plain, &d), -EINVAL);
	CHECK_EQ(ioasid_address_space_dirty_read(space, &d), -ENOENT);
	CHECK_EQ(ioasid_address_space_dirty_start(space), 0);
	CHECK_EQ(ioasid_address_space_dirty_start(space), 0);
	CHECK_EQ(ioasid_address_space_dirty_read(space, &d), 0);
#define REFUSED(change) \
	do { \
		d = range_of(0, 4, bitmap, 0); \
		change; \
		CHECK_EQ(ioasid_address_space_dirty_read(space, &d), -EINVAL); \
	} while (0)
	REFUSED(d.flags = 2);
	REFUSED(d.bitmap = NULL);
	REFUSED(d.page_size = 0);
	REFUSED(d.page_size = 3 * DRIG_PAGE);
	REFUSED(d.iova = 1);
	REFUSED(d.length = DRIG_PAGE + 1);
	REFUSED(d.length = 0);
	REFUSED(d.words = 0);
	REFUSED(d.length = 65 * DRIG_PAGE);
	REFUSED((d.iova = UINT64_MAX - DRIG_PAGE + 1, d.length = 2 * DRIG_PAGE));
	REFUSED(d.struct_size -= 8);
#undef REFUSED
	d = range_of(0, 64, bitmap, 0);
	CHECK_EQ(ioasid_address_space_dirty_read(space, &d), 0);
	d.words = 2;
	d.length = 128 * DRIG_PAGE;
	CHECK_EQ(ioasid_address_space_dirty_read(space, &d), 0);
	later.dirty = range_of(0, 4, bitmap, 0);
	later.dirty.struct_size = sizeof(later);
	later.more = 1;
	CHECK_EQ(ioasid_address_space_dirty_read(space, &later.dirty), -E2BIG);
	later.more = 0;
	CHECK_EQ(ioasid_address_space_dirty_read(space, &later.dirty), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	CHECK_EQ(ioasid_address_space_destroy(plain), 0);
	drig_close(&r);
}

static void written_pages_show_until_they_are_cleared(void)
{
	struct ioasid_address_space *space;
	uint64_t bitmap = PAGE_BIT(63);
	struct ioasid_dirty d;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	space = drig_space(&r, r.on.context, IOASID_USE_PASID | IOASID_USE_DIRTY);
	id = id_make(r.set);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), 0);
	CHECK_EQ(ioasid_address_space_dirty_start(space), 0);
	CHECK_EQ(dma_write(&r, 0, id, free_page(0) * DRIG_PAGE), 0);
	CHECK_EQ(dma_write(&r, 0, id, free_page(1) * DRIG_PAGE + 17), 0);
	CHECK_EQ(dirty_of(space, 0), PAGE_BIT(free_page(0)) | PAGE_BIT(free_page(1)));
	/* Only of the range, in pages of the asked size, and beside what the caller has there. */
	d = range_of((free_page(1) & ~1u) * DRIG_PAGE, 2, &bitmap, IOASID_DIRTY_CLEAR);
	d.page_size = 2 * DRIG_PAGE;
	CHECK_EQ(ioasid_address_space_dirty_read(space, &d), 0);
	CHECK_EQ(bitmap, PAGE_BIT(63) | PAGE_BIT(0));
	CHECK_EQ(dirty_of(space, 0), (PAGE_BIT(free_page(0)) | PAGE_BIT(free_page(1))) & ~(UINT64_C(3) << (free_page(1) & ~1u)));
	(void)dirty_of(space, IOASID_DIRTY_CLEAR);
	CHECK_EQ(dirty_of(space, 0), 0);
	/* Once more by the same cached translation. */
	CHECK_EQ(dma_write(&r, 0, id, free_page(1) * DRIG_PAGE), 0);
	CHECK_EQ(dirty_of(space, IOASID_DIRTY_CLEAR), PAGE_BIT(free_page(1)));
	CHECK_EQ(ioasid_address_space_dirty_stop(space), 0);
	CHECK_EQ(ioasid_address_space_dirty_stop(space), 0);
	CHECK_EQ(ioasid_address_space_dirty_read(space, &d), -ENOENT);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	drig_close(&r);
}

/* Also by a device whose guest table stands on it. */
static void later_attaches_and_maps_are_covered(void)
{
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ | IOASID_MAP_WRITE, .iova = 60 * DRIG_PAGE,
		.length = DRIG_PAGE,
	};
	struct ioasid_address_space *space;
	struct ioasid_bind_data data;
	uint64_t bitmap = 0;
	struct ioasid_dirty d = range_of(0, 64, &bitmap, IOASID_DIRTY_CLEAR);
	ioasid_t id, guest;
	struct drig r;

	drig_open(&r, "devices=2", 2);
	space = drig_space(&r, r.on.context, IOASID_USE_PASID | IOASID_USE_PARENT | IOASID_USE_DIRTY);
	CHECK_EQ(ioasid_address_space_dirty_start(space), 0);
	id = id_make(r.set);
	guest = id_make(r.set);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), 0);
	data = drig_data(&r, guest, NONE, 1, 0);
	data.parent = space;
	CHECK_EQ(ioasid_bind_gpasid(r.device[1], r.set, &data), 0);
	map.address = r.memory + free_page(0) * DRIG_PAGE;
	CHECK_EQ(ioasid_address_space_map(space, &map), 0);
	CHECK_EQ(dma_write(&r, 0, id, 60 * DRIG_PAGE), 0);
	CHECK_EQ(ioasid_address_space_dirty_read(space, &d), 0);
	CHECK_EQ(bitmap, PAGE_BIT(60));
	bitmap = 0;
	CHECK_EQ(dma_write(&r, 1, guest, DRIG_IOVA), 0);
	CHECK_EQ(ioasid_address_space_dirty_read(space, &d), 0);
	CHECK_EQ(bitmap, PAGE_BIT(1));
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(drig_unbind(&r, 1, guest, 0), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	drig_close(&r);
}

/* S16.2 */
static void a_use_that_a_device_cannot_have_is_refused_with_the_reason(void)
{
	struct ioasid_address_space *space;
	struct ioasid_bind_data data;
	struct ioasid_reason why = { "" };
	struct ioasid_device *device;
	struct ioasid_device_spec spec = drig_spec("mock1");
	struct drig r;
	ioasid_t id;

	drig_open(&r, "devices=3 mock0.deny=dirty:kernel mock1.deny=dirty:kernel mock2.pasid_bits=0", 1);
	CHECK_EQ(ioasid_pool_set_log(r.pool, journal_log, &r.journal), 0);
	space = drig_space(&r, r.on.context, IOASID_USE_PASID | IOASID_USE_PARENT | IOASID_USE_DIRTY);
	id = id_make(r.set);
	/* This call has no room for the reason: the log has it. */
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), -EOPNOTSUPP);
	CHECK(journal_has(&r.journal, "dirty"));
	data = drig_data(&r, id, NONE, 1, 0);
	data.parent = space;
	data.why = &why;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -EOPNOTSUPP);
	CHECK(strstr(why.text, "dirty") != NULL);
	CHECK_EQ(id_refs(r.set, id), 1);
	why.text[0] = '\0';
	CHECK_EQ(ioasid_device_attach(r.on.context, r.pool, &spec, space, &device, &why), -EOPNOTSUPP);
	CHECK(strstr(why.text, "dirty") != NULL);
	/* Without that use the same device takes it. */
	data.parent = r.parent;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), 0);
	CHECK_EQ(why.text[0], '\0');
	/* PASIDs are a use, too. */
	REQUIRE_EQ(drig_attach(&r, "mock2", IOASID_DEVICE_MEDIATED, NULL, &device), 0);
	CHECK_EQ(ioasid_bind_gpasid(device, r.set, &data), -EOPNOTSUPP);
	CHECK(strncmp(why.text, "no PASIDs: ", 11) == 0 && why.text[11] != '\0');
	CHECK_EQ(ioasid_bind_ioas(device, r.set, id_make(r.set), space, 0), -EOPNOTSUPP);
	CHECK(journal_has(&r.journal, "no PASIDs: "));
	CHECK_EQ(ioasid_device_close(device), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	CHECK_EQ(ioasid_pool_set_log(r.pool, NULL, NULL), 0);
	drig_close(&r);
}

/* S9.10 */
static void an_ioasid_that_is_too_wide_is_refused_with_the_width(void)
{
	struct ioasid_bind_data data;
	struct ioasid_reason why = { "" };
	struct drig r;

	drig_open(&r, "devices=1 pasid_bits=8", 1);
	data = drig_data(&r, id_make_at(r.set, 300), NONE, 1, 0);
	data.why = &why;
	CHECK_EQ(ioasid_bind_gpasid(r.device[0], r.set, &data), -ERANGE);
	CHECK(strstr(why.text, "300") != NULL && strstr(why.text, "8 bits") != NULL);
	drig_close(&r);
}

static void a_context_without_tracking_makes_no_such_address_space(void)
{
	struct ioasid_address_space *space;
	struct drig r;

	drig_open(&r, "devices=1 without=dirty", 1);
	CHECK_EQ(ioasid_address_space_create(r.on.context, IOASID_USE_DIRTY, &space, NULL), -EOPNOTSUPP);
	drig_close(&r);
}

static void errors_of_the_backend_are_the_answer(void)
{
	static const uint32_t ops[] = { IOASID_MOCK_OP_DIRTY_START, IOASID_MOCK_OP_DIRTY_STOP, IOASID_MOCK_OP_DIRTY_READ,
					IOASID_MOCK_OP_DIRTY_READ_CLEAR };
	struct ioasid_address_space *space;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	space = drig_space(&r, r.on.context, IOASID_USE_PASID | IOASID_USE_DIRTY);
	CHECK_EQ(ioasid_address_space_dirty_start(space), 0);
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t bitmap = 0;
		struct ioasid_dirty d = range_of(0, 4, &bitmap, ops[i] == IOASID_MOCK_OP_DIRTY_READ_CLEAR);

		drig_fail(&r, ops[i], 1, UINT64_MAX, IOASID_BE_EIO);
		CHECK_EQ(ioasid_address_space_dirty_start(space), i == 0 ? -EIO : 0);
		CHECK_EQ(ioasid_address_space_dirty_read(space, &d), i >= 2 ? -EIO : 0);
		CHECK_EQ(ioasid_address_space_dirty_stop(space), i == 1 ? -EIO : 0);
		drig_heal(&r);
		CHECK_EQ(ioasid_address_space_dirty_start(space), 0);
	}
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	drig_close(&r);
}

/* ---- copies and windows ---- */

static void a_mapping_is_copied_from_another_address_space(void)
{
	struct ioasid_mapping map = {
		.struct_size = sizeof(map), .access = IOASID_MAP_READ, .iova = DRIG_IOVA, .length = DRIG_PAGE,
		.offset = 4 * DRIG_PAGE, .fd = -1,
	};
	struct ioasid_address_space *space, *elsewhere;
	struct drig_context second;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=1", 1);
	drig_context_open(&second, "devices=1", 0);
	REQUIRE_EQ(ioasid_address_space_create(r.on.context, IOASID_USE_PASID, &space, NULL), 0);
	elsewhere = drig_space(&r, second.context, IOASID_USE_PASID);
	CHECK_EQ(ioasid_address_space_copy(NULL, &map, r.parent), -EINVAL);
	CHECK_EQ(ioasid_address_space_copy(space, &map, NULL), -EINVAL);
	CHECK_EQ(ioasid_address_space_copy(space, NULL, r.parent), -EINVAL);
	CHECK_EQ(ioasid_address_space_copy(space, &map, elsewhere), -EINVAL);
	map.address = r.memory;
	CHECK_EQ(ioasid_address_space_copy(space, &map, r.parent), -EINVAL);
	map.address = NULL;
	map.offset = UINT64_MAX - DRIG_PAGE + 2;
	CHECK_EQ(ioasid_address_space_copy(space, &map, r.parent), -EINVAL);
	map.offset = (uint64_t)DRIG_PAGES * DRIG_PAGE;
	CHECK_EQ(ioasid_address_space_copy(space, &map, r.parent), -ENOENT);
	map.offset = 4 * DRIG_PAGE;
	CHECK_EQ(ioasid_address_space_copy(space, &map, r.parent), 0);
	CHECK_EQ(ioasid_address_space_copy(space, &map, r.parent), -EEXIST);
	/* What can be read there cannot be had for writing. */
	map.offset = DRIG_IOVA;
	map.access = IOASID_MAP_READ | IOASID_MAP_WRITE;
	CHECK_EQ(ioasid_address_space_copy(r.parent, &map, space), -EACCES);
	id = id_make(r.set);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(4));
	/* What it was copied from may go. */
	CHECK_EQ(ioasid_address_space_unmap(r.parent, 0, UINT64_MAX, NULL), 0);
	CHECK_EQ(drig_read(&r, 0, id), DRIG_BYTE(4));
	CHECK_EQ(dma_write(&r, 0, id, DRIG_IOVA), IOASID_MOCK_FAULT_PERMISSION);
	CHECK_EQ(drig_unbind(&r, 0, id, 0), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	CHECK_EQ(ioasid_address_space_destroy(elsewhere), 0);
	drig_context_close(&second);
	drig_close(&r);
}

static void a_window_that_was_asked_for_is_not_taken_away_by_a_device(void)
{
	struct ioasid_range window = { .first = 0xfee00000, .last = 0xfee00fff, .kind = IOASID_RANGE_USABLE };
	struct ioasid_address_space *space;
	ioasid_t id;
	struct drig r;

	drig_open(&r, "devices=2 mock1.reserved=0xfee00000-0xfeefffff", 2);
	REQUIRE_EQ(ioasid_address_space_create(r.on.context, IOASID_USE_PASID, &space, NULL), 0);
	CHECK_EQ(ioasid_address_space_allow(NULL, &window, 1), -EINVAL);
	CHECK_EQ(ioasid_address_space_allow(space, NULL, 1), -EINVAL);
	window.kind = IOASID_RANGE_RESERVED;
	CHECK_EQ(ioasid_address_space_allow(space, &window, 1), -EINVAL);
	window.kind = IOASID_RANGE_USABLE;
	window.reserved = 1;
	CHECK_EQ(ioasid_address_space_allow(space, &window, 1), -EINVAL);
	window.reserved = 0;
	window.last = window.first - 1;
	CHECK_EQ(ioasid_address_space_allow(space, &window, 1), -EINVAL);
	window.last = 0xfee00fff;
	CHECK_EQ(ioasid_address_space_allow(space, &window, 1), 0);
	id = id_make(r.set);
	CHECK_EQ(ioasid_bind_ioas(r.device[0], r.set, id, space, 0), 0);
	CHECK(ioasid_bind_ioas(r.device[1], r.set, id, space, 0) < 0);
	CHECK_EQ(ioasid_address_space_allow(space, NULL, 0), 0);
	CHECK_EQ(ioasid_bind_ioas(r.device[1], r.set, id, space, 0), 0);
	/* Now it is not usable any more. */
	CHECK_EQ(ioasid_address_space_allow(space, &window, 1), -EBUSY);
	for (unsigned int i = 0; i < 2; i++)
		CHECK_EQ(drig_unbind(&r, i, id, 0), 0);
	CHECK_EQ(ioasid_address_space_destroy(space), 0);
	drig_close(&r);
}

int main(int argc, char **argv)
{
	static const struct test_case cases[] = {
		{ "bad arguments have their own codes (S0.1, S16.4)", bad_arguments_have_their_own_codes },
		{ "written pages show until they are cleared (S16.4)", written_pages_show_until_they_are_cleared },
		{ "later attaches and maps are covered (S16.4)", later_attaches_and_maps_are_covered },
		{ "a use that a device cannot have is refused, with the reason (S16.2)",
		  a_use_that_a_device_cannot_have_is_refused_with_the_reason },
		{ "an IOASID that is too wide is refused, with the width (S9.10)",
		  an_ioasid_that_is_too_wide_is_refused_with_the_width },
		{ "a context without tracking makes no such address space (S16.2)",
		  a_context_without_tracking_makes_no_such_address_space },
		{ "errors of the backend are the answer (S16.4)", errors_of_the_backend_are_the_answer },
		{ "a mapping is copied from another address space (S16.3)",
		  a_mapping_is_copied_from_another_address_space },
		{ "a window that was asked for is not taken away by a device (S16.3)",
		  a_window_that_was_asked_for_is_not_taken_away_by_a_device },
	};

	return TEST_MAIN("dirty", cases, argc, argv);
}
