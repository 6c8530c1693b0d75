/* What single structures of VT-d's tables say, from images worked out by hand. */
#include "guest_image.h"

#include "abi/ioasid_backend.h"

static void capabilities_of_the_image_are_what_they_claim(void)
{
	struct image image;

	image_open(&image);
	CHECK_EQ(ioasid_guest_vtd_unit_check(&image.unit), 0);
	CHECK_EQ(ioasid_guest_vtd_unit_pasids(&image.unit), 1 << 20);
	CHECK_EQ(ioasid_guest_vtd_unit_domains(&image.unit), 1 << 16);
	image.unit.cap &= ~UINT64_C(7);
	CHECK_EQ(ioasid_guest_vtd_unit_domains(&image.unit), 16);
	image.unit.cap |= 7;
	CHECK_EQ(ioasid_guest_vtd_unit_domains(&image.unit), 0);
	image.unit.cap &= ~UINT64_C(7);
	image.unit.ecap &= ~(UINT64_C(0x1f) << 35);
	CHECK_EQ(ioasid_guest_vtd_unit_pasids(&image.unit), 2);
	image.unit.ecap |= UINT64_C(20) << 35;
	CHECK_EQ(ioasid_guest_vtd_unit_check(&image.unit), -EINVAL);
	image.unit.ecap &= ~(UINT64_C(1) << 40);
	CHECK_EQ(ioasid_guest_vtd_unit_check(&image.unit), 0);
	CHECK_EQ(ioasid_guest_vtd_unit_pasids(&image.unit), 0);
	image.unit.address_bits = 32;
	CHECK_EQ(ioasid_guest_vtd_unit_check(&image.unit), 0);
	image.unit.address_bits = 52;
	CHECK_EQ(ioasid_guest_vtd_unit_check(&image.unit), 0);
	image.unit.address_bits = 53;
	CHECK_EQ(ioasid_guest_vtd_unit_check(&image.unit), -EINVAL);
	image.unit.address_bits = 31;
	CHECK_EQ(ioasid_guest_vtd_unit_check(&image.unit), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_unit_check(NULL), -EINVAL);
	image_close(&image);
}

static void context_entry_says_what_was_written(void)
{
	const uint64_t words[4] = { 0x12345617, 0x1abcde };
	struct ioasid_guest_vtd_context context;
	struct image image;
	uint8_t bytes[32];

	image_open(&image);
	put_words(bytes, words, 4);
	/* PDTS is bits 11:9 of 0x617: 3. */
	CHECK_EQ(ioasid_guest_vtd_context_decode(&image.unit, bytes, &context, NULL), 0);
	CHECK_EQ(context.directory, 0x12345000);
	CHECK_EQ(context.entries, 1024);
	CHECK_EQ(context.pasids, 65536);
	CHECK_EQ(context.rid_pasid, 0xabcde);
	CHECK_EQ(context.flags, IOASID_GUEST_VTD_CONTEXT_QUIET | IOASID_GUEST_VTD_CONTEXT_DEVICE_TLB |
					IOASID_GUEST_VTD_CONTEXT_PAGE_REQUEST | IOASID_GUEST_VTD_CONTEXT_RID_PRIV);
	/* PASIDs of 10 bits: the directory may be larger, the PASIDs may not. */
	image.unit.ecap = (IMAGE_ECAP & ~(UINT64_C(0x1f) << 35)) | UINT64_C(9) << 35;
	CHECK_EQ(ioasid_guest_vtd_context_decode(&image.unit, bytes, &context, NULL), 0);
	CHECK_EQ(context.pasids, 1024);
	CHECK_EQ(context.entries, 1024);
	image_close(&image);
}

