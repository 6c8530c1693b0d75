/*
 * VT-d's page request queue: what the unit tells its guest of faults that wait for an answer.
 */
#ifndef IOASID_GUEST_VTD_PAGE_REQUEST_H
#define IOASID_GUEST_VTD_PAGE_REQUEST_H

#include <stdint.h>

#include <ioasid-guest/vtd_unit.h>

IOASID_BEGIN_DECLS

#define IOASID_GUEST_VTD_PAGE_READ  UINT32_C(1)
#define IOASID_GUEST_VTD_PAGE_WRITE UINT32_C(2)
#define IOASID_GUEST_VTD_PAGE_EXEC  UINT32_C(4)  /* with a PASID only */
#define IOASID_GUEST_VTD_PAGE_PRIV  UINT32_C(8)  /* with a PASID only */
#define IOASID_GUEST_VTD_PAGE_LAST  UINT32_C(16) /* last of its group: the group wants one answer */
struct ioasid_guest_vtd_page_request {
	uint64_t address; /* of the page; bits 11:0 are not told */
	uint32_t source;  /* requester id of the device */
	uint32_t pasid;   /* the guest's, or IOASID_GUEST_VTD_NO_PASID */
	uint32_t group;   /* 0 ... 511 */
	uint32_t flags;   /* IOASID_GUEST_VTD_PAGE_*, one of READ, WRITE, EXEC at least */
};

/* Bytes of a page request descriptor. */
#define IOASID_GUEST_VTD_PAGE_REQUEST_BYTES UINT32_C(32)

#define IOASID_GUEST_VTD_PRS_PENDING  UINT32_C(1) /* PPR */
#define IOASID_GUEST_VTD_PRS_OVERFLOW UINT32_C(2) /* PRO */
/* The registers, as the emulated unit has them. */
struct ioasid_guest_vtd_page_queue {
	uint64_t pqa; /* PQA_REG: where the queue is, and its size */
	uint64_t pqh; /* PQH_REG: written by the guest */
	uint64_t pqt; /* PQT_REG: written by ioasid_guest_vtd_page_queue_put() */
	uint64_t prs; /* PRS_REG: IOASID_GUEST_VTD_PRS_*, set here, cleared by the guest */
};

/* What has to be written into guest memory before the guest sees the new pqt. */
struct ioasid_guest_vtd_page_slot {
	uint64_t address;  /* guest physical */
	uint8_t bytes[32];
};

/**
 * ioasid_guest_vtd_page_request_encode() - Write a page request as the guest reads it.
 * @request: the request
 * @bytes: receives IOASID_GUEST_VTD_PAGE_REQUEST_BYTES
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 0; -EINVAL: NULL, source over 16 bits, PASID over 20, group over 9, unknown flags, no access, EXEC
 * or PRIV without PASID.
 */
IOASID_API int ioasid_guest_vtd_page_request_encode(const struct ioasid_guest_vtd_page_request *request,
						    uint8_t *bytes);

/**
 * ioasid_guest_vtd_page_queue_put() - Put a page request into the guest's queue.
 * @unit: the unit
 * @queue: its registers; on success pqt goes on and PPR is set, on overflow PRO is set
 * @request: the request
 * @slot: receives what to write and where
 * @error: NULL, or receives what is wrong
 *
 * The queue is full when one slot is left. While PRO is set the unit takes no requests, and the guest is not
 * told of them: the caller answers those with IOASID_GUEST_VTD_PAGE_LAST, so that the device asks again.
 *
 * Context: any thread, one at a time for a queue; restricted: yes; never blocks.
 * Return: 0: write the slot, then publish the registers, then raise the event; -ENOSPC: overflow, by this
 * request or since one before; -EBADMSG: PQA_REG or PQH_REG is malformed, or pqt is not in the queue that
 * PQA_REG now tells; -EINVAL: the call, the request, or a unit without ECAP.PRS. On error nothing but PRO is
 * changed.
 */
IOASID_API int ioasid_guest_vtd_page_queue_put(const struct ioasid_guest_vtd_unit *unit,
					       struct ioasid_guest_vtd_page_queue *queue,
					       const struct ioasid_guest_vtd_page_request *request,
					       struct ioasid_guest_vtd_page_slot *slot,
					       struct ioasid_guest_error *error);

IOASID_END_DECLS

#endif
