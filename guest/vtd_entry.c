/* PASID directory entries and PASID table entries, and what a bind makes of the latter. */
#include "guest.h"

#include "ioasid_backend.h"

#define ENTRY_P   BIT(0)
#define ENTRY_FPD BIT(1)

/* Word 0. Bit 5 was an execute permission of the second stage, which later specifications took back. */
#define ENTRY_SSADE      BIT(9)
#define ENTRY_RESERVED_0 (BIT(5) | BITS(11, 10))
/* Word 1. */
#define ENTRY_RESERVED_1 BITS(22, 16)
#define ENTRY_PWSNP      BIT(23)
#define ENTRY_PGSNP      BIT(24)
#define ENTRY_CD         BIT(25)
#define ENTRY_EMTE       BIT(26)
#define ENTRY_PWT        BIT(30)
#define ENTRY_PCD        BIT(31)
#define ENTRY_MEMORY     (BITS(31, 25) | BITS(63, 32))
/* Word 2. */
#define ENTRY_SRE        BIT(0)
#define ENTRY_ERE        BIT(1)
#define ENTRY_FSPM       BITS(3, 2)
#define ENTRY_WPE        BIT(4)
#define ENTRY_NXE        BIT(5)
#define ENTRY_SMEP       BIT(6)
#define ENTRY_EAFE       BIT(7)
#define ENTRY_RESERVED_2 BITS(11, 8)

/* Bits of iommufd's first stage data. */
#define S1_SRE  UINT64_C(1)
#define S1_EAFE UINT64_C(2)
#define S1_WPE  UINT64_C(4)

int ioasid_guest_vtd_directory_decode(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
				      struct ioasid_guest_vtd_directory *directory,
				      struct ioasid_guest_error *error)
{
	struct ioasid_guest_words words = { .where = IOASID_GUEST_IN_DIRECTORY, .reason = REASON_DIRECTORY,
					    .error = error };
	int rc;

	if (ioasid_guest_vtd_unit_check(unit) || !bytes || !directory)
		return ioasid_guest_fail_call(error);
	ioasid_guest_words_load(&words, bytes, 1);
	rc = words.word[0] & ENTRY_P ? ioasid_guest_words_reserved(&words, 0, BITS(11, 2))
				     : ioasid_guest_words_absent(&words);
	if (!rc)
		rc = ioasid_guest_words_address(&words, 0, unit);
	if (!rc)
		*directory = (struct ioasid_guest_vtd_directory){
			.table = words.word[0] & ~PAGE_BITS, .quiet = has(words.word[0], ENTRY_FPD) };
	return ioasid_guest_placed(error, rc, 0, words.word[0] & ENTRY_FPD);
}

static int check_reserved(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_words *words)
{
	uint64_t ecap = unit->ecap;
	uint64_t reserved[8];
	int rc = 0;

	memset(reserved, 0xff, sizeof(reserved));
	reserved[0] = ENTRY_RESERVED_0 | (has(ecap, ECAP_SSADS) ? 0 : ENTRY_SSADE);
	reserved[1] = ENTRY_RESERVED_1 | (has(ecap, ECAP_SMPWCS) ? 0 : ENTRY_PWSNP) |
		      (has(ecap, ECAP_SC) ? 0 : ENTRY_PGSNP) | (has(ecap, ECAP_MTS) ? 0 : ENTRY_MEMORY) |
		      (BITS(15, 0) & ~(uint64_t)(ioasid_guest_vtd_unit_domains(unit) - 1));
	reserved[2] = ENTRY_RESERVED_2 | (has(ecap, ECAP_SRS) ? 0 : ENTRY_SRE) |
		      (has(ecap, ECAP_ERS) ? 0 : ENTRY_ERE) | (has(ecap, ECAP_EAFS) ? 0 : ENTRY_EAFE);
	for (uint32_t i = 0; i < 8 && !rc; i++)
		rc = ioasid_guest_words_reserved(words, i, reserved[i]);
	return rc;
}

static bool has_first(uint32_t type)
{
	return type == IOASID_GUEST_VTD_FIRST || type == IOASID_GUEST_VTD_NESTED;
}

static bool has_second(uint32_t type)
{
	return type == IOASID_GUEST_VTD_SECOND || type == IOASID_GUEST_VTD_NESTED;
}

static bool type_offered(const struct ioasid_guest_vtd_unit *unit, uint32_t type)
{
	static const uint64_t needs[] = {
		[IOASID_GUEST_VTD_FIRST] = ECAP_FSTS,
		[IOASID_GUEST_VTD_SECOND] = ECAP_SSTS,
		[IOASID_GUEST_VTD_NESTED] = ECAP_FSTS | ECAP_SSTS | ECAP_NEST,
		[IOASID_GUEST_VTD_PASS_THROUGH] = ECAP_PT,
	};

	return type >= IOASID_GUEST_VTD_FIRST && type <= IOASID_GUEST_VTD_PASS_THROUGH &&
	       has(unit->ecap, needs[type]);
}

/* Width and root of the first stage. Under a second stage the root is an address of that one. */
static int decode_first(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_words *words,
			struct ioasid_guest_vtd_entry *entry)
{
	uint64_t mode = words->word[2] & ENTRY_FSPM;

	if (mode > BIT(2) || (mode && !has(unit->cap, CAP_FS5LP)))
		return ioasid_guest_words_value(words, 2, ENTRY_FSPM);
	entry->first_width = mode ? 57 : 48;
	entry->first_root = words->word[2] & ~PAGE_BITS;
	if (entry->type == IOASID_GUEST_VTD_FIRST)
		return ioasid_guest_words_address(words, 2, unit);
	if (entry->first_root & ~BITS(entry->second_width - 1, 0))
		return ioasid_guest_words_value(words, 2, entry->first_root & ~BITS(entry->second_width - 1, 0));
	return 0;
}

