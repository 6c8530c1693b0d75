/*
 * Finding many at once, and the library's half of the find that is expanded in its callers (S5.1, S14.3).
 */
#include "libioasid/find.h"

#include <ioasid/id.h>
#include <ioasid/inline.h>

/*
 * What was compiled into other programs. If one of these fails the layout has changed: give the header the
 * new one, and ioasid_find_layout1() the next number.
 */
_Static_assert(offsetof(struct ioasid_set, want) == offsetof(struct ioasid_inline_set, want) &&
	       offsetof(struct ioasid_set, mask) == offsetof(struct ioasid_inline_set, mask) &&
	       offsetof(struct ioasid_set, table) == offsetof(struct ioasid_inline_set, table) &&
	       offsetof(struct ioasid_set, capacity) == offsetof(struct ioasid_inline_set, capacity) &&
	       sizeof(((struct ioasid_set *)0)->capacity) == sizeof(uint32_t), "the beginning of a set is layout 1's");
_Static_assert(sizeof(struct slot) == sizeof(struct ioasid_inline_slot) &&
	       offsetof(struct slot, word) == offsetof(struct ioasid_inline_slot, word) &&
	       offsetof(struct slot, data) == offsetof(struct ioasid_inline_slot, data), "a slot is layout 1's");

int ioasid_find_layout1(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data)
{
	return find_quick(set, id, getter, data);
}

#define AHEAD 12u /* how many are on their way: about what a core can wait for */

static inline void prefetch(const struct ioasid_set *set, ioasid_t id)
{
	/* An address out of the table is no fault, but none that a program should make. */
	if (__builtin_expect(id < set->capacity, 1))
		__builtin_prefetch(&set->table[id]);
}

int ioasid_find_many(struct ioasid_set *set, const ioasid_t *ids, uint32_t count, void **data, int *errs)
{
	uint32_t i, ahead = count < AHEAD ? count : AHEAD;
	int found = 0, err;
	void *one;

	if (set == NULL || count > IOASID_CAPACITY_MAX || (count != 0 && (ids == NULL || data == NULL)))
		return -EINVAL;
	for (i = 0; i < ahead; i++)
		prefetch(set, ids[i]);
	for (i = 0; i < count; i++) {
		if (count - i > AHEAD)
			prefetch(set, ids[i + AHEAD]);
		one = NULL;
		err = find_quick(set, ids[i], NULL, &one);
		data[i] = one;
		found += err == 0;
		if (errs != NULL)
			errs[i] = err;
	}
	return found;
}
