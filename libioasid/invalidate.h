/*
 * One call of ioasid_invalidate(), between what is asked for (invalidate.c) and what the backend is told
 * (invalidate_walk.c).
 *
 * Items become calls of the contract, which are gathered in the caller's frame as long as they are of one
 * context, and made without lock or turn. What a call names is kept by pins: of a table, or of the binding
 * that is on an address space. Lists are walked in the order of serials, which only fall from head to end, so
 * a walk goes on behind the last one that it has seen, whatever came and went meanwhile. What came is not
 * missed: it can have cached nothing from before the walk.
 */
#ifndef IOASID_INVALIDATE_PRIVATE_H
#define IOASID_INVALIDATE_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ioasid/invalidate.h>

#include "libioasid/device.h"
#include "libioasid/record.h"

#define INV_CALLS 32u

/* For which item a call is made, and what it keeps. */
struct inv_call {
	size_t index;
	struct table *table;     /* pinned; or NULL */
	struct binding *binding; /* pinned; or NULL */
};

struct inv_op {
	struct devices *all;
	struct ioasid_set *set;                 /* as the caller gave it, may be root */
	const struct ioasid_invalidation *item; /* the one in hand */
	size_t index;                           /* its number */
	uint64_t as_of;                         /* the serial when it was begun */
	int rc;
	size_t done;                            /* with rc: items that surely are */
	struct ioasid_context *context;         /* of what is gathered */
	uint32_t gathered;
	struct inv_call made_for[INV_CALLS];
	struct ioasid_be_inv calls[INV_CALLS];
};

/* All below: lock held, and given back where calls are made. After a failure (rc) nothing is added. */

/* Makes the calls that are gathered. */
void ioasid__inv_flush(struct inv_op *op);

/* Is this binding the set's? */
bool ioasid__inv_owned(const struct inv_op *op, const struct binding *b);
/* Has it translations in caches that the item in hand means? */
bool ioasid__inv_meant(const struct inv_op *op, const struct binding *b);

/* Adds a call for all of a device, or for one of its slots. The caller of the library has named it, and so
 * keeps it. */
void ioasid__inv_device(struct inv_op *op, const struct ioasid_device *device);
void ioasid__inv_slot(struct inv_op *op, const struct ioasid_device *device, ioasid_t id);

/* Adds calls for what is meant of a record: each table and address space once. */
void ioasid__inv_record(struct inv_op *op, struct idrec *rec);
/* The same for each device's RID. */
void ioasid__inv_rids(struct inv_op *op);

#endif