static void what_the_unit_lacks_is_reserved_in_a_context_entry(void)
{
	static const struct {
		uint64_t ecap; /* the capability's bit */
		unsigned int word;
		uint64_t bits;
	} lacks[] = {
		{ UINT64_C(1) << 2, 0, 4 }, { UINT64_C(1) << 40, 0, 8 }, { UINT64_C(1) << 29, 0, 0x10 },
		{ UINT64_C(1) << 49, 1, 0xfffff }, { UINT64_C(1) << 31, 1, 0x100000 },
	};
	struct ioasid_guest_vtd_context context;
	struct ioasid_guest_error error;
	struct image image;
	uint8_t bytes[32];

	image_open(&image);
	for (unsigned int i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++) {
		uint64_t words[4] = { 0x10001 };

		words[lacks[i].word] |= lacks[i].bits;
		put_words(bytes, words, 4);
		image.unit.ecap = IMAGE_ECAP;
		CHECK_EQ(ioasid_guest_vtd_context_decode(&image.unit, bytes, &context, NULL), 0);
		image.unit.ecap &= ~lacks[i].ecap;
		CHECK_EQ(ioasid_guest_vtd_context_decode(&image.unit, bytes, &context, &error), -EBADMSG);
		CHECK_EQ(error.bits, lacks[i].bits);
		CHECK_EQ(error.word, lacks[i].word);
	}
	image_close(&image);
}

static void entries_of_each_type_say_what_was_written(void)
{
	const uint64_t first[8] = { 0x4b, 0x1801234, 0x12345670f5 };
	const uint64_t nested[8] = { 0x9876528d | 0x40, 0xffff, 0x7654000 };
	const uint64_t through[8] = { 0x109, 9, 0 };
	struct ioasid_guest_vtd_entry e;
	struct image image;
	uint8_t bytes[64];

	image_open(&image);
	put_words(bytes, first, 8);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &e, NULL), 0);
	CHECK_EQ(e.type, IOASID_GUEST_VTD_FIRST);
	CHECK_EQ(e.first_root, 0x1234567000);
	CHECK_EQ(e.first_width, 57);
	CHECK_EQ(e.second_width, 0);
	CHECK_EQ(e.domain, 0x1234);
	CHECK_EQ(e.flags, IOASID_GUEST_VTD_ENTRY_QUIET | IOASID_GUEST_VTD_ENTRY_PWSNP | IOASID_GUEST_VTD_ENTRY_PGSNP |
				  IOASID_GUEST_VTD_ENTRY_SRE | IOASID_GUEST_VTD_ENTRY_WPE |
				  IOASID_GUEST_VTD_ENTRY_NXE | IOASID_GUEST_VTD_ENTRY_SMEP |
				  IOASID_GUEST_VTD_ENTRY_EAFE);
	put_words(bytes, nested, 8);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &e, NULL), 0);
	CHECK_EQ(e.type, IOASID_GUEST_VTD_NESTED);
	CHECK_EQ(e.first_root, 0x7654000);
	CHECK_EQ(e.first_width, 48);
	CHECK_EQ(e.second_root, 0x98765000);
	CHECK_EQ(e.second_width, 57);
	CHECK_EQ(e.flags, IOASID_GUEST_VTD_ENTRY_SSADE);
	CHECK_EQ(e.domain, 0xffff);
	put_words(bytes, through, 8);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &e, NULL), 0);
	CHECK_EQ(e.type, IOASID_GUEST_VTD_PASS_THROUGH);
	CHECK_EQ(e.second_width, 48);
	CHECK_EQ(e.second_root, 0);
	CHECK_EQ(e.domain, 9);
	image_close(&image);
}

static void memory_types_are_told_where_the_unit_has_them(void)
{
	/* PAT; PCD, PWT, EMT 6, EMTE, CD; ERE. */
	const uint64_t words[8] = { 0x49, 0x87040600f6000001, 0x5002 };
	struct ioasid_guest_vtd_entry e;
	struct image image;
	uint8_t bytes[64];

	image_open(&image);
	image.unit.ecap |= UINT64_C(1) << 25 | UINT64_C(1) << 30;
	put_words(bytes, words, 8);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &e, NULL), 0);
	CHECK_EQ(e.pat, 0x87040600);
	CHECK_EQ(e.memory_type, 6);
	CHECK_EQ(e.flags, IOASID_GUEST_VTD_ENTRY_CD | IOASID_GUEST_VTD_ENTRY_EMTE | IOASID_GUEST_VTD_ENTRY_PWT |
				  IOASID_GUEST_VTD_ENTRY_PCD | IOASID_GUEST_VTD_ENTRY_ERE);
	image_close(&image);
}

