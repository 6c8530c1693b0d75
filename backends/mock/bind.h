/* Batches of bindings: taking items in, checking them, and doing them one by one. */
#ifndef MOCK_BIND_H
#define MOCK_BIND_H

#include "slot.h"

/* One item. Its target is empty where nothing is attached. */
struct binding {
	struct ioasid_mock *mock;
	struct ioasid_be_ctx *ctx;
	struct device *device;
	uint32_t pasid;
	bool hitless; /* asked for */
	struct target target;
	struct inject_call call;
	struct ioasid_be_text *why; /* may be NULL */
};

/*
 * bind_batch() - take a batch in and do @fn for each item, up to the first failure.
 *
 * Context: nothing held; @fn is called with the machine's lock.
 */
int32_t bind_batch(struct ioasid_be_ctx *ctx, struct ioasid_be_batch *binds, uint32_t op,
		   int32_t (*fn)(const struct binding *b), struct ioasid_be_text *why);

/*
 * bind_fits() - may the device's slot have this target? Context: the machine's lock.
 *
 * Return: 0; EOPNOTSUPP: device or address space lacks something; EINVAL: does not fit the device; EBUSY: the
 * RID is in the way. The reason goes to @b->why.
 */
int32_t bind_fits(const struct binding *b);

/* bind_room() - is one binding more within the limits? ENOSPC. Context: the machine's lock. */
int32_t bind_room(const struct binding *b);

#endif
