/*
 * Custom allocators.
 *
 * pool->custom is the active one. It changes with the gate locked for writing and no ID out, after a grace
 * period for those that looked at POOL_CUSTOM without taking the gate. Calls that may meet a custom allocator
 * hold the gate for reading, over its callbacks, which must not call the library.
 */
#include "libioasid/allocator.h"

#include <errno.h>

#include "libioasid/fork.h"
#include "libioasid/ids.h"
#include "libioasid/life.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"

/* Is POOL_CUSTOM on? In a section, so that who switches it on can wait for those who have seen it off. */
static bool gated(struct ioasid_pool *pool)
{
	return (atomic_load_explicit(&pool->slow, memory_order_seq_cst) & POOL_CUSTOM) != 0;
}

/* Are IDs of the pool out, pending ones included? With the gate closed, and nobody inside or in a section
 * that has seen no gate. */
static bool ids_out(struct ioasid_pool *pool)
{
	ioasid_t id;

	for (id = 1; id < pool_capacity(pool); id++) {
		uint32_t word = id / GROUP_IDS;

		/* Sticky, and set before the ID could be seen here: see ioasid__allocator_take(). */
		if (id % GROUP_IDS == 0 &&
		    !(atomic_load_explicit(&pool->touched[word / 64], memory_order_relaxed) >> (word % 64) & 1)) {
			id += GROUP_IDS - 1;
			continue;
		}
		if (!word_is(word_load(pool_slot(pool, id)), W_FREE))
			return true;
	}
	return false;
}

/* With allocators_lock: makes the first in line active if no ID is out; false: some are. */
static bool activate(struct ioasid_pool *pool)
{
	bool ok;

	if (pool->allocators == NULL) {
		pthread_rwlock_wrlock(&pool->custom_gate);
		ok = !ids_out(pool);
		if (ok) {
			atomic_store_explicit(&pool->custom, NULL, memory_order_release);
			atomic_fetch_and_explicit(&pool->slow, ~(POOL_CUSTOM | POOL_STANDBY), memory_order_seq_cst);
		}
		pthread_rwlock_unlock(&pool->custom_gate);
		return ok;
	}
	atomic_fetch_or_explicit(&pool->slow, POOL_CUSTOM, memory_order_seq_cst);
	/* From here on everybody comes through the gate. */
	ioasid__rcu_sync();
	pthread_rwlock_wrlock(&pool->custom_gate);
	ok = !ids_out(pool);
	if (ok)
		atomic_store_explicit(&pool->custom, pool->allocators, memory_order_release);
	pthread_rwlock_unlock(&pool->custom_gate);
	if (atomic_load_explicit(&pool->custom, memory_order_relaxed) != NULL) {
		atomic_fetch_and_explicit(&pool->slow, ~POOL_STANDBY, memory_order_seq_cst);
	} else {
		atomic_fetch_and_explicit(&pool->slow, ~POOL_CUSTOM, memory_order_seq_cst);
		atomic_fetch_or_explicit(&pool->slow, POOL_STANDBY, memory_order_seq_cst);
	}
	return ok;
}

/* The first in line waits for the built-in one's IDs: are they back? */
static void standby_retry(struct ioasid_pool *pool)
{
	lock(&pool->allocators_lock);
	if (atomic_load_explicit(&pool->slow, memory_order_relaxed) & POOL_STANDBY)
		(void)activate(pool);
	unlock(&pool->allocators_lock);
}

static void give_back(struct ioasid_pool *pool, const struct ioasid_allocator *a, ioasid_t id, const char *why)
{
	ioasid__log(pool, IOASID_LOG_ERROR, "custom allocator answered %u: %s", id, why);
	a->free(a->context, id);
}

/* What a custom allocator answers is checked: S8.4. */
static int custom_take(struct ioasid_pool *pool, const struct ioasid_allocator *a, ioasid_t min, ioasid_t max,
		       uint64_t birth, ioasid_t *id)
{
	ioasid_t got = IOASID_INVALID;
	int err = a->alloc(a->context, min, max, &got);

	if (err != 0)
		return err < 0 ? err : -EIO;
	if (got < min || got > max) {
		/* Out of the window, but it may be somebody's: then it is not given back. */
		if (got == 0 || got >= pool_capacity(pool) || word_allocatable(word_load(pool_slot(pool, got))) ||
		    word_reserved(word_load(pool_slot(pool, got))))
			give_back(pool, a, got, "not in the window");
		else
			ioasid__log(pool, IOASID_LOG_ERROR, "custom allocator answered %u: it is in use", got);
		return -EIO;
	}
	if (ioasid__ids_take_one(pool, got, birth)) {
		*id = got;
		return 0;
	}
	if (word_reserved(word_load(pool_slot(pool, got))))
		give_back(pool, a, got, "it is reserved");
	else
		ioasid__log(pool, IOASID_LOG_ERROR, "custom allocator answered %u: it is in use", got);
	return -EIO;
}

/*
 * Without a custom allocator nobody takes the gate who finds a number at once: it is taken, and noted where
 * ids_out() looks, in a section that began without POOL_CUSTOM, which who activates one waits for. Else all
 * of it is done with the gate held.
 */