/* AW: 1 for 39 bits, 2 for 48, 3 for 57, as far as CAP.SAGAW has the same bit. */
static int decode_width(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_words *words,
			struct ioasid_guest_vtd_entry *entry)
{
	uint32_t width = field(words->word[0], 4, 2);

	if (width < 1 || width > 3 || !(field(unit->cap, 12, 8) & UINT32_C(1) << width))
		return ioasid_guest_words_value(words, 0, BITS(4, 2));
	entry->second_width = 30 + 9 * width;
	return 0;
}

static int decode_stages(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_words *words,
			 struct ioasid_guest_vtd_entry *entry)
{
	int rc = 0;

	if (!type_offered(unit, entry->type))
		return ioasid_guest_words_value(words, 0, BITS(8, 6));
	if (entry->type != IOASID_GUEST_VTD_FIRST)
		rc = decode_width(unit, words, entry);
	if (!rc && has_second(entry->type)) {
		entry->second_root = words->word[0] & ~PAGE_BITS;
		rc = ioasid_guest_words_address(words, 0, unit);
	}
	if (!rc && has_first(entry->type))
		rc = decode_first(unit, words, entry);
	return rc;
}

static uint32_t decode_flags(const uint64_t *word)
{
	static const struct {
		uint32_t word;
		uint32_t flag;
		uint64_t bit;
	} flags[] = {
		{ 0, IOASID_GUEST_VTD_ENTRY_QUIET, ENTRY_FPD },
		{ 0, IOASID_GUEST_VTD_ENTRY_SSADE, ENTRY_SSADE },
		{ 1, IOASID_GUEST_VTD_ENTRY_PWSNP, ENTRY_PWSNP },
		{ 1, IOASID_GUEST_VTD_ENTRY_PGSNP, ENTRY_PGSNP },
		{ 1, IOASID_GUEST_VTD_ENTRY_CD, ENTRY_CD },
		{ 1, IOASID_GUEST_VTD_ENTRY_EMTE, ENTRY_EMTE },
		{ 1, IOASID_GUEST_VTD_ENTRY_PWT, ENTRY_PWT },
		{ 1, IOASID_GUEST_VTD_ENTRY_PCD, ENTRY_PCD },
		{ 2, IOASID_GUEST_VTD_ENTRY_SRE, ENTRY_SRE },
		{ 2, IOASID_GUEST_VTD_ENTRY_ERE, ENTRY_ERE },
		{ 2, IOASID_GUEST_VTD_ENTRY_WPE, ENTRY_WPE },
		{ 2, IOASID_GUEST_VTD_ENTRY_NXE, ENTRY_NXE },
		{ 2, IOASID_GUEST_VTD_ENTRY_SMEP, ENTRY_SMEP },
		{ 2, IOASID_GUEST_VTD_ENTRY_EAFE, ENTRY_EAFE },
	};
	uint32_t set = 0;

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (word[flags[i].word] & flags[i].bit)
			set |= flags[i].flag;
	}
	return set;
}

int ioasid_guest_vtd_entry_decode(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
				  struct ioasid_guest_vtd_entry *entry, struct ioasid_guest_error *error)
{
	struct ioasid_guest_words words = { .where = IOASID_GUEST_IN_ENTRY, .reason = REASON_ENTRY,
					    .error = error };
	struct ioasid_guest_vtd_entry made = { 0 };
	int rc;

	if (ioasid_guest_vtd_unit_check(unit) || !bytes || !entry)
		return ioasid_guest_fail_call(error);
	ioasid_guest_words_load(&words, bytes, 8);
	rc = words.word[0] & ENTRY_P ? check_reserved(unit, &words) : ioasid_guest_words_absent(&words);
	if (!rc) {
		made.type = field(words.word[0], 8, 6);
		rc = decode_stages(unit, &words, &made);
	}
	if (!rc) {
		made.flags = decode_flags(words.word);
		made.domain = field(words.word[1], 15, 0);
		made.memory_type = field(words.word[1], 29, 27);
		made.pat = field(words.word[1], 63, 32);
		*entry = made;
	}
	return ioasid_guest_placed(error, rc, 0, words.word[0] & ENTRY_FPD);
}

int ioasid_guest_vtd_entry_record(const struct ioasid_guest_vtd_entry *entry, struct ioasid_record *record)
{
	const uint32_t unsayable = IOASID_GUEST_VTD_ENTRY_ERE | IOASID_GUEST_VTD_ENTRY_CD |
				   IOASID_GUEST_VTD_ENTRY_EMTE;

	if (!entry || !record || !entry->type || entry->type > IOASID_GUEST_VTD_PASS_THROUGH)
		return -EINVAL;
	if (entry->type != IOASID_GUEST_VTD_FIRST || entry->flags & unsayable)
		return -EOPNOTSUPP;
	if ((entry->first_width != 48 && entry->first_width != 57) || entry->first_root & PAGE_BITS)
		return -EINVAL;
	*record = (struct ioasid_record){ .type = IOASID_BE_PT_VTD_S1, .length = 24 };
	store64(record->bytes, (entry->flags & IOASID_GUEST_VTD_ENTRY_SRE ? S1_SRE : 0) |
				       (entry->flags & IOASID_GUEST_VTD_ENTRY_EAFE ? S1_EAFE : 0) |
				       (entry->flags & IOASID_GUEST_VTD_ENTRY_WPE ? S1_WPE : 0));
	store64(record->bytes + 8, entry->first_root);
	store64(record->bytes + 16, entry->first_width);
	return 0;
}
