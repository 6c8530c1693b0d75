/*
 * Address spaces: mappings in order of their addresses, and the windows in which there may be some.
 *
 * Mappings are an array, found by bisection; one behind the last is added without moving any. Every function
 * wants the machine's lock.
 */
#ifndef MOCK_SPACE_H
#define MOCK_SPACE_H

#include "machine.h"

/* space_uses() - can an address space have these uses? EINVAL; EOPNOTSUPP with a reason. Needs no lock. */
int32_t space_uses(const struct ioasid_mock *mock, uint32_t uses, struct ioasid_be_text *why);

/* space_create() - a new one in the machine's list; NULL: no memory. */
struct space *space_create(struct ioasid_mock *mock, uint32_t type, uint32_t uses);

/* space_destroy() - end one that has no mapping and that nothing is attached to. */
void space_destroy(struct ioasid_mock *mock, struct space *space);

/* space_find() - somebody else's space by its id, or NULL. */
struct space *space_find(struct ioasid_mock *mock, uint32_t id);

/* space_at() - the mapping over an address, or NULL. */
const struct mapping *space_at(const struct space *space, uint64_t address);

/* space_insert() - add @count ascending mappings without bitmaps, all or none. EEXIST: overlap; ERANGE:
 * outside the windows; ENOMEM. */
int32_t space_insert(struct ioasid_mock *mock, struct space *space, struct mapping *mappings, uint64_t count);

/*
 * space_remove() - take out the mappings within [first, last] that are through @ctx's host (NULL: all), end
 * what is cached and in flight over them, and give back files that nobody maps any more.
 * @bytes: gets how much that was
 *
 * Context: lets the lock go while it waits for DMA in flight and gives files back.
 * Return: 0; ENOENT, without effect: the window cuts a mapping.
 */
int32_t space_remove(struct ioasid_mock *mock, struct space *space, const struct ioasid_be_ctx *ctx,
		     uint64_t first, uint64_t last, uint64_t *bytes);

/* ---- Windows (window.c) ---- */

/* window_usable() - may there be a mapping at [first, last], given what is attached? */
bool window_usable(const struct ioasid_mock *mock, const struct space *space, uint64_t first, uint64_t last);

/* window_fits() - can a device be attached? EINVAL with a reason: a mapping or an allowed window is in the
 * way. */
int32_t window_fits(const struct space *space, const struct device *device, struct ioasid_be_text *why);

/* The operations ranges and allow. */
int32_t window_ranges(struct ioasid_mock *mock, struct space *space, struct ioasid_be_batch *batch,
		      uint32_t *total);
int32_t window_allow(struct ioasid_mock *mock, struct space *space, const struct ioasid_be_array *ranges);

#endif
