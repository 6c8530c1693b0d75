/*
 * Sets: groups of IOASIDs with one owner, a quota and a private namespace (S2).
 *
 * A set is reference counted. Who calls with a set holds a reference to it, or to an IOASID in it, for
 * the length of the call (S2.2). The last ioasid_set_put() kills the set: its token is free at once, its
 * IOASIDs are freed, and those that somebody still references stay FREE_PENDING until they are put.
 */
#ifndef IOASID_SET_H
#define IOASID_SET_H

#include <ioasid/types.h>

IOASID_BEGIN_DECLS

#define IOASID_SET_NONE UINT32_C(0)   /* no token */
#define IOASID_SET_MM UINT32_C(1)     /* the token names a process address space */
#define IOASID_SET_OPAQUE UINT32_C(2) /* any token but 0 */

/* How the IOASIDs of a set are torn down by a free (S10.1). */
#define IOASID_TEARDOWN_BLOCK UINT32_C(1)  /* free returns when DMA is blocked */
#define IOASID_TEARDOWN_NOTIFY UINT32_C(2) /* subscribers get FREE */

/**
 * ioasid_set_alloc() - Create a set and take its first reference.
 * @pool: the pool
 * @type: IOASID_SET_*
 * @token: what to find the set by, unique within pool and type among live sets; 0 for IOASID_SET_NONE
 * @quota: IDs that the set can always have, 1 ... , or IOASID_QUOTA_UNLIMITED
 * @set: receives the set
 *
 * Subscribers that wait for this token become active with it. (S2.1, S7.9)
 *
 * Context: any thread; takes the pool's registration lock; restricted: no.
 * Return: 0; -EINVAL: NULL, unknown type, quota 0, a token with NONE or none with another type; -EEXIST:
 * token in use; -ENOSPC: the quota is more than ioasid_pool_available(), or there are IOASID_SETS_MAX sets;
 * -ENOMEM; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_set_alloc(struct ioasid_pool *pool, uint32_t type, uint64_t token, uint32_t quota,
				struct ioasid_set **set);

/**
 * ioasid_set_get() - Take another reference to a set.
 * @set: a set that the caller has a reference to
 *
 * Context: any thread; restricted: yes; never blocks. On a root handle it does nothing. (S2.2)
 * Return: 0; -EINVAL: NULL; -ENOENT: the set is dead; -EOVERFLOW: IOASID_SET_REFS_MAX reached; -EPERM.
 */
IOASID_API int ioasid_set_get(struct ioasid_set *set);

/**
 * ioasid_set_find() - Find a live set by its token and take a reference to it.
 * @pool: the pool
 * @type: IOASID_SET_MM or IOASID_SET_OPAQUE
 * @token: the token
 * @set: receives the set
 *
 * Takes the same time with one set and with thousands. (S2.2)
 *
 * Context: any thread; lock-free; restricted: yes.
 * Return: 0; -EINVAL: NULL, type NONE or unknown, token 0; -ENOENT: no such live set; -EOVERFLOW; -EPERM.
 */
IOASID_API int ioasid_set_find(struct ioasid_pool *pool, uint32_t type, uint64_t token, struct ioasid_set **set);

/**
 * ioasid_set_put() - Drop a reference to a set; the last one kills it.
 * @set: the set; not to be used any more by this holder
 *
 * Death frees the token, tears down every binding and frees every IOASID of the set, as by ioasid_free(). In
 * a restricted context IOASIDs are marked at once and the rest follows after the outermost handler chain.
 * (S2.3, S7.6)
 *
 * Context: any thread; may block on death; restricted: yes.
 * Return: 1: the set died by this call; 0: others hold it; -EINVAL: NULL or root; -ENOENT: the set is dead
 * (the caller only had an IOASID's reference); -EIO, -ETIMEDOUT: it died, but DMA of an IOASID or RID is not
 * known to be blocked (S4.3); -EINPROGRESS: it died, and blocking follows; -EPERM.
 */
IOASID_API int ioasid_set_put(struct ioasid_set *set);

/**
 * ioasid_set_adjust_quota() - Change what a set can hold.
 * @set: the set
 * @quota: 1 ... or IOASID_QUOTA_UNLIMITED
 *
 * Context: any thread; may wait for other threads' calls under way, to call in their cached credit;
 * restricted: no. (S2.4)
 * Return: 0; -EINVAL: NULL, root, 0, or below the IDs held, pending ones included; -ENOENT: dead set;
 * -ENOSPC: growth beyond what the pool can promise; -EDEADLK; -EPERM. On error nothing changes.
 */
