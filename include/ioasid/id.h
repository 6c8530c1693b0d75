/*
 * IOASIDs: their allocation, references, private data and lookup (S3, S4, S5).
 *
 *   FREE --alloc--> ACTIVE --free--> FREE_PENDING --last reference and alloc's own gone--> FREE
 *
 * Alloc's own reference is not a counted one: only the transition to FREE_PENDING uses it up, once.
 * Counted references come from ioasid_get(), ioasid_find_by_spid() and bindings, and go by ioasid_put().
 */
#ifndef IOASID_ID_H
#define IOASID_ID_H

#include <ioasid/types.h>

IOASID_BEGIN_DECLS

/**
 * ioasid_alloc() - Allocate an IOASID.
 * @set: the set that will own it
 * @min: lowest number wanted
 * @max: highest number wanted, inclusive; the window is cut to 1 ... capacity - 1
 * @data: private data, found by ioasid_find(); may be NULL
 * @id: receives the IOASID, IOASID_INVALID on any error
 *
 * Subscribers get ALLOC before the ID is visible to anybody else; each can veto. An allocation with data
 * during which the set dies succeeds, and the ID is freed with the others of the set; on an error the data is
 * still the caller's. (S2.3, S3.1, S7.7)
 *
 * Context: any thread; handlers run in it; may wait for other threads' calls under way when quota or space is
 * nearly used up; restricted: no.
 * Return: 0; -EINVAL: NULL, root, @min > @max, @max < 1, @min beyond the capacity; -ENOENT: dead set;
 * -EDQUOT: quota used up; -ENOSPC: at some moment no ID of the window was FREE, or nothing is left that
 * nobody was promised; -EBUSY: the window is one ID and that is FREE_PENDING; -EIO: a custom allocator gave
 * an impossible ID, or its errno; -ENOMEM; a handler's veto; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *data, ioasid_t *id);

/**
 * ioasid_alloc_range() - Allocate consecutive IOASIDs, or none.
 * @set: the set that will own them
 * @count: how many, 1 ... capacity - 1
 * @align: the first is a multiple of this power of two
 * @min: lowest number wanted
 * @max: highest number wanted for the last of them
 * @first: receives the first ID, IOASID_INVALID on any error
 *
 * ALLOC is delivered ascending; the IDs become visible after the last handler agreed; a veto undoes all,
 * descending. Each is freed on its own. (S3.3)
 *
 * Context: as for ioasid_alloc().
 * Return: 0 and the errors of ioasid_alloc() but -EBUSY and -EIO; -EINVAL also: @count 0, @align not a power
 * of two; -EAGAIN:
 * other threads took or gave back IDs meanwhile, so that the answer is unknown; -EOPNOTSUPP: a custom
 * allocator is active.
 */
IOASID_API int ioasid_alloc_range(struct ioasid_set *set, uint32_t count, uint32_t align, ioasid_t min, ioasid_t max,
				  ioasid_t *first);

/**
 * ioasid_free() - Free an IOASID.
 * @set: the set that owns it, or the root handle
 * @id: the IOASID
 *
 * Marks it FREE_PENDING, blocks its DMA if the set blocks, delivers FREE, drops alloc's reference. It is
 * reclaimed when the last counted reference is put. Freeing an ID that is FREE_PENDING changes nothing. In a
 * restricted context it marks at once, the rest follows after the outermost handler chain, or in the thread
 * that is delivering another event of the ID. (S4.1, S4.2, S7.6)
 *
 * Context: any thread; handlers run in it; may block; restricted: yes, but not for an ID whose ALLOC is being
 * delivered.
 * Return: 0; -EINVAL: NULL; -ENOENT: unknown; -EACCES: of another set; -EIO, -ETIMEDOUT: freed, but its DMA
 * is not known to be blocked (quarantined, S9.8); -EINPROGRESS: freed, blocking follows; -EDEADLK: the ID's
 * ALLOC is being delivered by this thread; -EPERM.
 */
IOASID_API int ioasid_free(struct ioasid_set *set, ioasid_t id);

/**
 * ioasid_get() - Take a counted reference.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID
 *
 * Context: any thread; lock-free; restricted: yes. (S4.4)
 * Return: 0; -EINVAL: NULL; -ENOENT: unknown or FREE_PENDING; -EACCES: of another set; -EOVERFLOW:
 * IOASID_REFS_MAX reached; -EPERM.
 */
IOASID_API int ioasid_get(struct ioasid_set *set, ioasid_t id);

