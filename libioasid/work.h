/*
 * Work queues and who runs them.
 *
 * A queue is a first-in-first-out list of items of which one runs at a time. Queues do not wait for each
 * other: a pool's executor starts another thread when an item is queued and none is idle. Without threads,
 * ioasid_pool_dispatch() runs them.
 *
 * Queues are of a class, and how many queues of a class may run at one time has a limit, so that what one
 * class waits for cannot be kept from running by that class. The functions of users are in the first two, and
 * may wait for the library's own work in the last two, which waits for no function of a user but handlers.
 */
#ifndef IOASID_WORK_PRIVATE_H
#define IOASID_WORK_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <ioasid/work.h>

#include "libioasid/lock.h"

struct executor;
struct ioasid_set;

enum work_class {
	WORK_ITEMS, /* sets' items: max_threads */
	WORK_CALLS, /* calls left to a worker, and what is called when data is detached or released: as many */
	WORK_CORE,  /* deaths of sets, completions: CORE_THREADS */
	WORK_LANES, /* teardown of a context's bindings: one for each lane */
	WORK_CLASSES,
};

#define CORE_THREADS 4u /* more than one, because the death of a set waits for its devices until a deadline */

/* The record of a thread. */
struct worker {
	struct worker *next; /* under the executor's lock */
	pthread_t thread;
};

struct workq {
	struct executor *executor;
	struct ioasid_work *last;         /* under the executor's lock: each item's priv[0] is the next, the last's the
					   * first */
	struct workq *next;               /* in the executor's list of runnable queues of its class */
	uint32_t ticket;                  /* when it came into the list: numbers that wrap */
	uint8_t class;                    /* enum work_class; constant */
	bool runnable;                    /* is in that list, or an item of it is running */
	bool running;
	bool is_job;                      /* of one job: `owner` is the memory that it is in */
	union {
		struct ioasid_set *set;   /* kept in memory by each queued item; NULL: none */
		void *job;                /* freed when an item has run and none is queued */
	} owner;
};

/* max_threads: of each of the users' classes; 0: no threads, a descriptor instead. 0 or -errno. */
int ioasid__executor_create(uint32_t max_threads, struct executor **executor);
/* There is a lane more: it may have a thread more, of which this is the record, unless the executor is
 * sealed. */
void ioasid__executor_grow(struct executor *executor, struct worker *worker);
/* Starts every thread that there may ever be, and waits until each has what it needs of the process. A lane
 * that comes later shares the others' threads. 0 or -errno. */
int ioasid__executor_seal(struct executor *executor);
/* Waits until nothing is queued or running; without threads it runs what is queued. Not from a work item. */
void ioasid__executor_drain(struct executor *executor);
/* Ends the threads, frees. Nothing is queued. Not from a work item. */
void ioasid__executor_destroy(struct executor *executor);
/* The descriptor that is readable while something is queued; -EINVAL with threads. */
int ioasid__executor_fd(struct executor *executor);
/* Runs items until none is queued; the number of items. */
int ioasid__executor_dispatch(struct executor *executor);

/*
 * For who waits for something that the library's own work may bring about. Asks for a number before it looks
 * whether it has to wait; then helps: runs one of the library's items if nobody else is going to, else
 * sleeps. 0: look again, -ETIMEDOUT; @until in ns of CLOCK_MONOTONIC, or IOASID_FOREVER. Who changes what is
 * waited for nudges.
 */
uint64_t ioasid__executor_nudges(struct executor *executor);
int ioasid__executor_help(struct executor *executor, uint64_t nudges, uint64_t until);
void ioasid__executor_nudge(struct executor *executor);

void ioasid__workq_init(struct workq *q, struct executor *executor, enum work_class class);
/* Each queued item keeps a set; NULL: none. */
static inline void workq_keep(struct workq *q, struct ioasid_set *set)
{
	q->is_job = false;
	q->owner.set = set;
}

/* The queue is in the memory of a job, that goes when the job is done. */
static inline void workq_own(struct workq *q, void *job)
{
	q->is_job = true;
	q->owner.job = job;
}

static inline struct ioasid_set *workq_set(const struct workq *q)
{
	return q->is_job ? NULL : q->owner.set;
}

/* 0 or -EALREADY. Never blocks but for a short lock; any context. */
int ioasid__workq_queue(struct workq *q, struct ioasid_work *work);
/* Waits until what was queued before has run, running it itself where there are no threads. Not from a work
 * item. */
void ioasid__workq_flush(struct workq *q);
/* Is this thread inside a work item of any executor? */
bool ioasid__in_work(void);

#endif
