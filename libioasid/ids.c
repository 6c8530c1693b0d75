/*
 * The search for a FREE ID: policy "any", and what all policies share.
 *
 * An ID is FREE when its word says so. The hints only make it quick to find: a bit in the bitmap, or a place
 * in a thread's magazine. When the hints run out, the words themselves are looked at, with frees counted
 * meanwhile, so that -ENOSPC is only said when it was true.
 */
#include "libioasid/ids.h"

#include <errno.h>

#include "libioasid/ids_scan.h"
#include "libioasid/ordered.h"
#include "libioasid/rcu.h"

/* ---- Hints ---- */

/* Bit first, then the group: who clears a group's bit looks at the bits again. */
void ioasid__ids_hint_group(struct ioasid_pool *pool, uint32_t group, uint64_t mask)
{
	uint64_t bit = UINT64_C(1) << (group % 64);

	atomic_fetch_or_explicit(&pool->bits[group], mask, memory_order_seq_cst);
	if (!(atomic_load_explicit(&pool->groups[group / 64], memory_order_seq_cst) & bit))
		atomic_fetch_or_explicit(&pool->groups[group / 64], bit, memory_order_seq_cst);
}

static void hint_clear_group(struct ioasid_pool *pool, uint32_t group)
{
	uint64_t bit = UINT64_C(1) << (group % 64);

	atomic_fetch_and_explicit(&pool->groups[group / 64], ~bit, memory_order_seq_cst);
	if (atomic_load_explicit(&pool->bits[group], memory_order_seq_cst) != 0)
		atomic_fetch_or_explicit(&pool->groups[group / 64], bit, memory_order_seq_cst);
}

/* Puts @n IDs of a magazine, from its bottom, into the bitmap; neighbours in one step. */
static void magazine_spill(struct ioasid_pool *pool, struct thread_cache *c, uint32_t n)
{
	uint32_t i = 0, count = atomic_load_explicit(&c->count, memory_order_relaxed), j;

	while (i < n) {
		uint32_t id = atomic_load_explicit(&c->ids[i], memory_order_relaxed), group = id >> GROUP_SHIFT;
		uint64_t mask = 0;

		do {
			mask |= UINT64_C(1) << (id % GROUP_IDS);
			if (++i < n)
				id = atomic_load_explicit(&c->ids[i], memory_order_relaxed);
		} while (i < n && id >> GROUP_SHIFT == group);
		ioasid__ids_hint_group(pool, group, mask);
	}
	for (j = 0; j + n < count; j++)
		atomic_store_explicit(&c->ids[j], atomic_load_explicit(&c->ids[j + n], memory_order_relaxed),
				      memory_order_relaxed);
	/* Relaxed: only the owner counts on it; others read ids as guesses. */
	atomic_store_explicit(&c->count, count - n, memory_order_relaxed);
}

static void magazine_push(struct ioasid_pool *pool, struct thread_cache *c, ioasid_t id)
{
	uint32_t n = atomic_load_explicit(&c->count, memory_order_relaxed);

	if (n == MAGAZINE_SIZE) {
		magazine_spill(pool, c, MAGAZINE_BATCH);
		n -= MAGAZINE_BATCH;
	}
	atomic_store_explicit(&c->ids[n], id, memory_order_relaxed);
	atomic_store_explicit(&c->count, n + 1, memory_order_relaxed);
}

void ioasid__ids_hint(struct ioasid_pool *pool, struct thread_cache *c, ioasid_t id)
{
	if (c != NULL)
		magazine_push(pool, c, id);
	else
		ioasid__ids_hint_group(pool, id >> GROUP_SHIFT, UINT64_C(1) << (id % GROUP_IDS));
}

/*
 * The pool is in use up to @group, where another huge page of its table begins: that is dense, and may be
 * huge from there on. A pool with few IDs, and one that only windows spread over its table, pays small pages.
 */
static void __attribute__((noinline)) table_grows(struct ioasid_pool *pool, uint32_t group)
{
	uint32_t region = group / REGION_GROUPS, bit = UINT32_C(1) << region;

	if (!(atomic_fetch_or_explicit(&pool->huge, bit, memory_order_relaxed) & bit))
		mem_prefer_huge(pool->table, (region + 1) * HUGE_PAGE);
}

