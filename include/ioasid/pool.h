/*
 * Pools: one namespace of IOASIDs each (S1).
 *
 * A pool numbers the whole host, the devices of one owner, or one device. Pools share nothing. A pool
 * starts one worker thread that runs work items and teardown, and more when those block, unless it was
 * created with IOASID_POOL_NO_WORKER: then ioasid_pool_fd() and ioasid_pool_dispatch() do it in the
 * caller's event loop.
 */
#ifndef IOASID_POOL_H
#define IOASID_POOL_H

#include <ioasid/reason.h>
#include <ioasid/types.h>

IOASID_BEGIN_DECLS

/* In which order IDs are handed out (S1.6). A uint32_t, so that its size is fixed. */
#define IOASID_POLICY_ANY UINT32_C(0)    /* no promise; the fastest */
#define IOASID_POLICY_LOWEST UINT32_C(1) /* no lower ID of the window was FREE throughout the call */
#define IOASID_POLICY_CYCLIC UINT32_C(2) /* a freed ID comes back after the cursor went through the window */
#define IOASID_POLICY_RANDOM UINT32_C(3) /* an ID of the window by chance */

/* So many windows of a pool with IOASID_POLICY_CYCLIC have a cursor each. Where more are in use a new one
 * takes the cursor of the one that was used longest ago, which begins at its min when it is used again. */
#define IOASID_CYCLIC_WINDOWS UINT32_C(65536)

/* No worker threads: the owner calls ioasid_pool_dispatch() (S14.4). */
#define IOASID_POOL_NO_WORKER UINT32_C(1)

/*
 * Attributes of a new pool. Zero in every member but struct_size gives the defaults.
 *
 * max_workers limits how many sets' work items run at one time, and separately, how many calls that are left
 * to a worker: ..._async calls with their functions, and functions that are called when private data was
 * detached or is released. When so many of a kind block, the next one of that kind waits for one of them. The
 * library's own work waits for neither: the teardown of each context's bindings and the deaths of sets have
 * threads beyond the limit, one for each context with devices and a few more. Threads are started when they
 * are needed, or by ioasid_pool_seal(). (S7.10)
 */
struct ioasid_pool_attr {
	uint32_t struct_size; /* sizeof(struct ioasid_pool_attr); bytes beyond what the library knows must be 0 */
	uint32_t policy;      /* IOASID_POLICY_* */
	uint32_t flags;       /* IOASID_POOL_* */
	uint32_t max_workers; /* work items that run at one time at most, 1 ... 256; 0: 32; see below */
	uint64_t seed;        /* of IOASID_POLICY_RANDOM; 0: taken from the clock */
	const char *name;     /* UTF-8, for logs and dumps, copied; NULL: "pool" */
};

/**
 * ioasid_pool_create() - Create a pool of IOASID_CAPACITY_MAX IDs.
 * @attr: attributes, or NULL for the defaults
 * @pool: receives the pool
 *
 * Context: any thread; may block; restricted: no. Starts one thread with all signals blocked, unless
 * IOASID_POOL_NO_WORKER is given. (S1.1, S14.4)
 * Return: 0; -EINVAL: @pool is NULL, an unknown policy or flag, max_workers over 256, struct_size too
 * small; -E2BIG: non-zero bytes beyond the known attributes; -ENOMEM; -EAGAIN: no thread could be started;
 * -EMFILE, -ENFILE: no descriptor for ioasid_pool_fd(); -EDEADLK: restricted context; -EPERM after fork.
 */
IOASID_API int ioasid_pool_create(const struct ioasid_pool_attr *attr, struct ioasid_pool **pool);

/**
 * ioasid_pool_destroy() - Destroy a pool that nothing uses any more.
 * @pool: the pool; no other thread may be inside a call with it or begin one
 *
 * Queued work is run first. What is still held is reported to the log callback, line by line (S1.5).
 *
 * Context: any thread but the pool's workers; blocks; restricted: no, nor from a work item.
 * Return: 0; -EINVAL: NULL; -EBUSY: there are sets, IDs (pending ones included), subscribers, custom
 * allocators, devices, contexts or bindings, and nothing was changed; -EDEADLK: restricted context or work
 * item; -EPERM after fork.
 */
IOASID_API int ioasid_pool_destroy(struct ioasid_pool *pool);

/**
 * ioasid_pool_install_capacity() - Set how many IDs the pool numbers, once.
 * @pool: the pool
 * @capacity: 2 ... IOASID_CAPACITY_MAX; IDs are 1 ... @capacity - 1
 *
 * Context: any thread; restricted: no. (S1.2)
 * Return: 0; -EINVAL: out of range or NULL; -EBUSY: there was a set or reservation already, or the capacity
 * was installed before; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_pool_install_capacity(struct ioasid_pool *pool, uint32_t capacity);

/**
 * ioasid_pool_capacity() - Tell the pool's capacity.
 * @pool: the pool
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: the capacity, 0 for NULL.
 */