/* Each bit by itself, in a unit that announces everything. */
static void each_flag_is_told_alone(void)
{
	static const struct {
		unsigned int word;
		uint64_t bits;
		uint32_t flags;
	} entry_flags[] = {
		{ 0, 0x2, IOASID_GUEST_VTD_ENTRY_QUIET },      { 0, 0x200, IOASID_GUEST_VTD_ENTRY_SSADE },
		{ 1, 0x800000, IOASID_GUEST_VTD_ENTRY_PWSNP }, { 1, 0x1000000, IOASID_GUEST_VTD_ENTRY_PGSNP },
		{ 1, 0x2000000, IOASID_GUEST_VTD_ENTRY_CD },   { 1, 0x4000000, IOASID_GUEST_VTD_ENTRY_EMTE },
		{ 1, 0x40000000, IOASID_GUEST_VTD_ENTRY_PWT }, { 1, 0x80000000, IOASID_GUEST_VTD_ENTRY_PCD },
		{ 2, 0x1, IOASID_GUEST_VTD_ENTRY_SRE },        { 2, 0x2, IOASID_GUEST_VTD_ENTRY_ERE },
		{ 2, 0x10, IOASID_GUEST_VTD_ENTRY_WPE },       { 2, 0x20, IOASID_GUEST_VTD_ENTRY_NXE },
		{ 2, 0x40, IOASID_GUEST_VTD_ENTRY_SMEP },      { 2, 0x80, IOASID_GUEST_VTD_ENTRY_EAFE },
	};
	struct ioasid_guest_vtd_context context;
	struct ioasid_guest_vtd_entry e;
	struct image image;
	uint8_t bytes[64];

	image_open(&image);
	image.unit.ecap |= UINT64_C(1) << 25 | UINT64_C(1) << 30;
	for (unsigned int i = 0; i < sizeof(entry_flags) / sizeof(entry_flags[0]); i++) {
		uint64_t words[8] = { 0x49 };

		words[entry_flags[i].word] |= entry_flags[i].bits;
		put_words(bytes, words, 8);
		REQUIRE_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &e, NULL), 0);
		CHECK_EQ(e.flags, entry_flags[i].flags);
		CHECK_EQ(e.memory_type, 0);
		CHECK_EQ(e.pat, 0);
	}
	for (unsigned int bit = 1; bit < 5; bit++) {
		const uint64_t words[4] = { 1u | 1u << bit };

		put_words(bytes, words, 4);
		REQUIRE_EQ(ioasid_guest_vtd_context_decode(&image.unit, bytes, &context, NULL), 0);
		CHECK_EQ(context.flags, 1u << (bit - 1));
	}
	put_words(bytes, (const uint64_t[4]){ 1, 0x100000 }, 4);
	REQUIRE_EQ(ioasid_guest_vtd_context_decode(&image.unit, bytes, &context, NULL), 0);
	CHECK_EQ(context.flags, IOASID_GUEST_VTD_CONTEXT_RID_PRIV);
	CHECK_EQ(context.rid_pasid, 0);
	image_close(&image);
}

static void types_and_widths_that_the_unit_lacks_are_refused(void)
{
	static const struct {
		uint64_t word0;
		uint64_t word2;
		uint64_t cap;
		uint64_t ecap;
	} lacks[] = {
		{ 0x49, 0, 0, UINT64_C(1) << 47 },  { 0x89, 0, 0, UINT64_C(1) << 46 },
		{ 0xc9, 0, 0, UINT64_C(1) << 26 },  { 0xc9, 0, 0, UINT64_C(1) << 46 },
		{ 0xc9, 0, 0, UINT64_C(1) << 47 },  { 0x109, 0, 0, UINT64_C(1) << 6 },
		{ 0x85, 0, 0x200, 0 },              { 0x89, 0, 0x400, 0 },
		{ 0x8d, 0, 0x800, 0 },              { 0x49, 4, UINT64_C(1) << 60, 0 },
		{ 0x289, 0, 0, UINT64_C(1) << 45 }, { 0x49, 1, 0, UINT64_C(1) << 31 },
		{ 0x49, 0x80, 0, UINT64_C(1) << 34 },
	};
	struct ioasid_guest_vtd_entry entry;
	struct image image;
	uint8_t bytes[64];

	image_open(&image);
	for (unsigned int i = 0; i < sizeof(lacks) / sizeof(lacks[0]); i++) {
		const uint64_t words[8] = { lacks[i].word0, 0, lacks[i].word2 };

		put_words(bytes, words, 8);
		image.unit.cap = IMAGE_CAP;
		image.unit.ecap = IMAGE_ECAP;
		CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &entry, NULL), 0);
		image.unit.cap &= ~lacks[i].cap;
		image.unit.ecap &= ~lacks[i].ecap;
		CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &entry, NULL), -EBADMSG);
	}
	image_close(&image);
}