bool ioasid__ids_refill(struct ioasid_pool *pool, struct thread_cache *c)
{
	uint32_t words = (pool_capacity(pool) + 64 * GROUP_IDS - 1) / (64 * GROUP_IDS), i;
	uint32_t start = c->start_word < words ? c->start_word : 0;

	for (i = 0; i < words; i++) {
		uint32_t word = (start + i) % words;
		uint64_t groups;

		while ((groups = atomic_load_explicit(&pool->groups[word], memory_order_relaxed)) != 0) {
			uint32_t group = word * 64 + (uint32_t)__builtin_ctzll(groups), n = 0;
			uint64_t bits = atomic_exchange_explicit(&pool->bits[group], 0, memory_order_seq_cst);

			hint_clear_group(pool, group);
			if (group % REGION_GROUPS == 0 && group != 0)
				table_grows(pool, group);
			ids_prefetch_group(pool, group);
			/* The greatest at the bottom, so that they are handed out ascending. */
			for (; bits != 0; bits &= ~(UINT64_C(1) << (63 - __builtin_clzll(bits))))
				atomic_store_explicit(&c->ids[n++],
						      (group << GROUP_SHIFT) + 63u - (uint32_t)__builtin_clzll(bits),
						      memory_order_relaxed);
			atomic_store_explicit(&c->count, n, memory_order_relaxed);
			if (n != 0) {
				c->start_word = word;
				return true;
			}
		}
	}
	return false;
}

void ioasid__ids_cache_flush(struct ioasid_pool *pool, struct thread_cache *c)
{
	uint32_t n = atomic_load_explicit(&c->count, memory_order_relaxed);

	if (n != 0)
		magazine_spill(pool, c, n);
}

/* ---- Taking ---- */

static bool in_window(ioasid_t id, ioasid_t min, ioasid_t max)
{
	return id >= min && id <= max;
}

/* By the bitmap, from the lowest on. With @set, it notes that it uses the group before it has the ID. */
static bool bitmap_take(struct ioasid_pool *pool, struct ioasid_set *set, ioasid_t min, ioasid_t max, uint64_t birth,
			ioasid_t *id)
{
	uint32_t g, last = max >> GROUP_SHIFT;

	for (g = min >> GROUP_SHIFT; g <= last; g++) {
		uint64_t groups = atomic_load_explicit(&pool->groups[g / 64], memory_order_relaxed) >> (g % 64), bits;

		if (groups == 0) {
			g |= 63;
			continue;
		}
		g += (uint32_t)__builtin_ctzll(groups);
		if (g > last)
			break;
		bits = atomic_load_explicit(&pool->bits[g], memory_order_acquire);
		if (bits == 0)
			hint_clear_group(pool, g);
		for (; bits != 0; bits &= bits - 1) {
			uint64_t bit = bits & -bits;
			ioasid_t i = (g << GROUP_SHIFT) + (uint32_t)__builtin_ctzll(bits);

			if (!in_window(i, min, max))
				continue;
			if (set != NULL && set_touch(set, i) != 0)
				return false;
			if ((atomic_fetch_and_explicit(&pool->bits[g], ~bit, memory_order_seq_cst) & bit) &&
			    ids_cas_birth(pool, i, birth)) {
				*id = i;
				return true;
			}
		}
	}
	return false;
}

/* What is only in magazines: this thread's, then the others'. */
static bool magazines_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id)
{
	struct thread_cache *c;
	bool found = false;

	lock(&pool->threads_lock);
	for (c = pool->threads; c != NULL && !found; c = c->next_of_pool) {
		uint32_t i, n = atomic_load_explicit(&c->count, memory_order_relaxed);

		for (i = 0; i < n && !found; i++) {
			ioasid_t guess = atomic_load_explicit(&c->ids[i], memory_order_relaxed);

			if (in_window(guess, min, max) && ids_cas_birth(pool, guess, birth)) {
				*id = guess;
				found = true;
			}
		}
	}
	unlock(&pool->threads_lock);
	return found;
}

static bool magazine_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id)
{
	struct thread_cache *c = ioasid__thread_cache(pool);
	ioasid_t i;

	if (c == NULL)
		return false;
	do {
		while ((i = ids_pop(c)) != IOASID_INVALID) {
			if (!in_window(i, min, max)) {
				magazine_push(pool, c, i);
				return false;
			}
			if (ids_cas_birth(pool, i, birth)) {
				*id = i;
				return true;
			}
		}
	} while (ioasid__ids_refill(pool, c));
	return false;
}

