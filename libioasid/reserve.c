/*
 * Reservations: numbers that belong to somebody outside the library (S1.4).
 */
#include <errno.h>

#include "libioasid/fork.h"
#include "libioasid/ids.h"
#include "libioasid/pool.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"

static int range_check(struct ioasid_pool *pool, ioasid_t min, ioasid_t max)
{
	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL || min < 1 || min > max || max >= pool_capacity(pool))
		return -EINVAL;
	return ioasid__restricted() || ioasid__rcu_ongoing() ? -EDEADLK : 0;
}

/* Why an ID cannot be reserved. */
static int reserve_why(struct ioasid_pool *pool, ioasid_t min, ioasid_t max)
{
	int err = 0;

	for (; min <= max; min++) {
		uint64_t w = word_load(pool_slot(pool, min));

		if (word_reserved(w))
			return -EEXIST;
		if (!word_allocatable(w))
			err = -EBUSY;
	}
	return err;
}

static void reserve_undo(struct ioasid_pool *pool, ioasid_t min, ioasid_t end)
{
	while (end > min) {
		end--;
		ioasid__ids_give(pool, end, word_load(pool_slot(pool, end)) & W_GEN);
	}
}

static int reserve_all(struct ioasid_pool *pool, ioasid_t min, ioasid_t max)
{
	ioasid_t id;

	for (id = min; id <= max; id++)
		if (!ioasid__ids_take_one(pool, id, W_FREE | W_ALLOC))
			break;
	if (id > max)
		return 0;
	reserve_undo(pool, min, id);
	return -EBUSY;
}

int ioasid_pool_reserve(struct ioasid_pool *pool, ioasid_t min, ioasid_t max)
{
	uint32_t n = max - min + 1;
	int err = range_check(pool, min, max);

	if (err != 0)
		return err;
	err = reserve_why(pool, min, max);
	if (err == 0)
		err = ioasid__quota_pool_take(pool, n);
	if (err != 0)
		return err;
	lock(&pool->registry);
	/* The capacity may have been installed since. */
	err = max < pool_capacity(pool) ? reserve_all(pool, min, max) : -EINVAL;
	if (err == 0) {
		atomic_store_explicit(&pool->capacity_fixed, true, memory_order_relaxed);
		atomic_fetch_add_explicit(&pool->reserved, n, memory_order_relaxed);
	}
	unlock(&pool->registry);
	if (err != 0)
		ioasid__quota_pool_give(pool, n);
	return err;
}

int ioasid_pool_unreserve(struct ioasid_pool *pool, ioasid_t min, ioasid_t max)
{
	ioasid_t id;
	int err = range_check(pool, min, max);

	if (err != 0)
		return err;
	lock(&pool->registry);
	for (id = min; id <= max && err == 0; id++)
		if (!word_reserved(word_load(pool_slot(pool, id))))
			err = -ENOENT;
	if (err == 0) {
		reserve_undo(pool, min, max + 1);
		atomic_fetch_sub_explicit(&pool->reserved, max - min + 1, memory_order_relaxed);
	}
	unlock(&pool->registry);
	if (err == 0)
		ioasid__quota_pool_give(pool, max - min + 1);
	return err;
}
