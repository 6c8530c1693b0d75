/*
 * A set: owner check, quota, map of the table words that it has used, SPIDs.
 */
#ifndef IOASID_SET_PRIVATE_H
#define IOASID_SET_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <ioasid/set.h>

#include "libioasid/mem.h"
#include "libioasid/word.h"
#include "libioasid/work.h"

struct ioasid_device_caps;
struct chain;
struct spid_leaf;

/* Why calls with a set have to leave the fast path. */
#define SET_DEAD UINT32_C(1)  /* set once, by the last put */
#define SET_EXACT UINT32_C(2) /* credit is not cached; changed under the pool's quota lock */
#define SET_CHAIN UINT32_C(4) /* there are subscribers; changed with the chain */
#define SET_ROOT UINT32_C(8)

#define MAP_CHUNK_GROUPS 1024u /* groups of one chunk of the map: 64k IDs */
#define MAP_CHUNKS (IOASID_CAPACITY_MAX / 64u / MAP_CHUNK_GROUPS)
#define SPID_LEAF_ENTRIES 1024u
#define SPID_LEAVES ((IOASID_SPID_MAX + 1u) / SPID_LEAF_ENTRIES)

/* Data that was still attached at reclaim waits here for readers to go (S4.6). */
struct release_node {
	struct release_node *next;
	void *data;
	void (*release)(void *context, void *data); /* as it was at the reclaim */
	void *context;
};

struct ioasid_set {
	/* Read by every call, written at birth. */
	uint64_t want;              /* state ACTIVE and the set's index; root: the state only */
	uint64_t mask;              /* the bits of a word that `want` speaks of */
	struct slot *table;
	struct ioasid_pool *pool;
	uint32_t capacity;          /* the pool's when the set was born; root: all that the table has, for ever */
	uint32_t index;
	_Atomic uint32_t slow;      /* SET_* */
	_Atomic uint32_t mode;      /* IOASID_TEARDOWN_* */
	_Atomic(struct spid_leaf *) spids_low;             /* the leaf of 0 ..., which most guests need no other beside */
	_Atomic(_Atomic(struct spid_leaf *) *) spids;      /* SPID_LEAVES pointers, made with the first other SPID */
	_Atomic(_Atomic uint64_t *) map[MAP_CHUNKS];       /* sticky bits: groups that the set has used */

	/* Written by exact paths. held = total - room - credit cached by threads. */
	_Alignas(CACHE_LINE) _Atomic int64_t room;
	_Atomic int64_t total;      /* taken from the pool: the quota, or what an unlimited set has drawn */
	_Atomic uint32_t quota;     /* as asked for */
	_Atomic uint32_t alarm_at;  /* 0: none */
	_Atomic uint32_t alarm_due; /* crossings that the alarm has not been told of */
	_Atomic uint32_t high_water;
	_Atomic uint32_t pending;   /* FREE_PENDING IDs */
	_Atomic uint64_t vetoes, misuse, refused, events, swallowed;
	_Atomic uint64_t faults_open;
	_Atomic bool sweeping;      /* dying: the killer frees the IDs */
	_Atomic bool reaping;       /* dead: the blocks are being dropped, or are */
	_Atomic bool harvested;     /* dead: no thread caches credit any more */
	_Atomic bool returned;      /* dead: all credit is back with the pool */

	/* Seldom written. Here they cost no line of their own. */
	_Atomic(struct chain *) chain; /* subscribers, NULL: none; RCU, see chain.h */
	void (*alarm)(void *context, struct ioasid_set *set, uint32_t held); /* under alarm_lock, as its context */
	void *alarm_context;
	struct ioasid_device_caps *promised; /* under the lock of the devices: to its guest; NULL: nothing */

	/* Slow. */
	_Alignas(CACHE_LINE) _Atomic uint32_t refs; /* holders of the set; 0: dead */
	_Atomic uint32_t holds;     /* what keeps a dead set's memory: its IDs, its blocks, jobs */
	uint64_t serial;            /* no other set of the pool ever had it; root: 0 */
	uint32_t type;
	bool reaped;                /* under registry: its blocks are dropped */
	uint64_t token;
	_Atomic(struct ioasid_set *) next_token; /* in the bucket; written under registry, read under RCU */
	struct ioasid_set *prev, *next;  /* in the pool's list, under registry */
	struct ioasid_set *next_collect; /* under the pool's quota lock */
	struct ioasid_set *next_retired;
	struct workq works;
	struct workq jobs;               /* the library's own items of this set: other sets do not wait for them */
	struct workq releases;           /* of release_work, which calls a function of the user */
	struct ioasid_work reap_work;    /* drops a dead set's blocks when its last FREE is out */
	struct ioasid_work death_work;   /* the part of death that may not be done where the last put was */
	struct ioasid_work alarm_work;
	struct lock alarm_lock;          /* while there is an alarm: changes of room and total */
	void (*_Atomic release)(void *context, void *data);
	void *release_context; /* both changed under release_lock */
	struct lock release_lock;
	struct release_node *release_spare; /* under release_lock: one for each ID with data */
	struct release_node *release_due;   /* under release_lock */
	struct ioasid_work release_work;
};

