/*
 * Calls that wait for handlers, in a form that does not (S14.4).
 *
 * Each function checks what needs no waiting, then leaves the call to a worker, or to ioasid_pool_dispatch(),
 * and tells @done the answer that the call itself would have given. They may be made where the call itself
 * answers -EDEADLK: in handlers, getters and read sections. Each call waits in a queue of its own, so that
 * one which waits long delays no other; of two made one after the other either may come first.
 *
 * Others of this kind stand beside their call: ioasid_detach_data_async() in id.h.
 */
#ifndef IOASID_ASYNC_H
#define IOASID_ASYNC_H

#include <ioasid/notifier.h>
#include <ioasid/types.h>

IOASID_BEGIN_DECLS

/* What is told the answer of an asynchronous call, in a worker or in ioasid_pool_dispatch(); as free as a
 * work item. */
typedef void (*ioasid_done_t)(void *context, int result);

/**
 * ioasid_free_async() - ioasid_free() without waiting.
 * @set: the set that owns the ID, or the root handle
 * @id: the IOASID
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * The mark, too, comes later: when the worker makes the call.
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: 0: the call will be made; -EINVAL: NULL set; -ENOMEM: it will not; -EPERM.
 */
IOASID_API int ioasid_free_async(struct ioasid_set *set, ioasid_t id, ioasid_done_t done, void *context);

/**
 * ioasid_attach_spid_async() - ioasid_attach_spid() without waiting.
 * @set: the set that owns the ID
 * @id: the IOASID
 * @spid: the number
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: as ioasid_free_async().
 */
IOASID_API int ioasid_attach_spid_async(struct ioasid_set *set, ioasid_t id, ioasid_spid_t spid, ioasid_done_t done,
					void *context);

/**
 * ioasid_detach_spid_async() - ioasid_detach_spid() without waiting.
 * @set: the set that owns the ID
 * @id: the IOASID
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: as ioasid_free_async().
 */
IOASID_API int ioasid_detach_spid_async(struct ioasid_set *set, ioasid_t id, ioasid_done_t done, void *context);

/**
 * ioasid_set_reset_async() - ioasid_set_reset() without waiting.
 * @set: the set
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: as ioasid_free_async().
 */
IOASID_API int ioasid_set_reset_async(struct ioasid_set *set, ioasid_done_t done, void *context);

/**
 * ioasid_set_put_async() - ioasid_set_put() without waiting.
 * @set: the set; the caller's reference is the call's from here on
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S14.4)
 * Return: as ioasid_free_async(); on failure the reference is still the caller's.
 */
IOASID_API int ioasid_set_put_async(struct ioasid_set *set, ioasid_done_t done, void *context);

/**
 * ioasid_flush_work_async() - Be told when the items that were queued on a set before have run.
 * @set: the set, or a root handle
 * @done: told 0, as an item of the set's own queue
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S7.10, S14.4)
 * Return: as ioasid_free_async(); -EINVAL also: no @done.
 */
IOASID_API int ioasid_flush_work_async(struct ioasid_set *set, ioasid_done_t done, void *context);

/**
 * ioasid_register_notifier_async() - ioasid_register_notifier() without waiting.
 * @scope: a set, or a root handle
 * @block: the notifier block, to be kept from here on
 * @flags: 0 or IOASID_NOTIFIER_REPLAY
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S7.9, S14.4)
 * Return: as ioasid_free_async().
 */
IOASID_API int ioasid_register_notifier_async(struct ioasid_set *scope, const struct ioasid_notifier *block, uint32_t flags,
					      ioasid_done_t done, void *context);

/**
 * ioasid_register_notifier_token_async() - ioasid_register_notifier_token() without waiting.
 * @pool: the pool
 * @type: IOASID_SET_MM or IOASID_SET_OPAQUE
 * @token: the token
 * @block: the notifier block, to be kept from here on
 * @flags: 0 or IOASID_NOTIFIER_REPLAY
 * @done: told the answer; NULL: nobody
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S7.9, S14.4)
 * Return: as ioasid_free_async(), for a NULL pool.
 */
IOASID_API int ioasid_register_notifier_token_async(struct ioasid_pool *pool, uint32_t type, uint64_t token,
						    const struct ioasid_notifier *block, uint32_t flags,
						    ioasid_done_t done, void *context);

/**
 * ioasid_unregister_notifier_async() - ioasid_unregister_notifier() without waiting.
 * @scope: the set or root handle that the subscription was made with
 * @block: the notifier block, to be kept until @done is called
 * @done: told the answer, when no handler of the block runs or can start for this scope
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S7.8, S14.4)
 * Return: 0: @done will be called; -EINVAL: NULL; -ENOENT: not registered there; -ENOMEM; -EPERM.
 */
IOASID_API int ioasid_unregister_notifier_async(struct ioasid_set *scope, const struct ioasid_notifier *block,
						ioasid_done_t done, void *context);

/**
 * ioasid_unregister_notifier_token_async() - ioasid_unregister_notifier_token() without waiting.
 * @pool: the pool
 * @type: as at registration
 * @token: as at registration
 * @block: the notifier block, to be kept until @done is called
 * @done: told the answer, when no handler of the block runs or can start for this scope
 * @context: passed to @done
 *
 * Context: any thread; never blocks; restricted: yes. (S7.8, S14.4)
 * Return: as ioasid_unregister_notifier_async(); -EINVAL also: type NONE or token 0.
 */
IOASID_API int ioasid_unregister_notifier_token_async(struct ioasid_pool *pool, uint32_t type, uint64_t token,
						      const struct ioasid_notifier *block, ioasid_done_t done,
						      void *context);

IOASID_END_DECLS

#endif
