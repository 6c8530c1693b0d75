/*
 * Where IDs come from: the search for a FREE one (S1.6, S3.1).
 *
 * Policy "any": each thread keeps a magazine of numbers over a bitmap of two levels. Both only hint; a
 * compare-and-swap on the slot's word decides. Each FREE ID has at least one hint: it is made after the word
 * became FREE, and taken away only by who then tries the word.
 *
 * Other policies: the bitmap is exact under a lock per group of 64 IDs, so that a promise about order can be
 * kept.
 *
 * Every function moves the words that it takes from FREE to @birth, a word without generation, which is kept.
 */
#ifndef IOASID_IDS_H
#define IOASID_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "libioasid/pool.h"
#include "libioasid/thread.h"

/*
 * Takes a FREE ID of [min, max], 1 <= min <= max < capacity. Not in a read section: may have to wait for a
 * grace period to be sure of an -ENOSPC. 0; -ENOSPC: at some moment none was FREE; -EBUSY: the window is one
 * ID, and that is FREE_PENDING.
 */
int ioasid__ids_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id);

/* The same without waiting, so also in a read section; false: found none, which is no proof that there was
 * none. */
bool ioasid__ids_try(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id);

/* Takes this ID if it is FREE; true if so. Any context. */
bool ioasid__ids_take_one(struct ioasid_pool *pool, ioasid_t id, uint64_t birth);

/* Takes a FREE ID of the window that the bitmap hints at, for a set that then has noted its group;
 * IOASID_INVALID: none, which is no proof that there was none. Policy "any"; any context. */
ioasid_t ioasid__ids_take_hinted(struct ioasid_set *set, ioasid_t min, ioasid_t max, uint64_t birth);

/* Takes @count consecutive ones. 0; -ENOSPC: at some moment there was no such run; -EAGAIN: cannot be told.
 * Not in a read section. */
int ioasid__ids_take_range(struct ioasid_pool *pool, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max,
			   uint64_t birth, ioasid_t *first);

/* Makes the word of an ID that the caller has exclusively FREE (@free_word) and lets it be found. Any
 * context. */
void ioasid__ids_give(struct ioasid_pool *pool, ioasid_t id, uint64_t free_word);

/* An ID was made FREE by the caller's compare-and-swap; hints it, in the bitmap if @c is NULL. Policy "any",
 * inside a read section. */
void ioasid__ids_hint(struct ioasid_pool *pool, struct thread_cache *c, ioasid_t id);

/* Fast path: the same, with a cache. */
static inline void ids_push(struct ioasid_pool *pool, struct thread_cache *c, ioasid_t id)
{
	uint32_t n = atomic_load_explicit(&c->count, memory_order_relaxed);

	if (__builtin_expect(n == MAGAZINE_SIZE, 0)) {
		ioasid__ids_hint(pool, c, id);
		return;
	}
	atomic_store_explicit(&c->ids[n], id, memory_order_relaxed);
	atomic_store_explicit(&c->count, n + 1, memory_order_relaxed);
}

/* The same for many of one group, whoever made them FREE. */
void ioasid__ids_hint_group(struct ioasid_pool *pool, uint32_t group, uint64_t mask);

/* Fast path: an ID that may be FREE out of the magazine, IOASID_INVALID if it is empty. */
static inline ioasid_t ids_pop(struct thread_cache *c)
{
	uint32_t n = atomic_load_explicit(&c->count, memory_order_relaxed);

	if (n == 0)
		return IOASID_INVALID;
	atomic_store_explicit(&c->count, n - 1, memory_order_relaxed);
	return atomic_load_explicit(&c->ids[n - 1], memory_order_relaxed);
}

/* Fills an empty magazine from the bitmap; false: nothing there. */
bool ioasid__ids_refill(struct ioasid_pool *pool, struct thread_cache *c);

/* Puts the magazine back into the bitmap. By its thread, under the cache's lock. */
void ioasid__ids_cache_flush(struct ioasid_pool *pool, struct thread_cache *c);

/* The capacity is known: marks 1 ... capacity - 1 as findable. */
void ioasid__ids_init(struct ioasid_pool *pool);

/* Before and after a word becomes FREE, while somebody scans (POOL_SCAN). */
void ioasid__ids_free_begin(struct ioasid_pool *pool);
void ioasid__ids_free_end(struct ioasid_pool *pool);

/* The words of a group are about to be written, one after the other. */
static inline void ids_prefetch_group(struct ioasid_pool *pool, uint32_t group)
{
	struct slot *s = pool_slot(pool, group << GROUP_SHIFT);
	uint32_t i;

	for (i = 0; i < GROUP_IDS; i += CACHE_LINE / sizeof(*s))
		word_prefetch_write(&s[i]);
}

/* Moves the word of an ID from FREE to @birth; the policies' own way stands around it. */
static inline bool ids_cas_birth(struct ioasid_pool *pool, ioasid_t id, uint64_t birth)
{
	struct slot *s = pool_slot(pool, id);
	uint64_t w = word_load(s);

	while (word_allocatable(w))
		if (word_cas(s, &w, (w & W_GEN) | birth))
			return true;
	return false;
}

#endif
