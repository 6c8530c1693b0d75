/* Every bit of every structure of VT-d's tables, turned over: taken, or refused as what the specification
 * says. */
#include "guest_image.h"

/* A structure, and what becomes of it when one bit is turned over. Masks by word; a bit in none of them is
 * accepted. */
struct anatomy {
	unsigned int words;
	uint64_t base[8];
	uint64_t reserved[8];
	uint64_t address[8];
	uint64_t value[8];
	uint32_t where;
	uint32_t group; /* fault reasons: access, absent, reserved, invalid */
	int (*decode)(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
		      struct ioasid_guest_error *error);
};

static int decode_root(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
		       struct ioasid_guest_error *error)
{
	uint64_t table;

	return ioasid_guest_vtd_root_decode(unit, bytes, &table, error);
}

static int decode_context(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
			  struct ioasid_guest_error *error)
{
	struct ioasid_guest_vtd_context context;

	return ioasid_guest_vtd_context_decode(unit, bytes, &context, error);
}

static int decode_directory(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
			    struct ioasid_guest_error *error)
{
	struct ioasid_guest_vtd_directory directory;

	return ioasid_guest_vtd_directory_decode(unit, bytes, &directory, error);
}

static int decode_entry(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
			struct ioasid_guest_error *error)
{
	struct ioasid_guest_vtd_entry entry;

	return ioasid_guest_vtd_entry_decode(unit, bytes, &entry, error);
}

static void check_flip(const struct ioasid_guest_vtd_unit *unit, const struct anatomy *a, unsigned int word,
		       unsigned int bit)
{
	struct ioasid_guest_error error = { 0 };
	uint64_t mask = UINT64_C(1) << bit;
	uint64_t words[8];
	uint8_t bytes[64];
	uint32_t code = 0, reason = 0;
	int rc;

	memcpy(words, a->base, sizeof(words));
	words[word] ^= mask;
	put_words(bytes, words, a->words);
	rc = a->decode(unit, bytes, &error);
	if (!word && !bit) {
		code = IOASID_GUEST_WRONG_ABSENT;
		reason = a->group + 1;
	} else if (a->reserved[word] & mask) {
		code = IOASID_GUEST_WRONG_RESERVED;
		reason = a->group + 2;
	} else if (a->address[word] & mask) {
		code = IOASID_GUEST_WRONG_ADDRESS;
		reason = a->group + 2;
	} else if (a->value[word] & mask) {
		code = IOASID_GUEST_WRONG_VALUE;
		reason = a->group + 3;
	}
	if (rc != (!code ? 0 : code == IOASID_GUEST_WRONG_ABSENT ? -ENOENT : -EBADMSG) || error.code != code ||
	    error.reason != reason || (code && (error.where != a->where || error.word != word)) ||
	    (code == IOASID_GUEST_WRONG_VALUE ? !(error.bits & mask) : code && error.bits != mask)) {
		CHECK_EQ(rc, code ? -EBADMSG : 0);
		CHECK_EQ(64 * word + bit, -1);
		CHECK_EQ(error.code, code);
		CHECK_EQ(error.reason, reason);
		CHECK_EQ(error.bits, mask);
	}
}

static void check_anatomy(const struct anatomy *a)
{
	struct image image;
	uint8_t bytes[64];

	image_open(&image);
	put_words(bytes, a->base, a->words);
	CHECK_EQ(a->decode(&image.unit, bytes, NULL), 0);
	for (unsigned int i = 0; i < 64 * a->words; i++)
		check_flip(&image.unit, a, i / 64, i % 64);
	image_close(&image);
}

static void every_bit_of_a_root_entry(void)
{
	static const struct anatomy root = {
		.words = 1, .base = { 0x5001 }, .reserved = { 0xffe }, .address = { 0xffffc00000000000 },
		.where = IOASID_GUEST_IN_ROOT, .group = 0x38, .decode = decode_root };

	check_anatomy(&root);
}

