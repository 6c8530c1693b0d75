/*
 * Invalidation: making the hardware forget translations that a page table no longer has (S17).
 *
 * A guest changes entries of its page tables and then asks its IOMMU to forget what was cached of them. A VMM
 * passes that on with ioasid_invalidate(): many at a time, in the guest's order. When it returns, all caches
 * that were meant, in IOMMUs and in devices, have forgotten, so the guest's wait may complete.
 *
 * What is invalidated is always the set's own. A target that is not there, or no longer, or that belongs to
 * another set, is a success without effect: guests invalidate what they have just torn down (S17.3), and real
 * hardware does not mind either.
 *
 * Changes of address spaces (ioasid_address_space_unmap()) invalidate by themselves.
 */
#ifndef IOASID_INVALIDATE_H
#define IOASID_INVALIDATE_H

#include <stddef.h>
#include <stdint.h>

#include <ioasid/device.h>
#include <ioasid/export.h>
#include <ioasid/types.h>

IOASID_BEGIN_DECLS

/* What an item is about, and by which of its members (S17.1). */
#define IOASID_INVALIDATE_BINDING UINT32_C(1) /* `device` and `id` (IOASID_NO_PASID: its RID): that slot only */
#define IOASID_INVALIDATE_IOASID UINT32_C(2)  /* `id`, on all devices */
#define IOASID_INVALIDATE_SPID UINT32_C(3)    /* `spid` of the set, on all devices */
#define IOASID_INVALIDATE_DOMAIN UINT32_C(4)  /* `domain`: what was bound with it, see IOASID_BIND_DOMAIN */
#define IOASID_INVALIDATE_DEVICE UINT32_C(5)  /* `device`: all that the set has bound there, whatever the range */
#define IOASID_INVALIDATE_SET UINT32_C(6)     /* all that the set has bound, RIDs included */

#define IOASID_INVALIDATE_LEAF UINT32_C(1)   /* only last-level entries have changed */
#define IOASID_INVALIDATE_DEVTLB UINT32_C(2) /* only caches in devices; else they are included */

/* The length that stands for everything. */
#define IOASID_INVALIDATE_ALL UINT64_MAX

/* One invalidation. Members that the scope does not name are not looked at. */
struct ioasid_invalidation {
	uint32_t struct_size;         /* sizeof(struct ioasid_invalidation), the same in all items of a call */
	uint32_t scope;               /* IOASID_INVALIDATE_BINDING ... _SET */
	uint32_t flags;               /* IOASID_INVALIDATE_LEAF, _DEVTLB */
	ioasid_t id;
	ioasid_spid_t spid;
	uint32_t reserved;            /* 0 */
	struct ioasid_device *device;
	uint64_t domain;
	uint64_t address;             /* what is forgotten, as the device sees it */
	uint64_t length;              /* bytes, not 0; IOASID_INVALIDATE_ALL: everything, wherever `address` is */
};

/**
 * ioasid_invalidate() - Make the hardware forget cached translations.
 * @set: whose they are; the root handle: anybody's, but then neither SPID nor DOMAIN
 * @items: what is meant, one struct behind the other
 * @count: how many; 0 is a success
 * @done: receives how many of the first items are surely done, on failure too; NULL: not wanted
 *
 * Items are done in their order, up to the first failure. A page table is invalidated once for each item that
 * means it, however many devices share it. More may be forgotten than was asked for, up to all that the page
 * table or address space has. Takes no memory, and waits for no other call but the backend's: it may run
 * beside binds, unbinds, rebinds, frees and closes of what it means, of which those that end a page table
 * wait for it. (S17.2 to S17.4)
 *
 * Context: any thread; waits for backend calls, each at most the context's deadline; restricted: no.
 * Return: 0; -EINVAL: NULL, struct_size too small, no multiple of 8 or not that of the first, unknown scope
 * or flags, reserved not 0, a length of 0, a range beyond 2^64, a device of another pool, a SPID over 20
 * bits, or SPID or DOMAIN with the root handle: then nothing was done; -E2BIG: bytes beyond the known ones
 * are not 0: the same; -EOPNOTSUPP: the backend has no invalidation; -EIO, -ENODEV, -ETIMEDOUT: of the
 * backend; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_invalidate(struct ioasid_set *set, const struct ioasid_invalidation *items, size_t count,
				 size_t *done);

IOASID_END_DECLS

#endif
