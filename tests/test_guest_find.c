/* Finding a device's context entry and the entry of a PASID in a guest's memory. */
#include "guest_image.h"

/* Tables of 64 entries, each a page. */
#define TABLE_A UINT64_C(0x100000)
#define TABLE_B UINT64_C(0x101000)

static void up(struct image *image)
{
	image_open(image);
	image_machine(image);
}

static void context_is_found_by_its_source(void)
{
	struct ioasid_guest_vtd_context context;
	struct image image;

	up(&image);
	context = image_context(&image);
	CHECK_EQ(image.reads, 2);
	CHECK_EQ(context.directory, IMAGE_DIRECTORY);
	CHECK_EQ(context.entries, 16384);
	CHECK_EQ(context.pasids, 1 << 20);
	CHECK_EQ(context.flags, IOASID_GUEST_VTD_CONTEXT_DEVICE_TLB | IOASID_GUEST_VTD_CONTEXT_PASID |
					IOASID_GUEST_VTD_CONTEXT_PAGE_REQUEST);
	/* Device 18 is in the upper half: entry 0x10 of the second table. */
	image_word(&image, 0x3200, 0x20001);
	CHECK_EQ(ioasid_guest_vtd_context_find(&image.unit, IMAGE_RTADDR, 0x0390, &context, NULL), 0);
	CHECK_EQ(context.directory, 0x20000);
	CHECK_EQ(context.entries, 128);
	/* The last of all: bus 255, device 31, function 7. */
	image_word(&image, 0x1ff8, 0x4001);
	image_word(&image, 0x4fe0, 0x30001);
	CHECK_EQ(ioasid_guest_vtd_context_find(&image.unit, IMAGE_RTADDR, 0xffff, &context, NULL), 0);
	CHECK_EQ(context.directory, 0x30000);
	image_close(&image);
}

/* A context entry that is not found, and what is told. */
static void expect_no_context(struct image *image, uint64_t rtaddr, uint32_t source, int rc,
			      struct ioasid_guest_error want)
{
	struct ioasid_guest_error error = { 0 };
	struct ioasid_guest_vtd_context context;

	CHECK_EQ(ioasid_guest_vtd_context_find(&image->unit, rtaddr, source, &context, &error), rc);
	CHECK_EQ(error.code, want.code);
	CHECK_EQ(error.where, want.where);
	CHECK_EQ(error.reason, want.reason);
	CHECK_EQ(error.address, want.address);
	CHECK_EQ(error.flags, want.flags);
	CHECK_EQ(error.answer, want.answer);
}

