/*
 * The parking lot's insides, for turn.c and wait.c.
 */
#ifndef IOASID_PARK_H
#define IOASID_PARK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "libioasid/pool.h"

#define PARK_BUCKETS 16u

/* A descriptor that becomes readable when an ID is reclaimed. */
struct park_watch {
	struct park_watch *next;
	ioasid_t id;
	int fd;       /* the library's own copy */
	uint64_t gen; /* of the life whose end it waits for, as in the word */
};

struct park_bucket {
	_Alignas(CACHE_LINE) struct lock lock;
	pthread_cond_t cond;
	uint32_t sleepers;          /* under lock */
	uint32_t helpers;           /* under lock: that wait with the executor */
	struct park_watch *watches; /* under lock */
};

/* As ioasid__park(), for who waits for a reclaim: runs the library's own work where nobody else will. */
int ioasid__park_help(struct ioasid_pool *pool, ioasid_t id, uint64_t seen, uint64_t until);

/* Hangs a watch on an ID whose word is still @seen; false: it is not. */
bool ioasid__park_watch(struct ioasid_pool *pool, ioasid_t id, struct park_watch *watch, uint64_t seen);

int ioasid__park_init(struct ioasid_pool *pool);
void ioasid__park_fini(struct ioasid_pool *pool);

#endif