static inline bool set_is_root(const struct ioasid_set *set)
{
	return set->index == 0;
}

/* Was the last reference put? Its holder is about to kill the set, or has done so. */
static inline bool set_is_put(const struct ioasid_set *set)
{
	/* Relaxed: what there is to see of the end is ordered by the registry. */
	return atomic_load_explicit(&set->refs, memory_order_relaxed) == 0;
}

/* Does the word belong to the set, whatever its state? */
static inline bool set_owns(const struct ioasid_set *set, uint64_t w)
{
	return ((w ^ set->want) & set->mask & W_SET) == 0;
}

/* Is the word ACTIVE, and the set's? */
static inline bool set_owns_active(const struct ioasid_set *set, uint64_t w)
{
	return ((w ^ set->want) & set->mask) == 0;
}

/*
 * Why a word is not the set's and ACTIVE: 0 if it is, -ENOENT, -EACCES. The owner is checked before the state
 * (S0.1). An ID that is being born exists for the thread that delivers its ALLOC only (S7.7).
 */
int ioasid__set_check(struct ioasid_set *set, ioasid_t id, uint64_t w);
/* The same for calls that FREE_PENDING IDs may be named in, too. */
int ioasid__set_check_held(struct ioasid_set *set, ioasid_t id, uint64_t w);

/* Notes that the group of an ID is used by some set. */
void ioasid__pool_touch(struct ioasid_pool *pool, ioasid_t id);
/* Notes that the set uses it; 0 or -ENOMEM. */
int ioasid__set_touch(struct ioasid_set *set, ioasid_t id);

/* Has the set noted it before? The set's bit is set after the pool's, and acquired here: whoever sees the
 * ID's word sees both. */
static inline bool set_touched(struct ioasid_set *set, uint32_t id)
{
	uint32_t group = id / 64u, bit = group % MAP_CHUNK_GROUPS;
	_Atomic uint64_t *map = atomic_load_explicit(&set->map[group / MAP_CHUNK_GROUPS], memory_order_acquire);

	return map != NULL && (atomic_load_explicit(&map[bit / 64], memory_order_acquire) >> (bit % 64) & 1) != 0;
}

static inline int set_touch(struct ioasid_set *set, uint32_t id)
{
	return set_touched(set, id) ? 0 : ioasid__set_touch(set, id);
}

/* The next ID at or after @id in a group that the set, or with root any set, has used; capacity: none. */
ioasid_t ioasid__set_next_group(struct ioasid_set *set, ioasid_t id);

/* The end of the group of an ID, or of the pool. */
ioasid_t ioasid__set_group_end(const struct ioasid_set *set, ioasid_t id);

/* Keeps a set's memory, and gives it back. The last one frees it after a grace period. */
void ioasid__set_hold(struct ioasid_set *set);
void ioasid__set_release(struct ioasid_set *set);
/* In a read section: keeps a set that was found there; false: it is going. */
bool ioasid__set_hold_unless_gone(struct ioasid_set *set);

/* Called in a read section, or with an ID of the set unreclaimed, when an ID has had its last event and lost
 * alloc's reference. */
void ioasid__set_id_quiet(struct ioasid_set *set);

/* Frees every ID of a set. Returns the worst answer. In sweep.c. */
int ioasid__set_sweep(struct ioasid_set *set);

/* A set of its own memory, not yet listed; NULL: no memory. And what undoes it. */
struct ioasid_set *ioasid__set_make(struct ioasid_pool *pool, uint32_t type, uint64_t token);
void ioasid__set_unmake(struct ioasid_set *set);
/* Fills in what every set and root handle has. */
void ioasid__set_init(struct ioasid_set *set, struct ioasid_pool *pool, uint32_t index);
/* Work items of a dying set, set_death.c. */
void ioasid__set_reap_run(void *context, struct ioasid_work *work);
void ioasid__set_death_run(void *context, struct ioasid_work *work);
/* The pool's work item that frees dead sets. */
void ioasid__set_retire_run(void *context, struct ioasid_work *work);

/* Tokens, under the registry; find also in a read section. Finds the set that has the token, not one that was
 * put for the last time: of those there may be several. token.c. */
struct ioasid_set *ioasid__token_find(struct ioasid_pool *pool, uint32_t type, uint64_t token);
void ioasid__token_add(struct ioasid_set *set);
void ioasid__token_remove(struct ioasid_set *set);
#define TOKEN_BUCKETS 0x10000u

#endif
