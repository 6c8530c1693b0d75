/*
 * The quick way to find: an ACTIVE ID of the set whose word nobody changes meanwhile, in the order of look()
 * in find.c, which says why it is enough.
 */
#ifndef IOASID_FIND_H
#define IOASID_FIND_H

#include <errno.h>

#include "libioasid/set.h"

/* All other cases; arguments are checked. Not inline, so that who finds needs no stack for it. */
int __attribute__((noinline)) ioasid__find_slow(struct ioasid_set *set, uint32_t id, int (*getter)(void *data),
						void **data);

static inline int find_quick(struct ioasid_set *set, uint32_t id, int (*getter)(void *data), void **data)
{
	struct slot *s;
	void *found;
	uint64_t w;

	if (__builtin_expect(set == NULL || data == NULL, 0))
		return -EINVAL;
	if (__builtin_expect(id >= set->capacity, 0))
		return -ENOENT;
	if (__builtin_expect(getter != NULL, 0))
		return ioasid__find_slow(set, id, getter, data);
	s = &set->table[id];
	w = word_load(s);
	if (__builtin_expect(!set_owns_active(set, w), 0))
		return word_is(w, W_FREE) ? -ENOENT : ioasid__find_slow(set, id, NULL, data);
	found = atomic_load_explicit(&s->data, memory_order_acquire);
	if (__builtin_expect(atomic_load_explicit(&s->word, memory_order_relaxed) != w, 0))
		return ioasid__find_slow(set, id, NULL, data);
	*data = found;
	return 0;
}

#endif
