/*
 * Quota: a promise that is always kept, without a shared counter on the fast path (S1.3, S2.4, S3.1).
 *
 * Each set has `total` credits, one for each ID that it may hold. A credit is in the set's `room`, in a
 * thread's cache, or used by an ID (pending ones included). A limited set got its credits at birth; an
 * unlimited one draws them from the pool's `room`, in batches.
 *
 * A thread changes its cached credit with plain loads and stores, inside a read section in which it has seen
 * the set without SET_EXACT. Who wants it all sets SET_EXACT, waits a grace period, and may then take the
 * caches empty: nobody touches them any more until SET_EXACT is cleared, which needs the pool's quota lock.
 */
#ifndef IOASID_QUOTA_H
#define IOASID_QUOTA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "libioasid/pool.h"
#include "libioasid/thread.h"

/* This thread's entry for a set; NULL: it caches another set there, or none. */
static inline struct credit *quota_entry(struct thread_cache *c, const struct ioasid_set *set)
{
	struct credit *e = &c->credits[set->index % CREDITS];

	return atomic_load_explicit(&e->set, memory_order_relaxed) == set ? e : NULL;
}

/* Takes one of @left cached credits, more than 0. As quota_take_cached(). */
static inline void quota_take_seen(struct credit *e, uint32_t left)
{
	atomic_store_explicit(&e->left, --left, memory_order_relaxed);
	if (left < atomic_load_explicit(&e->low, memory_order_relaxed))
		atomic_store_explicit(&e->low, left, memory_order_relaxed);
}

/* Fast path: one cached credit. Inside a read section, with the set not slow. */
static inline bool quota_take_cached(struct credit *e)
{
	uint32_t left = atomic_load_explicit(&e->left, memory_order_relaxed);

	if (left == 0)
		return false;
	quota_take_seen(e, left);
	return true;
}

#define QUOTA_BATCH 64u
#define CREDIT_MAX (4 * QUOTA_BATCH) /* the most that an entry keeps */

static inline bool quota_give_cached(struct credit *e)
{
	uint32_t left = atomic_load_explicit(&e->left, memory_order_relaxed);

	if (left >= CREDIT_MAX)
		return false;
	atomic_store_explicit(&e->left, left + 1, memory_order_relaxed);
	return true;
}

/*
 * Takes @n credits; calls in what threads have cached before it fails. Not in a read section. 0; -EDQUOT: a
 * limited set has not so many; -ENOSPC: an unlimited one cannot get so many.
 */
int ioasid__quota_take(struct ioasid_set *set, uint32_t n);

/* The same without waiting, also in a read section; false: the room has not so many. */
bool ioasid__quota_try(struct ioasid_set *set, uint32_t n);

/* Gives @n credits back, after their IDs. In a read section, so that a dead set stays in memory. Any context. */
void ioasid__quota_give(struct ioasid_set *set, uint32_t n);

/* Refills this thread's entry for a set and takes one credit from it; false: use ioasid__quota_take(). Inside
 * a read section, set not slow. */
bool ioasid__quota_refill(struct ioasid_set *set, struct thread_cache *c);

/* The thread's entry is full: gives half of it to the set's room. As quota_give_cached(). */
void ioasid__quota_spill(struct ioasid_set *set, struct credit *e);

/* A set is being born, and not yet listed: takes @quota from the pool. 0 or -ENOSPC. Locks as for
 * ioasid__quota_pool_take(). */
int ioasid__quota_birth(struct ioasid_set *set, uint32_t quota);
/* Undoes the birth of a set that nobody has seen. */
void ioasid__quota_unbirth(struct ioasid_set *set);
/* A set has died: SET_EXACT is set; calls in its credit and gives the pool what no ID uses. Not in a
 * restricted context. */
void ioasid__quota_death(struct ioasid_set *set);
/* Changes the quota: as ioasid_set_adjust_quota(). */
int ioasid__quota_adjust(struct ioasid_set *set, uint32_t quota);

/* Makes a set count exactly from here on, and gives it an alarm; false: it has one. Threshold and function
 * change together, under the pool's quota lock. */
typedef void (*quota_alarm_fn)(void *context, struct ioasid_set *set, uint32_t held);
bool ioasid__quota_alarm_on(struct ioasid_set *set, uint32_t at, quota_alarm_fn alarm, void *context);
/* Lets it cache again, without alarm. One that is queued finds nothing to call. */
void ioasid__quota_alarm_off(struct ioasid_set *set);

/* Between the two a set counts exactly, what threads had cached is called in, and its total does not shrink.
 * Not in a restricted context, nor with a lock from the quota's rank on. */
void ioasid__quota_exact_begin(struct ioasid_set *set);
void ioasid__quota_exact_end(struct ioasid_set *set);
/* Between the two: has the set no ID, and none on its way that the caller could know of? */
bool ioasid__quota_unused(struct ioasid_set *set);

/* IDs that a set holds; exact when nobody is inside a call. */
uint32_t ioasid__quota_held(struct ioasid_set *set);
/* The most that it held. */
uint32_t ioasid__quota_high_water(struct ioasid_set *set);
/* What the pool can promise. */
uint32_t ioasid__quota_available(struct ioasid_pool *pool);
/* Takes @n out of what the pool can promise, calling in unlimited and dead sets' credit; 0 or -ENOSPC. Not in
 * a restricted context, nor with a lock from the quota's rank on. */
int ioasid__quota_pool_take(struct ioasid_pool *pool, uint32_t n);
void ioasid__quota_pool_give(struct ioasid_pool *pool, uint32_t n);

/* Gives all credit of a cache back to the sets. Under the cache's lock; by its thread, or after a grace
 * period without it. */
void ioasid__quota_cache_flush(struct ioasid_pool *pool, struct thread_cache *c);

#endif
