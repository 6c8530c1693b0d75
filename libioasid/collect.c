/*
 * Calling in cached credit.
 *
 * All of it under the pool's quota lock: SET_EXACT on, one grace period (after it every thread that had seen
 * the set without SET_EXACT has left its section), then the caches are emptied under their own locks. While
 * SET_EXACT is on, the set's room is the truth.
 */
#include "libioasid/collect.h"

#include <errno.h>

static bool unlimited(struct ioasid_set *set)
{
	return atomic_load_explicit(&set->quota, memory_order_relaxed) == IOASID_QUOTA_UNLIMITED;
}

/*
 * Sequentially consistent, before the grace period. Returns whether it was on, and a grace period has passed
 * since: who sets it under the quota lock waits there, but who kills a set does neither.
 */
static bool exact_on(struct ioasid_set *set)
{
	uint32_t slow = atomic_fetch_or_explicit(&set->slow, SET_EXACT, memory_order_seq_cst);

	return (slow & (SET_EXACT | SET_DEAD)) == SET_EXACT;
}

static void exact_off(struct ioasid_set *set)
{
	uint32_t slow = atomic_load_explicit(&set->slow, memory_order_relaxed);

	if (!(slow & SET_DEAD) && atomic_load_explicit(&set->alarm_at, memory_order_relaxed) == 0)
		atomic_fetch_and_explicit(&set->slow, ~SET_EXACT, memory_order_release);
}

/*
 * Empties the caches of a set's credit. After the grace period. Each cache's lock is taken, also where the
 * entry is another set's: its owner may have cleared it and not yet given the credit to the set's room.
 */
static void harvest(struct ioasid_set *set)
{
	struct thread_cache *c;

	lock(&set->pool->threads_lock);
	for (c = set->pool->threads; c != NULL; c = c->next_of_pool)
		ioasid__quota_entry_flush(c, &c->credits[set->index % CREDITS], set);
	unlock(&set->pool->threads_lock);
}

static void call_in(struct ioasid_set *set)
{
	if (!exact_on(set))
		ioasid__rcu_sync();
	harvest(set);
}

/* Under the quota lock: gives an unlimited set's spare credit to the pool. */
static void give_spare(struct ioasid_set *set)
{
	int64_t r;

	/* For the alarm both change at once. */
	lock(&set->alarm_lock);
	r = atomic_exchange_explicit(&set->room, 0, memory_order_acq_rel);
	atomic_fetch_sub_explicit(&set->total, r, memory_order_acq_rel);
	unlock(&set->alarm_lock);
	ioasid__quota_pool_give(set->pool, (uint32_t)r);
}

/* Has a set credit that the pool could promise? A dead one until its death has called it in, which may be a
 * work item that is still to run. */
static bool has_spare(struct ioasid_set *set)
{
	if (atomic_load_explicit(&set->slow, memory_order_acquire) & SET_DEAD)
		return !atomic_load_explicit(&set->harvested, memory_order_acquire);
	return unlimited(set);
}

/* Those sets, linked by next_collect and held. */
static struct ioasid_set *sets_with_spare(struct ioasid_pool *pool, bool *fresh)
{
	struct ioasid_set *set, *list = NULL;

	*fresh = false;
	lock(&pool->registry);
	for (set = pool->set_list; set != NULL; set = set->next) {
		if (!has_spare(set) || !ioasid__set_hold_unless_gone(set))
			continue;
		if (!exact_on(set))
			*fresh = true;
		set->next_collect = list;
		list = set;
	}
	unlock(&pool->registry);
	return list;
}

/* Under the quota lock: calls in what unlimited and dead sets have to spare. */
static void call_in_spare(struct ioasid_pool *pool)
{
	struct ioasid_set *list, *set;
	bool fresh;

	list = sets_with_spare(pool, &fresh);
	if (fresh)
		ioasid__rcu_sync();
	while ((set = list) != NULL) {
		list = set->next_collect;
		harvest(set);
		if (!(atomic_load_explicit(&set->slow, memory_order_seq_cst) & SET_DEAD))
			give_spare(set);
		else
			ioasid__quota_drain(set);
		ioasid__set_release(set);
	}
}

int ioasid__collect_take(struct ioasid_set *set, uint32_t n)
{
	struct ioasid_pool *pool = set->pool;
	int err = 0;

	lock(&pool->quota);
	call_in(set);
	if (!ioasid__quota_try(set, n)) {
		err = -EDQUOT;
		if (unlimited(set)) {
			call_in_spare(pool);
			err = ioasid__quota_try(set, n) ? 0 : -ENOSPC;
		}
	}
	unlock(&pool->quota);
	return err;
}

int ioasid__collect_pool_take(struct ioasid_pool *pool, uint32_t n)
{
	bool got;

	lock(&pool->quota);
	call_in_spare(pool);
	got = ioasid__quota_pool_try(pool, n);
	unlock(&pool->quota);
	return got ? 0 : -ENOSPC;
}

