/* The page request queue: from faults to what the guest reads. */
#include "guest.h"

#define PQA_PQS       BITS(2, 0)
#define PQA_RESERVED  BITS(11, 3)
#define SLOT          IOASID_GUEST_VTD_PAGE_REQUEST_BYTES
#define PAGE_ACCESS   (IOASID_GUEST_VTD_PAGE_READ | IOASID_GUEST_VTD_PAGE_WRITE | IOASID_GUEST_VTD_PAGE_EXEC)
#define PAGE_OF_PASID (IOASID_GUEST_VTD_PAGE_EXEC | IOASID_GUEST_VTD_PAGE_PRIV)
#define PAGE_FLAGS    (PAGE_ACCESS | IOASID_GUEST_VTD_PAGE_PRIV | IOASID_GUEST_VTD_PAGE_LAST)

static bool request_sane(const struct ioasid_guest_vtd_page_request *request)
{
	if (!request || request->source > SOURCE_MAX || request->group > 511 || request->flags & ~PAGE_FLAGS ||
	    !(request->flags & PAGE_ACCESS))
		return false;
	if (request->pasid == IOASID_GUEST_VTD_NO_PASID)
		return !(request->flags & PAGE_OF_PASID);
	return request->pasid <= PASID_MAX;
}

int ioasid_guest_vtd_page_request_encode(const struct ioasid_guest_vtd_page_request *request, uint8_t *bytes)
{
	uint64_t word[4] = { 1, 0, 0, 0 };

	if (!request_sane(request) || !bytes)
		return -EINVAL;
	word[0] |= (uint64_t)request->source << 16;
	if (request->pasid != IOASID_GUEST_VTD_NO_PASID)
		word[0] |= BIT(8) | (uint64_t)request->pasid << 32;
	word[0] |= (request->flags & IOASID_GUEST_VTD_PAGE_EXEC ? BIT(52) : 0) |
		   (request->flags & IOASID_GUEST_VTD_PAGE_PRIV ? BIT(53) : 0);
	word[1] = (request->flags & IOASID_GUEST_VTD_PAGE_READ ? BIT(0) : 0) |
		  (request->flags & IOASID_GUEST_VTD_PAGE_WRITE ? BIT(1) : 0) |
		  (request->flags & IOASID_GUEST_VTD_PAGE_LAST ? BIT(2) : 0) | (uint64_t)request->group << 3 |
		  (request->address & ~PAGE_BITS);
	for (uint32_t i = 0; i < 4; i++)
		store64(bytes + 8 * i, word[i]);
	return 0;
}

static int bad_queue(struct ioasid_guest_error *error, uint32_t code, uint64_t bits)
{
	return ioasid_guest_fail(error, (struct ioasid_guest_error){
		.code = code, .where = IOASID_GUEST_IN_PAGE_QUEUE, .bits = bits });
}

static int check_registers(const struct ioasid_guest_vtd_unit *unit,
			   const struct ioasid_guest_vtd_page_queue *queue, struct ioasid_guest_error *error)
{
	uint64_t size = UINT64_C(4096) << (queue->pqa & PQA_PQS);

	if (!has(unit->ecap, ECAP_PRS))
		return ioasid_guest_fail_call(error);
	if (queue->pqa & PQA_RESERVED)
		return bad_queue(error, IOASID_GUEST_WRONG_RESERVED, queue->pqa & PQA_RESERVED);
	if (queue->pqa & beyond(unit))
		return bad_queue(error, IOASID_GUEST_WRONG_ADDRESS, queue->pqa & beyond(unit));
	if (queue->pqh >= size || queue->pqh % SLOT)
		return bad_queue(error, IOASID_GUEST_WRONG_POINTER, queue->pqh);
	/* Tail is the unit's own, but the guest may have made the queue smaller under it. */
	if (queue->pqt >= size || queue->pqt % SLOT)
		return bad_queue(error, IOASID_GUEST_WRONG_POINTER, queue->pqt);
	return 0;
}

int ioasid_guest_vtd_page_queue_put(const struct ioasid_guest_vtd_unit *unit,
				    struct ioasid_guest_vtd_page_queue *queue,
				    const struct ioasid_guest_vtd_page_request *request,
				    struct ioasid_guest_vtd_page_slot *slot, struct ioasid_guest_error *error)
{
	uint64_t next;
	int rc;

	if (ioasid_guest_vtd_unit_check(unit) || !queue || !request_sane(request) || !slot)
		return ioasid_guest_fail_call(error);
	rc = check_registers(unit, queue, error);
	if (rc)
		return rc;
	next = (queue->pqt + SLOT) % (UINT64_C(4096) << (queue->pqa & PQA_PQS));
	if (queue->prs & IOASID_GUEST_VTD_PRS_OVERFLOW || next == queue->pqh) {
		queue->prs |= IOASID_GUEST_VTD_PRS_OVERFLOW;
		return bad_queue(error, IOASID_GUEST_WRONG_FULL, 0);
	}
	slot->address = (queue->pqa & ~PAGE_BITS) + queue->pqt;
	ioasid_guest_vtd_page_request_encode(request, slot->bytes);
	queue->pqt = next;
	queue->prs |= IOASID_GUEST_VTD_PRS_PENDING;
	return 0;
}
