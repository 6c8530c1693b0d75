/* What invalidation descriptors say, of every type and scope, from words worked out by hand; and for every
 * bit of each whether it is refused. */
#include "guest_image.h"

#define ALL IOASID_GUEST_VTD_LENGTH_ALL
#define NONE IOASID_GUEST_VTD_NO_PASID

static struct ioasid_guest_vtd_unit unit_of_image(void)
{
	return (struct ioasid_guest_vtd_unit){ .cap = IMAGE_CAP, .ecap = IMAGE_ECAP, .address_bits = IMAGE_BITS };
}

static int decode(const struct ioasid_guest_vtd_unit *unit, const uint64_t words[4], uint32_t width,
		  struct ioasid_guest_vtd_invalidation *got, struct ioasid_guest_error *error)
{
	uint8_t bytes[32];

	put_words(bytes, words, width / 8);
	return ioasid_guest_vtd_invalidation_decode(unit, bytes, width, got, error);
}

static bool same(const struct ioasid_guest_vtd_invalidation *a, const struct ioasid_guest_vtd_invalidation *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* Descriptors, and what they say. */
static const struct {
	uint64_t words[4];
	struct ioasid_guest_vtd_invalidation says;
} book[] = {
	/* Context-cache: global, domain 0x1234, device 03:02.1 and all functions of its device. */
	{ { 0x11 }, { .type = 1, .scope = IOASID_GUEST_VTD_SCOPE_GLOBAL, .pasid = NONE } },
	{ { 0x12340021 },
	  { .type = 1, .scope = IOASID_GUEST_VTD_SCOPE_DOMAIN, .domain = 0x1234, .pasid = NONE } },
	{ { 0x0003031112340031 },
	  { .type = 1, .scope = IOASID_GUEST_VTD_SCOPE_DEVICE, .domain = 0x1234, .source = 0x311,
	    .source_mask = 7, .pasid = NONE } },
	{ { 0x0001031100000031 },
	  { .type = 1, .scope = IOASID_GUEST_VTD_SCOPE_DEVICE, .source = 0x311, .source_mask = 4, .pasid = NONE } },
	{ { 0x0000ffffffff0031 },
	  { .type = 1, .scope = IOASID_GUEST_VTD_SCOPE_DEVICE, .domain = 0xffff, .source = 0xffff, .pasid = NONE } },
	{ { 0x0002ffff00000031 },
	  { .type = 1, .scope = IOASID_GUEST_VTD_SCOPE_DEVICE, .source = 0xffff, .source_mask = 6, .pasid = NONE } },
	/* IOTLB: global with both drains, domain, 4 pages around 0x12345000, last level only. */
	{ { 0xd2 },
	  { .type = 2, .scope = IOASID_GUEST_VTD_SCOPE_GLOBAL, .pasid = NONE, .length = ALL,
	    .flags = IOASID_GUEST_VTD_INV_DRAIN_READS | IOASID_GUEST_VTD_INV_DRAIN_WRITES } },
	{ { 0xffff00a2 },
	  { .type = 2, .scope = IOASID_GUEST_VTD_SCOPE_DOMAIN, .domain = 0xffff, .pasid = NONE, .length = ALL,
	    .flags = IOASID_GUEST_VTD_INV_DRAIN_READS } },
	{ { 0x50032, 0x12345042 },
	  { .type = 2, .scope = IOASID_GUEST_VTD_SCOPE_PAGES, .domain = 5, .pasid = NONE, .address = 0x12344000,
	    .length = 0x4000, .flags = IOASID_GUEST_VTD_INV_LEAF } },
	/* Device TLB of 03:02.1, PFSID 0x0310 (low bits at 15:12, the rest at 63:52), MIP 31: one page; 8
	 * KiB; 64 KiB (lowest clear bit of the page number is bit 3); half of everything; everything. */
	{ { 0x03100311001f0003, 0xabc000 },
	  { .type = 3, .scope = IOASID_GUEST_VTD_SCOPE_PAGES, .source = 0x311, .physical = 0x310, .throttle = 31,
	    .pasid = NONE, .address = 0xabc000, .length = 0x1000 } },
	{ { 0xfff0ffff0010f003, 0 },
	  { .type = 3, .scope = IOASID_GUEST_VTD_SCOPE_PAGES, .source = 0xffff, .physical = 0xffff, .throttle = 16,
	    .pasid = NONE, .length = 0x1000 } },
	{ { 0x0000031100005003, 0xabc001 },
	  { .type = 3, .scope = IOASID_GUEST_VTD_SCOPE_PAGES, .source = 0x311, .physical = 5, .pasid = NONE,
	    .address = 0xabc000, .length = 0x2000 } },
	{ { 0x0000031100000003, 0xab7001 },
	  { .type = 3, .scope = IOASID_GUEST_VTD_SCOPE_PAGES, .source = 0x311, .pasid = NONE, .address = 0xab0000,
	    .length = 0x10000 } },
	{ { 0x0000031100000003, 0xbffffffffffff001 },
	  { .type = 3, .scope = IOASID_GUEST_VTD_SCOPE_PAGES, .source = 0x311, .pasid = NONE,
	    .address = UINT64_C(1) << 63, .length = UINT64_C(1) << 63 } },
	{ { 0x0000031100000003, 0x7ffffffffffff001 },
	  { .type = 3, .scope = IOASID_GUEST_VTD_SCOPE_DEVICE, .source = 0x311, .pasid = NONE, .length = ALL } },
	/* Interrupt entry cache: all; 16 around index 0x123; one. */
	{ { 0x4 }, { .type = 4, .scope = IOASID_GUEST_VTD_SCOPE_GLOBAL, .pasid = NONE } },
	{ { 0x0000012320000014 },
	  { .type = 4, .scope = IOASID_GUEST_VTD_SCOPE_INDEX, .pasid = NONE, .index = 0x120, .count = 16 } },
	{ { 0x0000ffff00000014 },
	  { .type = 4, .scope = IOASID_GUEST_VTD_SCOPE_INDEX, .pasid = NONE, .index = 0xffff, .count = 1 } },
	/* Wait: interrupt; status write of 0xdeadbeef to 0x1234564; fence and drain. */
	{ { 0x15 }, { .type = 5, .pasid = NONE, .flags = IOASID_GUEST_VTD_WAIT_INTERRUPT } },
	{ { 0xdeadbeef00000025, 0x1234564 },
	  { .type = 5, .pasid = NONE, .status_data = 0xdeadbeef, .status_address = 0x1234564,
	    .flags = IOASID_GUEST_VTD_WAIT_STATUS } },
	{ { 0x45 }, { .type = 5, .pasid = NONE, .flags = IOASID_GUEST_VTD_WAIT_FENCE } },
	{ { 0x85 }, { .type = 5, .pasid = NONE, .flags = IOASID_GUEST_VTD_WAIT_DRAIN_PAGES } },
	{ { 0x1000000c5, UINT64_MAX << 2 },
	  { .type = 5, .pasid = NONE, .flags = IOASID_GUEST_VTD_WAIT_FENCE | IOASID_GUEST_VTD_WAIT_DRAIN_PAGES } },
	/* PASID-based IOTLB: PASID 0xabcde of domain 9; 2 MiB of it; everything by mask. */
	{ { 0x000abcde00090026 },
	  { .type = 6, .scope = IOASID_GUEST_VTD_SCOPE_PASID, .domain = 9, .pasid = 0xabcde, .length = ALL } },
	{ { 0x000abcde00090036, 0x7f0000234049 },
	  { .type = 6, .scope = IOASID_GUEST_VTD_SCOPE_PAGES, .domain = 9, .pasid = 0xabcde,
	    .address = 0x7f0000200000, .length = 0x200000, .flags = IOASID_GUEST_VTD_INV_LEAF } },
	{ { 0x0000000100000036, 0x34 },
	  { .type = 6, .scope = IOASID_GUEST_VTD_SCOPE_PAGES, .pasid = 1, .length = ALL } },
	/* PASID cache: domain 7 (its PASID is nobody's); PASID 1 of it; all. */
	{ { 0x000fffff00070007 },
	  { .type = 7, .scope = IOASID_GUEST_VTD_SCOPE_DOMAIN, .domain = 7, .pasid = NONE } },
	{ { 0x0000000100070017 },
	  { .type = 7, .scope = IOASID_GUEST_VTD_SCOPE_PASID, .domain = 7, .pasid = 1 } },
	{ { 0x37 }, { .type = 7, .scope = IOASID_GUEST_VTD_SCOPE_GLOBAL, .pasid = NONE } },
	/* PASID-based device TLB: 16 KiB of PASID 2, MIP 16, PFSID 0xfff1; all of it; of every PASID. */
	{ { 0xfff0000203111108, 0x55551800 },
	  { .type = 8, .scope = IOASID_GUEST_VTD_SCOPE_PAGES, .source = 0x311, .physical = 0xfff1, .throttle = 16,
	    .pasid = 2, .address = 0x55550000, .length = 0x4000 } },
	{ { 0x000fffffffff0008, 0x55551000 },
	  { .type = 8, .scope = IOASID_GUEST_VTD_SCOPE_PAGES, .source = 0xffff, .pasid = 0xfffff,
	    .address = 0x55551000, .length = 0x1000 } },
	{ { 0x0000000203110008, 0x7ffffffffffff800 },
	  { .type = 8, .scope = IOASID_GUEST_VTD_SCOPE_PASID, .source = 0x311, .pasid = 2, .length = ALL } },
	{ { 0x0000000203110008, 0x7ffffffffffff801 },
	  { .type = 8, .scope = IOASID_GUEST_VTD_SCOPE_DEVICE, .source = 0x311, .pasid = NONE, .length = ALL,
	    .flags = IOASID_GUEST_VTD_INV_ALL_PASIDS } },
	/* Page group response: group 0x123 of PASID 5, success; failure without PASID, last; invalid. */
	{ { 0x0000000503110019, 0x918 },
	  { .type = 9, .source = 0x311, .pasid = 5, .group = 0x123, .response = 0 } },
	{ { 0x000000050311f009, 0xffc },
	  { .type = 9, .source = 0x311, .pasid = NONE, .group = 511, .response = 15,
	    .flags = IOASID_GUEST_VTD_RESPONSE_LAST } },
	{ { 0x000fffffffff0019, 0x804 },
	  { .type = 9, .source = 0xffff, .pasid = 0xfffff, .group = 256, .flags = IOASID_GUEST_VTD_RESPONSE_LAST } },
	{ { 0x0000000003111009, 4 },
	  { .type = 9, .source = 0x311, .pasid = NONE, .response = 1, .flags = IOASID_GUEST_VTD_RESPONSE_LAST } },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void every_type_and_scope_says_what_was_written(void)
{
	const struct ioasid_guest_vtd_unit unit = unit_of_image();

	for (unsigned int i = 0; i < COUNT(book); i++) {
		struct ioasid_guest_vtd_invalidation got;
		int rc = decode(&unit, book[i].words, 32, &got, NULL);

		if (rc || !same(&got, &book[i].says)) {
			CHECK_EQ(rc, 0);
			CHECK_EQ(i, -1);
			CHECK_EQ(got.scope, book[i].says.scope);
			CHECK_EQ(got.address, book[i].says.address);
			CHECK_EQ(got.length, book[i].says.length);
			CHECK_EQ(got.flags, book[i].says.flags);
			CHECK_EQ(got.pasid, book[i].says.pasid);
			CHECK_EQ(got.physical, book[i].says.physical);
			CHECK_EQ(got.throttle, book[i].says.throttle);
		}
	}
}

static void descriptors_of_16_bytes_say_the_same_or_are_of_no_type(void)
{
	const struct ioasid_guest_vtd_unit unit = unit_of_image();

	for (unsigned int i = 0; i < COUNT(book); i++) {
		struct ioasid_guest_vtd_invalidation got;
		struct ioasid_guest_error error;
		int rc = decode(&unit, book[i].words, 16, &got, &error);

		if (book[i].says.type >= IOASID_GUEST_VTD_INV_PASID_IOTLB) {
			CHECK_EQ(rc, -EBADMSG);
			CHECK_EQ(error.code, IOASID_GUEST_WRONG_TYPE);
			CHECK_EQ(error.reason, 3);
		} else {
			CHECK_EQ(rc, 0);
			CHECK(same(&got, &book[i].says));
		}
	}
}

static void reserved_bits_of_each_type(void)
{
	/* By type: a good descriptor, and what is reserved in it (VT-d specification, 6.5.2). */
	static const uint64_t good[][2] = {
		{ 0x31 }, { 0x32, 0 }, { 0x3, 0 }, { 0x14 }, { 0x25, 0 }, { 0x36, 0 }, { 0x17 }, { 0x8, 0 }, { 0x9, 0 },
	};
	static const uint64_t reserved[][2] = {
		{ 0xfffc00000000f1c0, UINT64_MAX }, { 0xffffffff0000f100, 0xf80 },
		{ 0x000f0000ffe001f0, 0xffe },      { 0xffff000007fff1e0, UINT64_MAX },
		{ 0x00000000fffff100, 0xffffc00000000003 }, { 0xfff000000000f1c0, 0xf80 },
		{ 0xfff000000000f1c0, UINT64_MAX }, { 0, 0x7fe },
		{ 0xfff00000000001e0, 0xfffffffffffff003 },
	};
	const struct ioasid_guest_vtd_unit unit = unit_of_image();
	struct ioasid_guest_vtd_invalidation got;
	struct ioasid_guest_error error;

	for (unsigned int type = 0; type < 9; type++) {
		for (unsigned int bit = 0; bit < 256; bit++) {
			uint64_t words[4] = { good[type][0], good[type][1] };
			uint64_t mask = UINT64_C(1) << bit % 64;
			/* Type and scope are for other tests. */
			bool scoped = type == 0 || type == 1 || type == 5 || type == 6;
			bool scope = bit < (scoped ? 6 : 4) || (bit >= 9 && bit < 12);
			bool refused = bit >= 128 || reserved[type][bit / 64] & mask;
			int rc;

			words[bit / 64] |= mask;
			if (scope && words[0] != good[type][0])
				continue;
			rc = decode(&unit, words, 32, &got, &error);
			if (refused && (rc != -EBADMSG || error.bits != mask || error.word != bit / 64 ||
					error.reason != 4)) {
				CHECK_EQ(100000 * (type + 1) + bit, rc);
			}
			/* A code of 1, 2, 4 or 8: of those only 1 is a page group response's. */
			if (type == 8 && bit > 12 && bit < 16)
				refused = true;
			/* Masks: of an IOTLB up to 18, of a PASID's up to 52, each bit of those is; of
			 * interrupts 15. */
			if ((type == 1 && bit == 64 + 5) || (type == 3 && bit == 31))
				refused = true;
			if (!refused)
				CHECK_EQ(rc ? 1000 * (int)(type + 1) + (int)bit : 0, 0);
			else
				CHECK_EQ(rc, -EBADMSG);
		}
	}
}

static const struct test_case cases[] = {
	{ "descriptors of every type and scope say what was written", every_type_and_scope_says_what_was_written },
	{ "descriptors of 16 bytes say the same, or are of no type",
	  descriptors_of_16_bytes_say_the_same_or_are_of_no_type },
	{ "reserved bits of each type are refused one by one, others taken", reserved_bits_of_each_type },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest descriptors", cases, argc, argv);
}