bool ioasid__ids_take_one(struct ioasid_pool *pool, ioasid_t id, uint64_t birth)
{
	uint64_t bit = UINT64_C(1) << (id % GROUP_IDS);
	uint32_t group = id >> GROUP_SHIFT;

	if (pool->policy != IOASID_POLICY_ANY)
		return ioasid__ordered_take_one(pool, id, birth);
	if (!word_allocatable(word_load(pool_slot(pool, id))))
		return false;
	/* The hint before the word: once that is ACTIVE others may free it, and hint it anew. */
	if (atomic_load_explicit(&pool->bits[group], memory_order_relaxed) & bit)
		atomic_fetch_and_explicit(&pool->bits[group], ~bit, memory_order_seq_cst);
	return ids_cas_birth(pool, id, birth);
}

ioasid_t ioasid__ids_take_hinted(struct ioasid_set *set, ioasid_t min, ioasid_t max, uint64_t birth)
{
	ioasid_t id;

	if (min == max)
		return set_touch(set, min) == 0 && ioasid__ids_take_one(set->pool, min, birth) ? min : IOASID_INVALID;
	return bitmap_take(set->pool, set, min, max, birth, &id) ? id : IOASID_INVALID;
}

bool ioasid__ids_try(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id)
{
	if (min == max) {
		*id = min;
		return ioasid__ids_take_one(pool, min, birth);
	}
	if (pool->policy != IOASID_POLICY_ANY)
		return ioasid__ordered_take(pool, min, max, birth, id);
	return (max - min > pool_capacity(pool) / 2 && magazine_take(pool, min, max, birth, id)) ||
	       bitmap_take(pool, NULL, min, max, birth, id) || magazines_take(pool, min, max, birth, id);
}

/* One ID that could not be taken. One that is on its way from FREE_PENDING to FREE is still to be waited for;
 * one that has arrived is tried again. */
static int single_take(struct ioasid_pool *pool, ioasid_t id, uint64_t birth)
{
	uint64_t w;

	while (!ioasid__ids_take_one(pool, id, birth)) {
		w = word_load(pool_slot(pool, id));
		if (word_is(w, W_PENDING) || (word_is(w, W_BORN) && !(w & W_ALLOC)))
			return -EBUSY;
		if (!word_allocatable(w))
			return -ENOSPC;
	}
	return 0;
}

int ioasid__ids_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id)
{
	if (ioasid__ids_try(pool, min, max, birth, id))
		return 0;
	if (min == max)
		return single_take(pool, min, birth);
	return ioasid__ids_scan(pool, min, max, birth, id);
}

/* ---- Giving back ---- */

void ioasid__ids_give(struct ioasid_pool *pool, ioasid_t id, uint64_t free_word)
{
	bool counted;

	ioasid__rcu_lock();
	counted = (atomic_load_explicit(&pool->slow, memory_order_seq_cst) & POOL_SCAN) != 0;
	if (counted)
		ioasid__ids_free_begin(pool);
	if (pool->policy != IOASID_POLICY_ANY) {
		ioasid__ordered_give(pool, id, free_word);
	} else {
		/* Release: what this life did is seen by who gets the number next (S5.5). */
		atomic_store_explicit(&pool_slot(pool, id)->word, free_word, memory_order_seq_cst);
		ioasid__ids_hint(pool, ioasid__thread_cache_peek(pool), id);
	}
	if (counted)
		ioasid__ids_free_end(pool);
	ioasid__rcu_unlock();
}

void ioasid__ids_init(struct ioasid_pool *pool)
{
	uint32_t group, groups = GROUPS_MAX;

	for (group = 0; group < groups; group++) {
		uint64_t first = (uint64_t)group << GROUP_SHIFT, mask = 0;

		if (first + GROUP_IDS <= pool_capacity(pool))
			mask = ~UINT64_C(0);
		else if (first < pool_capacity(pool))
			mask = (UINT64_C(1) << (pool_capacity(pool) - first)) - 1;
		if (group == 0)
			mask &= ~UINT64_C(1); /* the RID */
		if (mask == 0 && atomic_load_explicit(&pool->bits[group], memory_order_relaxed) == 0)
			continue;
		atomic_store_explicit(&pool->bits[group], mask, memory_order_relaxed);
		if (mask != 0)
			atomic_fetch_or_explicit(&pool->groups[group / 64], UINT64_C(1) << (group % 64),
						 memory_order_relaxed);
		else
			atomic_fetch_and_explicit(&pool->groups[group / 64], ~(UINT64_C(1) << (group % 64)),
						  memory_order_relaxed);
	}
	ioasid__ordered_init(pool);
}
