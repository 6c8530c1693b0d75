/*
 * Quota: taking and giving credit. How cached credit is called in stands in collect.c.
 */
#include "libioasid/quota.h"

#include <errno.h>

#include "libioasid/collect.h"

/* The sum of the sets' marks has risen by @by; the pool's own is the most that it ever was. */
static void __attribute__((noinline)) pool_note_high(struct ioasid_pool *pool, uint32_t by)
{
	uint64_t sum = atomic_fetch_add_explicit(&pool->marks, by, memory_order_relaxed) + by;
	uint64_t seen = atomic_load_explicit(&pool->high_water, memory_order_relaxed);

	while (sum > seen && !atomic_compare_exchange_weak_explicit(&pool->high_water, &seen, sum,
								    memory_order_relaxed, memory_order_relaxed))
		;
}

/* Raises the high-water mark to what is held, an upper bound where others cache credit. */
static void note_high(struct ioasid_set *set, int64_t held)
{
	uint32_t now = held > 0 ? (uint32_t)held : 0;
	uint32_t seen = atomic_load_explicit(&set->high_water, memory_order_relaxed);

	while (now > seen)
		if (atomic_compare_exchange_weak_explicit(&set->high_water, &seen, now, memory_order_relaxed,
							  memory_order_relaxed)) {
			pool_note_high(set->pool, now - seen);
			break;
		}
}

static int64_t drawn(struct ioasid_set *set)
{
	/* For counting only; no memory is published by it. */
	return atomic_load_explicit(&set->total, memory_order_relaxed) -
	       atomic_load_explicit(&set->room, memory_order_relaxed);
}

static bool counter_take(_Atomic int64_t *counter, int64_t n, int64_t *before)
{
	int64_t have = atomic_load_explicit(counter, memory_order_relaxed);

	/* Acq_rel: a credit comes with what its last user did (S5.5 by way of the ID's word; this only keeps
	 * TSan and readers honest). */
	while (have >= n)
		if (atomic_compare_exchange_weak_explicit(counter, &have, have - n, memory_order_acq_rel,
							  memory_order_relaxed)) {
			*before = have;
			return true;
		}
	return false;
}

bool ioasid__quota_room_change(struct ioasid_set *set, int64_t by)
{
	int64_t before;

	if (by < 0)
		return counter_take(&set->room, -by, &before);
	atomic_fetch_add_explicit(&set->room, by, memory_order_acq_rel);
	return true;
}

static bool is_unlimited(struct ioasid_set *set)
{
	return atomic_load_explicit(&set->quota, memory_order_relaxed) == IOASID_QUOTA_UNLIMITED;
}

/* An unlimited set draws @n and, where there is plenty, some more for its room. */
static bool draw(struct ioasid_set *set, uint32_t n)
{
	int64_t before, extra = 0;
	struct ioasid_pool *pool = set->pool;

	if (atomic_load_explicit(&pool->room, memory_order_relaxed) >= (int64_t)(n + 16 * QUOTA_BATCH))
		extra = QUOTA_BATCH;
	if (!counter_take(&pool->room, (int64_t)n + extra, &before)) {
		extra = 0;
		if (!counter_take(&pool->room, (int64_t)n, &before))
			return false;
	}
	atomic_fetch_add_explicit(&set->total, (int64_t)n + extra, memory_order_acq_rel);
	if (extra != 0)
		atomic_fetch_add_explicit(&set->room, extra, memory_order_acq_rel);
	return true;
}

static bool try_take(struct ioasid_set *set, uint32_t n)
{
	int64_t before;
	bool got = counter_take(&set->room, (int64_t)n, &before);

	if (!got) {
		/* In a section, so that ioasid__quota_adjust() can wait until nobody draws for a set that it
		 * makes limited. */
		ioasid__rcu_lock();
		got = is_unlimited(set) && draw(set, n);
		ioasid__rcu_unlock();
	}
	if (got)
		note_high(set, drawn(set));
	return got;
}

static bool has_alarm(struct ioasid_set *set)
{
	/* Acquire: who sees the threshold knows that nothing is cached. */
	return atomic_load_explicit(&set->alarm_at, memory_order_acquire) != 0;
}

/* Runs the alarm once for each crossing upwards. Exact, because a set with an alarm is SET_EXACT, and because
 * all that changes how much is drawn is done one at a time then. */
static bool try_alarmed(struct ioasid_set *set, uint32_t n)
{
	int64_t before, at;
	bool got, crossed;

	lock(&set->alarm_lock);
	at = atomic_load_explicit(&set->alarm_at, memory_order_relaxed);
	before = drawn(set);
	got = try_take(set, n);
	crossed = got && at != 0 && before < at && drawn(set) >= at;
	unlock(&set->alarm_lock);
	if (crossed) {
		/* Counted, since a crossing may come while the item of the one before is still queued. */
		atomic_fetch_add_explicit(&set->alarm_due, 1, memory_order_relaxed);
		(void)ioasid__workq_queue(&set->works, &set->alarm_work);
	}
	return got;
}

