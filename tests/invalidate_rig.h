/*
 * What tests of invalidation share: items by scope, and invalidations that are stopped in the backend.
 */
#ifndef IOASID_TESTS_INVALIDATE_RIG_H
#define IOASID_TESTS_INVALIDATE_RIG_H

#include "tests/device_rig.h"

/* Items that mean everything of their target; the first one has no target yet. */
struct ioasid_invalidation inv_all(uint32_t scope);
struct ioasid_invalidation inv_binding(struct ioasid_device *device, ioasid_t id);
struct ioasid_invalidation inv_id(ioasid_t id);
struct ioasid_invalidation inv_spid(uint32_t spid);
struct ioasid_invalidation inv_domain(uint64_t domain);
struct ioasid_invalidation inv_device(struct ioasid_device *device);
struct ioasid_invalidation inv_set(void);

/* Invalidates by one item: the answer, after `done` was checked. */
int inv_one(struct ioasid_set *set, struct ioasid_invalidation item);
/* Does the device still read by a translation that it had before its table was changed? */
bool inv_is_stale(struct drig *r, unsigned int device, uint32_t pasid, unsigned int old);
/* How many invalidations the backend was asked for. */
uint64_t inv_calls(struct drig *r);
/* Binds to a table, with a domain id. */
int inv_bind_domain(struct drig *r, unsigned int device, ioasid_t id, unsigned int table, uint64_t cookie,
		    uint64_t domain);

enum { INV_FRAME = 32 }; /* calls that an invalidation makes at once */

/* An invalidation in a thread of its own. */
struct invalidating {
	struct ioasid_set *set;
	struct ioasid_invalidation items[INV_FRAME + 2];
	size_t count, done;
	struct task task;
	struct drig_stop stop;
	int answer;
};

void inv_begin(struct invalidating *c, struct drig *r);
void inv_add(struct invalidating *c, struct ioasid_invalidation item);
/* Starts it, and waits until it is in the backend, where it stays. */
void inv_start(struct invalidating *c, struct drig *r);
/* All of it for one IOASID. */
void inv_start_id(struct invalidating *c, struct drig *r, ioasid_t id);
/* Lets it go on, and checks that it succeeds. */
void inv_finish(struct invalidating *c);

#endif
