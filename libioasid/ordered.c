/*
 * Policies that promise an order.
 */
#include "libioasid/ordered.h"

#include <sched.h>

#include "libioasid/cursors.h"

#define WORDS (GROUPS_MAX / 64u) /* words of groups */

void ioasid__byte_wait(_Atomic uint8_t *l)
{
	uint32_t spins = 0;

	do {
		while (atomic_load_explicit(l, memory_order_relaxed) != 0)
			if (++spins % 64 == 0)
				sched_yield();
	} while (!byte_try_lock(l));
}

static _Atomic uint8_t *group_lock(struct ioasid_pool *pool, uint32_t group)
{
	return &pool->group_lock[group];
}

static _Atomic uint8_t *word_lock(struct ioasid_pool *pool, uint32_t word)
{
	return &pool->group_lock[GROUPS_MAX + word];
}

/* A group gets its first FREE ID. Its lock is held; before the ID's word becomes FREE. */
static void group_fill(struct ioasid_pool *pool, uint32_t group)
{
	uint32_t word = group / 64;

	byte_lock(word_lock(pool, word));
	atomic_fetch_or_explicit(&pool->summary[word / 64], UINT64_C(1) << (word % 64), memory_order_seq_cst);
	atomic_fetch_or_explicit(&pool->groups[word], UINT64_C(1) << (group % 64), memory_order_seq_cst);
	byte_unlock(word_lock(pool, word));
}

/* A group has lost its last FREE ID. Its lock is held. */
static void group_empty(struct ioasid_pool *pool, uint32_t group)
{
	uint32_t word = group / 64;
	uint64_t bit = UINT64_C(1) << (group % 64);

	byte_lock(word_lock(pool, word));
	if (atomic_fetch_and_explicit(&pool->groups[word], ~bit, memory_order_seq_cst) == bit)
		atomic_fetch_and_explicit(&pool->summary[word / 64], ~(UINT64_C(1) << (word % 64)),
					  memory_order_seq_cst);
	byte_unlock(word_lock(pool, word));
}

void ioasid__ordered_give(struct ioasid_pool *pool, ioasid_t id, uint64_t free_word)
{
	uint32_t group = id >> GROUP_SHIFT;
	uint64_t bits;

	byte_lock(group_lock(pool, group));
	bits = atomic_load_explicit(&pool->bits[group], memory_order_relaxed);
	if (bits == 0)
		group_fill(pool, group);
	atomic_store_explicit(&pool_slot(pool, id)->word, free_word, memory_order_seq_cst);
	atomic_store_explicit(&pool->bits[group], bits | UINT64_C(1) << (id % GROUP_IDS), memory_order_relaxed);
	byte_unlock(group_lock(pool, group));
}

/* Takes the lowest FREE ID of a group within @mask. */
static bool group_take(struct ioasid_pool *pool, uint32_t group, uint64_t mask, uint64_t birth, ioasid_t *id)
{
	uint64_t bits, found;
	bool got = false;

	byte_lock(group_lock(pool, group));
	bits = atomic_load_explicit(&pool->bits[group], memory_order_relaxed);
	found = bits & mask;
	if (found != 0) {
		ioasid_t i = (group << GROUP_SHIFT) + (uint32_t)__builtin_ctzll(found);

		got = ids_cas_birth(pool, i, birth);
		if (got) {
			*id = i;
			bits &= ~(found & -found);
			atomic_store_explicit(&pool->bits[group], bits, memory_order_relaxed);
			if (bits == 0)
				group_empty(pool, group);
		}
	}
	byte_unlock(group_lock(pool, group));
	return got;
}

bool ioasid__ordered_take_one(struct ioasid_pool *pool, ioasid_t id, uint64_t birth)
{
	ioasid_t got;

	return group_take(pool, id >> GROUP_SHIFT, UINT64_C(1) << (id % GROUP_IDS), birth, &got);
}

