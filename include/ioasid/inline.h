/*
 * ioasid_find() in the caller's code, for who looks up on a hot path: include this header, and direct calls
 * of ioasid_find() are made where they stand. Its address, and calls that the compiler does not expand, are
 * the library's function as before; both answer alike (S5.1).
 *
 * The layout below is the library's own and changes without notice. The name of ioasid_find_layout1() changes
 * with it, so that a program that was compiled with another layout does not link, or load. So this header is
 * for programs that are compiled anew with each release; the umbrella does not include it.
 */
#ifndef IOASID_INLINE_H
#define IOASID_INLINE_H

#include <stddef.h>

#include <ioasid/id.h>

IOASID_BEGIN_DECLS

/**
 * ioasid_find_layout1() - ioasid_find() for calls that were expanded.
 * @set: as for ioasid_find()
 * @id: as for ioasid_find()
 * @getter: as for ioasid_find()
 * @data: as for ioasid_find()
 *
 * What an expanded call continues with when the ID is not simply ACTIVE and the set's, or has a getter to be
 * called. Not to be called directly. (S5.1, S14.3)
 *
 * Context: as for ioasid_find().
 * Return: as for ioasid_find().
 */
IOASID_API int ioasid_find_layout1(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data);

#if defined(__GNUC__)

/* How the library lays out an ID, and the beginning of a set. Private: read by the function below alone. */
struct ioasid_inline_slot {
	uint64_t word;
	void *data;
} __attribute__((__may_alias__));

struct ioasid_inline_set {
	uint64_t want, mask;
	struct ioasid_inline_slot *table;
	struct ioasid_pool *pool;
	uint32_t capacity;
} __attribute__((__may_alias__));

#if defined(__OPTIMIZE__)
extern inline __attribute__((__gnu_inline__, __always_inline__))
int ioasid_find(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data)
{
	const struct ioasid_inline_set *s = (const struct ioasid_inline_set *)(const void *)set;
	const struct ioasid_inline_slot *slot;
	uint64_t word;
	void *found;

	if (__builtin_expect(set == NULL || data == NULL || getter != NULL || id >= s->capacity, 0))
		return ioasid_find_layout1(set, id, getter, data);
	slot = &s->table[id];
	/* Word, data, word: both are of one life if the word is the same. */
	word = __atomic_load_n(&slot->word, __ATOMIC_ACQUIRE);
	found = __atomic_load_n(&slot->data, __ATOMIC_ACQUIRE);
	if (__builtin_expect(((word ^ s->want) & s->mask) != 0 ||
			     __atomic_load_n(&slot->word, __ATOMIC_RELAXED) != word, 0))
		return ioasid_find_layout1(set, id, getter, data);
	*data = found;
	return 0;
}
#endif
#endif

IOASID_END_DECLS
#endif
