/*
 * Work queues and who runs them.
 *
 * A queue is a first-in-first-out list of items of which one runs at a time. Queues do not wait for each
 * other: a pool's executor starts another thread when an item is queued and none is idle. Without threads,
 * ioasid_pool_dispatch() runs them.
 */
#ifndef IOASID_WORK_PRIVATE_H
#define IOASID_WORK_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include <ioasid/work.h>

#include "libioasid/lock.h"

struct executor;
struct ioasid_set;

struct workq {
	struct executor *executor;
	struct ioasid_work *first, *last; /* under the executor's lock */
	struct workq *next;               /* in the executor's list of runnable queues */
	bool runnable;                    /* is in that list, or an item of it is running */
	bool running;
	struct ioasid_set *set;           /* kept in memory by each queued item; NULL: none */
	void *owned;                      /* freed when an item has run and none is queued: for queues of one job */
};

/* max_threads 0: no threads, a descriptor instead. 0 or -errno. */
int ioasid__executor_create(uint32_t max_threads, struct executor **executor);
/* Starts every thread that there may ever be, and waits until each has what it needs of the process. 0 or
 * -errno. */
int ioasid__executor_seal(struct executor *executor);
/* Waits until nothing is queued or running; without threads it runs what is queued. Not from a work item. */
void ioasid__executor_drain(struct executor *executor);
/* Ends the threads, frees. Nothing is queued. Not from a work item. */
void ioasid__executor_destroy(struct executor *executor);
/* The descriptor that is readable while something is queued; -EINVAL with threads. */
int ioasid__executor_fd(struct executor *executor);
/* Runs items until none is queued; the number of items. */
int ioasid__executor_dispatch(struct executor *executor);

void ioasid__workq_init(struct workq *q, struct executor *executor);
/* 0 or -EALREADY. Never blocks but for a short lock; any context. */
int ioasid__workq_queue(struct workq *q, struct ioasid_work *work);
/* Waits until what was queued before has run, running it itself where there are no threads. Not from a work
 * item. */
void ioasid__workq_flush(struct workq *q);
/* Is this thread inside a work item of any executor? */
bool ioasid__in_work(void);

#endif
