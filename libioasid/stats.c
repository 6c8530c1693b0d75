/*
 * Statistics (S13.1).
 */
#include <errno.h>
#include <string.h>

#include <ioasid/stats.h>

#include "libioasid/binding.h"
#include "libioasid/chain.h"
#include "libioasid/fork.h"
#include "libioasid/pool.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"

static uint64_t events_now(struct ioasid_set *set)
{
	struct chain *c;
	uint64_t n;

	ioasid__rcu_lock();
	n = atomic_load_explicit(&set->events, memory_order_relaxed);
	c = atomic_load_explicit(&set->chain, memory_order_acquire);
	if (c != NULL)
		n += atomic_load_explicit(&c->state, memory_order_relaxed) >> CHAIN_EVENT_SHIFT;
	ioasid__rcu_unlock();
	return n;
}

/* Marking and reclaiming count on their own: for a moment the sum may be below zero. */
static uint32_t pending_now(struct ioasid_set *set)
{
	int32_t n = (int32_t)atomic_load_explicit(&set->pending, memory_order_relaxed);

	return n > 0 ? (uint32_t)n : 0;
}

static void add_set(struct ioasid_stats *sum, struct ioasid_set *set)
{
	uint32_t quota = atomic_load_explicit(&set->quota, memory_order_relaxed);
	bool dead = (atomic_load_explicit(&set->slow, memory_order_relaxed) & SET_DEAD) != 0;

	sum->allocated += ioasid__quota_held(set);
	sum->pending += pending_now(set);
	if (quota != IOASID_QUOTA_UNLIMITED && !dead)
		sum->quota += quota;
	sum->high_water += ioasid__quota_high_water(set);
	sum->sets++;
	sum->events += events_now(set);
	sum->vetoes += atomic_load_explicit(&set->vetoes, memory_order_relaxed);
	sum->faults_swallowed += atomic_load_explicit(&set->swallowed, memory_order_relaxed);
	sum->misuse += atomic_load_explicit(&set->misuse, memory_order_relaxed);
	sum->refused += atomic_load_explicit(&set->refused, memory_order_relaxed);
	sum->faults_open += atomic_load_explicit(&set->faults_open, memory_order_relaxed);
}

/* Marks of sets that were full at different times add up to any number; what the pool held cannot. */
static uint64_t mark_cut(uint64_t mark)
{
	return mark < IOASID_CAPACITY_MAX ? mark : IOASID_CAPACITY_MAX;
}

static void add_pool(struct ioasid_stats *sum, struct ioasid_pool *pool)
{
	const struct pool_counters *c = &pool->counters;
	struct ioasid_set *set;

	lock(&pool->registry);
	for (set = pool->set_list; set != NULL; set = set->next)
		add_set(sum, set);
	/* What the sets' marks have come to by the look at them above is in it. */
	sum->high_water = (uint32_t)mark_cut(atomic_load_explicit(&pool->high_water, memory_order_relaxed));
	sum->events += atomic_load_explicit(&c->events, memory_order_relaxed);
	sum->vetoes += atomic_load_explicit(&c->vetoes, memory_order_relaxed);
	sum->misuse += atomic_load_explicit(&c->misuse, memory_order_relaxed);
	sum->refused += atomic_load_explicit(&c->refused, memory_order_relaxed);
	sum->faults_swallowed += atomic_load_explicit(&c->swallowed, memory_order_relaxed);
	unlock(&pool->registry);
}

/* Walks the IDs for what only their bindings know: of pending ones, and of ACTIVE ones that an unbind has
 * left in quarantine (S9.8). */
static void add_parked(struct ioasid_stats *sum, struct ioasid_set *set)
{
	struct ioasid_pool *pool = set->pool;
	ioasid_t id = 0;

	if (sum->pending == 0 && !ioasid__quarantine_any(pool))
		return;
	for (; (id = ioasid__set_next_group(set, id)) < pool_capacity(pool); id++) {
		bool parked = false, quarantined = false;
		uint64_t w = word_load(pool_slot(pool, id));

		if ((!word_is(w, W_PENDING) && !word_is(w, W_ACTIVE)) || !set_owns(set, w) || !(w & W_BOUND))
			continue;
		(void)ioasid__binding_count(pool, id, &parked, &quarantined);
		sum->parked += word_is(w, W_PENDING) ? parked : quarantined;
		sum->quarantined += quarantined;
	}
}

int ioasid_set_stats(struct ioasid_set *set, struct ioasid_stats *stats)
{
	struct ioasid_stats sum;
	uint32_t size;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || stats == NULL || stats->struct_size < 8)
		return -EINVAL;
	size = stats->struct_size;
	memset(&sum, 0, sizeof(sum));
	if (set_is_root(set)) {
		add_pool(&sum, set->pool);
	} else {
		add_set(&sum, set);
		sum.quota = atomic_load_explicit(&set->quota, memory_order_relaxed);
	}
	add_parked(&sum, set);
	sum.struct_size = size;
	memcpy(stats, &sum, size < sizeof(sum) ? size : sizeof(sum));
	return 0;
}