void ioasid__collect_relax(struct ioasid_set *set)
{
	int64_t room = atomic_load_explicit(&set->room, memory_order_relaxed);
	int64_t enough = atomic_load_explicit(&set->total, memory_order_relaxed) / 8;
	/* Twice what all threads can cache: then it is not called in again at once. */
	int64_t plenty = (int64_t)(2 * CREDIT_MAX) * atomic_load_explicit(&set->pool->caches, memory_order_relaxed);

	if (unlimited(set))
		room += atomic_load_explicit(&set->pool->room, memory_order_relaxed) / 8;
	if (room < (int64_t)(4 * QUOTA_BATCH) || (room < enough && room < plenty))
		return;
	if (atomic_load_explicit(&set->alarm_at, memory_order_relaxed) != 0)
		return;
	lock(&set->pool->quota);
	exact_off(set);
	unlock(&set->pool->quota);
}

void ioasid__quota_death(struct ioasid_set *set)
{
	lock(&set->pool->quota);
	call_in(set);
	unlock(&set->pool->quota);
	/* Sequentially consistent before drain looks at total. */
	atomic_store_explicit(&set->harvested, true, memory_order_seq_cst);
	ioasid__quota_drain(set);
}

/* Adds to room and total, or takes away if the room is enough: at once for the alarm. */
static bool change(struct ioasid_set *set, int64_t by)
{
	bool ok;

	lock(&set->alarm_lock);
	ok = ioasid__quota_room_change(set, by);
	if (ok)
		atomic_fetch_add_explicit(&set->total, by, memory_order_acq_rel);
	unlock(&set->alarm_lock);
	return ok;
}

/* A set of fixed size gets another; room is the truth. */
static int resize(struct ioasid_set *set, int64_t from, int64_t to)
{
	if (to > from && !ioasid__quota_pool_try(set->pool, (uint32_t)(to - from))) {
		call_in_spare(set->pool);
		if (!ioasid__quota_pool_try(set->pool, (uint32_t)(to - from)))
			return -ENOSPC;
	}
	if (!change(set, to - from))
		return -EINVAL; /* more are held */
	if (to < from)
		ioasid__quota_pool_give(set->pool, (uint32_t)(from - to));
	return 0;
}

static int adjust(struct ioasid_set *set, uint32_t quota)
{
	uint32_t old = atomic_load_explicit(&set->quota, memory_order_relaxed);
	int err;

	if (quota == old)
		return 0;
	if (quota == IOASID_QUOTA_UNLIMITED) {
		atomic_store_explicit(&set->quota, quota, memory_order_relaxed);
		give_spare(set);
		return 0;
	}
	/* No longer unlimited: from here on the set draws nothing, so that its total stands still. */
	atomic_store_explicit(&set->quota, quota, memory_order_relaxed);
	if (old == IOASID_QUOTA_UNLIMITED)
		ioasid__rcu_sync();
	err = resize(set, atomic_load_explicit(&set->total, memory_order_relaxed), (int64_t)quota);
	if (err != 0)
		atomic_store_explicit(&set->quota, old, memory_order_relaxed);
	return err;
}

void ioasid__quota_exact_begin(struct ioasid_set *set)
{
	lock(&set->pool->quota);
	call_in(set);
}

void ioasid__quota_exact_end(struct ioasid_set *set)
{
	exact_off(set);
	unlock(&set->pool->quota);
}

bool ioasid__quota_unused(struct ioasid_set *set)
{
	/* The room first: then whoever draws or gives credit meanwhile makes it look too full, never empty. */
	int64_t room = atomic_load_explicit(&set->room, memory_order_acquire);

	return atomic_load_explicit(&set->total, memory_order_relaxed) == room;
}

int ioasid__quota_adjust(struct ioasid_set *set, uint32_t quota)
{
	int err = -ENOENT;

	ioasid__quota_exact_begin(set);
	if (!(atomic_load_explicit(&set->slow, memory_order_acquire) & SET_DEAD))
		err = adjust(set, quota);
	ioasid__quota_exact_end(set);
	return err;
}

bool ioasid__quota_alarm_on(struct ioasid_set *set, uint32_t at, quota_alarm_fn alarm, void *context)
{
	bool on;

	lock(&set->pool->quota);
	on = atomic_load_explicit(&set->alarm_at, memory_order_relaxed) == 0;
	if (on) {
		call_in(set);
		lock(&set->alarm_lock);
		set->alarm = alarm;
		set->alarm_context = context;
		unlock(&set->alarm_lock);
		/* Release: who sees the threshold knows that nothing is cached any more. */
		atomic_store_explicit(&set->alarm_at, at, memory_order_release);
	}
	unlock(&set->pool->quota);
	return on;
}

void ioasid__quota_alarm_off(struct ioasid_set *set)
{
	lock(&set->pool->quota);
	atomic_store_explicit(&set->alarm_at, 0, memory_order_release);
	exact_off(set);
	lock(&set->alarm_lock);
	set->alarm = NULL;
	set->alarm_context = NULL;
	unlock(&set->alarm_lock);
	unlock(&set->pool->quota);
}
