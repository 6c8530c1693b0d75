/* The VT-d plugin on a made-up kernel: dirty pages. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "backends/iommufd/uapi.h"
#include "tests/fake-kernel/rig.h"
#include "tests/harness.h"

static uint64_t dirty(struct rig *rig, unsigned int space, bool clear)
{
	uint64_t bitmap = UINT64_C(1) << 63;
	const struct ioasid_be_dirty_args args = {
		.struct_size = sizeof(args), .iova = 0x10000, .length = 0x10000, .page_size = 0x1000, .bitmap = &bitmap,
	};

	CHECK_EQ(clear ? rig->dirty->read_clear(rig->as[space], &args) : rig->dirty->read(rig->as[space], &args), 0);
	CHECK_EQ(bitmap >> 63, 1);
	return bitmap << 1 >> 1;
}

static void writes(struct rig *rig, unsigned int device, uint32_t pasid, unsigned int page)
{
	CHECK(fake_write(rig->kernel, device, pasid, UINT64_C(0x10000) + page * UINT64_C(0x1000)));
}

static void dirty_up(struct rig *rig)
{
	rig_init(rig);
	REQUIRE_EQ(rig_open(rig, -1), 0);
	REQUIRE_EQ(rig_attach(rig, 0), 0);
	REQUIRE_EQ(rig_attach(rig, 1), 0);
	REQUIRE_EQ(rig_space(rig, 0, IOASID_BE_USE_PASID | IOASID_BE_USE_PARENT | IOASID_BE_USE_DIRTY), 0);
	REQUIRE_EQ(rig_put_on(rig, rig->pasid->attach, 0, 4, 0), 0);
	REQUIRE_EQ(rig_map(rig, 0, 0x10000, 0x10000), 0);
}

/* S16.4: through each device's table, a guest's included, from before the start or after it, and when the
 * slot has left since. */
static void dirty_pages_are_told(void)
{
	struct rig rig;

	dirty_up(&rig);
	REQUIRE_EQ(rig_nest(&rig, 0, 0, 0), 0);
	REQUIRE_EQ(rig_put_on_table(&rig, rig.pasid->attach, 0, 3, 0), 0);
	writes(&rig, 0, 4, 9);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	writes(&rig, 0, 4, 0);
	writes(&rig, 0, 3, 1);
	REQUIRE_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 7, 0), 0);
	writes(&rig, 1, 7, 2);
	CHECK_EQ(fake_tables(rig.kernel), 3);
	CHECK_EQ(dirty(&rig, 0, false), 7);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 1, 7), 0);
	CHECK_EQ(dirty(&rig, 0, true), 7);
	CHECK_EQ(dirty(&rig, 0, true), 0);
	CHECK_EQ(fake_tables(rig.kernel), 3);
	/* The table that was kept for its bits goes when nobody asks for them any more. */
	CHECK_EQ(rig.dirty->stop(rig.as[0]), 0);
	CHECK_EQ(rig.dirty->stop(rig.as[0]), 0);
	CHECK_EQ(fake_tables(rig.kernel), 2);
	CHECK(rig_down(&rig));
}

/* All bits of a window that begins at 0, for pages of some size. */
static uint64_t bits_of(struct rig *rig, uint64_t page_size, unsigned int bits)
{
	uint64_t bitmap[4] = { 0 };
	const struct ioasid_be_dirty_args args = {
		.struct_size = sizeof(args), .length = bits * page_size, .page_size = page_size, .bitmap = bitmap,
	};

	CHECK_EQ(rig->dirty->read(rig->as[0], &args), 0);
	CHECK(bitmap[3] == 0 && (bits > 64 || bitmap[1] == 0));
	return bitmap[0] ^ bitmap[1] << 1 ^ bitmap[2] << 2;
}

