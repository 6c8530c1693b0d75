/*
 * VT-d's invalidation queue: what a guest asks its unit to invalidate, to wait for, or to answer.
 */
#ifndef IOASID_GUEST_VTD_QUEUE_H
#define IOASID_GUEST_VTD_QUEUE_H

#include <stdint.h>

#include <ioasid-guest/vtd_unit.h>

IOASID_BEGIN_DECLS

/* Types of descriptors, numbered as the specification does. */
#define IOASID_GUEST_VTD_INV_CONTEXT     UINT32_C(1) /* context-cache */
#define IOASID_GUEST_VTD_INV_IOTLB       UINT32_C(2)
#define IOASID_GUEST_VTD_INV_DEVICE_TLB  UINT32_C(3)
#define IOASID_GUEST_VTD_INV_INTERRUPT   UINT32_C(4) /* interrupt entry cache */
#define IOASID_GUEST_VTD_INV_WAIT        UINT32_C(5)
#define IOASID_GUEST_VTD_INV_PASID_IOTLB UINT32_C(6)
#define IOASID_GUEST_VTD_INV_PASID_CACHE UINT32_C(7)
#define IOASID_GUEST_VTD_INV_PASID_TLB   UINT32_C(8) /* PASID-based device TLB */
#define IOASID_GUEST_VTD_INV_RESPONSE    UINT32_C(9) /* page group response */

/* What is meant. */
#define IOASID_GUEST_VTD_SCOPE_NONE   UINT32_C(0) /* wait and response */
#define IOASID_GUEST_VTD_SCOPE_GLOBAL UINT32_C(1)
#define IOASID_GUEST_VTD_SCOPE_DOMAIN UINT32_C(2) /* domain */
#define IOASID_GUEST_VTD_SCOPE_DEVICE UINT32_C(3) /* source: all of it */
#define IOASID_GUEST_VTD_SCOPE_PASID  UINT32_C(4) /* pasid, of domain or source */
#define IOASID_GUEST_VTD_SCOPE_PAGES  UINT32_C(5) /* address and length, of domain, source, pasid */
#define IOASID_GUEST_VTD_SCOPE_INDEX  UINT32_C(6) /* index and count, of interrupt entries */

#define IOASID_GUEST_VTD_INV_LEAF         UINT32_C(1)   /* IH: only last-level entries changed */
#define IOASID_GUEST_VTD_INV_DRAIN_READS  UINT32_C(2)   /* DR */
#define IOASID_GUEST_VTD_INV_DRAIN_WRITES UINT32_C(4)   /* DW */
#define IOASID_GUEST_VTD_INV_ALL_PASIDS   UINT32_C(8)   /* G of a PASID-based device TLB: every PASID */
#define IOASID_GUEST_VTD_WAIT_INTERRUPT   UINT32_C(16)  /* IF: raise the completion event */
#define IOASID_GUEST_VTD_WAIT_STATUS      UINT32_C(32)  /* SW: write status_data to status_address */
#define IOASID_GUEST_VTD_WAIT_FENCE       UINT32_C(64)  /* FN: later descriptors wait for this one */
#define IOASID_GUEST_VTD_WAIT_DRAIN_PAGES UINT32_C(128) /* PD: earlier page requests are in the queue */
#define IOASID_GUEST_VTD_RESPONSE_LAST    UINT32_C(256) /* the answer to the last request of its group */

/* Codes of page group responses. */
#define IOASID_GUEST_VTD_RESPONSE_SUCCESS UINT32_C(0)
#define IOASID_GUEST_VTD_RESPONSE_INVALID UINT32_C(1)
#define IOASID_GUEST_VTD_RESPONSE_FAILURE UINT32_C(15)

/* The length of everything. */
#define IOASID_GUEST_VTD_LENGTH_ALL UINT64_C(0xffffffffffffffff)

