/* Finding entries in a guest's memory: one by its PASID, and walks that are bounded and go on where they
 * were. */
#include "guest_image.h"
#include "tests/support.h"

/* Tables of 64 entries, each a page. */
#define TABLE_A UINT64_C(0x100000)
#define TABLE_B UINT64_C(0x101000)
#define TABLE_C UINT64_C(0x102000)

static void up(struct image *image)
{
	image_open(image);
	image_machine(image);
}

static void a_context_that_no_guest_wrote_is_refused(void)
{
	struct ioasid_guest_vtd_context good, bad;
	struct ioasid_guest_vtd_cursor cursor;
	struct ioasid_guest_vtd_entry entry;
	struct ioasid_guest_vtd_item item;
	struct image image;
	uint32_t count;

	up(&image);
	good = image_context(&image);
	for (unsigned int i = 0; i < 6; i++) {
		bad = good;
		bad.entries = i == 0 ? 127 : i == 1 ? 16385 : good.entries;
		bad.pasids = i == 2 ? good.pasids + 1 : good.pasids;
		bad.directory = i == 3 ? good.directory + 8 : i == 4 ? UINT64_C(1) << 46 : good.directory;
		bad.rid_pasid = i == 5 ? 0x100000 : 0;
		if (i == 0)
			bad.pasids = 0;
		CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &bad, 0, &entry, NULL), -EINVAL);
		CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 9, 0), 0);
		CHECK_EQ(ioasid_guest_vtd_walk(&image.unit, &bad, &cursor, 9, &item, 1, &count), -EINVAL);
	}
	image_close(&image);
}

/* A whole walk in calls of the given size. Return: how many calls it took. */
static unsigned int walk_all(struct image *image, struct ioasid_guest_vtd_cursor *cursor, uint32_t budget,
			     uint32_t capacity, struct ioasid_guest_vtd_item *items, uint32_t room, uint32_t *found)
{
	struct ioasid_guest_vtd_context context = image_context(image);
	unsigned int calls = 0;
	uint32_t count;
	int rc = 1;

	*found = 0;
	while (rc == 1) {
		uint64_t before = image->reads;
		uint32_t stood = cursor->next;

		if (capacity > room - *found)
			capacity = room - *found;
		rc = ioasid_guest_vtd_walk(&image->unit, &context, cursor, budget, items + *found, capacity,
					   &count);
		REQUIRE(rc == 0 || rc == 1);
		REQUIRE(image->reads - before <= budget);
		REQUIRE(count <= capacity);
		REQUIRE(rc == 0 || cursor->next > stood);
		CHECK_EQ(cursor->done, !rc);
		*found += count;
		REQUIRE(++calls < 10000);
	}
	return calls;
}

static void a_walk_of_an_empty_directory_reads_little(void)
{
	struct ioasid_guest_vtd_cursor cursor;
	struct ioasid_guest_vtd_item items[2];
	struct image image;
	uint32_t found;

	up(&image);
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 0xfffff, IOASID_GUEST_VTD_ANY_DOMAIN), 0);
	CHECK_EQ(walk_all(&image, &cursor, 64, 2, items, 2, &found), 2048 / 64);
	CHECK_EQ(found, 0);
	/* And two for the context entry. */
	CHECK_EQ(image.reads, 2048 + 2);
	image_close(&image);
}

static void fill_three_tables(struct image *image)
{
	image_table(image, 0, TABLE_A);
	image_table(image, 9, TABLE_B);
	image_table(image, 16383, TABLE_C);
	for (uint32_t i = 0; i < 64; i += 3)
		image_entry(image, TABLE_A, i, i % 2 ? 7 : 8, 0x1000 * (i + 1));
	image_entry(image, TABLE_B, 9 * 64 + 1, 7, 0x3000);
	image_entry(image, TABLE_C, 0xfffff, 8, 0x4000);
}