/* The kernel stops at the first page that is not mapped, and calls that a success. */
static void holes_end_nothing(void)
{
	static const uint64_t pages[] = { 0, 2, 5, 70, 71, 130, 190 };
	uint64_t want = 0;
	struct rig rig;

	dirty_up(&rig);
	REQUIRE_EQ(rig.paging->unmap(rig.as[0], 0x10000, 0x10000, NULL), 0);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		REQUIRE_EQ(rig_map(&rig, 0, pages[i] * 0x1000, 0x1000), 0);
		CHECK(fake_write(rig.kernel, 0, 4, pages[i] * 0x1000));
		want ^= UINT64_C(1) << pages[i] % 64 << pages[i] / 64;
	}
	CHECK_EQ(bits_of(&rig, 0x1000, 192), want);
	/* A bit for many pages of which some are mapped. */
	CHECK_EQ(bits_of(&rig, 0x4000, 48), UINT64_C(1) << 0 | UINT64_C(1) << 1 | UINT64_C(1) << 17 | UINT64_C(1) << 32 |
		 UINT64_C(1) << 47);
	CHECK_EQ(bits_of(&rig, 0x100000, 1), 1);
	/* What is mapped between joins, what is unmapped parts. */
	REQUIRE_EQ(rig_map(&rig, 0, 0x1000, 0x1000), 0);
	REQUIRE_EQ(rig_map(&rig, 0, 0x3000, 0x2000), 0);
	CHECK_EQ(bits_of(&rig, 0x1000, 8), 0x25);
	/* Six pages mapped by five calls are one window, asked for by one. */
	fake_fail(rig.kernel, 2, -EIO);
	CHECK_EQ(bits_of(&rig, 0x1000, 6), 0x25);
	CHECK(!fake_failed(rig.kernel));
	fake_fail(rig.kernel, 0, 0);
	REQUIRE_EQ(rig.paging->unmap(rig.as[0], 0x1000, 0x1000, NULL), 0);
	CHECK_EQ(bits_of(&rig, 0x1000, 8), 0x25);
	REQUIRE_EQ(rig.paging->unmap(rig.as[0], 0, 0x3000, NULL), 0);
	CHECK_EQ(bits_of(&rig, 0x1000, 8), 0x20);
	REQUIRE_EQ(rig.paging->unmap(rig.as[0], 0, UINT64_MAX, NULL), 0);
	CHECK_EQ(bits_of(&rig, 0x1000, 192), 0);
	CHECK(rig_down(&rig));
}

static void dirty_calls_are_checked(void)
{
	uint64_t bitmap = 0;
	struct ioasid_be_dirty_args args = {
		.struct_size = sizeof(args), .iova = 0x10000, .length = 0x10000, .page_size = 0x1000, .bitmap = &bitmap,
	};
	struct rig rig;

	dirty_up(&rig);
	REQUIRE_EQ(rig_space(&rig, 1, 0), 0);
	CHECK_EQ(rig.dirty->start(rig.as[1]), IOASID_BE_EINVAL);
	CHECK_EQ(rig.dirty->stop(rig.as[1]), IOASID_BE_EINVAL);
	CHECK_EQ(rig.dirty->read(rig.as[1], &args), IOASID_BE_EINVAL);
	CHECK_EQ(rig.dirty->read(rig.as[0], &args), IOASID_BE_ENOENT);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	CHECK_EQ(rig.dirty->read(rig.as[0], &args), 0);
	for (int how = 0; how < 7; how++) {
		struct ioasid_be_dirty_args bad = args;

		bad.page_size = how == 0 ? 0 : how == 1 ? 0x3000 : how == 2 ? 512 : bad.page_size;
		bad.iova = how == 3 ? 0x10800 : bad.iova;
		bad.length = how == 4 ? 0 : bad.length;
		bad.bitmap = how == 5 ? NULL : bad.bitmap;
		bad.reserved[1] = how == 6;
		CHECK_EQ(rig.dirty->read(rig.as[0], &bad), IOASID_BE_EINVAL);
	}
	/* A device that cannot is refused once the use is asked for. */
	fake_device(rig.kernel, 1)->capabilities = 6;
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 7, 0), IOASID_BE_EOPNOTSUPP);
	CHECK(strstr(rig.why, "dirty"));
	CHECK(rig_down(&rig));
}

/* Nothing is half started, and what cannot be stopped goes on. */
static void dirty_failures_undo(void)
{
	struct rig rig;

	dirty_up(&rig);
	REQUIRE_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 7, 0), 0);
	fake_fail(rig.kernel, 2, -EIO);
	CHECK_EQ(rig.dirty->start(rig.as[0]), IOASID_BE_EIO);
	CHECK_EQ(fake_tracking(rig.kernel), 0);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	CHECK_EQ(fake_tracking(rig.kernel), 2);
	fake_fail(rig.kernel, 1, -EIO);
	CHECK_EQ(rig.dirty->stop(rig.as[0]), IOASID_BE_EIO);
	CHECK_EQ(fake_tracking(rig.kernel), 1);
	CHECK_EQ(rig.dirty->stop(rig.as[0]), 0);
	CHECK_EQ(fake_tracking(rig.kernel), 0);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	/* A space that the kernel keeps goes on as it was. */
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 0, 4), 0);
	CHECK_EQ(rig_take_off(&rig, rig.pasid->detach, 1, 7), 0);
	fake_fail_request(rig.kernel, UAPI_DESTROY, -EBUSY);
	CHECK_EQ(rig.paging->destroy(rig.as[0]), IOASID_BE_EBUSY);
	fake_fail_request(rig.kernel, 0, 0);
	CHECK_EQ(dirty(&rig, 0, false), 0);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 0, 4, 0), 0);
	CHECK_EQ(dirty(&rig, 0, false), 0);
	/* A table that cannot be tracked does not come in beside those that are. */
	CHECK_EQ(rig.dirty->stop(rig.as[0]), 0);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	fake_fail_request(rig.kernel, UAPI_HWPT_SET_DIRTY, -EOPNOTSUPP);
	CHECK_EQ(rig_put_on(&rig, rig.pasid->attach, 1, 7, 0), IOASID_BE_EOPNOTSUPP);
	CHECK_EQ(fake_tables(rig.kernel), 1);
	CHECK(rig_down(&rig));
}