IOASID_API uint32_t ioasid_pool_capacity(const struct ioasid_pool *pool);

/**
 * ioasid_pool_available() - Tell what the pool can still promise.
 * @pool: the pool
 * @count: receives capacity - 1 - reserved - quotas of live sets - IDs held by unlimited sets - IDs of dead
 *         sets that are not reclaimed
 *
 * Exact when nobody is inside a call. (S1.3)
 *
 * Context: any thread; takes short locks; restricted: yes.
 * Return: 0; -EINVAL: NULL; -EPERM.
 */
IOASID_API int ioasid_pool_available(struct ioasid_pool *pool, uint32_t *count);

/**
 * ioasid_pool_reserve() - Take a range of numbers out of the pool, for an owner outside the library.
 * @pool: the pool
 * @min: first ID, 1 ... capacity - 1
 * @max: last ID, @min ... capacity - 1
 *
 * All of the range or nothing. (S1.4)
 *
 * Context: any thread; may wait for other threads' calls that are under way; restricted: no.
 * Return: 0; -EINVAL: NULL, empty range, 0 or beyond the capacity; -EEXIST: an ID is reserved already;
 * -EBUSY: an ID is in use; -ENOSPC: more than ioasid_pool_available(); -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_pool_reserve(struct ioasid_pool *pool, ioasid_t min, ioasid_t max);

/**
 * ioasid_pool_unreserve() - Give a reserved range back to the pool.
 * @pool: the pool
 * @min: first ID
 * @max: last ID; every ID of the range must be reserved, by one call or several
 *
 * Context: any thread; restricted: no. (S1.4)
 * Return: 0; -EINVAL: as for ioasid_pool_reserve(); -ENOENT: an ID is not reserved, nothing was changed;
 * -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_pool_unreserve(struct ioasid_pool *pool, ioasid_t min, ioasid_t max);

/**
 * ioasid_pool_root() - Get the pool's root handle, which stands for "any set of this pool".
 * @pool: the pool
 *
 * For the host's own code, never to be derived from what a guest says. It cannot allocate and has no quota,
 * token or SPIDs: those calls return -EINVAL. It needs no reference. (S2.8)
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: the handle, NULL for NULL.
 */
IOASID_API struct ioasid_set *ioasid_pool_root(struct ioasid_pool *pool);

/**
 * ioasid_pool_fd() - Get the descriptor that is readable while there is work to dispatch.
 * @pool: a pool created with IOASID_POOL_NO_WORKER
 *
 * Only to be polled. It belongs to the pool and is close-on-exec. (S14.4)
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: a file descriptor; -EINVAL: NULL, or the pool has workers.
 */
IOASID_API int ioasid_pool_fd(struct ioasid_pool *pool);

/**
 * ioasid_pool_dispatch() - Run what is queued, in the caller's thread.
 * @pool: a pool created with IOASID_POOL_NO_WORKER
 *
 * Runs until nothing is queued. Several threads may dispatch at once. (S14.4)
 *
 * Context: any thread; blocks as the work items do; restricted: no, nor from a work item.
 * Return: the number of items run; -EINVAL: NULL, or the pool has workers; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_pool_dispatch(struct ioasid_pool *pool);

/**
 * ioasid_pool_seal() - Have everything ready before the process gives up its rights.
 * @pool: the pool
 * @why: NULL, or room for what could not be made ready
 *
 * Starts all threads that the pool may have (max_workers for work items, as many for calls left to a worker,
 * one for each context with devices, five more), registers this thread, and seals each context that the pool
 * has devices of, as ioasid_context_seal() does. From here on no call with the pool, its sets, its devices
 * and their contexts opens anything by name or creates a thread, and all of them get by with the system calls
 * that docs/sandbox.md lists. Devices of contexts that are not sealed are refused. There is no way back, and
 * a second seal does nothing. (S14.5)
 *
 * Context: any thread; waits for attaches and other seals of the pool under way, and for work that is queued
 * in it; may make system calls; restricted: no, nor from a work item.
 * Return: 0; -EINVAL: NULL; -EAGAIN: a thread could not be started; -ENOMEM, -EMFILE, -ENFILE, or an errno of
 * a backend: a context could not be sealed; -EDEADLK; -EPERM. After a failure the pool is not sealed, what
 * was made ready stays so, and it may be tried again.
 */
IOASID_API int ioasid_pool_seal(struct ioasid_pool *pool, struct ioasid_reason *why);

IOASID_END_DECLS
#endif