static void a_walk_finds_the_same_whatever_its_steps(void)
{
	static const uint32_t steps[][2] = { { 2, 1 }, { 3, 1 }, { 2, 64 }, { 7, 5 }, { 65, 3 }, { 100000, 64 } };
	struct ioasid_guest_vtd_item items[64];
	struct ioasid_guest_vtd_cursor cursor;
	struct image image;
	uint32_t found;

	up(&image);
	fill_three_tables(&image);
	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 0xfffff, IOASID_GUEST_VTD_ANY_DOMAIN), 0);
		walk_all(&image, &cursor, steps[i][0], steps[i][1], items, 64, &found);
		REQUIRE_EQ(found, 24);
		for (uint32_t n = 0; n < 22; n++) {
			CHECK_EQ(items[n].pasid, 3 * n);
			CHECK_EQ(items[n].count, 1);
			CHECK_EQ(items[n].status, 0);
			CHECK_EQ(items[n].entry.first_root, 0x1000 * (3 * n + 1));
		}
		CHECK_EQ(items[22].pasid, 9 * 64 + 1);
		CHECK_EQ(items[23].pasid, 0xfffff);
		CHECK_EQ(items[23].entry.domain, 8);
	}
	image_close(&image);
}

static void a_walk_keeps_to_its_range_and_domain(void)
{
	struct ioasid_guest_vtd_item items[64];
	struct ioasid_guest_vtd_cursor cursor;
	struct image image;
	uint32_t found;

	up(&image);
	fill_three_tables(&image);
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 3, 60, IOASID_GUEST_VTD_ANY_DOMAIN), 0);
	walk_all(&image, &cursor, 5, 4, items, 64, &found);
	REQUIRE_EQ(found, 20);
	CHECK_EQ(items[0].pasid, 3);
	CHECK_EQ(items[19].pasid, 60);
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 0xfffff, 7), 0);
	walk_all(&image, &cursor, 5, 4, items, 64, &found);
	REQUIRE_EQ(found, 12);
	for (uint32_t i = 0; i < found; i++)
		CHECK_EQ(items[i].entry.domain, 7);
	CHECK_EQ(items[11].pasid, 9 * 64 + 1);
	/* One PASID; and none. */
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0xfffff, 0xfffff, 8), 0);
	CHECK_EQ(walk_all(&image, &cursor, 2, 1, items, 64, &found), 1);
	CHECK_EQ(found, 1);
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 1, 2, 8), 0);
	CHECK_EQ(walk_all(&image, &cursor, 9, 1, items, 64, &found), 1);
	CHECK_EQ(found, 0);
	/* What the unit cannot have is not looked at. */
	image.unit.ecap = (IMAGE_ECAP & ~(UINT64_C(0x1f) << 35)) | UINT64_C(4) << 35;
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 0xfffff, IOASID_GUEST_VTD_ANY_DOMAIN), 0);
	CHECK_EQ(walk_all(&image, &cursor, 100, 64, items, 64, &found), 1);
	CHECK_EQ(found, 11);
	image_close(&image);
}

static void a_walk_tells_what_is_malformed_and_goes_on(void)
{
	struct ioasid_guest_vtd_item items[140];
	struct ioasid_guest_vtd_cursor cursor;
	struct image image;
	uint32_t found;

	up(&image);
	image_table(&image, 0, TABLE_A);
	image_table(&image, 1, TABLE_A | 4);           /* a reserved bit */
	image_table(&image, 2, IMAGE_BYTES);           /* a table that is not there */
	image_table(&image, 1024, TABLE_B);            /* in a part of the directory that will be a hole */
	image_table(&image, 16383, TABLE_C);
	image_entry(&image, TABLE_A, 5, 1, 0x1000);
	image_word(&image, TABLE_A + 64 * 6, 0x49 | 0x800);
	image_entry(&image, TABLE_C, 0xfffff, 2, 0x2000);
	image.hole = IMAGE_DIRECTORY + 8 * 1024;
	image.answer = -EIO;
	/* Of domain 1 is only one; but of what is malformed nobody can say. */
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 0xfffff, 1), 0);
	walk_all(&image, &cursor, 70, 3, items, 140, &found);
	REQUIRE_EQ(found, 3 + 64 + 64);
	CHECK_EQ(items[0].pasid, 5);
	CHECK_EQ(items[1].pasid, 6);
	CHECK_EQ(items[1].status, -EBADMSG);
	CHECK_EQ(items[1].error.where, IOASID_GUEST_IN_ENTRY);
	CHECK_EQ(items[1].error.address, TABLE_A + 64 * 6);
	CHECK_EQ(items[2].pasid, 64);
	CHECK_EQ(items[2].count, 64);
	CHECK_EQ(items[2].status, -EBADMSG);
	CHECK_EQ(items[2].error.where, IOASID_GUEST_IN_DIRECTORY);
	CHECK_EQ(items[2].error.address, IMAGE_DIRECTORY + 8);
	CHECK_EQ(items[3].pasid, 128);
	CHECK_EQ(items[3].count, 1);
	CHECK_EQ(items[3].status, -EFAULT);
	CHECK_EQ(items[66].pasid, 191);
	CHECK_EQ(items[67].pasid, 1024 * 64);
	CHECK_EQ(items[67].count, 512);
	CHECK_EQ(items[130].pasid, 1528 * 64);
	image_close(&image);
}

