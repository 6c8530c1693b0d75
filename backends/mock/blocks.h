/*
 * Memory of a machine: counted, so that a leak shows, and made to fail at the n-th request.
 *
 * Any thread. Nothing here blocks.
 */
#ifndef MOCK_BLOCKS_H
#define MOCK_BLOCKS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct mock_mem {
	_Atomic uint64_t blocks; /* taken and not given back; a statistic, relaxed */
	_Atomic uint64_t
		fail; /* the request that fails, 1 is the next; 0: none; relaxed, it orders nothing */
};

void mock_mem_init(struct mock_mem *mem, uint64_t fail);

/* Zeroed memory, or NULL; given back with mock_mem_free() to the same @mem, NULL is allowed there. */
void *mock_mem_zalloc(struct mock_mem *mem, size_t count, size_t size);
void mock_mem_free(struct mock_mem *mem, void *block);

#endif
