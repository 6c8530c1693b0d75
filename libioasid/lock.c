/*
 * Mutexes with ranks, condition variables and the clock that they wait by.
 */
#include "libioasid/lock.h"

#include <assert.h>

void ioasid__lock_init(struct lock *l, enum lock_rank rank)
{
	pthread_mutex_init(&l->mutex, NULL);
	l->rank = rank;
}

void ioasid__lock_fini(struct lock *l)
{
	pthread_mutex_destroy(&l->mutex);
}

void ioasid__cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

uint64_t ioasid__now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

#ifdef IOASID_DEBUG
#define RANKS_HELD_MAX 16
static __thread enum lock_rank held[RANKS_HELD_MAX];
static __thread unsigned int held_count;

void ioasid__rank_push(enum lock_rank rank)
{
	assert(held_count < RANKS_HELD_MAX);
	assert(held_count == 0 || held[held_count - 1] < rank);
	held[held_count++] = rank;
}

void ioasid__rank_pop(enum lock_rank rank)
{
	unsigned int i = held_count;

	while (i > 0 && held[i - 1] != rank)
		i--;
	assert(i > 0);
	for (; i < held_count; i++)
		held[i - 1] = held[i];
	held_count--;
}
#endif
