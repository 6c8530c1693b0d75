/* Invalidation descriptors: one of any type. */
#include "guest.h"

#include "vtd_descriptor.h"

/* What a type has of reserved bits, by word, and of conditions. The type's own bits are dealt with before. */
struct form {
	uint64_t reserved[2];
	uint64_t ecap; /* the type exists only where ECAP has all of these */
	bool known;
	bool wide;     /* 32 bytes only */
};

static int bad_value(const struct parse *parse, uint32_t word, uint64_t bits)
{
	return ioasid_guest_fail(parse->error, (struct ioasid_guest_error){
		.code = IOASID_GUEST_WRONG_VALUE, .where = IOASID_GUEST_IN_DESCRIPTOR, .reason = IQEI_RESERVED,
		.word = word, .bits = bits });
}

static int bad_bits(const struct parse *parse, uint32_t code, uint32_t word, uint64_t bits)
{
	return ioasid_guest_fail(parse->error, (struct ioasid_guest_error){
		.code = code, .where = IOASID_GUEST_IN_DESCRIPTOR,
		.reason = code == IOASID_GUEST_WRONG_TYPE ? IQEI_TYPE : IQEI_RESERVED, .word = word,
		.bits = bits });
}

static int take_domain(struct parse *parse)
{
	uint32_t domain = field(parse->word[0], 31, 16);

	if (domain >= ioasid_guest_vtd_unit_domains(parse->unit))
		return bad_value(parse, 0, BITS(31, 16));
	parse->made.domain = domain;
	return 0;
}

static int take_pasid(struct parse *parse)
{
	uint32_t pasid = field(parse->word[0], 51, 32);

	if (pasid >= ioasid_guest_vtd_unit_pasids(parse->unit))
		return bad_value(parse, 0, BITS(51, 32));
	parse->made.pasid = pasid;
	return 0;
}

static void whole(struct parse *parse)
{
	parse->made.address = 0;
	parse->made.length = IOASID_GUEST_VTD_LENGTH_ALL;
}

/* 2^@order pages around an address. */
static void take_range(struct parse *parse, uint64_t address, uint32_t order)
{
	if (order >= 52) {
		whole(parse);
		return;
	}
	parse->made.length = UINT64_C(4096) << order;
	parse->made.address = address & ~(parse->made.length - 1);
}

static uint32_t granularity(const struct parse *parse)
{
	return field(parse->word[0], 5, 4);
}

static int decode_context(struct parse *parse)
{
	/* FM leaves out none, the highest one, two or all three bits of the function. */
	static const uint32_t masks[] = { 0, 4, 6, 7 };

	switch (granularity(parse)) {
	case 1:
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_GLOBAL;
		return 0;
	case 2:
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_DOMAIN;
		return take_domain(parse);
	case 3:
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_DEVICE;
		parse->made.source = field(parse->word[0], 47, 32);
		parse->made.source_mask = masks[field(parse->word[0], 49, 48)];
		return take_domain(parse);
	default:
		return bad_value(parse, 0, BITS(5, 4));
	}
}

static int decode_iotlb(struct parse *parse)
{
	uint32_t order = field(parse->word[1], 5, 0);

	parse->made.flags = (parse->word[0] & BIT(6) ? IOASID_GUEST_VTD_INV_DRAIN_WRITES : 0) |
			    (parse->word[0] & BIT(7) ? IOASID_GUEST_VTD_INV_DRAIN_READS : 0);
	whole(parse);
	switch (granularity(parse)) {
	case 1:
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_GLOBAL;
		return 0;
	case 2:
		break;
	case 3:
		if (!has(parse->unit->cap, CAP_PSI))
			break;
		/* CAP.MAMV is the greatest mask that the unit takes. */
		if (order > field(parse->unit->cap, 53, 48))
			return bad_value(parse, 1, BITS(5, 0));
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_PAGES;
		parse->made.flags |= parse->word[1] & BIT(6) ? IOASID_GUEST_VTD_INV_LEAF : 0;
		take_range(parse, parse->word[1], order);
		return take_domain(parse);
	default:
		return bad_value(parse, 0, BITS(5, 4));
	}
	parse->made.scope = IOASID_GUEST_VTD_SCOPE_DOMAIN;
	return take_domain(parse);
}

/* A device TLB's range: one page, or with S as many as the lowest clear bit of the address tells. */
static int take_device_range(struct parse *parse, bool sized, uint32_t all)
{
	uint64_t page = parse->word[1] >> 12;
	uint32_t ones = 0;

	parse->made.scope = IOASID_GUEST_VTD_SCOPE_PAGES;
	if (!sized) {
		take_range(parse, parse->word[1], 0);
		return 0;
	}
	while (ones < 52 && page & BIT(ones))
		ones++;
	if (ones == 52)
		return bad_value(parse, 1, BITS(63, 12));
	take_range(parse, parse->word[1], ones + 1);
	if (ones == 51)
		parse->made.scope = all;
	return 0;
}

