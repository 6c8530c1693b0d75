/*
 * A pool: the table of its IDs and everything that belongs to it.
 */
#ifndef IOASID_POOL_PRIVATE_H
#define IOASID_POOL_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ioasid/allocator.h>
#include <ioasid/pool.h>
#include <ioasid/stats.h>

#include "libioasid/lock.h"
#include "libioasid/mem.h"
#include "libioasid/set.h"
#include "libioasid/word.h"
#include "libioasid/work.h"

struct chain;
struct cursors;
struct registration;
struct devices;
struct idrec;
struct park_bucket;
struct thread_cache;

/* Why calls with a pool's sets have to leave the fast path. Written under a lock of the reason's owner. */
#define POOL_CUSTOM UINT32_C(1)  /* a custom allocator is, or is about to be, active */
#define POOL_SCAN UINT32_C(2)    /* somebody looks whether any ID is FREE: frees have to be counted */
#define POOL_ORDERED UINT32_C(4) /* the policy is not IOASID_POLICY_ANY; set for ever at creation */
#define POOL_STANDBY UINT32_C(8) /* a custom allocator waits until the built-in one's IDs are back */

#define GROUP_SHIFT 6 /* IDs come in groups of 64: one word of the bitmap */
#define GROUP_IDS (1u << GROUP_SHIFT)
#define GROUPS_MAX (IOASID_CAPACITY_MAX >> GROUP_SHIFT)
#define REGION_GROUPS (uint32_t)(HUGE_PAGE / sizeof(struct slot) / GROUP_IDS) /* whose words fill a huge page */

/* Numbers that only slow paths touch. */
struct pool_counters {
	atomic_uint_fast64_t misuse;
	atomic_uint_fast64_t vetoes;
	atomic_uint_fast64_t refused;
	atomic_uint_fast64_t events;   /* of chains and sets that are gone */
	atomic_uint_fast64_t swallowed;
	_Atomic uint32_t sets;
};

struct ioasid_pool {
	/* Read by every call, written at birth. */
	struct slot *table;             /* IOASID_CAPACITY_MAX slots, mapped */
	uint32_t capacity;              /* by pool_capacity(): installed once, before the first set */
	uint32_t policy;
	_Atomic uint32_t slow;          /* POOL_* */
	uint32_t flags;
	_Atomic uint32_t *spid_of;      /* per ID: see spid.h */
	_Atomic uint32_t *next;         /* per ID: link in a list of deferred frees; owned by who marked it */
	_Atomic uint32_t *gen_hi;       /* per ID: high part of the generation; written by who has BORN */
	_Atomic uint64_t *marked_at;    /* per ID: when it was marked, see ioasid__life_marked_at() */
	_Atomic(struct idrec *) *recs;  /* per ID: bindings, see binding.h */
	_Atomic(struct ioasid_set *) *sets; /* by index; an entry is good while any word names the index */
	char *name;

	struct ioasid_set root;

	/* Where FREE IDs are looked for: hints, the slot's word decides (ids.h). */
	_Alignas(CACHE_LINE) _Atomic uint64_t *bits; /* one per ID */
	_Atomic uint64_t *groups;                    /* one per group: "has bits" */
	_Atomic uint64_t summary[GROUPS_MAX / 64 / 64]; /* ordered policies: one per word of groups: "has groups" */
	_Atomic uint8_t *group_lock;                 /* ordered policies: one per group, then one per word of groups */
	_Atomic uint64_t *touched;                   /* one bit per group that any set has used */
	_Atomic uint64_t random;                     /* state of the random policy */
	struct cursors *cursors;                     /* cyclic policy only, mapped: cursors.h */
	_Atomic uint64_t frees_begun, frees_ended;   /* counted under POOL_SCAN only */
	_Atomic uint32_t scanners;
	_Atomic uint32_t huge;                       /* a bit per huge page of the table that may be one */

	/* What nobody was promised. */
	_Alignas(CACHE_LINE) _Atomic int64_t room;
	_Atomic uint32_t reserved;
	_Atomic uint64_t marks;                      /* the sum of the high-water marks of sets that are listed */
	_Atomic uint64_t high_water;                 /* the most that it was */
	_Atomic bool capacity_fixed;

	_Alignas(CACHE_LINE) struct lock registry; /* sets, tokens, registrations, chains' birth */
	struct ioasid_set *set_list;               /* under registry: live and dying sets */
	uint32_t set_index_next;                   /* under registry */
	uint64_t set_serial;                       /* under registry: the last set's */
	uint32_t *set_index_free;                  /* under registry: stack of indices, mapped */
	uint32_t set_index_free_count;
	_Atomic(struct ioasid_set *) *tokens;      /* hash buckets, mapped; written under registry, read under RCU */
	struct registration *registrations;        /* under registry: by priority, then age */
	uint64_t registration_serial;

	struct lock quota;                         /* calling in credit */
	struct lock threads_lock;
	struct thread_cache *threads;              /* under threads_lock */
	_Atomic uint32_t caches;                   /* how many; written under threads_lock */

	struct park_bucket *park;                  /* PARK_BUCKETS, see park.h */

	struct lock subscription;                  /* one registration changes; held over grace periods, handlers */
	struct lock chain_lock;                    /* with chain_cond: users of retired chains */
	pthread_cond_t chain_cond;

	struct lock allocators_lock;
	struct custom_allocator *allocators;       /* under allocators_lock: the first may be active */
	pthread_rwlock_t custom_gate;              /* read: inside a custom call; write: changing the active one */
	struct custom_allocator *_Atomic custom;   /* the active one */

	struct executor *executor;
	/* IDs whose completion the worker does, linked by next; IOASID_INVALID: none */
	_Atomic uint32_t orphans;
	struct ioasid_work orphan_work;
	struct workq internal;                     /* the library's own deferred jobs */
	struct ioasid_set *_Atomic retired;        /* dead sets that wait for a grace period, linked by next_retired */
	struct ioasid_work retire_work;
	struct devices *devices;                   /* device.c: made at creation */
	_Atomic uint32_t contexts;                 /* devices attached to the pool; see device.c */

	struct pool_counters counters;

	struct lock log_lock;
	void (*log)(void *context, uint32_t level, const char *text); /* under log_lock */
	void *log_context;
};

/* Writes a line to the pool's log callback, if there is one. Called without a lock but those below RANK_LOG. */
void ioasid__log(struct ioasid_pool *pool, uint32_t level, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Atomic, since calls with the pool may run while it is installed. Relaxed: who has a set
 * got it after that. */
static inline uint32_t pool_capacity(const struct ioasid_pool *pool)
{
	return __atomic_load_n(&pool->capacity, __ATOMIC_RELAXED);
}

static inline struct slot *pool_slot(const struct ioasid_pool *pool, ioasid_t id)
{
	return &pool->table[id];
}

/* The set that a word names; good while the word does. */
static inline struct ioasid_set *pool_set_of(struct ioasid_pool *pool, uint64_t w)
{
	/* Acquire pairs with the release at the set's birth. */
	return atomic_load_explicit(&pool->sets[word_set(w)], memory_order_acquire);
}

#endif
