/*
 * The end of sets.
 *
 * Death. The last put sets SET_DEAD and SET_EXACT, frees the token, frees every ID. What may wait follows at
 * once, or in a work item if the put was in a restricted context: calling in the credit that threads have
 * cached, and dropping the blocks when no ID has a FREE before it. The memory stays until the set's credit is
 * back with the pool, which is when its last ID is reclaimed, and a grace period longer.
 */
#include <errno.h>

#include "libioasid/binding.h"
#include "libioasid/data.h"
#include "libioasid/fork.h"
#include "libioasid/life.h"
#include "libioasid/pool.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"
#include "libioasid/registry.h"
#include "libioasid/set.h"
#include "libioasid/spid.h"
#include "libioasid/thread.h"

/* ---- Memory ---- */

void ioasid__set_hold(struct ioasid_set *set)
{
	atomic_fetch_add_explicit(&set->holds, 1, memory_order_relaxed);
}

bool ioasid__set_hold_unless_gone(struct ioasid_set *set)
{
	uint32_t holds = atomic_load_explicit(&set->holds, memory_order_relaxed);

	while (holds != 0)
		if (atomic_compare_exchange_weak_explicit(&set->holds, &holds, holds + 1, memory_order_acquire,
							  memory_order_relaxed))
			return true;
	return false;
}

void ioasid__set_release(struct ioasid_set *set)
{
	struct ioasid_pool *pool = set->pool;
	struct ioasid_set *head;

	/* Acq_rel: what every holder did comes before the end. */
	if (atomic_fetch_sub_explicit(&set->holds, 1, memory_order_acq_rel) != 1)
		return;
	head = atomic_load_explicit(&pool->retired, memory_order_relaxed);
	do {
		set->next_retired = head;
	} while (!atomic_compare_exchange_weak_explicit(&pool->retired, &head, set, memory_order_acq_rel,
							memory_order_relaxed));
	(void)ioasid__workq_queue(&pool->internal, &pool->retire_work);
}

void ioasid__set_unmake(struct ioasid_set *set)
{
	uint32_t i;

	ioasid__spid_fini(set);
	ioasid__data_fini(set);
	for (i = 0; i < MAP_CHUNKS; i++)
		mem_free((void *)atomic_load_explicit(&set->map[i], memory_order_relaxed));
	ioasid__lock_fini(&set->alarm_lock);
	ioasid__lock_fini(&set->release_lock);
	mem_free(set->promised);
	mem_free(set);
}

static void unlist(struct ioasid_set *set)
{
	struct ioasid_pool *pool = set->pool;

	lock(&pool->registry);
	if (set->prev != NULL)
		set->prev->next = set->next;
	else
		pool->set_list = set->next;
	if (set->next != NULL)
		set->next->prev = set->prev;
	atomic_store_explicit(&pool->sets[set->index], NULL, memory_order_release);
	pool->set_index_free[pool->set_index_free_count++] = set->index;
	atomic_fetch_add_explicit(&pool->counters.events, atomic_load_explicit(&set->events, memory_order_relaxed),
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&pool->counters.vetoes, atomic_load_explicit(&set->vetoes, memory_order_relaxed),
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&pool->counters.misuse, atomic_load_explicit(&set->misuse, memory_order_relaxed),
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&pool->counters.refused, atomic_load_explicit(&set->refused, memory_order_relaxed),
				  memory_order_relaxed);
	atomic_fetch_add_explicit(&pool->counters.swallowed,
				  atomic_load_explicit(&set->swallowed, memory_order_relaxed), memory_order_relaxed);
	atomic_fetch_sub_explicit(&pool->counters.sets, 1, memory_order_relaxed);
	/* Nobody raises it any more. */
	atomic_fetch_sub_explicit(&pool->marks, atomic_load_explicit(&set->high_water, memory_order_relaxed),
				  memory_order_relaxed);
	unlock(&pool->registry);
}