static int take_physical(struct parse *parse)
{
	uint64_t bits = BITS(15, 12) | BITS(63, 52);

	if (!has(parse->unit->ecap, ECAP_DIT) && parse->word[0] & bits)
		return bad_bits(parse, IOASID_GUEST_WRONG_RESERVED, 0, parse->word[0] & bits);
	parse->made.physical = field(parse->word[0], 15, 12) | field(parse->word[0], 63, 52) << 4;
	return 0;
}

static int decode_device_tlb(struct parse *parse)
{
	int rc = take_physical(parse);

	parse->made.source = field(parse->word[0], 47, 32);
	parse->made.throttle = field(parse->word[0], 20, 16);
	return rc ? rc : take_device_range(parse, parse->word[1] & BIT(0), IOASID_GUEST_VTD_SCOPE_DEVICE);
}

static int decode_pasid_tlb(struct parse *parse)
{
	uint32_t all = IOASID_GUEST_VTD_SCOPE_PASID;
	int rc = take_physical(parse);

	parse->made.source = field(parse->word[0], 31, 16);
	parse->made.throttle = field(parse->word[0], 8, 4);
	if (parse->word[1] & BIT(0)) {
		parse->made.flags = IOASID_GUEST_VTD_INV_ALL_PASIDS;
		all = IOASID_GUEST_VTD_SCOPE_DEVICE;
	} else if (!rc) {
		rc = take_pasid(parse);
	}
	return rc ? rc : take_device_range(parse, parse->word[1] & BIT(11), all);
}

static int decode_interrupt(struct parse *parse)
{
	uint32_t mask = field(parse->word[0], 31, 27);

	if (!(parse->word[0] & BIT(4))) {
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_GLOBAL;
		return 0;
	}
	/* ECAP.MHMV is the greatest mask that the unit takes. */
	if (mask > field(parse->unit->ecap, 23, 20))
		return bad_value(parse, 0, BITS(31, 27));
	parse->made.scope = IOASID_GUEST_VTD_SCOPE_INDEX;
	parse->made.count = UINT32_C(1) << mask;
	parse->made.index = field(parse->word[0], 47, 32) & ~(parse->made.count - 1);
	return 0;
}

static int decode_wait(struct parse *parse)
{
	if (parse->word[0] & BIT(7) && !has(parse->unit->ecap, ECAP_PDS))
		return bad_bits(parse, IOASID_GUEST_WRONG_RESERVED, 0, BIT(7));
	parse->made.flags = (parse->word[0] & BIT(4) ? IOASID_GUEST_VTD_WAIT_INTERRUPT : 0) |
			    (parse->word[0] & BIT(5) ? IOASID_GUEST_VTD_WAIT_STATUS : 0) |
			    (parse->word[0] & BIT(6) ? IOASID_GUEST_VTD_WAIT_FENCE : 0) |
			    (parse->word[0] & BIT(7) ? IOASID_GUEST_VTD_WAIT_DRAIN_PAGES : 0);
	if (!(parse->word[0] & BIT(5)))
		return 0;
	if (parse->word[1] & beyond(parse->unit))
		return bad_bits(parse, IOASID_GUEST_WRONG_ADDRESS, 1, parse->word[1] & beyond(parse->unit));
	parse->made.status_address = parse->word[1];
	parse->made.status_data = field(parse->word[0], 63, 32);
	return 0;
}

static int decode_pasid_iotlb(struct parse *parse)
{
	uint32_t order = field(parse->word[1], 5, 0);
	int rc = take_domain(parse);

	if (!rc)
		rc = take_pasid(parse);
	if (rc)
		return rc;
	whole(parse);
	switch (granularity(parse)) {
	case 2:
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_PASID;
		return 0;
	case 3:
		/* Any mask that leaves a bit of the address, whatever CAP.MAMV says, or none. */
		if (order > 52)
			return bad_value(parse, 1, BITS(5, 0));
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_PAGES;
		parse->made.flags = parse->word[1] & BIT(6) ? IOASID_GUEST_VTD_INV_LEAF : 0;
		take_range(parse, parse->word[1], order);
		return 0;
	default:
		return bad_value(parse, 0, BITS(5, 4));
	}
}

static int decode_pasid_cache(struct parse *parse)
{
	int rc;

	switch (granularity(parse)) {
	case 0:
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_DOMAIN;
		return take_domain(parse);
	case 1:
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_PASID;
		rc = take_domain(parse);
		return rc ? rc : take_pasid(parse);
	case 3:
		parse->made.scope = IOASID_GUEST_VTD_SCOPE_GLOBAL;
		return 0;
	default:
		return bad_value(parse, 0, BITS(5, 4));
	}
}

