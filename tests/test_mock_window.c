/* Windows of the mock's address spaces: what devices reserve or cannot address. S16.2. */
#include "tests/harness.h"

#include <string.h>

#include "tests/mock_rig.h"

#define IOVA UINT64_C(0x10000)

static uint32_t list(struct rig *rig, struct ioasid_be_as *as, struct ioasid_be_range *ranges, uint32_t room,
		     int32_t answer)
{
	struct ioasid_be_batch batch = {
		.struct_size = sizeof(batch), .stride = sizeof(*ranges), .count = room, .items = ranges
	};
	uint32_t total = 0;

	CHECK_EQ(rig->paging->ranges(as, &batch, &total), answer);
	CHECK_EQ(batch.done, total < room ? total : room);
	return total;
}

static bool is_range(const struct ioasid_be_range *range, uint64_t first, uint64_t last, uint32_t kind)
{
	return CHECK_EQ(range->first, first) && CHECK_EQ(range->last, last) && CHECK_EQ(range->kind, kind);
}

static void attached_devices_take_their_reserved_windows_from_what_can_be_mapped(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_be_range ranges[8];
	uint32_t total;

	rig_open(&rig,
		 "devices=2 mock0.iova_bits=39 mock0.reserved=0x0-0xfff,0xfee00000-0xfeefffff "
		 "mock1.reserved=0xfeef0000-0xfef0ffff",
		 2);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(list(&rig, as, ranges, 8, 0), 1);
	is_range(&ranges[0], 0, UINT64_MAX, IOASID_BE_RANGE_USABLE);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 1, 1, as, NULL), 0);
	total = list(&rig, as, ranges, 8, 0);
	REQUIRE_EQ(total, 5);
	is_range(&ranges[0], 0, 0xfff, IOASID_BE_RANGE_RESERVED);
	is_range(&ranges[1], 0x1000, 0xfedfffff, IOASID_BE_RANGE_USABLE);
	is_range(&ranges[2], 0xfee00000, 0xfeefffff, IOASID_BE_RANGE_RESERVED);
	is_range(&ranges[3], 0xfef00000, 0xfef0ffff, IOASID_BE_RANGE_RESERVED);
	is_range(&ranges[4], 0xfef10000, 0x7fffffffff, IOASID_BE_RANGE_USABLE);
	CHECK_EQ(list(&rig, as, ranges, 2, IOASID_BE_EOVERFLOW), 5);
	CHECK_EQ(list(&rig, as, NULL, 0, IOASID_BE_EOVERFLOW), 5);
	CHECK_EQ(rig_map_pages(&rig, as, 0xfee00000 - RIG_PAGE, 0, 2), IOASID_BE_ERANGE);
	CHECK_EQ(rig_map_pages(&rig, as, UINT64_C(1) << 39, 0, 1), IOASID_BE_ERANGE);
	CHECK_EQ(rig_map_pages(&rig, as, (UINT64_C(1) << 39) - RIG_PAGE, 0, 1), 0);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_map_pages(&rig, as, 0, 0, 1), 0);
	CHECK_EQ(rig_detach(&rig, 1, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

/* S16.2: refused at the attach, with the reason. */
static void a_mapping_in_a_reserved_window_keeps_the_device_away(void)
{
	struct rig rig;
	struct ioasid_be_as *as;

	rig_open(&rig, "devices=2 mock1.reserved=0x10000-0x1ffff", 2);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig_map_pages(&rig, as, IOVA, 0, 1), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	CHECK_EQ(rig_attach(&rig, 1, 1, as, NULL), IOASID_BE_EINVAL);
	CHECK(strstr(rig.text, "mock1") && strstr(rig.text, "0x10000"));
	CHECK_EQ(rig_unmap(&rig, as, IOVA, RIG_PAGE), RIG_PAGE);
	CHECK_EQ(rig_attach(&rig, 1, 1, as, NULL), 0);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_detach(&rig, 1, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static void allowed_windows_stay_usable_whatever_is_attached_later(void)
{
	struct rig rig;
	struct ioasid_be_as *as;
	struct ioasid_be_range window = { .first = 0x10000, .last = 0x10fff, .kind = IOASID_BE_RANGE_USABLE };
	struct ioasid_be_array array = { &window, sizeof(window), 1 };

	rig_open(&rig, "devices=2 mock0.reserved=0x10000-0x1ffff", 2);
	as = rig_space(&rig, IOASID_BE_USE_PASID);
	CHECK_EQ(rig.paging->allow(as, &array), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), IOASID_BE_EINVAL);
	CHECK_EQ(rig_attach(&rig, 1, 1, as, NULL), 0);
	array.count = 0;
	CHECK_EQ(rig.paging->allow(as, &array), 0);
	CHECK_EQ(rig_attach(&rig, 0, 1, as, NULL), 0);
	array.count = 1;
	CHECK_EQ(rig.paging->allow(as, &array), IOASID_BE_EBUSY);
	window.kind = IOASID_BE_RANGE_RESERVED;
	CHECK_EQ(rig.paging->allow(as, &array), IOASID_BE_EINVAL);
	CHECK_EQ(rig_detach(&rig, 0, 1, 0), 0);
	CHECK_EQ(rig_detach(&rig, 1, 1, 0), 0);
	CHECK_EQ(rig.paging->destroy(as), 0);
	rig_close(&rig);
}

static const struct test_case cases[] = {
	{ "attached devices take their reserved windows from what can be mapped",
	  attached_devices_take_their_reserved_windows_from_what_can_be_mapped },
	{ "a mapping in a reserved window keeps the device away (S16.2)",
	  a_mapping_in_a_reserved_window_keeps_the_device_away },
	{ "allowed windows stay usable whatever is attached later",
	  allowed_windows_stay_usable_whatever_is_attached_later },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("mock_window", cases, argc, argv);
}
