/* Invalidation descriptors that are refused: undefined, beyond what the unit announces, or called for
 * wrongly. */
#include "guest_image.h"

#define ALL IOASID_GUEST_VTD_LENGTH_ALL

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

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void undefined_types_and_scopes_are_refused(void)
{
	/* Which values of bits 5:4 are defined; types without a scope take their bits otherwise. */
	static const uint32_t scopes[16] = { 0, 0xe, 0xe, 0, 0, 0, 0xc, 0xb };
	const struct ioasid_guest_vtd_unit unit = unit_of_image();
	struct ioasid_guest_vtd_invalidation got;
	struct ioasid_guest_error error;

	for (uint64_t high = 0; high < 8; high++) {
		for (uint64_t type = 0; type < 16; type++) {
			const uint64_t words[4] = { type | high << 9 | (type == 1 || type == 2 ? 0x10 : 0) |
						    (type == 6 ? 0x20 : 0) };
			bool defined = !high && type >= 1 && type <= 9;

			CHECK_EQ(decode(&unit, words, 32, &got, &error), defined ? 0 : -EBADMSG);
			if (!defined) {
				CHECK_EQ(error.code, IOASID_GUEST_WRONG_TYPE);
				CHECK_EQ(error.reason, 3);
				CHECK_EQ(error.bits, 0xe0f);
				CHECK_EQ(error.where, IOASID_GUEST_IN_DESCRIPTOR);
			}
		}
	}
	for (uint64_t type = 0; type < 16; type++) {
		for (uint64_t scope = 0; scope < 4 && scopes[type]; scope++) {
			const uint64_t words[4] = { type | scope << 4 };
			bool defined = scopes[type] >> scope & 1;

			CHECK_EQ(decode(&unit, words, 32, &got, &error), defined ? 0 : -EBADMSG);
			if (!defined) {
				CHECK_EQ(error.code, IOASID_GUEST_WRONG_VALUE);
				CHECK_EQ(error.reason, 4);
				CHECK_EQ(error.word, 0);
				CHECK_EQ(error.bits, 0x30);
			}
		}
	}
}

static void types_that_the_unit_lacks_are_refused(void)
{
	static const struct {
		uint64_t word;
		uint64_t ecap;
	} lacks[] = {
		{ 0x3, UINT64_C(1) << 2 },   { 0x4, UINT64_C(1) << 3 },   { 0x26, UINT64_C(1) << 43 },
		{ 0x37, UINT64_C(1) << 43 }, { 0x8, UINT64_C(1) << 43 },  { 0x8, UINT64_C(1) << 2 },
		{ 0x9, UINT64_C(1) << 43 },  { 0x9, UINT64_C(1) << 29 },  { 0x85, UINT64_C(1) << 42 },
		{ 0x1003, UINT64_C(1) << 41 }, { 0x0010000000000008, UINT64_C(1) << 41 },
	};
	/* What stays without the last three. */
	static const uint64_t keeps[] = { 0x5, 0x15, 0x3, 0x8 };
	struct ioasid_guest_vtd_unit unit = unit_of_image();
	struct ioasid_guest_vtd_invalidation got;

	for (unsigned int i = 0; i < COUNT(lacks); i++) {
		const uint64_t words[4] = { lacks[i].word };

		unit.ecap = IMAGE_ECAP;
		CHECK_EQ(decode(&unit, words, 32, &got, NULL), 0);
		unit.ecap &= ~lacks[i].ecap;
		CHECK_EQ(decode(&unit, words, 32, &got, NULL), -EBADMSG);
	}
	unit.ecap = IMAGE_ECAP & ~(UINT64_C(3) << 41);
	for (unsigned int i = 0; i < COUNT(keeps); i++)
		CHECK_EQ(decode(&unit, (const uint64_t[4]){ keeps[i] }, 32, &got, NULL), 0);
}