/* The kernel unmaps up to what cannot go, and what has gone is a hole then (R54). */
static void failed_unmaps_hide_nothing(void)
{
	uint64_t bytes = 7;
	struct rig rig;

	dirty_up(&rig);
	REQUIRE_EQ(rig.paging->unmap(rig.as[0], 0x10000, 0x10000, NULL), 0);
	for (uint64_t page = 0; page < 8; page += 2)
		REQUIRE_EQ(rig_map(&rig, 0, 0x10000 + page * 0x1000, 0x2000), 0);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	writes(&rig, 0, 4, 1);
	writes(&rig, 0, 4, 5);
	writes(&rig, 0, 4, 7);
	/* One that is cut: nothing goes. */
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0x10000, 0x5000, &bytes), IOASID_BE_ENOENT);
	CHECK_EQ(dirty(&rig, 0, false), 0xa2);
	/* One that is in use: the first two go, the others are told of all the same. */
	fake_lock(rig.kernel, 0x14000, true);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0x10000, 0x8000, &bytes), IOASID_BE_EBUSY);
	CHECK_EQ(bytes, 7);
	CHECK_EQ(dirty(&rig, 0, false), 0xa0);
	/* What may be gone is not mapped anew before it was unmapped. */
	CHECK_EQ(rig_map(&rig, 0, 0x10000, 0x1000), IOASID_BE_EEXIST);
	CHECK_EQ(rig_map(&rig, 0, 0x14000, 0x1000), IOASID_BE_EEXIST);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0x10000, 0x4000, &bytes), 0);
	CHECK_EQ(bytes, 0);
	CHECK_EQ(rig_map(&rig, 0, 0x13000, 0x1000), 0);
	writes(&rig, 0, 4, 3);
	CHECK_EQ(dirty(&rig, 0, false), 0xa8);
	fake_lock(rig.kernel, 0x14000, false);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0x10000, 0x8000, &bytes), 0);
	CHECK_EQ(bytes, 0x5000);
	CHECK_EQ(dirty(&rig, 0, false), 0);
	CHECK(rig_down(&rig));
}

/* Windows at random, and a model of what they have to lead to: 0, or which mapping a page is of. */
enum { PAGES = 30 };

static int32_t model_unmap(unsigned int pages[PAGES + 1], unsigned int first, unsigned int after)
{
	if ((first && pages[first] && pages[first] == pages[first - 1]) ||
	    (pages[after] && pages[after] == pages[after - 1]))
		return IOASID_BE_ENOENT;
	memset(pages + first, 0, (after - first) * sizeof(pages[0]));
	return 0;
}

static int32_t model_map(unsigned int pages[PAGES + 1], unsigned int first, unsigned int after, unsigned int mapping)
{
	for (unsigned int i = first; i < after; i++)
		if (pages[i])
			return IOASID_BE_EEXIST;
	for (unsigned int i = first; i < after; i++)
		pages[i] = mapping;
	return 0;
}