static void every_bit_of_a_context_entry(void)
{
	/* PASIDDIRPTR 0x10000, PDTS 7, all enabled; RID_PASID 5, RID_PRIV. */
	static const struct anatomy context = {
		.words = 4, .base = { 0x10e1d, 0x100005 },
		.reserved = { 0x1e0, 0xffffffffffe00000, UINT64_MAX, UINT64_MAX },
		.address = { 0xffffc00000000000 },
		.where = IOASID_GUEST_IN_CONTEXT, .group = 0x40, .decode = decode_context };

	check_anatomy(&context);
}

static void every_bit_of_a_directory_entry(void)
{
	static const struct anatomy directory = {
		.words = 1, .base = { 0x7001 }, .reserved = { 0xffc }, .address = { 0xffffc00000000000 },
		.where = IOASID_GUEST_IN_DIRECTORY, .group = 0x50, .decode = decode_directory };

	check_anatomy(&directory);
}

/* Without MTS bits 127:89 are reserved, without ERS bit 129. */
#define ENTRY_RESERVED { 0xc20, 0xfffffffffe7f0000, 0xf02, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX }

static void every_bit_of_a_first_stage_entry(void)
{
	/* PGTT 1, AW 48; PWSNP, PGSNP, DID 7; root, EAFE, WPE, SRE. Turned over, PGTT becomes 0, nested or 5;
	 * the paging mode 57 bits or undefined. The second stage's pointer is not looked at. */
	static const struct anatomy entry = {
		.words = 8, .base = { 0x49, 0x1800007, 0x1234567091 }, .reserved = ENTRY_RESERVED,
		.address = { 0, 0, 0xffffc00000000000 }, .value = { 0x140, 0, 8 },
		.where = IOASID_GUEST_IN_ENTRY, .group = 0x58, .decode = decode_entry };

	check_anatomy(&entry);
}

static void every_bit_of_a_second_stage_entry(void)
{
	/* PGTT 2, AW 48, a root. Turned over, PGTT becomes nested, 0 or 6, AW 010b becomes 3, 0 or 6. */
	static const struct anatomy entry = {
		.words = 8, .base = { 0x98765089, 7 }, .reserved = ENTRY_RESERVED,
		.address = { 0xffffc00000000000 }, .value = { 0x198 },
		.where = IOASID_GUEST_IN_ENTRY, .group = 0x58, .decode = decode_entry };

	check_anatomy(&entry);
}

static void every_bit_of_a_nested_entry(void)
{
	/* PGTT 3, AW 39; the first stage's root is an address of the second stage: 39 bits. Turned over, PGTT
	 * becomes second-stage, first-stage or 7; AW 001b becomes 0, 3 or 5. */
	static const struct anatomy entry = {
		.words = 8, .base = { 0x987650c5, 7, 0x4567000 }, .reserved = ENTRY_RESERVED,
		.address = { 0xffffc00000000000 }, .value = { 0x114, 0, 0xffffff8000000008 },
		.where = IOASID_GUEST_IN_ENTRY, .group = 0x58, .decode = decode_entry };

	check_anatomy(&entry);
}

static void every_bit_of_a_pass_through_entry(void)
{
	/* PGTT 4, AW 48; of both pointers nothing is looked at. Turned over, PGTT becomes 5, 6 or 0. */
	static const struct anatomy entry = {
		.words = 8, .base = { 0x109, 7 }, .reserved = ENTRY_RESERVED, .value = { 0x1d8 },
		.where = IOASID_GUEST_IN_ENTRY, .group = 0x58, .decode = decode_entry };

	check_anatomy(&entry);
}

static const struct test_case cases[] = {
	{ "every bit of a root entry is taken or refused as the specification says", every_bit_of_a_root_entry },
	{ "every bit of a context entry is taken or refused", every_bit_of_a_context_entry },
	{ "every bit of a PASID directory entry is taken or refused", every_bit_of_a_directory_entry },
	{ "every bit of a first-stage entry is taken or refused", every_bit_of_a_first_stage_entry },
	{ "every bit of a second-stage entry is taken or refused", every_bit_of_a_second_stage_entry },
	{ "every bit of a nested entry is taken or refused", every_bit_of_a_nested_entry },
	{ "every bit of a pass-through entry is taken or refused", every_bit_of_a_pass_through_entry },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest bits", cases, argc, argv);
}
