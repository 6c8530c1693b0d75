/*
 * Cursors of the cyclic policy: one for each window of the pool that was ever asked for (S1.6), in a table
 * that is mapped with a pool of that policy and touched as far as there are windows.
 *
 * The table's lock is a byte, held for a few instructions: for finding a window's cursor, or making it. A
 * cursor has a lock of its own, taken after the table's was given back and held over a search. When there are
 * IOASID_CYCLIC_WINDOWS of them a new window takes the place of the one that was used longest ago of those
 * whose lock is free; so who has got a cursor looks at its window again under the cursor's lock.
 */
#ifndef IOASID_CURSORS_H
#define IOASID_CURSORS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "libioasid/pool.h"

struct cursor {
	uint64_t window;      /* min | max << 32; changed under both locks */
	ioasid_t next;        /* where the search goes on; under its lock */
	uint32_t chain;       /* in the bucket: index + 1, 0: the end; under the table's lock, as the next two */
	uint32_t newer, older; /* by use, like chain */
	_Atomic uint8_t lock;
};

struct cursors {
	_Atomic uint8_t lock;
	uint32_t count;       /* under lock, as all below */
	uint32_t newest, oldest; /* index + 1, 0: none */
	uint32_t buckets[IOASID_CYCLIC_WINDOWS];
	struct cursor all[IOASID_CYCLIC_WINDOWS];
};

/* The cursor of a window, locked. */
struct cursor *ioasid__cursor_lock(struct ioasid_pool *pool, ioasid_t min, ioasid_t max);
void ioasid__cursor_unlock(struct cursor *c);

#endif