/* The bits of a word from @from to @to, both counted over all words, that lie in @word. */
static uint64_t span(uint32_t word, uint32_t from, uint32_t to)
{
	uint64_t mask = ~UINT64_C(0);

	if (word == from / 64)
		mask &= ~UINT64_C(0) << (from % 64);
	if (word == to / 64)
		mask &= ~UINT64_C(0) >> (63 - to % 64);
	return mask;
}

static bool word_take(struct ioasid_pool *pool, uint32_t word, ioasid_t min, ioasid_t max, uint64_t birth,
		      ioasid_t *id)
{
	uint64_t groups = atomic_load_explicit(&pool->groups[word], memory_order_seq_cst);

	groups &= span(word, min >> GROUP_SHIFT, max >> GROUP_SHIFT);
	for (; groups != 0; groups &= groups - 1) {
		uint32_t group = word * 64 + (uint32_t)__builtin_ctzll(groups);

		if (group_take(pool, group, span(group, min, max), birth, id))
			return true;
	}
	return false;
}

/* The lowest FREE ID of the window. */
static bool lowest_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id)
{
	uint32_t from = min >> (GROUP_SHIFT + 6), to = max >> (GROUP_SHIFT + 6), s;

	for (s = from / 64; s <= to / 64; s++) {
		uint64_t words = atomic_load_explicit(&pool->summary[s], memory_order_seq_cst) & span(s, from, to);

		for (; words != 0; words &= words - 1)
			if (word_take(pool, s * 64 + (uint32_t)__builtin_ctzll(words), min, max, birth, id))
				return true;
	}
	return false;
}

/* From @start on to the end of the window, then from its begin. */
static bool around_take(struct ioasid_pool *pool, ioasid_t start, ioasid_t min, ioasid_t max, uint64_t birth,
			ioasid_t *id)
{
	if (lowest_take(pool, start, max, birth, id))
		return true;
	return start > min && lowest_take(pool, min, start - 1, birth, id);
}

/*
 * One thread at a time between reading a cursor and moving it on: a thread that had read it long ago would
 * hand out what was freed behind it, or move it back.
 */
static bool cyclic_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id)
{
	struct cursor *c = ioasid__cursor_lock(pool, min, max);
	bool got;

	/* Past the end of the window: from its begin. */
	if (c->next > max)
		c->next = min;
	got = around_take(pool, c->next, min, max, birth, id);
	if (got)
		c->next = *id + 1;
	ioasid__cursor_unlock(c);
	return got;
}

/* splitmix64: any number will do, each is equally likely. */
static uint64_t random_next(struct ioasid_pool *pool)
{
	uint64_t z = atomic_fetch_add_explicit(&pool->random, UINT64_C(0x9e3779b97f4a7c15), memory_order_relaxed);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* By chance while the window is mostly free, so that all are equally likely; then the next one from a random
 * place. */
static bool random_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id)
{
	ioasid_t guess = min;
	uint32_t tries;

	for (tries = 0; tries < 8; tries++) {
		guess = min + (ioasid_t)(random_next(pool) % (max - min + 1));
		if (!word_allocatable(word_load(pool_slot(pool, guess))))
			continue;
		if (ioasid__ordered_take_one(pool, guess, birth)) {
			*id = guess;
			return true;
		}
	}
	return around_take(pool, guess, min, max, birth, id);
}

bool ioasid__ordered_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id)
{
	switch (pool->policy) {
	case IOASID_POLICY_CYCLIC:
		return cyclic_take(pool, min, max, birth, id);
	case IOASID_POLICY_RANDOM:
		return random_take(pool, min, max, birth, id);
	default:
		return lowest_take(pool, min, max, birth, id);
	}
}

void ioasid__ordered_init(struct ioasid_pool *pool)
{
	uint32_t word;

	for (word = 0; word < WORDS; word++) {
		uint64_t bit = UINT64_C(1) << (word % 64);

		if (atomic_load_explicit(&pool->groups[word], memory_order_relaxed) != 0)
			atomic_fetch_or_explicit(&pool->summary[word / 64], bit, memory_order_relaxed);
		else
			atomic_fetch_and_explicit(&pool->summary[word / 64], ~bit, memory_order_relaxed);
	}
}
