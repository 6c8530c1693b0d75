/*
 * The free in one step: of an ID without subscriber, reference, SPID, data, watcher or binding. Nobody would
 * see it FREE_PENDING, so it goes from ACTIVE to FREE at once. Every other free goes by life.c.
 */
#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/fork.h"
#include "libioasid/ids.h"
#include "libioasid/life.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"

static inline bool is_trivial(uint64_t w)
{
	return !(w & W_TRIVIAL_MASK) && !word_gen_wraps(w);
}

static inline void give_credit(struct ioasid_set *owner, struct thread_cache *c)
{
	struct credit *e = quota_entry(c, owner);

	if (e == NULL) {
		ioasid__quota_give(owner, 1);
	} else if (__builtin_expect(!quota_give_cached(e), 0)) {
		ioasid__quota_spill(owner, e);
		(void)quota_give_cached(e);
	}
}

/*
 * The pool counts frees, keeps an order or may have a custom allocator, or the set counts exactly. In a read
 * section.
 */
static bool __attribute__((noinline)) free_slow(struct ioasid_set *owner, ioasid_t id, uint64_t seen, uint32_t slow,
						uint32_t pool_slow)
{
	struct thread_cache *c = ioasid__thread_cache(owner->pool);
	struct ioasid_pool *pool = owner->pool;

	if (slow & ~SET_EXACT || pool_slow & POOL_CUSTOM)
		return false;
	if (pool_slow == 0) {
		if (!word_cas(pool_slot(pool, id), &seen, word_next_life(seen)))
			return false;
		ids_push(pool, c, id);
	} else {
		if (!word_cas(pool_slot(pool, id), &seen, (seen & ~(W_STATE | W_ALLOC)) | W_BORN))
			return false;
		ioasid__ids_give(pool, id, word_next_life(seen));
	}
	if (slow & SET_EXACT)
		ioasid__quota_give(owner, 1);
	else
		give_credit(owner, c);
	return true;
}

/* With the trivial free's every case; false: nothing was done. */
static bool free_cached(struct ioasid_set *owner, ioasid_t id, uint64_t seen)
{
	struct ioasid_pool *pool = owner->pool;
	struct thread_cache *c = ioasid__thread_cache(pool);
	uint32_t slow, pool_slow;
	bool done;

	if (__builtin_expect(c == NULL, 0))
		return false;
	ioasid__rcu_lock();
	slow = atomic_load_explicit(&owner->slow, memory_order_acquire);
	pool_slow = atomic_load_explicit(&pool->slow, memory_order_acquire);
	if (__builtin_expect((slow | pool_slow) != 0, 0)) {
		done = free_slow(owner, id, seen, slow, pool_slow);
	} else {
		done = word_cas(&owner->table[id], &seen, word_next_life(seen));
		if (__builtin_expect(done, 1)) {
			ids_push(pool, c, id);
			give_credit(owner, c);
		}
	}
	ioasid__rcu_unlock();
	return done;
}

bool ioasid__free_at_once(struct ioasid_set *owner, ioasid_t id, uint64_t w)
{
	return is_trivial(w) && free_cached(owner, id, w);
}

/*
 * What most frees are: trivial, with room for the number and the credit in the thread's cache. Calls nothing;
 * false: nothing was done.
 */
static inline bool free_quick(struct ioasid_set *set, ioasid_t id)
{
	struct thread_cache *c = ioasid__thread.last;
	struct slot *s = &set->table[id];
	uint64_t w, next;
	struct credit *e;
	bool done = false;
	uint32_t n, left;

	word_prefetch_write(s);
	if (c == NULL || atomic_load_explicit(&c->pool, memory_order_relaxed) != set->pool)
		return false;
	n = atomic_load_explicit(&c->count, memory_order_relaxed);
	w = word_load(s);
	next = word_next_life(w);
	/* ACTIVE, the set's, and trivial: `want` has nothing of what is in the way. */
	if (__builtin_expect(((w ^ set->want) & (W_STATE | W_SET | W_TRIVIAL_MASK)) != 0, 0) ||
	    __builtin_expect(next == 0, 0) || __builtin_expect(n == MAGAZINE_SIZE, 0))
		return false;
	e = &c->credits[set->index % CREDITS];
	if (!ioasid__rcu_try_lock())
		return false;
	if (__builtin_expect((atomic_load_explicit(&set->slow, memory_order_acquire) |
			      atomic_load_explicit(&set->pool->slow, memory_order_acquire)) != 0, 0))
		goto out;
	left = atomic_load_explicit(&e->left, memory_order_relaxed);
	if (__builtin_expect(atomic_load_explicit(&e->set, memory_order_relaxed) != set, 0) ||
	    __builtin_expect(left >= CREDIT_MAX, 0) || __builtin_expect(!word_cas(s, &w, next), 0))
		goto out;
	atomic_store_explicit(&c->ids[n], id, memory_order_relaxed);
	atomic_store_explicit(&c->count, n + 1, memory_order_relaxed);
	atomic_store_explicit(&e->left, left + 1, memory_order_relaxed);
	done = true;
out:
	ioasid__rcu_unlock();
	return done;
}

static int __attribute__((noinline)) free_other(struct ioasid_set *set, ioasid_t id)
{
	uint64_t w;
	int ret;

	if (id < set->capacity && !set_is_root(set)) {
		w = word_load(&set->table[id]);
		if (set_owns_active(set, w) && ioasid__free_at_once(set, id, w))
			return 0;
	}
	ret = ioasid__life_free(set, id);
	ioasid__life_settle();
	return ret > 0 ? 0 : ret;
}

int ioasid_free(struct ioasid_set *set, ioasid_t id)
{
	if (ioasid__forked())
		return -EPERM;
	if (set == NULL)
		return -EINVAL;
	/* The root handle's want has no owner, and no word that is free of one is ACTIVE. */
	if (__builtin_expect(id < set->capacity && free_quick(set, id), 1))
		return 0;
	return free_other(set, id);
}