void ioasid__set_retire_run(void *context, struct ioasid_work *work)
{
	struct ioasid_pool *pool = context;
	struct ioasid_set *list = atomic_exchange_explicit(&pool->retired, NULL, memory_order_acq_rel), *set;

	(void)work;
	if (list == NULL)
		return;
	for (set = list; set != NULL; set = set->next_retired)
		unlist(set);
	ioasid__rcu_sync();
	while ((set = list) != NULL) {
		list = set->next_retired;
		ioasid__set_unmake(set);
	}
}

/* ---- Death ---- */

/* Has any ID of the set an event before it? */
static bool has_unquiet(struct ioasid_set *set)
{
	ioasid_t id = 0, end;

	while ((id = ioasid__set_next_group(set, id)) < set->capacity) {
		end = ioasid__set_group_end(set, id);
		for (; id < end; id++) {
			uint64_t w = word_look(&set->table[id]);

			if (!word_is(w, W_FREE) && set_owns(set, w) && (w & W_ALLOC))
				return true;
		}
	}
	return false;
}

/* Drops the blocks if it is time; else who makes the last ID quiet tries again. Not in a restricted context. */
static void reap(struct ioasid_set *set)
{
	if (has_unquiet(set) || atomic_exchange_explicit(&set->reaping, true, memory_order_acq_rel))
		return;
	ioasid__registry_death(set);
	ioasid__set_release(set);
}

void ioasid__set_reap_run(void *context, struct ioasid_work *work)
{
	struct ioasid_set *set = context;

	(void)work;
	reap(set);
	ioasid__set_release(set);
}

void ioasid__set_id_quiet(struct ioasid_set *set)
{
	if (!(atomic_load_explicit(&set->slow, memory_order_seq_cst) & SET_DEAD) ||
	    atomic_load_explicit(&set->reaping, memory_order_relaxed))
		return;
	/* While the sweep goes on it looks itself, at its end. */
	if (atomic_load_explicit(&set->sweeping, memory_order_seq_cst) || !ioasid__set_hold_unless_gone(set))
		return;
	if (ioasid__workq_queue(&set->jobs, &set->reap_work) != 0)
		ioasid__set_release(set);
}

/* What follows the sweep and may wait. Gives back the hold of kill(). */
static int death(struct ioasid_set *set)
{
	int ret = ioasid__device_set_gone(set);

	ioasid__quota_death(set);
	reap(set);
	ioasid__set_release(set);
	return ret;
}

void ioasid__set_death_run(void *context, struct ioasid_work *work)
{
	(void)work;
	(void)death(context);
}

static int kill(struct ioasid_set *set)
{
	struct ioasid_pool *pool = set->pool;
	int ret, err;

	ioasid__set_hold(set);
	atomic_store_explicit(&set->sweeping, true, memory_order_seq_cst);
	/* Sequentially consistent before the sweep looks: an allocation publishes its ID, then looks at this. */
	atomic_fetch_or_explicit(&set->slow, SET_DEAD | SET_EXACT, memory_order_seq_cst);
	lock(&pool->registry);
	ioasid__token_remove(set);
	unlock(&pool->registry);
	ret = ioasid__set_sweep(set);
	atomic_store_explicit(&set->sweeping, false, memory_order_seq_cst);
	if (ioasid__restricted() || ioasid__rcu_ongoing()) {
		(void)ioasid__workq_queue(&set->jobs, &set->death_work);
		return ret;
	}
	err = death(set);
	return ret != 0 ? ret : err;
}

int ioasid_set_put(struct ioasid_set *set)
{
	uint32_t refs;
	int ret;

	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || set_is_root(set))
		return -EINVAL;
	refs = atomic_load_explicit(&set->refs, memory_order_relaxed);
	do {
		if (refs == 0)
			return -ENOENT;
		/* Release and, for the last, acquire: the killer sees what every holder did. */
	} while (!atomic_compare_exchange_weak_explicit(&set->refs, &refs, refs - 1, memory_order_acq_rel,
							memory_order_relaxed));
	if (refs != 1)
		return 0;
	ret = kill(set);
	ioasid__life_settle();
	return ret < 0 ? ret : 1;
}
