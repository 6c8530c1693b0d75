/*
 * Allocation (S3).
 *
 * The fast path: a cached credit, a number out of the thread's magazine or, for a window, the bitmap, one
 * compare-and-swap from FREE to ACTIVE. It runs in a read section in which set and pool were seen without
 * anything that would need more; who changes that waits for a grace period (subscribers, exact quota, custom
 * allocators) or looks again afterwards (death: both sides publish, then look).
 */
#include <errno.h>

#include <ioasid/id.h>

#include "libioasid/allocator.h"
#include "libioasid/chain.h"
#include "libioasid/data.h"
#include "libioasid/fork.h"
#include "libioasid/ids.h"
#include "libioasid/life.h"
#include "libioasid/quota.h"
#include "libioasid/rcu.h"
#include "libioasid/thread.h"
#include "libioasid/turn.h"

static uint64_t birth_word(const struct ioasid_set *set, uint64_t state)
{
	return state | W_ALLOC | (uint64_t)set->index << W_SET_SHIFT;
}

static bool is_dead(struct ioasid_set *set)
{
	/* Sequentially consistent after the word was published: death sets the flag, then sweeps. */
	return (atomic_load_explicit(&set->slow, memory_order_seq_cst) & SET_DEAD) != 0;
}

/*
 * An ACTIVE ID turns out to be of a set that died meanwhile: whoever marks it first frees it. With data the
 * allocation counts as the earlier one: the data may have been found, and may have been released with the ID,
 * so that it cannot be the caller's again.
 */
static int died(struct ioasid_set *set, ioasid_t id, const void *data)
{
	(void)ioasid__life_free(set, id);
	return data != NULL ? 0 : -ENOENT;
}

/* ---- Fast path ---- */

static bool credit_take(struct ioasid_set *set, struct thread_cache *c)
{
	struct credit *e = quota_entry(c, set);

	/* Near the limit, or while the thread's entry is another set's: one out of the room. */
	return (e != NULL && quota_take_cached(e)) || ioasid__quota_refill(set, c) || ioasid__quota_try(set, 1);
}

static void credit_return(struct ioasid_set *set, struct thread_cache *c)
{
	struct credit *e = quota_entry(c, set);

	if (e == NULL || !quota_give_cached(e))
		ioasid__quota_give(set, 1);
}

/* Takes one number out of the magazine; IOASID_INVALID: none that will do. */
static ioasid_t number_take(struct ioasid_set *set, struct thread_cache *c, ioasid_t min, ioasid_t max, uint64_t birth)
{
	struct ioasid_pool *pool = set->pool;
	ioasid_t id;

	do {
		while ((id = ids_pop(c)) != IOASID_INVALID) {
			if (id < min || id > max || set_touch(set, id) != 0) {
				ids_push(pool, c, id);
				return IOASID_INVALID;
			}
			if (ids_cas_birth(pool, id, birth))
				return id;
		}
	} while (ioasid__ids_refill(pool, c));
	return IOASID_INVALID;
}

/* Nobody sees a BORN word without turn: plain stores do, the last one published in order with the look at
 * SET_DEAD. */
static void publish_with_data(struct ioasid_set *set, ioasid_t id, void *data)
{
	struct slot *s = &set->table[id];
	uint64_t w = atomic_load_explicit(&s->word, memory_order_relaxed);

	atomic_store_explicit(&s->data, data, memory_order_release);
	atomic_store_explicit(&s->word, (w & ~W_STATE) | W_ACTIVE | W_EXT, memory_order_seq_cst);
}

static inline bool is_slow(struct ioasid_set *set)
{
	return (atomic_load_explicit(&set->slow, memory_order_acquire) |
		atomic_load_explicit(&set->pool->slow, memory_order_acquire)) != 0;
}

/*
 * What most allocations are: no data, a credit and a number of the window in the thread's cache. Calls
 * nothing, and needs no check of the window; IOASID_INVALID: nothing was done, and the rest of this file is
 * asked.
 */
static inline ioasid_t alloc_quick(struct ioasid_set *set, ioasid_t min, ioasid_t max)
{
	struct thread_cache *c = ioasid__thread.last;
	ioasid_t id, got = IOASID_INVALID;
	struct credit *e;
	uint32_t n, left;
	struct slot *s;
	uint64_t w;

	if (c == NULL || atomic_load_explicit(&c->pool, memory_order_relaxed) != set->pool)
		return IOASID_INVALID;
	n = atomic_load_explicit(&c->count, memory_order_relaxed);
	if (n == 0)
		return IOASID_INVALID;
	id = atomic_load_explicit(&c->ids[n - 1], memory_order_relaxed);
	if (id < min || id > max)
		return IOASID_INVALID;
	s = &set->table[id];
	e = &c->credits[set->index % CREDITS];
	if (!ioasid__rcu_try_lock())
		return IOASID_INVALID;
	left = atomic_load_explicit(&e->left, memory_order_relaxed);
	if (__builtin_expect(is_slow(set), 0) || __builtin_expect(!set_touched(set, id), 0) ||
	    __builtin_expect(atomic_load_explicit(&e->set, memory_order_relaxed) != set, 0) || __builtin_expect(left == 0, 0))
		goto out;
	w = word_load(s);
	/* `want` is ACTIVE and the set's index. */
	if (__builtin_expect(!word_allocatable(w), 0) ||
	    __builtin_expect(!word_cas(s, &w, (w & W_GEN) | W_ALLOC | set->want), 0))
		goto out;
	atomic_store_explicit(&c->count, n - 1, memory_order_relaxed);
	quota_take_seen(e, left);
	got = id;
out:
	ioasid__rcu_unlock();
	return got;
}

