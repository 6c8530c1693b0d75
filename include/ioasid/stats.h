/*
 * Seeing inside: statistics, dumps and the log (S13).
 */
#ifndef IOASID_STATS_H
#define IOASID_STATS_H

#include <ioasid/types.h>

IOASID_BEGIN_DECLS

/*
 * Statistics of a set, or of a whole pool. Exact when nobody is inside a call.
 *
 * A pool's high_water is the most that the marks of its sets, of those that existed at one time, have ever
 * come to together, IOASID_CAPACITY_MAX at most. It never falls, and is never less than the pool has held at
 * one time; it is more if sets were full at different times. (Counting what the pool holds would cost each
 * allocation a line that all sets share.)
 */
struct ioasid_stats {
	uint32_t struct_size;      /* in: sizeof; members beyond it are not written */
	uint32_t allocated;        /* IDs held, pending ones included */
	uint32_t pending;          /* FREE_PENDING among them */
	uint32_t parked;           /* pending ones with hardware context left, and those in quarantine */
	uint32_t quarantined;      /* IDs, pending or not, whose hardware could not be blocked or let go */
	uint32_t quota;            /* of the set; of a pool: the sum over live sets with a limit */
	uint32_t high_water;       /* the most held at a time, at most the threads' caches too high; pool: see below */
	uint32_t sets;             /* sets, dead ones with unreclaimed IDs included; 1 for a set */
	uint64_t events;           /* delivered to at least one chain */
	uint64_t vetoes;           /* of handlers */
	uint64_t faults_swallowed; /* answered by the library after the mark */
	uint64_t misuse;           /* calls that broke the rules of use, without effect */
	uint64_t refused;          /* negative answers to FREE and UNBIND, which were ignored */
	uint64_t faults_open;      /* groups of page requests that wait for an answer */
};

/**
 * ioasid_set_stats() - Read the statistics of a set.
 * @set: a set, or a root handle for the whole pool
 * @stats: struct_size set; receives them
 *
 * Context: any thread; takes short locks; restricted: yes. (S13.1)
 * Return: 0; -EINVAL: NULL or struct_size below 8; -EPERM.
 */
IOASID_API int ioasid_set_stats(struct ioasid_set *set, struct ioasid_stats *stats);

#define IOASID_DUMP_TEXT UINT32_C(0)
#define IOASID_DUMP_JSON UINT32_C(1)

/**
 * ioasid_pool_dump() - Write out every set and IOASID of a pool.
 * @pool: the pool
 * @format: IOASID_DUMP_*
 * @write: called with pieces of UTF-8 text, not terminated; a value other than 0 ends the dump
 * @context: passed to @write
 *
 * For each set: type, token, quota, mode; for each IOASID: state, references, SPID, bindings, and how long it
 * has been pending. A walk, not a snapshot: what changes meanwhile may be seen before or after. (S13.2)
 *
 * Context: any thread; @write may block; restricted: no.
 * Return: 0, or what @write ended it with; -EINVAL: NULL or unknown format; -ENOMEM; -EDEADLK;
 * -EPERM.
 */
IOASID_API int ioasid_pool_dump(struct ioasid_pool *pool, uint32_t format,
				int (*write)(void *context, const char *text, size_t length), void *context);

#define IOASID_LOG_ERROR UINT32_C(0)
#define IOASID_LOG_WARNING UINT32_C(1)
#define IOASID_LOG_INFO UINT32_C(2)
#define IOASID_LOG_DEBUG UINT32_C(3)

/**
 * ioasid_pool_set_log() - Tell a pool where to send its messages.
 * @pool: the pool
 * @log: called with a level and one line of UTF-8 text without newline, in any thread, possibly inside a call
 *       of the library: it must not call the library; NULL: nowhere, which is the default
 * @context: passed to @log
 *
 * The library itself never writes to stdout or stderr. When this returns no call of the function that was set
 * before is running. (S13.4)
 *
 * Context: any thread; waits for running log calls; restricted: no.
 * Return: 0; -EINVAL: NULL pool; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_pool_set_log(struct ioasid_pool *pool,
				   void (*log)(void *context, uint32_t level, const char *text), void *context);

/* Functions for the library's own memory. */
struct ioasid_memory {
	void *(*alloc)(void *context, size_t size, size_t align); /* not zeroed; NULL: none */
	void (*free)(void *context, void *memory, size_t size);
	void *context;
};

/**
 * ioasid_memory_use() - Give functions that the library takes its memory from.
 * @memory: the functions, copied; NULL: the default, which is jemalloc in an arena of its own if the process
 *          has jemalloc, and the C library's malloc otherwise
 *
 * Tables of whole pages are taken with mmap in any case.
 *
 * Context: any thread; restricted: no; before the first pool, or when there is none left and every thread
 * that used one has ended or been idle.
 * Return: 0; -EINVAL: a function is missing; -EBUSY: the library holds memory; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_memory_use(const struct ioasid_memory *memory);

/**
 * ioasid_memory_used() - Tell how much memory the library holds.
 * @bytes: receives the bytes taken from the functions above, without mapped tables
 * @blocks: receives the number of blocks; NULL: not wanted
 *
 * Context: any thread; restricted: yes.
 * Return: 0; -EINVAL: @bytes is NULL.
 */
IOASID_API int ioasid_memory_used(uint64_t *bytes, uint64_t *blocks);

IOASID_END_DECLS
#endif