static void what_is_wrong_on_the_way_to_a_context_is_told(void)
{
	struct ioasid_guest_vtd_context context;
	struct image image;

	up(&image);
	expect_no_context(&image, 0x1000, IMAGE_SOURCE, -EBADMSG,
			  (struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_MODE,
						       .where = IOASID_GUEST_IN_ROOT_TABLE, .reason = 0x31 });
	expect_no_context(&image, 0x1c00, IMAGE_SOURCE, -EBADMSG,
			  (struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_MODE,
						       .where = IOASID_GUEST_IN_ROOT_TABLE, .reason = 0x30 });
	expect_no_context(&image, 0x1404, IMAGE_SOURCE, -EBADMSG,
			  (struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_RESERVED,
						       .where = IOASID_GUEST_IN_ROOT_TABLE, .reason = 0x30 });
	for (unsigned int bit = 0; bit < 10; bit++)
		CHECK_EQ(ioasid_guest_vtd_context_find(&image.unit, IMAGE_RTADDR | 1u << bit, IMAGE_SOURCE, &context, NULL),
			 -EBADMSG);
	expect_no_context(&image, IMAGE_RTADDR | UINT64_C(1) << 46, IMAGE_SOURCE, -EBADMSG,
			  (struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_ADDRESS,
						       .where = IOASID_GUEST_IN_ROOT_TABLE, .reason = 0x30 });
	CHECK_EQ(image.reads, 0);
	expect_no_context(&image, IMAGE_BYTES | 0x400, IMAGE_SOURCE, -EFAULT,
			  (struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_READ, .where = IOASID_GUEST_IN_ROOT,
						       .reason = 0x38, .address = IMAGE_BYTES + 0x30,
						       .answer = -ENXIO });
	expect_no_context(&image, IMAGE_RTADDR, 0x0411, -ENOENT,
			  (struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_ABSENT,
						       .where = IOASID_GUEST_IN_ROOT, .reason = 0x39,
						       .address = 0x1040 });
	expect_no_context(&image, IMAGE_RTADDR, 0x0312, -ENOENT,
			  (struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_ABSENT,
						       .where = IOASID_GUEST_IN_CONTEXT, .reason = 0x41,
						       .address = 0x2240 });
	/* An absent entry may ask for silence. */
	image_word(&image, 0x2240, 2);
	expect_no_context(&image, IMAGE_RTADDR, 0x0312, -ENOENT,
			  (struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_ABSENT,
						       .where = IOASID_GUEST_IN_CONTEXT, .reason = 0x41,
						       .address = 0x2240, .flags = IOASID_GUEST_ERROR_QUIET });
	image.hole = 0x2000;
	image.answer = 5; /* not an errno, a failure all the same */
	expect_no_context(&image, IMAGE_RTADDR, IMAGE_SOURCE, -EFAULT,
			  (struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_READ,
						       .where = IOASID_GUEST_IN_CONTEXT, .reason = 0x40,
						       .address = 0x2220, .answer = 5 });
	CHECK_EQ(ioasid_guest_vtd_context_find(&image.unit, IMAGE_RTADDR, 0x10000, &context, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_context_find(NULL, IMAGE_RTADDR, IMAGE_SOURCE, &context, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_context_find(&image.unit, IMAGE_RTADDR, IMAGE_SOURCE, NULL, NULL), -EINVAL);
	image.unit.memory.read = NULL;
	CHECK_EQ(ioasid_guest_vtd_context_find(&image.unit, IMAGE_RTADDR, IMAGE_SOURCE, &context, NULL), -EINVAL);
	image_close(&image);
}

static void entry_is_found_by_its_pasid(void)
{
	struct ioasid_guest_vtd_context context;
	struct ioasid_guest_vtd_entry entry;
	struct image image;

	up(&image);
	context = image_context(&image);
	image_table(&image, 0, TABLE_A);
	image_table(&image, 16383, TABLE_B);
	image_entry(&image, TABLE_A, 0, 3, 0x5000);
	image_entry(&image, TABLE_A, 63, 4, 0x6000);
	image_entry(&image, TABLE_B, 0xfffff, 5, 0x7000);
	image.reads = 0;
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &context, 63, &entry, NULL), 0);
	CHECK_EQ(image.reads, 2);
	CHECK_EQ(entry.domain, 4);
	CHECK_EQ(entry.first_root, 0x6000);
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &context, 0xfffff, &entry, NULL), 0);
	CHECK_EQ(entry.domain, 5);
	/* Requests without PASID: RID_PASID 0. */
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &context, IOASID_GUEST_VTD_NO_PASID, &entry, NULL), 0);
	CHECK_EQ(entry.domain, 3);
	context.rid_pasid = 0xfffff;
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &context, IOASID_GUEST_VTD_NO_PASID, &entry, NULL), 0);
	CHECK_EQ(entry.domain, 5);
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &context, 0x100000, &entry, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_entry_find(NULL, &context, 0, &entry, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, NULL, 0, &entry, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &context, 0, NULL, NULL), -EINVAL);
	image.unit.memory.read = NULL;
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &context, 0, &entry, NULL), -EINVAL);
	image_close(&image);
}

static void expect_no_entry(struct image *image, const struct ioasid_guest_vtd_context *context, uint32_t pasid,
			    int rc, struct ioasid_guest_error want)
{
	struct ioasid_guest_error error = { 0 };
	struct ioasid_guest_vtd_entry entry;

	CHECK_EQ(ioasid_guest_vtd_entry_find(&image->unit, context, pasid, &entry, &error), rc);
	CHECK_EQ(error.code, want.code);
	CHECK_EQ(error.where, want.where);
	CHECK_EQ(error.reason, want.reason);
	CHECK_EQ(error.address, want.address);
	CHECK_EQ(error.flags, want.flags);
}