static void silence_of_context_or_directory_is_every_items(void)
{
	struct ioasid_guest_vtd_context context;
	struct ioasid_guest_vtd_item items[2];
	struct ioasid_guest_vtd_cursor cursor;
	struct image image;
	uint32_t count;

	up(&image);
	context = image_context(&image);
	image_entry(&image, TABLE_A, 5, 1, 0x1000);
	image_word(&image, TABLE_A + 64 * 6, 0x49 | 0x800);
	for (unsigned int i = 0; i < 3; i++) {
		image_table(&image, 0, TABLE_A | (i == 1 ? 2 : 0));
		context.flags = i == 2 ? IOASID_GUEST_VTD_CONTEXT_QUIET : 0;
		CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 63, IOASID_GUEST_VTD_ANY_DOMAIN), 0);
		CHECK_EQ(ioasid_guest_vtd_walk(&image.unit, &context, &cursor, 100, items, 2, &count), 1);
		REQUIRE_EQ(count, 2);
		CHECK_EQ(items[0].entry.flags, i ? IOASID_GUEST_VTD_ENTRY_QUIET : 0);
		CHECK_EQ(items[1].error.flags, i ? IOASID_GUEST_ERROR_QUIET : 0);
	}
	image_close(&image);
}

static void an_unreadable_directory_is_told_once_for_512(void)
{
	struct ioasid_guest_vtd_item items[600];
	struct ioasid_guest_vtd_cursor cursor;
	struct image image;
	uint32_t found;

	up(&image);
	image.hole = IMAGE_DIRECTORY + 8 * 512; /* a page: 512 directory entries, of PASIDs from 0x8000 on */
	image.answer = -EIO;
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0x8003, 0x10003, 1), 0);
	walk_all(&image, &cursor, 9, 100, items, 600, &found);
	REQUIRE_EQ(found, 64);
	CHECK_EQ(items[0].pasid, 0x8003);
	CHECK_EQ(items[0].count, 509);
	CHECK_EQ(items[0].error.answer, -EIO);
	CHECK_EQ(items[1].pasid, 0x8200);
	CHECK_EQ(items[1].count, 512);
	CHECK_EQ(items[63].pasid, 0xfe00);
	image_close(&image);
}

static void tables_that_point_at_themselves_end_a_walk_all_the_same(void)
{
	struct ioasid_guest_vtd_item item;
	struct ioasid_guest_vtd_cursor cursor;
	struct image image;
	uint32_t found = 0, count;
	struct ioasid_guest_vtd_context context;
	int rc = 1;

	up(&image);
	context = image_context(&image);
	/* Every directory entry is the directory, which so is a table of malformed entries. */
	for (uint32_t i = 0; i < 16384; i++)
		image_table(&image, i, IMAGE_DIRECTORY);
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 0xfffff, IOASID_GUEST_VTD_ANY_DOMAIN), 0);
	image.reads = 0;
	while (rc == 1 && found < 2000000) {
		rc = ioasid_guest_vtd_walk(&image.unit, &context, &cursor, 1000, &item, 1, &count);
		found += count;
	}
	CHECK_EQ(rc, 0);
	CHECK_EQ(found, 1 << 20);
	/* One item a call: each reads its part of the directory, and the entry. */
	CHECK_EQ(image.reads, 2 << 20);
	image_close(&image);
}

