/* Units, errors, reads: what every decoder begins with. */
#include "guest.h"

static const int answers[] = {
	[IOASID_GUEST_RIGHT] = 0,
	[IOASID_GUEST_WRONG_CALL] = -EINVAL,
	[IOASID_GUEST_WRONG_READ] = -EFAULT,
	[IOASID_GUEST_WRONG_ABSENT] = -ENOENT,
	[IOASID_GUEST_WRONG_OFF] = -ENOENT,
	[IOASID_GUEST_WRONG_RANGE] = -ERANGE,
	[IOASID_GUEST_WRONG_RESERVED] = -EBADMSG,
	[IOASID_GUEST_WRONG_ADDRESS] = -EBADMSG,
	[IOASID_GUEST_WRONG_VALUE] = -EBADMSG,
	[IOASID_GUEST_WRONG_TYPE] = -EBADMSG,
	[IOASID_GUEST_WRONG_MODE] = -EBADMSG,
	[IOASID_GUEST_WRONG_POINTER] = -EBADMSG,
	[IOASID_GUEST_WRONG_FULL] = -ENOSPC,
};

int ioasid_guest_fail(struct ioasid_guest_error *error, struct ioasid_guest_error what)
{
	if (error)
		*error = what;
	return answers[what.code];
}

int ioasid_guest_fail_call(struct ioasid_guest_error *error)
{
	return ioasid_guest_fail(error, (struct ioasid_guest_error){ .code = IOASID_GUEST_WRONG_CALL });
}

int ioasid_guest_placed(struct ioasid_guest_error *error, int rc, uint64_t address, bool quiet)
{
	if (rc && error) {
		error->address = address;
		if (quiet)
			error->flags |= IOASID_GUEST_ERROR_QUIET;
	}
	return rc;
}

int ioasid_guest_vtd_unit_check(const struct ioasid_guest_vtd_unit *unit)
{
	if (!unit || unit->address_bits < 32 || unit->address_bits > 52 || unit->reserved)
		return -EINVAL;
	if (has(unit->ecap, ECAP_PASID) && field(unit->ecap, 39, 35) > 19)
		return -EINVAL;
	return field(unit->cap, 2, 0) > 6 ? -EINVAL : 0;
}

uint32_t ioasid_guest_vtd_unit_pasids(const struct ioasid_guest_vtd_unit *unit)
{
	if (ioasid_guest_vtd_unit_check(unit) || !has(unit->ecap, ECAP_PASID))
		return 0;
	return UINT32_C(2) << field(unit->ecap, 39, 35);
}

uint32_t ioasid_guest_vtd_unit_domains(const struct ioasid_guest_vtd_unit *unit)
{
	if (ioasid_guest_vtd_unit_check(unit))
		return 0;
	return UINT32_C(16) << 2 * field(unit->cap, 2, 0);
}

int ioasid_guest_read(const struct ioasid_guest_vtd_unit *unit, uint64_t address, uint8_t *bytes,
		      uint32_t length, uint32_t where, uint32_t reason, struct ioasid_guest_error *error)
{
	struct ioasid_guest_error what = { .code = IOASID_GUEST_WRONG_READ, .where = where, .reason = reason,
					   .address = address };

	/* A structure never straddles a page, so its first byte tells for all. */
	what.bits = address & beyond(unit);
	if (what.bits)
		return ioasid_guest_fail(error, what);
	what.answer = unit->memory.read(unit->memory.context, address, bytes, length);
	return what.answer ? ioasid_guest_fail(error, what) : 0;
}

void ioasid_guest_words_load(struct ioasid_guest_words *words, const uint8_t *bytes, uint32_t count)
{
	words->count = count;
	for (uint32_t i = 0; i < count; i++)
		words->word[i] = load64(bytes + 8 * i);
}

static int wrong(const struct ioasid_guest_words *words, uint32_t code, uint32_t offset, uint32_t word,
		 uint64_t bits)
{
	return ioasid_guest_fail(words->error, (struct ioasid_guest_error){
		.code = code, .where = words->where, .reason = words->reason + offset, .word = word,
		.bits = bits });
}

int ioasid_guest_words_reserved(const struct ioasid_guest_words *words, uint32_t word, uint64_t bits)
{
	bits &= words->word[word];
	return bits ? wrong(words, IOASID_GUEST_WRONG_RESERVED, REASON_RESERVED, word, bits) : 0;
}

int ioasid_guest_words_address(const struct ioasid_guest_words *words, uint32_t word,
			       const struct ioasid_guest_vtd_unit *unit)
{
	uint64_t bits = words->word[word] & beyond(unit);

	return bits ? wrong(words, IOASID_GUEST_WRONG_ADDRESS, REASON_RESERVED, word, bits) : 0;
}

int ioasid_guest_words_value(const struct ioasid_guest_words *words, uint32_t word, uint64_t bits)
{
	return wrong(words, IOASID_GUEST_WRONG_VALUE, REASON_INVALID, word, bits);
}

int ioasid_guest_words_absent(const struct ioasid_guest_words *words)
{
	return wrong(words, IOASID_GUEST_WRONG_ABSENT, REASON_ABSENT, 0, BIT(0));
}