static int decode_response(struct parse *parse)
{
	uint32_t code = field(parse->word[0], 15, 12);

	if (code != IOASID_GUEST_VTD_RESPONSE_SUCCESS && code != IOASID_GUEST_VTD_RESPONSE_INVALID &&
	    code != IOASID_GUEST_VTD_RESPONSE_FAILURE)
		return bad_value(parse, 0, BITS(15, 12));
	parse->made.response = code;
	parse->made.source = field(parse->word[0], 31, 16);
	parse->made.group = field(parse->word[1], 11, 3);
	parse->made.flags = parse->word[1] & BIT(2) ? IOASID_GUEST_VTD_RESPONSE_LAST : 0;
	return parse->word[0] & BIT(4) ? take_pasid(parse) : 0;
}

static const struct form forms[] = {
	[IOASID_GUEST_VTD_INV_CONTEXT] = { { BITS(8, 6) | BITS(15, 12) | BITS(63, 50), ~UINT64_C(0) }, 0, true, false },
	[IOASID_GUEST_VTD_INV_IOTLB] = { { BIT(8) | BITS(15, 12) | BITS(63, 32), BITS(11, 7) }, 0, true, false },
	[IOASID_GUEST_VTD_INV_DEVICE_TLB] = { { BITS(8, 4) | BITS(31, 21) | BITS(51, 48), BITS(11, 1) }, ECAP_DT,
					      true, false },
	[IOASID_GUEST_VTD_INV_INTERRUPT] = { { BITS(8, 5) | BITS(26, 12) | BITS(63, 48), ~UINT64_C(0) },
					     ECAP_IR, true, false },
	[IOASID_GUEST_VTD_INV_WAIT] = { { BIT(8) | BITS(31, 12), BITS(1, 0) }, 0, true, false },
	[IOASID_GUEST_VTD_INV_PASID_IOTLB] = { { BITS(8, 6) | BITS(15, 12) | BITS(63, 52), BITS(11, 7) },
					       ECAP_SMTS, true, true },
	[IOASID_GUEST_VTD_INV_PASID_CACHE] = { { BITS(8, 6) | BITS(15, 12) | BITS(63, 52), ~UINT64_C(0) },
					       ECAP_SMTS, true, true },
	[IOASID_GUEST_VTD_INV_PASID_TLB] = { { 0, BITS(10, 1) }, ECAP_SMTS | ECAP_DT, true, true },
	[IOASID_GUEST_VTD_INV_RESPONSE] = { { BITS(8, 5) | BITS(63, 52), BITS(1, 0) | BITS(63, 12) },
					    ECAP_SMTS | ECAP_PRS, true, true },
};

static int decode(struct parse *parse)
{
	switch (parse->made.type) {
	case IOASID_GUEST_VTD_INV_CONTEXT:
		return decode_context(parse);
	case IOASID_GUEST_VTD_INV_IOTLB:
		return decode_iotlb(parse);
	case IOASID_GUEST_VTD_INV_DEVICE_TLB:
		return decode_device_tlb(parse);
	case IOASID_GUEST_VTD_INV_INTERRUPT:
		return decode_interrupt(parse);
	case IOASID_GUEST_VTD_INV_WAIT:
		return decode_wait(parse);
	case IOASID_GUEST_VTD_INV_PASID_IOTLB:
		return decode_pasid_iotlb(parse);
	case IOASID_GUEST_VTD_INV_PASID_CACHE:
		return decode_pasid_cache(parse);
	case IOASID_GUEST_VTD_INV_PASID_TLB:
		return decode_pasid_tlb(parse);
	default:
		return decode_response(parse);
	}
}

/* The type is in two places: its low four bits, and three that no type uses yet. */
static const struct form *form_of(const struct parse *parse, uint32_t width)
{
	uint32_t type = field(parse->word[0], 3, 0) | field(parse->word[0], 11, 9) << 4;

	if (type >= sizeof(forms) / sizeof(forms[0]) || !forms[type].known)
		return NULL;
	if (!has(parse->unit->ecap, forms[type].ecap) || (forms[type].wide && width != 32))
		return NULL;
	return &forms[type];
}

int ioasid_guest_descriptor_parse(struct parse *parse, uint32_t width)
{
	const struct form *form = form_of(parse, width);

	if (!form)
		return bad_bits(parse, IOASID_GUEST_WRONG_TYPE, 0, BITS(3, 0) | BITS(11, 9));
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t bits = parse->word[i] & (i < 2 ? form->reserved[i] : ~UINT64_C(0));

		if (bits)
			return bad_bits(parse, IOASID_GUEST_WRONG_RESERVED, i, bits);
	}
	parse->made.type = field(parse->word[0], 3, 0);
	parse->made.pasid = IOASID_GUEST_VTD_NO_PASID;
	return decode(parse);
}