static ioasid_t __attribute__((noinline)) alloc_fast(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *data)
{
	struct thread_cache *c = ioasid__thread_cache(set->pool);
	ioasid_t id = IOASID_INVALID;
	uint64_t birth;

	if (c == NULL)
		return IOASID_INVALID;
	ioasid__rcu_lock();
	if (is_slow(set))
		goto out;
	if (data != NULL && data_released(set))
		goto out;
	if (!credit_take(set, c))
		goto out;
	birth = birth_word(set, data == NULL ? W_ACTIVE : W_BORN);
	id = number_take(set, c, min, max, birth);
	if (id == IOASID_INVALID && (min > 1 || max < set->capacity - 1))
		id = ioasid__ids_take_hinted(set, min, max, birth);
	if (id == IOASID_INVALID)
		credit_return(set, c);
	else if (data != NULL)
		publish_with_data(set, id, data);
out:
	ioasid__rcu_unlock();
	return id;
}

/* ---- The rest ---- */

/*
 * Notes which groups the IDs are in, then looks whether the set has died: before anybody is told of them.
 * Else its death, which drops the blocks when no ID of it has an event before it, sees these.
 */
static int admit(struct ioasid_set *set, ioasid_t first, uint32_t count)
{
	uint32_t i;
	int err = 0;

	for (i = 0; i < count && err == 0; i++)
		err = set_touch(set, first + i);
	return err == 0 && is_dead(set) ? -ENOENT : err;
}

/* Takes a number and makes it BORN with the turn. */
static int number_take_slow(struct ioasid_set *set, ioasid_t min, ioasid_t max, ioasid_t *id)
{
	int err = ioasid__allocator_take(set->pool, min, max, birth_word(set, W_BORN) | W_TURN, id);

	if (err != 0)
		return err;
	err = admit(set, *id, 1);
	if (err != 0)
		ioasid__life_unborn(set->pool, *id);
	return err;
}

/* The credit of IDs that were not born after all. Who drops a dead set's blocks may have waited for them. */
static void give_credit(struct ioasid_set *set, uint32_t n)
{
	ioasid__rcu_lock();
	ioasid__set_id_quiet(set);
	ioasid__quota_give(set, n);
	ioasid__rcu_unlock();
}

/* The last handler has agreed. */
static void publish(struct ioasid_set *set, ioasid_t id)
{
	struct slot *s = &set->table[id];
	uint64_t w = word_load(s), n;

	do {
		n = (w & ~(W_STATE | W_TURN | W_WAIT)) | W_ACTIVE;
	} while (!word_cas(s, &w, n));
	if (w & W_WAIT)
		ioasid__park_wake(set->pool, id);
}

/* Tells subscribers of @count IDs from @first on, ascending; a veto undoes all, descending. @data: what a
 * single one comes with. */
static int announce(struct ioasid_set *set, ioasid_t first, uint32_t count, void *data)
{
	struct chain *chain = ioasid__chain_pin(set);
	uint32_t i, told = 0;
	int err = 0;

	if (chain == NULL)
		return 0;
	ioasid__thread.born_pool = set->pool;
	ioasid__thread.born_first = first;
	for (i = 0; i < count && err == 0; i++) {
		ioasid__thread.born_count = i + 1;
		err = ioasid__chain_announce(set, chain, IOASID_EVENT_ALLOC, first + i, IOASID_SPID_NONE, &told);
	}
	if (err != 0) {
		/* Those behind the vetoed one were never told of. */
		uint32_t j;

		for (j = count; j > i; j--) {
			ioasid__life_unborn(set->pool, first + j - 1);
			give_credit(set, 1);
		}
		for (j = i; j > 0; j--) {
			/* Before it goes: the number may be born again, in another thread, while this one
			 * tells of those below. */
			ioasid__thread.born_count = j - 1;
			ioasid__life_vetoed(set, first + j - 1, chain, j == i ? told : chain->count, j == i ? data : NULL);
		}
		atomic_fetch_add_explicit(&set->vetoes, 1, memory_order_relaxed);
	}
	ioasid__thread.born_pool = NULL;
	ioasid__chain_unpin(set->pool, chain, i);
	return err;
}

