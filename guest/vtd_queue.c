/* The invalidation queue: from the registers to descriptors. */
#include "guest.h"

#include "vtd_descriptor.h"

#define IQA_QS       BITS(2, 0)
#define IQA_RESERVED BITS(10, 3)
#define IQA_DW       BIT(11)

int ioasid_guest_vtd_invalidation_decode(const struct ioasid_guest_vtd_unit *unit, const uint8_t *bytes,
					 uint32_t width, struct ioasid_guest_vtd_invalidation *invalidation,
					 struct ioasid_guest_error *error)
{
	struct parse parse = { .unit = unit, .error = error };
	int rc;

	if (ioasid_guest_vtd_unit_check(unit) || !bytes || (width != 16 && width != 32) || !invalidation)
		return ioasid_guest_fail_call(error);
	for (uint32_t i = 0; i < width / 8; i++)
		parse.word[i] = load64(bytes + 8 * i);
	rc = ioasid_guest_descriptor_parse(&parse, width);
	if (!rc)
		*invalidation = parse.made;
	return rc;
}

static int bad_queue(struct ioasid_guest_error *error, uint32_t code, uint32_t reason, uint64_t bits)
{
	return ioasid_guest_fail(error, (struct ioasid_guest_error){
		.code = code, .where = IOASID_GUEST_IN_QUEUE, .reason = reason, .bits = bits });
}

static int check_registers(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_vtd_queue *queue,
			   struct ioasid_guest_error *error)
{
	uint32_t width = queue->iqa & IQA_DW ? 32 : 16;
	uint64_t size = UINT64_C(4096) << (queue->iqa & IQA_QS);
	bool scalable = field(queue->rtaddr, 11, 10) == 1;

	if (queue->iqa & IQA_RESERVED)
		return bad_queue(error, IOASID_GUEST_WRONG_RESERVED, IQEI_RESERVED, queue->iqa & IQA_RESERVED);
	if (queue->iqa & beyond(unit))
		return bad_queue(error, IOASID_GUEST_WRONG_ADDRESS, IQEI_FETCH, queue->iqa & beyond(unit));
	if (width == 32 ? !has(unit->ecap, ECAP_SMTS) : scalable)
		return bad_queue(error, IOASID_GUEST_WRONG_MODE, IQEI_WIDTH, IQA_DW);
	if (queue->iqt >= size || queue->iqt & BITS(3, 0))
		return bad_queue(error, IOASID_GUEST_WRONG_POINTER, IQEI_TAIL, queue->iqt);
	if (queue->iqt % width)
		return bad_queue(error, IOASID_GUEST_WRONG_POINTER, IQEI_MISALIGNED, BIT(4));
	/* Head is the unit's own, but the guest may have made the queue smaller or wider under it. */
	if (queue->iqh >= size || queue->iqh % width)
		return bad_queue(error, IOASID_GUEST_WRONG_POINTER, IQEI_TAIL, queue->iqh);
	return 0;
}

/* The descriptor at the head. */
static int read_one(const struct ioasid_guest_vtd_unit *unit, const struct ioasid_guest_vtd_queue *queue,
		    uint32_t width, struct ioasid_guest_vtd_invalidation *invalidation,
		    struct ioasid_guest_error *error)
{
	uint64_t address = (queue->iqa & ~PAGE_BITS) + queue->iqh;
	uint8_t bytes[32] = { 0 };
	int rc = ioasid_guest_read(unit, address, bytes, width, IOASID_GUEST_IN_DESCRIPTOR, IQEI_FETCH, error);

	if (!rc)
		rc = ioasid_guest_vtd_invalidation_decode(unit, bytes, width, invalidation, error);
	return ioasid_guest_placed(error, rc, address, false);
}

int ioasid_guest_vtd_queue_read(const struct ioasid_guest_vtd_unit *unit, struct ioasid_guest_vtd_queue *queue,
				struct ioasid_guest_vtd_invalidation *invalidations, uint32_t capacity,
				uint32_t *count, struct ioasid_guest_error *error)
{
	uint32_t width;
	uint64_t size;
	int rc;

	if (!count)
		return ioasid_guest_fail_call(error);
	*count = 0;
	if (ioasid_guest_vtd_unit_check(unit) || !unit->memory.read || !queue || !invalidations || !capacity)
		return ioasid_guest_fail_call(error);
	rc = check_registers(unit, queue, error);
	width = queue->iqa & IQA_DW ? 32 : 16;
	size = UINT64_C(4096) << (queue->iqa & IQA_QS);
	while (!rc && *count < capacity && queue->iqh != queue->iqt) {
		rc = read_one(unit, queue, width, &invalidations[*count], error);
		if (!rc) {
			queue->iqh = (queue->iqh + width) % size;
			++*count;
		}
	}
	return rc;
}