static void what_is_wrong_on_the_way_to_an_entry_is_told(void)
{
	struct ioasid_guest_vtd_context context;
	struct image image;

	up(&image);
	context = image_context(&image);
	expect_no_entry(&image, &context, 64, -ENOENT,
			(struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_ABSENT,
						     .where = IOASID_GUEST_IN_DIRECTORY, .reason = 0x51,
						     .address = IMAGE_DIRECTORY + 8 });
	image_table(&image, 1, TABLE_A | 2); /* FPD, for everything below */
	expect_no_entry(&image, &context, 65, -ENOENT,
			(struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_ABSENT,
						     .where = IOASID_GUEST_IN_ENTRY, .reason = 0x59,
						     .address = TABLE_A + 64, .flags = IOASID_GUEST_ERROR_QUIET });
	image_table(&image, 2, IMAGE_BYTES);
	expect_no_entry(&image, &context, 129, -EFAULT,
			(struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_READ, .where = IOASID_GUEST_IN_ENTRY,
						     .reason = 0x58, .address = IMAGE_BYTES + 64 });
	context.flags &= ~IOASID_GUEST_VTD_CONTEXT_PASID;
	expect_no_entry(&image, &context, 65, -ENOENT,
			(struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_OFF,
						     .where = IOASID_GUEST_IN_CONTEXT, .reason = 0x45 });
	context.flags |= IOASID_GUEST_VTD_CONTEXT_PASID | IOASID_GUEST_VTD_CONTEXT_QUIET;
	context.pasids = 8192;
	expect_no_entry(&image, &context, 8192, -ERANGE,
			(struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_RANGE,
						     .where = IOASID_GUEST_IN_CONTEXT, .reason = 0x46,
						     .flags = IOASID_GUEST_ERROR_QUIET });
	context.flags = 0;
	context.rid_pasid = 8192;
	expect_no_entry(&image, &context, IOASID_GUEST_VTD_NO_PASID, -ERANGE,
			(struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_RANGE,
						     .where = IOASID_GUEST_IN_CONTEXT, .reason = 0x48 });
	image_close(&image);
}

static void silence_of_context_or_directory_is_the_entrys(void)
{
	struct ioasid_guest_vtd_context context;
	struct ioasid_guest_vtd_entry entry;
	struct image image;

	up(&image);
	context = image_context(&image);
	image_table(&image, 0, TABLE_A);
	image_entry(&image, TABLE_A, 1, 3, 0x5000);
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &context, 1, &entry, NULL), 0);
	CHECK_EQ(entry.flags, 0);
	image_table(&image, 0, TABLE_A | 2);
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &context, 1, &entry, NULL), 0);
	CHECK_EQ(entry.flags, IOASID_GUEST_VTD_ENTRY_QUIET);
	image_table(&image, 0, TABLE_A);
	context.flags |= IOASID_GUEST_VTD_CONTEXT_QUIET;
	CHECK_EQ(ioasid_guest_vtd_entry_find(&image.unit, &context, 1, &entry, NULL), 0);
	CHECK_EQ(entry.flags, IOASID_GUEST_VTD_ENTRY_QUIET);
	image_close(&image);
}

static const struct test_case cases[] = {
	{ "a context entry is found by its source", context_is_found_by_its_source },
	{ "what is wrong on the way to a context entry is told", what_is_wrong_on_the_way_to_a_context_is_told },
	{ "an entry is found by its PASID, or by none", entry_is_found_by_its_pasid },
	{ "what is wrong on the way to an entry is told", what_is_wrong_on_the_way_to_an_entry_is_told },
	{ "silence that context or directory ask for is the entry's", silence_of_context_or_directory_is_the_entrys },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest find", cases, argc, argv);
}