static void a_domain_id_beyond_the_units_is_refused(void)
{
	uint64_t words[8] = { 0x49, 0xff };
	struct ioasid_guest_vtd_entry entry;
	struct ioasid_guest_error error;
	struct image image;
	uint8_t bytes[64];

	image_open(&image);
	image.unit.cap = (IMAGE_CAP & ~UINT64_C(7)) | 2; /* 8 bits */
	put_words(bytes, words, 8);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &entry, NULL), 0);
	words[1] = 0x100;
	put_words(bytes, words, 8);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &entry, &error), -EBADMSG);
	CHECK_EQ(error.code, IOASID_GUEST_WRONG_RESERVED);
	CHECK_EQ(error.bits, 0x100);
	words[1] = 0x8000;
	put_words(bytes, words, 8);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &entry, &error), -EBADMSG);
	image_close(&image);
}

static void a_failed_decode_leaves_the_result_and_a_good_one_the_error(void)
{
	const uint64_t good[8] = { 0x49 }, bad[8] = { 0x4b | 0x400 };
	struct ioasid_guest_error error = { .code = 77 };
	struct ioasid_guest_vtd_entry entry;
	struct image image;
	uint8_t bytes[64];

	image_open(&image);
	memset(&entry, 0xa5, sizeof(entry));
	put_words(bytes, bad, 8);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &entry, &error), -EBADMSG);
	CHECK_EQ(entry.type, 0xa5a5a5a5);
	CHECK_EQ(entry.pat, 0xa5a5a5a5);
	CHECK_EQ(error.flags, IOASID_GUEST_ERROR_QUIET);
	error.code = 77;
	put_words(bytes, good, 8);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, &entry, &error), 0);
	CHECK_EQ(error.code, 77);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, NULL, &entry, &error), -EINVAL);
	CHECK_EQ(error.code, IOASID_GUEST_WRONG_CALL);
	image_close(&image);
}