/**
 * ioasid_put() - Drop a counted reference.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID
 *
 * Without a counted reference left it is a free if the ID is ACTIVE, and misuse, which is counted, if it is
 * FREE_PENDING. (S4.5)
 *
 * Context: any thread; lock-free unless it frees; restricted: yes.
 * Return: 1: reclaimed by this call; 0; -EINVAL: NULL, or misuse; -ENOENT: unknown; -EACCES: of another set;
 * as a free also -EIO, -ETIMEDOUT, -EINPROGRESS; -EDEADLK: it would free an ID whose ALLOC this thread is
 * delivering; -EPERM.
 */
IOASID_API int ioasid_put(struct ioasid_set *set, ioasid_t id);

/**
 * ioasid_refs() - Tell how many references an IOASID has.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID
 * @refs: receives the counted references, plus 1 while alloc's own is there
 *
 * For displays and tests: the number may be old when it is read. (S11)
 *
 * Context: any thread; lock-free; restricted: yes.
 * Return: 0; -EINVAL: NULL; -ENOENT: unknown; -EACCES: of another set.
 */
IOASID_API int ioasid_refs(struct ioasid_set *set, ioasid_t id, uint32_t *refs);

/**
 * ioasid_find() - Look up the private data of an IOASID.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID
 * @getter: called inside the read-side section with data that is not NULL, to take a reference to it; answers
 *          non-zero to keep it, 0 to refuse. NULL: none; then the pointer is good only inside
 *          ioasid_read_begin() ... ioasid_read_end(), or while the caller knows that nobody detaches it
 * @data: receives the data, or NULL: there is none, or the getter refused
 *
 * Takes no lock, does no read-modify-write on shared memory and never waits. The getter must not block.
 * (S5.1, S5.2)
 *
 * Context: any thread; wait-free; restricted: yes; works in the child after fork.
 * Return: 0; -EINVAL: NULL; -ENOENT: unknown or FREE_PENDING; -EACCES: of another set.
 */
IOASID_API int ioasid_find(struct ioasid_set *set, ioasid_t id, int (*getter)(void *data), void **data);

/**
 * ioasid_find_many() - Look up the private data of many IOASIDs.
 * @set: the set that owns the IDs, or the root handle
 * @ids: @count IOASIDs, in any order
 * @count: how many, 0 ... IOASID_CAPACITY_MAX
 * @data: receives @count pointers: the data of each ID that was found, else NULL
 * @errs: receives for each ID what ioasid_find() would return; NULL: of no interest
 *
 * Each ID is looked up by itself, as ioasid_find() does without a getter, so the pointers are good for as
 * long as they would be there. Quicker than so many calls: while one is looked at, the next are on their way
 * to the cache. (S5.1, S5.2)
 *
 * Context: any thread; wait-free; restricted: yes; works in the child after fork.
 * Return: how many were found; -EINVAL: @set NULL, @count beyond its range, @ids or @data NULL and @count
 * not 0.
 */
IOASID_API int ioasid_find_many(struct ioasid_set *set, const ioasid_t *ids, uint32_t count, void **data, int *errs);

/**
 * ioasid_read_begin() - Begin a read-side section.
 *
 * Sections nest. Inside one no function that waits may be called (restricted context). Data found inside
 * stays good until the end of the outermost section. (S5.1)
 *
 * Context: any thread; never blocks.
 */
IOASID_API void ioasid_read_begin(void);

/**
 * ioasid_read_end() - End a read-side section.
 *
 * Frees made inside it (S7.6) are completed at the end of the outermost one, which runs their handlers.
 *
 * Context: the thread that began it.
 */
IOASID_API void ioasid_read_end(void);

/**
 * ioasid_attach_data() - Attach private data to an IOASID that has none.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID
 * @data: the data, not NULL
 *
 * Context: any thread; restricted: yes. What was written before is seen by who finds it. (S5.3, S5.5)
 * Return: 0; -EINVAL: NULL; -ENOENT: unknown or FREE_PENDING; -EACCES: of another set; -EBUSY: there is some;
 * -ENOMEM: a set with a release function; -EPERM.
 */
IOASID_API int ioasid_attach_data(struct ioasid_set *set, ioasid_t id, void *data);

/**
 * ioasid_detach_data() - Take the private data away and wait until nobody can see it.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID, ACTIVE or FREE_PENDING
 * @old: receives the data
 *
 * Context: any thread; waits for readers and for handlers of a running event of the ID; restricted: no.
 * (S5.4)
 * Return: 0; -EINVAL: NULL; -ENOENT: unknown, or no data; -EACCES: of another set; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_detach_data(struct ioasid_set *set, ioasid_t id, void **old);

/**
 * ioasid_detach_data_async() - Take the private data away and be called when nobody can see it.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID, ACTIVE or FREE_PENDING
 * @done: called in a worker or in ioasid_pool_dispatch()
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S5.4)
 * Return: 0; errors of ioasid_detach_data() but -EDEADLK; -ENOMEM, nothing detached.
 */