/* Which bits are told to be wrong. */
static void what_is_wrong_with_a_number_is_told(void)
{
	static const struct {
		uint64_t words[4];
		uint32_t word;
		uint64_t bits;
	} wrong[] = {
		{ { 0x32, 0x3f }, 1, 0x3f },
		{ { 0x36, 0x35 }, 1, 0x3f },
		{ { 0x80000014 }, 0, 0xf8000000 },
		{ { 0x2009 }, 0, 0xf000 },
		{ { 0x01000021 }, 0, 0xffff0000 },
		{ { 0x0000040000000026 }, 0, 0x000fffff00000000 },
		{ { 0x3, 0xfffffffffffff001 }, 1, 0xfffffffffffff000 },
		{ { 0x8, 0xfffffffffffff800 }, 1, 0xfffffffffffff000 },
	};
	struct ioasid_guest_vtd_unit unit = unit_of_image();
	struct ioasid_guest_vtd_invalidation got;
	struct ioasid_guest_error error;

	/* Domain ids of 8 bits, PASIDs of 10. */
	unit.cap = (IMAGE_CAP & ~UINT64_C(7)) | 2;
	unit.ecap = (IMAGE_ECAP & ~(UINT64_C(0x1f) << 35)) | UINT64_C(9) << 35;
	for (unsigned int i = 0; i < COUNT(wrong); i++) {
		CHECK_EQ(decode(&unit, wrong[i].words, 32, &got, &error), -EBADMSG);
		CHECK_EQ(error.code, IOASID_GUEST_WRONG_VALUE);
		CHECK_EQ(error.reason, 4);
		CHECK_EQ(error.word, wrong[i].word);
		CHECK_EQ(error.bits, wrong[i].bits);
	}
	unit.ecap &= ~(UINT64_C(1) << 41);
	CHECK_EQ(decode(&unit, (const uint64_t[4]){ 0x1003 }, 32, &got, &error), -EBADMSG);
	CHECK_EQ(error.code, IOASID_GUEST_WRONG_RESERVED);
	CHECK_EQ(error.bits, 0x1000);
	CHECK_EQ(decode(&unit, (const uint64_t[4]){ 0x25, UINT64_C(3) << 46 }, 32, &got, &error), -EBADMSG);
	CHECK_EQ(error.code, IOASID_GUEST_WRONG_ADDRESS);
	CHECK_EQ(error.bits, UINT64_C(3) << 46);
}

static int decode_words(const struct ioasid_guest_vtd_unit *unit, uint64_t word0, uint64_t word1,
			struct ioasid_guest_vtd_invalidation *got)
{
	const uint64_t words[4] = { word0, word1 };

	return decode(unit, words, 32, got, NULL);
}

static void numbers_beyond_the_units_are_refused(void)
{
	struct ioasid_guest_vtd_unit unit = unit_of_image();
	struct ioasid_guest_vtd_invalidation got;

	/* An IOTLB's mask up to CAP.MAMV 18; a PASID's up to all 52 bits; an interrupt's up to ECAP.MHMV. */
	CHECK_EQ(decode_words(&unit, 0x32, 18, &got), 0);
	CHECK_EQ(decode_words(&unit, 0x32, 19, &got), -EBADMSG);
	unit.cap |= UINT64_C(0x20) << 48;
	CHECK_EQ(decode_words(&unit, 0x32, 50, &got), 0);
	CHECK_EQ(got.length, UINT64_C(1) << 62);
	CHECK_EQ(decode_words(&unit, 0x32, 51, &got), -EBADMSG);
	unit.cap |= UINT64_C(0x3f) << 48;
	CHECK_EQ(decode_words(&unit, 0x32, 51, &got), 0);
	CHECK_EQ(got.length, UINT64_C(1) << 63);
	CHECK_EQ(decode_words(&unit, 0x32, 52, &got), 0);
	CHECK_EQ(got.length, ALL);
	CHECK_EQ(decode_words(&unit, 0x32, 63, &got), 0);
	CHECK_EQ(got.length, ALL);
	CHECK_EQ(decode_words(&unit, 0x36, 51, &got), 0);
	CHECK_EQ(got.length, UINT64_C(1) << 63);
	CHECK_EQ(decode_words(&unit, 0x36, 52, &got), 0);
	CHECK_EQ(decode_words(&unit, 0x36, 53, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x78000014, 0, &got), 0);
	CHECK_EQ(got.count, 32768);
	CHECK_EQ(decode_words(&unit, 0x80000014, 0, &got), -EBADMSG);
	unit.ecap &= ~(UINT64_C(8) << 20);
	CHECK_EQ(decode_words(&unit, 0x38000014, 0, &got), 0);
	CHECK_EQ(decode_words(&unit, 0x40000014, 0, &got), -EBADMSG);
	/* Domain ids of 8 bits. */
	unit.cap = (IMAGE_CAP & ~UINT64_C(7)) | 2;
	CHECK_EQ(decode_words(&unit, 0x00ff0021, 0, &got), 0);
	CHECK_EQ(decode_words(&unit, 0x01000021, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x01000031, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x01000022, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x01000032, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x01000026, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x01000007, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x01000017, 0, &got), -EBADMSG);
	/* PASIDs of 10 bits, wherever one is meant. */
	unit.ecap = (IMAGE_ECAP & ~(UINT64_C(0x1f) << 35)) | UINT64_C(9) << 35;
	CHECK_EQ(decode_words(&unit, 0x000003ff00000026, 0, &got), 0);
	CHECK_EQ(decode_words(&unit, 0x0000040000000026, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x0000040000000036, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x0000040000000017, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x0000040000000008, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x0000040000000008, 1, &got), 0);
	CHECK_EQ(decode_words(&unit, 0x0000040000000019, 0, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x0000040000000009, 0, &got), 0);
	/* A status beyond the width, but only where one is written. */
	CHECK_EQ(decode_words(&unit, 0x25, (UINT64_C(1) << 46) - 4, &got), 0);
	CHECK_EQ(decode_words(&unit, 0x25, UINT64_C(1) << 46, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x15, UINT64_C(1) << 46, &got), 0);
	/* Of a device TLB's address one bit at least is clear. */
	CHECK_EQ(decode_words(&unit, 0x3, 0xfffffffffffff001, &got), -EBADMSG);
	CHECK_EQ(decode_words(&unit, 0x3, 0xfffffffffffff000, &got), 0);
	CHECK_EQ(decode_words(&unit, 0x8, 0xfffffffffffff800, &got), -EBADMSG);
}

