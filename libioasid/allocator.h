/*
 * Which allocator a pool's numbers come from: a custom one, or the built-in one of ids.h (S8).
 */
#ifndef IOASID_ALLOCATOR_PRIVATE_H
#define IOASID_ALLOCATOR_PRIVATE_H

#include "libioasid/pool.h"

struct custom_allocator {
	const struct ioasid_allocator *callbacks;
	struct custom_allocator *next; /* in line, under allocators_lock */
};

/* Takes a number and moves its word from FREE to @birth: as ioasid__ids_take(), and what a custom allocator
 * answers. May block. */
int ioasid__allocator_take(struct ioasid_pool *pool, ioasid_t min, ioasid_t max, uint64_t birth, ioasid_t *id);
/* The same for a run; -EOPNOTSUPP with a custom allocator. */
int ioasid__allocator_take_range(struct ioasid_pool *pool, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max,
				 uint64_t birth, ioasid_t *first);
/* Makes the word of an ID that the caller has exclusively @free_word, and gives the number back where it came
 * from. */
void ioasid__allocator_give(struct ioasid_pool *pool, ioasid_t id, uint64_t free_word);

void ioasid__allocator_init(struct ioasid_pool *pool);
void ioasid__allocator_fini(struct ioasid_pool *pool);

#endif
