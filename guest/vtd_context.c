/* Root and context entries of scalable mode. */
#include "guest.h"

#define ENTRY_P   BIT(0)
#define ENTRY_FPD BIT(1)

#define RTADDR_TTM      BITS(11, 10)
#define RTADDR_SCALABLE BIT(10)
#define RTADDR_RESERVED BITS(9, 0)

#define CONTEXT_DTE      BIT(2)
#define CONTEXT_PASIDE   BIT(3)
#define CONTEXT_PRE      BIT(4)
#define CONTEXT_RESERVED BITS(8, 5)
#define CONTEXT_RID      BITS(19, 0)
#define CONTEXT_PRIV     BIT(20)
#define CONTEXT_RESERVED_1 BITS(63, 21)

int ioasid_guest_vtd_root_decode(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
				 uint64_t *table, struct ioasid_guest_error *error)
{
	struct ioasid_guest_words root = { .where = IOASID_GUEST_IN_ROOT, .reason = REASON_ROOT, .error = error };
	int rc;

	if (ioasid_guest_vtd_unit_check(unit) || !bytes || !table)
		return ioasid_guest_fail_call(error);
	ioasid_guest_words_load(&root, bytes, 1);
	if (!(root.word[0] & ENTRY_P))
		return ioasid_guest_words_absent(&root);
	rc = ioasid_guest_words_reserved(&root, 0, BITS(11, 1));
	if (!rc)
		rc = ioasid_guest_words_address(&root, 0, unit);
	if (!rc)
		*table = root.word[0] & ~PAGE_BITS;
	return rc;
}

/* What is reserved for want of a capability, by word. */
static void context_reserved(const struct ioasid_guest_vtd_unit *unit, uint64_t reserved[2])
{
	reserved[0] = CONTEXT_RESERVED | (has(unit->ecap, ECAP_DT) ? 0 : CONTEXT_DTE) |
		      (has(unit->ecap, ECAP_PASID) ? 0 : CONTEXT_PASIDE) |
		      (has(unit->ecap, ECAP_PRS) ? 0 : CONTEXT_PRE);
	reserved[1] = CONTEXT_RESERVED_1 | (has(unit->ecap, ECAP_RPS) ? 0 : CONTEXT_RID) |
		      (has(unit->ecap, ECAP_SRS) ? 0 : CONTEXT_PRIV);
}

static void context_fill(const struct ioasid_guest_vtd_unit *unit, const uint64_t *word,
			 struct ioasid_guest_vtd_context *context)
{
	uint32_t allowed = ioasid_guest_vtd_unit_pasids(unit);

	*context = (struct ioasid_guest_vtd_context){
		.directory = word[0] & ~PAGE_BITS,
		.entries = UINT32_C(128) << field(word[0], 11, 9),
		.rid_pasid = (uint32_t)(word[1] & CONTEXT_RID),
		.flags = (word[0] & ENTRY_FPD ? IOASID_GUEST_VTD_CONTEXT_QUIET : 0) |
			 (word[0] & CONTEXT_DTE ? IOASID_GUEST_VTD_CONTEXT_DEVICE_TLB : 0) |
			 (word[0] & CONTEXT_PASIDE ? IOASID_GUEST_VTD_CONTEXT_PASID : 0) |
			 (word[0] & CONTEXT_PRE ? IOASID_GUEST_VTD_CONTEXT_PAGE_REQUEST : 0) |
			 (word[1] & CONTEXT_PRIV ? IOASID_GUEST_VTD_CONTEXT_RID_PRIV : 0),
	};
	context->pasids = context->entries * IOASID_GUEST_VTD_TABLE_ENTRIES;
	if (allowed && allowed < context->pasids)
		context->pasids = allowed;
}

int ioasid_guest_vtd_context_decode(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
				    struct ioasid_guest_vtd_context *context, struct ioasid_guest_error *error)
{
	struct ioasid_guest_words words = { .where = IOASID_GUEST_IN_CONTEXT, .reason = REASON_CONTEXT,
					    .error = error };
	uint64_t reserved[4] = { 0, 0, ~UINT64_C(0), ~UINT64_C(0) };
	int rc = 0;

	if (ioasid_guest_vtd_unit_check(unit) || !bytes || !context)
		return ioasid_guest_fail_call(error);
	ioasid_guest_words_load(&words, bytes, 4);
	if (!(words.word[0] & ENTRY_P)) {
		rc = ioasid_guest_words_absent(&words);
	} else {
		context_reserved(unit, reserved);
		for (uint32_t i = 0; i < 4 && !rc; i++)
			rc = ioasid_guest_words_reserved(&words, i, reserved[i]);
		if (!rc)
			rc = ioasid_guest_words_address(&words, 0, unit);
	}
	if (!rc)
		context_fill(unit, words.word, context);
	return ioasid_guest_placed(error, rc, 0, words.word[0] & ENTRY_FPD);
}

static int check_root_table(const struct ioasid_guest_vtd_unit *unit, uint64_t rtaddr,
			    struct ioasid_guest_error *error)
{
	struct ioasid_guest_error what = { .where = IOASID_GUEST_IN_ROOT_TABLE, .reason = REASON_ROOT_TABLE };

	if ((rtaddr & RTADDR_TTM) != RTADDR_SCALABLE) {
		what.code = IOASID_GUEST_WRONG_MODE;
		what.bits = RTADDR_TTM;
		if (!(rtaddr & RTADDR_TTM))
			what.reason = REASON_TTM;
		return ioasid_guest_fail(error, what);
	}
	what.code = IOASID_GUEST_WRONG_RESERVED;
	what.bits = rtaddr & RTADDR_RESERVED;
	if (!what.bits) {
		what.code = IOASID_GUEST_WRONG_ADDRESS;
		what.bits = rtaddr & beyond(unit);
	}
	return what.bits ? ioasid_guest_fail(error, what) : 0;
}

int ioasid_guest_vtd_context_find(const struct ioasid_guest_vtd_unit *unit, uint64_t rtaddr, uint32_t source,
				  struct ioasid_guest_vtd_context *context, struct ioasid_guest_error *error)
{
	uint8_t bytes[IOASID_GUEST_VTD_CONTEXT_BYTES];
	uint64_t address, table = 0;
	int rc;

	if (ioasid_guest_vtd_unit_check(unit) || !unit->memory.read || source > SOURCE_MAX || !context)
		return ioasid_guest_fail_call(error);
	rc = check_root_table(unit, rtaddr, error);
	if (rc)
		return rc;
	/* Sixteen bytes a bus, and of those the upper half for devices from 16 on. */
	address = (rtaddr & ~PAGE_BITS) + 16 * (source >> 8) + (source & 0x80 ? 8 : 0);
	rc = ioasid_guest_read(unit, address, bytes, IOASID_GUEST_VTD_ROOT_HALF_BYTES, IOASID_GUEST_IN_ROOT,
			       REASON_ROOT + REASON_ACCESS, error);
	if (rc)
		return rc;
	rc = ioasid_guest_vtd_root_decode(unit, bytes, &table, error);
	if (rc)
		return ioasid_guest_placed(error, rc, address, false);
	address = table + IOASID_GUEST_VTD_CONTEXT_BYTES * (source & 0x7f);
	rc = ioasid_guest_read(unit, address, bytes, IOASID_GUEST_VTD_CONTEXT_BYTES, IOASID_GUEST_IN_CONTEXT,
			       REASON_CONTEXT + REASON_ACCESS, error);
	if (rc)
		return rc;
	rc = ioasid_guest_vtd_context_decode(unit, bytes, context, error);
	return ioasid_guest_placed(error, rc, address, false);
}