static void wrong_calls_of_a_walk_are_refused(void)
{
	struct ioasid_guest_vtd_context context;
	struct ioasid_guest_vtd_cursor cursor;
	struct ioasid_guest_vtd_item item;
	struct image image;
	uint32_t count = 9;

	up(&image);
	context = image_context(&image);
	CHECK_EQ(ioasid_guest_vtd_cursor_init(NULL, 0, 1, 0), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 2, 1, 0), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 0x100000, 0), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 1, 0x10000), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 1, 0xffff), 0);
	CHECK_EQ(ioasid_guest_vtd_walk(&image.unit, &context, &cursor, 1, &item, 1, &count), -EINVAL);
	CHECK_EQ(count, 0);
	CHECK_EQ(ioasid_guest_vtd_walk(&image.unit, &context, &cursor, 2, &item, 0, &count), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_walk(&image.unit, &context, &cursor, 2, NULL, 1, &count), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_walk(&image.unit, &context, NULL, 2, &item, 1, &count), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_walk(&image.unit, &context, &cursor, 2, &item, 1, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_walk(&image.unit, NULL, &cursor, 2, &item, 1, &count), -EINVAL);
	CHECK_EQ(cursor.next, 0);
	cursor.last = UINT32_MAX;
	CHECK_EQ(ioasid_guest_vtd_walk(&image.unit, &context, &cursor, 2, &item, 1, &count), -EINVAL);
	image_close(&image);
}

/* The same as the walk, one PASID after the other. */
static void check_against_finds(struct image *image, const struct ioasid_guest_vtd_item *items, uint32_t found,
				uint32_t last)
{
	struct ioasid_guest_vtd_context context = image_context(image);
	struct ioasid_guest_vtd_entry entry;
	uint32_t n = 0;

	for (uint32_t pasid = 0; pasid <= last; pasid++) {
		int rc = ioasid_guest_vtd_entry_find(&image->unit, &context, pasid, &entry, NULL);

		if (rc == -ENOENT)
			continue;
		REQUIRE(n < found);
		if (items[n].status != rc || pasid < items[n].pasid || pasid >= items[n].pasid + items[n].count ||
		    (!rc && memcmp(&entry, &items[n].entry, sizeof(entry))))
			CHECK_EQ(pasid, -1);
		if (pasid + 1 == items[n].pasid + items[n].count)
			n++;
	}
	CHECK_EQ(n, found);
}

static void a_walk_and_finds_agree_on_random_tables(void)
{
	static struct ioasid_guest_vtd_item items[1024];
	struct ioasid_guest_vtd_cursor cursor;
	struct image image;
	uint64_t seed = 0x5eed;
	uint32_t found;

	up(&image);
	for (unsigned int round = 0; round < rounds(300); round++) {
		for (uint32_t i = 0; i < 16; i++) {
			uint32_t dice = rnd(&seed);

			image_word(&image, IMAGE_DIRECTORY + 8 * i,
				   dice & 3 ? (TABLE_A + 0x1000 * (dice >> 8 & 3)) | (dice & 1) | (dice >> 4 & 7 ? 0 : 8)
					    : 0);
		}
		for (uint32_t i = 0; i < 4 * 64; i++) {
			const uint64_t words[8] = { rnd(&seed) & 0x1cb, rnd(&seed) & 0x3ff, rnd(&seed) & 0xfffff6ff };

			image_put(&image, TABLE_A + 64 * i, words, 8);
		}
		CHECK_EQ(ioasid_guest_vtd_cursor_init(&cursor, 0, 1023, IOASID_GUEST_VTD_ANY_DOMAIN), 0);
		walk_all(&image, &cursor, 2 + rnd(&seed) % 100, 1 + rnd(&seed) % 50, items, 1024, &found);
		check_against_finds(&image, items, found, 1023);
	}
	image_close(&image);
}

static const struct test_case cases[] = {
	{ "a context that no guest wrote is refused", a_context_that_no_guest_wrote_is_refused },
	{ "a walk of an empty directory of 2^20 PASIDs reads 2048 times",
	  a_walk_of_an_empty_directory_reads_little },
	{ "a walk finds the same whatever its steps, and never reads more", a_walk_finds_the_same_whatever_its_steps },
	{ "a walk keeps to its range and its domain", a_walk_keeps_to_its_range_and_domain },
	{ "a walk tells what is malformed and goes on", a_walk_tells_what_is_malformed_and_goes_on },
	{ "silence that context or directory ask for is every item's", silence_of_context_or_directory_is_every_items },
	{ "an unreadable directory is told once for 512 PASIDs", an_unreadable_directory_is_told_once_for_512 },
	{ "tables that point at themselves end a walk all the same",
	  tables_that_point_at_themselves_end_a_walk_all_the_same },
	{ "wrong calls of a walk are refused", wrong_calls_of_a_walk_are_refused },
	{ "a walk and single finds agree on random tables", a_walk_and_finds_agree_on_random_tables },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest walk", cases, argc, argv);
}
