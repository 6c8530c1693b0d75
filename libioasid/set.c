/*
 * Sets: birth, death, quota, modes.
 */
#include "libioasid/set.h"

#include <errno.h>

#include "libioasid/binding.h"
#include "libioasid/data.h"
#include "libioasid/fork.h"
#include "libioasid/life.h"
#include "libioasid/pool.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"
#include "libioasid/registry.h"
#include "libioasid/spid.h"
#include "libioasid/thread.h"

#define SET_INDICES (IOASID_SETS_MAX + 1) /* 1 ... IOASID_SETS_MAX; 0 is the root handle */

/* ---- Birth ---- */

static void alarm_run(void *context, struct ioasid_work *work);

void ioasid__set_init(struct ioasid_set *set, struct ioasid_pool *pool, uint32_t index)
{
	struct ioasid_set *kept = index == 0 ? NULL : set;

	set->pool = pool;
	set->table = pool->table;
	set->capacity = pool_capacity(pool);
	set->index = index;
	set->want = W_ACTIVE | (uint64_t)index << W_SET_SHIFT;
	set->mask = index == 0 ? W_STATE : W_STATE | W_SET;
	atomic_store_explicit(&set->mode, IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY, memory_order_relaxed);
	ioasid__workq_init(&set->works, pool->executor, WORK_ITEMS);
	workq_keep(&set->works, kept);
	ioasid__workq_init(&set->jobs, pool->executor, WORK_CORE);
	workq_keep(&set->jobs, kept);
	ioasid__workq_init(&set->releases, pool->executor, WORK_CALLS);
	workq_keep(&set->releases, kept);
}

struct ioasid_set *ioasid__set_make(struct ioasid_pool *pool, uint32_t type, uint64_t token)
{
	struct ioasid_set *set = mem_zalloc_line(sizeof(*set));

	if (set == NULL)
		return NULL;
	set->pool = pool;
	set->type = type;
	set->token = token;
	ioasid__lock_init(&set->release_lock, RANK_QUEUE);
	ioasid__lock_init(&set->alarm_lock, RANK_QUEUE);
	atomic_store_explicit(&set->refs, 1, memory_order_relaxed);
	/* One for the credit that is to come back, one for the blocks that are to be dropped. */
	atomic_store_explicit(&set->holds, 2, memory_order_relaxed);
	set->reap_work.run = ioasid__set_reap_run;
	set->reap_work.context = set;
	set->death_work.run = ioasid__set_death_run;
	set->death_work.context = set;
	set->alarm_work.run = alarm_run;
	set->alarm_work.context = set;
	set->release_work.run = ioasid__data_release_run;
	set->release_work.context = set;
	return set;
}

static uint32_t index_take(struct ioasid_pool *pool)
{
	if (pool->set_index_free_count != 0)
		return pool->set_index_free[--pool->set_index_free_count];
	return pool->set_index_next < SET_INDICES ? pool->set_index_next++ : 0;
}

/* Under the registry: the set becomes one of the pool. */
static int list_in(struct ioasid_set *set)
{
	struct ioasid_pool *pool = set->pool;
	uint32_t index;
	int err;

	if (set->type != IOASID_SET_NONE && ioasid__token_find(pool, set->type, set->token) != NULL)
		return -EEXIST;
	index = index_take(pool);
	if (index == 0)
		return -ENOSPC;
	ioasid__set_init(set, pool, index);
	set->serial = ++pool->set_serial;
	err = ioasid__registry_birth(set);
	if (err != 0) {
		pool->set_index_free[pool->set_index_free_count++] = index;
		return err;
	}
	atomic_store_explicit(&pool->capacity_fixed, true, memory_order_relaxed);
	set->next = pool->set_list;
	if (set->next != NULL)
		set->next->prev = set;
	pool->set_list = set;
	/* Release: who reads the index in a word sees the set whole. */
	atomic_store_explicit(&pool->sets[index], set, memory_order_release);
	ioasid__token_add(set);
	atomic_fetch_add_explicit(&pool->counters.sets, 1, memory_order_relaxed);
	return 0;
}

static bool token_taken(struct ioasid_pool *pool, uint32_t type, uint64_t token)
{
	bool taken;

	if (type == IOASID_SET_NONE)
		return false;
	lock(&pool->registry);
	taken = ioasid__token_find(pool, type, token) != NULL;
	unlock(&pool->registry);
	return taken;
}

