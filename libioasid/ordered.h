/*
 * Policies that promise an order: lowest-first, cyclic, random (S1.6).
 *
 * Three levels of bits: `bits` one per ID, `groups` one per 64 IDs, `summary` one per word of groups. Each
 * group has a lock: under it a bit is set exactly while the ID's word is FREE. Each word of groups has a lock
 * too, taken inside, for going between empty and not. So, at any moment and without a lock: an ID that is
 * FREE has its group's and its summary's bits set, and a search that passes a clear one passes nothing that
 * was FREE throughout. The locks are held for a few instructions.
 */
#ifndef IOASID_ORDERED_H
#define IOASID_ORDERED_H

#include "libioasid/ids.h"

/* A lock of one byte, for a few instructions; yields if its holder was preempted. */
void ioasid__byte_wait(_Atomic uint8_t *l); /* waits and takes it */

static inline bool byte_try_lock(_Atomic uint8_t *l)
{
	/* Acquire: what the last holder changed is seen. */
	return atomic_exchange_explicit(l, 1, memory_order_acquire) == 0;
}

static inline void byte_lock(_Atomic uint8_t *l)
{
	if (!byte_try_lock(l))
		ioasid__byte_wait(l);
}

static inline void byte_unlock(_Atomic uint8_t *l)
{
	atomic_store_explicit(l, 0, memory_order_release);
}

/* Takes an ID of the window as the policy wants; false: found none, which is no proof that there was none. */
bool ioasid__ordered_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id);
bool ioasid__ordered_take_one(struct ioasid_pool *pool, ioasid_t id, uint64_t birth);
void ioasid__ordered_give(struct ioasid_pool *pool, ioasid_t id, uint64_t free_word);
/* After the bits were laid out. */
void ioasid__ordered_init(struct ioasid_pool *pool);

#endif
