/*
 * Custom allocators: where the numbers come from when the pool does not choose them itself (S8).
 *
 * State, storage, references and events stay with the library. A custom allocator is not trusted: what it
 * answers is checked.
 */
#ifndef IOASID_ALLOCATOR_H
#define IOASID_ALLOCATOR_H

#include <ioasid/types.h>

IOASID_BEGIN_DECLS

struct ioasid_context;

/* The callbacks of a custom allocator. They may block, may run in several threads at once, and must not call
 * the library. */
struct ioasid_allocator {
	/* Hand out a number in [min, max] through id; 0 or a negative errno, which becomes the answer of
	 * ioasid_alloc(). */
	int (*alloc)(void *context, ioasid_t min, ioasid_t max, ioasid_t *id);
	/* Take back a number that alloc handed out. */
	void (*free)(void *context, ioasid_t id);
	void *context;
};

/**
 * ioasid_register_allocator() - Put a custom allocator over the built-in one, or in line behind others.
 * @pool: the pool
 * @allocator: its callbacks; identified by its address; the caller's memory until it is unregistered
 *
 * Waits for allocations and frees in flight. (S8.1 to S8.3)
 *
 * Context: any thread; blocks; restricted: no.
 * Return: 0: active; 1: standing by in line; -EAGAIN: standing by, because IDs of the built-in allocator are
 * out, which must be reclaimed before it becomes active; -EEXIST: registered already; -EINVAL: NULL, or a
 * callback is missing; -ENOMEM; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_register_allocator(struct ioasid_pool *pool, const struct ioasid_allocator *allocator);

/**
 * ioasid_unregister_allocator() - Take a custom allocator away.
 * @pool: the pool
 * @allocator: the allocator
 *
 * The next in line, or the built-in one, takes over. Waits for allocations and frees in flight. (S8.3)
 *
 * Context: any thread; blocks; restricted: no.
 * Return: 0; -EINVAL: NULL; -ENOENT: not registered; -EBUSY: it is active and IDs of it are not reclaimed;
 * -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_unregister_allocator(struct ioasid_pool *pool, const struct ioasid_allocator *allocator);

/**
 * ioasid_register_context_allocator() - Let the IOMMU of a context hand out the numbers of a pool.
 * @pool: the pool
 * @context: an open context whose backend hands out IDs, as a virtual command interface does
 *
 * A custom allocator like others, and not trusted either: an ID that is not in the window is given back, one
 * that is out already never is, and both are reported and answered -EIO. A context serves one pool, because
 * only there it is known which are out. It stays in use until it is unregistered. (S8.1 to S8.4)
 *
 * Context: any thread; blocks; restricted: no.
 * Return: 0, 1, -EAGAIN: registered, as ioasid_register_allocator() says; -EINVAL: NULL; -EOPNOTSUPP: the
 * backend hands out no IDs; -EEXIST: registered already; -EBUSY: registered with another pool; -ENOMEM;
 * -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_register_context_allocator(struct ioasid_pool *pool, struct ioasid_context *context);

/**
 * ioasid_unregister_context_allocator() - Take a context's allocator away from a pool.
 * @pool: the pool
 * @context: the context
 *
 * Context: as for ioasid_unregister_allocator(). (S8.3)
 * Return: as ioasid_unregister_allocator().
 */
IOASID_API int ioasid_unregister_context_allocator(struct ioasid_pool *pool, struct ioasid_context *context);

IOASID_END_DECLS
#endif