int ioasid_set_alloc(struct ioasid_pool *pool, uint32_t type, uint64_t token, uint32_t quota, struct ioasid_set **out)
{
	struct ioasid_set *set;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL || out == NULL || type > IOASID_SET_OPAQUE || quota == 0)
		return -EINVAL;
	if ((type == IOASID_SET_NONE) != (token == 0))
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	if (token_taken(pool, type, token))
		return -EEXIST;
	set = ioasid__set_make(pool, type, token);
	if (set == NULL)
		return quota == IOASID_QUOTA_UNLIMITED || quota <= ioasid__quota_available(pool) ? -ENOMEM : -ENOSPC;
	err = ioasid__quota_birth(set, quota);
	if (err != 0)
		goto undo_set;
	lock(&pool->registry);
	err = list_in(set);
	unlock(&pool->registry);
	if (err != 0)
		goto undo_quota;
	*out = set;
	return 0;
undo_quota:
	ioasid__quota_unbirth(set);
undo_set:
	ioasid__set_unmake(set);
	return err;
}

/* ---- The rest ---- */

static int check(struct ioasid_set *set)
{
	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || set_is_root(set))
		return -EINVAL;
	return 0;
}

static int check_live(struct ioasid_set *set)
{
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	return (atomic_load_explicit(&set->slow, memory_order_acquire) & SET_DEAD) ? -ENOENT : 0;
}

int ioasid_set_adjust_quota(struct ioasid_set *set, uint32_t quota)
{
	int err = check(set);

	if (err == 0 && quota == 0)
		err = -EINVAL;
	if (err == 0)
		err = check_live(set);
	return err != 0 ? err : ioasid__quota_adjust(set, quota);
}

int ioasid_set_reset(struct ioasid_set *set)
{
	int err = check(set), ret;

	if (err == 0)
		err = check_live(set);
	if (err != 0)
		return err;
	ret = ioasid__set_sweep(set);
	err = ioasid__device_set_reset(set);
	ioasid__life_settle();
	return ret != 0 ? ret : err;
}

int ioasid_set_teardown_mode(struct ioasid_set *set, uint32_t mode)
{
	const uint32_t all = IOASID_TEARDOWN_BLOCK | IOASID_TEARDOWN_NOTIFY;
	int err = check(set);

	if (err == 0 && (mode == 0 || (mode & ~all) != 0))
		err = -EINVAL;
	if (err == 0)
		err = check_live(set);
	if (err == 0)
		atomic_store_explicit(&set->mode, mode, memory_order_relaxed);
	return err;
}

int ioasid_set_on_release(struct ioasid_set *set, void (*release)(void *context, void *data), void *context)
{
	int err = check(set);

	if (err == 0)
		err = check_live(set);
	if (err != 0)
		return err;
	if (ioasid__quota_held(set) != 0)
		return -EBUSY;
	/* From here on what is held is exact, and who is about to attach data asks for the lock: so the
	 * function is changed, or is never seen by anybody. */
	ioasid__quota_exact_begin(set);
	lock(&set->release_lock);
	err = ioasid__quota_unused(set) ? 0 : -EBUSY;
	if (err == 0) {
		set->release_context = context;
		atomic_store_explicit(&set->release, release, memory_order_release);
	}
	unlock(&set->release_lock);
	ioasid__quota_exact_end(set);
	return err;
}

static void alarm_run(void *context, struct ioasid_work *work)
{
	struct ioasid_set *set = context;
	void (*alarm)(void *context, struct ioasid_set *set, uint32_t held);
	uint32_t due = atomic_exchange_explicit(&set->alarm_due, 0, memory_order_acq_rel);
	void *alarm_context;

	(void)work;
	lock(&set->alarm_lock);
	alarm = set->alarm;
	alarm_context = set->alarm_context;
	unlock(&set->alarm_lock);
	for (; alarm != NULL && due != 0; due--)
		alarm(alarm_context, set, ioasid__quota_held(set));
}

int ioasid_set_quota_alarm(struct ioasid_set *set, uint32_t threshold,
			   void (*alarm)(void *context, struct ioasid_set *set, uint32_t held), void *context)
{
	int err = check(set);

	if (err == 0 && threshold != 0 && alarm == NULL)
		err = -EINVAL;
	if (err == 0)
		err = check_live(set);
	if (err != 0)
		return err;
	do {
		/* Off, and no call of the old one left, before it changes; one that is queued late finds
		 * nothing to call. Again, if somebody else was quicker to set one. */
		ioasid__quota_alarm_off(set);
		if (!ioasid__in_work())
			ioasid__workq_flush(&set->works);
	} while (threshold != 0 && !ioasid__quota_alarm_on(set, threshold, alarm, context));
	return 0;
}

struct ioasid_pool *ioasid_set_pool(const struct ioasid_set *set)
{
	return set == NULL ? NULL : set->pool;
}