static int alloc_slow(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *data, ioasid_t *id)
{
	struct slot *s;
	int err;

	if (is_dead(set))
		return -ENOENT;
	err = ioasid__quota_take(set, 1);
	if (err != 0)
		return err;
	if (data != NULL) {
		err = ioasid__data_reserve(set);
		if (err < 0)
			goto undo_credit;
	}
	err = number_take_slow(set, min, max, id);
	if (err != 0)
		goto undo_data;
	if (data != NULL) {
		s = &set->table[*id];
		atomic_store_explicit(&s->data, data, memory_order_release);
		/* EXT by addition: the word is this thread's, but sleepers may set W_WAIT. */
		atomic_fetch_or_explicit(&s->word, W_EXT, memory_order_seq_cst);
	}
	err = announce(set, *id, 1, data);
	if (err != 0)
		return err;
	publish(set, *id);
	return 0;
undo_data:
	if (data != NULL)
		ioasid__data_unreserve(set);
undo_credit:
	give_credit(set, 1);
	return err;
}

/* Cuts the window to what exists. */
static inline int window(struct ioasid_set *set, ioasid_t *min, ioasid_t *max)
{
	if (*min > *max || *max < 1 || *min >= set->capacity)
		return -EINVAL;
	if (*min < 1)
		*min = 1;
	if (*max >= set->capacity)
		*max = set->capacity - 1;
	return 0;
}

static inline int check(struct ioasid_set *set, ioasid_t *min, ioasid_t *max, ioasid_t *out)
{
	int err;

	if (out != NULL)
		*out = IOASID_INVALID;
	if (ioasid__forked())
		return -EPERM;
	if (set == NULL || out == NULL || set_is_root(set))
		return -EINVAL;
	err = window(set, min, max);
	if (err != 0)
		return err;
	return ioasid__restricted() ? -EDEADLK : 0;
}

static int __attribute__((noinline)) alloc_other(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *data,
						 ioasid_t *id)
{
	ioasid_t got = IOASID_INVALID;
	int err = check(set, &min, &max, id);

	if (err != 0)
		return err;
	got = alloc_fast(set, min, max, data);
	if (got == IOASID_INVALID) {
		if (ioasid__rcu_ongoing())
			return -EDEADLK; /* the host's own section: grace periods would never end */
		err = alloc_slow(set, min, max, data, &got);
	}
	if (err == 0 && __builtin_expect(is_dead(set), 0))
		err = died(set, got, data);
	if (err == 0)
		*id = got;
	ioasid__life_settle();
	return err;
}

static int __attribute__((noinline)) alloc_died(struct ioasid_set *set, ioasid_t got, ioasid_t *id)
{
	int err = died(set, got, NULL);

	*id = IOASID_INVALID;
	ioasid__life_settle();
	return err;
}

int ioasid_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *data, ioasid_t *id)
{
	ioasid_t got;

	if (__builtin_expect(set == NULL || id == NULL || data != NULL || ioasid__forked() || ioasid__restricted(), 0))
		return alloc_other(set, min, max, data, id);
	got = alloc_quick(set, min, max);
	if (__builtin_expect(got == IOASID_INVALID, 0))
		return alloc_other(set, min, max, data, id);
	if (__builtin_expect(is_dead(set), 0))
		return alloc_died(set, got, id);
	*id = got;
	return 0;
}

/* ---- Runs ---- */

static int range_alloc(struct ioasid_set *set, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max,
		       ioasid_t *first)
{
	uint32_t i;
	int err = ioasid__quota_take(set, count);

	if (err != 0)
		return err;
	err = ioasid__allocator_take_range(set->pool, count, align, min, max, birth_word(set, W_BORN) | W_TURN, first);
	if (err != 0)
		goto undo_credit;
	err = admit(set, *first, count);
	if (err != 0)
		goto undo_ids;
	err = announce(set, *first, count, NULL);
	if (err != 0)
		return err;
	for (i = 0; i < count; i++)
		publish(set, *first + i);
	return 0;
undo_ids:
	for (i = count; i > 0; i--)
		ioasid__life_unborn(set->pool, *first + i - 1);
undo_credit:
	give_credit(set, count);
	return err;
}

int ioasid_alloc_range(struct ioasid_set *set, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max,
		       ioasid_t *first)
{
	ioasid_t got = IOASID_INVALID;
	uint32_t i;
	int err = check(set, &min, &max, first);

	if (err == -EINVAL || err == -EPERM)
		return err;
	if (count == 0 || count >= set->capacity || align == 0 || (align & (align - 1)) != 0)
		return -EINVAL;
	if (err != 0)
		return err;
	if (ioasid__rcu_ongoing())
		return -EDEADLK;
	if (is_dead(set))
		return -ENOENT;
	err = range_alloc(set, count, align, min, max, &got);
	if (err == 0 && is_dead(set)) {
		for (i = 0; i < count; i++)
			(void)died(set, got + i, NULL);
		err = -ENOENT;
	}
	if (err == 0)
		*first = got;
	ioasid__life_settle();
	return err;
}
