/*
 * Finding a device's context entry and PASID table entries in guest memory: one, or step by step all of a
 * range or domain.
 *
 * A guest's tables may be as large and as wrong as it likes, and change while they are read. Every call reads
 * a bounded number of structures, whatever is in them; a walk goes on from where it was, always upwards, and
 * tells of what is wrong without stopping at it.
 */
#ifndef IOASID_GUEST_VTD_WALK_H
#define IOASID_GUEST_VTD_WALK_H

#include <stdint.h>

#include <ioasid-guest/vtd_table.h>

IOASID_BEGIN_DECLS

/**
 * ioasid_guest_vtd_context_find() - Find the context entry of a device.
 * @unit: the unit
 * @rtaddr: RTADDR_REG as the guest wrote it
 * @source: requester id: bus << 8 | device << 3 | function
 * @context: receives what the entry says
 * @error: NULL, or receives what is wrong; its reason is the fault reason that the unit records
 *
 * Reads two structures.
 *
 * Context: any thread; blocks if the memory callback does; restricted: as the callback is.
 * Return: 0; -EINVAL: the call, or a source over 16 bits; -ENOENT: root or context entry not present;
 * -EFAULT: the callback failed; -EBADMSG: RTADDR_REG is not of scalable mode or has reserved bits, or an entry
 * is malformed.
 */
IOASID_API int ioasid_guest_vtd_context_find(const struct ioasid_guest_vtd_unit *unit, uint64_t rtaddr,
					     uint32_t source, struct ioasid_guest_vtd_context *context,
					     struct ioasid_guest_error *error);

/**
 * ioasid_guest_vtd_entry_find() - Find the PASID table entry of a PASID.
 * @unit: the unit
 * @context: the device's context entry
 * @pasid: 0 ... 2^20 - 1, or IOASID_GUEST_VTD_NO_PASID: the entry of requests without PASID
 * @entry: receives what the entry says
 * @error: NULL, or receives what is wrong; its reason is the fault reason that the unit records
 *
 * Reads two structures.
 *
 * Context: any thread; blocks if the memory callback does; restricted: as the callback is.
 * Return: 0; -EINVAL: the call; -ENOENT: directory or table entry not present, or the device may not use
 * PASIDs; -ERANGE: beyond the directory, or what the unit allows; -EFAULT: the callback failed; -EBADMSG: an
 * entry is malformed.
 */
IOASID_API int ioasid_guest_vtd_entry_find(const struct ioasid_guest_vtd_unit *unit,
					   const struct ioasid_guest_vtd_context *context, uint32_t pasid,
					   struct ioasid_guest_vtd_entry *entry, struct ioasid_guest_error *error);

/* Where a walk stands. Begun by ioasid_guest_vtd_cursor_init(); to be kept, not changed. */
#define IOASID_GUEST_VTD_ANY_DOMAIN UINT32_C(0xffffffff)
struct ioasid_guest_vtd_cursor {
	uint32_t next;   /* the PASID that is looked at next */
	uint32_t last;   /* the last one */
	uint32_t domain; /* entries of this domain only, or IOASID_GUEST_VTD_ANY_DOMAIN */
	uint32_t done;   /* 1: the walk is over */
};

/* What a walk finds: an entry, or something malformed or unreadable. What is absent is passed over. */
struct ioasid_guest_vtd_item {
	struct ioasid_guest_vtd_entry entry; /* with status 0 */
	struct ioasid_guest_error error;     /* with another status */
	uint32_t pasid;                      /* the first one that is meant */
	uint32_t count;                      /* how many: 1; more where a directory cannot be read */
	int32_t status;                      /* 0, -EFAULT or -EBADMSG */
	uint32_t reserved;                   /* 0 */
};

/* The least budget of a call that gets on. */
#define IOASID_GUEST_VTD_BUDGET_MIN UINT32_C(2)

/**
 * ioasid_guest_vtd_cursor_init() - Begin a walk.
 * @cursor: receives where it stands
 * @first: the first PASID
 * @last: the last PASID, 0 ... 2^20 - 1; those that the device cannot have are passed over
 * @domain: 0 ... 2^16 - 1: only entries of that domain, and what is malformed; or IOASID_GUEST_VTD_ANY_DOMAIN
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: 0; -EINVAL: NULL, first beyond last, last over 20 bits, domain over 16.
 */
IOASID_API int ioasid_guest_vtd_cursor_init(struct ioasid_guest_vtd_cursor *cursor, uint32_t first,
					    uint32_t last, uint32_t domain);

/**
 * ioasid_guest_vtd_walk() - Go on with a walk.
 * @unit: the unit
 * @context: the device's context entry, may be read again between calls
 * @cursor: where the walk stands, written
 * @budget: how often guest memory may be read in this call, at least IOASID_GUEST_VTD_BUDGET_MIN
 * @items: receives what is found, in ascending order
 * @capacity: how many items there is room for, at least 1
 * @count: receives how many were found
 *
 * One read tells of 512 PASIDs whose directory entries are absent, so a walk of an empty directory of 2^20
 * takes 2048. Ends when the budget is used up, the room full or the walk over. The device need not have
 * PASIDs enabled.
 *
 * Context: any thread; blocks if the memory callback does; restricted: as the callback is.
 * Return: 1: there may be more, call again; 0: the walk is over; -EINVAL: the call, @count is 0.
 */
IOASID_API int ioasid_guest_vtd_walk(const struct ioasid_guest_vtd_unit *unit,
				     const struct ioasid_guest_vtd_context *context,
				     struct ioasid_guest_vtd_cursor *cursor, uint32_t budget,
				     struct ioasid_guest_vtd_item *items, uint32_t capacity, uint32_t *count);

IOASID_END_DECLS

#endif
