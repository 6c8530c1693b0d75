/*
 * Mutexes with ranks. A thread takes locks in ascending rank only; debug builds check it
 * (docs/concurrency.md).
 */
#ifndef IOASID_LOCK_H
#define IOASID_LOCK_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

enum lock_rank {
	RANK_SUBSCRIPTION = 1, /* a change of a pool's registrations: held over grace periods and while handlers run */
	RANK_ALLOCATORS,   /* a pool's line of custom allocators */
	RANK_QUOTA,        /* calling in cached credit: held over grace periods, never taken in a restricted context */
	RANK_CONTEXT,      /* a context's devices and faults; a reader of faults looks at binding records with it */
	RANK_BINDING,      /* a pool's devices and binding records; a replay's handler may free what is bound */
	RANK_REGISTRY,     /* a pool's registrations, set births and deaths, tokens: never held over a grace period */
	RANK_THREADS,      /* a pool's list of thread caches */
	RANK_CACHE,        /* one thread cache */
	RANK_CHAIN,        /* waiting for users of a retired chain */
	RANK_PARK,         /* one bucket of the parking lot */
	RANK_WORK,         /* a pool's executor */
	RANK_QUEUE,        /* one work queue */
	RANK_LOG,          /* a log callback is running or being changed */
	RANK_PROCESS,      /* process-wide: memory functions, fork page */
};

struct lock {
	pthread_mutex_t mutex;
	enum lock_rank rank;
};

#define LOCK_INIT(r) { PTHREAD_MUTEX_INITIALIZER, (r) }

void ioasid__lock_init(struct lock *l, enum lock_rank rank);
void ioasid__lock_fini(struct lock *l);

#ifdef IOASID_DEBUG
/* Check and note the ranks that this thread holds; asserts ascending order. */
void ioasid__rank_push(enum lock_rank rank);
void ioasid__rank_pop(enum lock_rank rank);
#else
static inline void ioasid__rank_push(enum lock_rank rank)
{
	(void)rank;
}
static inline void ioasid__rank_pop(enum lock_rank rank)
{
	(void)rank;
}
#endif

static inline void lock(struct lock *l)
{
	ioasid__rank_push(l->rank);
	pthread_mutex_lock(&l->mutex);
}

static inline void unlock(struct lock *l)
{
	enum lock_rank rank = l->rank;

	/* Who waits for the lock may free it: it is not touched once it is given back. */
	pthread_mutex_unlock(&l->mutex);
	ioasid__rank_pop(rank);
}

/* No call of the library is a cancellation point (S14.1): around what the C library makes one. */
static inline int cancel_off(void)
{
	int state;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	return state;
}

static inline void cancel_restore(int state)
{
	pthread_setcancelstate(state, NULL);
}

/* Waits for a condition, with the lock's mutex given back meanwhile. */
static inline void lock_wait(struct lock *l, pthread_cond_t *cond)
{
	int cancel = cancel_off();

	pthread_cond_wait(cond, &l->mutex);
	cancel_restore(cancel);
}

/* The same until a moment of CLOCK_MONOTONIC; 0 or ETIMEDOUT. @cond comes from ioasid__cond_init(). */
static inline int lock_wait_until(struct lock *l, pthread_cond_t *cond, const struct timespec *until)
{
	int cancel = cancel_off(), err = pthread_cond_timedwait(cond, &l->mutex, until);

	cancel_restore(cancel);
	return err;
}

/* A condition variable on CLOCK_MONOTONIC. */
void ioasid__cond_init(pthread_cond_t *cond);

/* Now, on CLOCK_MONOTONIC, in nanoseconds. */
uint64_t ioasid__now(void);

#endif
