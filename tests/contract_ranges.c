/* The contract suite: what of an address space can be mapped. R17, R55. */
#include "tests/contract.h"

#include <string.h>

#define PAGE ((uint64_t)CONTRACT_PAGE)

enum { MOST_RANGES = 64 };

static uint32_t list_ranges(struct contract_world *w, struct ioasid_be_as *as, struct ioasid_be_range *ranges)
{
	struct ioasid_be_batch batch = contract_batch(ranges, sizeof(*ranges), MOST_RANGES);
	uint32_t total = 0;

	REQUIRE_EQ(w->paging->ranges(as, &batch, &total), 0);
	CHECK_EQ(batch.done, total);
	return total;
}

static void check_ranges(struct contract_world *w, struct ioasid_be_as *as)
{
	struct ioasid_be_range all[MOST_RANGES], some[MOST_RANGES];
	uint32_t count = list_ranges(w, as, all), usable = 0;

	for (uint32_t i = 0; i < count; i++) {
		CHECK(all[i].first <= all[i].last);
		CHECK(!i || all[i - 1].first <= all[i].first);
		for (uint32_t k = 0; k < i; k++)
			CHECK(all[k].kind != all[i].kind || all[k].last < all[i].first);
		CHECK(all[i].kind >= IOASID_BE_RANGE_USABLE && all[i].kind <= IOASID_BE_RANGE_DIRECT);
		CHECK_EQ(all[i].reserved, 0);
		usable += all[i].kind == IOASID_BE_RANGE_USABLE;
	}
	CHECK(usable > 0);
	for (uint32_t room = 0; room < count; room++) {
		struct ioasid_be_batch batch = contract_batch(some, sizeof(some[0]), room);
		uint32_t total = 0;

		memset(some, 0xa5, sizeof(some));
		CHECK_EQ(w->paging->ranges(as, &batch, &total), IOASID_BE_EOVERFLOW);
		CHECK_EQ(total, count);
		CHECK(batch.done <= room);
		CHECK(!memcmp(some, all, batch.done * sizeof(all[0])));
		CHECK_EQ(((unsigned char *)&some[room])[0], 0xa5);
	}
}

static void ranges_are_ascending(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;

	contract_up(&w, 1);
	as = contract_page_space(&w, 0);
	check_ranges(&w, as);
	if (w.pasid) {
		CHECK_EQ(contract_attach(&w, 0, 1, as, NULL), 0);
		check_ranges(&w, as);
		contract_end(&w, 0, 1);
	}
	contract_destroy(&w, as);
	contract_down(&w);
}

/* What is attached takes its width and its reserved windows from what can be mapped. */
static void only_usable_windows_can_be_mapped(void)
{
	struct contract_world w;
	struct ioasid_be_as *as;
	struct ioasid_be_range ranges[MOST_RANGES];
	uint32_t count;

	contract_up(&w, 1);
	as = contract_page_space(&w, 0);
	CHECK_EQ(contract_attach(&w, 0, 1, as, NULL), 0);
	count = list_ranges(&w, as, ranges);
	for (uint32_t i = 0; i < count; i++) {
		uint64_t first = (ranges[i].first + PAGE - 1) / PAGE * PAGE, after = ranges[i].last + 1;

		if (ranges[i].kind == IOASID_BE_RANGE_USABLE) {
			uint64_t last_page = after - PAGE;

			if (first != CONTRACT_IOVA)
				CHECK_EQ(contract_map(&w, as, first, 1), 0);
			CHECK_EQ(contract_map(&w, as, last_page, 2), 0);
			if (after)
				CHECK_EQ(contract_map(&w, as, after, 3), IOASID_BE_ERANGE);
		} else if (ranges[i].kind == IOASID_BE_RANGE_RESERVED) {
			CHECK_EQ(contract_map(&w, as, first, 1), IOASID_BE_ERANGE);
		}
	}
	contract_end(&w, 0, 1);
	contract_destroy(&w, as);
	contract_down(&w);
}

static void allowed_windows_stay(void)
{
	static const struct ioasid_be_range mine = { .first = CONTRACT_IOVA, .last = CONTRACT_IOVA + 0xffff,
						     .kind = IOASID_BE_RANGE_USABLE };
	const struct ioasid_be_array array = { &mine, sizeof(mine), 1 };
	struct contract_world w;
	struct ioasid_be_as *as;

	contract_up(&w, 1);
	as = contract_space(&w, IOASID_BE_USE_PASID, NULL);
	if (w.paging->allow) {
		CHECK_EQ(w.paging->allow(as, &array), 0);
		CHECK_EQ(contract_attach(&w, 0, 1, as, NULL), 0);
		CHECK_EQ(contract_map(&w, as, CONTRACT_IOVA + 0xf000, 1), 0);
		contract_end(&w, 0, 1);
	}
	contract_destroy(&w, as);
	contract_down(&w);
}

static const struct contract_case cases[] = {
	{ "ranges are ascending, of a known kind, and counted rightly where there is no room (R55)", ranges_are_ascending,
	  IOASID_BE_IF_PAGING, 0 },
	{ "what the ranges say can be mapped can, and what they do not say cannot (R55)", only_usable_windows_can_be_mapped,
	  IOASID_BE_IF_PASID, 0 },
	{ "windows that were allowed stay usable", allowed_windows_stay, IOASID_BE_IF_PASID, 0 },
};

CONTRACT_SUITE(contract_ranges, cases);