/* A descriptor. What its type and scope do not use is 0, pasid IOASID_GUEST_VTD_NO_PASID. */
struct ioasid_guest_vtd_invalidation {
	uint32_t type;           /* IOASID_GUEST_VTD_INV_* */
	uint32_t scope;          /* IOASID_GUEST_VTD_SCOPE_* */
	uint32_t flags;
	uint32_t domain;         /* DID */
	uint32_t source;         /* requester id of the device */
	uint32_t source_mask;    /* context-cache: bits of source that do not count (FM) */
	uint32_t physical;       /* device TLBs: requester id of the physical function (PFSID), or 0 */
	uint32_t throttle;       /* device TLBs: invalidations that may be pending (MIP), 0: 32 */
	uint32_t pasid;
	uint32_t response;       /* IOASID_GUEST_VTD_RESPONSE_* */
	uint32_t group;          /* of the page requests: 0 ... 511 */
	uint32_t index;          /* of the first interrupt entry */
	uint32_t count;          /* of interrupt entries */
	uint32_t status_data;
	uint64_t status_address; /* guest physical, a multiple of 4 */
	uint64_t address;        /* of the first page */
	uint64_t length;         /* in bytes, a power of two of at least 4096; or IOASID_GUEST_VTD_LENGTH_ALL */
};

/* The registers, as the emulated unit has them. */
struct ioasid_guest_vtd_queue {
	uint64_t rtaddr; /* RTADDR_REG in force */
	uint64_t iqa;    /* IQA_REG: where the queue is, its size and the width of descriptors */
	uint64_t iqt;    /* IQT_REG: written by the guest */
	uint64_t iqh;    /* IQH_REG: written by ioasid_guest_vtd_queue_read() */
};

/**
 * ioasid_guest_vtd_invalidation_decode() - Decode a descriptor.
 * @unit: the unit
 * @bytes: the descriptor
 * @width: its length: 16 or 32 bytes
 * @invalidation: receives what it says
 * @error: NULL, or receives what is wrong; its reason is the error information of IQERCD_REG
 *
 * Page-selective IOTLB invalidations of a unit without CAP.PSI become domain-selective, as the specification
 * has it.
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 0; -EINVAL: the call; -EBADMSG: a type that is undefined, that ECAP does not announce, or that
 * 16 bytes cannot hold; reserved bits, undefined scope or response code, address, address mask, index mask or
 * PASID beyond what the unit announces.
 */
IOASID_API int ioasid_guest_vtd_invalidation_decode(const struct ioasid_guest_vtd_unit *unit,
						    const uint8_t *bytes, uint32_t width,
						    struct ioasid_guest_vtd_invalidation *invalidation,
						    struct ioasid_guest_error *error);

/**
 * ioasid_guest_vtd_queue_read() - Take descriptors out of the invalidation queue.
 * @unit: the unit
 * @queue: its registers; iqh goes on behind what was taken
 * @invalidations: receives the descriptors, in order
 * @capacity: how many there is room for, at least 1
 * @count: receives how many were taken, also on error
 * @error: NULL, or receives what is wrong; its reason is the error information of IQERCD_REG
 *
 * Reads at most @capacity descriptors and never the tail's. Ends in front of the first malformed one, where
 * iqh then points, as a unit's does: carry out what was taken, then show the error to the guest.
 *
 * Context: any thread; blocks if the memory callback does; restricted: as the callback is.
 * Return: 0: taken, and the queue is empty if iqh is iqt; -EINVAL: the call; -EFAULT: the callback failed;
 * -EBADMSG: IQA_REG, IQT_REG or the descriptor at iqh is malformed, iqh is not in the queue that IQA_REG now
 * tells, or the width of descriptors does not suit RTADDR_REG.
 */
IOASID_API int ioasid_guest_vtd_queue_read(const struct ioasid_guest_vtd_unit *unit,
					   struct ioasid_guest_vtd_queue *queue,
					   struct ioasid_guest_vtd_invalidation *invalidations,
					   uint32_t capacity, uint32_t *count, struct ioasid_guest_error *error);

IOASID_END_DECLS

#endif
