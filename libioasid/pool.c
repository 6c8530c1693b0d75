/*
 * Pools: birth, death, capacity, reservations.
 */
#include "libioasid/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <ioasid/stats.h>

#include "libioasid/allocator.h"
#include "libioasid/binding.h"
#include "libioasid/cursors.h"
#include "libioasid/fork.h"
#include "libioasid/ids.h"
#include "libioasid/life.h"
#include "libioasid/park.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"

#define WORKERS_DEFAULT 32u
#define WORKERS_MAX 256u
#define SETS_SLOTS (IOASID_SETS_MAX + 2u)

/* ---- Tables ---- */

struct table {
	void *where; /* of the pointer in the pool */
	size_t size;
};

#define TABLES 12

static void tables_list(struct ioasid_pool *p, struct table t[TABLES])
{
	const size_t n = IOASID_CAPACITY_MAX;
	uint32_t i = 0;

	t[i++] = (struct table){ &p->table, n * sizeof(*p->table) };
	t[i++] = (struct table){ (void *)&p->spid_of, n * sizeof(*p->spid_of) };
	t[i++] = (struct table){ (void *)&p->next, n * sizeof(*p->next) };
	t[i++] = (struct table){ (void *)&p->gen_hi, n * sizeof(*p->gen_hi) };
	t[i++] = (struct table){ (void *)&p->marked_at, n * sizeof(*p->marked_at) };
	t[i++] = (struct table){ (void *)&p->recs, n * sizeof(*p->recs) };
	t[i++] = (struct table){ (void *)&p->sets, SETS_SLOTS * sizeof(*p->sets) };
	t[i++] = (struct table){ &p->set_index_free, SETS_SLOTS * sizeof(*p->set_index_free) };
	t[i++] = (struct table){ (void *)&p->tokens, TOKEN_BUCKETS * sizeof(*p->tokens) };
	t[i++] = (struct table){ (void *)&p->bits, n / 8 };
	t[i++] = (struct table){ (void *)&p->groups, GROUPS_MAX / 8 };
	t[i++] = (struct table){ (void *)&p->touched, GROUPS_MAX / 8 };
}

static void tables_unmap(struct ioasid_pool *pool)
{
	struct table t[TABLES];
	uint32_t i;
	void *p;

	tables_list(pool, t);
	for (i = 0; i < TABLES; i++) {
		memcpy(&p, t[i].where, sizeof(p));
		mem_unmap(p, t[i].size);
	}
	mem_unmap((void *)pool->group_lock, GROUPS_MAX + GROUPS_MAX / 64);
	mem_unmap(pool->cursors, sizeof(*pool->cursors));
}

static int tables_map(struct ioasid_pool *pool)
{
	struct table t[TABLES];
	uint32_t i;
	void *p;

	tables_list(pool, t);
	pool->group_lock = mem_map(GROUPS_MAX + GROUPS_MAX / 64);
	if (pool->group_lock == NULL)
		return -ENOMEM;
	for (i = 0; i < TABLES; i++) {
		p = mem_map(t[i].size);
		memcpy(t[i].where, &p, sizeof(p));
		if (p == NULL) {
			tables_unmap(pool);
			return -ENOMEM;
		}
	}
	if (pool->policy == IOASID_POLICY_CYCLIC) {
		pool->cursors = mem_map(sizeof(*pool->cursors));
		if (pool->cursors == NULL) {
			tables_unmap(pool);
			return -ENOMEM;
		}
	}
	return 0;
}

/* ---- Birth ---- */

static int attr_check(const struct ioasid_pool_attr *in, struct ioasid_pool_attr *attr)
{
	const unsigned char *tail;
	size_t i;

	memset(attr, 0, sizeof(*attr));
	attr->struct_size = sizeof(*attr);
	if (in == NULL)
		return 0;
	if (in->struct_size < offsetof(struct ioasid_pool_attr, seed))
		return -EINVAL;
	tail = (const unsigned char *)in;
	for (i = sizeof(*attr); i < in->struct_size; i++)
		if (tail[i] != 0)
			return -E2BIG;
	memcpy(attr, in, in->struct_size < sizeof(*attr) ? in->struct_size : sizeof(*attr));
	if (attr->policy > IOASID_POLICY_RANDOM || (attr->flags & ~IOASID_POOL_NO_WORKER) != 0)
		return -EINVAL;
	return attr->max_workers > WORKERS_MAX ? -EINVAL : 0;
}