bool ioasid__quota_try(struct ioasid_set *set, uint32_t n)
{
	return has_alarm(set) ? try_alarmed(set, n) : try_take(set, n);
}

int ioasid__quota_take(struct ioasid_set *set, uint32_t n)
{
	if (ioasid__quota_try(set, n)) {
		if (atomic_load_explicit(&set->slow, memory_order_relaxed) & SET_EXACT)
			ioasid__collect_relax(set);
		return 0;
	}
	return ioasid__collect_take(set, n);
}

/* A dead set: what came back goes on to the pool; with the last of it the set's memory can go. */
void ioasid__quota_drain(struct ioasid_set *set)
{
	int64_t r = atomic_exchange_explicit(&set->room, 0, memory_order_seq_cst);

	if (r != 0) {
		atomic_fetch_sub_explicit(&set->total, r, memory_order_seq_cst);
		ioasid__quota_pool_give(set->pool, (uint32_t)r);
	}
	/* Sequentially consistent with `harvested` = true, then looking at total: one of both sides sees the
	 * end. */
	if (atomic_load_explicit(&set->total, memory_order_seq_cst) == 0 &&
	    atomic_load_explicit(&set->harvested, memory_order_seq_cst) &&
	    !atomic_exchange_explicit(&set->returned, true, memory_order_acq_rel))
		ioasid__set_release(set);
}

/* Sequentially consistent before the look at SET_DEAD: who kills sets that first and then drains. */
static void room_add(struct ioasid_set *set, uint32_t n)
{
	bool alarmed = has_alarm(set);

	if (alarmed)
		lock(&set->alarm_lock);
	atomic_fetch_add_explicit(&set->room, (int64_t)n, memory_order_seq_cst);
	if (alarmed)
		unlock(&set->alarm_lock);
}

void ioasid__quota_give(struct ioasid_set *set, uint32_t n)
{
	if (!(atomic_load_explicit(&set->slow, memory_order_relaxed) & SET_EXACT))
		note_high(set, drawn(set));
	room_add(set, n);
	if (atomic_load_explicit(&set->slow, memory_order_seq_cst) & SET_DEAD)
		ioasid__quota_drain(set);
}

void ioasid__quota_spill(struct ioasid_set *set, struct credit *e)
{
	uint32_t left = atomic_load_explicit(&e->left, memory_order_relaxed);

	note_high(set, drawn(set) - (int64_t)atomic_load_explicit(&e->low, memory_order_relaxed));
	atomic_store_explicit(&e->left, left / 2, memory_order_relaxed);
	atomic_store_explicit(&e->low, left / 2, memory_order_relaxed);
	atomic_fetch_add_explicit(&set->room, (int64_t)(left - left / 2), memory_order_seq_cst);
}

/* Takes an entry's credit out; under the cache's lock. Returns it, to be given to the set that was in it. */
static uint32_t entry_clear(struct credit *e, struct ioasid_set *set)
{
	uint32_t left = atomic_load_explicit(&e->left, memory_order_relaxed);

	note_high(set, drawn(set) - (int64_t)atomic_load_explicit(&e->low, memory_order_relaxed));
	atomic_store_explicit(&e->left, 0, memory_order_relaxed);
	atomic_store_explicit(&e->low, 0, memory_order_relaxed);
	/* Last: from here on the entry's thread may fill it again, without the lock. */
	atomic_store_explicit(&e->set, NULL, memory_order_release);
	return left;
}

void ioasid__quota_entry_flush(struct thread_cache *c, struct credit *e, struct ioasid_set *set)
{
	uint32_t left = 0;
	bool had;

	lock(&c->lock);
	had = atomic_load_explicit(&e->set, memory_order_relaxed) == set;
	if (had)
		left = entry_clear(e, set);
	/* Inside the lock: once the entry is empty, who kills the set may let it go as soon as its room is
	 * complete. */
	if (left != 0)
		atomic_fetch_add_explicit(&set->room, (int64_t)left, memory_order_seq_cst);
	unlock(&c->lock);
}

void ioasid__quota_cache_flush(struct ioasid_pool *pool, struct thread_cache *c)
{
	uint32_t i;

	(void)pool;
	ioasid__rcu_lock();
	for (i = 0; i < CREDITS; i++) {
		struct credit *e = &c->credits[i];
		struct ioasid_set *set = atomic_load_explicit(&e->set, memory_order_relaxed);

		if (set != NULL)
			ioasid__quota_give(set, entry_clear(e, set));
	}
	ioasid__rcu_unlock();
}

