/*
 * The quick way to take and drop a counted reference: of an ID that is ACTIVE and the set's. Whoever gets
 * false goes the long way, which knows the reasons.
 *
 * A compare-and-swap that another thread was quicker than brought the line and the word: it is tried again
 * at once, before the line goes away.
 */
#ifndef IOASID_REF_H
#define IOASID_REF_H

#include "libioasid/set.h"

/* The word is ACTIVE, the set's, and has the bits of @gen where @mask has bits. */
static inline bool ref_fits(const struct ioasid_set *set, uint64_t w, uint64_t gen, uint64_t mask)
{
	return set_owns_active(set, w) && ((w ^ gen) & mask) == 0;
}

static inline bool ref_get_if(struct ioasid_set *set, uint32_t id, uint64_t gen, uint64_t mask)
{
	struct slot *s = &set->table[id];
	uint64_t w;

	word_prefetch_write(s);
	w = word_load(s);
	do {
		if (__builtin_expect(!ref_fits(set, w, gen, mask) || (w & W_REFS) == W_REFS, 0))
			return false;
	} while (__builtin_expect(!word_cas(s, &w, w + W_REF), 0));
	return true;
}

/* Nothing follows from it: the ID is ACTIVE afterwards, too. */
static inline bool ref_put_if(struct ioasid_set *set, uint32_t id, uint64_t gen, uint64_t mask)
{
	struct slot *s = &set->table[id];
	uint64_t w;

	word_prefetch_write(s);
	w = word_load(s);
	do {
		if (__builtin_expect(!ref_fits(set, w, gen, mask) || (w & W_REFS) == 0, 0))
			return false;
	} while (__builtin_expect(!word_cas(s, &w, w - W_REF), 0));
	return true;
}

static inline bool ref_get_quick(struct ioasid_set *set, uint32_t id)
{
	return ref_get_if(set, id, 0, 0);
}

static inline bool ref_put_quick(struct ioasid_set *set, uint32_t id)
{
	return ref_put_if(set, id, 0, 0);
}

/* Of one life, by the low part of its generation. */
static inline bool ref_get_quick_gen(struct ioasid_set *set, uint32_t id, uint64_t gen)
{
	return ref_get_if(set, id, gen << W_GEN_SHIFT, W_GEN);
}

static inline bool ref_put_quick_gen(struct ioasid_set *set, uint32_t id, uint64_t gen)
{
	return ref_put_if(set, id, gen << W_GEN_SHIFT, W_GEN);
}

#endif
