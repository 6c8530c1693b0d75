/*
 * What a thread has of its own: its context (handler, getter, section), the frees that it has deferred, and a
 * cache per pool.
 */
#ifndef IOASID_THREAD_H
#define IOASID_THREAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ioasid/types.h>

#include "libioasid/lock.h"
#include "libioasid/mem.h"

struct ioasid_pool;
struct ioasid_set;

#define MAGAZINE_SIZE 128u /* IDs that a thread keeps of a pool */
#define MAGAZINE_BATCH 64u
#define CREDITS 32u        /* sets of a pool that a thread keeps credit of */

/* Quota of a set that a thread has cached. Changed by its owner inside a read section while the set is not
 * SET_EXACT; by anybody else under the cache's lock after a grace period with SET_EXACT. */
struct credit {
	_Atomic(struct ioasid_set *) set;
	_Atomic uint32_t left;
	_Atomic uint32_t low;  /* the least that `left` was, for the high-water mark */
	uint32_t conflicts;    /* owner's: calls by other sets that would want this entry */
};

/* Frees of one pool that a thread has deferred (S7.6): a list through pool->next. */
struct deferral {
	struct ioasid_pool *pool;
	ioasid_t first, last;
	struct deferral *next;
	bool listed;
};

/* A thread's cache of one pool. Belongs to both: who goes last frees it. */
struct thread_cache {
	_Atomic(struct ioasid_pool *) pool; /* NULL: the pool is gone; changed under lock */
	struct thread_cache *next_of_thread;
	struct thread_cache *next_of_pool;  /* under the pool's threads_lock */
	_Atomic uint32_t count;             /* IDs in the magazine; written by the owner */
	_Atomic uint32_t ids[MAGAZINE_SIZE];/* hints; read by others who look for the last FREE IDs */
	uint32_t start_word;                /* where the owner found IDs last */
	struct credit credits[CREDITS];
	struct lock lock;
	bool thread_gone;                   /* under lock */
	struct deferral deferral;
};

/* The event that this thread delivers; there is at most one, since handlers cause none. */
struct delivery {
	struct ioasid_pool *pool;
	ioasid_t id;
	uint32_t event;
	uint32_t spid;
};

struct thread_state {
	struct thread_cache *last; /* of the pool used last */
	struct thread_cache *caches;
	struct deferral *deferred; /* pools with deferred frees */
	struct deferral spare;     /* for one pool that there is no memory for a cache of */
	uint32_t restricted;       /* depth of handlers, getters and sections */
	uint32_t in_work;          /* depth of work items */
	bool completing;           /* is completing deferred frees */
	bool exit_armed;           /* the thread key is set */
	struct delivery delivery;
	struct ioasid_pool *born_pool; /* IDs that this thread is bringing up, with events: they exist for it alone */
	ioasid_t born_first;
	uint32_t born_count;
};

extern __thread struct thread_state ioasid__thread __attribute__((tls_model("initial-exec")));

/* Is the caller inside a handler, a getter or a read section? */
static inline bool ioasid__restricted(void)
{
	return ioasid__thread.restricted != 0;
}

/* Makes this thread's cache of a pool; NULL: no memory. */
struct thread_cache *ioasid__thread_cache_make(struct ioasid_pool *pool);

/* This thread's cache of a pool, made if need be; NULL: no memory. */
static inline struct thread_cache *ioasid__thread_cache(struct ioasid_pool *pool)
{
	struct thread_cache *c = ioasid__thread.last;

	if (__builtin_expect(c != NULL && atomic_load_explicit(&c->pool, memory_order_relaxed) == pool, 1))
		return c;
	return ioasid__thread_cache_make(pool);
}

/* This thread's cache of a pool if it has one. */
struct thread_cache *ioasid__thread_cache_peek(struct ioasid_pool *pool);

/* Has this thread registered where it would be at its first use of the library. */
void ioasid__thread_warm(void);

/* Frees this thread's caches of pools that are gone. */
void ioasid__thread_trim(void);

/* Takes the pool away from all caches of it; no other thread uses it any more. */
void ioasid__thread_forget_pool(struct ioasid_pool *pool);

/* Enters a handler, getter or section; leaves it. Leaving the outermost completes deferred frees. */
static inline void ioasid__restrict(void)
{
	ioasid__thread.restricted++;
}
void ioasid__unrestrict(void);

#endif
