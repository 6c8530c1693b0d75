/*
 * Work items: callbacks that run outside any handler (S7.10).
 */
#ifndef IOASID_WORK_H
#define IOASID_WORK_H

#include <ioasid/types.h>

IOASID_BEGIN_DECLS

/* A work item. The caller's memory, so that queueing cannot fail for want of it. Zero priv before the first
 * use. */
struct ioasid_work {
	void (*run)(void *context, struct ioasid_work *work);
	void *context;
	void *priv[4]; /* the library's while the item is queued */
};

/**
 * ioasid_queue_work() - Queue a work item on a set.
 * @set: the set, or a root handle
 * @work: the item; it may be queued again, or freed, from the moment that its function begins
 *
 * Items of one set run one at a time, first in first out. Sets do not wait for each other, as long as fewer
 * items block than max_workers of the pool's attributes allows to run at one time; so an item that waits for
 * another set's needs room for both. For the library's own work an item can always wait: that has threads of
 * its own, and in a pool without workers ioasid_wait_reclaimed() does it. What was done before is seen by the
 * item. (S7.10, S5.5)
 *
 * Context: any thread; never blocks; restricted: yes. A work item may call every function but
 * ioasid_flush_work(), ioasid_pool_dispatch() and ioasid_pool_destroy().
 * Return: 0; -EINVAL: NULL or no function; -EALREADY: it is queued; -EPERM.
 */
IOASID_API int ioasid_queue_work(struct ioasid_set *set, struct ioasid_work *work);

/**
 * ioasid_flush_work() - Wait until the items that were queued on a set before have run.
 * @set: the set, or a root handle for the items queued on that handle
 *
 * In a pool without workers it runs them itself.
 *
 * Context: any thread; blocks; restricted: no, nor from a work item. (S7.10)
 * Return: 0; -EINVAL: NULL; -EDEADLK; -EPERM.
 */
IOASID_API int ioasid_flush_work(struct ioasid_set *set);

IOASID_END_DECLS
#endif