IOASID_API int ioasid_set_adjust_quota(struct ioasid_set *set, uint32_t quota);

/**
 * ioasid_set_for_each() - Visit the active IOASIDs of a set in ascending order.
 * @set: a set, or a root handle for all sets of the pool
 * @fn: called with a reference on the ID, and with nothing locked: it may block, free the ID, call anything.
 *      A value other than 0 ends the walk
 * @context: passed to @fn
 *
 * Visits once each ID that is ACTIVE during the whole walk, others maybe. Takes time by the set's IDs and the
 * table words that it has used, not by the pool's size. (S2.5)
 *
 * Context: any thread; restricted: no.
 * Return: 0, or what @fn ended the walk with; -EINVAL: NULL; -ENOENT: dead set; -EOVERFLOW: an ID has
 * IOASID_REFS_MAX references and cannot be visited; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_set_for_each(struct ioasid_set *set,
				   int (*fn)(void *context, struct ioasid_set *set, ioasid_t id), void *context);

/**
 * ioasid_set_reset() - Take everything from a set but its identity, as a guest reset does.
 * @set: the set
 *
 * Bindings are torn down, IOASIDs freed, RIDs go to their devices' home. The set, its token, quota,
 * subscribers and devices stay. IDs that are allocated while the call runs may stay. An RID that another
 * thread is unbinding is waited for, at most the context's deadline. (S2.7)
 *
 * Context: any thread; blocks; restricted: no.
 * Return: 0; -EINVAL: NULL or root; -ENOENT: dead set; -EIO, -ETIMEDOUT: as for ioasid_free(), everything is
 * freed all the same; or an RID is quarantined, by this call or before, or another thread still has it in
 * hand; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_set_reset(struct ioasid_set *set);

/**
 * ioasid_set_teardown_mode() - Choose how later frees of the set's IOASIDs go.
 * @set: the set
 * @mode: IOASID_TEARDOWN_BLOCK, IOASID_TEARDOWN_NOTIFY or both (the default)
 *
 * A free that has marked its IOASID goes on in the mode in which it began.
 *
 * Context: any thread; restricted: no. (S10.1)
 * Return: 0; -EINVAL: NULL, root, no mode or an unknown bit; -ENOENT: dead set; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_set_teardown_mode(struct ioasid_set *set, uint32_t mode);

/**
 * ioasid_set_on_release() - Give a set a function for private data that is still attached at reclaim.
 * @set: a set without IOASIDs
 * @release: called with the data once no reader can see it, in a worker or in ioasid_pool_dispatch(); NULL:
 *   none
 * @context: passed to @release
 *
 * If the answer is not 0, @release is never called, and what the set had before it has still.
 *
 * Context: any thread; may wait for calls under way; restricted: no. (S4.6)
 * Return: 0; -EINVAL: NULL or root; -ENOENT: dead set; -EBUSY: the set has IDs, or an allocation is under
 * way; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_set_on_release(struct ioasid_set *set, void (*release)(void *context, void *data), void *context);

/**
 * ioasid_set_quota_alarm() - Be told when a set comes near its quota.
 * @set: the set
 * @threshold: IDs held at which to tell, 1 ... ; 0 switches the alarm off
 * @alarm: called as a work item of the set, once for each time the number of IDs held rises to @threshold
 * @context: passed to @alarm
 *
 * Counting is exact, and a little slower, while an alarm is set. (S13.1)
 *
 * Context: any thread; may wait for calls under way; restricted: no.
 * Return: 0; -EINVAL: NULL, root, or a threshold without function; -ENOENT: dead set; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_set_quota_alarm(struct ioasid_set *set, uint32_t threshold,
				      void (*alarm)(void *context, struct ioasid_set *set, uint32_t held),
				      void *context);

/**
 * ioasid_set_pool() - Tell a set's pool.
 * @set: a set or root handle
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: the pool, NULL for NULL.
 */
IOASID_API struct ioasid_pool *ioasid_set_pool(const struct ioasid_set *set);

/**
 * ioasid_token_of_process() - Derive the token of a process for a set of type MM.
 * @pid: process id, or 0 for the calling process
 * @token: receives a token that a later process with the same pid does not get
 *
 * Context: any thread; reads /proc; restricted: yes. (S2.1)
 * Return: 0; -EINVAL: NULL or a negative pid; -ESRCH: no such process; -EACCES, -EIO: /proc cannot be read.
 */
IOASID_API int ioasid_token_of_process(int32_t pid, uint64_t *token);

IOASID_END_DECLS
#endif