static void wrong_calls_are_refused(void)
{
	struct ioasid_guest_vtd_directory directory;
	struct ioasid_guest_vtd_context context;
	struct ioasid_guest_vtd_entry entry;
	const uint8_t bytes[64] = { 0x49 };
	struct image image;
	uint64_t table;

	image_open(&image);
	CHECK_EQ(ioasid_guest_vtd_root_decode(NULL, bytes, &table, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_root_decode(&image.unit, NULL, &table, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_root_decode(&image.unit, bytes, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_context_decode(NULL, bytes, &context, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_context_decode(&image.unit, NULL, &context, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_context_decode(&image.unit, bytes, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_directory_decode(NULL, bytes, &directory, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_directory_decode(&image.unit, NULL, &directory, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_directory_decode(&image.unit, bytes, NULL, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(NULL, bytes, &entry, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, NULL, &entry, NULL), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_entry_decode(&image.unit, bytes, NULL, NULL), -EINVAL);
	image_close(&image);
}

static void root_and_directory_entries_say_what_was_written(void)
{
	const uint64_t root = 0x3ffffffff001, directory[2] = { 0x3ffffffff001, 0x12345003 };
	struct ioasid_guest_vtd_directory d;
	struct image image;
	uint8_t bytes[8];
	uint64_t table;

	image_open(&image);
	put_words(bytes, &root, 1);
	CHECK_EQ(ioasid_guest_vtd_root_decode(&image.unit, bytes, &table, NULL), 0);
	CHECK_EQ(table, 0x3ffffffff000);
	put_words(bytes, directory, 1);
	CHECK_EQ(ioasid_guest_vtd_directory_decode(&image.unit, bytes, &d, NULL), 0);
	CHECK_EQ(d.table, 0x3ffffffff000);
	CHECK_EQ(d.quiet, 0);
	put_words(bytes, directory + 1, 1);
	CHECK_EQ(ioasid_guest_vtd_directory_decode(&image.unit, bytes, &d, NULL), 0);
	CHECK_EQ(d.table, 0x12345000);
	CHECK_EQ(d.quiet, 1);
	image_close(&image);
}

static void a_record_is_what_the_contract_says(void)
{
	static const uint8_t want[256] = { 7, 0, 0, 0, 0, 0, 0, 0, 0, 0x70, 0x56, 0x34, 0x12, 0, 0, 0, 57 };
	struct ioasid_guest_vtd_entry entry = {
		.type = IOASID_GUEST_VTD_FIRST, .first_root = 0x1234567010, .first_width = 57,
		.flags = IOASID_GUEST_VTD_ENTRY_SRE | IOASID_GUEST_VTD_ENTRY_EAFE | IOASID_GUEST_VTD_ENTRY_WPE |
			 IOASID_GUEST_VTD_ENTRY_NXE | IOASID_GUEST_VTD_ENTRY_QUIET };
	struct ioasid_record record;

	CHECK_EQ(ioasid_guest_vtd_entry_record(&entry, &record), -EINVAL); /* a root that is not a page's */
	entry.first_root = 0x1234567000;
	memset(&record, 0xa5, sizeof(record));
	CHECK_EQ(ioasid_guest_vtd_entry_record(&entry, &record), 0);
	CHECK_EQ(record.type, IOASID_BE_PT_VTD_S1);
	CHECK_EQ(record.length, 24);
	CHECK(!memcmp(record.bytes, want, sizeof(want)));
	for (uint32_t flag = 1; flag <= IOASID_GUEST_VTD_ENTRY_QUIET; flag <<= 1) {
		bool unsayable = flag == IOASID_GUEST_VTD_ENTRY_ERE || flag == IOASID_GUEST_VTD_ENTRY_CD ||
				 flag == IOASID_GUEST_VTD_ENTRY_EMTE;

		entry.flags = flag;
		CHECK_EQ(ioasid_guest_vtd_entry_record(&entry, &record), unsayable ? -EOPNOTSUPP : 0);
		if (!unsayable)
			CHECK_EQ(record.bytes[0], flag & 7);
	}
	entry.flags = 0;
	entry.first_width = 39;
	CHECK_EQ(ioasid_guest_vtd_entry_record(&entry, &record), -EINVAL);
	entry.flags = 0;
	for (uint32_t type = IOASID_GUEST_VTD_SECOND; type <= IOASID_GUEST_VTD_PASS_THROUGH; type++) {
		entry.type = type;
		CHECK_EQ(ioasid_guest_vtd_entry_record(&entry, &record), -EOPNOTSUPP);
	}
	entry.type = 5;
	CHECK_EQ(ioasid_guest_vtd_entry_record(&entry, &record), -EINVAL);
	entry.type = 0;
	CHECK_EQ(ioasid_guest_vtd_entry_record(&entry, &record), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_entry_record(NULL, &record), -EINVAL);
	CHECK_EQ(ioasid_guest_vtd_entry_record(&entry, NULL), -EINVAL);
}

static const struct test_case cases[] = {
	{ "what a unit announces is read out of CAP and ECAP", capabilities_of_the_image_are_what_they_claim },
	{ "a context entry says what was written", context_entry_says_what_was_written },
	{ "what the unit lacks is reserved in a context entry", what_the_unit_lacks_is_reserved_in_a_context_entry },
	{ "entries of each type say what was written", entries_of_each_type_say_what_was_written },
	{ "memory types are told where the unit has them", memory_types_are_told_where_the_unit_has_them },
	{ "each flag is told alone", each_flag_is_told_alone },
	{ "root and directory entries say what was written", root_and_directory_entries_say_what_was_written },
	{ "wrong calls are refused", wrong_calls_are_refused },
	{ "types, widths and flags that the unit lacks are refused", types_and_widths_that_the_unit_lacks_are_refused },
	{ "a domain id beyond the unit's is refused", a_domain_id_beyond_the_units_is_refused },
	{ "a failed decode leaves the result alone, a good one the error",
	  a_failed_decode_leaves_the_result_and_a_good_one_the_error },
	{ "S9.1 the record of a first-stage entry is what the contract says", a_record_is_what_the_contract_says },
};

int main(int argc, char **argv)
{
	return TEST_MAIN("guest tables", cases, argc, argv);
}