/* How much a thread may cache, so that a small set is not all in one cache. */
static uint32_t batch_of(int64_t room)
{
	if (room >= (int64_t)(8 * QUOTA_BATCH))
		return QUOTA_BATCH;
	return room > 8 ? (uint32_t)room / 8 : 0;
}

#define CONFLICTS 16u /* calls for other sets that an entry stands */

bool ioasid__quota_refill(struct ioasid_set *set, struct thread_cache *c)
{
	struct credit *e = &c->credits[set->index % CREDITS];
	struct ioasid_set *other = atomic_load_explicit(&e->set, memory_order_acquire);
	uint32_t batch;
	int64_t before;

	if (other != NULL && other != set) {
		if (++e->conflicts < CONFLICTS)
			return false;
		ioasid__quota_entry_flush(c, e, other);
	}
	batch = batch_of(atomic_load_explicit(&set->room, memory_order_relaxed));
	if (batch == 0 && is_unlimited(set)) {
		batch = batch_of(atomic_load_explicit(&set->pool->room, memory_order_relaxed) / 8);
		if (batch == 0 || !draw(set, batch))
			return false;
	} else if (batch == 0 || !counter_take(&set->room, batch, &before)) {
		return false;
	}
	note_high(set, drawn(set) - (int64_t)batch + 1);
	e->conflicts = 0;
	atomic_store_explicit(&e->left, batch - 1, memory_order_relaxed);
	atomic_store_explicit(&e->low, batch - 1, memory_order_relaxed);
	atomic_store_explicit(&e->set, set, memory_order_relaxed);
	return true;
}

int ioasid__quota_birth(struct ioasid_set *set, uint32_t quota)
{
	int64_t n = quota == IOASID_QUOTA_UNLIMITED ? 0 : (int64_t)quota;
	int err = n == 0 ? 0 : ioasid__quota_pool_take(set->pool, quota);

	if (err != 0)
		return err;
	atomic_store_explicit(&set->total, n, memory_order_relaxed);
	atomic_store_explicit(&set->room, n, memory_order_relaxed);
	atomic_store_explicit(&set->quota, quota, memory_order_relaxed);
	return 0;
}

void ioasid__quota_unbirth(struct ioasid_set *set)
{
	ioasid__quota_pool_give(set->pool, (uint32_t)atomic_load_explicit(&set->total, memory_order_relaxed));
}

bool ioasid__quota_pool_try(struct ioasid_pool *pool, uint32_t n)
{
	int64_t before;

	return counter_take(&pool->room, (int64_t)n, &before);
}

int ioasid__quota_pool_take(struct ioasid_pool *pool, uint32_t n)
{
	return ioasid__quota_pool_try(pool, n) ? 0 : ioasid__collect_pool_take(pool, n);
}

void ioasid__quota_pool_give(struct ioasid_pool *pool, uint32_t n)
{
	if (n != 0)
		atomic_fetch_add_explicit(&pool->room, (int64_t)n, memory_order_acq_rel);
}

/* Credit of a set in all caches; the least that it was with @low. */
static int64_t cached(struct ioasid_set *set, bool low)
{
	struct thread_cache *c;
	int64_t sum = 0;

	lock(&set->pool->threads_lock);
	for (c = set->pool->threads; c != NULL; c = c->next_of_pool) {
		struct credit *e = quota_entry(c, set);

		if (e != NULL)
			sum += (int64_t)atomic_load_explicit(low ? &e->low : &e->left, memory_order_relaxed);
	}
	unlock(&set->pool->threads_lock);
	return sum;
}

uint32_t ioasid__quota_held(struct ioasid_set *set)
{
	int64_t held = drawn(set) - cached(set, false);

	return held > 0 ? (uint32_t)held : 0;
}

uint32_t ioasid__quota_high_water(struct ioasid_set *set)
{
	note_high(set, drawn(set) - cached(set, true));
	return atomic_load_explicit(&set->high_water, memory_order_relaxed);
}

uint32_t ioasid__quota_available(struct ioasid_pool *pool)
{
	struct ioasid_set *set;
	int64_t sum;

	lock(&pool->registry);
	sum = atomic_load_explicit(&pool->room, memory_order_relaxed);
	for (set = pool->set_list; set != NULL; set = set->next) {
		bool dead = (atomic_load_explicit(&set->slow, memory_order_relaxed) & SET_DEAD) != 0;

		if (dead || is_unlimited(set))
			sum += atomic_load_explicit(&set->total, memory_order_relaxed) -
			       (int64_t)ioasid__quota_held(set);
	}
	unlock(&pool->registry);
	return sum > 0 ? (uint32_t)sum : 0;
}