static void locks_init(struct ioasid_pool *pool)
{
	ioasid__lock_init(&pool->registry, RANK_REGISTRY);
	ioasid__lock_init(&pool->quota, RANK_QUOTA);
	ioasid__lock_init(&pool->threads_lock, RANK_THREADS);
	ioasid__lock_init(&pool->subscription, RANK_SUBSCRIPTION);
	ioasid__lock_init(&pool->chain_lock, RANK_CHAIN);
	ioasid__lock_init(&pool->log_lock, RANK_LOG);
	ioasid__cond_init(&pool->chain_cond);
	ioasid__allocator_init(pool);
}

static void locks_fini(struct ioasid_pool *pool)
{
	ioasid__allocator_fini(pool);
	pthread_cond_destroy(&pool->chain_cond);
	ioasid__lock_fini(&pool->log_lock);
	ioasid__lock_fini(&pool->chain_lock);
	ioasid__lock_fini(&pool->subscription);
	ioasid__lock_fini(&pool->threads_lock);
	ioasid__lock_fini(&pool->quota);
	ioasid__lock_fini(&pool->registry);
}

static void pool_fill(struct ioasid_pool *pool, const struct ioasid_pool_attr *attr)
{
	pool->capacity = IOASID_CAPACITY_MAX;
	pool->flags = attr->flags;
	pool->set_index_next = 1;
	if (attr->policy != IOASID_POLICY_ANY)
		atomic_store_explicit(&pool->slow, POOL_ORDERED, memory_order_relaxed);
	atomic_store_explicit(&pool->random, attr->seed != 0 ? attr->seed : ioasid__now(), memory_order_relaxed);
	atomic_store_explicit(&pool->room, (int64_t)pool_capacity(pool) - 1, memory_order_relaxed);
	ioasid__ids_init(pool);
	ioasid__set_init(&pool->root, pool, 0);
	atomic_store_explicit(&pool->root.slow, SET_ROOT, memory_order_relaxed);
	atomic_store_explicit(&pool->root.holds, 1, memory_order_relaxed);
	atomic_store_explicit(&pool->root.refs, 1, memory_order_relaxed);
	ioasid__workq_init(&pool->internal, pool->executor, WORK_CORE);
	pool->retire_work.run = ioasid__set_retire_run;
	pool->retire_work.context = pool;
	ioasid__life_init(pool);
}

int ioasid_pool_create(const struct ioasid_pool_attr *in, struct ioasid_pool **out)
{
	struct ioasid_pool_attr attr;
	struct ioasid_pool *pool;
	uint32_t workers;
	int err;

	if (ioasid__forked())
		return -EPERM;
	if (out == NULL)
		return -EINVAL;
	err = attr_check(in, &attr);
	if (err != 0)
		return err;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	err = ioasid__fork_init();
	if (err != 0)
		return err;
	pool = mem_zalloc_line(sizeof(*pool));
	if (pool == NULL)
		return -ENOMEM;
	err = -ENOMEM;
	pool->name = mem_strdup(attr.name != NULL ? attr.name : "pool");
	if (pool->name == NULL)
		goto undo_pool;
	pool->policy = attr.policy;
	err = tables_map(pool);
	if (err != 0)
		goto undo_name;
	locks_init(pool);
	err = ioasid__park_init(pool);
	if (err != 0)
		goto undo_locks;
	workers = attr.max_workers != 0 ? attr.max_workers : WORKERS_DEFAULT;
	err = ioasid__executor_create((attr.flags & IOASID_POOL_NO_WORKER) ? 0 : workers, &pool->executor);
	if (err != 0)
		goto undo_park;
	pool_fill(pool, &attr);
	err = ioasid__devices_create(pool);
	if (err != 0)
		goto undo_executor;
	*out = pool;
	return 0;
undo_executor:
	ioasid__executor_destroy(pool->executor);
undo_park:
	ioasid__park_fini(pool);
undo_locks:
	locks_fini(pool);
	tables_unmap(pool);
undo_name:
	mem_free(pool->name);
undo_pool:
	mem_free(pool);
	return err;
}