int ioasid__allocator_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id)
{
	struct custom_allocator *c;
	bool found;
	int err;

	if (atomic_load_explicit(&pool->slow, memory_order_acquire) & POOL_STANDBY)
		standby_retry(pool);
	ioasid__rcu_lock();
	found = !gated(pool) && ioasid__ids_try(pool, min, max, birth, id);
	if (found)
		ioasid__pool_touch(pool, *id);
	ioasid__rcu_unlock();
	if (found)
		return 0;
	pthread_rwlock_rdlock(&pool->custom_gate);
	c = atomic_load_explicit(&pool->custom, memory_order_acquire);
	if (c != NULL)
		err = custom_take(pool, c->callbacks, min, max, birth, id);
	else
		err = ioasid__ids_take(pool, min, max, birth, id);
	if (err == 0)
		ioasid__pool_touch(pool, *id);
	pthread_rwlock_unlock(&pool->custom_gate);
	return err;
}

int ioasid__allocator_take_range(struct ioasid_pool *pool, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max,
				 uint64_t birth, ioasid_t *first)
{
	int err = -EOPNOTSUPP;
	uint32_t i;

	pthread_rwlock_rdlock(&pool->custom_gate);
	if (atomic_load_explicit(&pool->custom, memory_order_acquire) == NULL)
		err = ioasid__ids_take_range(pool, count, align, min, max, birth, first);
	for (i = 0; err == 0 && i < count; i++)
		ioasid__pool_touch(pool, *first + i);
	pthread_rwlock_unlock(&pool->custom_gate);
	return err;
}

void ioasid__allocator_give(struct ioasid_pool *pool, ioasid_t id, uint64_t free_word)
{
	struct custom_allocator *c;
	bool custom;

	ioasid__rcu_lock();
	custom = gated(pool);
	if (!custom)
		ioasid__ids_give(pool, id, free_word);
	ioasid__rcu_unlock();
	if (!custom)
		return;
	pthread_rwlock_rdlock(&pool->custom_gate);
	c = atomic_load_explicit(&pool->custom, memory_order_acquire);
	/* FREE first: a custom allocator may hand it out again from within free on. */
	ioasid__ids_give(pool, id, free_word);
	if (c != NULL)
		c->callbacks->free(c->callbacks->context, id);
	pthread_rwlock_unlock(&pool->custom_gate);
}

static struct custom_allocator **find(struct ioasid_pool *pool, const struct ioasid_allocator *allocator)
{
	struct custom_allocator **p = &pool->allocators;

	while (*p != NULL && (*p)->callbacks != allocator)
		p = &(*p)->next;
	return p;
}

static int check(struct ioasid_pool *pool, const struct ioasid_allocator *allocator)
{
	if (ioasid__forked())
		return -EPERM;
	if (pool == NULL || allocator == NULL)
		return -EINVAL;
	return 0;
}

int ioasid_register_allocator(struct ioasid_pool *pool, const struct ioasid_allocator *allocator)
{
	struct custom_allocator *c, **p;
	int ret = check(pool, allocator);

	if (ret != 0)
		return ret;
	if (allocator->alloc == NULL || allocator->free == NULL)
		return -EINVAL;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	c = mem_zalloc(sizeof(*c));
	lock(&pool->allocators_lock);
	p = find(pool, allocator);
	if (*p != NULL) {
		ret = -EEXIST;
	} else if (c == NULL) {
		ret = -ENOMEM;
	} else {
		c->callbacks = allocator;
		*p = c;
		/* First in line over the built-in one: active now, or when the built-in one's IDs are back. */
		if (pool->allocators != c)
			ret = 1;
		else
			ret = activate(pool) ? 0 : -EAGAIN;
		c = NULL;
	}
	unlock(&pool->allocators_lock);
	mem_free(c);
	return ret;
}

int ioasid_unregister_allocator(struct ioasid_pool *pool, const struct ioasid_allocator *allocator)
{
	struct custom_allocator *c, **p;
	int err = check(pool, allocator);

	if (err != 0)
		return err;
	if (ioasid__restricted() || ioasid__rcu_ongoing())
		return -EDEADLK;
	lock(&pool->allocators_lock);
	p = find(pool, allocator);
	c = *p;
	if (c == NULL) {
		err = -ENOENT;
	} else {
		bool was_active = atomic_load_explicit(&pool->custom, memory_order_relaxed) == c;

		*p = c->next;
		if (pool->allocators == NULL)
			atomic_fetch_and_explicit(&pool->slow, ~POOL_STANDBY, memory_order_seq_cst);
		if (was_active && !activate(pool)) {
			*p = c; /* still the first: its IDs are out */
			err = -EBUSY;
			c = NULL;
		}
	}
	unlock(&pool->allocators_lock);
	mem_free(c);
	return err;
}

void ioasid__allocator_init(struct ioasid_pool *pool)
{
	ioasid__lock_init(&pool->allocators_lock, RANK_ALLOCATORS);
	pthread_rwlock_init(&pool->custom_gate, NULL);
}

void ioasid__allocator_fini(struct ioasid_pool *pool)
{
	pthread_rwlock_destroy(&pool->custom_gate);
	ioasid__lock_fini(&pool->allocators_lock);
}