static void without_page_selective_invalidation_the_domain_is_meant(void)
{
	struct ioasid_guest_vtd_unit unit = unit_of_image();
	struct ioasid_guest_vtd_invalidation got;

	unit.cap &= ~(UINT64_C(1) << 39);
	CHECK_EQ(decode_words(&unit, 0x50032, 0x1234507f, &got), 0);
	CHECK_EQ(got.scope, IOASID_GUEST_VTD_SCOPE_DOMAIN);
	CHECK_EQ(got.domain, 5);
	CHECK_EQ(got.length, ALL);
	CHECK_EQ(got.address, 0);
	CHECK_EQ(got.flags, 0);
}

static void response_codes_are_three(void)
{
	const struct ioasid_guest_vtd_unit unit = unit_of_image();
	struct ioasid_guest_vtd_invalidation got;

	for (uint64_t code = 0; code < 16; code++)
		CHECK_EQ(decode_words(&unit, 9 | code << 12, 0, &got), code < 2 || code == 15 ? 0 : -EBADMSG);
}

static void wrong_calls_are_refused(void)
{
	struct ioasid_guest_vtd_unit unit = unit_of_image();
	struct ioasid_guest_vtd_invalidation got;
	struct ioasid_guest_error error;
	const uint8_t bytes[32] = { 0x11 };

	CHECK_EQ(ioasid_guest_vtd_invalidation_decode(&unit, bytes, 24, &got, &error), -EINVAL);
	CHECK_EQ(error.code, IOASID_GUEST_WRONG_CALL);
	CHECK_EQ(ioasid_guest_vtd_invalidation_decode(&unit, NULL, 32, &got, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_invalidation_decode(&unit, bytes, 32, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_invalidation_decode(NULL, bytes, 32, &got, NULL), -EINVAL);
	unit.reserved = 1;
	CHECK_EQ(ioasid_guest_vtd_invalidation_decode(&unit, bytes, 32, &got, NULL), -EINVAL);
}

static const struct test_case cases[] = {
	{ "undefined types and scopes are refused", undefined_types_and_scopes_are_refused },
	{ "types and bits that the unit lacks are refused", types_that_the_unit_lacks_are_refused },
	{ "numbers beyond the unit's are refused", numbers_beyond_the_units_are_refused },
	{ "what is wrong with a number is told", what_is_wrong_with_a_number_is_told },
	{ "without page-selective invalidation the domain is meant",
	  without_page_selective_invalidation_the_domain_is_meant },
	{ "a page group response has one of three codes", response_codes_are_three },
	{ "wrong calls are refused", wrong_calls_are_refused },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest limits", cases, argc, argv);
}