/* ---- Death ---- */

static void report_sets(struct ioasid_pool *pool, uint32_t *busy)
{
	struct ioasid_set *set;

	for (set = pool->set_list; set != NULL; set = set->next) {
		bool dead = (atomic_load_explicit(&set->slow, memory_order_relaxed) & SET_DEAD) != 0;

		ioasid__log(pool, IOASID_LOG_WARNING,
			    "pool %s is in use: %s set, type %u, token 0x%llx, %u IDs held, %u references", pool->name,
			    dead ? "dead" : "live", set->type, (unsigned long long)set->token, ioasid__quota_held(set),
			    atomic_load_explicit(&set->refs, memory_order_relaxed));
		++*busy;
	}
}

/* Says who holds what; 0: nobody holds anything. */
static uint32_t report(struct ioasid_pool *pool)
{
	uint32_t busy = 0, contexts = atomic_load_explicit(&pool->contexts, memory_order_relaxed);

	lock(&pool->registry);
	report_sets(pool, &busy);
	if (pool->registrations != NULL) {
		ioasid__log(pool, IOASID_LOG_WARNING, "pool %s is in use: it has subscribers", pool->name);
		busy++;
	}
	unlock(&pool->registry);
	lock(&pool->allocators_lock);
	if (pool->allocators != NULL) {
		ioasid__log(pool, IOASID_LOG_WARNING, "pool %s is in use: it has custom allocators", pool->name);
		busy++;
	}
	unlock(&pool->allocators_lock);
	if (contexts != 0) {
		ioasid__log(pool, IOASID_LOG_WARNING, "pool %s is in use: %u devices", pool->name, contexts);
		busy++;
	}
	return busy;
}

int ioasid_pool_destroy(struct ioasid_pool *pool)
{
	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing() || ioasid__in_work())
		return -EDEADLK;
	ioasid__executor_drain(pool->executor);
	if (report(pool) != 0)
		return -EBUSY;
	ioasid__executor_destroy(pool->executor);
	ioasid__devices_destroy(pool);
	ioasid__thread_forget_pool(pool);
	ioasid__park_fini(pool);
	locks_fini(pool);
	tables_unmap(pool);
	mem_free(pool->name);
	mem_free(pool);
	return 0;
}

/* ---- Capacity ---- */

int ioasid_pool_install_capacity(struct ioasid_pool *pool, uint32_t capacity)
{
	int64_t room;
	int err = 0;

	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL || capacity < 2 || capacity > IOASID_CAPACITY_MAX)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	lock(&pool->registry);
	room = (int64_t)pool_capacity(pool) - 1;
	/* All of the room, or somebody is about to make a set or a reservation, and has its quota already. */
	if (atomic_load_explicit(&pool->capacity_fixed, memory_order_relaxed) ||
	    !atomic_compare_exchange_strong_explicit(&pool->room, &room, (int64_t)capacity - 1, memory_order_acq_rel,
						     memory_order_relaxed)) {
		err = -EBUSY;
	} else {
		atomic_store_explicit(&pool->capacity_fixed, true, memory_order_relaxed);
		__atomic_store_n(&pool->capacity, capacity, __ATOMIC_RELAXED);
		ioasid__ids_init(pool);
	}
	unlock(&pool->registry);
	return err;
}

uint32_t ioasid_pool_capacity(const struct ioasid_pool *pool)
{
	return pool == NULL ? 0 : pool_capacity(pool);
}

int ioasid_pool_available(struct ioasid_pool *pool, uint32_t *count)
{
	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL || count == NULL)
		return -EINVAL;
	*count = ioasid__quota_available(pool);
	return 0;
}

struct ioasid_set *ioasid_pool_root(struct ioasid_pool *pool)
{
	return pool == NULL ? NULL : &pool->root;
}

/* ---- The executor's public side ---- */

int ioasid_pool_fd(struct ioasid_pool *pool)
{
	return pool == NULL ? -EINVAL : ioasid__executor_fd(pool->executor);
}

int ioasid_pool_dispatch(struct ioasid_pool *pool)
{
	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL || !(pool->flags & IOASID_POOL_NO_WORKER))
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing() || ioasid__in_work())
		return -EDEADLK;
	return ioasid__executor_dispatch(pool->executor);
}