static void any_order_of_changes_is_followed(void)
{
	unsigned int pages[PAGES + 1] = { 0 }, mapped = 0, unmapped = 0;
	uint32_t seed = 1;
	struct rig rig;

	dirty_up(&rig);
	REQUIRE_EQ(rig.paging->unmap(rig.as[0], 0x10000, 0x10000, NULL), 0);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	for (unsigned int i = 1; i < 4000; i++) {
		unsigned int first, after;
		uint64_t want = 0;

		seed = seed * 1664525 + 1013904223;
		first = seed % 8191 % PAGES;
		after = first + 1 + (seed >> 16) % 5;
		after = after < PAGES ? after : PAGES;
		if (seed >> 31) {
			CHECK_EQ(rig_map(&rig, 0, first * UINT64_C(0x1000), (after - first) * UINT64_C(0x1000)),
				 model_map(pages, first, after, i));
			mapped++;
		} else {
			CHECK_EQ(rig.paging->unmap(rig.as[0], first * UINT64_C(0x1000), (after - first) * UINT64_C(0x1000), NULL),
				 model_unmap(pages, first, after));
			unmapped++;
		}
		for (unsigned int page = 0; page < PAGES; page++) {
			want |= pages[page] ? UINT64_C(1) << page : 0;
			CHECK(fake_write(rig.kernel, 0, 4, page * UINT64_C(0x1000)));
		}
		CHECK_EQ(bits_of(&rig, 0x1000, 64), want);
	}
	CHECK(mapped > 1000 && unmapped > 1000);
	CHECK(rig_down(&rig));
}

/* ---- Threads: who comes between the kernel's unmap and its being noted ---- */

struct beside {
	struct rig *rig;
	void *(*fn)(void *argument);
	pthread_t thread;
	atomic_bool done;
	int32_t ret;
	uint64_t bits;
};

static void *map_again(void *argument)
{
	struct beside *beside = argument;

	beside->ret = rig_map(beside->rig, 0, 0x12000, 0x2000);
	atomic_store(&beside->done, true);
	return NULL;
}

static void *read_dirty(void *argument)
{
	struct beside *beside = argument;

	beside->bits = dirty(beside->rig, 0, false);
	atomic_store(&beside->done, true);
	return NULL;
}

/* Gives it time, but no more: it may have to wait for this call. */
static void start_thread(void *argument)
{
	struct beside *beside = argument;

	REQUIRE_EQ(pthread_create(&beside->thread, NULL, beside->fn, beside), 0);
	for (int i = 0; i < 100 && !atomic_load(&beside->done); i++)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void what_is_mapped_beside_an_unmap_is_told(void)
{
	struct rig rig;
	struct beside beside = { .rig = &rig, .fn = map_again };

	dirty_up(&rig);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	fake_after(rig.kernel, UAPI_IOAS_UNMAP, start_thread, &beside);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0x10000, 0x10000, NULL), 0);
	REQUIRE_EQ(pthread_join(beside.thread, NULL), 0);
	CHECK_EQ(beside.ret, 0);
	writes(&rig, 0, 4, 3);
	CHECK_EQ(dirty(&rig, 0, false), 8);
	CHECK(rig_down(&rig));
}

static void unmaps_hide_nothing_from_readers(void)
{
	struct rig rig;
	struct beside beside = { .rig = &rig, .fn = read_dirty };

	dirty_up(&rig);
	CHECK_EQ(rig.dirty->start(rig.as[0]), 0);
	REQUIRE_EQ(rig.paging->unmap(rig.as[0], 0x10000, 0x10000, NULL), 0);
	REQUIRE_EQ(rig_map(&rig, 0, 0x10000, 0x4000), 0);
	REQUIRE_EQ(rig_map(&rig, 0, 0x14000, 0xc000), 0);
	writes(&rig, 0, 4, 14);
	fake_after(rig.kernel, UAPI_IOAS_UNMAP, start_thread, &beside);
	CHECK_EQ(rig.paging->unmap(rig.as[0], 0x10000, 0x4000, NULL), 0);
	REQUIRE_EQ(pthread_join(beside.thread, NULL), 0);
	CHECK_EQ(beside.bits, 1u << 14);
	CHECK(rig_down(&rig));
}

static const struct test_case cases[] = {
	{ "dirty pages are told of every table, later ones and gone ones too (S16.4)", dirty_pages_are_told },
	{ "pages behind a hole are told, whatever the size of a bit (S16.4)", holes_end_nothing },
	{ "dirty pages are asked for where there is tracking, and in a way that makes sense (R32, R53)",
		dirty_calls_are_checked },
	{ "any order of maps and unmaps is followed (R54, S16.4)", any_order_of_changes_is_followed },
	{ "an unmap that fails, halfway or not, hides no dirty page (R32, R54)", failed_unmaps_hide_nothing },
	{ "what is mapped beside an unmap of its window is told (S16.4)", what_is_mapped_beside_an_unmap_is_told },
	{ "who reads beside an unmap misses none of the pages behind it (S16.4)", unmaps_hide_nothing_from_readers },
	{ "tracking that cannot start everywhere starts nowhere (R32)", dirty_failures_undo },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("vtd_dirty", cases, argc, argv);
}