IOASID_API int ioasid_detach_data_async(struct ioasid_set *set, ioasid_t id, void (*done)(void *context, void *old),
					void *context);

/**
 * ioasid_handle_of() - Get a handle that tells one life of an IOASID from the next.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID
 * @handle: receives the handle; stale ones are told apart for at least 2^32 reuses of the ID
 *
 * Context: any thread; lock-free; restricted: yes. (S4.7)
 * Return: 0; -EINVAL: NULL; -ENOENT: unknown or FREE_PENDING; -EACCES: of another set.
 */
IOASID_API int ioasid_handle_of(struct ioasid_set *set, ioasid_t id, ioasid_handle_t *handle);

/**
 * ioasid_handle_id() - Get the IOASID out of a handle.
 * @handle: the handle
 *
 * Context: any thread; restricted: yes; never blocks.
 * Return: the IOASID, whether or not that life is over.
 */
IOASID_API ioasid_t ioasid_handle_id(ioasid_handle_t handle);

/**
 * ioasid_get_handle() - ioasid_get() for one life of an IOASID.
 * @set: the set that owns the ID, or the root handle
 * @handle: the handle
 *
 * Context: as for ioasid_get(). (S4.7)
 * Return: as ioasid_get(); -ESTALE: the handle's life is over, whoever has the number now.
 */
IOASID_API int ioasid_get_handle(struct ioasid_set *set, ioasid_handle_t handle);

/**
 * ioasid_put_handle() - ioasid_put() for one life of an IOASID.
 * @set: the set that owns the ID, or the root handle
 * @handle: the handle
 *
 * Context: as for ioasid_put(). (S4.7)
 * Return: as ioasid_put(); -ESTALE: the handle's life is over, and nothing was done.
 */
IOASID_API int ioasid_put_handle(struct ioasid_set *set, ioasid_handle_t handle);

/**
 * ioasid_find_handle() - ioasid_find() for one life of an IOASID.
 * @set: the set that owns the ID, or the root handle
 * @handle: the handle
 * @getter: as for ioasid_find()
 * @data: as for ioasid_find()
 *
 * Context: as for ioasid_find(). (S4.7)
 * Return: as ioasid_find(); -ESTALE: the handle's life is over.
 */
IOASID_API int ioasid_find_handle(struct ioasid_set *set, ioasid_handle_t handle, int (*getter)(void *data),
				  void **data);

/**
 * ioasid_free_handle() - ioasid_free() for one life of an IOASID.
 * @set: the set that owns the ID, or the root handle
 * @handle: the handle
 *
 * Context: as for ioasid_free(). (S4.7)
 * Return: as ioasid_free(); -ESTALE: the handle's life is over, and nothing was done.
 */
IOASID_API int ioasid_free_handle(struct ioasid_set *set, ioasid_handle_t handle);

/**
 * ioasid_wait_reclaimed() - Wait until an IOASID is reclaimed.
 * @pool: the pool
 * @id: the IOASID
 * @timeout_ns: how long at most, in nanoseconds; IOASID_FOREVER: no limit; 0: only look
 *
 * Returns at once for an ID that is FREE. If the number is handed out again before the caller runs, that
 * counts as reclaimed. (S3.5)
 *
 * In a pool without workers, or where no thread could be started, the caller does the library's own work
 * meanwhile, such as the teardown of bindings: a work item may wait although no other thread dispatches, and
 * the call may take longer than @timeout_ns by the deadline of a context. Work items and calls left to a
 * worker are not run: what only they would put is waited for in vain where nobody else runs them.
 *
 * Context: any thread, also in a work item; blocks; restricted: no.
 * Return: 0; -EINVAL: NULL; -ENOENT: an ID that cannot exist; -EBUSY: the ID is ACTIVE, so that nothing is to
 * be waited for; -ETIMEDOUT; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_wait_reclaimed(struct ioasid_pool *pool, ioasid_t id, uint64_t timeout_ns);

/**
 * ioasid_reclaim_fd() - Get a descriptor that becomes readable when an IOASID is reclaimed.
 * @pool: the pool
 * @id: the IOASID
 *
 * An eventfd, close-on-exec, which the caller closes. Readable at once for an ID that is FREE. (S3.5)
 *
 * Context: any thread; restricted: no.
 * Return: a file descriptor; -EINVAL: NULL; -ENOENT: an ID that cannot exist; -EBUSY: ACTIVE; -ENOMEM;
 * -EMFILE, -ENFILE; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_reclaim_fd(struct ioasid_pool *pool, ioasid_t id);

IOASID_END_DECLS
#endif
