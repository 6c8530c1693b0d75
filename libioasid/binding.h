/*
 * What the life of an ID needs of its bindings. Implemented in binding.c; called by life.c and dump.c.
 *
 * W_BOUND in the word says that pool->recs[id] may hold records. It is set, by ioasid__binding_mark_bound()
 * while the ID is ACTIVE, before the first backend call of a bind, and cleared by reclaim.
 */
#ifndef IOASID_BINDING_PRIVATE_H
#define IOASID_BINDING_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

struct ioasid_pool;
struct ioasid_set;

/*
 * After the mark, in sets that block: when it returns 0 no DMA through the ID reaches memory on any device.
 * Waits for backend calls under way, at most the contexts' deadlines. Idempotent; a second caller waits for
 * the first. @w: a word of the marked ID; if its life is over by now there is nothing to block, and what the
 * number is used for next, maybe by another set, is left alone (S2.6). 0; -EIO, -ETIMEDOUT: quarantined. No
 * turn is held, no restricted context.
 */
int ioasid__binding_block(struct ioasid_pool *pool, uint32_t id, uint64_t w);

/* After the mark: answers with failure what devices have asked for through the ID (S10.2). No turn is held,
 * no restricted context. */
void ioasid__binding_answer(struct ioasid_pool *pool, uint32_t id);

/* After the mark, before alloc's reference is dropped: queues the teardown of each record (S9.7). Never
 * blocks; any context. */
void ioasid__binding_teardown(struct ioasid_pool *pool, uint32_t id);

/* At reclaim, with the ID exclusive: forgets the (empty) record. */
void ioasid__binding_forget(struct ioasid_pool *pool, uint32_t id);

/* For dumps and statistics: bindings of an ID, and whether it is parked or quarantined. */
uint32_t ioasid__binding_count(struct ioasid_pool *pool, uint32_t id, bool *parked, bool *quarantined);

/* Is anything in quarantine? Takes the devices' lock. */
bool ioasid__quarantine_any(struct ioasid_pool *pool);

/* Can a number be the SPID of the ID: on a device whose user writes the number on the wire, where it is bound
 * or being bound, that is the ID (S9.12)? May take the devices' lock. */
bool ioasid__binding_fits(struct ioasid_pool *pool, uint32_t id, uint32_t spid);

/* The groups of page requests of an ID that wait for an answer. */
uint32_t ioasid__binding_faults(struct ioasid_pool *pool, uint32_t id);

/* What a pool has of devices and bindings: 0 or -ENOMEM. Destroyed after the executor has run its last item. */
int ioasid__devices_create(struct ioasid_pool *pool);
void ioasid__devices_destroy(struct ioasid_pool *pool);

/* A set has died and its IDs are swept: RIDs of its devices go home. May block, no lock or turn is held. 0,
 * -EIO, -ETIMEDOUT. */
int ioasid__device_set_gone(struct ioasid_set *set);
/* The same for a set that was reset. */
int ioasid__device_set_reset(struct ioasid_set *set);

/* Sets W_BOUND while the ID is ACTIVE and the set's: 0, -ENOENT, -EACCES. In life.c. */
int ioasid__binding_mark_bound(struct ioasid_set *set, uint32_t id);

/* Is the ID marked, or gone? What a bind asks after its backend call. The caller has a counted reference. */
bool ioasid__binding_marked(struct ioasid_pool *pool, uint32_t id);

#endif
